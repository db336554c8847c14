#include "cli/cli_priv.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define OUTBOX_ROWS 200

// What an owner calls its numbers, for people. Names that are not here are shown as they stand.
static const struct {
    const char *key;
    const char *title;
} titles[] = {
    {"program", N_("Program")},
    {"phase", N_("Phase")},
    {"sessions", N_("Devices connected")},
    {"n", N_("Log entries")},
    {"tags", N_("Tags")},
    {"areas", N_("Areas")},
    {"alarms_active", N_("Alarms active")},
    {"readings", N_("Readings taken")},
    {"readings_stored", N_("Readings stored")},
    {"readings_bad", N_("Readings refused")},
    {"payloads_bad", N_("Messages refused")},
    {"admitted", N_("Records admitted")},
    {"refused", N_("Refused or held")},
    {"not_verified", N_("Not verified")},
    {"forks", N_("Forks")},
    {"log", N_("Heads by lane")},
    {"last_bad", N_("Last refused message")},
    {"linked", N_("Broker connected")},
    {"stale", N_("Picture stale")},
    {"waiting", N_("Waiting")},
    {"sent", N_("Sent")},
    {"at_hub", N_("At hub")},
    {"picture_age_ms", N_("Picture age (ms)")},
    {"oldest_age_ms", N_("Oldest waiting (ms)")},
    {"unsent_bytes", N_("Bytes to send")},
    {"clock_offset_ms", N_("Clock offset (ms)")},
    {"roster_age_ms", N_("Roster age (ms)")},
    {"site_name", N_("Site")},
    {"device_name", N_("Device")},
    {"device", N_("Device")},
    {"hub_log", N_("The hub's heads by lane")},
    {"sent_bytes", N_("Bytes sent")},
    {"received_bytes", N_("Bytes received")},
    {"trouble", N_("Last trouble")},
};

static const char *title_of(const char *key) {
    for (size_t i = 0; i < COUNT_OF(titles); i++) {
        if (strcmp(titles[i].key, key) == 0) {
            return _(titles[i].title);
        }
    }
    return key;
}

static void print_member(struct cli *cli, const cJSON *member) {
    char *text = cJSON_IsString(member) ? NULL : cJSON_PrintUnformatted(member);
    const char *shown = cJSON_IsString(member) ? member->valuestring : text;
    if (shown && shown[0] != '\0') {
        cli_say(cli, "%s: %s", title_of(member->string), shown);
    }
    cJSON_free(text);
}

// The owner's own words: JSON as it came, or a line a member.
static int print_owner(struct session *session) {
    struct cli *cli = session->cli;
    struct buf answer;
    struct slice text;
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    int code = session_ask(session, CONTROL_STATUS, slice_of(NULL, 0), &answer, &text);
    if (code == CLI_OK) {
        cJSON *json = cJSON_ParseWithLength((const char *)text.data, text.len);
        if (!cJSON_IsObject(json)) {
            code = cli_fail_rc(cli, RC_INVALID, NULL);
        } else if (cli->json) {
            (void)fprintf(cli->io.out, "%.*s\n", (int)text.len, (const char *)text.data);
        } else {
            for (const cJSON *member = json->child; member; member = member->next) {
                print_member(cli, member);
            }
        }
        cJSON_Delete(json);
    }
    buf_fini(&answer);
    return code;
}

static const struct cli_column store_columns[] = {
    {"program", NULL, false},
    {"running", N_("Owner"), false},
    {"site_name", N_("Site"), false},
    {"device_name", N_("Device"), false},
    {"waiting", N_("Waiting"), false},
    {"sent", N_("Sent"), false},
    {"at_hub", N_("At hub"), false},
    {"refused", N_("Refused or held"), false},
    {"oldest_age_ms", N_("Oldest waiting"), false},
    {"unsent_bytes", N_("Bytes to send"), false},
};

static int print_store(struct session *session) {
    struct cli *cli = session->cli;
    struct cli_list list;
    struct app_status status;
    char age[32];
    char json[32];
    app_status(session->app, session->now, &status);
    list_start(&list, cli, store_columns, COUNT_OF(store_columns));
    list_text(&list, session_is_hub(session) ? "davyd" : "davy");
    list_put(&list, "false", _("nobody runs here"));
    list_text(&list, status.site_name);
    list_text(&list, status.device_name);
    list_uint(&list, status.waiting);
    list_uint(&list, status.sent);
    list_uint(&list, status.at_hub);
    list_uint(&list, status.refused);
    if (status.oldest_age_ms < 0) {
        list_null(&list);
    } else {
        (void)snprintf(json, sizeof json, "%lld", (long long)status.oldest_age_ms);
        list_put(&list, json, say_age(status.oldest_age_ms, age, sizeof age));
    }
    list_uint(&list, status.unsent_bytes);
    list_row(&list);
    return list_finish_form(&list);
}

static const struct cli_column act_columns[] = {
    {"id", N_("Id"), false},     {"kind", N_("Act"), false},  {"stage", N_("Stage"), false},
    {"time", N_("Time"), false}, {"rule", N_("Rule"), false}, {"bytes", N_("Bytes"), true},
};

// For people only: own acts that are not yet accepted.
static int print_acts(struct session *session) {
    struct outbox_row *rows = calloc(OUTBOX_ROWS, sizeof *rows);
    if (!rows) {
        return cli_fail_rc(session->cli, RC_NO_MEMORY, NULL);
    }
    struct cli_list list;
    uint32_t count = app_outbox(session->app, rows, OUTBOX_ROWS);
    list_start(&list, session->cli, act_columns, COUNT_OF(act_columns));
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].stage != STAGE_ACCEPTED) {
            list_id(&list, rows[i].rid.id);
            list_text(&list, say_kind(rows[i].kind));
            list_text(&list, say_stage(rows[i].stage));
            list_time(&list, rows[i].time);
            list_text(&list, rows[i].rule ? say_rule(rows[i].rule) : "");
            list_uint(&list, rows[i].bytes);
            list_row(&list);
        }
    }
    free(rows);
    return list_finish(&list);
}

int cmd_sync_status(struct cli *cli) {
    struct session session;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        code = session.owned ? print_owner(&session) : print_store(&session);
    }
    if (code == CLI_OK && !cli->json) {
        code = print_acts(&session);
    }
    session_close(&session);
    return code;
}
