// Copies of a store's files while their owner goes on writing.
#include "davy/store/backup.h"

#include "store/store_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rc open_reader(const char *path, int attached, sqlite3 **out_db) {
    sqlite3 *db = NULL;
    // Without a link on the way, and never taken for a URI.
    if (path[0] != '/') {
        return RC_INVALID;
    }
    int code = sqlite3_open_v2(path, &db,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                                   SQLITE_OPEN_EXRESCODE,
                               NULL);
    if (code != SQLITE_OK) {
        enum rc rc = db_rc(db, code);
        (void)sqlite3_close(db);
        return rc;
    }
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, attached);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_exec(db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
    (void)sqlite3_busy_timeout(db, 5000);
    *out_db = db;
    return RC_OK;
}

enum rc store_file_check(const char *path) {
    sqlite3 *db = NULL;
    char text[64] = "";
    enum rc rc = open_reader(path, 0, &db);
    if (rc == RC_OK) {
        rc = db_text(db, "PRAGMA quick_check(1)", text, sizeof text);
        (void)sqlite3_close(db);
    }
    if (rc == RC_OK && strcmp(text, "ok") != 0) {
        rc = RC_CORRUPT;
    }
    return rc;
}

// One read transaction of a reader: the owner commits on; only its checkpoints wait.
static enum rc vacuum_into(sqlite3 *db, const char *to) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "VACUUM INTO ?1", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_bind_text(statement, 1, to, -1, SQLITE_STATIC);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    enum rc rc = code == SQLITE_DONE ? RC_OK : db_rc(db, code);
    (void)sqlite3_finalize(statement);
    return rc == RC_OK && code != SQLITE_DONE ? RC_IO : rc;
}

enum rc store_file_copy(const char *from, const char *to) {
    sqlite3 *db = NULL;
    // SQLite writes into an empty file; made here it is its owner's alone.
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return RC_IO;
    }
    (void)close(fd);
    enum rc rc = open_reader(from, 1, &db);
    if (rc == RC_OK) {
        rc = vacuum_into(db, to);
        (void)sqlite3_close(db);
    }
    if (rc == RC_OK) {
        rc = store_file_check(to);
    }
    if (rc != RC_OK) {
        (void)unlink(to);
    }
    return rc;
}
