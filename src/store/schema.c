#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_BYTES 100 // of an SQLite file
#define HEADER_USER_VERSION 60
#define HEADER_APPLICATION_ID 68

// Never change a row that was released: add one.
static const struct migration store_migrations[] = {
    {"journal",
     "CREATE TABLE site(id INTEGER PRIMARY KEY, site BLOB NOT NULL UNIQUE CHECK(length(site) = 16))"
     " STRICT;"
     "CREATE TABLE author(id INTEGER PRIMARY KEY, site INTEGER NOT NULL REFERENCES site(id),"
     " author BLOB NOT NULL CHECK(length(author) = 16), device_key BLOB, own INTEGER NOT NULL,"
     " UNIQUE(site, author)) STRICT;"
     "CREATE TABLE chain(id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES author(id),"
     " lane INTEGER NOT NULL, audience INTEGER NOT NULL, head_seq INTEGER NOT NULL,"
     " head_hash BLOB NOT NULL, sealed_seq INTEGER NOT NULL, sealed_hash BLOB NOT NULL,"
     " logged_seq INTEGER NOT NULL, acked_seq INTEGER NOT NULL, UNIQUE(author, lane, audience))"
     " STRICT;"
     "CREATE TABLE entry(place INTEGER PRIMARY KEY, type INTEGER NOT NULL, hash BLOB NOT NULL,"
     " sig BLOB, bytes BLOB NOT NULL) STRICT;"
     "CREATE TABLE seal(place INTEGER PRIMARY KEY, sig BLOB NOT NULL) STRICT;"
     "CREATE TABLE record(site INTEGER NOT NULL, rid BLOB NOT NULL, place INTEGER NOT NULL,"
     " PRIMARY KEY(site, rid)) STRICT, WITHOUT ROWID;"
     "CREATE TABLE again(site INTEGER NOT NULL, rid BLOB NOT NULL, place INTEGER NOT NULL,"
     " PRIMARY KEY(site, rid, place)) STRICT, WITHOUT ROWID;"
     "CREATE TABLE stranger(id INTEGER PRIMARY KEY, site INTEGER NOT NULL, subject BLOB NOT NULL,"
     " UNIQUE(site, subject)) STRICT;"
     "CREATE TABLE subject(subject INTEGER NOT NULL, place INTEGER NOT NULL,"
     " PRIMARY KEY(subject, place)) STRICT, WITHOUT ROWID;"
     "CREATE TRIGGER entry_keep BEFORE UPDATE ON entry BEGIN"
     " SELECT RAISE(ABORT, 'entry is append-only'); END;"
     "CREATE TRIGGER entry_stay BEFORE DELETE ON entry BEGIN"
     " SELECT RAISE(ABORT, 'entry is append-only'); END;"
     "CREATE TRIGGER seal_keep BEFORE UPDATE ON seal BEGIN"
     " SELECT RAISE(ABORT, 'seal is append-only'); END;"
     "CREATE TRIGGER seal_stay BEFORE DELETE ON seal BEGIN"
     " SELECT RAISE(ABORT, 'seal is append-only'); END;"},
    {"log and views",
     "CREATE TABLE log(id INTEGER PRIMARY KEY, place INTEGER NOT NULL, admit INTEGER NOT NULL,"
     " verdict INTEGER NOT NULL, rule INTEGER NOT NULL, hub_time INTEGER NOT NULL,"
     " roster INTEGER NOT NULL) STRICT;"
     "CREATE INDEX log_place ON log(place);"
     "CREATE TRIGGER log_keep BEFORE UPDATE ON log BEGIN"
     " SELECT RAISE(ABORT, 'log is append-only'); END;"
     "CREATE TRIGGER log_stay BEFORE DELETE ON log BEGIN"
     " SELECT RAISE(ABORT, 'log is append-only'); END;"
     "CREATE TABLE view(module TEXT PRIMARY KEY, fold_version INTEGER NOT NULL,"
     " state_bytes INTEGER NOT NULL, sql TEXT NOT NULL) STRICT, WITHOUT ROWID;"},
    {"device",
     "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
     "CREATE TABLE secret(hash BLOB PRIMARY KEY, expires INTEGER NOT NULL, payload BLOB NOT NULL)"
     " STRICT, WITHOUT ROWID;"
     "CREATE TABLE quarantine(id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL,"
     " why INTEGER NOT NULL, time INTEGER NOT NULL, sample BLOB NOT NULL) STRICT;"},
    // Log rows were keyed by the row of the hub's author; views remember the key and are made anew.
    // Ranks are never higher than those rows, so that in ascending order no key meets another.
    {"incarnations",
     "CREATE TABLE hub(author INTEGER PRIMARY KEY REFERENCES author(id),"
     " rank INTEGER NOT NULL UNIQUE) STRICT;"
     "CREATE TABLE opening(author INTEGER PRIMARY KEY REFERENCES author(id),"
     " previous BLOB NOT NULL, heads BLOB NOT NULL) STRICT;"
     "DROP TRIGGER log_keep; DROP TRIGGER log_stay; DROP TRIGGER entry_stay;"
     "DROP TRIGGER seal_stay;"
     "INSERT INTO hub SELECT id, row_number() OVER (ORDER BY id) FROM author"
     " WHERE id IN (SELECT DISTINCT id >> 40 FROM log);"
     "UPDATE log SET id = (SELECT rank FROM hub WHERE author = log.id >> 40) << 40"
     " | (id & ((1 << 40) - 1));"
     "DELETE FROM view;"
     "CREATE TABLE cut(id INTEGER PRIMARY KEY, place INTEGER NOT NULL, type INTEGER NOT NULL,"
     " hash BLOB NOT NULL, sig BLOB, bytes BLOB NOT NULL, seal BLOB) STRICT;"
     "CREATE INDEX cut_place ON cut(place);"
     "CREATE TABLE void(id INTEGER PRIMARY KEY, log INTEGER NOT NULL, place INTEGER NOT NULL,"
     " admit INTEGER NOT NULL, verdict INTEGER NOT NULL, rule INTEGER NOT NULL,"
     " hub_time INTEGER NOT NULL, roster INTEGER NOT NULL) STRICT;"
     "CREATE INDEX void_log ON void(log);"
     "CREATE TRIGGER entry_stay BEFORE DELETE ON entry WHEN NOT EXISTS"
     " (SELECT 1 FROM cut WHERE cut.place = old.place AND cut.hash = old.hash) BEGIN"
     " SELECT RAISE(ABORT, 'entry is append-only'); END;"
     "CREATE TRIGGER seal_stay BEFORE DELETE ON seal WHEN NOT EXISTS"
     " (SELECT 1 FROM cut WHERE cut.place = old.place AND cut.seal = old.sig) BEGIN"
     " SELECT RAISE(ABORT, 'seal is append-only'); END;"
     "CREATE TRIGGER log_keep BEFORE UPDATE ON log BEGIN"
     " SELECT RAISE(ABORT, 'log is append-only'); END;"
     "CREATE TRIGGER log_stay BEFORE DELETE ON log WHEN NOT EXISTS"
     " (SELECT 1 FROM void WHERE void.log = old.id AND void.place = old.place) BEGIN"
     " SELECT RAISE(ABORT, 'log is append-only'); END;"
     "CREATE TRIGGER cut_keep BEFORE UPDATE ON cut BEGIN"
     " SELECT RAISE(ABORT, 'cut is append-only'); END;"
     "CREATE TRIGGER cut_stay BEFORE DELETE ON cut BEGIN"
     " SELECT RAISE(ABORT, 'cut is append-only'); END;"
     "CREATE TRIGGER void_keep BEFORE UPDATE ON void BEGIN"
     " SELECT RAISE(ABORT, 'void is append-only'); END;"
     "CREATE TRIGGER void_stay BEFORE DELETE ON void BEGIN"
     " SELECT RAISE(ABORT, 'void is append-only'); END;"},
    // A chunk's id is its blob's id << 16 | its first unit. Chunks of one blob never overlap.
    {"blobs",
     "CREATE TABLE blob(id INTEGER PRIMARY KEY, site INTEGER NOT NULL REFERENCES site(id),"
     " hash BLOB NOT NULL CHECK(length(hash) = 32), size INTEGER NOT NULL, media INTEGER NOT NULL,"
     " origin BLOB NOT NULL CHECK(length(origin) = 16), wanted INTEGER NOT NULL,"
     " whole INTEGER NOT NULL, hub INTEGER NOT NULL, refused INTEGER NOT NULL,"
     " held INTEGER NOT NULL, time INTEGER NOT NULL, UNIQUE(site, hash)) STRICT;"
     "CREATE INDEX blob_origin ON blob(origin, whole, size, time);"
     "CREATE INDEX blob_unsent ON blob(id) WHERE hub = 0 AND whole = 1;"
     "CREATE INDEX blob_wanted ON blob(id) WHERE wanted = 1 AND whole = 0;"
     "CREATE TABLE blob_chunk(id INTEGER PRIMARY KEY, units INTEGER NOT NULL, bytes BLOB NOT NULL)"
     " STRICT;"
     "CREATE TABLE blob_named(site INTEGER NOT NULL, hash BLOB NOT NULL, rid BLOB NOT NULL,"
     " PRIMARY KEY(site, hash, rid)) STRICT, WITHOUT ROWID;"},
    {"held records", "CREATE INDEX log_held ON log(id) WHERE verdict = 4;"},
};
const struct schema store_schema = {STORE_APPLICATION_ID, store_migrations,
                                    COUNT_OF(store_migrations)};

// What hostile bytes in a file could make SQLite do is cut down to what our own statements need.
static const struct {
    int id;
    int value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024}, // a journal row of history is the largest value
    {SQLITE_LIMIT_SQL_LENGTH, 100000},
    {SQLITE_LIMIT_COLUMN, 100},
    {SQLITE_LIMIT_EXPR_DEPTH, 50},
    {SQLITE_LIMIT_COMPOUND_SELECT, 3},
    {SQLITE_LIMIT_VDBE_OP, 25000},
    {SQLITE_LIMIT_FUNCTION_ARG, 8},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 64},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 10},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};
static const struct {
    int id;
    int value;
} configs[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},
    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    {SQLITE_DBCONFIG_DQS_DML, 0},
    {SQLITE_DBCONFIG_DQS_DDL, 0},
    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
};

enum pragma_when { PRAGMA_FIRST, PRAGMA_EXCLUSIVE, PRAGMA_WRITER };
// A PRAGMA that is not understood is silent, so each is read back.
static const struct {
    enum pragma_when when;
    const char *set;
    const char *get;
    const char *expected;
} pragmas[] = {
    // First of all: a reader may come just as the owner truncates the WAL.
    {PRAGMA_FIRST, "PRAGMA busy_timeout = 5000", "PRAGMA busy_timeout", "5000"},
    {PRAGMA_FIRST, "PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", "1"},
    {PRAGMA_FIRST, "PRAGMA recursive_triggers = ON", "PRAGMA recursive_triggers", "1"},
    {PRAGMA_FIRST, "PRAGMA cell_size_check = ON", "PRAGMA cell_size_check", "1"},
    {PRAGMA_FIRST, "PRAGMA mmap_size = 0", "PRAGMA mmap_size", "0"},
    {PRAGMA_FIRST, "PRAGMA temp_store = MEMORY", "PRAGMA temp_store", "2"},
    {PRAGMA_FIRST, "PRAGMA cache_size = -1024", "PRAGMA cache_size", "-1024"},
    {PRAGMA_EXCLUSIVE, "PRAGMA locking_mode = EXCLUSIVE", "PRAGMA locking_mode", "exclusive"},
    {PRAGMA_WRITER, "PRAGMA journal_mode = WAL", "PRAGMA journal_mode", "wal"},
    {PRAGMA_WRITER, "PRAGMA synchronous = FULL", "PRAGMA synchronous", "2"},
    {PRAGMA_WRITER, "PRAGMA wal_autocheckpoint = 0", "PRAGMA wal_autocheckpoint", "0"},
    {PRAGMA_WRITER, "PRAGMA journal_size_limit = 33554432", "PRAGMA journal_size_limit",
     "33554432"},
};

static enum rc pragmas_set(sqlite3 *db, enum pragma_when when) {
    for (size_t i = 0; i < COUNT_OF(pragmas); i++) {
        if (pragmas[i].when != when) {
            continue;
        }
        char text[32] = "";
        int code = sqlite3_exec(db, pragmas[i].set, NULL, NULL, NULL);
        enum rc rc = db_rc(db, code);
        if (rc == RC_OK) {
            rc = db_text(db, pragmas[i].get, text, sizeof(text));
        }
        // A PRAGMA without effect gives no row for a file whose VFS has no memory mapping.
        bool absent = rc == RC_NOT_FOUND && strcmp(pragmas[i].expected, "0") == 0;
        if (rc != RC_OK && !absent) {
            return rc;
        }
        if (!absent && strcmp(text, pragmas[i].expected) != 0) {
            return RC_UNSUPPORTED;
        }
    }
    return RC_OK;
}

static void limits_set(sqlite3 *db) {
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        sqlite3_limit(db, limits[i].id, limits[i].value);
    }
    for (size_t i = 0; i < COUNT_OF(configs); i++) {
        int value = -1;
        int code = sqlite3_db_config(db, configs[i].id, configs[i].value, &value);
        ENSURE(code == SQLITE_OK && value == configs[i].value);
    }
    sqlite3_extended_result_codes(db, 1);
}

static enum rc exec(sqlite3 *db, const char *sql) {
    return db_rc(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

// One step with its version in one transaction: a kill leaves the step before or the step after.
static enum rc migrate_one(sqlite3 *db, const struct migration *migration, int version) {
    char set[64];
    snprintf(set, sizeof(set), "PRAGMA user_version = %d", version);
    enum rc rc = exec(db, "BEGIN IMMEDIATE");
    if (rc != RC_OK) {
        return rc;
    }
    rc = exec(db, migration->sql);
    if (rc == RC_OK) {
        rc = exec(db, set);
    }
    if (rc == RC_OK) {
        rc = exec(db, "COMMIT");
    }
    if (rc != RC_OK && sqlite3_get_autocommit(db) == 0) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return rc;
}

// An empty file becomes ours in one write, before anything else is written.
static enum rc claim(sqlite3 *db, int application_id) {
    char set[64];
    snprintf(set, sizeof(set), "PRAGMA application_id = %d", application_id);
    return exec(db, set);
}

static enum rc check_owner(sqlite3 *db, const struct schema_open *open, int64_t *out_version,
                           struct refusal *out_refusal) {
    int64_t id = 0;
    int64_t version = 0;
    int64_t tables = 0;
    enum rc rc = db_integer(db, "PRAGMA application_id", &id);
    if (rc == RC_OK) {
        rc = db_integer(db, "PRAGMA user_version", &version);
    }
    if (rc == RC_OK) {
        rc = db_integer(db, "SELECT count(*) FROM sqlite_schema", &tables);
    }
    if (rc != RC_OK) {
        return rc;
    }
    bool empty = id == 0 && version == 0 && tables == 0;
    if (id != open->schema->application_id && !empty) {
        (void)!REFUSE(out_refusal, REFUSAL_STORE_FOREIGN, "");
        return RC_CORRUPT;
    }
    if (version < 0 || version > open->schema->count) {
        (void)!REFUSE(out_refusal, REFUSAL_STORE_NEWER, "");
        return RC_UNSUPPORTED;
    }
    if (empty && open->read_only) {
        return RC_NOT_FOUND;
    }
    *out_version = version;
    return empty ? claim(db, open->schema->application_id) : RC_OK;
}

enum rc schema_prepare(sqlite3 *db, const struct schema_open *open, struct refusal *out_refusal) {
    ENSURE(open->count <= open->schema->count);
    limits_set(db);
    // Before anything reads the file: a WAL without shared memory needs the exclusive mode.
    enum rc rc = open->exclusive ? pragmas_set(db, PRAGMA_EXCLUSIVE) : RC_OK;
    if (rc == RC_OK) {
        rc = pragmas_set(db, PRAGMA_FIRST);
    }
    int64_t version = 0;
    if (rc == RC_OK) {
        rc = check_owner(db, open, &version, out_refusal);
    }
    if (rc != RC_OK || open->read_only) {
        // A reader cannot bring an older file up to date.
        if (rc == RC_OK && version != open->schema->count) {
            (void)!REFUSE(out_refusal, REFUSAL_STORE_NEWER, "");
            rc = RC_UNSUPPORTED;
        }
        return rc;
    }
    rc = pragmas_set(db, PRAGMA_WRITER);
    for (int i = (int)version; rc == RC_OK && i < open->count; i++) {
        rc = migrate_one(db, &open->schema->migrations[i], i + 1);
    }
    return rc;
}

// ---- Files ----

enum rc schema_path(const char *folder, const char *name, char *out_path, size_t out_bytes) {
    char path[PATH_MAX];
    if (folder[0] == '\0') {
        snprintf(out_path, out_bytes, "%s", name);
        return RC_OK;
    }
    if (realpath(folder, path) == NULL) {
        return RC_NOT_FOUND;
    }
    size_t len = strlen(path) + 1 + strlen(name);
    if (len >= out_bytes) {
        return RC_TOO_LARGE;
    }
    snprintf(out_path, out_bytes, "%s/%s", path, name);
    return RC_OK;
}

static uint32_t big_endian(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool has_companion(const char *path, const char *suffix) {
    char companion[PATH_MAX];
    struct stat status;
    snprintf(companion, sizeof(companion), "%s%s", path, suffix);
    return stat(companion, &status) == 0;
}

// Looks at a file before SQLite does, because opening a foreign database may already change it.
static enum rc look_at_file(const struct schema_file *file, struct refusal *out_refusal) {
    uint8_t header[HEADER_BYTES] = {0};
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return access(file->path, F_OK) != 0 ? RC_NOT_FOUND : RC_IO;
    }
    ssize_t got = pread(fd, header, sizeof(header), 0);
    struct stat status;
    bool plain = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    close(fd);
    if (got < 0 || !plain) {
        return RC_IO;
    }
    if (got == 0) {
        return RC_NOT_FOUND;
    }
    // A power cut while the file was made leaves a torn header, and beside it what repairs it.
    if (has_companion(file->path, "-journal")) {
        return RC_OK;
    }
    bool sqlite = got == HEADER_BYTES && memcmp(header, "SQLite format 3", 16) == 0;
    if (!sqlite ||
        big_endian(header + HEADER_APPLICATION_ID) != (uint32_t)file->schema->application_id) {
        (void)!REFUSE(out_refusal, REFUSAL_STORE_FOREIGN, file->path);
        return RC_CORRUPT;
    }
    if (big_endian(header + HEADER_USER_VERSION) > (uint32_t)file->schema->count) {
        (void)!REFUSE(out_refusal, REFUSAL_STORE_NEWER, file->path);
        return RC_UNSUPPORTED;
    }
    return RC_OK;
}

// SQLite gives -wal and -shm the permissions of the file, so it is made first, for its owner only.
static enum rc make_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return RC_IO;
    }
    close(fd);
    return RC_OK;
}

enum rc schema_open_file(const struct schema_file *file, sqlite3 **out_db,
                         struct refusal *out_refusal) {
    bool simulated = file->path[0] != '/';
    enum rc rc = simulated ? RC_OK : look_at_file(file, out_refusal);
    if (rc == RC_NOT_FOUND && file->create) {
        rc = make_file(file->path);
    }
    if (rc != RC_OK) {
        return rc;
    }
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
    flags |= file->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    flags |= simulated && file->create ? SQLITE_OPEN_CREATE : 0;
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(file->path, &db, flags, file->vfs);
    if (code != SQLITE_OK) {
        rc = simulated && code == SQLITE_CANTOPEN ? RC_NOT_FOUND : db_rc(db, code);
    } else {
        struct schema_open open = {.schema = file->schema,
                                   .count = file->schema->count,
                                   .read_only = file->read_only,
                                   .exclusive = file->vfs != NULL};
        rc = schema_prepare(db, &open, out_refusal);
    }
    if (rc == RC_CORRUPT && out_refusal->code == REFUSAL_NONE) {
        (void)!REFUSE(out_refusal, REFUSAL_STORE_CORRUPT, file->path);
    }
    if (rc != RC_OK) {
        sqlite3_close(db);
        return rc;
    }
    *out_db = db;
    return RC_OK;
}
