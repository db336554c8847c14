#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_FILE "records.db"
#define LOCK_FILE "davy.lock"

static int on_wal(void *ctx, sqlite3 *db, const char *name, int pages) {
    (void)db;
    (void)name;
    struct store *store = ctx;
    store->wal_pages = pages;
    return SQLITE_OK;
}

// The lock belongs to the open file: it ends with the process, also by kill -9, and is not lost
// when another descriptor of the same file is closed.
static enum rc lock_take(const char *path, int *out_fd) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO;
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
        enum rc rc = errno == EAGAIN || errno == EACCES ? RC_BUSY : RC_IO;
        close(fd);
        return rc;
    }
    *out_fd = fd;
    return RC_OK;
}

static enum rc folder_make(const char *folder) {
    if (mkdir(folder, S_IRWXU) == 0 || errno == EEXIST) {
        return RC_OK;
    }
    return errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO;
}

static enum rc store_lock(struct store *store, const struct store_options *options) {
    if (options->folder[0] == '\0' || options->read_only) {
        return RC_OK;
    }
    enum rc rc = options->create ? folder_make(options->folder) : RC_OK;
    char path[PATH_MAX];
    if (rc == RC_OK) {
        rc = schema_path(options->folder, STORE_FILE, path, sizeof(path));
    }
    // No lock file is left in a folder that holds no store.
    if (rc == RC_OK && !options->create && access(path, F_OK) != 0) {
        rc = RC_NOT_FOUND;
    }
    if (rc == RC_OK) {
        rc = schema_path(options->folder, LOCK_FILE, path, sizeof(path));
    }
    return rc == RC_OK ? lock_take(path, &store->lock_fd) : rc;
}

// A process that died within a commit may have left it in the file without its sync. It is there
// for whoever opens the file next, and would be gone after a power cut: before anything is built on
// it, or told to others, it is made durable. Busy and full leave the synced WAL as it is.
static enum rc recovered_keep(struct store *store) {
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    enum rc rc = db_rc(store->db, code);
    return rc == RC_BUSY || rc == RC_FULL ? RC_OK : rc;
}

static enum rc store_open_file(struct store *store, const struct store_options *options,
                               struct refusal *out_refusal) {
    char path[PATH_MAX];
    enum rc rc = schema_path(options->folder, STORE_FILE, path, sizeof(path));
    if (rc != RC_OK) {
        return rc;
    }
    struct schema_file file = {.schema = &store_schema,
                               .path = path,
                               .vfs = options->vfs,
                               .read_only = options->read_only,
                               .create = options->create};
    rc = schema_open_file(&file, &store->db, out_refusal);
    if (rc == RC_OK) {
        int64_t bytes = 0;
        sqlite3_wal_hook(store->db, on_wal, store);
        rc = db_integer(store->db, "PRAGMA page_size", &bytes);
        store->page_bytes = (int)bytes;
    }
    if (rc == RC_OK && !options->read_only) {
        rc = recovered_keep(store);
    }
    return rc;
}

static enum rc store_maps(struct store *store) {
    // Ids are hashes of keys and records; a seed would not make them harder to aim.
    enum rc rc = map_new(STORE_AUTHORS_MAX, 1, &store->author_map);
    if (rc == RC_OK) {
        rc = map_new(STORE_CHAINS_MAX, 2, &store->chain_map);
    }
    return rc == RC_OK ? map_new(STORE_CHAINS_MAX, 3, &store->chain_ids) : rc;
}

static void refusal_of_rc(enum rc rc, struct refusal *refusal) {
    static const enum refusal_code codes[RC_COUNT] = {
        [RC_BUSY] = REFUSAL_STORE_BUSY,
        [RC_FULL] = REFUSAL_DISK_FULL,
        [RC_CORRUPT] = REFUSAL_STORE_CORRUPT,
        [RC_UNSUPPORTED] = REFUSAL_STORE_NEWER,
    };
    if (refusal->code == REFUSAL_NONE && codes[rc] != REFUSAL_NONE) {
        (void)!REFUSE(refusal, codes[rc], "");
    }
}

enum rc store_open(const struct store_options *options, struct store **out_store,
                   struct refusal *out_refusal) {
    ENSURE(options->folder[0] != '\0' || options->vfs != NULL);
    struct refusal refusal = {0};
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return RC_NO_MEMORY;
    }
    store->lock_fd = -1;
    store->read_only = options->read_only;
    store->registry = options->registry;
    loaded_init(&store->last);
    enum rc rc = store_maps(store);
    if (rc == RC_OK) {
        rc = store_lock(store, options);
    }
    if (rc == RC_OK) {
        rc = store_open_file(store, options, &refusal);
    }
    if (rc == RC_OK) {
        rc = store_load(store);
    }
    if (rc == RC_OK) {
        rc = views_open(store, &refusal);
    }
    sqlite3_stmt *rollback = NULL;
    if (rc == RC_OK) {
        // Made beforehand, so that a rollback needs no memory.
        rc = db_take(store, STATEMENT_ROLLBACK, &rollback);
        db_give(store, STATEMENT_ROLLBACK, rollback);
    }
    if (rc != RC_OK) {
        store_close(store);
        refusal_of_rc(rc, &refusal);
        if (out_refusal != NULL) {
            *out_refusal = refusal;
        }
        return rc;
    }
    *out_store = store;
    return RC_OK;
}

void store_close(struct store *store) {
    if (store == NULL) {
        return;
    }
    store_rollback(store);
    if (store->author_map != NULL && store->chain_map != NULL && store->chain_ids != NULL) {
        store_forget(store);
    }
    views_close(store);
    pending_free(store);
    db_finalize_all(store);
    if (store->db != NULL) {
        int code = sqlite3_close(store->db);
        ENSURE(code == SQLITE_OK || code == SQLITE_IOERR);
    }
    loaded_fini(&store->last);
    free(store->authors);
    free(store->chains);
    map_free(store->author_map);
    map_free(store->chain_map);
    map_free(store->chain_ids);
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    free(store);
}

struct sqlite3 *store_sqlite(struct store *store) {
    return store->db;
}

struct site_id store_site(const struct store *store) {
    return store->site;
}

enum rc store_site_set(struct store *store, struct site_id site) {
    enum rc rc = db_ready(store);
    if (rc != RC_OK) {
        return rc;
    }
    if (store->site_row != 0) {
        return id16_equal(store->site.id, site.id) ? RC_OK : RC_WRONG_SITE;
    }
    if (id16_is_zero(site.id)) {
        return RC_INVALID;
    }
    sqlite3_stmt *statement = NULL;
    rc = db_take(store, STATEMENT_SITE_PUT, &statement);
    if (rc == RC_OK) {
        bind_bytes(statement, 1, site.id.b, ID_BYTES);
        rc = db_run(store, statement);
        db_give(store, STATEMENT_SITE_PUT, statement);
    }
    if (rc == RC_OK) {
        // Chains that were looked at before begin otherwise now.
        store_forget(store);
        store->site_row = sqlite3_last_insert_rowid(store->db);
        store->site = site;
        store->site_is_new = true;
    }
    return rc;
}
