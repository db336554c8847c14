#include "davy/base/text.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

#define MARKS_MAX 4 // combining marks on one base; more pile up over other lines

enum unsafe_kind {
    UNSAFE_SPACE,       // becomes a space
    UNSAFE_DROP,        // vanishes
    UNSAFE_REPLACEMENT, // becomes U+FFFD
};

struct unsafe_range {
    uint32_t first;
    uint32_t last;
    enum unsafe_kind kind;
};

// Controls, line separators, and every default-ignorable code point of Unicode: what a reader
// cannot see must not make two texts differ, reorder a line or fake a row. In order, for the
// search.
static const struct unsafe_range unsafe_ranges[] = {
    {0x0000, 0x001F, UNSAFE_SPACE},       // C0 controls
    {0x007F, 0x009F, UNSAFE_SPACE},       // DEL, C1 controls
    {0x00AD, 0x00AD, UNSAFE_DROP},        // soft hyphen
    {0x034F, 0x034F, UNSAFE_DROP},        // grapheme joiner
    {0x061C, 0x061C, UNSAFE_DROP},        // Arabic letter mark
    {0x115F, 0x1160, UNSAFE_DROP},        // Hangul fillers
    {0x17B4, 0x17B5, UNSAFE_DROP},        // Khmer inherent vowels
    {0x180B, 0x180F, UNSAFE_DROP},        // Mongolian selectors
    {0x200B, 0x200F, UNSAFE_DROP},        // zero width, joiners, direction marks
    {0x2028, 0x2029, UNSAFE_SPACE},       // line and paragraph separators
    {0x202A, 0x202E, UNSAFE_DROP},        // bidi embeddings and overrides
    {0x2060, 0x206F, UNSAFE_DROP},        // word joiner, invisible operators, bidi isolates
    {0x3164, 0x3164, UNSAFE_DROP},        // Hangul filler
    {0xFDD0, 0xFDEF, UNSAFE_REPLACEMENT}, // noncharacters
    {0xFE00, 0xFE0F, UNSAFE_DROP},        // variation selectors
    {0xFEFF, 0xFEFF, UNSAFE_DROP},        // byte order mark
    {0xFFA0, 0xFFA0, UNSAFE_DROP},        // half-width Hangul filler
    {0xFFF0, 0xFFFB, UNSAFE_DROP},        // interlinear annotation
    {0xFFFE, 0xFFFF, UNSAFE_REPLACEMENT}, // noncharacters
    {0x1BCA0, 0x1BCA3, UNSAFE_DROP},      // shorthand controls
    {0x1D173, 0x1D17A, UNSAFE_DROP},      // musical controls
    {0xE0000, 0xE0FFF, UNSAFE_DROP},      // tags, more variation selectors
};

static const struct unsafe_range *unsafe_find(uint32_t code_point) {
    if (code_point >= 0x20 && code_point < 0x7F) {
        return NULL;
    }
    static const struct unsafe_range plane_end = {0, 0, UNSAFE_REPLACEMENT};
    size_t low = 0;
    size_t high = COUNT_OF(unsafe_ranges);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code_point > unsafe_ranges[middle].last) {
            low = middle + 1;
        } else if (code_point < unsafe_ranges[middle].first) {
            high = middle;
        } else {
            return &unsafe_ranges[middle];
        }
    }
    // The last two code points of every plane are noncharacters; beyond U+10FFFF there is nothing.
    bool outside = (code_point & 0xFFFE) == 0xFFFE || code_point > 0x10FFFF;
    bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    return outside || surrogate ? &plane_end : NULL;
}

bool text_is_unsafe(uint32_t code_point) {
    return unsafe_find(code_point) != NULL;
}

struct utf8_form {
    uint8_t lead_first;
    uint8_t lead_last;
    uint8_t second_first; // narrower than 80..BF where a longer form, a surrogate or more than
    uint8_t second_last;  // U+10FFFF would follow
    uint8_t more;         // bytes behind the lead
    uint8_t lead_mask;
};

// Unicode, table 3-7: well-formed UTF-8.
static const struct utf8_form utf8_forms[] = {
    {0x00, 0x7F, 0x80, 0xBF, 0, 0x7F}, {0xC2, 0xDF, 0x80, 0xBF, 1, 0x1F},
    {0xE0, 0xE0, 0xA0, 0xBF, 2, 0x0F}, {0xE1, 0xEC, 0x80, 0xBF, 2, 0x0F},
    {0xED, 0xED, 0x80, 0x9F, 2, 0x0F}, {0xEE, 0xEF, 0x80, 0xBF, 2, 0x0F},
    {0xF0, 0xF0, 0x90, 0xBF, 3, 0x07}, {0xF1, 0xF3, 0x80, 0xBF, 3, 0x07},
    {0xF4, 0xF4, 0x80, 0x8F, 3, 0x07},
};

static const struct utf8_form *utf8_form_of(uint8_t lead) {
    for (size_t i = 0; i < COUNT_OF(utf8_forms); i++) {
        if (lead >= utf8_forms[i].lead_first && lead <= utf8_forms[i].lead_last) {
            return &utf8_forms[i];
        }
    }
    return NULL;
}

// Decodes one code point before `end` and moves on; false for invalid bytes, of which the longest
// prefix of a character is taken at once. There must be at least one byte.
static bool utf8_decode(const char **inout_at, const char *end, uint32_t *out_code_point) {
    const uint8_t *at = (const uint8_t *)*inout_at;
    const uint8_t *stop = (const uint8_t *)end;
    const struct utf8_form *form = utf8_form_of(*at);
    if (form == NULL) {
        *inout_at += 1;
        return false;
    }
    uint32_t code_point = *at++ & form->lead_mask;
    for (unsigned i = 0; i < form->more; i++, at++) {
        uint8_t first = i == 0 ? form->second_first : 0x80;
        uint8_t last = i == 0 ? form->second_last : 0xBF;
        if (at == stop || *at < first || *at > last) {
            *inout_at = (const char *)at;
            return false;
        }
        code_point = code_point << 6 | (*at & 0x3Fu);
    }
    *inout_at = (const char *)at;
    *out_code_point = code_point;
    return true;
}

uint32_t text_next(const char **inout_at, const char *end) {
    if (*inout_at >= end) {
        return 0;
    }
    uint32_t code_point = TEXT_REPLACEMENT;
    // A NUL inside a text is no end of it.
    if (!utf8_decode(inout_at, end, &code_point) || code_point == 0) {
        return TEXT_REPLACEMENT;
    }
    return code_point;
}

size_t text_put(uint32_t code_point, char out_utf8[static 4]) {
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) {
        code_point = TEXT_REPLACEMENT;
    }
    if (code_point < 0x80) {
        out_utf8[0] = (char)code_point;
        return 1;
    }
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out_utf8[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out_utf8[0] = (char)(leads[len] | code_point);
    return len;
}

bool text_is_valid(struct slice text) {
    const char *at = (const char *)text.data;
    const char *end = text.len == 0 ? at : at + text.len;
    while (at < end) {
        uint32_t code_point = 0;
        // A text ends with NUL, so it cannot hold one.
        if (!utf8_decode(&at, end, &code_point) || code_point == 0) {
            return false;
        }
    }
    return true;
}

// Marks that take no cell of their own: they pile up on the character before.
static bool is_mark(uint32_t code_point) {
    if (code_point < 0x300) {
        return false;
    }
    // Hangul vowels and finals join to the syllable before.
    if ((code_point >= 0x1160 && code_point <= 0x11FF) ||
        (code_point >= 0xD7B0 && code_point <= 0xD7FF)) {
        return true;
    }
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code_point);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME;
}

// What text_clean() makes of one code point: the same, another, or 0 for nothing.
static uint32_t clean_code_point(uint32_t code_point, unsigned *inout_marks) {
    const struct unsafe_range *unsafe = unsafe_find(code_point);
    if (unsafe != NULL) {
        if (unsafe->kind == UNSAFE_DROP) {
            return 0;
        }
        *inout_marks = 0;
        return unsafe->kind == UNSAFE_SPACE ? ' ' : TEXT_REPLACEMENT;
    }
    if (!is_mark(code_point)) {
        *inout_marks = 0;
        return code_point;
    }
    if (*inout_marks == MARKS_MAX) {
        return 0;
    }
    *inout_marks += 1;
    return code_point;
}

bool text_clean(struct slice text, char *out, size_t out_bytes) {
    ENSURE(out_bytes > 0);
    const char *at = (const char *)text.data;
    const char *end = text.len == 0 ? at : at + text.len;
    bool changed = false;
    unsigned marks = 0;
    size_t len = 0;
    while (at < end) {
        uint32_t code_point = 0;
        bool valid = utf8_decode(&at, end, &code_point);
        uint32_t clean = clean_code_point(valid ? code_point : TEXT_REPLACEMENT, &marks);
        changed = changed || !valid || clean != code_point;
        if (clean == 0) {
            continue;
        }
        char utf8[4];
        size_t bytes = text_put(clean, utf8);
        if (bytes > out_bytes - 1 - len) {
            changed = true;
            break;
        }
        memcpy(out + len, utf8, bytes);
        len += bytes;
    }
    out[len] = '\0';
    return changed;
}

enum rc text_check(struct slice text, size_t max_bytes) {
    if (text.len > max_bytes) {
        return RC_TOO_LARGE;
    }
    const char *at = (const char *)text.data;
    const char *end = text.len == 0 ? at : at + text.len;
    unsigned marks = 0;
    while (at < end) {
        uint32_t code_point = 0;
        if (!utf8_decode(&at, end, &code_point) || code_point == 0 ||
            clean_code_point(code_point, &marks) != code_point) {
            return RC_INVALID;
        }
    }
    return RC_OK;
}

static int code_point_cols(uint32_t code_point) {
    if (code_point >= 0x20 && code_point < 0x7F) {
        return 1;
    }
    int cols = wcwidth((wchar_t)code_point);
    if (cols >= 0) {
        return cols;
    }
    // Without a UTF-8 locale wcwidth() knows no hanzi either; then the tables of utf8proc serve.
    bool hanzi_known = wcwidth((wchar_t)0x4E2D) > 0;
    return hanzi_known ? 1 : utf8proc_charwidth((utf8proc_int32_t)code_point);
}

int text_cols(const char *text) {
    int cols = 0;
    (void)text_fit(text, INT32_MAX, &cols);
    return cols;
}

size_t text_fit(const char *text, int cols, int *out_cols) {
    const char *end = text + strlen(text);
    const char *at = text;
    const char *fitted = text;
    int used = 0;
    while (at < end && cols > 0) {
        int next = code_point_cols(text_next(&at, end));
        if (next > cols - used) {
            break;
        }
        used += next;
        fitted = at;
    }
    *out_cols = used;
    return (size_t)(fitted - text);
}

enum rc text_fold(const char *text, char *out, size_t out_bytes) {
    ENSURE(out_bytes > 0);
    // No character shrinks to less than a quarter, so that such a text cannot fit and need not be
    // folded to know it.
    size_t text_bytes = strlen(text);
    if (text_bytes / 8 > out_bytes) {
        return RC_TOO_LARGE;
    }
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t len =
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)text_bytes, &folded,
                     UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE);
    if (len < 0) {
        return len == UTF8PROC_ERROR_NOMEM ? RC_NO_MEMORY : RC_INVALID;
    }
    enum rc rc = RC_TOO_LARGE;
    if ((size_t)len < out_bytes) {
        memcpy(out, folded, (size_t)len);
        out[len] = '\0';
        rc = RC_OK;
    }
    free(folded);
    return rc;
}
