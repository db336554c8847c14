// ENSURE states what the programmer guarantees. It stays on in release builds and stops the program
// with a message: a wrong safety record is worse than none. Bad input, lost links and full disks
// are never asserted; they are returned.
#ifndef DAVY_BASE_ENSURE_H
#define DAVY_BASE_ENSURE_H

__attribute__((noreturn)) void ensure_failed(const char *file, int line, const char *condition);

#define ENSURE(condition) ((condition) ? (void)0 : ensure_failed(__FILE__, __LINE__, #condition))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
