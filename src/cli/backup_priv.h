// A backup as a file: a store's folder, sealed for an offline key and signed by the device whose
// store it is.
//
// PLAIN   16 magic | head | entries | u8 0 | 32 device key | 64 signature
//   head    16 site, 16 device, u8 kind, u64 time, text name
//   entry   u8 1, text relative name, u64 size, bytes
// The signature is over the domain, the site and the hash of everything before it.
// Databases are copied as they were committed at one moment (store/backup.h); locks, sockets and
// what SQLite keeps beside its files stay out.
#ifndef DAVY_CLI_BACKUP_PRIV_H
#define DAVY_CLI_BACKUP_PRIV_H

#include "cli/cli_priv.h"
#include "davy/keys/sealfile.h"

#define BACKUP_KEY_FILE "backup.pub" // in the folder of a store: for whom its backups are sealed

struct backup_head {
    struct site_id site;
    struct rid device;
    uint8_t kind; // enum device_kind
    struct utc_ms time;
    char name[LIMIT_NAME_BYTES + 1];
};
struct backup_info {
    struct backup_head head;
    struct public_key signer; // proven to have signed it
    uint64_t files;
    uint64_t bytes; // of the files
};
struct backup_source {
    const char *folder;
    const struct backup_head *head;
    const struct keyfile_device *device;
    uint8_t to[32];
};
// Writes path anew, by a temporary name, synced; then reads the file's bytes again and compares
// them with what was written. RC_EXISTS, RC_FULL, RC_IO, RC_CORRUPT (the store, or the target).
DAVY_MUST_USE enum rc backup_write(const struct backup_source *source, const char *path,
                                   struct backup_info *out_info);
// Reads and checks all of it; with a folder (which must exist and be empty) the files are put
// there, mode 0600. RC_REFUSED: BACKUP_FORM, BACKUP_KEY, BACKUP_FOREIGN.
DAVY_MUST_USE enum rc backup_read(const char *path, const struct sealfile_key *key,
                                  const char *folder, struct backup_info *out_info,
                                  struct refusal *out_refusal);
// Asks for the PIN and opens the secret half named by --key. CLI_OK, or said why not.
int backup_key_open(struct cli *cli, struct sealfile_key *out_key);
// Removes a folder that this program made, whatever stands in it.
void backup_folder_remove(const char *folder);
int backup_report(struct cli *cli, const char *path, const struct backup_info *info);

#endif
