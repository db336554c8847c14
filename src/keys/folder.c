#include "keys/folder_priv.h"

#include "davy/base/ensure.h"
#include "davy/keys/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 64

static enum rc rc_of_errno(void) {
    switch (errno) {
    case ENOENT:
        return RC_NOT_FOUND;
    case EACCES:
    case EPERM:
        return RC_DENIED;
    case ENOSPC:
    case EDQUOT:
        return RC_FULL;
    default:
        return RC_IO;
    }
}

static enum rc folder_lock(int folder) {
    struct stat status;
    if (fstat(folder, &status) != 0) {
        return RC_IO;
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return RC_DENIED;
    }
    // Held by others only for as long as one PIN takes to check.
    while (flock(folder, LOCK_EX) != 0) {
        if (errno != EINTR) {
            return RC_IO;
        }
    }
    return RC_OK;
}

enum rc key_folder_open(const char *path, bool create, int *out_folder) {
    if (create && mkdir(path, 0700) != 0 && errno != EEXIST) {
        return rc_of_errno();
    }
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return rc_of_errno();
    }
    enum rc rc = folder_lock(folder);
    if (rc != RC_OK) {
        close(folder);
        return rc;
    }
    *out_folder = folder;
    return RC_OK;
}

void key_folder_close(int folder) {
    if (folder >= 0) {
        close(folder);
    }
}

enum rc key_folder_has(int folder, const char *name) {
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return RC_OK;
    }
    return rc_of_errno();
}

static enum rc file_check(int file, size_t len) {
    struct stat status;
    if (fstat(file, &status) != 0) {
        return RC_IO;
    }
    if (!S_ISREG(status.st_mode)) {
        return RC_CORRUPT;
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return RC_DENIED;
    }
    return (size_t)status.st_size == len ? RC_OK : RC_CORRUPT;
}

static enum rc file_read(int file, void *out_data, size_t len) {
    uint8_t *at = out_data;
    while (len > 0) {
        ssize_t got = read(file, at, len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? RC_CORRUPT : RC_IO;
        }
        at += got;
        len -= (size_t)got;
    }
    return RC_OK;
}

enum rc key_folder_read(int folder, const char *name, void *out_data, size_t len) {
    // Without O_NONBLOCK a FIFO under this name would hold the program for ever.
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return errno == ELOOP ? RC_CORRUPT : rc_of_errno();
    }
    enum rc rc = file_check(file, len);
    if (rc == RC_OK) {
        rc = file_read(file, out_data, len);
    }
    close(file);
    if (rc != RC_OK) {
        keys_wipe(out_data, len);
    }
    return rc;
}

static enum rc file_write(int file, const void *data, size_t len) {
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t put = write(file, at, len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put == 0 ? RC_IO : rc_of_errno();
        }
        at += put;
        len -= (size_t)put;
    }
    return fsync(file) == 0 ? RC_OK : rc_of_errno();
}

enum rc key_folder_write(int folder, const char *name, const void *data, size_t len) {
    char beside[NAME_BYTES];
    int need = snprintf(beside, sizeof(beside), "%s.new", name);
    ENSURE(need > 0 && (size_t)need < sizeof(beside));
    // What a crash left behind; the lock says that nobody is writing it.
    if (unlinkat(folder, beside, 0) != 0 && errno != ENOENT) {
        return rc_of_errno();
    }
    int file = openat(folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        return rc_of_errno();
    }
    enum rc rc = file_write(file, data, len);
    if (close(file) != 0 && rc == RC_OK) {
        rc = rc_of_errno();
    }
    if (rc == RC_OK && renameat(folder, beside, folder, name) != 0) {
        rc = rc_of_errno();
    }
    if (rc != RC_OK) {
        (void)unlinkat(folder, beside, 0);
        return rc;
    }
    return fsync(folder) == 0 ? RC_OK : rc_of_errno();
}

enum rc key_folder_wipe(int folder, const char *name, const void *data, size_t len) {
    int file = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return errno == ELOOP ? RC_CORRUPT : rc_of_errno();
    }
    enum rc rc = file_write(file, data, len);
    if (close(file) != 0 && rc == RC_OK) {
        rc = rc_of_errno();
    }
    // A disk that takes no write still lets the name go.
    if (unlinkat(folder, name, 0) != 0) {
        return rc_of_errno();
    }
    return fsync(folder) == 0 ? rc : rc_of_errno();
}
