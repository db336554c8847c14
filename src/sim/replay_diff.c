#include "replay_priv.h"

#include <stdlib.h>
#include <string.h>

#define ACTIVATIONS_MAX (16u * 1024 * 1024)

struct activation {
    uint32_t file;
    uint32_t sample;
    uint32_t order; // of arrival, so that sorting is stable
    enum alarm_limit limit;
    const char *tag;
    const char *priority;
};

struct activations {
    struct activation *items;
    uint32_t count;
    uint32_t room;
    uint32_t file; // at work
    bool is_full;
};

struct differences {
    struct replay_difference *items;
    uint32_t count;
};

static void collect(void *context, const struct replay_event *event) {
    struct activations *list = context;
    if (!event->active || list->is_full) {
        return;
    }
    if (list->count == list->room) {
        uint32_t room = list->room == 0 ? 1024 : 2 * list->room;
        struct activation *items =
            room > ACTIVATIONS_MAX ? NULL : realloc(list->items, room * sizeof *items);
        if (items == NULL) {
            list->is_full = true;
            return;
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->count] = (struct activation){list->file,   event->sample, list->count,
                                                   event->limit, event->tag,    event->priority};
    list->count++;
}

static enum rc gather(const struct plant *plant, struct replay_files files,
                      struct replay_options options, struct activations *list,
                      struct replay_error *error) {
    const struct replay_sink sink = {collect, list};
    for (uint32_t i = 0; i < files.count; i++) {
        const struct replay_files one = {&files.paths[i], 1};
        list->file = i;
        enum rc rc = replay_evaluate(plant, one, options, &sink, error);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return list->is_full ? replay_fail(error, RC_NO_MEMORY, "too many activations") : RC_OK;
}

static int group_compare(const struct activation *a, const struct activation *b) {
    if (a->file != b->file) {
        return a->file < b->file ? -1 : 1;
    }
    int by_tag = strcmp(a->tag, b->tag);
    return by_tag != 0 ? by_tag : (int)a->limit - (int)b->limit;
}

static int activation_compare(const void *x, const void *y) {
    const struct activation *a = x;
    const struct activation *b = y;
    int by_group = group_compare(a, b);
    if (by_group != 0) {
        return by_group;
    }
    if (a->sample != b->sample) {
        return a->sample < b->sample ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

static uint32_t first_sample(const struct replay_difference *difference) {
    return difference->sample_a != 0 ? difference->sample_a : difference->sample_b;
}

static int difference_compare(const void *x, const void *y) {
    const struct replay_difference *a = x;
    const struct replay_difference *b = y;
    if (first_sample(a) != first_sample(b)) {
        return first_sample(a) < first_sample(b) ? -1 : 1;
    }
    int by_tag = strcmp(a->tag, b->tag);
    return by_tag != 0 ? by_tag : (int)a->limit - (int)b->limit;
}

// ---- pairing ------------------------------------------------------------------------------------

// Two sorted lists under comparison: what is left of them within one group.
struct pairing {
    struct differences *out;
    struct replay_counts *counts;
    const char *const *names; // of files
    struct activation *a;
    struct activation *b;
    uint32_t a_count;
    uint32_t b_count;
};

static void note(const struct pairing *pairing, const struct activation *a,
                 const struct activation *b) {
    const struct activation *any = b != NULL ? b : a;
    struct replay_difference difference = {
        .file = pairing->names[any->file],
        .tag = any->tag,
        .limit = any->limit,
        .priority = any->priority,
        .sample_a = a == NULL ? 0 : a->sample,
        .sample_b = b == NULL ? 0 : b->sample,
    };
    if (a != NULL && b != NULL) {
        difference.change = REPLAY_MOVED;
        pairing->counts->moved++;
    } else if (a != NULL) {
        difference.change = REPLAY_ONLY_A;
        pairing->counts->only_a++;
    } else {
        difference.change = REPLAY_ONLY_B;
        pairing->counts->only_b++;
    }
    pairing->out->items[pairing->out->count++] = difference;
}

// Takes out what both have at the same sample; the rest moves up.
static void drop_equal(struct pairing *pairing) {
    uint32_t i = 0, j = 0, kept_a = 0, kept_b = 0;
    while (i < pairing->a_count || j < pairing->b_count) {
        bool has_both = i < pairing->a_count && j < pairing->b_count;
        if (has_both && pairing->a[i].sample == pairing->b[j].sample) {
            i++;
            j++;
        } else if (j == pairing->b_count ||
                   (has_both && pairing->a[i].sample < pairing->b[j].sample)) {
            pairing->a[kept_a++] = pairing->a[i++];
        } else {
            pairing->b[kept_b++] = pairing->b[j++];
        }
    }
    pairing->a_count = kept_a;
    pairing->b_count = kept_b;
}

static void pair_group(struct pairing *pairing) {
    uint32_t i = 0, j = 0;
    drop_equal(pairing);
    while (i < pairing->a_count || j < pairing->b_count) {
        const struct activation *a = i < pairing->a_count ? &pairing->a[i] : NULL;
        const struct activation *b = j < pairing->b_count ? &pairing->b[j] : NULL;
        if (a != NULL && b != NULL) {
            uint32_t apart = a->sample > b->sample ? a->sample - b->sample : b->sample - a->sample;
            if (apart > REPLAY_MOVED_SAMPLES) {
                b = a->sample < b->sample ? NULL : b;
                a = b == NULL ? a : NULL;
            }
        }
        note(pairing, a, b);
        i += a != NULL;
        j += b != NULL;
    }
}

// How many items from `from` on belong to the group of `key`.
static uint32_t group_count(const struct activations *list, uint32_t from,
                            const struct activation *key) {
    uint32_t count = 0;
    while (from + count < list->count && group_compare(&list->items[from + count], key) == 0) {
        count++;
    }
    return count;
}

static void pair_all(struct pairing *pairing, struct activations *a, struct activations *b) {
    uint32_t i = 0, j = 0;
    while (i < a->count || j < b->count) {
        const struct activation *next_a = i < a->count ? &a->items[i] : NULL;
        const struct activation *next_b = j < b->count ? &b->items[j] : NULL;
        bool a_first = next_b == NULL || (next_a != NULL && group_compare(next_a, next_b) <= 0);
        const struct activation key = a_first ? *next_a : *next_b;
        uint32_t count_a = group_count(a, i, &key);
        uint32_t count_b = group_count(b, j, &key);
        pairing->a = a->items + i;
        pairing->b = b->items + j;
        pairing->a_count = count_a;
        pairing->b_count = count_b;
        pair_group(pairing);
        i += count_a;
        j += count_b;
    }
}

// ---- difference ---------------------------------------------------------------------------------

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

// Sorts each file's differences by sample and hands them out.
static void emit_all(const struct replay_diff *diff, struct differences *list) {
    uint32_t from = 0;
    while (from < list->count) {
        uint32_t to = from;
        while (to < list->count && list->items[to].file == list->items[from].file) {
            to++;
        }
        qsort(list->items + from, to - from, sizeof list->items[0], difference_compare);
        from = to;
    }
    for (uint32_t i = 0; diff->emit != NULL && i < list->count; i++) {
        diff->emit(diff->context, &list->items[i]);
    }
}

enum rc replay_diff(const struct replay_diff *diff, struct replay_files files,
                    struct replay_options options, struct replay_counts *out_counts,
                    struct replay_error *error) {
    struct activations a = {.count = 0};
    struct activations b = {.count = 0};
    struct differences list = {.count = 0};
    struct replay_counts counts = {.moved = 0};
    const char **names = calloc(files.count + 1u, sizeof *names);
    enum rc rc = names == NULL ? RC_NO_MEMORY : RC_OK;
    for (uint32_t i = 0; rc == RC_OK && i < files.count; i++) {
        names[i] = base_name(files.paths[i]);
    }
    if (rc == RC_OK) {
        rc = gather(diff->a, files, options, &a, error);
    }
    if (rc == RC_OK) {
        rc = gather(diff->b, files, options, &b, error);
    }
    if (rc == RC_OK) {
        list.items = calloc((size_t)a.count + b.count + 1, sizeof *list.items);
        rc = list.items == NULL ? RC_NO_MEMORY : RC_OK;
    }
    if (rc == RC_OK) {
        counts.activations_a = a.count;
        counts.activations_b = b.count;
        qsort(a.items, a.count, sizeof a.items[0], activation_compare);
        qsort(b.items, b.count, sizeof b.items[0], activation_compare);
        struct pairing pairing = {.out = &list, .counts = &counts, .names = names};
        pair_all(&pairing, &a, &b);
        emit_all(diff, &list);
        *out_counts = counts;
    } else if (rc == RC_NO_MEMORY) {
        (void)replay_fail(error, rc, "not enough memory");
    }
    free(names);
    free(a.items);
    free(b.items);
    free(list.items);
    return rc;
}

void replay_diff_header(FILE *out) {
    fprintf(out, "change,file,sample_a,sample_b,tag,limit,priority\n");
}

void replay_diff_line(FILE *out, const struct replay_difference *difference) {
    static const char *const words[] = {"only_a", "only_b", "moved"};
    fprintf(out, "%s,", words[difference->change]);
    replay_csv_text(out, difference->file, ',');
    if (difference->sample_a != 0) {
        fprintf(out, "%u", difference->sample_a);
    }
    fprintf(out, ",");
    if (difference->sample_b != 0) {
        fprintf(out, "%u", difference->sample_b);
    }
    fprintf(out, ",");
    replay_csv_text(out, difference->tag, ',');
    fprintf(out, "%s,", plant_limit_name(difference->limit));
    replay_csv_text(out, difference->priority, '\n');
}
