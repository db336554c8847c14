// The reader of recorded data files that evaluation and publishing share.
#ifndef DAVY_SIM_REPLAY_PRIV_H
#define DAVY_SIM_REPLAY_PRIV_H

#include "davy/sim/replay.h"

#define REPLAY_NO_COLUMN UINT32_MAX
// Plain files have no names to check, so that a transposed one would be read as nonsense.
#define REPLAY_PLAIN_COLUMNS 256

enum replay_cell_kind { REPLAY_NUMBER, REPLAY_EMPTY, REPLAY_TEXT };
struct replay_cell {
    enum replay_cell_kind kind;
    double value;
};

struct replay_data {
    FILE *file;
    const char *path;
    const char *name; // path without folders
    char *line;
    uint32_t line_number;
    bool is_csv;
    bool has_row; // the first row of a plain file was read to tell what it is
    uint32_t column_count;
    uint32_t time_column;
    char **column_names;
    struct replay_cell *cells;
    char **texts; // of the row at work, into line
    uint32_t sample_s;
    uint32_t sample; // number of the row at work, from 1
    int64_t first_ms;
    int64_t offset_ms;
};

// Notes what went wrong; returns rc.
enum rc replay_fail(struct replay_error *error, enum rc rc, const char *format, ...)
    DAVY_PRINTF(3, 4);
// A text of a CSV line, quoted only where CSV needs it, and what follows it.
void replay_csv_text(FILE *out, const char *text, char end);
uint32_t replay_sample_s(const struct plant *plant, uint32_t wanted_s);

DAVY_MUST_USE enum rc replay_data_open(struct replay_data *data, const char *path,
                                       uint32_t sample_s, struct replay_error *error);
// RC_NOT_FOUND after the last row.
DAVY_MUST_USE enum rc replay_data_next(struct replay_data *data, struct replay_error *error);
void replay_data_close(struct replay_data *data);
// Columns of all tags of a plant, REPLAY_NO_COLUMN for a name that a CSV file does not have.
// Refused if a number is beyond the file or no tag has a column.
DAVY_MUST_USE enum rc replay_data_columns(const struct replay_data *data, const struct plant *plant,
                                          uint32_t *out_columns, struct replay_error *error);
// The cell of a column as a reading; text is refused.
DAVY_MUST_USE enum rc replay_data_cell(const struct replay_data *data, uint32_t column,
                                       double *out_value, bool *out_bad,
                                       struct replay_error *error);

#endif
