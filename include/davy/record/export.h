// A record for the edges: one JSON line with every field by its table, and a text form for people.
// JSON is for reading and interchange; what is signed stays binary (content and signature travel in
// it as base64, so that a line verifies by itself).
#ifndef DAVY_RECORD_EXPORT_H
#define DAVY_RECORD_EXPORT_H

#include "davy/record/module.h"

struct export_item {
    struct slice content;
    const struct signature *sig; // NULL if sealed only
    struct place place;
    enum verdict verdict;
    uint16_t rule;
    uint64_t n;
};
// Appends one JSON object and no line end. Keys and their order are stable; zero ids are null;
// unknown fields appear under "unknown" with their tag. Whole numbers beyond 2^53, ids, hashes,
// bytes (hex) and decimals are strings. A body that breaks off is shown as far as it reads, with
// "body_error". Fails only as content_decode does, or if the buffer is full.
DAVY_MUST_USE enum rc export_json(const struct registry *registry, const struct export_item *item,
                                  struct buf *out);
// Appends several "name: value" lines of clean text. Fails as export_json does.
DAVY_MUST_USE enum rc export_text(const struct registry *registry, const struct export_item *item,
                                  struct buf *out);
// JSON string escaping of clean or unclean text, with quotes: the result is valid UTF-8 without
// controls; invalid bytes become U+FFFD, invisible and direction marks are escaped.
void json_put_text(struct buf *out, struct slice text);
// A JSON number, or a string beyond 2^53.
void json_put_uint(struct buf *out, uint64_t value);
void json_put_int(struct buf *out, int64_t value);
// Base64 with padding, in quotes.
void json_put_base64(struct buf *out, struct slice bytes);
void buf_put_hex(struct buf *out, const void *data, size_t len);

const char *verdict_name(enum verdict verdict); // "accepted"
const char *audience_name(uint8_t audience);    // "site"; "none"
const char *effect_name(enum effect effect);    // "fact"

#define UTC_TEXT_BYTES 25
// "2026-11-24T16:30:00.123Z"; times outside the years 0 to 9999 show the nearest year's end.
void utc_format(struct utc_ms time, char out_text[static UTC_TEXT_BYTES]);
// YYYY-MM-DDThh:mm:ss[.fraction](Z|+hh:mm|-hh:mm), a fraction of 1 to 9 digits, cut to
// milliseconds. RC_INVALID.
DAVY_MUST_USE enum rc utc_parse(const char *text, struct utc_ms *out_time);

#endif
