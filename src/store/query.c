#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>

enum rc store_view_get(struct store *store, const struct module *module, struct rid subject,
                       bool with_pending, void *out_state) {
    store_refresh(store);
    struct view *view = view_of(store, module);
    ENSURE(view != NULL);
    void *state = malloc(module->state_bytes > 0 ? module->state_bytes : 1);
    if (state == NULL) {
        return db_short(store, RC_NO_MEMORY);
    }
    bool pending = false;
    enum rc rc = view_load(store, view, subject, state);
    if (with_pending && (rc == RC_OK || rc == RC_NOT_FOUND)) {
        enum rc folded = pending_fold(store, module, subject, state, &pending);
        rc = folded != RC_OK ? folded : pending ? RC_OK : rc;
    }
    if (rc == RC_OK) {
        memcpy(out_state, state, module->state_bytes);
    }
    free(state);
    return db_short(store, rc);
}

// ---- SQL of a query ----

static const char *operator_sql(char op) {
    switch (op) {
    case '=':
        return "=";
    case '<':
        return "<";
    case '>':
        return ">";
    default:
        ENSURE(op == '!');
        return "<>";
    }
}

static const struct index_column *column_of(const struct module *module, const char *name) {
    for (uint8_t i = 0; i < module->column_count; i++) {
        if (strcmp(module->columns[i].name, name) == 0) {
            return &module->columns[i];
        }
    }
    return NULL;
}

// The index over open rows is used only for the literal `open = 1`, so small numbers are written
// out.
static void filter_sql(const struct module *module, const struct view_filter *filter, int index,
                       struct buf *sql) {
    const struct index_column *column = column_of(module, filter->column);
    ENSURE(column != NULL);
    const char *op = operator_sql(filter->op);
    int64_t number = filter->value.number;
    if (column->type == INDEX_INT && number >= 0 && number <= 9) {
        buf_printf(sql, " AND \"%s\" %s %d", column->name, op, (int)number);
    } else {
        buf_printf(sql, " AND \"%s\" %s ?%d", column->name, op, index);
    }
}

static void filter_bind(sqlite3_stmt *statement, const struct module *module,
                        const struct view_filter *filter, int index) {
    if (index > sqlite3_bind_parameter_count(statement)) {
        return;
    }
    if (column_of(module, filter->column)->type == INDEX_INT) {
        sqlite3_bind_int64(statement, index, filter->value.number);
    } else {
        const char *text = filter->value.text != NULL ? filter->value.text : "";
        sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
    }
}

// Parameters: 1 site, 2 limit, 3 offset, then the filters.
static enum rc query_prepare(struct store *store, const struct module *module,
                             const struct view_query *query, const char *what,
                             sqlite3_stmt **out_statement) {
    struct buf sql;
    sqlite3_stmt *statement = NULL;
    buf_init(&sql, STORE_SQL_BYTES);
    buf_printf(&sql, "SELECT %s FROM view_%s WHERE site = ?1 AND length(state) > 0", what,
               module->name);
    for (int i = 0; i < query->filter_count; i++) {
        filter_sql(module, &query->filters[i], i + 4, &sql);
    }
    if (query->order != NULL && query->order[0] != '\0') {
        buf_printf(&sql, " ORDER BY %s", query->order);
    }
    buf_printf(&sql, " LIMIT ?2 OFFSET ?3");
    const char *text = buf_cstr(&sql);
    enum rc rc = buf_rc(&sql);
    if (rc == RC_OK) {
        int code = sqlite3_prepare_v2(store->db, text, -1, &statement, NULL);
        rc = db_rc(store->db, code);
    }
    buf_fini(&sql);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    for (int i = 0; i < query->filter_count; i++) {
        filter_bind(statement, module, &query->filters[i], i + 4);
    }
    *out_statement = statement;
    return RC_OK;
}

static enum rc view_row_state(sqlite3_stmt *statement, const struct module *module,
                              struct rid *out_subject, void *out_state) {
    if (!column_copy(statement, 0, out_subject->id.b, ID_BYTES)) {
        return RC_CORRUPT;
    }
    return state_unpack(module, column_slice(statement, 1), out_state);
}

struct view_walk {
    struct store *store;
    const struct module *module;
    bool with_pending;
    enum rc (*visit)(void *ctx, struct rid subject, const void *state);
    void *ctx;
};

static enum rc view_walk_rows(const struct view_walk *walk, sqlite3_stmt *statement) {
    struct store *store = walk->store;
    const struct module *module = walk->module;
    void *state = malloc(module->state_bytes > 0 ? module->state_bytes : 1);
    enum rc rc = state == NULL ? RC_NO_MEMORY : RC_OK;
    while (rc == RC_OK && (rc = db_row(store, statement)) == RC_OK) {
        struct rid subject;
        bool pending = false;
        rc = view_row_state(statement, module, &subject, state);
        if (rc == RC_OK && walk->with_pending) {
            rc = pending_fold(store, module, subject, state, &pending);
        }
        if (rc == RC_OK) {
            rc = walk->visit(walk->ctx, subject, state);
            if (rc == RC_FULL) {
                rc = RC_NOT_FOUND;
                break;
            }
        }
    }
    free(state);
    return rc == RC_NOT_FOUND ? RC_OK : db_short(store, rc);
}

enum rc store_view_each(struct store *store, const struct module *module,
                        const struct view_query *query,
                        enum rc (*visit)(void *ctx, struct rid subject, const void *state),
                        void *ctx) {
    store_refresh(store);
    ENSURE(view_of(store, module) != NULL);
    sqlite3_stmt *statement = NULL;
    enum rc rc = query_prepare(store, module, query, "subject, state", &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 2, query->limit > 0 ? query->limit : LIMIT_QUERY_ROWS);
    sqlite3_bind_int64(statement, 3, query->offset);
    store->walks++;
    const struct view_walk walk = {store, module, query->with_pending, visit, ctx};
    rc = view_walk_rows(&walk, statement);
    store->walks--;
    sqlite3_finalize(statement);
    return rc;
}

enum rc store_view_count(struct store *store, const struct module *module,
                         const struct view_query *query, uint64_t *out_count) {
    store_refresh(store);
    ENSURE(view_of(store, module) != NULL);
    struct view_query counted = *query;
    counted.order = NULL;
    sqlite3_stmt *statement = NULL;
    enum rc rc = query_prepare(store, module, &counted, "count(*)", &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 2, 1);
    sqlite3_bind_int64(statement, 3, 0);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        *out_count = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return rc;
}
