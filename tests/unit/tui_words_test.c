// The Chinese catalogues call one thing by one word.
#include "tui_util.h"

#include <dirent.h>

#define FOLDER "src/po"

static char text[1 << 18];

// Entries are parted by empty lines. One that speaks of a PIN does so in Chinese, too: the other
// word stands for the one-time code.
static int pins_called_otherwise(const char *path) {
    int wrong = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    assert_true(len < sizeof text - 1);
    text[len] = '\0';
    for (char *entry = text; entry != NULL;) {
        char *next = strstr(entry, "\n\n");
        if (next != NULL) {
            *next = '\0';
            next += 2;
        }
        const char *id = strstr(entry, "msgid ");
        char *meaning = strstr(entry, "msgstr ");
        if (id != NULL && meaning != NULL) {
            meaning[-1] = '\0';
            if (strstr(id, "PIN") != NULL && strstr(meaning, "PIN") == NULL) {
                print_error("%s: %s is %s\n", path, id, meaning);
                wrong++;
            }
        }
        entry = next;
    }
    return wrong;
}

static void a_pin_is_called_pin_everywhere(void **state) {
    (void)state;
    int wrong = 0;
    int files = 0;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && strcmp(dot, ".po") == 0) {
            char path[TEST_PATH_BYTES];
            test_path(FOLDER, entry->d_name, path);
            wrong += pins_called_otherwise(path);
            files++;
        }
    }
    closedir(folder);
    assert_true(files >= 4);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pin_is_called_pin_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
