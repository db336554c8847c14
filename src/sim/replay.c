#include "davy/sim/replay.h"

#include "davy/domain/alarm/eval.h"
#include "replay_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Events of one reading at most: each limit may settle a delay and change once more.
#define EVENTS_A_READING (2 * PLANT_LIMITS)

// One file on its way through the evaluator.
struct run {
    const struct plant *plant;
    const struct replay_sink *sink;
    struct replay_data data;
    struct alarm_eval *eval;
    uint32_t *columns;
    int64_t now_ms; // the data's clock, never going back
    bool collects;  // during a reading: events wait to be put in order
    struct alarm_event events[EVENTS_A_READING];
    uint32_t event_count;
};

// ---- files --------------------------------------------------------------------------------------

enum rc replay_file_read(const char *path, struct buf *out_text, struct replay_error *error) {
    char chunk[16384];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return replay_fail(error, RC_IO, "%s: %s", path, strerror(errno));
    }
    size_t got = 0;
    while (buf_rc(out_text) == RC_OK && (got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        buf_put(out_text, chunk, got);
    }
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) {
        return replay_fail(error, RC_IO, "%s: cannot be read", path);
    }
    enum rc rc = buf_rc(out_text);
    return rc == RC_OK ? rc : replay_fail(error, rc, "%s: is too large", path);
}

enum rc replay_plant_read(const char *path, struct plant **out_plant, struct replay_error *error) {
    struct plant_error fault;
    struct buf text;
    buf_init(&text, PLANT_FILE_BYTES);
    enum rc rc = replay_file_read(path, &text, error);
    if (rc == RC_OK) {
        rc = plant_parse(buf_slice(&text), out_plant, &fault);
        if (rc != RC_OK) {
            char line[PLANT_ERROR_BYTES];
            plant_error_text(&fault, path, line);
            (void)replay_fail(error, rc, "%s", line);
        }
    }
    buf_fini(&text);
    return rc;
}

// ---- evaluation ---------------------------------------------------------------------------------

static enum rc eval_new(const struct plant *plant, bool no_delays, struct alarm_eval **out_eval) {
    struct alarm_eval_tag *tags = calloc(plant->tag_count + 1u, sizeof *tags);
    if (tags == NULL) {
        return RC_NO_MEMORY;
    }
    for (uint32_t i = 0; i < plant->tag_count; i++) {
        const struct plant_tag *tag = &plant->tags[i];
        tags[i] = (struct alarm_eval_tag){.name = tag->tag, .gateway = ALARM_EVAL_NO_GATEWAY};
        for (uint32_t k = 0; k < tag->limit_count; k++) {
            const struct plant_limit *limit = &tag->limits[k];
            tags[i].limits[limit->limit] = (struct alarm_eval_limit){
                .present = true,
                .value = limit->value,
                .deadband = limit->deadband,
                .on_delay_ms = no_delays ? 0 : limit->on_delay_s * 1000,
                .off_delay_ms = no_delays ? 0 : limit->off_delay_s * 1000,
            };
        }
    }
    const struct alarm_eval_config config = {.tags = tags, .tag_count = plant->tag_count};
    enum rc rc = alarm_eval_new(&config, (struct moment){.utc = {0}}, out_eval);
    free(tags);
    return rc;
}

static void pass_on(struct run *run, const struct alarm_event *event, uint32_t sample) {
    const struct plant_tag *tag = &run->plant->tags[event->index];
    const char *priority = "";
    for (uint32_t i = 0; i < tag->limit_count; i++) {
        priority = tag->limits[i].limit == event->limit ? tag->limits[i].priority : priority;
    }
    const struct replay_event out = {
        .file = run->data.name,
        .sample = sample,
        .active = event->kind == ALARM_EVENT_ACTIVATE,
        .tag = tag->tag,
        .limit = event->limit,
        .priority = priority,
        .value = event->value,
    };
    run->sink->emit(run->sink->context, &out);
}

static void hear(void *context, const struct alarm_event *event) {
    struct run *run = context;
    if (run->collects && run->event_count < EVENTS_A_READING) {
        run->events[run->event_count++] = *event;
        return;
    }
    // A timer ran out with the value of the sample before.
    pass_on(run, event, run->data.sample - 1);
}

// Events of one reading in the order in which the plant gives the limits.
static void pass_on_ordered(struct run *run, uint32_t tag) {
    const struct plant_tag *it = &run->plant->tags[tag];
    for (uint32_t k = 0; k < it->limit_count; k++) {
        for (uint32_t i = 0; i < run->event_count; i++) {
            if (run->events[i].limit == it->limits[k].limit) {
                pass_on(run, &run->events[i], run->data.sample);
            }
        }
    }
    run->event_count = 0;
}

static enum rc run_sample(struct run *run, struct replay_error *error) {
    const struct alarm_sink sink = {hear, run};
    run->now_ms = run->data.offset_ms > run->now_ms ? run->data.offset_ms : run->now_ms;
    const struct moment now = {.utc = {run->now_ms}, .mono = {run->now_ms}};
    (void)alarm_eval_tick(run->eval, now, &sink);
    run->collects = true;
    enum rc rc = RC_OK;
    for (uint32_t tag = 0; rc == RC_OK && tag < run->plant->tag_count; tag++) {
        struct alarm_reading reading = {.tag = tag, .time = {run->data.offset_ms}};
        bool is_bad = false;
        if (run->columns[tag] == REPLAY_NO_COLUMN) {
            continue;
        }
        rc = replay_data_cell(&run->data, run->columns[tag], &reading.value, &is_bad, error);
        if (rc == RC_OK) {
            reading.quality = is_bad ? ALARM_QUALITY_BAD : ALARM_QUALITY_GOOD;
            (void)alarm_eval_reading(run->eval, &reading, now, &sink);
            pass_on_ordered(run, tag);
        }
    }
    run->collects = false;
    return rc;
}

static enum rc run_samples(struct run *run, struct replay_error *error) {
    enum rc rc = replay_data_columns(&run->data, run->plant, run->columns, error);
    while (rc == RC_OK) {
        rc = replay_data_next(&run->data, error);
        if (rc == RC_OK) {
            rc = run_sample(run, error);
        }
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc run_file(struct run *run, const char *path, struct replay_options options,
                        struct replay_error *error) {
    run->now_ms = 0;
    run->event_count = 0;
    enum rc rc =
        replay_data_open(&run->data, path, replay_sample_s(run->plant, options.sample_s), error);
    if (rc != RC_OK) {
        return rc;
    }
    rc = eval_new(run->plant, options.no_delays, &run->eval);
    if (rc == RC_OK) {
        rc = run_samples(run, error);
    } else {
        (void)replay_fail(error, rc, "%s: the evaluator refuses the plant", path);
    }
    alarm_eval_free(run->eval);
    run->eval = NULL;
    replay_data_close(&run->data);
    return rc;
}

enum rc replay_evaluate(const struct plant *plant, struct replay_files files,
                        struct replay_options options, const struct replay_sink *sink,
                        struct replay_error *error) {
    struct run run = {.plant = plant, .sink = sink};
    run.columns = calloc(plant->tag_count + 1u, sizeof *run.columns);
    if (run.columns == NULL) {
        return replay_fail(error, RC_NO_MEMORY, "not enough memory");
    }
    enum rc rc = RC_OK;
    for (uint32_t i = 0; rc == RC_OK && i < files.count; i++) {
        rc = run_file(&run, files.paths[i], options, error);
    }
    free(run.columns);
    return rc;
}

// ---- CSV ----------------------------------------------------------------------------------------

void replay_csv_text(FILE *out, const char *text, char end) {
    if (strpbrk(text, ",\"") == NULL) {
        fprintf(out, "%s%c", text, end);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            fputc('"', out);
        }
        fputc(*text, out);
    }
    fprintf(out, "\"%c", end);
}

void replay_csv_header(FILE *out) {
    fprintf(out, "file,sample,event,tag,limit,priority,value\n");
}

void replay_csv_event(FILE *out, const struct replay_event *event) {
    replay_csv_text(out, event->file, ',');
    fprintf(out, "%u,%s,", event->sample, event->active ? "ACT" : "RTN");
    replay_csv_text(out, event->tag, ',');
    fprintf(out, "%s,", plant_limit_name(event->limit));
    replay_csv_text(out, event->priority, ',');
    fprintf(out, "%g\n", event->value);
}

static void csv_emit(void *context, const struct replay_event *event) {
    replay_csv_event(context, event);
}

enum rc replay_csv(const struct plant *plant, struct replay_files files,
                   struct replay_options options, FILE *out, struct replay_error *error) {
    const struct replay_sink sink = {csv_emit, out};
    replay_csv_header(out);
    enum rc rc = replay_evaluate(plant, files, options, &sink, error);
    if (rc == RC_OK && (fflush(out) != 0 || ferror(out) != 0)) {
        rc = replay_fail(error, RC_IO, "the output cannot be written");
    }
    return rc;
}
