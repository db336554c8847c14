// Devices that wait to be enrolled, as the hub lists them (app/control.h, JOINS).
#ifndef DAVY_CLI_JOINS_PRIV_H
#define DAVY_CLI_JOINS_PRIV_H

#include "davy/base/bytes.h"
#include "davy/domain/roster/roster.h"

struct join_row {
    char code[8];
    struct public_key key;
    char name[LIMIT_NAME_BYTES + 1];
    uint8_t kind; // enum device_kind
    char account[LIMIT_TAG_BYTES + 1];
};
// Reads the next row; false at the end of what can be read.
bool join_next(struct reader *in, struct join_row *out_row);

#endif
