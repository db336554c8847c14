// Every limit of Davy in one table, with its reason. Nothing grows without one.
#ifndef DAVY_BASE_LIMITS_H
#define DAVY_BASE_LIMITS_H

// Records (DESIGN: at most 16 KB between seals, so a record must leave room for its seal).
#define LIMIT_RECORD_BODY_BYTES 12000    // a page of text; photos go by hash
#define LIMIT_RECORD_CONTENT_BYTES 14336 // body, 256 subjects and the header fields
#define LIMIT_RECORD_SUBJECTS 256        // a bulk acknowledgement names each occurrence
#define LIMIT_RECORD_REFS 16             // causes named by one act
#define LIMIT_RECORD_SEEN 24             // chains of a hub: lanes x audiences
#define LIMIT_RECORD_FIELDS 64           // fields of one body, repeats counted
#define LIMIT_SEAL_BYTES 16384           // bytes between two seals of a chain

// Text in records and configuration, bytes of UTF-8.
#define LIMIT_NAME_BYTES 96     // 32 hanzi: names of people, areas, devices
#define LIMIT_TAG_BYTES 64      // tag and equipment names
#define LIMIT_UNIT_BYTES 24     // "kPa gauge"
#define LIMIT_TEXT_BYTES 600    // consequence, action: 200 hanzi
#define LIMIT_COMMENT_BYTES 900 // a comment: 300 hanzi
#define LIMIT_REFUSAL_ARGS 4    // arguments of one refusal

// Site.
#define LIMIT_SITE_TAGS 20000      // two times the largest enterprise asked for
#define LIMIT_SITE_AREAS 256       // one byte of area index
#define LIMIT_SITE_EQUIPMENT 20000 // one a tag at most
#define LIMIT_SITE_GATEWAYS 1024   // sources watched for staleness
#define LIMIT_SITE_MAPPINGS 32     // telemetry subscriptions
#define LIMIT_SITE_FILE_BYTES (16 * 1024 * 1024)
#define LIMIT_ROSTER_PERSONS 4096 // people of one site
#define LIMIT_ROSTER_DEVICES 1024 // consoles, handhelds and hubs
#define LIMIT_ROSTER_ROLES 8192   // role grants
#define LIMIT_ROSTER_KEYS 8192    // (person, device) keys

// Telemetry.
#define LIMIT_TELEMETRY_BYTES 262144    // one MQTT payload; larger is refused unread
#define LIMIT_TELEMETRY_READINGS 4096   // readings of one payload
#define LIMIT_JSON_DEPTH 8              // nesting of a telemetry payload
#define LIMIT_READING_FUTURE_MS 300000  // a reading may be this far ahead of the hub's clock
#define LIMIT_READING_PAST_MS 604800000 // and this far behind (buffered a week), then it is dropped

// Sync and link.
#define LIMIT_MESSAGE_BYTES 16384           // MQTT payload of a frame (narrow links negotiate less)
#define LIMIT_MESSAGE_BYTES_MIN 512         // 9600 baud
#define LIMIT_FRAME_INFLATED_BYTES 131072   // body after decompression
#define LIMIT_SESSION_COUNT 600             // devices connected to one hub at a time
#define LIMIT_HELD_BYTES 262144             // out-of-order batches held for one chain
#define LIMIT_QUARANTINE_ROWS 1000          // samples kept of what did not verify
#define LIMIT_WINDOW_BYTES 65536            // unacknowledged bytes in flight for a lane
#define LIMIT_INBOX_BYTES (8 * 1024 * 1024) // messages taken from MQTT, not yet handled
#define LIMIT_INVITE_AGE_MS 86400000        // an invite is good for a day

// Blobs: photos and documents beside the records, by hash.
#define LIMIT_BLOB_BYTES (8 * 1024 * 1024)           // one: a good photo, a scanned permit
#define LIMIT_BLOBS_DEVICE_BYTES (256 * 1024 * 1024) // all of one device: a shift's worth of photos
#define LIMIT_BLOBS_BYTES INT64_C(8589934592)        // all of a store: a disk of a small hub
#define LIMIT_BLOBS_PENDING 32                       // of one device, begun and not whole
#define LIMIT_BLOB_PENDING_MS 604800000              // begun and left for a week: makes room
#define LIMIT_BLOB_OFFER_MS 600000   // an offer waits so long for the record that names it
#define LIMIT_BLOB_CHUNK_BYTES 12288 // of one message, and of one row on disk

// Bundles: frames in a file.
#define LIMIT_BUNDLE_BYTES (512LL * 1024 * 1024) // a year of a site's log; more goes in parts
#define LIMIT_BUNDLE_AUTHORS 64                  // incarnations that one file speaks of
#define LIMIT_BUNDLE_FRAME_BYTES 49152           // one sealed group; fits a control message

// Identity.
#define LIMIT_PIN_DIGITS_MIN 6
#define LIMIT_PIN_DIGITS_MIN_SIGNER 8
#define LIMIT_PIN_DIGITS_MAX 32
#define LIMIT_PIN_TRIES_FREE 5        // wrong tries before the first wait
#define LIMIT_PIN_TRIES_LOCK 10       // then locked until an admin acts
#define LIMIT_PIN_WAIT_MS 30000       // first wait, doubling
#define LIMIT_PIN_WAIT_MS_MAX 900000  // up to 15 minutes
#define LIMIT_SESSION_IDLE_MS 900000  // a console locks after 15 minutes without a key
#define LIMIT_PIN_TRIES_WIPE 20       // wrong tries, also while locked, until the key is wiped
#define LIMIT_ROSTER_AGE_MS 259200000 // 72 h: a list of people older than this allows nothing
#define LIMIT_WITNESS_MS 2678400000   // 31 days: the longest job that a shift leader signs in alone
#define LIMIT_SIGNED_IN 8             // people signed in on one console

// Alarms.
#define LIMIT_ALARM_DELAY_S 3600  // on- and off-delay
#define LIMIT_ALARMS_LISTED 20000 // rows a list holds; more are counted
#define LIMIT_STALE_S_MIN 2       // a source's silence before it is stale
#define LIMIT_STALE_S_MAX 86400
#define LIMIT_PICTURE_STALE_MS 10000 // a console's picture older than this is marked stale

// Store.
#define LIMIT_HISTORY_BLOCK_READINGS 600  // readings in one column block
#define LIMIT_HISTORY_MONTHS 14           // default retention
#define LIMIT_QUERY_ROWS 10000            // rows one query returns
#define LIMIT_CONTROL_MESSAGE_BYTES 65536 // one message on the control socket
#define LIMIT_CONTROL_CLIENTS 16          // CLI processes talking to an owner at once
#define LIMIT_CONFIG_LINE_BYTES 180       // libinih reads 200 bytes a line

#endif
