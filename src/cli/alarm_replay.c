#include "cli/cli_priv.h"
#include "davy/sim/replay.h"

// Output is CSV alone: the events in the form of the data set's own list, or the differences.
static int evaluate(struct cli *cli, const struct plant *plant, struct replay_files files,
                    struct replay_options options) {
    struct replay_error error = {{0}};
    if (replay_csv(plant, files, options, cli->io.out, &error) != RC_OK) {
        return cli_fail(cli, "%s", error.text);
    }
    return CLI_OK;
}

static void on_difference(void *ctx, const struct replay_difference *difference) {
    replay_diff_line(ctx, difference);
}

static int compare(struct cli *cli, const struct plant *a, const struct plant *b,
                   struct replay_files files, struct replay_options options) {
    struct replay_error error = {{0}};
    struct replay_counts counts = {0};
    struct replay_diff diff = {.a = a, .b = b, .emit = on_difference, .context = cli->io.out};
    replay_diff_header(cli->io.out);
    if (replay_diff(&diff, files, options, &counts, &error) != RC_OK) {
        return cli_fail(cli, "%s", error.text);
    }
    (void)fprintf(cli->io.err,
                  _("activations: %u and %u; only in the first: %u, only in the second: %u, at "
                    "another sample: %u\n"),
                  counts.activations_a, counts.activations_b, counts.only_a, counts.only_b,
                  counts.moved);
    return CLI_OK;
}

int cmd_alarm_replay(struct cli *cli) {
    struct replay_error error = {{0}};
    struct plant *plant = NULL;
    struct plant *against = NULL;
    uint64_t sample_s = 0;
    int code = cli_option_uint(cli, OPT_SAMPLE_S, 1, 86400, &sample_s);
    if (code != CLI_OK) {
        return code;
    }
    if (!cli->value[OPT_PLANT]) {
        return cli_fail_usage(cli, "%s", _("--plant FILE is needed"));
    }
    struct replay_files files = {.paths = (const char *const *)cli->args,
                                 .count = (uint32_t)cli->arg_count};
    struct replay_options options = {.no_delays = cli->value[OPT_NO_DELAYS] != NULL,
                                     .sample_s = (uint32_t)sample_s};
    enum rc rc = replay_plant_read(cli->value[OPT_PLANT], &plant, &error);
    if (rc == RC_OK && cli->value[OPT_AGAINST]) {
        rc = replay_plant_read(cli->value[OPT_AGAINST], &against, &error);
    }
    if (rc != RC_OK) {
        code = cli_fail(cli, "%s", error.text);
    } else if (against) {
        code = compare(cli, plant, against, files, options);
    } else {
        code = evaluate(cli, plant, files, options);
    }
    plant_free(plant);
    plant_free(against);
    return code;
}
