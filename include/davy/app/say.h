// Sentences at the edge: a refusal, a stage, a kind, a role or an age in the reader's language.
// Texts are gettext msgids in English; catalogues in src/po.
#ifndef DAVY_APP_SAY_H
#define DAVY_APP_SAY_H

#include "davy/app/app.h"
#include <libintl.h>

#define _(text) gettext(text)
#define N_(text) text

// Chooses the catalogue: "zh_CN" or "en"; takes effect at once. Finds build/locale beside the
// program, or the installed one.
void say_language(const char *language);
const char *say_language_now(void);
// One sentence with what to do next. Returns out.
const char *say_refusal(const struct refusal *refusal, char *out, size_t out_bytes);
const char *say_rule(uint16_t rule);         // short: "no right", for tables
const char *say_stage(enum act_stage stage); // "waiting"
const char *say_kind(uint16_t kind);         // "alarm acknowledged"
const char *say_role(enum role role);
const char *say_verdict(enum verdict verdict);
// "12 s", "3 min", "2 h 05", "4 d"
const char *say_age(int64_t age_ms, char *out, size_t out_bytes);
// Local time HH:MM:SS or MM-DD HH:MM. (The offset of the site's time zone is given in minutes.)
const char *say_clock(struct utc_ms time, int offset_min, char *out, size_t out_bytes);
const char *say_date(struct utc_ms time, int offset_min, char *out, size_t out_bytes);
const char *say_rc(enum rc rc);

#endif
