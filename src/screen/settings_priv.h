// What a console remembers between runs: a small INI file of lines "name = value".
//
// Written whole to a file beside and renamed. A line that is not understood is passed over; a file
// that cannot be read is as good as none: settings are never a reason not to start.
#ifndef SCREEN_SETTINGS_PRIV_H
#define SCREEN_SETTINGS_PRIV_H

#include "davy/base/rc.h"
#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_TEXT_BYTES 160
#define SETTINGS_BELL_DEFAULT 2

struct settings {
    char language[16]; // "" : not chosen
    char theme[SETTINGS_TEXT_BYTES];
    uint8_t bell; // rings for priorities up to this one; 0: never
    bool hide_hints;
};
void settings_load(struct settings *settings, const char *path);
DAVY_MUST_USE enum rc settings_save(const struct settings *settings, const char *path);

#endif
