#include "davy/keys/sealfile.h"

#include "davy/base/ensure.h"
#include "davy/base/limits.h"
#include "keys/folder_priv.h"
#include "keys/tries_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define CIPHER_BYTES (CHUNK_BYTES + crypto_secretstream_xchacha20poly1305_ABYTES)
#define TEXT_LEAD "davy-backup-1:"

static const uint8_t file_magic[16] = "davy/sealed/1";
static const uint8_t key_magic[16] = "davy/sealkey/1";

// The head of a sealed file, and the file of a wrapped secret half; integers little-endian.
struct head {
    uint8_t magic[16];
    uint8_t to[crypto_box_PUBLICKEYBYTES];
    uint8_t sealed_key[crypto_secretstream_xchacha20poly1305_KEYBYTES + crypto_box_SEALBYTES];
    uint8_t stream[crypto_secretstream_xchacha20poly1305_HEADERBYTES];
};
struct key_file {
    uint8_t magic[16];
    uint8_t public_part[crypto_box_PUBLICKEYBYTES];
    uint8_t ops[8];
    uint8_t mem_bytes[8];
    uint8_t salt[crypto_pwhash_SALTBYTES];
    uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
    uint8_t sealed[crypto_box_SECRETKEYBYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES];
};
#define KEY_HEADER_BYTES offsetof(struct key_file, sealed)
_Static_assert(sizeof(struct head) == 152, "no padding");
_Static_assert(sizeof(struct key_file) == 152, "no padding");

// ---- Bytes of a descriptor ----

static enum rc write_all(int fd, const void *data, size_t len) {
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t put = write(fd, at, len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO;
        }
        at += put;
        len -= (size_t)put;
    }
    return RC_OK;
}

// As many bytes as there are, up to len.
static enum rc read_some(int fd, void *out_data, size_t len, size_t *out_len) {
    uint8_t *at = out_data;
    size_t done = 0;
    while (done < len) {
        ssize_t got = read(fd, at + done, len - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return RC_IO;
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *out_len = done;
    return RC_OK;
}

// ---- The pair ----

void sealfile_key_fini(struct sealfile_key *key) {
    keys_wipe(key, sizeof *key);
}

static bool pin_is_fit(const char *pin) {
    size_t digits = strspn(pin, "0123456789");
    return pin[digits] == '\0' && digits >= LIMIT_PIN_DIGITS_MIN_SIGNER &&
           digits <= LIMIT_PIN_DIGITS_MAX;
}

static enum rc wrap_key(const struct key_file *file, const char *pin,
                        uint8_t out_key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES]) {
    int result = crypto_pwhash(out_key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, pin,
                               strlen(pin), file->salt, keyfile_get(file->ops, 8),
                               keyfile_get(file->mem_bytes, 8), crypto_pwhash_ALG_ARGON2ID13);
    return result == 0 ? RC_OK : RC_NO_MEMORY;
}

static enum rc key_file_write(const char *path, const struct key_file *file) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? RC_EXISTS : errno == ENOENT ? RC_NOT_FOUND : RC_IO;
    }
    enum rc rc = write_all(fd, file, sizeof *file);
    if (rc == RC_OK && fsync(fd) != 0) {
        rc = RC_IO;
    }
    if (close(fd) != 0 && rc == RC_OK) {
        rc = RC_IO;
    }
    if (rc != RC_OK) {
        (void)unlink(path);
    }
    return rc;
}

enum rc sealfile_key_make(const char *path, const char *pin, struct pin_cost cost,
                          uint8_t out_public[32]) {
    bool dear = keyfile_test_costs() ||
                (cost.ops >= pin_cost_default.ops && cost.mem_bytes >= pin_cost_default.mem_bytes);
    if (!pin_is_fit(pin) || !dear) {
        return RC_INVALID;
    }
    struct key_file file = {0};
    struct sealfile_key key;
    uint8_t wrap[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    ENSURE(crypto_box_keypair(key.public_part, key.secret_part) == 0);
    memcpy(file.magic, key_magic, sizeof key_magic);
    memcpy(file.public_part, key.public_part, sizeof file.public_part);
    keyfile_put(file.ops, cost.ops, 8);
    keyfile_put(file.mem_bytes, cost.mem_bytes, 8);
    keys_random(file.salt, sizeof file.salt);
    keys_random(file.nonce, sizeof file.nonce);
    enum rc rc = wrap_key(&file, pin, wrap);
    if (rc == RC_OK) {
        ENSURE(crypto_aead_xchacha20poly1305_ietf_encrypt(
                   file.sealed, NULL, key.secret_part, sizeof key.secret_part,
                   (const uint8_t *)&file, KEY_HEADER_BYTES, NULL, file.nonce, wrap) == 0);
        rc = key_file_write(path, &file);
    }
    if (rc == RC_OK) {
        memcpy(out_public, key.public_part, sizeof key.public_part);
    }
    keys_wipe(wrap, sizeof wrap);
    sealfile_key_fini(&key);
    return rc;
}

static enum rc key_file_read(const char *path, struct key_file *out_file) {
    struct key_file file;
    uint8_t more;
    size_t len = 0, rest = 0;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? RC_NOT_FOUND : RC_IO;
    }
    enum rc rc = read_some(fd, &file, sizeof file, &len);
    if (rc == RC_OK) {
        rc = read_some(fd, &more, 1, &rest);
    }
    (void)close(fd);
    if (rc != RC_OK) {
        return rc;
    }
    // What the costs may be is bounded, too: a file from outside must not take all memory.
    bool good =
        len == sizeof file && rest == 0 && memcmp(file.magic, key_magic, sizeof key_magic) == 0 &&
        keyfile_get(file.mem_bytes, 8) <= 1024u * 1024 * 1024 && keyfile_get(file.ops, 8) <= 16;
    if (good) {
        *out_file = file;
    }
    return good ? RC_OK : RC_CORRUPT;
}

enum rc sealfile_key_open(const char *path, const char *pin, struct sealfile_key *out_key) {
    struct key_file file;
    struct sealfile_key key;
    uint8_t wrap[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    enum rc rc = key_file_read(path, &file);
    if (rc == RC_OK) {
        rc = wrap_key(&file, pin, wrap);
    }
    if (rc == RC_OK) {
        int result = crypto_aead_xchacha20poly1305_ietf_decrypt(
            key.secret_part, NULL, NULL, file.sealed, sizeof file.sealed, (const uint8_t *)&file,
            KEY_HEADER_BYTES, file.nonce, wrap);
        rc = result == 0 ? RC_OK : RC_DENIED;
        keys_wipe(wrap, sizeof wrap);
    }
    if (rc == RC_OK) {
        memcpy(key.public_part, file.public_part, sizeof key.public_part);
        *out_key = key;
    }
    sealfile_key_fini(&key);
    return rc;
}

void sealfile_public_text(const uint8_t public_part[32],
                          char out_text[static SEALFILE_TEXT_BYTES]) {
    size_t lead = sizeof TEXT_LEAD - 1;
    memcpy(out_text, TEXT_LEAD, lead);
    (void)sodium_bin2hex(out_text + lead, SEALFILE_TEXT_BYTES - lead, public_part, 32);
}

enum rc sealfile_public_parse(const char *text, uint8_t out_public[32]) {
    size_t lead = sizeof TEXT_LEAD - 1;
    uint8_t bytes[32];
    size_t len = 0;
    const char *end = NULL;
    if (strncmp(text, TEXT_LEAD, lead) != 0 || strlen(text) != lead + 64 ||
        sodium_hex2bin(bytes, sizeof bytes, text + lead, 64, NULL, &len, &end) != 0 ||
        len != sizeof bytes) {
        return RC_INVALID;
    }
    memcpy(out_public, bytes, sizeof bytes);
    return RC_OK;
}

// ---- Writing ----

struct sealfile_writer {
    int fd;
    enum rc rc; // the first failure
    struct head head;
    bool headed; // the first chunk is out: it authenticated the head
    crypto_secretstream_xchacha20poly1305_state stream;
    size_t len;
    uint8_t plain[CHUNK_BYTES];
    uint8_t cipher[CIPHER_BYTES];
};

enum rc sealfile_begin(int fd, const uint8_t to[32], struct sealfile_writer **out_writer) {
    uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    struct sealfile_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return RC_NO_MEMORY;
    }
    writer->fd = fd;
    memcpy(writer->head.magic, file_magic, sizeof file_magic);
    memcpy(writer->head.to, to, sizeof writer->head.to);
    crypto_secretstream_xchacha20poly1305_keygen(key);
    bool sealed = crypto_box_seal(writer->head.sealed_key, key, sizeof key, to) == 0;
    ENSURE(crypto_secretstream_xchacha20poly1305_init_push(&writer->stream, writer->head.stream,
                                                           key) == 0);
    keys_wipe(key, sizeof key);
    enum rc rc = sealed ? write_all(fd, &writer->head, sizeof writer->head) : RC_INVALID;
    if (rc != RC_OK) {
        sealfile_writer_free(writer);
        return rc;
    }
    *out_writer = writer;
    return RC_OK;
}

static enum rc chunk_write(struct sealfile_writer *writer, bool last) {
    unsigned long long len = 0;
    uint8_t tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0;
    const uint8_t *bound = writer->headed ? NULL : (const uint8_t *)&writer->head;
    ENSURE(crypto_secretstream_xchacha20poly1305_push(
               &writer->stream, writer->cipher, &len, writer->plain, writer->len, bound,
               bound == NULL ? 0 : sizeof writer->head, tag) == 0);
    writer->headed = true;
    writer->len = 0;
    return write_all(writer->fd, writer->cipher, (size_t)len);
}

enum rc sealfile_put(struct sealfile_writer *writer, const void *data, size_t len) {
    const uint8_t *at = data;
    while (len > 0 && writer->rc == RC_OK) {
        if (writer->len == CHUNK_BYTES) {
            writer->rc = chunk_write(writer, false);
        }
        size_t room = CHUNK_BYTES - writer->len;
        size_t part = len < room ? len : room;
        memcpy(writer->plain + writer->len, at, part);
        writer->len += part;
        at += part;
        len -= part;
    }
    return writer->rc;
}

enum rc sealfile_end(struct sealfile_writer *writer) {
    if (writer->rc == RC_OK) {
        writer->rc = chunk_write(writer, true);
    }
    return writer->rc;
}

void sealfile_writer_free(struct sealfile_writer *writer) {
    if (writer != NULL) {
        keys_wipe(writer, sizeof *writer);
        free(writer);
    }
}

// ---- Reading ----

struct sealfile_reader {
    int fd;
    struct head head;
    bool headed;
    bool ended; // the last chunk was read
    crypto_secretstream_xchacha20poly1305_state stream;
    size_t len, at;
    uint8_t plain[CHUNK_BYTES];
    uint8_t cipher[CIPHER_BYTES];
};

static enum rc head_open(struct sealfile_reader *reader, const struct sealfile_key *key) {
    uint8_t stream_key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    size_t len = 0;
    enum rc rc = read_some(reader->fd, &reader->head, sizeof reader->head, &len);
    if (rc != RC_OK) {
        return rc;
    }
    if (len < sizeof file_magic || memcmp(reader->head.magic, file_magic, sizeof file_magic) != 0) {
        return RC_INVALID;
    }
    if (len < sizeof reader->head) {
        return RC_TRUNCATED;
    }
    if (sodium_memcmp(reader->head.to, key->public_part, sizeof reader->head.to) != 0) {
        return RC_DENIED;
    }
    if (crypto_box_seal_open(stream_key, reader->head.sealed_key, sizeof reader->head.sealed_key,
                             key->public_part, key->secret_part) != 0) {
        return RC_CORRUPT;
    }
    int result = crypto_secretstream_xchacha20poly1305_init_pull(&reader->stream,
                                                                 reader->head.stream, stream_key);
    keys_wipe(stream_key, sizeof stream_key);
    return result == 0 ? RC_OK : RC_CORRUPT;
}

enum rc sealfile_open(int fd, const struct sealfile_key *key, struct sealfile_reader **out_reader) {
    struct sealfile_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return RC_NO_MEMORY;
    }
    reader->fd = fd;
    enum rc rc = head_open(reader, key);
    if (rc != RC_OK) {
        sealfile_reader_free(reader);
        return rc;
    }
    *out_reader = reader;
    return RC_OK;
}

static enum rc chunk_read(struct sealfile_reader *reader) {
    size_t got = 0;
    unsigned long long len = 0;
    uint8_t tag = 0;
    const uint8_t *bound = reader->headed ? NULL : (const uint8_t *)&reader->head;
    if (reader->ended) {
        return RC_TRUNCATED;
    }
    enum rc rc = read_some(reader->fd, reader->cipher, sizeof reader->cipher, &got);
    if (rc != RC_OK) {
        return rc;
    }
    if (got < crypto_secretstream_xchacha20poly1305_ABYTES) {
        return RC_TRUNCATED;
    }
    if (crypto_secretstream_xchacha20poly1305_pull(&reader->stream, reader->plain, &len, &tag,
                                                   reader->cipher, got, bound,
                                                   bound == NULL ? 0 : sizeof reader->head) != 0) {
        return RC_CORRUPT;
    }
    reader->headed = true;
    reader->len = (size_t)len;
    reader->at = 0;
    reader->ended = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return RC_OK;
}

enum rc sealfile_get(struct sealfile_reader *reader, void *out_data, size_t len) {
    uint8_t *out = out_data;
    while (len > 0) {
        if (reader->at == reader->len) {
            enum rc rc = chunk_read(reader);
            if (rc != RC_OK) {
                return rc;
            }
        }
        size_t left = reader->len - reader->at;
        size_t part = len < left ? len : left;
        memcpy(out, reader->plain + reader->at, part);
        reader->at += part;
        out += part;
        len -= part;
    }
    return RC_OK;
}

enum rc sealfile_finished(struct sealfile_reader *reader) {
    uint8_t more;
    size_t len = 0;
    enum rc rc = RC_OK;
    // The last chunk may be empty, and was then not asked for yet.
    if (!reader->ended && reader->at == reader->len) {
        rc = chunk_read(reader);
    }
    if (rc == RC_OK && (!reader->ended || reader->at != reader->len)) {
        rc = RC_CORRUPT;
    }
    if (rc == RC_OK) {
        rc = read_some(reader->fd, &more, 1, &len);
    }
    return rc == RC_OK && len > 0 ? RC_CORRUPT : rc;
}

void sealfile_reader_free(struct sealfile_reader *reader) {
    if (reader != NULL) {
        keys_wipe(reader, sizeof *reader);
        free(reader);
    }
}

// ---- Counters after a restore ----

static enum rc raise_one(int folder, int before, const uint8_t *secret, struct key_id key) {
    struct pin_counter counter = {folder, secret, key};
    struct pin_counter old = {before, secret, key};
    uint32_t counted = before >= 0 ? pin_tries_counted(&old) : 0;
    return pin_tries_raise(&counter,
                           counted > LIMIT_PIN_TRIES_FREE ? counted : LIMIT_PIN_TRIES_FREE);
}

static enum rc raise_all(int folder, int before, const uint8_t *secret) {
    int walk = dup(folder);
    DIR *names = walk < 0 ? NULL : fdopendir(walk);
    enum rc rc = names == NULL ? RC_IO : RC_OK;
    for (struct dirent *entry = names == NULL ? NULL : readdir(names); rc == RC_OK && entry != NULL;
         entry = readdir(names)) {
        struct key_id key;
        char hex[ID_HEX_BYTES];
        const char *dot = strchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".person") != 0 || dot - entry->d_name != ID_HEX_BYTES - 1) {
            continue;
        }
        memcpy(hex, entry->d_name, ID_HEX_BYTES - 1);
        hex[ID_HEX_BYTES - 1] = '\0';
        if (id16_parse(hex, &key.id) == RC_OK) {
            rc = raise_one(folder, before, secret, key);
        }
    }
    if (names != NULL) {
        (void)closedir(names);
    } else if (walk >= 0) {
        (void)close(walk);
    }
    return rc;
}

enum rc keyfile_restored(const char *folder, const char *before) {
    struct keyfile_device device;
    int dir = -1, old = -1;
    enum rc rc = keyfile_device_load(folder, &device);
    if (rc != RC_OK) {
        return rc;
    }
    rc = key_folder_open(folder, false, &dir);
    if (rc == RC_OK && before != NULL && key_folder_open(before, false, &old) != RC_OK) {
        old = -1; // nothing is left there to count
    }
    if (rc == RC_OK) {
        rc = raise_all(dir, old, device.secret);
    }
    key_folder_close(old);
    key_folder_close(dir);
    keyfile_device_fini(&device);
    return rc;
}
