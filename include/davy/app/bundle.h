// Bundles: frames of sync in a file, for places that no line reaches and for auditors.
//
// A device writes its own records for the hub (BATCH), a hub or any copy of its log writes the log
// (FEED), each body as on the wire, so that what reads them is the code that reads the wire. Seals
// and signatures inside prove what the frames say, as ever; the device that exports signs around
// them, so that damage, a missing end and a stranger's file are known before anything is taken.
// scripts/verify-bundle reads the same file with nothing of Davy's code.
//
// FILE    header | frames | end, nothing behind. Integers little-endian.
// header  "DAVYBNDL" | u8 version 1 | u8 0 | u16 count | 16 site | 16 device | 32 device key |
//         u64 time ms | 16 random | count x (16 author, 16 author random, 32 key that seals) |
//         64 signature of "davy/bundle/1" and all header bytes before it
//         An author is H(key, random) as in record.h.
// frame   u32 length | the frame as in sync/frame.h, signed by the device's key, never compressed.
//         BATCH (up) or FEED (down); its session is the place of the body's author in the header's
//         list, its number counts up from 1.
// end     u32 0 | u32 frames | 64 signature of "davy/bundle-end/1", the u32 and BLAKE2b-256 of all
//         bytes before the end
#ifndef DAVY_APP_BUNDLE_H
#define DAVY_APP_BUNDLE_H

#include "davy/app/app.h"
#include "davy/sync/frame.h"

#include <stdio.h>

struct bundle_author {
    struct author_id author;
    uint8_t random[AUTHOR_RANDOM_BYTES];
    struct public_key key;
};
struct bundle_head {
    struct site_id site;
    struct rid device; // that exported
    struct public_key key;
    struct utc_ms time;
    uint8_t random[16];
    uint16_t author_count;
    struct bundle_author authors[LIMIT_BUNDLE_AUTHORS];
};
#define BUNDLE_MAGIC "DAVYBNDL"
#define BUNDLE_HEAD_BYTES_MAX (8 + 2 + 2 + 16 + 16 + 32 + 8 + 16 + LIMIT_BUNDLE_AUTHORS * 64 + 64)
DAVY_MUST_USE enum rc bundle_head_encode(const struct bundle_head *head,
                                         const struct keypair *device, struct buf *out);
// Signature and authors are checked; who the device is, is not. RC_INVALID, RC_TRUNCATED,
// RC_TOO_LARGE, RC_UNSUPPORTED (version), RC_BAD_SIGNATURE.
DAVY_MUST_USE enum rc bundle_head_decode(const struct keys_scheme *scheme, struct slice bytes,
                                         struct bundle_head *out_head);

// One frame of a bundle.
struct bundle_part {
    const struct bundle_author *author;
    enum frame_type type; // FRAME_BATCH or FRAME_FEED
    uint32_t number;
    uint64_t at;        // byte in the file
    struct slice frame; // with header and proof; borrowed until the next part
    struct slice body;
};
// A frame that stands alone with its bundle's header (on the control socket). RC_INVALID,
// RC_TRUNCATED, RC_TOO_LARGE, RC_UNSUPPORTED, RC_BAD_SIGNATURE.
DAVY_MUST_USE enum rc bundle_part_open(const struct keys_scheme *scheme,
                                       const struct bundle_head *head, struct slice frame,
                                       struct bundle_part *out_part);

// Reads a bundle part by part; memory for one part. Zeroed memory may be closed.
struct bundle_reader {
    FILE *file; // borrowed
    const struct keys_scheme *scheme;
    struct bundle_head head;
    struct buf head_bytes; // as they stand
    struct buf frame;
    struct hasher hasher;
    uint64_t at;
    uint32_t count; // frames so far
};
// Reads the header from the file's beginning. RC_REFUSED with BUNDLE (byte, rc_name of why); RC_IO,
// RC_NO_MEMORY.
DAVY_MUST_USE enum rc bundle_reader_open(struct bundle_reader *reader, FILE *file,
                                         const struct keys_scheme *scheme,
                                         struct refusal *out_refusal);
void bundle_reader_close(struct bundle_reader *reader);
// RC_NOT_FOUND after the last part, once the end was verified; RC_REFUSED as above; RC_NO_MEMORY.
DAVY_MUST_USE enum rc bundle_reader_next(struct bundle_reader *reader, struct bundle_part *out_part,
                                         struct refusal *out_refusal);
// Always RC_REFUSED: BUNDLE at that byte.
enum rc bundle_refuse(uint64_t at, enum rc why, struct refusal *out_refusal);

// How far something long has come; may be NULL.
struct bundle_progress {
    void (*step)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

// ---- Export ----
struct bundle_choice {
    bool all;         // a device: own chains from their beginning, and its copy of the log
    bool one;         // only one chain of each author
    uint8_t lane;     // with `one`
    uint8_t audience; // with `one`
    uint64_t from;    // first place; 0: what the hub is not known to hold (all of a log)
};
struct bundle_report {
    uint32_t frames;
    uint32_t records; // accepted or refused anew, on import; entries, on export
    uint32_t known;   // frames that were held
    uint32_t other;   // frames that are not for this kind of device
    uint64_t bytes;
};
// Writes a whole bundle of this device; the caller syncs and closes the file. RC_REFUSED: NOTHING
// (there is nothing to export), TOO_LARGE. RC_IO, RC_FULL: the file is not whole.
DAVY_MUST_USE enum rc app_export(struct app *app, const struct bundle_choice *choice, FILE *out,
                                 const struct bundle_progress *progress, struct moment now,
                                 struct bundle_report *out_report, struct refusal *out_refusal);

// ---- Import ----
// Reads the whole file and trusts its writer: this site, an enrolled device (or the hub that the
// invite named), every frame and the end. Nothing is taken. RC_REFUSED: BUNDLE, BUNDLE_SIGNER,
// WRONG_SITE, NOTHING (no frame for this kind of device).
DAVY_MUST_USE enum rc app_import_check(struct app *app, FILE *file, uint64_t file_bytes,
                                       const struct bundle_progress *progress,
                                       struct refusal *out_refusal);
// A device takes FEED parts, between begin and end, in one transaction: end with a code other than
// RC_OK undoes all. The hub's BATCH parts: hub/hub.h. RC_REFUSED: BUNDLE (it does not verify),
// BUNDLE_GAP (lane, first place in the file, last place here), BUNDLE_SIGNER (not a hub's log).
DAVY_MUST_USE enum rc app_import_begin(struct app *app);
DAVY_MUST_USE enum rc app_import_part(struct app *app, const struct bundle_head *head,
                                      const struct bundle_part *part, struct moment now,
                                      struct bundle_report *report, struct refusal *out_refusal);
DAVY_MUST_USE enum rc app_import_end(struct app *app, enum rc rc);
// The owner's side of another process's part: begin, part, end.
DAVY_MUST_USE enum rc app_import_control(struct app *app, struct slice payload, struct buf *out,
                                         struct refusal *out_refusal);
// Who wrote it is known here: RC_REFUSED with WRONG_SITE, BUNDLE_SIGNER. hub_key: trusted, too.
DAVY_MUST_USE enum rc bundle_trust(const struct roster *roster, struct site_id site,
                                   const struct public_key *hub_key, const struct bundle_head *head,
                                   struct refusal *out_refusal);
// One part for the owner of a store: payload of CONTROL_IMPORT. The answer's payload: varint,
// how many records were taken that were not held.
void control_import_encode(struct slice head, struct slice frame, struct buf *out_payload);
DAVY_MUST_USE enum rc control_import_decode(struct slice payload, struct slice *out_head,
                                            struct slice *out_frame);

#endif
