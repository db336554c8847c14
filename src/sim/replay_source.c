#include "replay_priv.h"

#include <stdlib.h>
#include <string.h>

struct replay_source {
    const struct plant *plant;
    struct replay_data data;
    char *path;
    uint32_t *columns;
    struct replay_row *rows;
};

enum rc replay_source_open(const char *path, const struct plant *plant, uint32_t sample_s,
                           struct replay_source **out_source, struct replay_error *error) {
    struct replay_source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        return replay_fail(error, RC_NO_MEMORY, "not enough memory");
    }
    source->plant = plant;
    source->path = strdup(path);
    source->columns = calloc(plant->tag_count + 1u, sizeof *source->columns);
    source->rows = calloc(plant->tag_count + 1u, sizeof *source->rows);
    enum rc rc = RC_OK;
    if (source->path == NULL || source->columns == NULL || source->rows == NULL) {
        rc = replay_fail(error, RC_NO_MEMORY, "not enough memory");
    }
    if (rc == RC_OK) {
        rc = replay_data_open(&source->data, source->path, replay_sample_s(plant, sample_s), error);
    }
    if (rc == RC_OK) {
        rc = replay_data_columns(&source->data, plant, source->columns, error);
    }
    if (rc != RC_OK) {
        replay_source_close(source);
        return rc;
    }
    *out_source = source;
    return RC_OK;
}

void replay_source_close(struct replay_source *source) {
    if (source != NULL) {
        replay_data_close(&source->data);
        free(source->path);
        free(source->columns);
        free(source->rows);
        free(source);
    }
}

enum rc replay_source_next(struct replay_source *source, const struct replay_row **out_rows,
                           uint32_t *out_count, struct replay_error *error) {
    uint32_t count = 0;
    enum rc rc = replay_data_next(&source->data, error);
    for (uint32_t tag = 0; rc == RC_OK && tag < source->plant->tag_count; tag++) {
        if (source->columns[tag] == REPLAY_NO_COLUMN) {
            continue;
        }
        struct replay_row *row = &source->rows[count++];
        *row = (struct replay_row){.offset_ms = source->data.offset_ms,
                                   .tag = source->plant->tags[tag].tag};
        rc = replay_data_cell(&source->data, source->columns[tag], &row->value, &row->bad, error);
    }
    if (rc == RC_OK) {
        *out_rows = source->rows;
        *out_count = count;
    }
    return rc;
}

// ---- JSON ---------------------------------------------------------------------------------------

// The fewest digits that give the same double.
static void put_number(struct buf *out, double value) {
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    buf_printf(out, "%s", text);
}

static void put_string(struct buf *out, const char *text) {
    buf_put_u8(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            buf_put_u8(out, '\\');
        }
        buf_put_u8(out, (uint8_t)*text);
    }
    buf_put_u8(out, '"');
}

enum rc replay_batch_json(const struct replay_row *rows, uint32_t count, struct utc_ms time,
                          struct buf *out) {
    buf_printf(out, "{\"t\":%lld,\"values\":[", (long long)time.v);
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(out, "%s{\"tag\":", i == 0 ? "" : ",");
        put_string(out, rows[i].tag);
        if (rows[i].time.v != 0 && rows[i].time.v != time.v) {
            buf_printf(out, ",\"t\":%lld", (long long)rows[i].time.v);
        }
        buf_printf(out, ",\"v\":");
        if (rows[i].bad) {
            buf_printf(out, "null");
        } else {
            put_number(out, rows[i].value);
        }
        buf_printf(out, "}");
    }
    buf_printf(out, "]}");
    return buf_rc(out);
}
