#include "davy/app/blob.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "davy/keys/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 65536
_Static_assert(BLOB_PART_BYTES % BLOB_UNIT_BYTES == 0, "a part is whole units");
_Static_assert(BLOB_PART_BYTES + 256 <= LIMIT_CONTROL_MESSAGE_BYTES / 2, "a part fits");

// ---- Types ----

static const struct {
    enum blob_media media;
    uint8_t len;
    const char *begins;
} magics[] = {
    {BLOB_JPEG, 3, "\xFF\xD8\xFF"},
    {BLOB_PNG, 8, "\x89PNG\r\n\x1A\n"},
    {BLOB_PDF, 5, "%PDF-"},
};

// Text for people: UTF-8 whose only controls are tabs and line ends; a byte order mark may lead.
static bool is_text(struct slice bytes) {
    const char *at = (const char *)bytes.data;
    const char *end = at + bytes.len;
    if (!text_is_valid(bytes)) {
        return false;
    }
    while (at < end) {
        uint32_t c = text_next(&at, end);
        bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
        if (control && c != '\t' && c != '\n' && c != '\r') {
            return false;
        }
    }
    return bytes.len > 0;
}

enum blob_media blob_media_of(struct slice bytes) {
    for (size_t i = 0; i < COUNT_OF(magics); i++) {
        if (bytes.len >= magics[i].len &&
            memcmp(bytes.data, magics[i].begins, magics[i].len) == 0) {
            return magics[i].media;
        }
    }
    return is_text(bytes) ? BLOB_TEXT : BLOB_UNKNOWN;
}

// ---- Reading ----

static enum rc rc_of_errno(int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return RC_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return RC_DENIED;
    case EEXIST:
        return RC_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return RC_FULL;
    default:
        return RC_IO;
    }
}

// The name without its folders, for the sentence only.
static const char *last_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] != '\0' ? slash + 1 : path;
}

// Exactly what was there when it was opened: not a byte less, not a byte more.
static enum rc read_all(int fd, size_t size, struct buf *out) {
    uint8_t part[READ_BYTES];
    while (out->len <= size) {
        size_t want = size + 1 - out->len;
        ssize_t got = read(fd, part, want < sizeof part ? want : sizeof part);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return RC_IO;
        }
        if (got == 0) {
            break;
        }
        buf_put(out, part, (size_t)got);
        if (buf_rc(out) != RC_OK) {
            return buf_rc(out);
        }
    }
    return out->len == size ? RC_OK : RC_STALE;
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static enum rc read_plain(int fd, struct buf *out) {
    struct stat before, after;
    if (fstat(fd, &before) != 0) {
        return RC_IO;
    }
    // The size first: nothing is read of what is too large, endless or no file.
    if (!S_ISREG(before.st_mode) || before.st_size == 0) {
        return RC_STALE;
    }
    if (before.st_size > LIMIT_BLOB_BYTES) {
        return RC_TOO_LARGE;
    }
    enum rc rc = read_all(fd, (size_t)before.st_size, out);
    if (rc == RC_OK && (fstat(fd, &after) != 0 || after.st_size != before.st_size ||
                        !same_time(before.st_mtim, after.st_mtim))) {
        rc = RC_STALE;
    }
    return rc;
}

enum rc blob_file_read(const char *path, struct blob_file *out_file, struct refusal *out_refusal) {
    memset(out_file, 0, sizeof *out_file);
    buf_init(&out_file->bytes, LIMIT_BLOB_BYTES + 1);
    // Without waiting, so that a pipe that nobody writes does not hold this process.
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        bool odd = errno == ELOOP || errno == ENXIO || errno == ENODEV;
        return odd ? REFUSE(out_refusal, REFUSAL_BLOB_FILE, last_name(path)) : rc_of_errno(errno);
    }
    enum rc rc = read_plain(fd, &out_file->bytes);
    (void)close(fd);
    if (rc == RC_STALE) {
        return REFUSE(out_refusal, REFUSAL_BLOB_FILE, last_name(path));
    }
    if (rc == RC_TOO_LARGE) {
        return REFUSE(out_refusal, REFUSAL_TOO_LARGE, last_name(path));
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct slice bytes = buf_slice(&out_file->bytes);
    out_file->media = blob_media_of(bytes);
    if (out_file->media == BLOB_UNKNOWN) {
        return REFUSE(out_refusal, REFUSAL_BLOB_MEDIA, last_name(path));
    }
    out_file->size = (uint32_t)bytes.len;
    hash_parts(&bytes, 1, &out_file->hash);
    return RC_OK;
}

void blob_file_free(struct blob_file *file) {
    buf_fini(&file->bytes);
}

// ---- Into the store ----

static struct blob_spec spec_of(const struct blob_file *file, struct moment now) {
    return (struct blob_spec){
        .hash = file->hash, .size = file->size, .media = file->media, .now = now.utc};
}

// RC_EXISTS: held whole, and nothing is to be put. RC_STALE: not the bytes that were named, and
// what was put of them is dropped.
static enum rc put_part(struct store *store, const struct blob_spec *spec, uint32_t unit,
                        struct slice bytes, struct refusal *out_refusal) {
    enum blob_taken taken = BLOB_TAKEN;
    enum rc rc = store_blob_expect(store, spec, out_refusal);
    if (rc == RC_OK) {
        rc = store_blob_put(store, &spec->hash, unit, bytes, spec->now, &taken);
    }
    return rc == RC_OK && taken == BLOB_WRONG ? RC_STALE : rc;
}

static enum rc finish(struct store *store, enum rc rc, struct refusal *out_refusal) {
    bool wrong = rc == RC_STALE;
    if (rc == RC_OK || rc == RC_EXISTS || wrong) {
        rc = store_commit(store);
    }
    if (store_in_transaction(store)) {
        store_rollback(store);
    }
    if (rc == RC_OK && wrong) {
        return REFUSE(out_refusal, REFUSAL_BLOB_FILE, BLOB_FIELD);
    }
    return rc == RC_FULL ? REFUSE(out_refusal, REFUSAL_DISK_FULL, "") : rc;
}

enum rc blob_file_put(struct store *store, const struct blob_file *file, struct moment now,
                      struct refusal *out_refusal) {
    struct blob_spec spec = spec_of(file, now);
    enum rc rc = store_begin(store);
    if (rc != RC_OK) {
        return rc;
    }
    rc = put_part(store, &spec, 0, buf_slice(&file->bytes), out_refusal);
    return finish(store, rc, out_refusal);
}

void blob_part_encode(const struct blob_file *file, uint32_t *inout_offset,
                      struct buf *out_payload) {
    uint32_t offset = *inout_offset;
    uint32_t left = file->size - offset;
    uint32_t len = left < BLOB_PART_BYTES ? left : BLOB_PART_BYTES;
    buf_put(out_payload, file->hash.b, HASH_BYTES);
    buf_put_varint(out_payload, file->size);
    buf_put_u8(out_payload, (uint8_t)file->media);
    buf_put_varint(out_payload, offset / BLOB_UNIT_BYTES);
    buf_put(out_payload, file->bytes.data + offset, len);
    *inout_offset = offset + len;
}

enum rc blob_part_take(struct store *store, struct slice payload, struct moment now,
                       struct refusal *out_refusal) {
    struct reader in = reader_of(payload);
    struct blob_spec spec = {.now = now.utc};
    reader_copy(&in, spec.hash.b, HASH_BYTES);
    uint64_t size = reader_varint(&in);
    uint8_t media = reader_u8(&in);
    uint64_t unit = reader_varint(&in);
    struct slice bytes = reader_take(&in, reader_left(&in));
    if (in.rc != RC_OK || size > LIMIT_BLOB_BYTES || media >= BLOB_MEDIA_COUNT ||
        unit >= BLOB_UNITS_MAX) {
        return REFUSE(out_refusal, REFUSAL_FORM, BLOB_FIELD);
    }
    spec.size = (uint32_t)size;
    spec.media = (enum blob_media)media;
    enum rc rc = store_begin(store);
    if (rc != RC_OK) {
        return rc;
    }
    rc = put_part(store, &spec, (uint32_t)unit, bytes, out_refusal);
    rc = finish(store, rc, out_refusal);
    return rc == RC_INVALID ? REFUSE(out_refusal, REFUSAL_FORM, BLOB_FIELD) : rc;
}

enum rc blob_want_take(struct store *store, struct slice payload, struct moment now) {
    struct reader in = reader_of(payload);
    struct hash32 hash;
    reader_copy(&in, hash.b, HASH_BYTES);
    enum rc rc = reader_done(&in);
    if (rc == RC_OK && !store_blob_is_named(store, &hash)) {
        rc = RC_NOT_FOUND; // nothing is fetched that no record speaks of
    }
    if (rc == RC_OK) {
        rc = store_begin(store);
    }
    return rc == RC_OK ? finish(store, store_blob_want(store, &hash, now.utc), NULL) : rc;
}

// ---- Out of the store ----

static enum rc write_all(int fd, struct slice bytes) {
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.data, bytes.len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return rc_of_errno(errno) == RC_FULL ? RC_FULL : RC_IO;
        }
        bytes.data += put;
        bytes.len -= (size_t)put;
    }
    return RC_OK;
}

static enum rc write_blob(struct store *store, const struct store_blob *blob, int fd) {
    struct hasher hasher;
    struct hash32 hash;
    struct buf part;
    enum rc rc = RC_OK;
    buf_init(&part, READ_BYTES);
    hasher_init(&hasher);
    for (uint32_t at = 0; at < blob->size && rc == RC_OK; at += (uint32_t)part.len) {
        uint32_t left = blob->size - at;
        buf_reset(&part);
        rc = store_blob_read(store, &blob->hash, at, left < READ_BYTES ? left : READ_BYTES, &part);
        if (rc == RC_OK) {
            hasher_add(&hasher, part.data, part.len);
            rc = write_all(fd, buf_slice(&part));
        }
    }
    buf_fini(&part);
    hasher_done(&hasher, &hash);
    if (rc == RC_OK && !hash32_equal(&hash, &blob->hash)) {
        rc = RC_CORRUPT;
    }
    return rc == RC_OK && fsync(fd) != 0 ? RC_IO : rc;
}

enum rc blob_save(struct store *store, const struct hash32 *hash, const char *path) {
    struct store_blob blob;
    enum rc rc = store_blob_get(store, hash, &blob);
    if (rc != RC_OK || !blob.whole) {
        return rc == RC_OK ? RC_NOT_FOUND : rc;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd < 0) {
        return rc_of_errno(errno);
    }
    rc = write_blob(store, &blob, fd);
    if (close(fd) != 0 && rc == RC_OK) {
        rc = RC_IO;
    }
    if (rc != RC_OK) {
        (void)unlink(path);
    }
    return rc;
}
