// The texts between two hubs: read back as written, every slip of the hand seen, kinds kept apart.
#include "davy/hub/card.h"

#include "test_util.h"

static const struct tier_card card = {
    .site = {{{0xA1, 2, 3}}}, .hub_key = {{0xB2, 5, 6}}, .name = "企业 Enterprise"};

static struct tier_pass pass_of(void) {
    return (struct tier_pass){.parent = {.site = {{{0xC1}}}, .hub_key = {{0xC2}}, .name = "园区"},
                              .child = card.site,
                              .device = {{{0xD1, 9}}},
                              .broker = "psk:10.0.0.5:8884",
                              .account = "child-a1020300",
                              .password = "0123456789abcdef"};
}

static void put_text(const struct tier_card *from, char *out, size_t size) {
    struct buf text;
    buf_init(&text, size);
    assert_int_equal(tier_card_encode(from, &text), RC_OK);
    (void)snprintf(out, size, "%s", buf_cstr(&text));
    buf_fini(&text);
}

static enum refusal_code card_refusal(const char *text) {
    struct refusal refusal = {0};
    struct tier_card untouched = {.name = "untouched"};
    enum rc rc = tier_card_decode(text, &untouched, &refusal);
    assert_true(rc == RC_OK || rc == RC_REFUSED);
    if (rc == RC_REFUSED) {
        assert_string_equal(untouched.name, "untouched");
    }
    return refusal.code;
}

static void a_card_is_read_back(void **state) {
    (void)state;
    char text[1200];
    struct tier_card read;
    put_text(&card, text, sizeof text);
    assert_int_equal(strncmp(text, TIER_CARD_PREFIX, 6), 0);
    assert_int_equal(tier_card_decode(text, &read, NULL), RC_OK);
    assert_memory_equal(&read.site, &card.site, sizeof card.site);
    assert_memory_equal(&read.hub_key, &card.hub_key, sizeof card.hub_key);
    assert_string_equal(read.name, card.name);
    // In several lines, as a mail program breaks them.
    char broken[1300];
    (void)snprintf(broken, sizeof broken, "  %.40s\r\n\t%s\n", text, text + 40);
    assert_int_equal(tier_card_decode(broken, &read, NULL), RC_OK);
}

static void a_pass_is_read_back(void **state) {
    (void)state;
    struct tier_pass pass = pass_of();
    struct tier_pass read;
    struct tier_card none;
    struct refusal refusal = {0};
    struct buf text;
    buf_init(&text, 1200);
    assert_int_equal(tier_pass_encode(&pass, &text), RC_OK);
    assert_int_equal(tier_pass_decode(buf_cstr(&text), &read, NULL), RC_OK);
    assert_string_equal(read.parent.name, "园区");
    assert_true(id16_equal(read.parent.site.id, pass.parent.site.id));
    assert_true(id16_equal(read.child.id, card.site.id));
    assert_true(rid_equal(read.device, pass.device));
    assert_string_equal(read.broker, pass.broker);
    assert_string_equal(read.account, pass.account);
    assert_string_equal(read.password, pass.password);
    assert_int_equal(tier_card_decode(buf_cstr(&text), &none, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_CARD_OTHER);
    assert_string_equal(refusal.args[0], TIER_CARD_PREFIX);
    buf_fini(&text);
}

// Each letter changed, left out, doubled or changed with its neighbour.
static void every_slip_is_seen(void **state) {
    (void)state;
    char text[1200];
    put_text(&card, text, sizeof text);
    size_t len = strlen(text);
    for (size_t i = strlen(TIER_CARD_PREFIX); i < len; i++) {
        char wrong[1202];
        (void)snprintf(wrong, sizeof wrong, "%s", text);
        wrong[i] = text[i] == 'A' ? 'B' : 'A';
        assert_int_equal(card_refusal(wrong), REFUSAL_CARD);
        (void)snprintf(wrong, sizeof wrong, "%.*s%s", (int)i, text, text + i + 1);
        assert_int_equal(card_refusal(wrong), REFUSAL_CARD);
        (void)snprintf(wrong, sizeof wrong, "%.*s%c%s", (int)i, text, text[i], text + i);
        assert_int_equal(card_refusal(wrong), REFUSAL_CARD);
        (void)snprintf(wrong, sizeof wrong, "%.*s", (int)i, text);
        assert_int_equal(card_refusal(wrong), REFUSAL_CARD);
        if (text[i + 1] != '\0' && text[i] != text[i + 1]) {
            (void)snprintf(wrong, sizeof wrong, "%s", text);
            wrong[i] = text[i + 1];
            wrong[i + 1] = text[i];
            assert_int_equal(card_refusal(wrong), REFUSAL_CARD);
        }
    }
}

static void other_texts_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum refusal_code code;
    } rows[] = {
        {"", REFUSAL_CARD},
        {"DAVYC-", REFUSAL_CARD},
        {"DAVYC-AAAA", REFUSAL_CARD},
        {"DAVYC-aaaa", REFUSAL_CARD},
        {"hello", REFUSAL_CARD},
        {"DAVYP-AAAA", REFUSAL_CARD_OTHER},
        {"DAVY1-AAAA", REFUSAL_CARD_OTHER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(card_refusal(rows[i].text), rows[i].code);
    }
}

int main(void) {
    assert_int_equal(keys_init(), RC_OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_is_read_back),
        cmocka_unit_test(a_pass_is_read_back),
        cmocka_unit_test(every_slip_is_seen),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
