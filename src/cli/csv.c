// Tables of comma-separated values, in and out.
#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <stdlib.h>
#include <string.h>

struct csv_scan {
    struct cli *cli;
    struct csv *csv;
    char *at;  // reads
    char *put; // writes: cells are made in place, each with its NUL
    uint32_t line;
    size_t of[CSV_COLUMNS_MAX]; // the header's columns, as indexes into csv->columns
    size_t width;
};

static void fault(struct csv_scan *scan, uint32_t line, const char *column, const char *why) {
    if (scan->csv->faults++ < 100) {
        (void)cli_fail(scan->cli, _("line %u, %s: %s"), line, column, why);
    }
}

void csv_fault(struct cli *cli, struct csv *csv, uint32_t row, size_t column, const char *why) {
    struct csv_scan scan = {.cli = cli, .csv = csv};
    fault(&scan, csv->line[row], csv->columns[column].name, why);
}

const char *csv_cell(const struct csv *csv, uint32_t row, size_t column) {
    return csv->cells[(size_t)row * csv->column_count + column];
}

void csv_free(struct csv *csv) {
    free(csv->text);
    free(csv->cells);
    free(csv->line);
}

// One cell; leaves `at` behind it. NULL for a quote that does not end, or text beside quotes.
static char *cell_next(struct csv_scan *scan) {
    char *cell = scan->put;
    if (*scan->at != '"') {
        size_t len = strcspn(scan->at, ",\n\"");
        if (scan->at[len] == '"') {
            return NULL;
        }
        memmove(scan->put, scan->at, len);
        scan->at += len;
        scan->put += len;
        if (scan->put > cell && scan->put[-1] == '\r') {
            scan->put--;
        }
        return cell;
    }
    for (scan->at++;; scan->at++) {
        if (*scan->at == '\0') {
            return NULL;
        }
        scan->line += *scan->at == '\n';
        if (*scan->at == '"' && *++scan->at != '"') {
            break;
        }
        *scan->put++ = *scan->at;
    }
    scan->at += *scan->at == '\r' && scan->at[1] == '\n';
    return *scan->at == ',' || *scan->at == '\n' || *scan->at == '\0' ? cell : NULL;
}

// Closes the cell, after which another one follows or the row is over.
static bool cell_end(struct csv_scan *scan) {
    char end = *scan->at;
    scan->at += end != '\0';
    *scan->put++ = '\0';
    return end == ',';
}

static bool is_formula(const char *cell) {
    return cell[0] == '=' || cell[0] == '+' || cell[0] == '-' || cell[0] == '@';
}

static const char *cell_fault(const char *cell, const struct csv_column *column) {
    size_t max = column->bytes_max < CSV_FIELD_BYTES ? column->bytes_max : CSV_FIELD_BYTES;
    if (cell[0] == '\0') {
        return column->needed ? _("is empty") : NULL;
    }
    if (strlen(cell) > max) {
        return _("is too long");
    }
    if (text_check(slice_text(cell), max) != RC_OK) {
        return _("holds characters that cannot be shown");
    }
    return is_formula(cell) ? _("looks like a formula") : NULL;
}

static void header_cell(struct csv_scan *scan, const char *cell) {
    const struct csv *csv = scan->csv;
    if (scan->width == CSV_COLUMNS_MAX) {
        fault(scan, 1, "", _("too many columns"));
        return;
    }
    size_t i = 0;
    while (i < csv->column_count && strcmp(csv->columns[i].name, cell) != 0) {
        i++;
    }
    if (i == csv->column_count) {
        char shown[64];
        (void)text_clean(slice_text(cell), shown, sizeof shown);
        fault(scan, 1, shown, _("is no column of this table"));
    }
    for (size_t k = 0; k < scan->width; k++) {
        if (scan->of[k] == i && i < csv->column_count) {
            fault(scan, 1, cell, _("stands twice"));
        }
    }
    scan->of[scan->width++] = i;
}

static bool read_header(struct csv_scan *scan) {
    bool more = true;
    while (more) {
        const char *cell = cell_next(scan);
        if (!cell) {
            fault(scan, 1, "", _("a quote is out of place"));
            return false;
        }
        more = cell_end(scan);
        header_cell(scan, cell);
    }
    for (size_t i = 0; i < scan->csv->column_count; i++) {
        bool there = false;
        for (size_t k = 0; k < scan->width; k++) {
            there |= scan->of[k] == i;
        }
        if (!there && scan->csv->columns[i].needed) {
            fault(scan, 1, scan->csv->columns[i].name, _("this column is missing"));
        }
    }
    return scan->csv->faults == 0;
}

static bool read_row(struct csv_scan *scan) {
    struct csv *csv = scan->csv;
    char **cells = &csv->cells[(size_t)csv->rows * csv->column_count];
    uint32_t line = ++scan->line;
    size_t width = 0;
    bool more = true;
    for (size_t i = 0; i < csv->column_count; i++) {
        cells[i] = scan->put;
    }
    *scan->put++ = '\0'; // what is absent; the row's line end or comma gave this byte
    while (more) {
        char *cell = cell_next(scan);
        if (!cell) {
            fault(scan, line, "", _("a quote is out of place"));
            return false;
        }
        more = cell_end(scan);
        if (width < scan->width) {
            cells[scan->of[width]] = cell;
        }
        width++;
    }
    if (width != scan->width) {
        fault(scan, line, "", _("has another number of columns than the first line"));
    }
    for (size_t i = 0; i < csv->column_count; i++) {
        const char *why = cell_fault(cells[i], &csv->columns[i]);
        if (why) {
            fault(scan, line, csv->columns[i].name, why);
        }
    }
    csv->line[csv->rows++] = line;
    return true;
}

static int load(struct cli *cli, const char *path, struct csv *csv) {
    struct buf file;
    buf_init(&file, CSV_BYTES_MAX);
    enum rc rc = os_file_read(path, &file);
    size_t bom = file.len >= 3 && memcmp(file.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (rc == RC_OK && file.len > 0 && memchr(file.data, 0, file.len)) {
        rc = RC_INVALID;
    }
    if (rc == RC_OK) {
        // Each row may take one byte more than it has: cells that are absent.
        csv->text = calloc(1, 2 * file.len + CSV_ROWS_MAX + 16);
        csv->cells = calloc((size_t)CSV_ROWS_MAX * csv->column_count, sizeof *csv->cells);
        csv->line = calloc(CSV_ROWS_MAX, sizeof *csv->line);
        rc = csv->text && csv->cells && csv->line ? RC_OK : RC_NO_MEMORY;
    }
    if (rc == RC_OK && file.len > bom) {
        memcpy(csv->text + file.len - bom + CSV_ROWS_MAX + 8, file.data + bom, file.len - bom);
        csv->faults = (uint32_t)(file.len - bom);
    }
    buf_fini(&file);
    return rc == RC_OK ? CLI_OK : cli_fail(cli, _("%s cannot be read: %s"), path, say_rc(rc));
}

int csv_read(struct cli *cli, const char *path, struct csv *csv) {
    struct csv_scan scan = {.cli = cli, .csv = csv, .line = 1};
    int code = load(cli, path, csv);
    if (code != CLI_OK) {
        return code;
    }
    // The bytes stand far behind where the cells are written.
    scan.put = csv->text;
    scan.at = csv->text + csv->faults + CSV_ROWS_MAX + 8;
    csv->faults = 0;
    bool good = read_header(&scan);
    while (good && *scan.at != '\0') {
        if (csv->rows == CSV_ROWS_MAX) {
            fault(&scan, scan.line, "", _("too many rows"));
            break;
        }
        good = read_row(&scan);
    }
    if (csv->faults == 0 && csv->rows == 0) {
        return cli_fail(cli, _("%s holds no row"), path);
    }
    return csv->faults == 0 ? CLI_OK : CLI_FAILED;
}

void csv_put(struct buf *out, const char *text, bool last) {
    bool quoted = strpbrk(text, ",\"\r\n") != NULL || is_formula(text);
    if (quoted) {
        buf_put_u8(out, '"');
    }
    if (is_formula(text)) {
        buf_put_u8(out, '\'');
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"') {
            buf_put_u8(out, '"');
        }
        buf_put_u8(out, (uint8_t)*at);
    }
    if (quoted) {
        buf_put_u8(out, '"');
    }
    buf_put_u8(out, last ? '\n' : ',');
}
