// Any bytes as text: what text_clean() makes passes text_check() and stays the same when cleaned
// again; text_check() passes exactly what text_clean() leaves alone; widths add up.
#include "davy/base/ensure.h"
#include "davy/base/text.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_width(const char *text) {
    int all = text_cols(text);
    for (int cols = 0; cols <= 20; cols++) {
        int used = -1;
        size_t bytes = text_fit(text, cols, &used);
        ENSURE(used >= 0 && used <= cols && bytes <= strlen(text));
        ENSURE(text_is_valid(slice_of(text, bytes)));
        ENSURE(bytes == strlen(text) ? used == all : cols == 0 || used >= cols - 1);
    }
}

static void check_cut(struct slice text, const char *whole) {
    char cut[10];
    (void)text_clean(text, cut, sizeof(cut));
    ENSURE(strncmp(cut, whole, strlen(cut)) == 0);
    ENSURE(text_is_valid(slice_text(cut)));
}

static void check_fold(const char *text) {
    char small[24];
    enum rc rc = text_fold(text, small, sizeof(small));
    ENSURE(rc == RC_OK || rc == RC_TOO_LARGE);
    char again[24];
    if (rc == RC_OK && text_fold(small, again, sizeof(again)) == RC_OK) {
        ENSURE(strcmp(small, again) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    ENSURE(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
    struct slice text = slice_of(data, len);
    size_t out_bytes = 3 * len + 1;
    char *clean = malloc(out_bytes);
    char *again = malloc(out_bytes);
    ENSURE(clean != NULL && again != NULL);
    bool changed = text_clean(text, clean, out_bytes);
    ENSURE(changed == (text_check(text, len) != RC_OK));
    ENSURE(text_check(slice_text(clean), out_bytes) == RC_OK);
    ENSURE(!text_clean(slice_text(clean), again, out_bytes));
    ENSURE(strcmp(clean, again) == 0);
    ENSURE(changed || slice_equal(text, slice_text(clean)));
    check_width(clean);
    check_cut(text, clean);
    check_fold(clean);
    free(clean);
    free(again);
    return 0;
}
