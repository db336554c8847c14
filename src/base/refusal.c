#include "davy/base/refusal.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"

#include <string.h>

struct refusal_row {
    enum refusal_code code;
    const char *name;
};

static const struct refusal_row refusal_rows[] = {
#define REFUSAL_ROW(code, number, name) {code, name},
    REFUSAL_TABLE(REFUSAL_ROW)
#undef REFUSAL_ROW
};

const char *refusal_name(enum refusal_code code) {
    for (size_t i = 0; i < COUNT_OF(refusal_rows); i++) {
        if (refusal_rows[i].code == code) {
            return refusal_rows[i].name;
        }
    }
    return "unknown";
}

enum rc refusal_set(struct refusal *out, enum refusal_code code, const char *const args[]) {
    if (out == NULL) {
        return RC_REFUSED;
    }
    // The arguments may lie in the refusal that is being replaced.
    struct refusal refusal = {.code = code};
    for (size_t i = 0; args != NULL && i < LIMIT_REFUSAL_ARGS && args[i] != NULL; i++) {
        (void)text_clean(slice_text(args[i]), refusal.args[i], sizeof(refusal.args[i]));
    }
    *out = refusal;
    return RC_REFUSED;
}
