#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "davy/base/bytes.h"
#include "davy/domain/site/site.h"

// The demonstration site must load without an error or a warning: people copy from it.
static void the_demonstration_site_is_without_fault(void **state) {
    (void)state;
    struct site_issues *issues = malloc(sizeof *issues);
    struct site *site = NULL;
    struct buf text;
    char chunk[4096];
    size_t got = 0;
    FILE *file = fopen("scripts/demo/site.ini", "r");
    assert_non_null(file);
    buf_init(&text, LIMIT_SITE_FILE_BYTES);
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        buf_put(&text, chunk, got);
    }
    fclose(file);
    enum rc rc = site_parse(buf_slice(&text), 1, &site, issues);
    for (uint32_t i = 0; i < issues->kept; i++) {
        char line[SITE_ISSUE_TEXT_BYTES];
        site_issue_text(&issues->items[i], "site.ini", line);
        print_error("%s\n", line);
    }
    assert_int_equal(rc, RC_OK);
    assert_int_equal(issues->warning_count, 0);
    assert_int_equal(site->tag_count, 28);
    assert_int_equal(site->area_count, 5);
    uint32_t limits = 0;
    for (uint32_t i = 0; i < site->tag_count; i++) {
        for (int kind = 0; kind < SITE_LIMIT_COUNT; kind++) {
            limits += site->tags[i].limits[kind].present;
        }
        assert_true(site->tags[i].has_range && site->tags[i].equipment != SITE_NONE);
    }
    assert_int_equal(limits, 62);
    site_free(site);
    buf_fini(&text);
    free(issues);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_demonstration_site_is_without_fault)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
