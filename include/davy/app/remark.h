// Remarks of people: say one, list those that this device knows with how far each got.
//
// As all acts, a remark is durable here when the call returns, and travels when there is a link.
#ifndef DAVY_APP_REMARK_H
#define DAVY_APP_REMARK_H

#include "davy/app/app.h"
#include "davy/domain/remark/remark.h"

struct remark_spec {
    const char *text;
    struct rid about;      // zero: of nothing that has a record
    const char *place;     // NULL or ""; so are the next two
    const char *equipment; // its tag
    const char *area;      // its code
    uint8_t audience;      // enum audience
};
// RC_REFUSED: FIELD_TEXT, FIELD_RANGE (audience), NOT_SIGNED_IN, LOCKED, RIGHT_MISSING, DISK_FULL.
DAVY_MUST_USE enum rc app_remark_add(struct app *app, const struct remark_spec *spec,
                                     struct moment now, struct rid *out_remark,
                                     struct refusal *out_refusal);

struct remark_row {
    struct rid remark;
    struct remark_state state; // of a refused or held one: verdict, rule and time only
    enum act_stage stage;
    uint16_t rule; // why refused or held
    bool own;      // said on this device
    char person[LIMIT_NAME_BYTES + 1];
    char device[LIMIT_NAME_BYTES + 1];
};
// The newest first, own pending ones among them. Returns the rows written.
uint32_t app_remark_list(struct app *app, struct remark_row *out_rows, uint32_t max);

#endif
