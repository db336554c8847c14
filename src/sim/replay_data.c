#include "replay_priv.h"

#include "davy/base/text.h"
#include "davy/feed/scan.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NUMBER_BYTES 64
#define SECONDS_MAX 1e11 // larger times are milliseconds

static const char *const time_names[] = {"time", "timestamp", "t", "ts", "date", "datetime"};

enum rc replay_fail(struct replay_error *error, enum rc rc, const char *format, ...) {
    char text[2 * REPLAY_ERROR_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)text_clean(slice_text(text), error->text, sizeof error->text);
    return rc;
}

uint32_t replay_sample_s(const struct plant *plant, uint32_t wanted_s) {
    if (wanted_s != 0) {
        return wanted_s;
    }
    return plant->sample_s != 0 ? plant->sample_s : REPLAY_SAMPLE_S;
}

// ---- lines and cells ----------------------------------------------------------------------------

// The next line that is neither blank nor a comment, without its end.
static enum rc line_next(struct replay_data *data, struct replay_error *error) {
    static const char mark[] = "\xef\xbb\xbf";
    for (;;) {
        if (fgets(data->line, REPLAY_LINE_BYTES, data->file) == NULL) {
            return ferror(data->file) != 0
                       ? replay_fail(error, RC_IO, "%s: %s", data->path, strerror(errno))
                       : RC_NOT_FOUND;
        }
        data->line_number++;
        size_t len = strlen(data->line);
        if (len == 0 || (data->line[len - 1] != '\n' && feof(data->file) == 0)) {
            return replay_fail(error, RC_INVALID, "%s:%u: the line is too long or holds a NUL",
                               data->path, data->line_number);
        }
        len = strcspn(data->line, "\r\n");
        data->line[len] = '\0';
        if (data->line_number == 1 && strncmp(data->line, mark, 3) == 0) {
            memmove(data->line, data->line + 3, len - 3 + 1);
        }
        if (data->line[strspn(data->line, " \t")] != '\0' && data->line[0] != '#') {
            return RC_OK;
        }
    }
}

static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        text[--len] = '\0';
    }
    return text;
}

// Cuts one comma-separated cell off, in place; quotes are taken away. NULL where none is left.
static char *csv_next(char **inout_at) {
    char *at = *inout_at;
    if (at == NULL) {
        return NULL;
    }
    at += strspn(at, " \t");
    if (*at != '"') {
        size_t len = strcspn(at, ",");
        *inout_at = at[len] == ',' ? at + len + 1 : NULL;
        at[len] = '\0';
        return trim(at);
    }
    char *from = at + 1;
    char *to = from;
    const char *read = from;
    while (*read != '\0' && (*read != '"' || read[1] == '"')) {
        read += *read == '"';
        *to++ = *read++;
    }
    const char *comma = *read == '\0' ? NULL : strchr(read, ',');
    *inout_at = comma == NULL ? NULL : at + (comma - at) + 1;
    *to = '\0';
    return from;
}

static char *plain_next(char **inout_at) {
    char *at = *inout_at + strspn(*inout_at, " \t");
    size_t len = strcspn(at, " \t");
    if (len == 0) {
        return NULL;
    }
    *inout_at = at[len] == '\0' ? at + len : at + len + 1;
    at[len] = '\0';
    return at;
}

static struct replay_cell cell_of(const char *text) {
    struct replay_cell cell = {REPLAY_TEXT, 0};
    size_t len = strlen(text);
    if (len == 0 || strcasecmp(text, "nan") == 0) {
        cell.kind = REPLAY_EMPTY;
    } else if (len < NUMBER_BYTES && strspn(text, "0123456789+-.eE") == len) {
        char *end = NULL;
        cell.value = strtod(text, &end);
        cell.kind = end == text + len && isfinite(cell.value) ? REPLAY_NUMBER : REPLAY_TEXT;
    }
    return cell;
}

// Splits the line into cells; false if there are more than max.
static bool split(struct replay_data *data, uint32_t max, uint32_t *out_count) {
    char *at = data->line;
    uint32_t count = 0;
    for (;;) {
        char *text = data->is_csv ? csv_next(&at) : plain_next(&at);
        if (text == NULL) {
            break;
        }
        if (count == max) {
            return false;
        }
        data->texts[count] = text;
        data->cells[count] = cell_of(text);
        count++;
    }
    *out_count = count;
    return true;
}

// ---- open ---------------------------------------------------------------------------------------

// A line of nothing but numbers and blanks begins a plain file.
static bool line_is_plain(const char *line) {
    bool has_digit = false;
    for (; *line != '\0'; line++) {
        has_digit = has_digit || (*line >= '0' && *line <= '9');
        if (strchr("0123456789+-.eE \t", *line) == NULL) {
            return false;
        }
    }
    return has_digit;
}

static enum rc header_read(struct replay_data *data, struct replay_error *error) {
    data->column_names = calloc(data->column_count, sizeof *data->column_names);
    if (data->column_names == NULL) {
        return replay_fail(error, RC_NO_MEMORY, "not enough memory");
    }
    for (uint32_t i = 0; i < data->column_count; i++) {
        data->column_names[i] = strdup(data->texts[i]);
        if (data->column_names[i] == NULL) {
            return replay_fail(error, RC_NO_MEMORY, "not enough memory");
        }
        for (size_t k = 0; k < sizeof time_names / sizeof time_names[0]; k++) {
            if (data->time_column == REPLAY_NO_COLUMN &&
                strcasecmp(data->texts[i], time_names[k]) == 0) {
                data->time_column = i;
            }
        }
    }
    return RC_OK;
}

static enum rc first_line(struct replay_data *data, struct replay_error *error) {
    enum rc rc = line_next(data, error);
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? replay_fail(error, RC_INVALID, "%s: holds no data", data->path)
                                  : rc;
    }
    data->is_csv = !line_is_plain(data->line);
    uint32_t max = data->is_csv ? PLANT_COLUMNS : REPLAY_PLAIN_COLUMNS;
    if (!split(data, max, &data->column_count)) {
        return replay_fail(error, RC_INVALID, "%s:%u: more than %u columns%s", data->path,
                           data->line_number, max,
                           data->is_csv ? "" : "; perhaps rows and columns are exchanged");
    }
    data->has_row = !data->is_csv;
    return data->is_csv ? header_read(data, error) : RC_OK;
}

enum rc replay_data_open(struct replay_data *data, const char *path, uint32_t sample_s,
                         struct replay_error *error) {
    const char *slash = strrchr(path, '/');
    *data = (struct replay_data){.path = path,
                                 .name = slash == NULL ? path : slash + 1,
                                 .sample_s = sample_s,
                                 .time_column = REPLAY_NO_COLUMN};
    data->file = fopen(path, "r");
    if (data->file == NULL) {
        return replay_fail(error, RC_IO, "%s: %s", path, strerror(errno));
    }
    data->line = malloc(REPLAY_LINE_BYTES);
    data->cells = calloc(PLANT_COLUMNS, sizeof *data->cells);
    data->texts = calloc(PLANT_COLUMNS, sizeof *data->texts);
    enum rc rc = RC_NO_MEMORY;
    if (data->line != NULL && data->cells != NULL && data->texts != NULL) {
        rc = first_line(data, error);
    } else {
        (void)replay_fail(error, RC_NO_MEMORY, "not enough memory");
    }
    if (rc != RC_OK) {
        replay_data_close(data);
    }
    return rc;
}

void replay_data_close(struct replay_data *data) {
    if (data->file != NULL) {
        (void)fclose(data->file);
    }
    for (uint32_t i = 0; data->column_names != NULL && i < data->column_count; i++) {
        free(data->column_names[i]);
    }
    free(data->column_names);
    free(data->line);
    free(data->cells);
    free(data->texts);
    *data = (struct replay_data){.file = NULL};
}

// ---- rows ---------------------------------------------------------------------------------------

static enum rc row_time(struct replay_data *data, struct replay_error *error) {
    if (data->time_column == REPLAY_NO_COLUMN) {
        data->offset_ms = (int64_t)(data->sample - 1) * data->sample_s * 1000;
        return RC_OK;
    }
    const struct replay_cell *cell = &data->cells[data->time_column];
    const char *text = data->texts[data->time_column];
    struct utc_ms time = {0};
    if (cell->kind == REPLAY_NUMBER && cell->value >= 0 && cell->value < SECONDS_MAX * 100) {
        double ms = cell->value < SECONDS_MAX ? cell->value * 1000 : cell->value;
        time.v = (int64_t)(ms + 0.5);
    } else if (cell->kind != REPLAY_TEXT ||
               feed_time_parse(slice_text(text), false, &time) != RC_OK) {
        return replay_fail(error, RC_INVALID, "%s:%u: \"%.40s\" is not a time", data->path,
                           data->line_number, text);
    }
    if (data->sample == 1) {
        data->first_ms = time.v;
    }
    data->offset_ms = time.v - data->first_ms;
    return RC_OK;
}

enum rc replay_data_next(struct replay_data *data, struct replay_error *error) {
    uint32_t count = data->column_count;
    if (!data->has_row) {
        enum rc rc = line_next(data, error);
        if (rc != RC_OK) {
            return rc;
        }
        if (!split(data, data->column_count, &count) || count != data->column_count) {
            return replay_fail(error, RC_INVALID, "%s:%u: the line has not %u columns", data->path,
                               data->line_number, data->column_count);
        }
    }
    data->has_row = false;
    data->sample++;
    return row_time(data, error);
}

enum rc replay_data_cell(const struct replay_data *data, uint32_t column, double *out_value,
                         bool *out_bad, struct replay_error *error) {
    const struct replay_cell *cell = &data->cells[column];
    if (cell->kind == REPLAY_TEXT) {
        return replay_fail(error, RC_INVALID, "%s:%u: \"%.40s\" is not a number", data->path,
                           data->line_number, data->texts[column]);
    }
    *out_bad = cell->kind == REPLAY_EMPTY;
    *out_value = cell->value;
    return RC_OK;
}

// ---- columns of tags ----------------------------------------------------------------------------

static uint32_t column_by_name(const struct replay_data *data, const char *name) {
    for (uint32_t i = 0; data->is_csv && name[0] != '\0' && i < data->column_count; i++) {
        if (i != data->time_column && strcmp(data->column_names[i], name) == 0) {
            return i;
        }
    }
    return REPLAY_NO_COLUMN;
}

static enum rc column_of(const struct replay_data *data, const struct plant_tag *tag,
                         uint32_t *out_column, struct replay_error *error) {
    uint32_t column = column_by_name(data, tag->column_name);
    if (column == REPLAY_NO_COLUMN) {
        column = column_by_name(data, tag->tag);
    }
    if (column == REPLAY_NO_COLUMN && tag->column != 0) {
        column = tag->column - 1;
    }
    if (column != REPLAY_NO_COLUMN &&
        (column >= data->column_count || column == data->time_column)) {
        return replay_fail(error, RC_INVALID,
                           "%s: tag %s is column %u, but the file has %u columns of values",
                           data->path, tag->tag, column + 1, data->column_count);
    }
    *out_column = column;
    return RC_OK;
}

enum rc replay_data_columns(const struct replay_data *data, const struct plant *plant,
                            uint32_t *out_columns, struct replay_error *error) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < plant->tag_count; i++) {
        enum rc rc = column_of(data, &plant->tags[i], &out_columns[i], error);
        if (rc != RC_OK) {
            return rc;
        }
        found += out_columns[i] != REPLAY_NO_COLUMN;
    }
    return found > 0 ? RC_OK
                     : replay_fail(error, RC_INVALID, "%s: no tag of the plant has a column here",
                                   data->path);
}
