// The command line's inner parts.
//
//   commands.c  the tables of options and commands
//   cli.c       which command, with which options
//   help.c      usage, help, completion, from the tables
//   out.c       rows as aligned text or JSON lines; failures as one sentence
//   ask.c       questions and PINs on the terminal
//   session.c   who owns the store, and how an act reaches it
//   text.c      times, ids and numbers as people give and read them
// A command's file is named by its words.
#ifndef DAVY_CLI_CLI_PRIV_H
#define DAVY_CLI_CLI_PRIV_H

#include "davy/app/app.h"
#include "davy/app/authority.h"
#include "davy/app/blob.h"
#include "davy/app/control.h"
#include "davy/app/device.h"
#include "davy/app/say.h"
#include "davy/base/bytes.h"
#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "davy/cli/cli.h"
#include "davy/hub/hub.h"
#include "davy/record/export.h"

#include <limits.h>
#include <stdio.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

// Rows of the option table. Two rows may have one name where a command gives it another meaning.
enum cli_opt {
    OPT_NONE,
    OPT_DIR, // the global ones first
    OPT_LANG,
    OPT_JSON,
    OPT_HELP,
    OPT_GLOBAL_LAST = OPT_HELP,
    OPT_ABOUT,
    OPT_ACCOUNT,
    OPT_ADMIN,
    OPT_AGAINST,
    OPT_ALL,
    OPT_ALL_PLACES,
    OPT_AREA,
    OPT_AREAS,
    OPT_AREA_OF,
    OPT_AS,
    OPT_ASCII,
    OPT_AUDIENCE,
    OPT_AUDIENCE_FROM,
    OPT_BATCH,
    OPT_BROKER,
    OPT_BUCKETS,
    OPT_CHAIN,
    OPT_CODE,
    OPT_COMMENT,
    OPT_DECISION,
    OPT_DEMO,
    OPT_DEMO_PIN,
    OPT_EQUIPMENT,
    OPT_DEVICE,
    OPT_DEVICES,
    OPT_EMPLOYER,
    OPT_FROM,
    OPT_FROM_PLACE,
    OPT_ID,
    OPT_INVITE,
    OPT_JOB,
    OPT_KEY,
    OPT_KIND,
    OPT_LIMIT,
    OPT_LOOPBACK,
    OPT_NAME,
    OPT_NO_DELAYS,
    OPT_NUMBER_GIVES,
    OPT_NUMBER_NEW,
    OPT_NUMBER_OWN,
    OPT_OBSERVE,
    OPT_OFFSITE,
    OPT_ORDERS,
    OPT_NUMBER_TAKES,
    OPT_OUT,
    OPT_PASSWORD_FILE,
    OPT_PIN_FILE,
    OPT_PIN_FILE_TWO,
    OPT_PLACE,
    OPT_PLANT,
    OPT_PRIORITY,
    OPT_PSK,
    OPT_RAW,
    OPT_REASON,
    OPT_RECORD,
    OPT_REPLACE,
    OPT_ROLE,
    OPT_ROOT,
    OPT_ROOTS,
    OPT_SAMPLE_S,
    OPT_SIGN_IN,
    OPT_SINCE,
    OPT_SITE,
    OPT_THRESHOLD,
    OPT_SLOW,
    OPT_THEME,
    OPT_THIN,
    OPT_TIMEOUT,
    OPT_TLS,
    OPT_TO,
    OPT_TOPICS,
    OPT_UNACKED,
    OPT_UNTIL,
    OPT_WORKER_PIN_FILE,
    OPT_WRITE,
    OPT_COUNT
};
struct cli_option {
    const char *name;
    const char *value; // what stands for the value in help; NULL: a switch
    const char *help;
};
extern const struct cli_option cli_options[OPT_COUNT];
// Those of the console, beside the global ones; OPT_NONE ends.
extern const uint8_t cli_console_options[];

struct cli;
#define CLI_COMMAND_OPTIONS 10
struct cli_command {
    const char *words; // "alarm list"
    const char *args;  // "ID..."; "" if none
    const char *help;
    uint8_t options[CLI_COMMAND_OPTIONS]; // enum cli_opt, OPT_NONE ends
    uint8_t args_min;
    uint8_t args_max;            // UINT8_MAX: any number
    int (*run)(struct cli *cli); // NULL: the program does it, because it needs the link's loop
    bool hidden;
};
extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

// What a run stands on; tests give their own.
struct cli_io {
    FILE *out;
    FILE *err;
    struct pin_cost cost; // of keys that are made here
};
struct cli {
    struct cli_io io;
    const struct cli_command *command;
    const char *value[OPT_COUNT]; // NULL: not given; "" for a switch
    char **args;
    int arg_count;
    char dir[PATH_MAX];
    bool json;
    enum rc incomplete; // why less was read than there is: the command has failed
};

int cli_run(const struct cli_io *io, int argc, char **argv);
// The command that the words at argv name, and how many words that are. NULL: no such command.
const struct cli_command *cli_command_find(int argc, char *const *argv, int *out_words);
// Does this argument, an option of some command, take the next one as its value?
bool cli_takes_next(const char *arg);
// The row of a name among a command's own options and the global ones; OPT_NONE if there is none.
enum cli_opt cli_option_find(const struct cli_command *command, const char *name);

// ---- help.c ----
void help_all(FILE *out);
bool help_has_group(const char *word);
void help_group(FILE *out, const char *word); // "alarm": its commands; all if there are none
void help_command(FILE *out, const struct cli_command *command);
void help_usage_line(FILE *out, const struct cli_command *command);

// ---- out.c ----
// "davy: text" on stderr, cleaned; returns CLI_FAILED.
int cli_fail(struct cli *cli, const char *format, ...) DAVY_PRINTF(2, 3);
// The sentence of a refusal, or of a code without one; returns CLI_FAILED.
int cli_fail_rc(struct cli *cli, enum rc rc, const struct refusal *refusal);
// Wrong usage: what, and the command's usage line; returns CLI_USAGE.
int cli_fail_usage(struct cli *cli, const char *format, ...) DAVY_PRINTF(2, 3);
// One cleaned line to stdout (text only: nothing with --json).
void cli_say(struct cli *cli, const char *format, ...) DAVY_PRINTF(2, 3);

// How far something long has come: one line on stderr, on a terminal only and not with --json.
struct cli_progress {
    struct cli *cli;
    const char *what; // in the reader's language
    bool shown;
    unsigned percent;
};
void progress_start(struct cli_progress *progress, struct cli *cli, const char *what);
void progress_step(void *progress, uint64_t done, uint64_t total);
void progress_end(struct cli_progress *progress); // takes the line away

// Rows: with --json each is one object on a line, otherwise a table is printed at the end. One
// column table serves both. Cells are put in the order of the columns.
struct cli_column {
    const char *key;   // in JSON; NULL: for people only
    const char *title; // for people; NULL: in JSON only
    bool right;        // aligned
};
struct cli_list {
    struct cli *cli;
    const struct cli_column *columns;
    size_t column_count;
    size_t at; // the next cell's column
    size_t rows;
    struct buf cells; // shown texts, each with its NUL
    struct buf line;  // the JSON object in hand
    bool members;     // the object has one already
};
void list_start(struct cli_list *list, struct cli *cli, const struct cli_column *columns,
                size_t count);
// The next cell as a JSON value (NULL: null) and as text for people.
void list_put(struct cli_list *list, const char *json, const char *shown);
// The same from buffers, which are freed; if one failed, so does the list.
void list_put_bufs(struct cli_list *list, struct buf *json, struct buf *shown);
void list_text(struct cli_list *list, const char *text);
void list_word(struct cli_list *list, const char *word,
               const char *shown); // JSON text, translation
void list_uint(struct cli_list *list, uint64_t value);
void list_int(struct cli_list *list, int64_t value);
void list_number(struct cli_list *list, double value);
void list_decimal(struct cli_list *list, struct decimal value);
void list_bool(struct cli_list *list, bool value, const char *shown_if_true);
void list_time(struct cli_list *list, struct utc_ms time); // 0: null
void list_id(struct cli_list *list, struct id16 id);       // zero: null; people see the short code
void list_null(struct cli_list *list);
void list_row(struct cli_list *list); // the row is whole
// Prints the table, or "title: value" lines, and frees. RC_NO_MEMORY becomes a failure. Returns
// the exit code.
int list_finish(struct cli_list *list);
int list_finish_form(struct cli_list *list);

// ---- text.c ----
#define CLI_TIME_BYTES 32
// "2026-11-24 16:30:00" in local time.
const char *cli_local_time(struct utc_ms time, char out[static CLI_TIME_BYTES]);
// RFC 3339; local "YYYY-MM-DD[ HH:MM[:SS]]"; "now"; "-90m", "-24h", "-7d" before now.
enum rc cli_time_parse(const char *text, struct utc_ms now, struct utc_ms *out_time) DAVY_MUST_USE;
#define CLI_HASH_BYTES (2 * HASH_BYTES + 1)
const char *cli_hash_hex(const struct hash32 *hash, char out_hex[static CLI_HASH_BYTES]);
// Decimal digits only, within min..max.
bool cli_uint_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out_value);
// An option's number; CLI_OK or CLI_USAGE. Without the option *inout keeps its value.
int cli_option_uint(struct cli *cli, enum cli_opt option, uint64_t min, uint64_t max,
                    uint64_t *inout_value);
// Letters, digits, '-' and '_' only: what topics and accounts may hold.
bool cli_is_code(const char *text);
// "127.0.0.1:1883" -> host and port.
bool cli_broker_parse(const char *text, char out_host[static LIMIT_TAG_BYTES + 1],
                      uint16_t *out_port);

// ---- ask.c ----
#define CLI_PIN_BYTES (LIMIT_PIN_DIGITS_MAX + 1)
// A line of the terminal, cleaned. False: there is no terminal, or nothing was given.
bool ask_line(const char *question, char *out, size_t out_bytes);
// A PIN without echo, full-width digits folded. False: no terminal, or left with ^C or ^D.
bool ask_pin(const char *question, char out_pin[static CLI_PIN_BYTES]);
// One line of a file ("-": stdin), counted from 0; for PINs and passwords. CLI_OK, or said why not.
int ask_file_line(struct cli *cli, const char *path, int line, char *out, size_t out_bytes);
#define DEMO_PIN_ROOT "13572468"
#define DEMO_PIN_ADMIN "24681357"
// Is it fit for one who signs? Otherwise out_refusal says why.
bool pin_is_fit(const char *pin, bool demo, struct refusal *out_refusal);

// ---- session.c ----
enum session_need {
    SESSION_READ, // queries: the store is opened beside its owner
    SESSION_ACT,  // queries and acts: they reach the owner, or this process takes the lock
    SESSION_HUB,  // the hub's services (codes, invites), from davyd or from the folder itself
};
struct session {
    struct cli *cli;
    struct device_config config;
    struct moment now;
    bool owned; // another process owns the store
    struct hub *hub;
    struct app *app; // NULL with SESSION_HUB
    struct refusal refusal;
    char number[LIMIT_TAG_BYTES + 1]; // who signed in here
    char pin[CLI_PIN_BYTES];
    const char *root; // the root key's file that signs; NULL: a person
};
// CLI_OK, or said why not. Close it in both cases.
int session_open(struct cli *cli, enum session_need need, struct session *out_session);
void session_close(struct session *session);
// Asks for badge number and PIN (or takes them from the options) and opens that person's key.
// admin: --demo may sign with the known PIN.
int session_sign_in(struct session *session, bool admin);
// As an admin, or with the root key of --root.
int session_sign_in_root(struct session *session);
// The app of an act that was made: what it changed is seen, the same person is signed in.
int session_again(struct session *session);
// One request to the owner. CLI_OK with the answer's payload (borrowed from `answer`), or said
// why not.
int session_ask(struct session *session, enum control_verb verb, struct slice payload,
                struct buf *answer, struct slice *out_payload);
bool session_is_hub(const struct session *session);
// A process answers on the folder's socket.
bool owner_answers(const char *dir);
// An alarm, a person (badge number), a device (account), "site", or an id of 8 or more digits.
int session_subject(struct session *session, const char *text, struct rid *out_subject);

// An area that the site defines, or any well-formed one while it defines none.
int session_area(struct session *session, const char *area);

// ---- broker_write.c, broker_invite.c: the broker's folder ----
struct broker_book;
void cli_broker_folder(const struct cli *cli, const char *given, char *out, size_t out_bytes);
// Writes what mosquitto reads, from the roster and a book that was saved. CLI_OK, or said why not.
int cli_broker_refresh(struct session *session, const char *folder, const struct broker_book *book,
                       bool doors_changed);
// Where a new device will knock. The account is that of the options, or one that nobody has.
struct cli_door {
    char broker[LIMIT_TAG_BYTES + 1]; // "psk:10.0.0.5:8884"
    char account[LIMIT_TAG_BYTES + 1];
    char password[LIMIT_TAG_BYTES + 1]; // or the pre-shared key
};
int cli_broker_invite(struct cli *cli, struct cli_door *out_door);
// ---- csv.c ----
#define CSV_BYTES_MAX (1024 * 1024)
#define CSV_ROWS_MAX 5000
#define CSV_COLUMNS_MAX 16
#define CSV_FIELD_BYTES 600
struct csv_column {
    const char *name;
    bool needed;
    uint16_t bytes_max;
};
// A table read from a file: a header row that names the columns in any order, then the rows. UTF-8
// with or without BOM, commas, quotes as RFC 4180, LF or CRLF. Controls and what a spreadsheet
// would take for a formula are refused.
struct csv {
    const struct csv_column *columns;
    size_t column_count;
    char *text;     // owned
    char **cells;   // row by row; "" where a column is absent
    uint32_t *line; // of each row
    uint32_t rows;
    uint32_t faults;
};
// Reads the file and prints every fault with line and column; CLI_OK if there was none.
int csv_read(struct cli *cli, const char *path, struct csv *csv);
// One more fault of a row, printed.
void csv_fault(struct cli *cli, struct csv *csv, uint32_t row, size_t column, const char *why);
const char *csv_cell(const struct csv *csv, uint32_t row, size_t column);
void csv_free(struct csv *csv);
// One cell of an output row, quoted where it must be; what a spreadsheet would take for a formula
// gets a ' before it.
void csv_put(struct buf *out, const char *text, bool last);

// ---- qr.c ----
// A text as QR code, two modules a character; colours: white on black for a terminal.
void qr_print(FILE *out, const char *text, bool colours);

// ---- people.c ----
// A person by badge number.
int cli_person(struct session *session, const char *number, struct rid *out_person);
int cli_device(struct session *session, const char *account, struct rid *out_device);
int cli_reason(struct cli *cli, const char **out_reason);
// A day or a time of an option; `end`: a day means its end. Without the option *inout keeps its
// value.
int cli_when(struct cli *cli, enum cli_opt option, bool end, struct utc_ms *inout_time);
// "R1,S1" into words that the site knows as areas; "" for all. At most 24.
#define CLI_AREAS_MAX 24
struct cli_areas {
    char text[1024];
    const char *area[CLI_AREAS_MAX];
    uint16_t count;
};
int cli_areas(struct session *session, const char *text, struct cli_areas *out_areas);
// A one-time code of the hub, for one device if that is not zero.
int cli_code(struct cli *cli, struct rid person, struct rid device, char out_code[static 32]);

// ---- child_card.c: the texts between two hubs ----
#define CLI_CARD_BYTES 1200
struct tier_card;
// A text to be carried away: a line by itself, or one member of an object.
int cli_tier_text(struct cli *cli, const char *key, struct slice text);
// This hub's own.
void cli_tier_card(struct session *session, struct tier_card *out_card);

// ---- commands, one a file ----
// Reads a file and puts it into the store as a blob, by whoever owns that. CLI_OK, or said why not.
// Free the file (blob_file_free) in any case; it must be zeroed before.
int session_blob_put(struct session *session, const char *path, struct blob_file *out_file);
// Reads a site file into out_text and prints its faults; CLI_FAILED if one of them is an error.
int site_file_check(struct cli *cli, const char *path, struct buf *out_text);
// Takes a role that may be granted from its name.
int person_role(struct cli *cli, const char *name, enum role *out_role);
int cmd_alarm_ack(struct cli *cli);
int cmd_alarm_comment(struct cli *cli);
int cmd_alarm_list(struct cli *cli);
int cmd_alarm_replay(struct cli *cli);
int cmd_alarm_show(struct cli *cli);
int cmd_backup(struct cli *cli);
int cmd_backup_check(struct cli *cli);
int cmd_backup_key(struct cli *cli);
int cmd_blob_get(struct cli *cli);
int cmd_blob_list(struct cli *cli);
int cmd_blob_put(struct cli *cli);
int cmd_broker_account(struct cli *cli);
int cmd_broker_ca(struct cli *cli);
int cmd_broker_write(struct cli *cli);
int cmd_child_add(struct cli *cli);
int cmd_child_card(struct cli *cli);
int cmd_child_list(struct cli *cli);
int cmd_complete(struct cli *cli);
int cmd_device_confirm(struct cli *cli);
int cmd_device_enrol(struct cli *cli);
int cmd_device_hand(struct cli *cli);
int cmd_device_invite(struct cli *cli);
int cmd_device_joins(struct cli *cli);
int cmd_device_list(struct cli *cli);
int cmd_device_revoke(struct cli *cli);
int cmd_doctor(struct cli *cli);
int cmd_export(struct cli *cli);
int cmd_help(struct cli *cli);
int cmd_hub_confirm(struct cli *cli);
int cmd_import(struct cli *cli);
int cmd_log(struct cli *cli);
int cmd_order_list(struct cli *cli);
int cmd_parent_add(struct cli *cli);
int cmd_parent_list(struct cli *cli);
int cmd_person_add(struct cli *cli);
int cmd_person_admit(struct cli *cli);
int cmd_person_code(struct cli *cli);
int cmd_person_grant(struct cli *cli);
int cmd_person_import(struct cli *cli);
int cmd_person_list(struct cli *cli);
int cmd_person_revoke(struct cli *cli);
int cmd_person_second(struct cli *cli);
int cmd_person_withdraw(struct cli *cli);
int cmd_person_witness(struct cli *cli);
int cmd_rebuild(struct cli *cli);
int cmd_remark_add(struct cli *cli);
int cmd_remark_list(struct cli *cli);
int cmd_review_decide(struct cli *cli);
int cmd_review_list(struct cli *cli);
int cmd_roots_change(struct cli *cli);
int cmd_roots_make(struct cli *cli);
int cmd_roots_second(struct cli *cli);
int cmd_roots_show(struct cli *cli);
int cmd_shift_prepare(struct cli *cli);
int cmd_restore(struct cli *cli);
int cmd_site_check(struct cli *cli);
int cmd_site_init(struct cli *cli);
int cmd_site_show(struct cli *cli);
int cmd_sync_status(struct cli *cli);
int cmd_tag_history(struct cli *cli);
int cmd_tag_list(struct cli *cli);
int cmd_verify(struct cli *cli);

#endif
