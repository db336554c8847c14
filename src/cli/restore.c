// davy restore: everything is read, checked and made ready beside the folder; the folder itself
// changes by one rename at the end.
#include "cli/backup_priv.h"

#include "davy/app/judge.h"
#include "davy/link/os.h"
#include "davy/store/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_RESTORED "sync.restored"
#define META_RESTORED_FROM "restore.time" // u64: the time of the backup

struct restoring {
    struct cli *cli;
    char target[PATH_MAX];
    char fresh[PATH_MAX]; // where it is made ready
    char aside[PATH_MAX]; // where an old folder goes
    struct backup_info info;
    struct refusal refusal;
};

static bool key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(ctx, content, out_key);
}

// ---- The place ----

static bool folder_is_empty(const char *folder) {
    DIR *names = opendir(folder);
    bool empty = names != NULL;
    for (struct dirent *entry = names ? readdir(names) : NULL; entry && empty;
         entry = readdir(names)) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    if (names) {
        (void)closedir(names);
    }
    return empty;
}

// A store that somebody owns is never replaced; another one only when told to, and it is kept.
static int check_place(struct restoring *restoring) {
    struct cli *cli = restoring->cli;
    struct stat status;
    char lock[PATH_MAX + 16];
    if (lstat(restoring->target, &status) != 0) {
        return errno == ENOENT
                   ? CLI_OK
                   : cli_fail(cli, _("%s cannot be read: %s"), restoring->target, strerror(errno));
    }
    if (S_ISDIR(status.st_mode) && folder_is_empty(restoring->target)) {
        return CLI_OK;
    }
    if (!S_ISDIR(status.st_mode) || !cli->value[OPT_REPLACE]) {
        (void)!REFUSE(&restoring->refusal, REFUSAL_BACKUP_PLACE, restoring->target);
        return cli_fail_rc(cli, RC_REFUSED, &restoring->refusal);
    }
    (void)snprintf(lock, sizeof lock, "%s/davy.lock", restoring->target);
    int fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool living = fd >= 0 && fcntl(fd, F_OFD_GETLK, &held) == 0 && held.l_type != F_UNLCK;
    if (fd >= 0) {
        (void)close(fd);
    }
    return living ? cli_fail(cli, _("a program owns the store in %s: stop it first"),
                             restoring->target)
                  : CLI_OK;
}

// ---- Checks of what came out ----

static enum rc check_databases(const char *folder, int depth) {
    struct dirent *entry;
    DIR *names = opendir(folder);
    enum rc rc = names ? RC_OK : RC_IO;
    while (rc == RC_OK && (entry = readdir(names))) {
        char path[PATH_MAX];
        struct stat status;
        size_t len = strlen(entry->d_name);
        int put = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || put < 0 || (size_t)put >= sizeof path ||
            lstat(path, &status) != 0) {
            continue;
        }
        if (S_ISDIR(status.st_mode) && depth < 4) {
            rc = check_databases(path, depth + 1);
        } else if (len > 3 && strcmp(entry->d_name + len - 3, ".db") == 0) {
            rc = store_file_check(path);
        }
    }
    if (names) {
        (void)closedir(names);
    }
    return rc;
}

// The seal must be that of the device whose key and store came out of it.
static enum rc check_owner(struct restoring *restoring) {
    struct device_config config;
    struct keyfile_device device;
    char keys[PATH_MAX + 8];
    enum rc rc = device_config_load(restoring->fresh, &config, &restoring->refusal);
    if (rc != RC_OK) {
        return rc;
    }
    (void)snprintf(keys, sizeof keys, "%s/keys", restoring->fresh);
    rc = keyfile_device_load(keys, &device);
    if (rc != RC_OK) {
        return rc;
    }
    bool same =
        memcmp(keypair_public(device.pair)->b, restoring->info.signer.b, PUBLIC_KEY_BYTES) == 0 &&
        id16_equal(config.site.id, restoring->info.head.site.id) &&
        rid_equal(config.device, restoring->info.head.device);
    keyfile_device_fini(&device);
    keys_wipe(&config, sizeof config);
    return same ? RC_OK : REFUSE(&restoring->refusal, REFUSAL_BACKUP_FOREIGN, "");
}

static enum rc verify(struct restoring *restoring) {
    struct app_options options = {
        .folder = restoring->fresh, .scheme = keys_ed25519(), .read_only = true};
    struct store_verify_report report = {0};
    struct cli_progress progress;
    struct app *app = NULL;
    enum rc rc = app_open(&options, os_now(), &app, &restoring->refusal);
    if (rc == RC_OK) {
        progress_start(&progress, restoring->cli, _("checking every record"));
        store_verify_watch(app_store(app), progress_step, &progress);
        rc = store_verify(app_store(app), keys_ed25519(), key_of, (void *)app_roster(app), &report);
        progress_end(&progress);
        app_close(app);
    }
    return rc == RC_OK && report.what[0] != '\0' ? RC_CORRUPT : rc;
}

// ---- What must not come back as it was ----

// The store begins a new incarnation at its next start: what it held may be older than what its
// neighbours hold.
static enum rc mark(struct restoring *restoring) {
    struct store *store = NULL;
    struct buf time;
    struct store_options options = {.folder = restoring->fresh, .registry = app_registry()};
    enum rc rc = store_open(&options, &store, &restoring->refusal);
    if (rc != RC_OK) {
        return rc;
    }
    buf_init(&time, 8);
    buf_put_u64(&time, (uint64_t)restoring->info.head.time.v);
    rc = store_begin(store);
    if (rc == RC_OK) {
        rc = store_meta_set(store, META_RESTORED, slice_text("1"));
        if (rc == RC_OK) {
            rc = store_meta_set(store, META_RESTORED_FROM, buf_slice(&time));
        }
        rc = rc == RC_OK ? store_commit(store) : rc;
    }
    store_checkpoint(store);
    store_close(store);
    buf_fini(&time);
    return rc;
}

static enum rc settle_keys(struct restoring *restoring) {
    char keys[PATH_MAX + 8];
    char before[PATH_MAX + 8];
    (void)snprintf(keys, sizeof keys, "%s/keys", restoring->fresh);
    (void)snprintf(before, sizeof before, "%s/keys", restoring->target);
    return keyfile_restored(keys, access(before, F_OK) == 0 ? before : NULL);
}

static enum rc make_ready(struct restoring *restoring) {
    enum rc rc = check_owner(restoring);
    if (rc == RC_OK) {
        rc = check_databases(restoring->fresh, 0);
    }
    if (rc == RC_OK) {
        rc = verify(restoring);
    }
    if (rc == RC_OK) {
        rc = settle_keys(restoring);
    }
    return rc == RC_OK ? mark(restoring) : rc;
}

// ---- The last step ----

static int put_in_place(struct restoring *restoring) {
    struct cli *cli = restoring->cli;
    struct stat status;
    bool there = lstat(restoring->target, &status) == 0;
    if (there && folder_is_empty(restoring->target)) {
        (void)rmdir(restoring->target);
        there = false;
    }
    if (there && rename(restoring->target, restoring->aside) != 0) {
        return cli_fail(cli, _("%s cannot be moved aside: %s"), restoring->target, strerror(errno));
    }
    if (rename(restoring->fresh, restoring->target) != 0) {
        int error = errno;
        if (there) {
            (void)rename(restoring->aside, restoring->target);
        }
        return cli_fail(cli, _("%s cannot be written: %s"), restoring->target, strerror(error));
    }
    if (there) {
        cli_say(cli, _("what stood there before is in %s"), restoring->aside);
    }
    return CLI_OK;
}

static void say_next(struct restoring *restoring) {
    struct cli *cli = restoring->cli;
    char time[CLI_TIME_BYTES];
    cli_say(cli,
            _("restored as of %s; what came later is taken back from the neighbours at the "
              "next start, and davy sync status names what nobody gave"),
            cli_local_time(restoring->info.head.time, time));
    cli_say(cli, "%s",
            _("every PIN counter begins with a wait; the old machine must not start "
              "again"));
}

static int restore(struct restoring *restoring, const char *path, const struct sealfile_key *key) {
    struct cli *cli = restoring->cli;
    char folder[PATH_MAX];
    if (mkdir(restoring->fresh, 0700) != 0 || !realpath(restoring->fresh, folder)) {
        return cli_fail(cli, _("%s cannot be made: %s"), restoring->fresh, strerror(errno));
    }
    memcpy(restoring->fresh, folder, sizeof folder);
    enum rc rc = backup_read(path, key, restoring->fresh, &restoring->info, &restoring->refusal);
    if (rc == RC_OK) {
        rc = make_ready(restoring);
    }
    int code = rc == RC_OK ? put_in_place(restoring) : cli_fail_rc(cli, rc, &restoring->refusal);
    if (code != CLI_OK) {
        backup_folder_remove(restoring->fresh);
        return code;
    }
    code = backup_report(cli, restoring->target, &restoring->info);
    say_next(restoring);
    return code;
}

int cmd_restore(struct cli *cli) {
    struct restoring restoring = {.cli = cli};
    struct sealfile_key key = {0};
    struct moment now = os_now();
    (void)snprintf(restoring.target, sizeof restoring.target, "%.3900s", cli->args[1]);
    for (size_t len = strlen(restoring.target); len > 1 && restoring.target[len - 1] == '/';) {
        restoring.target[--len] = '\0';
    }
    (void)snprintf(restoring.fresh, sizeof restoring.fresh, "%.3900s.restoring", restoring.target);
    (void)snprintf(restoring.aside, sizeof restoring.aside, "%.3900s.before-%lld", restoring.target,
                   (long long)(now.utc.v / 1000));
    int code = check_place(&restoring);
    if (code == CLI_OK) {
        code = backup_key_open(cli, &key);
    }
    if (code == CLI_OK) {
        code = restore(&restoring, cli->args[0], &key);
    }
    sealfile_key_fini(&key);
    return code;
}
