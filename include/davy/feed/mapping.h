// Telemetry mappings: which topics are read, in which shape, and how a reading gets its tag name.
//
//   topic       "plant/{line}/{tag}": literal segments, {name} captures one, + matches one,
//               # at the end matches the rest. At most FEED_CAPTURES captures.
//   form        auto (default) single batch values rows scalar
//   tag         template of the tag name: text with {name} of the topic and {key}, the
//               payload's own name. Default: "{tag}" if the topic has it, else "{key}".
//   time        ms (default) s us receive
//   good, uncertain, bad    words of the quality table, blank-separated
//   bad_values  sentinel numbers, blank-separated: 9999.9999
//
// A feed is the compiled table with a scanner. The first mapping that matches a topic is used; a
// topic that matches none is refused (FEED_FAULT_TOPIC).
#ifndef DAVY_FEED_MAPPING_H
#define DAVY_FEED_MAPPING_H

#include "davy/feed/scan.h"

#define FEED_CAPTURES 8
#define FEED_SEGMENTS 16
#define FEED_TOPIC_BYTES 256
#define FEED_FILTER_BYTES (FEED_TOPIC_BYTES + 1)

// Texts as a person writes them; NULL or "" where not given. Copied.
struct feed_mapping_text {
    const char *topic;
    const char *form;
    const char *tag;
    const char *time;
    const char *good;
    const char *uncertain;
    const char *bad;
    const char *bad_values;
};

// Where a mapping is wrong: the field's name ("topic", "tag", …) and why, for a file's error line.
struct feed_mapping_fault {
    const char *field;
    const char *reason; // English, static
};

struct feed;

// texts[count] compiled; *out_index and *fault name the first that is wrong (RC_INVALID).
DAVY_MUST_USE enum rc feed_new(const struct feed_mapping_text *texts, uint32_t count, uint64_t seed,
                               struct feed **out_feed, uint32_t *out_index,
                               struct feed_mapping_fault *fault);
void feed_free(struct feed *feed);
uint32_t feed_mapping_count(const struct feed *feed);
// The MQTT filter to subscribe to, e.g. "plant/+/+".
const char *feed_mapping_filter(const struct feed *feed, uint32_t index);

// Finds the mapping, scans, builds tag names. Results as feed_scan; RC_NOT_FOUND with
// FEED_FAULT_TOPIC if no mapping matches the topic.
struct feed_batch {
    const struct feed_reading *readings; // valid until the next read, while payload and topic live
    uint32_t count;
    uint32_t mapping;
};
DAVY_MUST_USE enum rc feed_read(struct feed *feed, struct slice topic, struct slice payload,
                                struct feed_batch *out_batch, struct feed_error *error);

// Checks one mapping alone.
DAVY_MUST_USE enum rc feed_mapping_check(const struct feed_mapping_text *text,
                                         struct feed_mapping_fault *fault);

#endif
