// Text from outside is bytes until text_clean() has made it valid UTF-8 without controls, bidi
// overrides or zero-width marks. Width is counted only by text_cols().
//
// Width comes from the C library's wcwidth(), the same that ncurses uses, so that layout and screen
// agree; a code point that wcwidth() does not know counts as U+FFFD.
#ifndef DAVY_BASE_TEXT_H
#define DAVY_BASE_TEXT_H

#include "davy/base/bytes.h"
#include <stdbool.h>

#define TEXT_REPLACEMENT 0xFFFDu

// Decodes one code point; *inout_at moves on by at least one byte. Invalid bytes give
// TEXT_REPLACEMENT. Returns 0 only at the end.
uint32_t text_next(const char **inout_at, const char *end);
// Writes 1-4 bytes, returns how many.
size_t text_put(uint32_t code_point, char out_utf8[static 4]);
bool text_is_valid(struct slice text);
// True for what text_clean() replaces or drops.
bool text_is_unsafe(uint32_t code_point);

// Copies text into out (NUL-terminated, cut at a character's boundary), replacing invalid bytes by
// U+FFFD, controls and line separators by a space, and dropping bidi and zero-width marks, tags and
// the fifth and later combining mark. Returns true if anything was changed or cut.
bool text_clean(struct slice text, char *out, size_t out_bytes);

// Terminal columns of NUL-terminated clean text.
int text_cols(const char *text);
// Bytes of the longest prefix that fits into cols columns; *out_cols gets its columns.
size_t text_fit(const char *text, int cols, int *out_cols);

// Strict check for text that goes into records and configuration: valid UTF-8, nothing unsafe, not
// longer than max bytes. RC_INVALID or RC_TOO_LARGE.
DAVY_MUST_USE enum rc text_check(struct slice text, size_t max_bytes);

// NFKC folding of full-width digits, letters and spaces typed by an input method, for number and
// code fields. RC_TOO_LARGE if it does not fit, RC_INVALID for bytes that are not UTF-8.
DAVY_MUST_USE enum rc text_fold(const char *text, char *out, size_t out_bytes);

#endif
