#include "store/store_priv.h"

#include <stdlib.h>
#include <string.h>

#define PROGRESS_EVERY 1000

// ---- Versions ----

static enum rc version_is(struct store *store, const struct module *module, const char *sql,
                          bool *out_same) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_VIEW_VERSION, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_text(statement, 1, module->name, -1, SQLITE_STATIC);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        const unsigned char *held = sqlite3_column_text(statement, 2);
        *out_same = sqlite3_column_int(statement, 0) == module->fold_version &&
                    sqlite3_column_int64(statement, 1) == module->state_bytes && held != NULL &&
                    strcmp((const char *)held, sql) == 0;
    } else if (rc == RC_NOT_FOUND) {
        *out_same = false;
        rc = RC_OK;
    }
    db_give(store, STATEMENT_VIEW_VERSION, statement);
    return rc;
}

static enum rc version_set(struct store *store, const struct module *module, const char *sql) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_VIEW_VERSION_SET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_text(statement, 1, module->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, module->fold_version);
    sqlite3_bind_int64(statement, 3, module->state_bytes);
    sqlite3_bind_text(statement, 4, sql, -1, SQLITE_STATIC);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_VIEW_VERSION_SET, statement);
    return rc;
}

static enum rc view_is_stale(struct store *store, struct view *view) {
    struct buf sql;
    buf_init(&sql, STORE_SQL_BYTES);
    view_sql(view->module, "CREATE TABLE", &sql);
    bool same = false;
    const char *text = buf_cstr(&sql);
    enum rc rc = buf_rc(&sql);
    if (rc == RC_OK) {
        rc = version_is(store, view->module, text, &same);
    }
    view->stale = !same;
    buf_fini(&sql);
    return rc;
}

// ---- Folding the log ----

static enum rc fold_logged(struct store *store, const struct log_row *row, struct loaded *loaded) {
    enum rc rc = entry_load(store, row->place, loaded);
    if (rc == RC_NOT_FOUND || (rc == RC_OK && loaded->type != ENTRY_RECORD)) {
        rc = RC_CORRUPT;
    }
    return rc == RC_OK ? fold_entry(store, row, loaded) : rc;
}

enum rc fold_all(struct store *store, void (*progress)(void *ctx, uint64_t done, uint64_t total),
                 void *ctx) {
    int64_t total = 0;
    uint64_t done = 0;
    sqlite3_stmt *statement = NULL;
    struct loaded loaded;
    loaded_init(&loaded);
    enum rc rc = RC_OK;
    if (progress != NULL) {
        rc = db_integer(store->db, "SELECT count(*) FROM log", &total);
    }
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_LOG_ALL, &statement);
    }
    while (rc == RC_OK && (rc = db_row(store, statement)) == RC_OK) {
        struct log_row row;
        log_row_read(statement, &row);
        rc = fold_logged(store, &row, &loaded);
        done++;
        if (progress != NULL && (done % PROGRESS_EVERY == 0 || done == (uint64_t)total)) {
            progress(ctx, done, (uint64_t)total);
        }
    }
    db_give(store, STATEMENT_LOG_ALL, statement);
    loaded_fini(&loaded);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc view_make(struct store *store, struct view *view) {
    struct buf sql;
    buf_init(&sql, STORE_SQL_BYTES);
    buf_printf(&sql, "DROP TABLE IF EXISTS view_%s", view->module->name);
    view_finalize(view);
    enum rc rc = db_exec_buf(store, &sql);
    buf_reset(&sql);
    view_sql(view->module, "CREATE TABLE", &sql);
    if (rc == RC_OK) {
        rc = db_exec_buf(store, &sql);
    }
    if (rc == RC_OK) {
        rc = version_set(store, view->module, buf_cstr(&sql));
    }
    buf_fini(&sql);
    return rc;
}

enum rc views_rebuild(struct store *store,
                      void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx) {
    enum rc rc = db_ready(store);
    for (uint16_t i = 0; i < store->registry->count && rc == RC_OK; i++) {
        if (store->views[i].stale) {
            rc = view_make(store, &store->views[i]);
        }
    }
    if (rc == RC_OK) {
        store->stale_only = true;
        rc = fold_all(store, progress, ctx);
        store->stale_only = false;
    }
    return rc;
}

static enum rc rebuild_now(struct store *store,
                           void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx) {
    enum rc rc = store_begin(store);
    if (rc != RC_OK) {
        return rc;
    }
    rc = db_trouble(store, views_rebuild(store, progress, ctx));
    if (rc != RC_OK) {
        store_rollback(store);
        return rc;
    }
    rc = store_commit(store);
    for (uint16_t i = 0; i < store->registry->count && rc == RC_OK; i++) {
        store->views[i].stale = false;
    }
    return rc;
}

enum rc store_rebuild(struct store *store,
                      void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx) {
    for (uint16_t i = 0; i < store->registry->count; i++) {
        store->views[i].stale = true;
    }
    return rebuild_now(store, progress, ctx);
}

enum rc views_open(struct store *store, struct refusal *out_refusal) {
    uint16_t count = store->registry->count;
    store->views = calloc(count > 0 ? count : 1, sizeof(*store->views));
    if (store->views == NULL) {
        return RC_NO_MEMORY;
    }
    bool any = false;
    for (uint16_t i = 0; i < count; i++) {
        struct view *view = &store->views[i];
        view->module = store->registry->modules[i];
        view->scratch = calloc(1, view->module->state_bytes + VIEW_SUM_BYTES);
        enum rc rc = view->scratch == NULL ? RC_NO_MEMORY : view_is_stale(store, view);
        if (rc != RC_OK) {
            return rc;
        }
        any = any || view->stale;
    }
    if (any && store->read_only) {
        (void)!REFUSE(out_refusal, REFUSAL_STORE_NEWER, "");
        return RC_UNSUPPORTED;
    }
    return any ? rebuild_now(store, NULL, NULL) : RC_OK;
}

void views_close(struct store *store) {
    for (uint16_t i = 0; store->views != NULL && i < store->registry->count; i++) {
        view_finalize(&store->views[i]);
        free(store->views[i].scratch);
    }
    free(store->views);
    store->views = NULL;
}
