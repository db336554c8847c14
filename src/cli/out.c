#include "cli/cli_priv.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 2048
#define CELLS_BYTES_MAX (64u * 1024 * 1024)
#define NOTHING "-" // shown for a value that is not there
#define ROW_BYTES_MAX (1024 * 1024)

// ---- Sentences ----

static void put_clean(FILE *out, const char *text) {
    char clean[LINE_BYTES];
    (void)text_clean(slice_text(text), clean, sizeof clean);
    (void)fprintf(out, "%s\n", clean);
}

int cli_fail(struct cli *cli, const char *format, ...) {
    char text[LINE_BYTES - 16];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)fprintf(cli->io.err, "davy: ");
    put_clean(cli->io.err, text);
    return CLI_FAILED;
}

int cli_fail_rc(struct cli *cli, enum rc rc, const struct refusal *refusal) {
    char text[LINE_BYTES - 16];
    if (refusal && refusal->code != REFUSAL_NONE) {
        return cli_fail(cli, "%s", say_refusal(refusal, text, sizeof text));
    }
    return cli_fail(cli, "%s", say_rc(rc));
}

int cli_fail_usage(struct cli *cli, const char *format, ...) {
    char text[LINE_BYTES - 16];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)cli_fail(cli, "%s", text);
    if (cli->command && !cli->command->hidden) {
        help_usage_line(cli->io.err, cli->command);
    }
    return CLI_USAGE;
}

void cli_say(struct cli *cli, const char *format, ...) {
    if (cli->json) {
        return;
    }
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_clean(cli->io.out, text);
}

// ---- How far ----

static void put_percent(const struct cli_progress *progress) {
    (void)fprintf(progress->cli->io.err, "\r%s %3u %%", progress->what, progress->percent);
    (void)fflush(progress->cli->io.err);
}

void progress_start(struct cli_progress *progress, struct cli *cli, const char *what) {
    *progress = (struct cli_progress){.cli = cli, .what = what};
    progress->shown = !cli->json && isatty(fileno(cli->io.err)) == 1;
    if (progress->shown) {
        put_percent(progress);
    }
}

void progress_step(void *progress, uint64_t done, uint64_t total) {
    struct cli_progress *at = progress;
    unsigned percent = total > 0 ? (unsigned)(done * 100 / total) : 100;
    if (at->shown && percent != at->percent) {
        at->percent = percent;
        put_percent(at);
    }
}

void progress_end(struct cli_progress *progress) {
    if (progress->shown) {
        (void)fprintf(progress->cli->io.err, "\r%*s\r", text_cols(progress->what) + 6, "");
        (void)fflush(progress->cli->io.err);
    }
}

// ---- Rows ----

void list_start(struct cli_list *list, struct cli *cli, const struct cli_column *columns,
                size_t count) {
    *list = (struct cli_list){.cli = cli, .columns = columns, .column_count = count};
    buf_init(&list->cells, CELLS_BYTES_MAX);
    buf_init(&list->line, ROW_BYTES_MAX);
}

void list_put(struct cli_list *list, const char *json, const char *shown) {
    ENSURE(list->at < list->column_count);
    const struct cli_column *column = &list->columns[list->at++];
    if (list->cli->json) {
        if (column->key) {
            buf_printf(&list->line, "%s\"%s\":%s", list->members ? "," : "{", column->key,
                       json ? json : "null");
            list->members = true;
        }
    } else if (column->title) {
        buf_put(&list->cells, shown, strlen(shown) + 1);
    }
}

static void list_fail(struct cli_list *list, enum rc rc) {
    if (rc != RC_OK) {
        list->cells.rc = rc;
        list->line.rc = rc;
    }
}

void list_put_bufs(struct cli_list *list, struct buf *json, struct buf *shown) {
    const char *json_text = buf_cstr(json);
    const char *shown_text = buf_cstr(shown);
    list_put(list, json_text, shown_text);
    list_fail(list, buf_rc(json));
    list_fail(list, buf_rc(shown));
    buf_fini(json);
    buf_fini(shown);
}

// A JSON string may be of any length; it is put without a copy on the stack.
static void put_string(struct cli_list *list, const char *text, const char *shown) {
    struct buf json;
    buf_init(&json, ROW_BYTES_MAX);
    json_put_text(&json, slice_text(text));
    list_put(list, buf_cstr(&json), shown);
    list_fail(list, buf_rc(&json));
    buf_fini(&json);
}

void list_text(struct cli_list *list, const char *text) {
    char clean[LINE_BYTES];
    (void)text_clean(slice_text(text), clean, sizeof clean);
    put_string(list, text, clean);
}

void list_word(struct cli_list *list, const char *word, const char *shown) {
    put_string(list, word, shown);
}

static void put_json(struct cli_list *list, struct buf *json) {
    char shown[64];
    // Numbers beyond 2^53 are strings in JSON, with quotes that people need not see.
    const char *text = buf_cstr(json);
    size_t quote = text[0] == '"' ? 1 : 0;
    (void)snprintf(shown, sizeof shown, "%.*s", (int)(strlen(text) - 2 * quote), text + quote);
    list_put(list, text, shown);
    list_fail(list, buf_rc(json));
    buf_fini(json);
}

void list_uint(struct cli_list *list, uint64_t value) {
    struct buf json;
    buf_init(&json, 64);
    json_put_uint(&json, value);
    put_json(list, &json);
}

void list_int(struct cli_list *list, int64_t value) {
    struct buf json;
    buf_init(&json, 64);
    json_put_int(&json, value);
    put_json(list, &json);
}

void list_number(struct cli_list *list, double value) {
    char exact[DECIMAL_TEXT_BYTES];
    char shown[32];
    struct decimal decimal;
    if (!isfinite(value)) {
        list_null(list);
        return;
    }
    // The shortest digits that read back as the same number; what is out of reach keeps them all.
    if (decimal_from_double(value, &decimal) == RC_OK && decimal_to_double(decimal) == value) {
        decimal_format(decimal, exact);
    } else {
        (void)snprintf(exact, sizeof exact, "%.17g", value);
    }
    (void)snprintf(shown, sizeof shown, "%.6g", value);
    list_put(list, exact, shown);
}

void list_decimal(struct cli_list *list, struct decimal value) {
    char text[DECIMAL_TEXT_BYTES];
    decimal_format(value, text);
    list_put(list, text, text);
}

void list_bool(struct cli_list *list, bool value, const char *shown_if_true) {
    list_put(list, value ? "true" : "false", value ? shown_if_true : "");
}

void list_time(struct cli_list *list, struct utc_ms time) {
    char json[UTC_TEXT_BYTES + 2];
    char text[UTC_TEXT_BYTES];
    char shown[CLI_TIME_BYTES];
    if (time.v == 0) {
        list_null(list);
        return;
    }
    utc_format(time, text);
    (void)snprintf(json, sizeof json, "\"%s\"", text);
    list_put(list, json, cli_local_time(time, shown));
}

void list_id(struct cli_list *list, struct id16 id) {
    char json[ID_HEX_BYTES + 2];
    char hex[ID_HEX_BYTES];
    char shown[ID_SHORT_BYTES];
    if (id16_is_zero(id)) {
        list_null(list);
        return;
    }
    id16_hex(id, hex);
    id16_short(id, shown);
    (void)snprintf(json, sizeof json, "\"%s\"", hex);
    list_put(list, json, shown);
}

void list_null(struct cli_list *list) {
    list_put(list, NULL, NOTHING);
}

void list_row(struct cli_list *list) {
    ENSURE(list->at == list->column_count);
    list->at = 0;
    list->rows++;
    if (list->cli->json) {
        const char *text = buf_cstr(&list->line);
        if (buf_rc(&list->line) == RC_OK) {
            (void)fprintf(list->cli->io.out, "%s}\n", text);
        } else {
            list->cells.rc = buf_rc(&list->line);
        }
        list->members = false;
        buf_reset(&list->line);
    }
}

// ---- Printing ----

static size_t titled(const struct cli_list *list) {
    size_t count = 0;
    for (size_t i = 0; i < list->column_count; i++) {
        count += list->columns[i].title != NULL;
    }
    return count;
}

static void put_blanks(struct buf *line, int cols) {
    for (int i = 0; i < cols; i++) {
        buf_put_u8(line, ' ');
    }
}

static void put_cell(struct buf *line, const char *text, int cols, bool right) {
    int rest = cols - text_cols(text);
    put_blanks(line, right ? rest : 0);
    buf_put(line, text, strlen(text));
    put_blanks(line, (right ? 0 : rest) + 2);
}

// Without the blanks at its end.
static void print_line(struct cli_list *list) {
    struct buf *line = &list->line;
    while (line->len > 0 && line->data[line->len - 1] == ' ') {
        line->len--;
    }
    const char *text = buf_cstr(line);
    if (buf_rc(line) == RC_OK) {
        (void)fprintf(list->cli->io.out, "%s\n", text);
    } else {
        list->cells.rc = buf_rc(line);
    }
    buf_reset(line);
}

struct table {
    size_t columns;
    const struct cli_column *of[32];
    int cols[32];
};

static void measure(const struct cli_list *list, struct table *table) {
    const char *cell = (const char *)list->cells.data;
    for (size_t i = 0; i < list->column_count; i++) {
        if (list->columns[i].title) {
            ENSURE(table->columns < COUNT_OF(table->of));
            table->cols[table->columns] = text_cols(_(list->columns[i].title));
            table->of[table->columns++] = &list->columns[i];
        }
    }
    for (size_t row = 0; row < list->rows; row++) {
        for (size_t i = 0; i < table->columns; i++) {
            int cols = text_cols(cell);
            table->cols[i] = cols > table->cols[i] ? cols : table->cols[i];
            cell += strlen(cell) + 1;
        }
    }
}

static void print_table(struct cli_list *list) {
    struct table table = {0};
    measure(list, &table);
    const char *cell = (const char *)list->cells.data;
    for (size_t i = 0; i < table.columns && list->rows > 0; i++) {
        put_cell(&list->line, _(table.of[i]->title), table.cols[i], table.of[i]->right);
    }
    for (size_t row = 0; row < list->rows; row++) {
        print_line(list);
        for (size_t i = 0; i < table.columns; i++) {
            put_cell(&list->line, cell, table.cols[i], table.of[i]->right);
            cell += strlen(cell) + 1;
        }
    }
    if (list->rows > 0) {
        print_line(list);
    }
}

// What is empty is left out: a form's lines stand for themselves.
static void print_form(struct cli_list *list) {
    const char *cell = (const char *)list->cells.data;
    int cols = 0;
    for (size_t i = 0; i < list->column_count; i++) {
        int own = list->columns[i].title ? text_cols(_(list->columns[i].title)) : 0;
        cols = own > cols ? own : cols;
    }
    for (size_t row = 0; row < list->rows; row++) {
        for (size_t i = 0; i < list->column_count; i++) {
            if (!list->columns[i].title) {
                continue;
            }
            if (cell[0] != '\0' && strcmp(cell, NOTHING) != 0) {
                put_cell(&list->line, _(list->columns[i].title), cols, false);
                put_cell(&list->line, cell, 0, false);
                print_line(list);
            }
            cell += strlen(cell) + 1;
        }
    }
}

static int finish(struct cli_list *list, void (*print)(struct cli_list *list)) {
    enum rc rc = buf_rc(&list->cells);
    if (rc == RC_OK && !list->cli->json && titled(list) > 0) {
        print(list);
        rc = buf_rc(&list->cells);
    }
    buf_fini(&list->cells);
    buf_fini(&list->line);
    return rc == RC_OK ? CLI_OK : cli_fail_rc(list->cli, rc, NULL);
}

int list_finish(struct cli_list *list) {
    return finish(list, print_table);
}

int list_finish_form(struct cli_list *list) {
    return finish(list, print_form);
}
