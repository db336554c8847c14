#include "hub_priv.h"

#include "davy/app/bundle.h"
#include "davy/sync/file.h"

#include <stdio.h>
#include <string.h>

enum rc hub_import_begin(struct hub *hub, struct moment now, struct refusal *out_refusal) {
    hub->now = now;
    if (!sync_hub_serving(hub->sync)) {
        return REFUSE(out_refusal, REFUSAL_OFFLINE, "hub");
    }
    return hub_begin(hub);
}

// What an acknowledgement would have said on the wire.
static enum rc refuse(const struct bundle_part *part, const struct batch *batch,
                      enum ack_reason reason, uint64_t held, struct refusal *out_refusal) {
    static const enum rc why[] = {
        [ACK_OK] = RC_OK,         [ACK_GAP] = RC_GAP,
        [ACK_FORK] = RC_FORK,     [ACK_SEAL] = RC_BAD_SIGNATURE,
        [ACK_FORM] = RC_INVALID,  [ACK_FULL] = RC_FULL,
        [ACK_STARTING] = RC_BUSY,
    };
    if (reason == ACK_GAP) {
        char lane[16], first[24], last[24];
        (void)snprintf(lane, sizeof lane, "%u", batch->lane);
        (void)snprintf(first, sizeof first, "%llu", (unsigned long long)batch->first_seq);
        (void)snprintf(last, sizeof last, "%llu", (unsigned long long)held);
        return REFUSE(out_refusal, REFUSAL_BUNDLE_GAP, lane, first, last);
    }
    return bundle_refuse(part->at, reason < COUNT_OF(why) ? why[reason] : RC_INVALID, out_refusal);
}

static enum rc take_batch(struct hub *hub, const struct bundle_head *head,
                          const struct bundle_part *part, struct bundle_report *report,
                          struct refusal *out_refusal) {
    struct sync_file_author author = {
        .device = head->device, .key = head->key, .author = part->author->author};
    struct batch batch;
    enum ack_reason reason = ACK_OK;
    bool fresh = false;
    uint64_t held = 0;
    enum rc rc = batch_decode(part->body, &batch);
    if (rc != RC_OK) {
        return bundle_refuse(part->at, rc, out_refusal);
    }
    rc = sync_hub_import(hub->sync, &author, part->body, hub->now, &reason, &fresh, &held);
    if (rc != RC_OK) {
        return rc;
    }
    if (reason != ACK_OK) {
        return refuse(part, &batch, reason, held, out_refusal);
    }
    report->records += fresh ? batch.count : 0;
    report->known += fresh ? 0 : 1;
    return RC_OK;
}

enum rc hub_import_part(struct hub *hub, const struct bundle_head *head,
                        const struct bundle_part *part, struct bundle_report *report,
                        struct refusal *out_refusal) {
    report->frames++;
    if (part->type != FRAME_BATCH) {
        report->other++;
        return RC_OK;
    }
    enum rc rc = bundle_trust(hub->roster, hub->config.site, NULL, head, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    // A device speaks for its own incarnations only.
    if (memcmp(part->author->key.b, head->key.b, PUBLIC_KEY_BYTES) != 0) {
        return bundle_refuse(part->at, RC_INVALID, out_refusal);
    }
    return take_batch(hub, head, part, report, out_refusal);
}

enum rc hub_import_end(struct hub *hub, enum rc rc) {
    rc = rc == RC_OK ? hub->trouble : rc;
    if (rc == RC_OK) {
        rc = sync_hub_seal(hub->sync, hub->now);
    }
    if (rc == RC_OK) {
        rc = store_commit(hub->store);
    }
    if (rc == RC_OK) {
        return RC_OK;
    }
    enum rc undone = hub_undo(hub);
    return undone == RC_OK ? rc : undone;
}

enum rc hub_import_control(struct hub *hub, struct slice payload, struct buf *out,
                           struct refusal *out_refusal) {
    struct slice head_bytes;
    struct slice frame;
    struct bundle_head head;
    struct bundle_part part;
    struct bundle_report report = {0};
    enum rc rc = control_import_decode(payload, &head_bytes, &frame);
    rc = rc == RC_OK ? bundle_head_decode(hub->options.scheme, head_bytes, &head) : rc;
    rc = rc == RC_OK ? bundle_part_open(hub->options.scheme, &head, frame, &part) : rc;
    if (rc != RC_OK) {
        return bundle_refuse(0, rc, out_refusal);
    }
    rc = hub_import_begin(hub, hub->now, out_refusal);
    if (rc == RC_OK) {
        rc = hub_import_part(hub, &head, &part, &report, out_refusal);
        rc = hub_import_end(hub, rc);
    }
    if (rc == RC_OK) {
        buf_put_varint(out, report.records);
        rc = buf_rc(out);
    }
    return rc;
}
