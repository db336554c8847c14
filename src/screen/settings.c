#include "settings_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
    return text;
}

static void take_line(struct settings *settings, char *line) {
    char *equals = strchr(line, '=');
    if (equals == NULL) {
        return;
    }
    *equals = '\0';
    const char *name = trim(line);
    const char *value = trim(equals + 1);
    if (strcmp(name, "language") == 0 &&
        (strcmp(value, "zh_CN") == 0 || strcmp(value, "en") == 0)) {
        (void)snprintf(settings->language, sizeof settings->language, "%s", value);
    } else if (strcmp(name, "theme") == 0 && strlen(value) < sizeof settings->theme) {
        (void)snprintf(settings->theme, sizeof settings->theme, "%s", value);
    } else if (strcmp(name, "bell") == 0 && value[0] >= '0' && value[0] <= '4' &&
               value[1] == '\0') {
        settings->bell = (uint8_t)(value[0] - '0');
    } else if (strcmp(name, "hints") == 0) {
        settings->hide_hints = strcmp(value, "hidden") == 0;
    }
}

void settings_load(struct settings *settings, const char *path) {
    *settings = (struct settings){.bell = SETTINGS_BELL_DEFAULT};
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (file == NULL) {
        return;
    }
    char line[SETTINGS_TEXT_BYTES + 32];
    while (fgets(line, sizeof line, file) != NULL) {
        take_line(settings, line);
    }
    (void)fclose(file); // only read from
}

enum rc settings_save(const struct settings *settings, const char *path) {
    char temporary[4096];
    if (path == NULL) {
        return RC_OK;
    }
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary) {
        return RC_TOO_LARGE;
    }
    FILE *file = fopen(temporary, "we");
    if (file == NULL) {
        return RC_IO;
    }
    bool good =
        fprintf(file, "language = %s\ntheme = %s\nbell = %u\nhints = %s\n", settings->language,
                settings->theme, settings->bell, settings->hide_hints ? "hidden" : "shown") > 0;
    good = fflush(file) == 0 && good;
    good = fsync(fileno(file)) == 0 && good;
    good = fclose(file) == 0 && good;
    if (!good || rename(temporary, path) != 0) {
        (void)unlink(temporary);
        return RC_IO;
    }
    return RC_OK;
}
