#include "davy/feed/mapping.h"

#include "davy/base/text.h"
#include "feed_priv.h"
#include <stdlib.h>
#include <string.h>

#define TEMPLATE_PARTS 16
#define CAPTURE_NAME_BYTES 24
#define PART_KEY (-1) // the payload's own name
#define PART_LITERAL (-2)

enum segment_kind { SEGMENT_LITERAL, SEGMENT_CAPTURE, SEGMENT_ANY, SEGMENT_REST };

// Slices point into the mapping's own copies of topic and tag template.
struct segment {
    enum segment_kind kind;
    struct slice text;
    uint32_t capture;
};

struct part {
    int32_t source; // a capture, PART_KEY or PART_LITERAL
    struct slice text;
};

struct mapping {
    char topic[FEED_TOPIC_BYTES + 1];
    char filter[FEED_FILTER_BYTES];
    char tag[LIMIT_NAME_BYTES + 1];
    struct slice captures[FEED_CAPTURES]; // names
    struct segment segments[FEED_SEGMENTS];
    struct part parts[TEMPLATE_PARTS];
    uint32_t capture_count;
    uint32_t segment_count;
    uint32_t part_count;
    bool uses_key;
    struct feed_rules rules;
};

struct feed {
    struct mapping *mappings;
    uint32_t count;
    struct feed_scanner *scanner;
    struct feed_reading *readings; // with composed tags
    uint8_t *names;                // their memory, LIMIT_TAG_BYTES each
};

static enum rc bad(struct feed_mapping_fault *fault, const char *field, const char *reason) {
    *fault = (struct feed_mapping_fault){field, reason};
    return RC_INVALID;
}

static const char *given(const char *text) {
    return text == NULL ? "" : text;
}

static bool is_capture_name(struct slice name) {
    if (name.len == 0 || name.len > CAPTURE_NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '_') {
            return false;
        }
    }
    return true;
}

static bool capture_find(const struct mapping *mapping, struct slice name, uint32_t *out_capture) {
    for (uint32_t i = 0; i < mapping->capture_count; i++) {
        if (slice_equal(mapping->captures[i], name)) {
            *out_capture = i;
            return true;
        }
    }
    return false;
}

// ---- topic --------------------------------------------------------------------------------------

static enum rc compile_capture(struct mapping *mapping, struct segment *segment,
                               struct feed_mapping_fault *fault) {
    struct slice name = {segment->text.data + 1, segment->text.len - 2};
    uint32_t other = 0;
    if (!is_capture_name(name)) {
        return bad(fault, "topic", "a {name} is made of a-z, 0-9 and _");
    }
    if (slice_equal(name, slice_text("key"))) {
        return bad(fault, "topic", "{key} is the name inside the payload");
    }
    if (capture_find(mapping, name, &other)) {
        return bad(fault, "topic", "the same {name} twice");
    }
    if (mapping->capture_count == FEED_CAPTURES) {
        return bad(fault, "topic", "too many {name} segments");
    }
    segment->kind = SEGMENT_CAPTURE;
    segment->capture = mapping->capture_count;
    mapping->captures[mapping->capture_count++] = name;
    return RC_OK;
}

static enum rc compile_segment(struct mapping *mapping, struct slice text, bool is_last,
                               struct feed_mapping_fault *fault) {
    if (mapping->segment_count == FEED_SEGMENTS) {
        return bad(fault, "topic", "too many segments");
    }
    struct segment *segment = &mapping->segments[mapping->segment_count++];
    *segment = (struct segment){.kind = SEGMENT_LITERAL, .text = text};
    if (slice_equal(text, slice_text("+"))) {
        segment->kind = SEGMENT_ANY;
        return RC_OK;
    }
    if (slice_equal(text, slice_text("#"))) {
        segment->kind = SEGMENT_REST;
        return is_last ? RC_OK : bad(fault, "topic", "# must be the last segment");
    }
    if (text.len >= 2 && text.data[0] == '{' && text.data[text.len - 1] == '}') {
        return compile_capture(mapping, segment, fault);
    }
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("+#{}", text.data[i]) != NULL) {
            return bad(fault, "topic", "+ # and {name} must be whole segments");
        }
    }
    return RC_OK;
}

static void filter_build(struct mapping *mapping) {
    char *at = mapping->filter;
    for (uint32_t i = 0; i < mapping->segment_count; i++) {
        const struct segment *segment = &mapping->segments[i];
        if (i > 0) {
            *at++ = '/';
        }
        if (segment->kind == SEGMENT_CAPTURE) {
            *at++ = '+';
        } else {
            memcpy(at, segment->text.data, segment->text.len);
            at += segment->text.len;
        }
    }
    *at = '\0';
}

static enum rc compile_topic(struct mapping *mapping, const char *topic,
                             struct feed_mapping_fault *fault) {
    size_t len = strlen(topic);
    if (len == 0) {
        return bad(fault, "topic", "is missing");
    }
    if (len > FEED_TOPIC_BYTES || text_check(slice_text(topic), FEED_TOPIC_BYTES) != RC_OK) {
        return bad(fault, "topic", "too long, or not clean text");
    }
    memcpy(mapping->topic, topic, len + 1);
    const char *from = mapping->topic;
    bool is_last = false;
    while (!is_last) {
        size_t part_len = strcspn(from, "/");
        is_last = from[part_len] == '\0';
        enum rc rc = compile_segment(mapping, slice_of(from, part_len), is_last, fault);
        if (rc != RC_OK) {
            return rc;
        }
        from += part_len + 1;
    }
    filter_build(mapping);
    return RC_OK;
}

// ---- tag template -------------------------------------------------------------------------------

static enum rc add_part(struct mapping *mapping, struct part part,
                        struct feed_mapping_fault *fault) {
    if (mapping->part_count == TEMPLATE_PARTS) {
        return bad(fault, "tag", "too many parts");
    }
    mapping->uses_key = mapping->uses_key || part.source == PART_KEY;
    mapping->parts[mapping->part_count++] = part;
    return RC_OK;
}

static enum rc compile_name(struct mapping *mapping, struct slice name,
                            struct feed_mapping_fault *fault) {
    uint32_t capture = 0;
    if (slice_equal(name, slice_text("key"))) {
        return add_part(mapping, (struct part){.source = PART_KEY}, fault);
    }
    if (!capture_find(mapping, name, &capture)) {
        return bad(fault, "tag", "names a segment that the topic does not have");
    }
    return add_part(mapping, (struct part){.source = (int32_t)capture}, fault);
}

static enum rc compile_tag(struct mapping *mapping, const char *tag,
                           struct feed_mapping_fault *fault) {
    uint32_t capture = 0;
    if (tag[0] == '\0') {
        tag = capture_find(mapping, slice_text("tag"), &capture) ? "{tag}" : "{key}";
    }
    if (text_check(slice_text(tag), LIMIT_NAME_BYTES) != RC_OK) {
        return bad(fault, "tag", "too long, or not clean text");
    }
    memcpy(mapping->tag, tag, strlen(tag) + 1);
    const char *at = mapping->tag;
    while (*at != '\0') {
        size_t len = strcspn(at, "{}");
        enum rc rc = RC_OK;
        if (len > 0) {
            struct part part = {.source = PART_LITERAL, .text = slice_of(at, len)};
            rc = add_part(mapping, part, fault);
            at += len;
        } else {
            size_t name_len = strcspn(at + 1, "{}");
            if (*at == '}' || at[1 + name_len] != '}') {
                return bad(fault, "tag", "a brace has no partner");
            }
            rc = compile_name(mapping, slice_of(at + 1, name_len), fault);
            at += name_len + 2;
        }
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

// ---- form, time, words --------------------------------------------------------------------------

static const char *const form_names[FEED_FORM_COUNT] = {
    [FEED_AUTO] = "auto",     [FEED_SINGLE] = "single", [FEED_BATCH] = "batch",
    [FEED_VALUES] = "values", [FEED_ROWS] = "rows",     [FEED_SCALAR] = "scalar",
};
static const char *const unit_names[FEED_TIME_UNIT_COUNT] = {
    [FEED_TIME_MS] = "ms",
    [FEED_TIME_S] = "s",
    [FEED_TIME_US] = "us",
    [FEED_TIME_RECEIVE] = "receive",
};

// Index of text, the first if text is empty, -1 if it is none of them.
static int name_index(const char *text, const char *const *names, int count) {
    for (int i = 0; i < count; i++) {
        if (text[0] == '\0' || strcmp(text, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static enum rc compile_form(struct mapping *mapping, const struct feed_mapping_text *text,
                            struct feed_mapping_fault *fault) {
    int form = name_index(given(text->form), form_names, FEED_FORM_COUNT);
    int unit = name_index(given(text->time), unit_names, FEED_TIME_UNIT_COUNT);
    if (form < 0) {
        return bad(fault, "form", "expected auto, single, batch, values, rows or scalar");
    }
    if (unit < 0) {
        return bad(fault, "time", "expected ms, s, us or receive");
    }
    mapping->rules.form = (enum feed_form)form;
    mapping->rules.time_unit = (enum feed_time_unit)unit;
    mapping->rules.tag_optional = !mapping->uses_key;
    if (form == FEED_SCALAR && mapping->uses_key) {
        return bad(fault, "tag", "a scalar has no {key}: name the tag by the topic");
    }
    if (form == FEED_VALUES && !mapping->uses_key) {
        return bad(fault, "tag", "with form values the tag must use {key}");
    }
    return RC_OK;
}

// The next blank-separated word of *inout_at; false at the end.
static bool next_word(const char **inout_at, struct slice *out_word) {
    const char *at = *inout_at + strspn(*inout_at, " \t");
    size_t len = strcspn(at, " \t");
    *inout_at = at + len;
    *out_word = slice_of(at, len);
    return len > 0;
}

static enum rc compile_words(struct feed_rules *rules, const char *text, enum feed_quality quality,
                             struct feed_mapping_fault *fault) {
    static const char *const fields[FEED_QUALITY_COUNT] = {"good", "uncertain", "bad"};
    const char *field = fields[quality];
    struct slice word;
    uint32_t count = 0;
    while (next_word(&text, &word)) {
        if (++count > FEED_QUALITY_WORDS || word.len >= FEED_QUALITY_WORD_BYTES) {
            return bad(fault, field, "too many words, or a word too long");
        }
        for (uint32_t i = 0; i < rules->word_count; i++) {
            if (slice_equal(word, slice_text(rules->words[i].word))) {
                return bad(fault, field, "a word stands in two lists");
            }
        }
        struct feed_quality_word *to = &rules->words[rules->word_count++];
        memcpy(to->word, word.data, word.len);
        to->word[word.len] = '\0';
        to->quality = quality;
    }
    return RC_OK;
}

static enum rc compile_sentinels(struct feed_rules *rules, const char *text,
                                 struct feed_mapping_fault *fault) {
    struct slice word;
    while (next_word(&text, &word)) {
        struct cursor cursor = {.start = word.data, .at = word.data, .end = word.data + word.len};
        struct number number;
        double value = 0;
        if (!json_number(&cursor, &number) || cursor.at != cursor.end ||
            !number_double(&number, &value)) {
            return bad(fault, "bad_values", "not a number");
        }
        if (rules->sentinel_count == FEED_SENTINELS) {
            return bad(fault, "bad_values", "too many values");
        }
        rules->sentinels[rules->sentinel_count++] = value;
    }
    return RC_OK;
}

static enum rc compile(struct mapping *mapping, const struct feed_mapping_text *text,
                       struct feed_mapping_fault *fault) {
    const char *const lists[FEED_QUALITY_COUNT] = {text->good, text->uncertain, text->bad};
    *mapping = (struct mapping){.segment_count = 0};
    enum rc rc = compile_topic(mapping, given(text->topic), fault);
    if (rc == RC_OK) {
        rc = compile_tag(mapping, given(text->tag), fault);
    }
    if (rc == RC_OK) {
        rc = compile_form(mapping, text, fault);
    }
    for (int i = 0; rc == RC_OK && i < FEED_QUALITY_COUNT; i++) {
        rc = compile_words(&mapping->rules, given(lists[i]), (enum feed_quality)i, fault);
    }
    return rc == RC_OK ? compile_sentinels(&mapping->rules, given(text->bad_values), fault) : rc;
}

enum rc feed_mapping_check(const struct feed_mapping_text *text, struct feed_mapping_fault *fault) {
    struct mapping *mapping = malloc(sizeof *mapping);
    if (mapping == NULL) {
        return RC_NO_MEMORY;
    }
    enum rc rc = compile(mapping, text, fault);
    free(mapping);
    return rc;
}

// ---- feed ---------------------------------------------------------------------------------------

static enum rc feed_compile(struct feed *feed, const struct feed_mapping_text *texts,
                            uint32_t *out_index, struct feed_mapping_fault *fault) {
    for (uint32_t i = 0; i < feed->count; i++) {
        enum rc rc = compile(&feed->mappings[i], &texts[i], fault);
        for (uint32_t j = 0; rc == RC_OK && j < i; j++) {
            if (strcmp(feed->mappings[i].filter, feed->mappings[j].filter) == 0) {
                rc = bad(fault, "topic", "the same topics as another mapping");
            }
        }
        if (rc != RC_OK) {
            *out_index = i;
            return rc;
        }
    }
    return RC_OK;
}

enum rc feed_new(const struct feed_mapping_text *texts, uint32_t count, uint64_t seed,
                 struct feed **out_feed, uint32_t *out_index, struct feed_mapping_fault *fault) {
    if (count > LIMIT_SITE_MAPPINGS) {
        return RC_TOO_LARGE;
    }
    struct feed *feed = calloc(1, sizeof *feed);
    enum rc rc = RC_NO_MEMORY;
    if (feed == NULL) {
        return rc;
    }
    feed->count = count;
    feed->mappings = calloc(count + 1u, sizeof *feed->mappings);
    feed->readings = calloc(LIMIT_TELEMETRY_READINGS, sizeof *feed->readings);
    feed->names = malloc((size_t)LIMIT_TELEMETRY_READINGS * LIMIT_TAG_BYTES);
    if (feed->mappings == NULL || feed->readings == NULL || feed->names == NULL) {
        goto done;
    }
    rc = feed_scanner_new(seed, &feed->scanner);
    if (rc == RC_OK) {
        rc = feed_compile(feed, texts, out_index, fault);
    }
done:
    if (rc != RC_OK) {
        feed_free(feed);
        return rc;
    }
    *out_feed = feed;
    return RC_OK;
}

void feed_free(struct feed *feed) {
    if (feed != NULL) {
        feed_scanner_free(feed->scanner);
        free(feed->mappings);
        free(feed->readings);
        free(feed->names);
        free(feed);
    }
}

uint32_t feed_mapping_count(const struct feed *feed) {
    return feed->count;
}

const char *feed_mapping_filter(const struct feed *feed, uint32_t index) {
    return feed->mappings[index].filter;
}

// Takes one segment off the topic; false when nothing is left.
static bool topic_next(struct slice *topic, bool *inout_open, struct slice *out_segment) {
    if (!*inout_open) {
        return false;
    }
    const uint8_t *slash = topic->len == 0 ? NULL : memchr(topic->data, '/', topic->len);
    size_t len = slash == NULL ? topic->len : (size_t)(slash - topic->data);
    *out_segment = slice_of(topic->data, len);
    *inout_open = slash != NULL;
    if (slash != NULL) {
        topic->data += len + 1;
        topic->len -= len + 1;
    }
    return true;
}

static bool topic_matches(const struct mapping *mapping, struct slice topic,
                          struct slice captures[FEED_CAPTURES]) {
    bool open = true;
    for (uint32_t i = 0; i < mapping->segment_count; i++) {
        const struct segment *segment = &mapping->segments[i];
        struct slice text;
        if (segment->kind == SEGMENT_REST) {
            return true;
        }
        if (!topic_next(&topic, &open, &text)) {
            return false;
        }
        if (segment->kind == SEGMENT_LITERAL && !slice_equal(text, segment->text)) {
            return false;
        }
        if (segment->kind == SEGMENT_CAPTURE) {
            if (text.len == 0) {
                return false;
            }
            captures[segment->capture] = text;
        }
    }
    return !open;
}

// Writes the tag of one reading; false if it is longer than a tag may be.
static bool compose(const struct mapping *mapping, const struct slice captures[FEED_CAPTURES],
                    struct slice key, uint8_t *to, struct slice *out_tag) {
    size_t len = 0;
    for (uint32_t i = 0; i < mapping->part_count; i++) {
        const struct part *part = &mapping->parts[i];
        struct slice text = part->source == PART_LITERAL ? part->text
                            : part->source == PART_KEY   ? key
                                                         : captures[part->source];
        if (text.len > LIMIT_TAG_BYTES - len) {
            return false;
        }
        memcpy(to + len, text.data, text.len);
        len += text.len;
    }
    *out_tag = slice_of(to, len);
    return len > 0;
}

static enum rc refuse(struct feed_error *error, enum feed_fault fault) {
    if (error != NULL) {
        *error = (struct feed_error){.fault = fault, .position = 0};
    }
    return fault == FEED_FAULT_TOPIC ? RC_NOT_FOUND : RC_INVALID;
}

// All readings get the topic's tag, so that two names in the payload would become one tag.
static bool has_two_names(const struct feed_reading *readings, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        if (!slice_equal(readings[i].tag, readings[0].tag)) {
            return true;
        }
    }
    return false;
}

static enum rc compose_all(struct feed *feed, const struct mapping *mapping,
                           const struct slice captures[FEED_CAPTURES], struct feed_batch *batch,
                           struct feed_error *error) {
    if (!mapping->uses_key && has_two_names(batch->readings, batch->count)) {
        return refuse(error, FEED_FAULT_FORM);
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        feed->readings[i] = batch->readings[i];
        if (!compose(mapping, captures, batch->readings[i].tag,
                     feed->names + (size_t)i * LIMIT_TAG_BYTES, &feed->readings[i].tag)) {
            return refuse(error, FEED_FAULT_TAG);
        }
    }
    batch->readings = feed->readings;
    return RC_OK;
}

enum rc feed_read(struct feed *feed, struct slice topic, struct slice payload,
                  struct feed_batch *out_batch, struct feed_error *error) {
    struct slice captures[FEED_CAPTURES] = {{NULL, 0}};
    for (uint32_t i = 0; i < feed->count; i++) {
        const struct mapping *mapping = &feed->mappings[i];
        if (!topic_matches(mapping, topic, captures)) {
            continue;
        }
        struct feed_batch batch = {.mapping = i};
        enum rc rc = feed_scan(feed->scanner, &mapping->rules, payload, &batch.readings,
                               &batch.count, error);
        bool is_key_alone = mapping->part_count == 1 && mapping->uses_key;
        if (rc == RC_OK && !is_key_alone) {
            rc = compose_all(feed, mapping, captures, &batch, error);
        }
        if (rc == RC_OK) {
            *out_batch = batch;
        }
        return rc;
    }
    return refuse(error, FEED_FAULT_TOPIC);
}
