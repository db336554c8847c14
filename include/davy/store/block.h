// Column blocks of history: N readings of one tag as a few bytes a reading.
//
// Layout: version, flags, count, packed length, then the columns (zstd where that is smaller):
// times as delta of delta, values as scaled integers where every value comes back exactly and
// otherwise as shuffled XOR of the bits, qualities run-length. Every double comes back bit by bit,
// also -0.0; values that are not finite are refused. Order of times is kept, whatever it is.
//
// min, max and last go beside the block into the row, so that a trend of a month reads no block.
// Decoding is strict and bounded: lengths are checked before anything is inflated.
#ifndef DAVY_STORE_BLOCK_H
#define DAVY_STORE_BLOCK_H

#include "davy/base/bytes.h"
#include "davy/base/id.h"
#include "davy/base/limits.h"

// Largest block of LIMIT_HISTORY_BLOCK_READINGS readings, packed or not.
#define BLOCK_BYTES_MAX (64 + LIMIT_HISTORY_BLOCK_READINGS * 24)

// Qualities as stored; the low two bits are the class, the rest is the source's class.
enum block_quality { BLOCK_GOOD = 0, BLOCK_UNCERTAIN = 1, BLOCK_BAD = 2 };
#define BLOCK_QUALITY_MASK 3

// Columns of equal length; borrowed.
struct block_columns {
    const int64_t *times; // UTC ms
    const double *values;
    const uint8_t *qualities;
    uint32_t count; // 1 .. LIMIT_HISTORY_BLOCK_READINGS
};

struct block_summary {
    uint32_t count;
    uint32_t usable_count; // readings that are not bad; min and max are 0 if none is
    int64_t first_ms;      // smallest and largest time
    int64_t last_ms;
    double min; // of the usable readings
    double max;
    double last; // value and quality at last_ms (the later in order of two)
    uint8_t last_quality;
};

// Contexts and scratch memory of one thread.
struct block_codec;
DAVY_MUST_USE enum rc block_codec_new(struct block_codec **out_codec);
void block_codec_free(struct block_codec *codec);

// Appends one block to out. RC_INVALID for no reading or a value that is not finite, RC_TOO_LARGE.
DAVY_MUST_USE enum rc block_encode(struct block_codec *codec, const struct block_columns *columns,
                                   struct buf *out, struct block_summary *out_summary);
// Arrays have room for cap readings; RC_TOO_LARGE if the block holds more. RC_CORRUPT for bytes
// that are no block, RC_UNSUPPORTED for a later version; arrays may then hold rubbish.
DAVY_MUST_USE enum rc block_decode(struct block_codec *codec, struct slice block,
                                   int64_t *out_times, double *out_values, uint8_t *out_qualities,
                                   uint32_t cap, uint32_t *out_count);
// The summary of columns that are in memory.
void block_summarise(const struct block_columns *columns, struct block_summary *out_summary);

#endif
