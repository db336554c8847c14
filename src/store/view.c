#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_COLUMN "open"
#define VIEW_COLUMNS_FIRST                                                                         \
    6 // parameter of the first index column; 1 number, 2 site, 3 subject, 4 folded, 5 state

// ---- Tables ----

static const char *column_sql_type(enum index_type type) {
    return type == INDEX_INT ? "INTEGER" : "TEXT";
}

// Names come from descriptors, which are constants of the code; they are checked all the same,
// because they become SQL.
static bool name_is_plain(const char *name) {
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789");
    return len > 0 && name[len] == '\0' && (name[0] < '0' || name[0] > '9');
}

static bool has_open(const struct module *module) {
    for (uint8_t i = 0; i < module->column_count; i++) {
        if (strcmp(module->columns[i].name, OPEN_COLUMN) == 0) {
            return module->columns[i].type == INDEX_INT;
        }
    }
    return false;
}

void view_sql(const struct module *module, const char *create, struct buf *out) {
    ENSURE(name_is_plain(module->name) && module->column_count <= MODULE_INDEX_MAX);
    buf_printf(out,
               "%s view_%s(view_id INTEGER PRIMARY KEY, site INTEGER NOT NULL, "
               "subject BLOB NOT NULL, folded INTEGER NOT NULL, state BLOB NOT NULL",
               create, module->name);
    for (uint8_t i = 0; i < module->column_count; i++) {
        ENSURE(name_is_plain(module->columns[i].name));
        buf_printf(out, ", \"%s\" %s", module->columns[i].name,
                   column_sql_type(module->columns[i].type));
    }
    buf_printf(out, ") STRICT;");
    // Lists ask for what is open; what is closed piles up for years.
    if (has_open(module) && strcmp(create, "CREATE TABLE") == 0) {
        buf_printf(out, " CREATE INDEX view_%s_open ON view_%s(site) WHERE open = 1;", module->name,
                   module->name);
    }
}

static void view_get_sql(const struct module *module, struct buf *out) {
    buf_printf(out, "SELECT folded, state FROM view_%s WHERE view_id = ?1", module->name);
}

static void view_insert_sql(const struct module *module, struct buf *out) {
    buf_printf(out, "INSERT INTO view_%s VALUES(?1, ?2, ?3, ?4, ?5", module->name);
    for (int i = 0; i < module->column_count; i++) {
        buf_printf(out, ", ?%d", i + VIEW_COLUMNS_FIRST);
    }
    buf_printf(out, ")");
}

static void view_update_sql(const struct module *module, struct buf *out) {
    buf_printf(out, "UPDATE view_%s SET folded = ?4, state = ?5", module->name);
    for (int i = 0; i < module->column_count; i++) {
        buf_printf(out, ", \"%s\" = ?%d", module->columns[i].name, i + VIEW_COLUMNS_FIRST);
    }
    buf_printf(out, " WHERE view_id = ?1");
}

static void (*const view_statement_sql[VIEW_STATEMENT_COUNT])(const struct module *module,
                                                              struct buf *out) = {
    [VIEW_GET] = view_get_sql, [VIEW_INSERT] = view_insert_sql, [VIEW_UPDATE] = view_update_sql};

static enum rc view_take(struct store *store, struct view *view, enum view_statement which,
                         sqlite3_stmt **out_statement) {
    if (view->statements[which] == NULL) {
        struct buf sql;
        buf_init(&sql, STORE_SQL_BYTES);
        view_statement_sql[which](view->module, &sql);
        int code = sqlite3_prepare_v3(store->db, buf_cstr(&sql), -1, SQLITE_PREPARE_PERSISTENT,
                                      &view->statements[which], NULL);
        enum rc rc = buf_rc(&sql) != RC_OK ? buf_rc(&sql) : db_rc(store->db, code);
        buf_fini(&sql);
        if (rc != RC_OK) {
            return rc;
        }
    }
    *out_statement = view->statements[which];
    return RC_OK;
}

void view_finalize(struct view *view) {
    for (size_t i = 0; i < VIEW_STATEMENT_COUNT; i++) {
        sqlite3_finalize(view->statements[i]);
        view->statements[i] = NULL;
    }
}

struct view *view_of(struct store *store, const struct module *module) {
    for (uint16_t i = 0; i < store->registry->count; i++) {
        if (store->views[i].module == module) {
            return &store->views[i];
        }
    }
    return NULL;
}

// ---- One row ----

struct view_row {
    int64_t number; // of the subject
    int64_t folded; // log row id of the last fold
    bool is_new;    // there is no row yet
};

// State is kept without its trailing zeros, with a checksum behind it: modules believe their
// state, and
// a flipped bit must not lead them out of an array. An empty one only knows how far it was folded.
static uint32_t state_sum(const uint8_t *state, size_t bytes) {
    uint64_t sum = 0xCBF29CE484222325u ^ bytes;
    for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t left = bytes - at;
        memcpy(&word, state + at, left < sizeof(word) ? left : sizeof(word));
        sum = (sum ^ word) * 0x9E3779B97F4A7C15u;
        sum ^= sum >> 29;
    }
    return (uint32_t)(sum ^ sum >> 32);
}

static size_t state_used(const uint8_t *state, size_t bytes) {
    while (bytes > 0 && state[bytes - 1] == 0) {
        bytes--;
    }
    return bytes;
}

enum rc state_unpack(const struct module *module, struct slice packed, void *out_state) {
    uint32_t sum = 0;
    memset(out_state, 0, module->state_bytes);
    if (packed.len == 0) {
        return RC_NOT_FOUND;
    }
    if (packed.len < sizeof(sum) || packed.len - sizeof(sum) > module->state_bytes) {
        return RC_CORRUPT;
    }
    size_t used = packed.len - sizeof(sum);
    memcpy(&sum, packed.data + used, sizeof(sum));
    if (state_sum(packed.data, used) != sum) {
        return RC_CORRUPT;
    }
    memcpy(out_state, packed.data, used);
    return RC_OK;
}

static enum rc view_read(struct store *store, struct view *view, int64_t number,
                         struct view_row *out_row, void *out_state) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = view_take(store, view, VIEW_GET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    struct view_row row = {.number = number, .is_new = true};
    struct slice packed = {0};
    sqlite3_bind_int64(statement, 1, number);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        row.is_new = false;
        row.folded = sqlite3_column_int64(statement, 0);
        packed = column_slice(statement, 1);
    }
    if (rc == RC_OK || rc == RC_NOT_FOUND) {
        *out_row = row;
        rc = state_unpack(view->module, packed, out_state);
    }
    sqlite3_reset(statement);
    return rc;
}

enum rc view_load(struct store *store, struct view *view, struct rid subject, void *out_state) {
    struct view_row row;
    int64_t number = 0;
    enum rc rc = subject_number(store, subject, false, &number);
    if (rc == RC_NOT_FOUND) {
        memset(out_state, 0, view->module->state_bytes);
    }
    return rc == RC_OK ? view_read(store, view, number, &row, out_state) : rc;
}

static void bind_columns(sqlite3_stmt *statement, const struct module *module, const void *state) {
    struct index_value values[MODULE_INDEX_MAX] = {0};
    if (module->column_count > 0) {
        module->index(state, values);
    }
    for (int i = 0; i < module->column_count; i++) {
        if (module->columns[i].type == INDEX_INT) {
            sqlite3_bind_int64(statement, i + VIEW_COLUMNS_FIRST, values[i].number);
        } else {
            const char *text = values[i].text != NULL ? values[i].text : "";
            sqlite3_bind_text(statement, i + VIEW_COLUMNS_FIRST, text, -1, SQLITE_STATIC);
        }
    }
}

// `state` has room for the checksum behind it.
static enum rc view_write(struct store *store, struct view *view, struct rid subject,
                          const struct view_row *row, uint8_t *state) {
    sqlite3_stmt *statement = NULL;
    enum view_statement which = row->is_new ? VIEW_INSERT : VIEW_UPDATE;
    enum rc rc = view_take(store, view, which, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row->number);
    if (row->is_new) {
        sqlite3_bind_int64(statement, 2, store->site_row);
        bind_bytes(statement, 3, subject.id.b, ID_BYTES);
    }
    sqlite3_bind_int64(statement, 4, row->folded);
    bind_columns(statement, view->module, state);
    size_t used = state_used(state, view->module->state_bytes);
    uint32_t sum = state_sum(state, used);
    memcpy(state + used, &sum, sizeof(sum));
    bind_bytes(statement, 5, state, used > 0 ? used + sizeof(sum) : 0);
    rc = db_run(store, statement);
    memset(state + used, 0, sizeof(sum));
    sqlite3_reset(statement);
    if (rc == RC_OK && store->on_fold != NULL && !store->on_fold_off) {
        store->on_fold(store->on_fold_ctx, view->module, subject, state);
    }
    return rc;
}

// ---- Folding ----

static void place_of_row(struct store *store, const struct log_row *row, struct fold_entry *entry) {
    struct chain_row *chain = NULL;
    if (chain_by_row(store, place_chain(row->place), &chain) == RC_OK) {
        entry->place = (struct place){chain->chain.id, place_seq(row->place)};
    }
}

static struct fold_entry fold_entry_of(struct store *store, const struct log_row *row,
                                       const struct loaded *loaded) {
    struct fold_entry entry = {
        .content = &loaded->content,
        .rid = loaded->rid,
        .verdict = row->verdict,
        .rule = row->rule,
        .n = place_seq(row->id),
        .hub_time = row->hub_time,
    };
    place_of_row(store, row, &entry);
    return entry;
}

void place_list_free(struct place_list *list) {
    free(list->places);
    *list = (struct place_list){0};
}

enum rc place_list_add(struct place_list *list, int64_t place) {
    if (list->count == list->cap) {
        uint32_t cap = list->cap == 0 ? 16 : list->cap * 2;
        int64_t *places = realloc(list->places, cap * sizeof(*places));
        if (places == NULL) {
            return RC_NO_MEMORY;
        }
        list->places = places;
        list->cap = cap;
    }
    list->places[list->count++] = place;
    return RC_OK;
}

// A record that opens the subject is found by the subject's own rid, unless it names subjects
// itself.
static enum rc subject_opening(struct store *store, struct rid subject, struct place_list *list) {
    int64_t place = 0;
    enum rc rc = record_first(store, subject, &place);
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    struct loaded loaded;
    loaded_init(&loaded);
    rc = entry_load(store, place, &loaded);
    if (rc == RC_OK && loaded.content.subject_count == 0 &&
        content_subject_count(&loaded.content) > 0) {
        rc = place_list_add(list, place);
    }
    loaded_fini(&loaded);
    return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
}

enum rc subject_places(struct store *store, struct rid subject, struct place_list *list) {
    enum rc rc = subject_opening(store, subject, list);
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    if (rc == RC_OK) {
        rc = subject_number(store, subject, false, &number);
    }
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_SUBJECT_GET, &statement);
    }
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    sqlite3_bind_int64(statement, 1, number);
    while ((rc = db_row(store, statement)) == RC_OK) {
        rc = place_list_add(list, sqlite3_column_int64(statement, 0));
        if (rc != RC_OK) {
            break;
        }
    }
    db_give(store, STATEMENT_SUBJECT_GET, statement);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

// A verdict and where it leads.
struct refold {
    struct store *store;
    struct log_row *rows;
    uint32_t count;
    uint32_t cap;
    enum rc rc;
};

static bool refold_place(void *ctx, int64_t place) {
    struct refold *refold = ctx;
    sqlite3_stmt *statement = NULL;
    refold->rc = db_take(refold->store, STATEMENT_LOG_OF, &statement);
    if (refold->rc != RC_OK) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, place);
    while ((refold->rc = db_row(refold->store, statement)) == RC_OK) {
        if (refold->count == refold->cap) {
            uint32_t cap = refold->cap == 0 ? 16 : refold->cap * 2;
            struct log_row *rows = realloc(refold->rows, cap * sizeof(*rows));
            if (rows == NULL) {
                refold->rc = RC_NO_MEMORY;
                break;
            }
            refold->rows = rows;
            refold->cap = cap;
        }
        log_row_read(statement, &refold->rows[refold->count++]);
    }
    db_give(refold->store, STATEMENT_LOG_OF, statement);
    if (refold->rc == RC_NOT_FOUND) {
        refold->rc = RC_OK;
    }
    return refold->rc == RC_OK;
}

static int compare_rows(const void *a, const void *b) {
    int64_t left = ((const struct log_row *)a)->id;
    int64_t right = ((const struct log_row *)b)->id;
    return (left > right) - (left < right);
}

// All verdicts about a subject's records, at any of their places, in fold order.
static enum rc refold_gather(struct refold *refold, struct rid subject) {
    struct place_list list = {0};
    struct loaded loaded;
    loaded_init(&loaded);
    enum rc rc = subject_places(refold->store, subject, &list);
    for (uint32_t i = 0; i < list.count && rc == RC_OK; i++) {
        rc = entry_load(refold->store, list.places[i], &loaded);
        if (rc == RC_OK) {
            rc = record_places(refold->store, loaded.rid, refold_place, refold);
        }
        if (rc == RC_OK) {
            rc = refold->rc;
        }
    }
    loaded_fini(&loaded);
    place_list_free(&list);
    if (rc == RC_OK && refold->count > 1) {
        qsort(refold->rows, refold->count, sizeof(*refold->rows), compare_rows);
    }
    return rc;
}

// Does a record of this kind fold into this module's state? A kind that nobody here knows reaches
// every module that already has a state of the subject, so that it can show that it needs a newer
// Davy.
static bool kind_reaches(struct store *store, const struct module *module, uint16_t number,
                         bool has_state) {
    const struct module *owner = NULL;
    const struct kind *kind = registry_kind(store->registry, number, &owner);
    return kind == NULL ? has_state : owner == module;
}

static enum rc refold_rows(struct store *store, struct view *view, struct rid subject,
                           const struct refold *refold, int64_t *out_folded) {
    struct loaded loaded;
    loaded_init(&loaded);
    memset(view->scratch, 0, view->module->state_bytes);
    bool reached = false;
    enum rc rc = RC_OK;
    *out_folded = 0;
    for (uint32_t i = 0; i < refold->count && rc == RC_OK; i++) {
        bool folds = false;
        rc = entry_load(store, refold->rows[i].place, &loaded);
        if (rc == RC_OK) {
            rc = log_folds(store, &refold->rows[i], loaded.rid, &folds);
        }
        if (rc == RC_OK && folds &&
            kind_reaches(store, view->module, loaded.content.kind, reached)) {
            struct fold_entry entry = fold_entry_of(store, &refold->rows[i], &loaded);
            view->module->fold(view->scratch, subject, &entry);
            reached = true;
            *out_folded = refold->rows[i].id;
        }
    }
    loaded_fini(&loaded);
    return rc;
}

// A verdict came that stands earlier in the log than what was folded already (lanes travel apart):
// the subject is folded again from its records, so that every copy ends in the same state.
static enum rc refold_subject(struct store *store, struct view *view, struct rid subject,
                              const struct view_row *row) {
    struct refold refold = {.store = store};
    int64_t folded = 0;
    enum rc rc = refold_gather(&refold, subject);
    if (rc == RC_OK) {
        rc = refold_rows(store, view, subject, &refold, &folded);
    }
    free(refold.rows);
    return rc == RC_OK ? view_write(store, view, subject, row, view->scratch) : rc;
}

static enum rc view_drop(struct store *store, const struct view *view, int64_t number) {
    char sql[128];
    (void)snprintf(sql, sizeof sql, "DELETE FROM view_%s WHERE view_id = %lld", view->module->name,
                   (long long)number);
    return db_exec(store, sql);
}

static enum rc view_refold(struct store *store, struct view *view, struct rid subject,
                           const struct refold *refold) {
    struct view_row row;
    int64_t number = 0;
    enum rc rc = subject_number(store, subject, false, &number);
    if (rc == RC_OK) {
        rc = view_read(store, view, number, &row, view->scratch);
    }
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    rc = refold_rows(store, view, subject, refold, &row.folded);
    if (rc == RC_OK && row.folded == 0) {
        return view_drop(store, view, number);
    }
    return rc == RC_OK ? view_write(store, view, subject, &row, view->scratch) : rc;
}

enum rc subject_refold(struct store *store, struct rid subject) {
    struct refold refold = {.store = store};
    enum rc rc = refold_gather(&refold, subject);
    for (uint16_t v = 0; v < store->registry->count && rc == RC_OK; v++) {
        rc = view_refold(store, &store->views[v], subject, &refold);
    }
    free(refold.rows);
    return rc;
}

enum rc views_renumber(struct store *store, int64_t number, int64_t other) {
    enum rc rc = RC_OK;
    for (uint16_t v = 0; v < store->registry->count && rc == RC_OK; v++) {
        char sql[160];
        (void)snprintf(sql, sizeof sql, "UPDATE view_%s SET view_id = %lld WHERE view_id = %lld",
                       store->views[v].module->name, (long long)other, (long long)number);
        rc = db_exec(store, sql);
    }
    return rc;
}

static enum rc fold_subject(struct store *store, struct view *view, struct rid subject,
                            const struct fold_entry *entry, int64_t log_id) {
    struct view_row row;
    int64_t number = 0;
    enum rc rc = subject_number(store, subject, true, &number);
    if (rc == RC_OK) {
        rc = view_read(store, view, number, &row, view->scratch);
    }
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        return rc;
    }
    if (!row.is_new && row.folded == log_id) {
        return RC_OK; // a record that names the subject twice
    }
    if (!row.is_new && row.folded > log_id) {
        return refold_subject(store, view, subject, &row);
    }
    if (!kind_reaches(store, view->module, entry->content->kind, !row.is_new)) {
        return RC_OK;
    }
    view->module->fold(view->scratch, subject, entry);
    row.folded = log_id;
    return view_write(store, view, subject, &row, view->scratch);
}

enum rc fold_entry(struct store *store, const struct log_row *row, const struct loaded *loaded) {
    const struct module *module = NULL;
    const struct kind *kind = registry_kind(store->registry, loaded->content.kind, &module);
    bool folds = false;
    enum rc rc = log_folds(store, row, loaded->rid, &folds);
    if (rc != RC_OK || !folds) {
        return rc;
    }
    struct fold_entry entry = fold_entry_of(store, row, loaded);
    uint16_t count = content_subject_count(&loaded->content);
    if (kind != NULL && (kind->flags & KIND_NO_SUBJECT) != 0) {
        count = 0;
    }
    for (uint16_t i = 0; i < count && rc == RC_OK; i++) {
        struct rid subject = content_subject(&loaded->content, loaded->rid, i);
        for (uint16_t v = 0; v < store->registry->count && rc == RC_OK; v++) {
            struct view *view = &store->views[v];
            bool wanted = !store->stale_only || view->stale;
            if (wanted && (kind == NULL || view->module == module)) {
                rc = fold_subject(store, view, subject, &entry, row->id);
            }
        }
    }
    return rc;
}

void store_on_fold(struct store *store,
                   void (*on_fold)(void *ctx, const struct module *module, struct rid subject,
                                   const void *state),
                   void *ctx) {
    store->on_fold = on_fold;
    store->on_fold_ctx = ctx;
}
