// Sealed files: what only the holder of an offline key can read, and nobody can cut or change.
//
// A pair is made once. Its public half stands on every machine that makes backups; its secret half
// is wrapped by a PIN (Argon2id) in a file that is kept elsewhere, on paper or in a safe. Tries at
// that file are not counted: whoever holds it can guess as fast as he can, so that the PIN has at
// least 8 digits.
//
// FILE  16 magic | 32 public key | 80 sealed stream key (crypto_box_seal) | 24 stream header |
//       chunks of 64 KB (crypto_secretstream, XChaCha20-Poly1305), the last one marked as such
// The first chunk authenticates all that stands before it. A file that was cut off, mended or put
// together from two is RC_CORRUPT or RC_TRUNCATED; one for another key is RC_DENIED.
#ifndef DAVY_KEYS_SEALFILE_H
#define DAVY_KEYS_SEALFILE_H

#include "davy/keys/keyfile.h"

#define SEALFILE_TEXT_BYTES 80 // "davy-backup-1:" and 64 hex digits

struct sealfile_key {
    uint8_t public_part[32];
    uint8_t secret_part[32];
};
void sealfile_key_fini(struct sealfile_key *key); // wipes
// A fresh pair; the secret half goes into a new file, mode 0600. RC_EXISTS, RC_INVALID (PIN not of
// 8 to 32 digits, cost too low), RC_FULL, RC_IO, RC_NO_MEMORY.
DAVY_MUST_USE enum rc sealfile_key_make(const char *path, const char *pin, struct pin_cost cost,
                                        uint8_t out_public[32]);
// RC_NOT_FOUND, RC_DENIED (the PIN), RC_CORRUPT, RC_IO, RC_NO_MEMORY.
DAVY_MUST_USE enum rc sealfile_key_open(const char *path, const char *pin,
                                        struct sealfile_key *out_key);
void sealfile_public_text(const uint8_t public_part[32], char out_text[static SEALFILE_TEXT_BYTES]);
DAVY_MUST_USE enum rc sealfile_public_parse(const char *text, uint8_t out_public[32]);

// Writing: everything put is in the file once sealfile_end returned RC_OK; the caller syncs it. The
// file descriptor is borrowed.
struct sealfile_writer;
DAVY_MUST_USE enum rc sealfile_begin(int fd, const uint8_t to[32],
                                     struct sealfile_writer **out_writer);
DAVY_MUST_USE enum rc sealfile_put(struct sealfile_writer *writer, const void *data, size_t len);
DAVY_MUST_USE enum rc sealfile_end(struct sealfile_writer *writer);
void sealfile_writer_free(struct sealfile_writer *writer);

// Reading, in order; the whole file counts only once sealfile_finished returned RC_OK.
struct sealfile_reader;
// RC_INVALID: no sealed file; RC_DENIED: for another key; RC_TRUNCATED, RC_CORRUPT, RC_IO.
DAVY_MUST_USE enum rc sealfile_open(int fd, const struct sealfile_key *key,
                                    struct sealfile_reader **out_reader);
// Exactly len bytes. RC_TRUNCATED, RC_CORRUPT, RC_IO.
DAVY_MUST_USE enum rc sealfile_get(struct sealfile_reader *reader, void *out_data, size_t len);
// RC_OK: the end, and nothing stands behind it.
DAVY_MUST_USE enum rc sealfile_finished(struct sealfile_reader *reader);
void sealfile_reader_free(struct sealfile_reader *reader);

// A key folder that came out of a backup: no PIN counter may have fallen by it. Each counter is set
// to the first one with a wait at least, and to what `before` (the folder that it replaces, NULL if
// there is none) had counted.
DAVY_MUST_USE enum rc keyfile_restored(const char *folder, const char *before);

#endif
