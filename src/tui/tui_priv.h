// What the toolkit's files share and nobody else sees.
#ifndef DAVY_TUI_PRIV_H
#define DAVY_TUI_PRIV_H

#include "davy/tui/theme.h"

#include <libintl.h>

#define _(msgid) gettext(msgid)
#define N_(msgid) msgid

// A msgid from a table in the reader's language. "" and NULL stay empty: to gettext the empty msgid
// is the catalogue's header.
static inline const char *tr(const char *msgid) {
    return msgid == NULL || msgid[0] == '\0' ? "" : gettext(msgid);
}

static inline int at_most(int value, int max) {
    return value < max ? value : max;
}

static inline int at_least(int value, int min) {
    return value > min ? value : min;
}

// Parses "white on 160 bold" for a depth. RC_INVALID: an unknown word, a colour out of range.
DAVY_MUST_USE enum rc tui_paint_parse(const char *text, enum tui_depth depth,
                                      struct tui_paint *out_paint);
// The first token that would look like an alarm at this depth; TUI_STYLE_COUNT if none does.
enum tui_style tui_theme_alarm_like(const struct tui_theme *theme, enum tui_depth depth);

#endif
