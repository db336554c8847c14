// A record for the edges: one JSON line with every field by its table, and a text form for people.
// JSON is for reading and interchange; what is signed stays binary (content and signature travel in it
// as base64, so that a line verifies by itself).
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
// Appends one JSON object and no line end. Keys are stable; unknown fields appear under "unknown" with
// their tag. 64-bit numbers beyond 2^53, ids and hashes are strings; decimals are strings.
DAVY_MUST_USE enum rc export_json(const struct registry *registry, const struct export_item *item,
                                  struct buf *out);
// Appends several "name: value" lines.
DAVY_MUST_USE enum rc export_text(const struct registry *registry, const struct export_item *item,
                                  struct buf *out);
// JSON string escaping of clean or unclean text, with quotes.
void json_put_text(struct buf *out, struct slice text);

#endif
