// The command line: the console's acts and queries without a screen, text or JSON out.
//
// One file a command under src/cli; the tables in src/cli/commands.c are the only place where a
// command, its arguments and its options are written down: parsing, usage, help in Chinese and
// English and the shell's completion read the same rows.
//
// Reading commands take --json: one JSON object a line, keys stable. Everything else is for people:
// columns by text_cols, every text from outside cleaned. Acts sign in this process with the
// person's own key; the signed record goes to the owner of the store over the socket beside it, and
// without an owner this process takes the lock. PINs come from the terminal without echo, or from a
// file; they are never shown. Exit codes: 0 done, 1 refused or failed (one sentence on stderr that
// says what to do next), 2 wrong usage.
#ifndef DAVY_CLI_CLI_H
#define DAVY_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

// True if the arguments hold a sub-command, --help or --version, false if the console is wanted.
bool cli_wanted(int argc, char **argv);
// Runs one command and returns the program's exit code. The program has set its locale, its
// language
// (--lang may change it) and started libsodium.
int cli_main(int argc, char **argv);
// How the console is opened, with its options.
void cli_console_usage(FILE *out);
// PINs that everyone knows: only a demonstration site takes them.
bool pin_is_demo(const char *pin);

#endif
