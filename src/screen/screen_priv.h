// Inside of the console: the frame that all screens share, and what a screen is.
//
// A screen is one file and one row of screen_table: its actions, what it draws, what its keys do.
// The frame owns the terminal, the status row, messages, modals, the way back, and the data that
// every screen reads (link, areas, unacknowledged alarms). A screen keeps its own memory behind
// screen_state() and asks app for what it shows when the frame tells it to refresh.
#ifndef SCREEN_SCREEN_PRIV_H
#define SCREEN_SCREEN_PRIV_H

#include "bell_priv.h"
#include "davy/app/say.h"
#include "davy/screen/screen.h"
#include "davy/tui/tui.h"
#include "settings_priv.h"

enum screen_id {
    SCREEN_PEOPLE = 0, // sign-in: who is at this console
    SCREEN_FIRST_USE,
    SCREEN_LOCK,
    SCREEN_OVERVIEW,
    SCREEN_ALARMS,
    SCREEN_ALARM,
    SCREEN_TAGS,
    SCREEN_TAG,
    SCREEN_SYNC,
    SCREEN_LOG,
    SCREEN_RECORD,
    SCREEN_SETTINGS,
    SCREEN_REMARKS,
    SCREEN_COUNT
};
#define SCREEN_BIT(id) (1u << (id))
// Screens of a console that is in use; the others stand before sign-in or in front of a lock.
#define SCREENS_IN_USE                                                                             \
    (TUI_IN_ALL &                                                                                  \
     ~(SCREEN_BIT(SCREEN_PEOPLE) | SCREEN_BIT(SCREEN_FIRST_USE) | SCREEN_BIT(SCREEN_LOCK)))

// Actions of the frame; a screen's own are SCREEN_ACT(its id, 1...).
enum frame_act {
    ACT_HELP = 1,
    ACT_PALETTE,
    ACT_MENU,
    ACT_FIND,
    ACT_FIND_NEXT,
    ACT_FIND_BACK,
    ACT_MARK,
    ACT_MARK_ALL,
    ACT_UNMARK,
    ACT_MOVE,
    ACT_OVERVIEW,
    ACT_ALARMS,
    ACT_TAGS,
    ACT_SYNC,
    ACT_LOG,
    ACT_REMARKS,
    ACT_PEOPLE,
    ACT_SETTINGS,
    ACT_SILENCE,
    ACT_LOCK,
    ACT_OBSERVE,
    ACT_REFRESH,
    ACT_REPAINT,
    ACT_HINTS,
    ACT_BACK,
    ACT_QUIT
};
#define SCREEN_ACT(id, number) (((int)(id) + 1) * 100 + (number))

// What a modal's answer belongs to; from ASK_SCREEN on to the screen that asked.
enum frame_ask {
    ASK_NOTHING = 0,
    ASK_ACTION,
    ASK_FIND,
    ASK_QUIT,
    ASK_ACK,
    ASK_COMMENT,
    ASK_SCREEN = 100
};

struct screen_action {
    struct tui_action row;
    bool signs; // makes a record: blocked while observing
};

struct screen_ops {
    const char *name;  // stable: "alarms"
    const char *title; // msgid
    const struct screen_action *actions;
    size_t action_count;
    size_t state_bytes;
    // Every one may be NULL. RC_NO_MEMORY.
    enum rc (*init)(struct screen *screen);
    void (*fini)(struct screen *screen);
    void (*enter)(struct screen *screen);
    void (*leave)(struct screen *screen);
    // Data may have changed, or a second went by. Called before draw, only for the screen in sight.
    void (*refresh)(struct screen *screen);
    void (*draw)(struct screen *screen, struct tui_rect body);
    // Before the actions: text being typed. TUI_IGNORED passes the event on.
    enum tui_result (*type)(struct screen *screen, const struct tui_event *event);
    // After the actions: movement.
    enum tui_result (*move)(struct screen *screen, const struct tui_event *event);
    void (*act)(struct screen *screen, int action);
    void (*answer)(struct screen *screen, const struct tui_answer *answer);
    // The list that has the cursor: find and marks work on it.
    struct tui_table *(*table)(struct screen *screen);
};
extern const struct screen_ops *const screen_table[SCREEN_COUNT];
extern const struct screen_ops people_screen, first_use_screen, lock_screen, overview_screen,
    alarms_screen, alarm_screen, tags_screen, tag_screen, sync_screen, log_screen, record_screen,
    settings_screen, remarks_screen;
extern const struct screen_action frame_actions[];
extern const size_t frame_action_count;

// Rows of an alarm query, grown as needed up to LIMIT_ALARMS_LISTED.
struct alarm_list {
    struct alarm_row *rows;
    uint32_t count, room, total;
};
// False: there was no memory for any row.
bool alarm_list_load(struct alarm_list *list, struct app *app, const struct alarm_filter *filter);
void alarm_list_free(struct alarm_list *list);
const struct alarm_row *alarm_list_find(const struct alarm_list *list, struct id16 id);

// Open alarms of the site by priority; [0] is the sum.
struct screen_counts {
    uint32_t unacked[5];
    uint32_t standing[5];
    uint32_t returned;
    uint32_t tags_unknown;
    uint32_t tags;
};

// Rows as they were painted, the newest last; an acknowledgement takes only these.
#define PAINTED_MAX 512
struct painted {
    struct painted_row rows[PAINTED_MAX];
    uint32_t count;
};

// An acknowledgement between the key and the answer to its question.
struct ack_act {
    struct painted_row rows[LIMIT_RECORD_SUBJECTS];
    uint32_t count, left_out;
    struct tui_table *list; // loses its marks; NULL: none
    struct id16 next;       // and goes to this row
    bool has_next;
    bool done;
    int64_t done_ms;
    struct rid comment_on;
};

#define SCREEN_BACK_MAX 8

struct screen {
    struct screen_env env;
    struct app *app;
    struct settings settings;
    struct tui_theme theme;
    struct tui_term *term;
    struct tui_canvas *canvas; // the terminal's
    struct tui_input *input;
    struct tui_modal *modal;
    struct tui_message message;
    struct tui_layout layout;
    struct tui_action actions[TUI_ACTIONS_MAX];
    bool signs[TUI_ACTIONS_MAX];
    size_t action_count;
    void *state[SCREEN_COUNT];
    enum screen_id at;
    enum screen_id back[SCREEN_BACK_MAX];
    int back_count;
    char find[96];
    bool observe;
    bool exit;
    // Data of the frame.
    struct moment now; // of the call that is running
    struct app_status status;
    struct area_row areas[LIMIT_SITE_AREAS + 1];
    uint32_t area_count;
    struct screen_counts counts;
    struct alarm_list unacked; // in the list's order
    struct bell bell;
    struct ack_act ack;
    // When what was done last, mono ms.
    bool data_changed; // app may say something else
    bool is_short;     // no memory for some rows: they are asked for again soon
    bool must_paint;   // a key or a size changed what is shown
    bool loaded;
    int64_t loaded_ms;
    int64_t painted_ms;
};

// ---- The frame, for screens ----
void *screen_state(const struct screen *screen, enum screen_id id);
// Shows another screen; the way back leads here. screen_home() forgets the way back.
void screen_go(struct screen *screen, enum screen_id id);
void screen_back(struct screen *screen);
void screen_home(struct screen *screen, enum screen_id id);
void screen_touch(struct screen *screen); // paint as soon as possible
void screen_reload(struct screen *screen);
// The message row. The text is in the reader's language.
void screen_note(struct screen *screen, enum tui_style style, const char *text);
// The sentence of a refusal, or of a failure that has none.
void screen_refused(struct screen *screen, enum rc rc, const struct refusal *refusal);
// One frame now, before something that takes long (checking a PIN).
void screen_paint_now(struct screen *screen);
struct tui_actions screen_actions(const struct screen *screen);
uint32_t screen_context(const struct screen *screen);
void screen_event(struct screen *screen, const struct tui_event *event);
void screen_act(struct screen *screen, int action);
void screen_load(struct screen *screen);
// There was no memory for rows: says so, and has them loaded again.
void screen_short(struct screen *screen);
void screen_compose(struct screen *screen);
void screen_draw_status(struct screen *screen, struct tui_rect rect);
// Somebody may sign: true; otherwise says why not and leads to sign-in.
bool screen_may_sign(struct screen *screen);
void screen_set_language(struct screen *screen, const char *language);
void screen_set_theme(struct screen *screen, const char *path);

// ---- Words and numbers ----
#define WORD_BYTES 64
// "!1*", "!2 ", " 4*": priority, and whether it waits for an acknowledgement.
const char *word_mark(uint8_t priority, bool unacked, char out[static WORD_BYTES]);
enum tui_style word_mark_style(uint8_t priority, bool unacked);
// "U", "A", "R", "-", and "A~" for my own acknowledgement that the hub has not accepted yet.
const char *word_state(const struct alarm_state *state, char out[static WORD_BYTES]);
// The same in a word: "unacknowledged".
const char *word_state_long(const struct alarm_state *state);
const char *word_limit(uint8_t limit); // "high high"
// A measured value in the fewest digits that keep it apart from `limit` (NULL: none).
const char *word_value(struct decimal value, const struct decimal *limit,
                       char out[static WORD_BYTES]);
// "14:31", "14:31:05" today, otherwise "01-31".
const char *word_minute(const struct screen *screen, struct utc_ms time,
                        char out[static WORD_BYTES]);
const char *word_time(const struct screen *screen, struct utc_ms time, char out[static WORD_BYTES]);
// "01-31 14:31:05".
const char *word_full_time(const struct screen *screen, struct utc_ms time,
                           char out[static WORD_BYTES]);
const char *word_age(int64_t age_ms, char out[static WORD_BYTES]);
const char *word_bytes(uint64_t bytes, char out[static WORD_BYTES]);
const char *word_short(struct rid rid, char out[static ID_SHORT_BYTES]);
// A live value: number and unit; a stale one has '?' before it, none is "?".
const char *word_live(const struct tag_row *tag, char out[static WORD_BYTES]);
// Why a value is not to be trusted; "" if it is.
const char *tag_note(const struct tag_row *tag);
// The state of the link in words.
const char *link_word(const struct screen *screen);
const char *area_name(const struct screen *screen, const char *code);
// An id for a row that is known by its name.
struct id16 id_of_name(const char *name);

// ---- Parts that several screens draw ----
// A label, its value behind it in the same column on every row; the value may wrap.
struct pair {
    const char *label; // shown as it comes
    const char *value;
    enum tui_style style;
};
struct pair_view {
    int label_cols;
    int skip; // lines not drawn at the top
};
// Returns the rows that all pairs take; canvas NULL only counts.
int pairs_draw(struct tui_canvas *canvas, struct tui_rect rect, struct pair_view view,
               const struct pair *pairs, size_t count);
// The widest label, at most a third of cols.
int pairs_label_cols(const struct pair *pairs, size_t count, int cols);
// Up, down, page keys on a text that is scrolled; the drawing clamps. False: another key.
bool scroll_move(const struct tui_event *event, int *inout_scroll);
void draw_title(struct screen *screen, struct tui_rect *inout_body, const char *title);
// "1 Overview  2 Alarms ..." at the right of the body's first row, if it is free there.
void draw_tabs(struct screen *screen, struct tui_rect body);
// A tag's live values with its limits.
void trend_draw(struct screen *screen, struct tui_rect rect, const struct tag_row *tag);
// One row, scaled by the limits, else by the tag's range: how high it stands, not how it trembles.
void trend_spark(struct screen *screen, struct tui_span span, const struct tag_row *tag);

// ---- What one screen asks of another ----
void alarms_show(struct screen *screen, const char *area); // "" or NULL: all areas
void alarm_show(struct screen *screen, struct rid subject);
void alarm_draw(struct screen *screen, struct tui_rect rect, struct rid subject, int *inout_scroll);
void tag_show(struct screen *screen, const char *tag);
void log_show(struct screen *screen, struct rid subject, const char *title);
void record_show(struct screen *screen, struct rid rid);
// Chooses a person by badge number: acts, asks for the PIN, or leads to first use.
void people_pick(struct screen *screen, const char *number);
void people_ask_badge(struct screen *screen);
void people_answer(struct screen *screen, const struct tui_answer *answer);
const char *people_number(const struct screen *screen); // chosen last

// ---- Acknowledging (ack.c) ----
void painted_note(struct painted *painted, struct rid subject, uint64_t changed_n);
// Asks where it must, acknowledges otherwise. rows: what the person pointed at. screen->ack.list
// and next say where the cursor goes afterwards.
void ack_begin(struct screen *screen, const struct painted *painted,
               const struct alarm_row *const *rows, size_t count);
void alarm_comment(struct screen *screen, struct rid subject);
// Answers of the questions. True: it was one of them.
bool ack_answer(struct screen *screen, const struct tui_answer *answer);

#endif
