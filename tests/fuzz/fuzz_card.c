// Any text as a card or a pass: what is taken is written back with the same letters, white space
// apart.
#include "davy/base/ensure.h"
#include "davy/hub/card.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_letters(const char *text, const struct buf *again) {
    size_t at = 0;
    for (; *text; text++) {
        if (!strchr(" \t\r\n", *text)) {
            ENSURE(at < again->len && again->data[at] == (uint8_t)*text);
            at++;
        }
    }
    ENSURE(at == again->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tier_card card;
    struct tier_pass pass;
    struct refusal refusal = {0};
    struct buf again;
    char *text = malloc(size + 1);
    if (!text) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    buf_init(&again, 4096);
    if (tier_card_decode(text, &card, &refusal) == RC_OK) {
        enum rc rc = tier_card_encode(&card, &again);
        ENSURE(rc == RC_OK);
        same_letters(text, &again);
    } else if (tier_pass_decode(text, &pass, &refusal) == RC_OK) {
        enum rc rc = tier_pass_encode(&pass, &again);
        ENSURE(rc == RC_OK);
        same_letters(text, &again);
    } else {
        ENSURE(refusal.code != REFUSAL_NONE);
    }
    buf_fini(&again);
    free(text);
    return 0;
}
