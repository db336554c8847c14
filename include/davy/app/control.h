// What a process may ask the owner of a store over the socket beside it (davy.sock): verbs,
// requests and answers as bytes. The socket itself is link/control.h. Only the same user or root
// can connect.
//
// REQUEST  u8 verb | payload
// ANSWER   u8 enum rc | refusal (varint code, 16 subject, varint count, texts) | payload
// verb     asks the        payload -> answer payload
// SUBMIT   console or hub  u8 lane, bytes content, 64 signature -> 16 rid
// STATUS   console or hub  nothing -> JSON text
// INVITE   hub             text name, u8 device kind, text broker, text account, text password
//                          -> invite text
// CODE hub 16 person [, 16 device: good there alone] -> text one-time code for first
//                          use
// JOINS    hub             nothing -> varint count, each: 6-digit text, 32 device key, text name,
//                          u8 kind, text account
// CONFIRM  hub             nothing: this hub may serve though no reader answered -> nothing
// DIGEST   console         text tag -> values heard (for scripts): varint count, each signed ms,
//                          f64 bits, u8 quality
// BLOB_PUT console or hub  one part of a file (app/blob.h) -> nothing
// BLOB_WANT console        32 hash: to be fetched from the hub -> nothing
// IMPORT   console or hub  one part of a bundle (app/bundle.h) -> varint records taken
// BACKUP   hub             u8 0: a backup begins -> 8 token; u8 1, 8 token: that one is whole and
//                          stands off the machine -> nothing
// TIERS    hub             nothing: looks for new parents first -> rows (hub/tiers.h) to the end
#ifndef DAVY_APP_CONTROL_H
#define DAVY_APP_CONTROL_H

#include "davy/base/bytes.h"
#include "davy/base/refusal.h"
#include "davy/record/module.h"

enum control_verb {
    CONTROL_SUBMIT = 1,
    CONTROL_STATUS = 2,
    CONTROL_INVITE = 3,
    CONTROL_CODE = 4,
    CONTROL_JOINS = 5,
    CONTROL_CONFIRM = 6,
    CONTROL_DIGEST = 7,
    CONTROL_IMPORT = 20,
    CONTROL_BLOB_PUT = 24,
    CONTROL_BLOB_WANT = 25,
    CONTROL_TIERS = 21,
    CONTROL_BACKUP = 22,
};

struct control_answer {
    enum rc rc;
    struct refusal refusal;
    struct slice payload; // borrowed
};
void control_request(enum control_verb verb, struct slice payload, struct buf *out);
void control_answer_encode(const struct control_answer *answer, struct buf *out);
DAVY_MUST_USE enum rc control_answer_decode(struct slice bytes, struct control_answer *out_answer);
void control_submit_encode(uint8_t lane, const struct signed_record *record,
                           struct buf *out_payload);
DAVY_MUST_USE enum rc control_submit_decode(struct slice payload, uint8_t *out_lane,
                                            struct signed_record *out_record);

#endif
