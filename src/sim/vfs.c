#include "davy/sim/vfs.h"

#include "davy/base/ensure.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 512
#define NAME_BYTES 128
#define VFS_NAME_BYTES 32
#define FILES_MAX 64

struct content {
    uint8_t *data;
    size_t len;
    size_t cap;
};

struct sim_file {
    char name[NAME_BYTES]; // "": of no name, gone when it is closed
    bool exists;           // has a name that can be opened now
    bool durable_exists;   // the name survives a crash
    struct content now;
    struct content durable;
    uint8_t *dirty; // a bit a sector of `now`, written since the last sync
    size_t dirty_cap;
    uint32_t *sectors; // the dirty ones
    size_t sector_count;
    size_t sector_cap;
    int opened;
    int shared; // locks held by handles
    bool reserved;
    bool exclusive;
};

struct sim_disk {
    char vfs_name[VFS_NAME_BYTES];
    sqlite3_vfs vfs;
    uint64_t random;
    struct sim_file *files[FILES_MAX];
    uint32_t generation; // handles of an earlier one are dead
    struct sim_fault fault;
    uint64_t cut; // changes until the power fails; 0: none
    bool dead;    // the power has failed
    bool held;    // no operation counts
    bool struck;
    uint64_t limit;
    uint64_t counts[SIM_OP_COUNT];
    int64_t days; // Julian day in ms, counted up: SQLite asks for a time, nothing depends on it
};

struct sim_handle {
    sqlite3_file base; // must come first
    struct sim_disk *disk;
    struct sim_file *file;
    uint32_t generation;
    int lock;
};

// ---- Dice ----

static uint64_t dice(struct sim_disk *disk) {
    uint64_t value = disk->random += 0x9E3779B97F4A7C15u;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

// ---- Content ----

static bool content_size(struct content *content, size_t len) {
    if (len > content->cap) {
        size_t cap = content->cap < 4096 ? 4096 : content->cap;
        while (cap < len) {
            cap += cap / 2;
        }
        uint8_t *data = realloc(content->data, cap);
        if (data == NULL) {
            return false;
        }
        content->data = data;
        content->cap = cap;
    }
    if (len > content->len) {
        memset(content->data + content->len, 0, len - content->len);
    }
    content->len = len;
    return true;
}

static bool mark_dirty(struct sim_file *file, size_t first, size_t end) {
    size_t sectors = (end + SECTOR_BYTES - 1) / SECTOR_BYTES;
    if (sectors > file->dirty_cap * 8) {
        size_t cap = (sectors / 8 + 64) * 2;
        uint8_t *dirty = realloc(file->dirty, cap);
        if (dirty == NULL) {
            return false;
        }
        memset(dirty + file->dirty_cap, 0, cap - file->dirty_cap);
        file->dirty = dirty;
        file->dirty_cap = cap;
    }
    for (size_t i = first / SECTOR_BYTES; i < sectors; i++) {
        if ((file->dirty[i / 8] >> (i % 8) & 1) != 0) {
            continue;
        }
        if (file->sector_count == file->sector_cap) {
            size_t cap = file->sector_cap == 0 ? 64 : file->sector_cap * 2;
            uint32_t *list = realloc(file->sectors, cap * sizeof(*list));
            if (list == NULL) {
                return false;
            }
            file->sectors = list;
            file->sector_cap = cap;
        }
        file->sectors[file->sector_count++] = (uint32_t)i;
        file->dirty[i / 8] = (uint8_t)(file->dirty[i / 8] | 1u << (i % 8));
    }
    return true;
}

static void clear_dirty(struct sim_file *file) {
    for (size_t i = 0; i < file->sector_count; i++) {
        file->dirty[file->sectors[i] / 8] = 0;
    }
    file->sector_count = 0;
}

static void copy_sector(struct content *to, const struct content *from, size_t sector) {
    size_t at = sector * SECTOR_BYTES;
    size_t end = at + SECTOR_BYTES;
    end = end > to->len ? to->len : end;
    size_t known = end > from->len ? from->len : end;
    if (at < known) {
        memcpy(to->data + at, from->data + at, known - at);
    }
    size_t rest = at > known ? at : known;
    if (rest < end) {
        memset(to->data + rest, 0, end - rest);
    }
}

static bool file_sync(struct sim_file *file) {
    if (!content_size(&file->durable, file->now.len)) {
        return false;
    }
    for (size_t i = 0; i < file->sector_count; i++) {
        copy_sector(&file->durable, &file->now, file->sectors[i]);
    }
    clear_dirty(file);
    file->durable_exists = file->exists;
    return true;
}

static void file_free(struct sim_file *file) {
    if (file != NULL) {
        free(file->now.data);
        free(file->durable.data);
        free(file->dirty);
        free(file->sectors);
        free(file);
    }
}

// ---- Files of a disk ----

static struct sim_file *file_find(struct sim_disk *disk, const char *name, bool deleted) {
    for (size_t i = 0; i < FILES_MAX; i++) {
        struct sim_file *file = disk->files[i];
        if (file != NULL && strcmp(file->name, name) == 0 && (file->exists || deleted)) {
            return file;
        }
    }
    return NULL;
}

static struct sim_file *file_new(struct sim_disk *disk, const char *name) {
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (disk->files[i] == NULL) {
            struct sim_file *file = calloc(1, sizeof(*file));
            if (file != NULL) {
                snprintf(file->name, sizeof(file->name), "%s", name);
                disk->files[i] = file;
            }
            return file;
        }
    }
    return NULL;
}

static void file_drop(struct sim_disk *disk, struct sim_file *file) {
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (disk->files[i] == file) {
            disk->files[i] = NULL;
            file_free(file);
            return;
        }
    }
}

static uint64_t used_bytes(const struct sim_disk *disk) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (disk->files[i] != NULL && disk->files[i]->exists) {
            bytes += disk->files[i]->now.len;
        }
    }
    return bytes;
}

// ---- Faults ----

static bool handle_dead(const struct sim_handle *handle) {
    return handle->disk->dead || handle->generation != handle->disk->generation;
}

// Counts an operation; true if the fault strikes it.
static bool strikes(struct sim_disk *disk, enum sim_op op) {
    if (disk->held) {
        return false;
    }
    disk->counts[op]++;
    struct sim_fault *fault = &disk->fault;
    if (fault->nth == 0 || fault->op != op) {
        return false;
    }
    if (fault->nth > 1) {
        fault->nth--;
        return false;
    }
    disk->struck = true;
    if (!fault->lasting) {
        fault->nth = 0;
    }
    return true;
}

// A change that the power still lets through; the last one leaves the disk dead behind it.
static void count_change(struct sim_disk *disk) {
    if (disk->cut > 0 && !disk->held) {
        disk->cut--;
        disk->dead = disk->cut == 0;
        disk->struck = disk->struck || disk->dead;
    }
}

static int fault_code(const struct sim_disk *disk, int io_code) {
    return disk->fault.full ? SQLITE_FULL : io_code;
}

// ---- Methods of a file ----

static int sim_close(sqlite3_file *base) {
    struct sim_handle *handle = (struct sim_handle *)base;
    if (handle->generation != handle->disk->generation) {
        return SQLITE_OK;
    }
    handle->file->opened--;
    if (handle->file->name[0] == '\0' && handle->file->opened == 0) {
        file_drop(handle->disk, handle->file);
    }
    return SQLITE_OK;
}

static int sim_read(sqlite3_file *base, void *out, int bytes, sqlite3_int64 at) {
    struct sim_handle *handle = (struct sim_handle *)base;
    if (handle_dead(handle) || strikes(handle->disk, SIM_READ)) {
        return SQLITE_IOERR_READ;
    }
    const struct content *now = &handle->file->now;
    size_t have = (size_t)at < now->len ? now->len - (size_t)at : 0;
    size_t copied = have < (size_t)bytes ? have : (size_t)bytes;
    if (copied > 0) {
        memcpy(out, now->data + at, copied);
    }
    if (copied == (size_t)bytes) {
        return SQLITE_OK;
    }
    memset((uint8_t *)out + copied, 0, (size_t)bytes - copied);
    return SQLITE_IOERR_SHORT_READ;
}

static int sim_write(sqlite3_file *base, const void *data, int bytes, sqlite3_int64 at) {
    struct sim_handle *handle = (struct sim_handle *)base;
    struct sim_disk *disk = handle->disk;
    struct sim_file *file = handle->file;
    if (handle_dead(handle)) {
        return SQLITE_IOERR_WRITE;
    }
    if (strikes(disk, SIM_WRITE)) {
        return fault_code(disk, SQLITE_IOERR_WRITE);
    }
    size_t end = (size_t)at + (size_t)bytes;
    size_t grows = end > file->now.len ? end - file->now.len : 0;
    if (disk->limit > 0 && used_bytes(disk) + grows > disk->limit) {
        disk->struck = true;
        return SQLITE_FULL;
    }
    if ((grows > 0 && !content_size(&file->now, end)) || !mark_dirty(file, (size_t)at, end)) {
        return SQLITE_IOERR_NOMEM;
    }
    memcpy(file->now.data + at, data, (size_t)bytes);
    count_change(disk);
    return SQLITE_OK;
}

static int sim_truncate(sqlite3_file *base, sqlite3_int64 bytes) {
    struct sim_handle *handle = (struct sim_handle *)base;
    if (handle_dead(handle)) {
        return SQLITE_IOERR_TRUNCATE;
    }
    if (strikes(handle->disk, SIM_WRITE)) {
        return fault_code(handle->disk, SQLITE_IOERR_TRUNCATE);
    }
    struct content *now = &handle->file->now;
    size_t old = now->len;
    bool done = content_size(now, (size_t)bytes);
    size_t low = old < now->len ? old : now->len;
    size_t high = old < now->len ? now->len : old;
    if (!done || !mark_dirty(handle->file, low, high)) {
        return SQLITE_IOERR_NOMEM;
    }
    count_change(handle->disk);
    return SQLITE_OK;
}

// SQLite syncs the folder with the first sync of a journal, which keeps the names of all its files.
static void folder_sync(struct sim_disk *disk, const struct sim_file *synced) {
    bool journal = strstr(synced->name, "-wal") != NULL || strstr(synced->name, "-journal") != NULL;
    if (!journal || synced->durable_exists) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(disk->files); i++) {
        if (disk->files[i] != NULL) {
            disk->files[i]->durable_exists = disk->files[i]->exists;
        }
    }
}

static int sim_sync(sqlite3_file *base, int flags) {
    struct sim_handle *handle = (struct sim_handle *)base;
    (void)flags;
    if (handle_dead(handle)) {
        return SQLITE_IOERR_FSYNC;
    }
    if (strikes(handle->disk, SIM_SYNC)) {
        return fault_code(handle->disk, SQLITE_IOERR_FSYNC);
    }
    count_change(handle->disk);
    // A sync that the power cut short has promised nothing.
    if (handle->disk->dead) {
        return SQLITE_IOERR_FSYNC;
    }
    folder_sync(handle->disk, handle->file);
    return file_sync(handle->file) ? SQLITE_OK : SQLITE_IOERR_NOMEM;
}

static int sim_file_size(sqlite3_file *base, sqlite3_int64 *out_bytes) {
    struct sim_handle *handle = (struct sim_handle *)base;
    if (handle_dead(handle)) {
        return SQLITE_IOERR_FSTAT;
    }
    *out_bytes = (sqlite3_int64)handle->file->now.len;
    return SQLITE_OK;
}

static int sim_lock(sqlite3_file *base, int level) {
    struct sim_handle *handle = (struct sim_handle *)base;
    struct sim_file *file = handle->file;
    if (handle_dead(handle)) {
        return SQLITE_IOERR_LOCK;
    }
    if (handle->lock >= level) {
        return SQLITE_OK;
    }
    bool others = file->shared > (handle->lock >= SQLITE_LOCK_SHARED ? 1 : 0);
    bool mine = handle->lock >= SQLITE_LOCK_RESERVED;
    if ((file->exclusive && handle->lock < SQLITE_LOCK_EXCLUSIVE) ||
        (level >= SQLITE_LOCK_RESERVED && file->reserved && !mine) ||
        (level == SQLITE_LOCK_EXCLUSIVE && others)) {
        return SQLITE_BUSY;
    }
    file->shared += handle->lock == SQLITE_LOCK_NONE;
    file->reserved = file->reserved || level >= SQLITE_LOCK_RESERVED;
    file->exclusive = file->exclusive || level == SQLITE_LOCK_EXCLUSIVE;
    handle->lock = level;
    return SQLITE_OK;
}

static int sim_unlock(sqlite3_file *base, int level) {
    struct sim_handle *handle = (struct sim_handle *)base;
    struct sim_file *file = handle->file;
    if (handle->generation != handle->disk->generation || handle->lock <= level) {
        return SQLITE_OK;
    }
    file->exclusive = file->exclusive && handle->lock != SQLITE_LOCK_EXCLUSIVE;
    if (handle->lock >= SQLITE_LOCK_RESERVED) {
        file->reserved = false;
    }
    if (level == SQLITE_LOCK_NONE) {
        file->shared--;
    }
    handle->lock = level;
    return SQLITE_OK;
}

static int sim_check_reserved(sqlite3_file *base, int *out_reserved) {
    struct sim_handle *handle = (struct sim_handle *)base;
    *out_reserved = !handle_dead(handle) && handle->file->reserved;
    return SQLITE_OK;
}

static int sim_control(sqlite3_file *base, int op, void *argument) {
    (void)base;
    (void)op;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int sim_sector_size(sqlite3_file *base) {
    (void)base;
    return SECTOR_BYTES;
}

// A crash never changes a synced sector beside a written one, as on real disks.
static int sim_characteristics(sqlite3_file *base) {
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods sim_methods = {
    .iVersion = 1,
    .xClose = sim_close,
    .xRead = sim_read,
    .xWrite = sim_write,
    .xTruncate = sim_truncate,
    .xSync = sim_sync,
    .xFileSize = sim_file_size,
    .xLock = sim_lock,
    .xUnlock = sim_unlock,
    .xCheckReservedLock = sim_check_reserved,
    .xFileControl = sim_control,
    .xSectorSize = sim_sector_size,
    .xDeviceCharacteristics = sim_characteristics,
};

// ---- Methods of the disk ----

static int sim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                    int *out_flags) {
    struct sim_disk *disk = vfs->pAppData;
    struct sim_handle *handle = (struct sim_handle *)base;
    memset(handle, 0, sizeof(*handle));
    if (disk->dead) {
        return SQLITE_CANTOPEN;
    }
    struct sim_file *file = name != NULL ? file_find(disk, name, true) : NULL;
    bool found = file != NULL && file->exists;
    if ((!found && (flags & SQLITE_OPEN_CREATE) == 0) ||
        (name != NULL && strlen(name) >= NAME_BYTES)) {
        return SQLITE_CANTOPEN;
    }
    if (!found) {
        file = file != NULL ? file : file_new(disk, name != NULL ? name : "");
        if (file == NULL) {
            return SQLITE_NOMEM;
        }
        // A name that was deleted and not yet durably so begins empty again.
        (void)content_size(&file->now, 0);
        file->exists = true;
        if (file->durable.len > 0 && !mark_dirty(file, 0, file->durable.len)) {
            return SQLITE_NOMEM;
        }
    }
    file->opened++;
    handle->base.pMethods = &sim_methods;
    handle->disk = disk;
    handle->file = file;
    handle->generation = disk->generation;
    if (out_flags != NULL) {
        *out_flags = flags;
    }
    return SQLITE_OK;
}

static int sim_delete(sqlite3_vfs *vfs, const char *name, int sync_folder) {
    struct sim_disk *disk = vfs->pAppData;
    struct sim_file *file = file_find(disk, name, false);
    if (disk->dead) {
        return SQLITE_IOERR_DELETE;
    }
    if (file == NULL) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    if (strikes(disk, SIM_WRITE)) {
        return fault_code(disk, SQLITE_IOERR_DELETE);
    }
    count_change(disk);
    file->exists = false;
    if (sync_folder != 0 && !disk->dead) {
        file->durable_exists = false;
    }
    return SQLITE_OK;
}

static int sim_access(sqlite3_vfs *vfs, const char *name, int flags, int *out_result) {
    struct sim_disk *disk = vfs->pAppData;
    const struct sim_file *file = file_find(disk, name, false);
    if (disk->dead) {
        return SQLITE_IOERR_ACCESS;
    }
    // SQLite takes an empty file for none where it looks for a journal.
    *out_result = file != NULL && (flags != SQLITE_ACCESS_EXISTS || file->now.len > 0);
    return SQLITE_OK;
}

static int sim_full_path(sqlite3_vfs *vfs, const char *name, int bytes, char *out_path) {
    (void)vfs;
    return snprintf(out_path, (size_t)bytes, "%s", name) < bytes ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int sim_randomness(sqlite3_vfs *vfs, int bytes, char *out) {
    struct sim_disk *disk = vfs->pAppData;
    for (int i = 0; i < bytes; i++) {
        out[i] = (char)dice(disk);
    }
    return bytes;
}

static int sim_wait(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return microseconds;
}

static int sim_time(sqlite3_vfs *vfs, sqlite3_int64 *out_ms) {
    struct sim_disk *disk = vfs->pAppData;
    *out_ms = disk->days++;
    return SQLITE_OK;
}

static int sim_time_days(sqlite3_vfs *vfs, double *out_days) {
    sqlite3_int64 ms = 0;
    int code = sim_time(vfs, &ms);
    *out_days = (double)ms / 86400000.0;
    return code;
}

static int sim_last_error(sqlite3_vfs *vfs, int bytes, char *out_text) {
    (void)vfs;
    (void)bytes;
    (void)out_text;
    return 0;
}

// ---- The disk ----

enum rc sim_disk_new(uint64_t seed, struct sim_disk **out_disk) {
    struct sim_disk *disk = calloc(1, sizeof(*disk));
    if (disk == NULL) {
        return RC_NO_MEMORY;
    }
    disk->random = seed;
    disk->days = INT64_C(212000000000000);
    snprintf(disk->vfs_name, sizeof(disk->vfs_name), "sim-%p", (void *)disk);
    disk->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct sim_handle),
        .mxPathname = NAME_BYTES,
        .zName = disk->vfs_name,
        .pAppData = disk,
        .xOpen = sim_open,
        .xDelete = sim_delete,
        .xAccess = sim_access,
        .xFullPathname = sim_full_path,
        .xRandomness = sim_randomness,
        .xSleep = sim_wait,
        .xCurrentTime = sim_time_days,
        .xGetLastError = sim_last_error,
        .xCurrentTimeInt64 = sim_time,
    };
    if (sqlite3_vfs_register(&disk->vfs, 0) != SQLITE_OK) {
        free(disk);
        return RC_NO_MEMORY;
    }
    *out_disk = disk;
    return RC_OK;
}

void sim_disk_free(struct sim_disk *disk) {
    if (disk == NULL) {
        return;
    }
    sqlite3_vfs_unregister(&disk->vfs);
    for (size_t i = 0; i < FILES_MAX; i++) {
        file_free(disk->files[i]);
    }
    free(disk);
}

const char *sim_disk_vfs_name(const struct sim_disk *disk) {
    return disk->vfs_name;
}

void sim_disk_fail(struct sim_disk *disk, const struct sim_fault *fault) {
    disk->fault = *fault;
    disk->struck = false;
}

void sim_disk_cut(struct sim_disk *disk, uint64_t nth) {
    disk->cut = nth;
    disk->struck = false;
}

bool sim_disk_struck(const struct sim_disk *disk) {
    return disk->struck;
}

void sim_disk_hold(struct sim_disk *disk, bool held) {
    disk->held = held;
}

const char *sim_disk_unsynced(const struct sim_disk *disk) {
    for (size_t i = 0; i < FILES_MAX; i++) {
        const struct sim_file *file = disk->files[i];
        if (file != NULL && file->name[0] != '\0' &&
            (file->exists != file->durable_exists ||
             (file->exists && (file->sector_count > 0 || file->now.len != file->durable.len)))) {
            return file->name;
        }
    }
    return NULL;
}

bool sim_disk_dead(const struct sim_disk *disk) {
    return disk->dead;
}

void sim_disk_limit(struct sim_disk *disk, uint64_t bytes) {
    disk->limit = bytes;
}

static void disk_restart(struct sim_disk *disk) {
    disk->generation++;
    disk->fault = (struct sim_fault){0};
    disk->cut = 0;
    disk->dead = false;
    disk->struck = false;
    for (size_t i = 0; i < FILES_MAX; i++) {
        struct sim_file *file = disk->files[i];
        if (file != NULL) {
            file->opened = 0;
            file->shared = 0;
            file->reserved = false;
            file->exclusive = false;
        }
        if (file != NULL && file->name[0] == '\0') {
            disk->files[i] = NULL;
            file_free(file);
        }
    }
}

// What a power cut leaves of one file.
static void file_crash(struct sim_disk *disk, struct sim_file *file) {
    size_t low = file->now.len < file->durable.len ? file->now.len : file->durable.len;
    size_t high = file->now.len < file->durable.len ? file->durable.len : file->now.len;
    size_t spread = (high - low) / SECTOR_BYTES + 2;
    size_t len = low + dice(disk) % spread * SECTOR_BYTES;
    len = len > high ? high : len;
    bool sized = content_size(&file->durable, high);
    ENSURE(sized);
    for (size_t i = 0; i < file->sector_count; i++) {
        if ((dice(disk) & 1) != 0) {
            copy_sector(&file->durable, &file->now, file->sectors[i]);
        }
    }
    clear_dirty(file);
    file->durable.len = len;
    struct content left = file->durable;
    file->durable = file->now;
    file->now = left;
    file->durable.len = 0;
    sized = content_size(&file->durable, len);
    ENSURE(sized);
    if (len > 0) {
        memcpy(file->durable.data, file->now.data, len);
    }
}

void sim_disk_crash(struct sim_disk *disk) {
    disk_restart(disk);
    for (size_t i = 0; i < FILES_MAX; i++) {
        struct sim_file *file = disk->files[i];
        if (file == NULL) {
            continue;
        }
        bool stays = file->exists == file->durable_exists ? file->exists : (dice(disk) & 1) != 0;
        // A name that comes back after it was deleted brings its last content along.
        file_crash(disk, file);
        file->exists = stays;
        file->durable_exists = stays;
        if (!stays) {
            disk->files[i] = NULL;
            file_free(file);
        }
    }
}

void sim_disk_kill(struct sim_disk *disk) {
    disk_restart(disk);
}

uint64_t sim_disk_count(const struct sim_disk *disk, enum sim_op op) {
    return disk->counts[op];
}

uint64_t sim_disk_bytes(const struct sim_disk *disk) {
    return used_bytes(disk);
}

enum rc sim_disk_put(struct sim_disk *disk, const char *name, const void *data, size_t bytes) {
    struct sim_file *file = file_find(disk, name, true);
    file = file != NULL ? file : file_new(disk, name);
    if (file == NULL || strlen(name) >= NAME_BYTES) {
        return file == NULL ? RC_NO_MEMORY : RC_TOO_LARGE;
    }
    if (!content_size(&file->now, 0) || !content_size(&file->now, bytes) ||
        !mark_dirty(file, 0, bytes)) {
        return RC_NO_MEMORY;
    }
    if (bytes > 0) {
        memcpy(file->now.data, data, bytes);
    }
    file->exists = true;
    return file_sync(file) ? RC_OK : RC_NO_MEMORY;
}

enum rc sim_disk_get(struct sim_disk *disk, const char *name, const uint8_t **out_data,
                     size_t *out_bytes) {
    const struct sim_file *file = file_find(disk, name, false);
    if (file == NULL) {
        return RC_NOT_FOUND;
    }
    *out_data = file->now.data;
    *out_bytes = file->now.len;
    return RC_OK;
}

enum rc sim_disk_clone(const struct sim_disk *disk, uint64_t seed, struct sim_disk **out_disk) {
    struct sim_disk *clone = NULL;
    enum rc rc = sim_disk_new(seed, &clone);
    for (size_t i = 0; i < FILES_MAX && rc == RC_OK; i++) {
        const struct sim_file *file = disk->files[i];
        if (file != NULL && file->durable_exists && file->name[0] != '\0') {
            rc = sim_disk_put(clone, file->name, file->durable.data, file->durable.len);
        }
    }
    if (rc != RC_OK) {
        sim_disk_free(clone);
        return rc;
    }
    *out_disk = clone;
    return RC_OK;
}
