// Bundles, between their files:
//   bundle.c         the format, the reader, who may have written one
//   bundle_export.c  chains of a store into a file
//   bundle_import.c  a file into a device's store
#ifndef DAVY_APP_BUNDLE_PRIV_H
#define DAVY_APP_BUNDLE_PRIV_H

#include "app_priv.h"
#include "davy/app/bundle.h"

// What the end's signature covers; buf_fini it.
void bundle_end_message(const struct hash32 *hash, uint32_t count, struct buf *out);

#endif
