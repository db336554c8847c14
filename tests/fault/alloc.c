#include "alloc_priv.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <qrencode.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>
#include <zstd.h>

#define SQLITE_HEAD_BYTES 16 // keeps the alignment of what follows

static struct {
    bool armed;
    bool on;
    uint64_t at;
    uint64_t count;
    uint64_t failed;
    int64_t live;
} alloc;

void alloc_arm(uint64_t at, bool on) {
    alloc.at = at;
    alloc.on = on;
    alloc.count = 0;
    alloc.failed = 0;
    alloc.armed = true;
}

uint64_t alloc_disarm(void) {
    alloc.armed = false;
    return alloc.count;
}

uint64_t alloc_failed(void) {
    return alloc.failed;
}

int64_t alloc_live(void) {
    return alloc.live;
}

static bool fails(void) {
    if (!alloc.armed) {
        return false;
    }
    alloc.count++;
    if (alloc.at == 0 || alloc.count < alloc.at || (alloc.count > alloc.at && !alloc.on)) {
        return false;
    }
    alloc.failed++;
    errno = ENOMEM;
    return true;
}

static void *counted(void *block) {
    alloc.live += block != NULL;
    return block;
}

// ---- What the product's objects call (symbols) ----

void *fault_malloc(size_t bytes);
void *fault_calloc(size_t count, size_t bytes);
void *fault_realloc(void *block, size_t bytes);
char *fault_strdup(const char *text);
void fault_free(void *block);
FILE *fault_fopen(const char *path, const char *mode);
FILE *fault_fdopen(int fd, const char *mode);
DIR *fault_opendir(const char *path);
void *fault_sodium_malloc(size_t bytes);
void fault_sodium_free(void *block);
int fault_pwhash( // tidy: allow parameters, because libsodium's function has them
    unsigned char *out, unsigned long long out_bytes, const char *password,
    unsigned long long password_bytes, const unsigned char *salt, unsigned long long ops,
    size_t mem, int algorithm);
ZSTD_CCtx *fault_zstd_cctx(void);
ZSTD_DCtx *fault_zstd_dctx(void);
size_t fault_zstd_cctx_free(ZSTD_CCtx *ctx);
size_t fault_zstd_dctx_free(ZSTD_DCtx *ctx);
size_t fault_zstd_compress( // tidy: allow parameters, because zstd's function has them
    ZSTD_CCtx *ctx, void *to, size_t to_bytes, const void *from, size_t from_bytes, int level);
utf8proc_ssize_t fault_utf8proc_map(const utf8proc_uint8_t *text, utf8proc_ssize_t bytes,
                                    utf8proc_uint8_t **out, utf8proc_option_t options);
QRcode *fault_qrcode(const char *text, int version, QRecLevel level, QRencodeMode hint,
                     int case_sensitive);

void *fault_malloc(size_t bytes) {
    return fails() ? NULL : counted(malloc(bytes));
}

void *fault_calloc(size_t count, size_t bytes) {
    return fails() ? NULL : counted(calloc(count, bytes));
}

void *fault_realloc(void *block, size_t bytes) {
    if (fails()) {
        return NULL;
    }
    void *grown = realloc(block, bytes);
    alloc.live += block == NULL && grown != NULL;
    return grown;
}

char *fault_strdup(const char *text) {
    return fails() ? NULL : counted(strdup(text));
}

void fault_free(void *block) {
    alloc.live -= block != NULL;
    free(block);
}

FILE *fault_fopen(const char *path, const char *mode) {
    return fails() ? NULL : fopen(path, mode);
}

FILE *fault_fdopen(int fd, const char *mode) {
    return fails() ? NULL : fdopen(fd, mode);
}

DIR *fault_opendir(const char *path) {
    return fails() ? NULL : opendir(path);
}

void *fault_sodium_malloc(size_t bytes) {
    return fails() ? NULL : counted(sodium_malloc(bytes));
}

void fault_sodium_free(void *block) {
    alloc.live -= block != NULL;
    sodium_free(block);
}

int fault_pwhash( // tidy: allow parameters, because libsodium's function has them
    unsigned char *out, unsigned long long out_bytes, const char *password,
    unsigned long long password_bytes, const unsigned char *salt, unsigned long long ops,
    size_t mem, int algorithm) {
    if (fails()) {
        return -1;
    }
    return crypto_pwhash(out, out_bytes, password, password_bytes, salt, ops, mem, algorithm);
}

ZSTD_CCtx *fault_zstd_cctx(void) {
    return fails() ? NULL : counted(ZSTD_createCCtx());
}

ZSTD_DCtx *fault_zstd_dctx(void) {
    return fails() ? NULL : counted(ZSTD_createDCtx());
}

size_t fault_zstd_cctx_free(ZSTD_CCtx *ctx) {
    alloc.live -= ctx != NULL;
    return ZSTD_freeCCtx(ctx);
}

size_t fault_zstd_dctx_free(ZSTD_DCtx *ctx) {
    alloc.live -= ctx != NULL;
    return ZSTD_freeDCtx(ctx);
}

// zstd's error codes are negative numbers; any of them will do.
size_t fault_zstd_compress( // tidy: allow parameters, because zstd's function has them
    ZSTD_CCtx *ctx, void *to, size_t to_bytes, const void *from, size_t from_bytes, int level) {
    return fails() ? (size_t)-64 : ZSTD_compressCCtx(ctx, to, to_bytes, from, from_bytes, level);
}

utf8proc_ssize_t fault_utf8proc_map(const utf8proc_uint8_t *text, utf8proc_ssize_t bytes,
                                    utf8proc_uint8_t **out, utf8proc_option_t options) {
    if (fails()) {
        *out = NULL;
        return UTF8PROC_ERROR_NOMEM;
    }
    utf8proc_ssize_t result = utf8proc_map(text, bytes, out, options);
    alloc.live += *out != NULL;
    return result;
}

QRcode *fault_qrcode(const char *text, int version, QRecLevel level, QRencodeMode hint,
                     int case_sensitive) {
    return fails() ? NULL : QRcode_encodeString(text, version, level, hint, case_sensitive);
}

// ---- SQLite: the size stands before the block ----

static void *sqlite_malloc(int bytes) {
    uint8_t *head = fails() ? NULL : malloc((size_t)bytes + SQLITE_HEAD_BYTES);
    if (head == NULL) {
        return NULL;
    }
    memcpy(head, &bytes, sizeof bytes);
    return (uint8_t *)counted(head) + SQLITE_HEAD_BYTES;
}

static void sqlite_free(void *block) {
    alloc.live -= block != NULL;
    free(block != NULL ? (uint8_t *)block - SQLITE_HEAD_BYTES : NULL);
}

static void *sqlite_realloc(void *block, int bytes) {
    if (fails()) {
        return NULL;
    }
    uint8_t *head =
        realloc((uint8_t *)block - SQLITE_HEAD_BYTES, (size_t)bytes + SQLITE_HEAD_BYTES);
    if (head == NULL) {
        return NULL;
    }
    memcpy(head, &bytes, sizeof bytes);
    return head + SQLITE_HEAD_BYTES;
}

static int sqlite_size(void *block) {
    int bytes = 0;
    if (block != NULL) {
        memcpy(&bytes, (uint8_t *)block - SQLITE_HEAD_BYTES, sizeof bytes);
    }
    return bytes;
}

static int sqlite_roundup(int bytes) {
    return (bytes + 7) & ~7;
}

static int sqlite_init(void *ctx) {
    (void)ctx;
    return SQLITE_OK;
}

static void sqlite_shutdown(void *ctx) {
    (void)ctx;
}

void alloc_start(void) {
    static const sqlite3_mem_methods methods = {
        .xMalloc = sqlite_malloc,
        .xFree = sqlite_free,
        .xRealloc = sqlite_realloc,
        .xSize = sqlite_size,
        .xRoundup = sqlite_roundup,
        .xInit = sqlite_init,
        .xShutdown = sqlite_shutdown,
    };
    cJSON_Hooks json = {.malloc_fn = fault_malloc, .free_fn = fault_free};
    cJSON_InitHooks(&json);
    // Without the lookaside every small allocation of SQLite can fail, too.
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK ||
        sqlite3_initialize() != SQLITE_OK) {
        abort();
    }
}

// ---- Syncs: not what is tested here, and slow ----

__attribute__((visibility("default"))) int fsync(int fd);
__attribute__((visibility("default"))) int fdatasync(int fd);

int fsync(int fd) {
    (void)fd;
    return 0;
}

int fdatasync(int fd) {
    (void)fd;
    return 0;
}
