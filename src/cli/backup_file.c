#include "cli/backup_priv.h"

#include "davy/store/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIGN_DOMAIN "davy/backup/1"
#define DEPTH_MAX 4    // folders within folders
#define NAME_BYTES 256 // of an entry, with its folders
#define FILES_MAX 20000
#define COPY_BYTES 65536
#define ENTRY 1
#define END 0

static const uint8_t magic[16] = "davy/backup/1";

// ---- Names ----

static bool ends_in(const char *name, const char *end) {
    size_t len = strlen(name), tail = strlen(end);
    return len >= tail && strcmp(name + len - tail, end) == 0;
}

// What belongs to a process or to SQLite, not to the store.
static bool is_left_out(const char *name) {
    static const char *const ends[] = {"-wal",  "-shm", "-journal", ".lock",
                                       ".sock", ".new", ".tmp",     ".pid"};
    bool out = name[0] == '.';
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        out |= ends_in(name, ends[i]);
    }
    return out;
}

// Letters, digits and ._- between single slashes; no part begins with a dot.
static bool name_is_safe(const char *name) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
    size_t len = strlen(name);
    bool start = true;
    int depth = 0;
    if (len == 0 || len >= NAME_BYTES || strspn(name, letters) != len || name[len - 1] == '/') {
        return false;
    }
    for (const char *at = name; *at != '\0'; at++) {
        if (start && (*at == '.' || *at == '/')) {
            return false;
        }
        start = *at == '/';
        depth += start;
    }
    return depth < DEPTH_MAX;
}

// ---- Writing ----

struct writing {
    const struct backup_source *source;
    struct sealfile_writer *sealed;
    struct hasher hasher;
    struct backup_info info;
    char copy[PATH_MAX]; // of a database, while it is read
    uint8_t block[COPY_BYTES];
};

static enum rc put(struct writing *w, const void *data, size_t len) {
    hasher_add(&w->hasher, data, len);
    return sealfile_put(w->sealed, data, len);
}

static enum rc put_buf(struct writing *w, struct buf *bytes) {
    enum rc rc = buf_rc(bytes);
    rc = rc == RC_OK ? put(w, bytes->data, bytes->len) : rc;
    buf_fini(bytes);
    return rc;
}

static enum rc put_head(struct writing *w) {
    const struct backup_head *head = w->source->head;
    struct buf bytes;
    buf_init(&bytes, 1024);
    buf_put(&bytes, magic, sizeof magic);
    buf_put(&bytes, head->site.id.b, ID_BYTES);
    buf_put(&bytes, head->device.id.b, ID_BYTES);
    buf_put_u8(&bytes, head->kind);
    buf_put_u64(&bytes, (uint64_t)head->time.v);
    // A fixed length, so that a reader takes it in one piece.
    uint8_t name[LIMIT_NAME_BYTES + 1] = {0};
    memcpy(name, head->name, strlen(head->name));
    buf_put(&bytes, name, sizeof name);
    return put_buf(w, &bytes);
}

static enum rc put_content(struct writing *w, int fd, uint64_t size) {
    while (size > 0) {
        size_t want = size < sizeof w->block ? (size_t)size : sizeof w->block;
        ssize_t got = read(fd, w->block, want);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return RC_IO; // it became shorter under the reading
        }
        enum rc rc = put(w, w->block, (size_t)got);
        if (rc != RC_OK) {
            return rc;
        }
        size -= (uint64_t)got;
    }
    return RC_OK;
}

static enum rc put_file(struct writing *w, const char *path, const char *name) {
    struct stat status;
    struct buf head;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return RC_IO;
    }
    buf_init(&head, 1024);
    buf_put_u8(&head, ENTRY);
    buf_put_u16(&head, (uint16_t)strlen(name));
    buf_put(&head, name, strlen(name));
    buf_put_u64(&head, (uint64_t)status.st_size);
    enum rc rc = put_buf(w, &head);
    if (rc == RC_OK) {
        rc = put_content(w, fd, (uint64_t)status.st_size);
    }
    (void)close(fd);
    w->info.files++;
    w->info.bytes += (uint64_t)status.st_size;
    return rc == RC_OK && w->info.files > FILES_MAX ? RC_TOO_LARGE : rc;
}

static enum rc put_database(struct writing *w, const char *path, const char *name) {
    (void)unlink(w->copy);
    enum rc rc = store_file_copy(path, w->copy);
    if (rc == RC_OK) {
        rc = put_file(w, w->copy, name);
    }
    (void)unlink(w->copy);
    return rc;
}

static enum rc put_folder(struct writing *w, const char *folder, const char *prefix, int depth);

static enum rc put_entry(struct writing *w, const char *folder, const char *prefix,
                         const char *name, int depth) {
    char path[PATH_MAX], inner[NAME_BYTES];
    struct stat status;
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    int inner_len = snprintf(inner, sizeof inner, "%s%s", prefix, name);
    if (len < 0 || (size_t)len >= sizeof path || inner_len < 0 ||
        (size_t)inner_len >= sizeof inner - 1 || !name_is_safe(inner)) {
        return RC_OK; // no name that a store gives
    }
    if (lstat(path, &status) != 0) {
        return errno == ENOENT ? RC_OK : RC_IO; // gone meanwhile
    }
    if (S_ISDIR(status.st_mode) && depth + 1 < DEPTH_MAX) {
        inner[inner_len] = '/';
        inner[inner_len + 1] = '\0';
        return put_folder(w, path, inner, depth + 1);
    }
    if (!S_ISREG(status.st_mode)) {
        return RC_OK;
    }
    return ends_in(name, ".db") ? put_database(w, path, inner) : put_file(w, path, inner);
}

static enum rc put_folder(struct writing *w, const char *folder, const char *prefix, int depth) {
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    enum rc rc = count < 0 ? RC_IO : RC_OK;
    for (int i = 0; i < count; i++) {
        if (rc == RC_OK && !is_left_out(names[i]->d_name)) {
            rc = put_entry(w, folder, prefix, names[i]->d_name, depth);
        }
        free(names[i]);
    }
    free(names);
    return rc;
}

static void sign_message(const struct site_id *site, const struct hash32 *hash,
                         uint8_t out[sizeof SIGN_DOMAIN + ID_BYTES + HASH_BYTES]) {
    memcpy(out, SIGN_DOMAIN, sizeof SIGN_DOMAIN);
    memcpy(out + sizeof SIGN_DOMAIN, site->id.b, ID_BYTES);
    memcpy(out + sizeof SIGN_DOMAIN + ID_BYTES, hash->b, HASH_BYTES);
}

static enum rc put_end(struct writing *w) {
    uint8_t end = END;
    uint8_t message[sizeof SIGN_DOMAIN + ID_BYTES + HASH_BYTES];
    struct hash32 hash;
    struct signature sig;
    enum rc rc = put(w, &end, 1);
    if (rc != RC_OK) {
        return rc;
    }
    hasher_done(&w->hasher, &hash);
    sign_message(&w->source->head->site, &hash, message);
    keypair_sign(w->source->device->pair, slice_of(message, sizeof message), &sig);
    w->info.signer = *keypair_public(w->source->device->pair);
    rc = sealfile_put(w->sealed, w->info.signer.b, PUBLIC_KEY_BYTES);
    if (rc == RC_OK) {
        rc = sealfile_put(w->sealed, sig.b, SIGNATURE_BYTES);
    }
    return rc == RC_OK ? sealfile_end(w->sealed) : rc;
}

static enum rc hash_file(int fd, struct hash32 *out_hash) {
    struct hasher hasher;
    uint8_t block[4096];
    ssize_t got = 1;
    hasher_init(&hasher);
    if (lseek(fd, 0, SEEK_SET) != 0) {
        return RC_IO;
    }
    while (got > 0 || (got < 0 && errno == EINTR)) {
        got = read(fd, block, sizeof block);
        if (got > 0) {
            hasher_add(&hasher, block, (size_t)got);
        }
    }
    hasher_done(&hasher, out_hash);
    return got < 0 ? RC_IO : RC_OK;
}

// The file is on the disk, and reads there as it did from memory: the pages are dropped between.
static enum rc settle(int fd) {
    struct hash32 written, kept;
    enum rc rc = hash_file(fd, &written);
    if (rc == RC_OK && fsync(fd) != 0) {
        rc = RC_IO;
    }
    if (rc == RC_OK) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        rc = hash_file(fd, &kept);
    }
    return rc == RC_OK && !hash32_equal(&written, &kept) ? RC_CORRUPT : rc;
}

static enum rc write_to(struct writing *w, int fd) {
    char folder[PATH_MAX];
    if (!realpath(w->source->folder, folder)) {
        return RC_NOT_FOUND;
    }
    (void)snprintf(w->copy, sizeof w->copy, "%.4000s/.backup.%ld.tmp", folder, (long)getpid());
    enum rc rc = sealfile_begin(fd, w->source->to, &w->sealed);
    if (rc == RC_OK) {
        rc = put_head(w);
    }
    if (rc == RC_OK) {
        rc = put_folder(w, folder, "", 0);
    }
    if (rc == RC_OK) {
        rc = put_end(w);
    }
    return rc == RC_OK ? settle(fd) : rc;
}

static enum rc sync_folder_of(const char *path) {
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum rc rc = fd >= 0 && fsync(fd) == 0 ? RC_OK : RC_IO;
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

enum rc backup_write(const struct backup_source *source, const char *path,
                     struct backup_info *out_info) {
    char fresh[PATH_MAX];
    int len = snprintf(fresh, sizeof fresh, "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof fresh) {
        return RC_TOO_LARGE;
    }
    if (access(path, F_OK) == 0) {
        return RC_EXISTS;
    }
    struct writing *w = calloc(1, sizeof *w);
    int fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    enum rc rc = !w ? RC_NO_MEMORY : fd < 0 ? (errno == ENOENT ? RC_NOT_FOUND : RC_IO) : RC_OK;
    if (rc == RC_OK) {
        w->source = source;
        w->info.head = *source->head;
        hasher_init(&w->hasher);
        rc = write_to(w, fd);
    }
    if (fd >= 0 && close(fd) != 0 && rc == RC_OK) {
        rc = RC_IO;
    }
    if (rc == RC_OK && rename(fresh, path) != 0) {
        rc = RC_IO;
    }
    if (rc == RC_OK) {
        rc = sync_folder_of(path);
    } else if (fd >= 0) {
        (void)unlink(fresh);
    }
    if (rc == RC_OK) {
        *out_info = w->info;
    }
    if (w) {
        sealfile_writer_free(w->sealed);
        keys_wipe(w->block, sizeof w->block);
    }
    free(w);
    return rc;
}

// ---- Reading ----

struct reading {
    const char *folder; // NULL: only checked
    struct sealfile_reader *sealed;
    struct hasher hasher;
    struct backup_info info;
    uint8_t block[COPY_BYTES];
};

static enum rc get(struct reading *r, void *out, size_t len) {
    enum rc rc = sealfile_get(r->sealed, out, len);
    if (rc == RC_OK) {
        hasher_add(&r->hasher, out, len);
    }
    return rc;
}

static enum rc get_head(struct reading *r) {
    uint8_t bytes[sizeof magic + 2 * ID_BYTES + 1 + 8 + LIMIT_NAME_BYTES + 1];
    struct backup_head *head = &r->info.head;
    enum rc rc = get(r, bytes, sizeof bytes);
    if (rc != RC_OK) {
        return rc;
    }
    struct reader in = reader_of(slice_of(bytes, sizeof bytes));
    struct slice mark = reader_take(&in, sizeof magic);
    reader_copy(&in, head->site.id.b, ID_BYTES);
    reader_copy(&in, head->device.id.b, ID_BYTES);
    head->kind = reader_u8(&in);
    head->time.v = (int64_t)reader_u64(&in);
    reader_copy(&in, head->name, sizeof head->name);
    bool good = reader_done(&in) == RC_OK && slice_equal(mark, slice_of(magic, sizeof magic)) &&
                head->name[LIMIT_NAME_BYTES] == '\0' &&
                text_check(slice_text(head->name), LIMIT_NAME_BYTES) == RC_OK;
    return good ? RC_OK : RC_INVALID;
}

// The folders of a name, below the one that was given.
static enum rc make_folders(char *path, size_t base) {
    for (char *at = path + base + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
            *at = '/';
            if (!made) {
                return RC_IO;
            }
        }
    }
    return RC_OK;
}

static enum rc make_file(const struct reading *r, const char *name, int *out_fd) {
    char path[PATH_MAX];
    if (!r->folder) {
        return RC_OK;
    }
    int len = snprintf(path, sizeof path, "%s/%s", r->folder, name);
    if (len < 0 || (size_t)len >= sizeof path) {
        return RC_TOO_LARGE;
    }
    enum rc rc = make_folders(path, strlen(r->folder));
    if (rc == RC_OK) {
        *out_fd =
            open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
        rc = *out_fd >= 0 ? RC_OK : RC_IO;
    }
    return rc;
}

static enum rc write_block(int fd, const uint8_t *at, size_t len) {
    while (len > 0) {
        ssize_t wrote = write(fd, at, len);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO;
        }
        at += wrote;
        len -= (size_t)wrote;
    }
    return RC_OK;
}

static enum rc get_content(struct reading *r, int fd, uint64_t size) {
    enum rc rc = RC_OK;
    while (size > 0 && rc == RC_OK) {
        size_t part = size < sizeof r->block ? (size_t)size : sizeof r->block;
        rc = get(r, r->block, part);
        if (rc == RC_OK && fd >= 0) {
            rc = write_block(fd, r->block, part);
        }
        size -= part;
    }
    return rc == RC_OK && fd >= 0 && fsync(fd) != 0 ? RC_IO : rc;
}

static enum rc get_entry(struct reading *r) {
    uint8_t bytes[8];
    char name[NAME_BYTES];
    int fd = -1;
    enum rc rc = get(r, bytes, 2);
    size_t len = bytes[0] | (size_t)bytes[1] << 8;
    if (rc == RC_OK) {
        rc = len < sizeof name ? get(r, name, len) : RC_INVALID;
    }
    if (rc != RC_OK) {
        return rc;
    }
    name[len] = '\0';
    rc = get(r, bytes, sizeof bytes);
    struct reader in = reader_of(slice_of(bytes, sizeof bytes));
    uint64_t size = reader_u64(&in);
    if (rc == RC_OK &&
        (!name_is_safe(name) || strlen(name) != len || ++r->info.files > FILES_MAX)) {
        rc = RC_INVALID;
    }
    if (rc == RC_OK) {
        rc = make_file(r, name, &fd);
    }
    if (rc == RC_OK) {
        rc = get_content(r, fd, size);
        r->info.bytes += size;
    }
    if (fd >= 0 && close(fd) != 0 && rc == RC_OK) {
        rc = RC_IO;
    }
    return rc;
}

static enum rc get_end(struct reading *r) {
    uint8_t message[sizeof SIGN_DOMAIN + ID_BYTES + HASH_BYTES];
    struct hash32 hash;
    struct signature sig;
    hasher_done(&r->hasher, &hash);
    enum rc rc = sealfile_get(r->sealed, r->info.signer.b, PUBLIC_KEY_BYTES);
    if (rc == RC_OK) {
        rc = sealfile_get(r->sealed, sig.b, SIGNATURE_BYTES);
    }
    if (rc == RC_OK) {
        rc = sealfile_finished(r->sealed);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sign_message(&r->info.head.site, &hash, message);
    return keys_verify(keys_ed25519(), &r->info.signer, slice_of(message, sizeof message), &sig)
               ? RC_OK
               : RC_BAD_SIGNATURE;
}

static enum rc read_all(struct reading *r) {
    uint8_t mark = ENTRY;
    enum rc rc = get_head(r);
    while (rc == RC_OK && mark != END) {
        rc = get(r, &mark, 1);
        if (rc == RC_OK && mark != END) {
            rc = mark == ENTRY ? get_entry(r) : RC_INVALID;
        }
    }
    return rc == RC_OK ? get_end(r) : rc;
}

static enum rc refuse(enum rc rc, const char *path, struct refusal *out_refusal) {
    char name[REFUSAL_ARG_BYTES];
    (void)text_clean(slice_text(path), name, sizeof name);
    if (rc == RC_DENIED) {
        return REFUSE(out_refusal, REFUSAL_BACKUP_KEY, name);
    }
    if (rc == RC_BAD_SIGNATURE) {
        return REFUSE(out_refusal, REFUSAL_BACKUP_FOREIGN, name);
    }
    bool form = rc == RC_INVALID || rc == RC_TRUNCATED || rc == RC_CORRUPT || rc == RC_TOO_LARGE;
    return form ? REFUSE(out_refusal, REFUSAL_BACKUP_FORM, name) : rc;
}

enum rc backup_read(const char *path, const struct sealfile_key *key, const char *folder,
                    struct backup_info *out_info, struct refusal *out_refusal) {
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? RC_NOT_FOUND : RC_IO;
    }
    struct reading *r = calloc(1, sizeof *r);
    enum rc rc = r ? sealfile_open(fd, key, &r->sealed) : RC_NO_MEMORY;
    if (rc == RC_OK) {
        r->folder = folder;
        hasher_init(&r->hasher);
        rc = read_all(r);
    }
    if (rc == RC_OK) {
        *out_info = r->info;
    }
    if (r) {
        sealfile_reader_free(r->sealed);
        keys_wipe(r->block, sizeof r->block);
    }
    free(r);
    (void)close(fd);
    return refuse(rc, path, out_refusal);
}

void backup_folder_remove(const char *folder) {
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, NULL);
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct stat status;
        int len = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        bool own = strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0;
        if (own && len > 0 && (size_t)len < sizeof path && lstat(path, &status) == 0) {
            if (S_ISDIR(status.st_mode)) {
                backup_folder_remove(path);
            } else {
                (void)unlink(path);
            }
        }
        free(names[i]);
    }
    free(names);
    (void)rmdir(folder);
}
