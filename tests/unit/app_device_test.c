// device.ini and topics: what a folder knows of itself comes back exactly, or is refused by name.
#include "test_util.h"

#include "davy/app/device.h"
#include "davy/base/ensure.h"

#include <sys/stat.h>

static struct device_config sample(void) {
    struct device_config config = {.kind = DEVICE_CONSOLE,
                                   .name = "控制台 1",
                                   .broker = "127.0.0.1:1883",
                                   .account = "c1",
                                   .password = "a=b;c#d%20"};
    memset(config.site.id.b, 0x12, ID_BYTES);
    memset(config.device.id.b, 0x34, ID_BYTES);
    memset(config.author.id.b, 0x56, ID_BYTES);
    memset(config.author_random, 0x78, AUTHOR_RANDOM_BYTES);
    memset(config.hub_key.b, 0x9a, PUBLIC_KEY_BYTES);
    return config;
}

static void comes_back(void **state) {
    (void)state;
    static const char *const names[] = {"控制台 1", "a ; b",        " both ends ", "100 % \"x\"",
                                        "[x]",      "# no comment", "key = value", "; x"};
    char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES];
    test_folder_make(folder);
    test_path(folder, "device.ini", path);
    struct refusal refusal = {0};
    struct device_config read;
    assert_int_equal(device_config_load(folder, &read, &refusal), RC_NOT_FOUND);
    assert_int_equal(device_config_load("/nonexistent", &read, &refusal), RC_NOT_FOUND);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct device_config config = sample();
        snprintf(config.name, sizeof(config.name), "%s", names[i]);
        assert_int_equal(device_config_save(folder, &config), RC_OK);
        memset(&read, 0, sizeof(read));
        assert_int_equal(device_config_load(folder, &read, &refusal), RC_OK);
        assert_string_equal(read.name, names[i]);
        assert_string_equal(read.password, config.password);
        assert_string_equal(read.broker, config.broker);
        assert_int_equal(read.kind, DEVICE_CONSOLE);
        assert_memory_equal(&read.site, &config.site, ID_BYTES);
        assert_memory_equal(&read.device, &config.device, ID_BYTES);
        assert_memory_equal(&read.author, &config.author, ID_BYTES);
        assert_memory_equal(read.author_random, config.author_random, AUTHOR_RANDOM_BYTES);
        assert_memory_equal(&read.hub_key, &config.hub_key, PUBLIC_KEY_BYTES);
    }
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600); // it holds a password
    test_folder_remove(folder);
}

// The good file with one line changed.
static void write_changed(const char *path, const char *good, const char *from, const char *to) {
    const char *at = strstr(good, from);
    assert_non_null(at);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from)) > 0);
    assert_int_equal(fclose(file), 0);
}

static void faults_are_named(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *what;
    } rows[] = {
        {"kind = console", "kind = toaster", "[device] kind"},
        {"kind = console\n", "", "[device] kind"},
        {"kind = console", "kind = console\nkind = hub", "[device] kind"},
        {"site = 12", "site = zz", "[device] site"},
        {"site = 12", "site = 1212", "[device] site"},
        {"name = ", "name = \x1b[2J", "[device] name"},
        {"name = ", "name = %zz", "[device] name"},
        {"name = ", "name = %00", "[device] name"},
        {"[broker]", "[broker]\nsurprise = 1", "[broker] surprise"},
    };
    char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES], good[2048];
    test_folder_make(folder);
    test_path(folder, "device.ini", path);
    struct device_config config = sample(), read;
    assert_int_equal(device_config_save(folder, &config), RC_OK);
    FILE *file = fopen(path, "re");
    size_t len = fread(good, 1, sizeof(good) - 1, file);
    good[len] = '\0';
    fclose(file);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct refusal refusal = {0};
        write_changed(path, good, rows[i].from, rows[i].to);
        assert_int_equal(device_config_load(folder, &read, &refusal), RC_REFUSED);
        assert_int_equal(refusal.code, REFUSAL_FILE_LINE);
        assert_non_null(strstr(refusal.args[0], "device.ini"));
        assert_string_equal(refusal.args[1], rows[i].what);
    }
    test_folder_remove(folder);
}

static void topics(void **state) {
    (void)state;
    struct site_id site = {{{0xab, 0xcd, 0x01, 0x23, 0xff}}};
    char topic[TOPIC_BYTES];
    topic_up(site, "c1", topic);
    assert_string_equal(topic, "davy/abcd0123/u/c1");
    topic_down(site, "c1", topic);
    assert_string_equal(topic, "davy/abcd0123/d/c1");
    topic_join_up(site, "c1", topic);
    assert_string_equal(topic, "davy/abcd0123/j/c1/u");
    topic_join_down(site, "c1", topic);
    assert_string_equal(topic, "davy/abcd0123/j/c1/d");
    topic_digest(site, topic);
    assert_memory_equal(topic, "davy/abcd0123/v/", 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
