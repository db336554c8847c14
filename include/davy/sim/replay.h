// Replay of recorded process data: offline evaluation against a plant file, the difference of two
// plant files, and rows for a publisher.
//
// Data files, told apart by their first line:
//   plain    blank-separated numbers, one sample a line, no times (the Tennessee Eastman files)
//   CSV      a header line with names, comma-separated, # comments; the column time, timestamp, t,
//            ts or date gives the time (ISO 8601, UTC if it has no zone; seconds, or milliseconds
//            above 10^11), otherwise samples are sample_s apart
// A plant's column number counts from 1 over all columns; a column name is that of the header; a
// tag of a CSV file whose name stands in the header is found without either. A cell that is empty
// or "NaN" is a bad reading; any other text, a short line or a line of another length is refused
// with its line.
//
// Evaluation uses the evaluator of the hub. Every file begins from normal. A sample's events come
// in the order of the plant's tags and, within a tag, of its limits; timers run on the data's time
// and their events carry the sample before them. Values are printed with %g.
#ifndef DAVY_SIM_REPLAY_H
#define DAVY_SIM_REPLAY_H

#include "davy/domain/alarm/plant.h"
#include <stdio.h>

#define REPLAY_LINE_BYTES 65536
#define REPLAY_ERROR_BYTES 320
#define REPLAY_SAMPLE_S 180 // if neither options nor plant give one
#define REPLAY_BATCH_MAX 1000

// What went wrong, in English, for a log or a terminal: "d01_te.dat:17: …".
struct replay_error {
    char text[REPLAY_ERROR_BYTES];
};

struct replay_options {
    bool no_delays;    // every delay is 0
    uint32_t sample_s; // 0: the plant's
};

struct replay_event {
    const char *file; // its name without folders
    uint32_t sample;  // from 1
    bool active;      // ACT, otherwise RTN
    const char *tag;
    enum alarm_limit limit;
    const char *priority;
    double value;
};

struct replay_files {
    const char *const *paths;
    uint32_t count;
};

// A whole file of at most the buffer's maximum.
DAVY_MUST_USE enum rc replay_file_read(const char *path, struct buf *out_text,
                                       struct replay_error *error);
// Reads a plant file from the disk.
DAVY_MUST_USE enum rc replay_plant_read(const char *path, struct plant **out_plant,
                                        struct replay_error *error);

// Calls emit for every event of every file in turn. RC_IO, RC_INVALID (a data file does not fit).
struct replay_sink {
    void (*emit)(void *context, const struct replay_event *event);
    void *context;
};
DAVY_MUST_USE enum rc replay_evaluate(const struct plant *plant, struct replay_files files,
                                      struct replay_options options, const struct replay_sink *sink,
                                      struct replay_error *error);

// "file,sample,event,tag,limit,priority,value" and one line an event.
void replay_csv_header(FILE *out);
void replay_csv_event(FILE *out, const struct replay_event *event);
// replay_evaluate into a CSV file.
DAVY_MUST_USE enum rc replay_csv(const struct plant *plant, struct replay_files files,
                                 struct replay_options options, FILE *out,
                                 struct replay_error *error);

// What changes between two plant files: activations of one alone, and those that come at another
// sample (at most REPLAY_MOVED_SAMPLES apart, each paired once, the nearest in order).
#define REPLAY_MOVED_SAMPLES 20
enum replay_change { REPLAY_ONLY_A, REPLAY_ONLY_B, REPLAY_MOVED };
struct replay_difference {
    enum replay_change change;
    const char *file;
    const char *tag;
    enum alarm_limit limit;
    const char *priority; // of the plant that has it; of B if it moved
    uint32_t sample_a;    // 0 if it is only in B
    uint32_t sample_b;
};
struct replay_counts {
    uint32_t activations_a;
    uint32_t activations_b;
    uint32_t only_a;
    uint32_t only_b;
    uint32_t moved;
};
struct replay_diff {
    const struct plant *a;
    const struct plant *b;
    void (*emit)(void *context, const struct replay_difference *difference); // may be NULL
    void *context;
};
// In the order of files, then of samples (sample_a, otherwise sample_b).
DAVY_MUST_USE enum rc replay_diff(const struct replay_diff *diff, struct replay_files files,
                                  struct replay_options options, struct replay_counts *out_counts,
                                  struct replay_error *error);
// "change,file,sample_a,sample_b,tag,limit,priority" and one line a difference.
void replay_diff_header(FILE *out);
void replay_diff_line(FILE *out, const struct replay_difference *difference);

// Rows for a publisher: one file, sample by sample.
struct replay_row {
    int64_t offset_ms; // since the file's first sample; goes back where the data's clock does
    const char *tag;   // of the plant
    double value;
    bool bad;           // the cell holds no number
    struct utc_ms time; // of this row alone; 0, as it is read: that of the batch
};
struct replay_source;
DAVY_MUST_USE enum rc replay_source_open(const char *path, const struct plant *plant,
                                         uint32_t sample_s, struct replay_source **out_source,
                                         struct replay_error *error);
// The rows of the next sample, valid until the next call. RC_NOT_FOUND after the last one.
DAVY_MUST_USE enum rc replay_source_next(struct replay_source *source,
                                         const struct replay_row **out_rows, uint32_t *out_count,
                                         struct replay_error *error);
void replay_source_close(struct replay_source *source);
// {"t":…,"values":[{"tag":…,"v":…},…]}: a batch that the hub reads; bad rows have the value null,
// rows of another time a "t" of their own. REPLAY_BATCH_MAX rows fit into one payload of the hub.
// Numbers come back as the same double. Appends to out.
DAVY_MUST_USE enum rc replay_batch_json(const struct replay_row *rows, uint32_t count,
                                        struct utc_ms time, struct buf *out);

#endif
