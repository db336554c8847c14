#include "screen_priv.h"

// Every screen of the console: one file and one row each.
const struct screen_ops *const screen_table[SCREEN_COUNT] = {
    [SCREEN_PEOPLE] = &people_screen,   [SCREEN_FIRST_USE] = &first_use_screen,
    [SCREEN_LOCK] = &lock_screen,       [SCREEN_OVERVIEW] = &overview_screen,
    [SCREEN_ALARMS] = &alarms_screen,   [SCREEN_ALARM] = &alarm_screen,
    [SCREEN_TAGS] = &tags_screen,       [SCREEN_TAG] = &tag_screen,
    [SCREEN_SYNC] = &sync_screen,       [SCREEN_LOG] = &log_screen,
    [SCREEN_RECORD] = &record_screen,   [SCREEN_SETTINGS] = &settings_screen,
    [SCREEN_REMARKS] = &remarks_screen,
};

#define LISTS                                                                                      \
    (SCREEN_BIT(SCREEN_OVERVIEW) | SCREEN_BIT(SCREEN_ALARMS) | SCREEN_BIT(SCREEN_TAGS) |           \
     SCREEN_BIT(SCREEN_SYNC) | SCREEN_BIT(SCREEN_LOG) | SCREEN_BIT(SCREEN_PEOPLE) |                \
     SCREEN_BIT(SCREEN_REMARKS))
#define BEFORE_SIGN_IN (SCREEN_BIT(SCREEN_PEOPLE) | SCREEN_BIT(SCREEN_FIRST_USE))
#define NOT_LOCKED (SCREENS_IN_USE | BEFORE_SIGN_IN)
#define TAB (SCREENS_IN_USE & ~SCREEN_BIT(SCREEN_SETTINGS))

// The frame's actions follow those of each screen among the hints.
const struct screen_action frame_actions[] = {
    {{ACT_SILENCE, "silence", 'm', 0, N_("Silence"),
      N_("Silence the bell for the alarms that are there now. New ones ring again."), TUI_IN_ALL,
      false},
     false},
    {{ACT_MARK, "mark", ' ', 0, N_("Mark"), N_("Mark the row, or take its mark away."),
      SCREEN_BIT(SCREEN_ALARMS), false},
     false},
    {{ACT_FIND, "find", '/', 3, N_("Find"), N_("Find a text in the list; n and N go on."), LISTS,
      false},
     false},
    {{ACT_PALETTE, "palette", ':', 0, N_("Command"), N_("Any action by its name."), NOT_LOCKED,
      false},
     false},
    {{ACT_HELP, "help", '?', 1, N_("Help"), N_("The keys of this screen, searchable."), TUI_IN_ALL,
      false},
     false},
    {{ACT_MENU, "menu", 'x', 9, N_("Actions"), N_("All actions of this screen as a menu."),
      NOT_LOCKED, false},
     false},
    {{ACT_BACK, "back", 'q', 10, N_("Back"), N_("One step back; leaves Davy from the Overview."),
      NOT_LOCKED, false},
     false},
    {{ACT_OVERVIEW, "overview", '1', 0, N_("Overview"), N_("Areas, their worst alarm, the link."),
      TAB, true},
     false},
    {{ACT_ALARMS, "alarms", '2', 0, N_("Alarms"), N_("The list of alarms."), TAB, true}, false},
    {{ACT_TAGS, "tags", '3', 0, N_("Tags"), N_("Live values."), TAB, true}, false},
    {{ACT_SYNC, "sync", '4', 0, N_("Sync"), N_("The link, the log and what I sent."), TAB, true},
     false},
    {{ACT_LOG, "log", '5', 0, N_("Log"), N_("The newest records of the site."), TAB, true}, false},
    {{ACT_REMARKS, "remarks", 'e', 0, N_("Remarks"), N_("What people saw and said."), TAB, true},
     false},
    {{ACT_PEOPLE, "people", 'p', 0, N_("People"), N_("Sign in, change who acts, sign out."), TAB,
      true},
     false},
    {{ACT_SETTINGS, "settings", ',', 2, N_("Settings"), N_("Language, theme, bell."), NOT_LOCKED,
      true},
     false},
    {{ACT_LOCK, "lock", 'L', 0, N_("Lock"), N_("Lock this console; alarms go on showing."),
      SCREENS_IN_USE, true},
     false},
    {{ACT_FIND_NEXT, "find.next", 'n', 0, N_("Next"), N_("The next match."), LISTS, true}, false},
    {{ACT_FIND_BACK, "find.back", 'N', 0, N_("Before"), N_("The match before."), LISTS, true},
     false},
    {{ACT_MARK_ALL, "mark.all", '*', 0, N_("Mark all"), N_("Mark every row of the list."),
      SCREEN_BIT(SCREEN_ALARMS), true},
     false},
    {{ACT_UNMARK, "unmark", 'u', 0, N_("Unmark"), N_("Take every mark away."),
      SCREEN_BIT(SCREEN_ALARMS), true},
     false},
    {{ACT_MOVE, "move", TUI_KEY_DOWN, 0, N_("Move"),
      N_("Arrows, j k, PgUp PgDn, Home End move the cursor."), TUI_IN_ALL, true},
     false},
    {{ACT_OBSERVE, "observe", 'O', 0, N_("Observe"),
      N_("Only look: nothing can be signed until this is switched off."), SCREENS_IN_USE, true},
     false},
    {{ACT_REFRESH, "refresh", 'r', 5, N_("Refresh"), N_("Read everything anew."), SCREENS_IN_USE,
      true},
     false},
    {{ACT_REPAINT, "repaint", TUI_KEY_CTRL('l'), 0, N_("Repaint"),
      N_("Paint the whole screen again."), TUI_IN_ALL, true},
     false},
    {{ACT_HINTS, "hints", TUI_KEY_NONE, 12, N_("Hints"),
      N_("Hide or show this row on a small screen."), TUI_IN_ALL, true},
     false},
    {{ACT_QUIT, "quit", 'Q', 0, N_("Quit"), N_("Leave Davy."), NOT_LOCKED, true}, false},
};
const size_t frame_action_count = sizeof frame_actions / sizeof frame_actions[0];
