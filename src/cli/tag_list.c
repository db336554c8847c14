#include "cli/cli_priv.h"

#include "davy/link/os.h"
#include "davy/store/history.h"

#include <stdlib.h>

static const struct cli_column columns[] = {
    {"tag", N_("Tag"), false},
    {"area", N_("Area"), false},
    {"value", N_("Value"), true},
    {"unit", N_("Unit"), false},
    {"quality", N_("Quality"), false},
    {"age_ms", N_("Age"), true},
    {"LL", N_("LL"), true},
    {"L", N_("L"), true},
    {"H", N_("H"), true},
    {"HH", N_("HH"), true},
    {"low", NULL, false},
    {"high", NULL, false},
    {"stale", NULL, false},
    {"equipment", NULL, false},
    {"name", N_("Name"), false},
};

static void put_limit(struct cli_list *list, const struct define_state *def, unsigned bit,
                      struct decimal value) {
    if (def->has & bit) {
        list_decimal(list, value);
    } else {
        list_put(list, NULL, "");
    }
}

static void put_live(struct cli_list *list, const struct tag_row *row) {
    static const struct {
        const char *word;
        const char *shown;
    } qualities[] = {{"good", N_("good")}, {"uncertain", N_("uncertain")}, {"bad", N_("bad")}};
    size_t quality = row->quality < COUNT_OF(qualities) ? row->quality : COUNT_OF(qualities) - 1;
    char json[32];
    char age[32];
    if (!row->has_value) {
        list_null(list);
        list_text(list, row->def.unit);
        list_null(list);
        list_null(list);
        return;
    }
    list_number(list, row->value);
    list_text(list, row->def.unit);
    list_word(list, qualities[quality].word,
              row->stale && quality == 0 ? _("stale") : _(qualities[quality].shown));
    (void)snprintf(json, sizeof json, "%lld", (long long)row->age_ms);
    list_put(list, json, say_age(row->age_ms, age, sizeof age));
}

static void put_row(struct cli_list *list, const struct tag_row *row) {
    const struct define_state *def = &row->def;
    list_text(list, def->code);
    list_text(list, def->area);
    put_live(list, row);
    put_limit(list, def, DEFINE_HAS_LL, def->limits[3]);
    put_limit(list, def, DEFINE_HAS_L, def->limits[2]);
    put_limit(list, def, DEFINE_HAS_H, def->limits[1]);
    put_limit(list, def, DEFINE_HAS_HH, def->limits[0]);
    put_limit(list, def, DEFINE_HAS_RANGE, def->low);
    put_limit(list, def, DEFINE_HAS_RANGE, def->high);
    list_bool(list, row->stale, "");
    list_text(list, def->equipment);
    list_text(list, def->name);
    list_row(list);
}

// A hub hears no digests of its own: what its history holds last stands for them.
static enum rc fill_from_history(const struct session *session, struct tag_row *rows,
                                 uint32_t count) {
    struct history *history = NULL;
    struct refusal refusal = {0};
    struct history_options options = {.folder = session->cli->dir, .read_only = true};
    enum rc rc = history_open(&options, &history, &refusal);
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_OK : rc; // no reading was ever taken
    }
    for (uint32_t i = 0; i < count && rc == RC_OK; i++) {
        struct history_reading reading;
        uint32_t tag = 0;
        if (history_tag_find(history, rows[i].def.code, &tag) != RC_OK) {
            continue;
        }
        rc = history_last(history, tag, &reading);
        if (rc == RC_OK) {
            rows[i].has_value = true;
            rows[i].value = reading.value;
            rows[i].quality = reading.quality & 3;
            rows[i].age_ms = session->now.utc.v - reading.time.v;
            rows[i].stale = !session->owned || rows[i].quality != 0;
        }
        rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    history_close(history);
    return rc;
}

int cmd_tag_list(struct cli *cli) {
    struct session session;
    struct tag_row *rows = NULL;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        uint32_t max = app_tag_count(session.app);
        rows = calloc(max > 0 ? max : 1, sizeof *rows);
        uint32_t count =
            rows ? app_tags(session.app, cli->value[OPT_AREA], os_now(), rows, max) : 0;
        cli->incomplete = rows ? RC_OK : RC_NO_MEMORY;
        if (rows && session_is_hub(&session)) {
            cli->incomplete = fill_from_history(&session, rows, count);
        }
        struct cli_list list;
        list_start(&list, cli, columns, COUNT_OF(columns));
        for (uint32_t i = 0; i < count; i++) {
            put_row(&list, &rows[i]);
        }
        code = list_finish(&list);
        if (count == 0) {
            cli_say(cli, "%s", _("no tags"));
        }
    }
    free(rows);
    session_close(&session);
    return code;
}
