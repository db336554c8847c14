// Any text as an invite: what is taken encodes to the same letters, white space apart.
#include "davy/base/ensure.h"
#include "davy/sync/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct invite invite;
    char *text = malloc(size + 1);
    if (!text) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (invite_decode(text, &invite) == RC_OK) {
        struct buf again;
        buf_init(&again, 4096);
        enum rc rc = invite_encode(&invite, &again);
        ENSURE(rc == RC_OK);
        size_t at = 0;
        for (const char *letter = text; *letter; letter++) {
            if (!strchr(" \t\r\n", *letter)) {
                ENSURE(at < again.len && again.data[at] == (uint8_t)*letter);
                at++;
            }
        }
        ENSURE(at == again.len);
        buf_fini(&again);
    }
    free(text);
    return 0;
}
