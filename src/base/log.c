#include "davy/base/log.h"

#include "davy/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MESSAGE_BYTES 1024
// Every byte may become "\xHH"; prefix, cut mark and line end on top.
#define LOG_LINE_BYTES (4 * LOG_MESSAGE_BYTES + 16)

static size_t log_escape_byte(uint8_t byte, char *out) {
    static const char digits[] = "0123456789abcdef";
    const char *name = byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : byte == '\t' ? "\\t" : NULL;
    if (name != NULL) {
        memcpy(out, name, 2);
        return 2;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 0x0F];
    return 4;
}

// Copies what is safe, writes everything else byte by byte as "\xHH".
static size_t log_escape(const char *message, char *out) {
    const char *end = message + strlen(message);
    size_t len = 0;
    for (const char *at = message; at < end;) {
        const char *first = at;
        uint32_t code_point = text_next(&at, end);
        size_t bytes = (size_t)(at - first);
        bool invalid = !text_is_valid(slice_of(first, bytes));
        if (!invalid && !text_is_unsafe(code_point)) {
            memcpy(out + len, first, bytes);
            len += bytes;
            continue;
        }
        for (size_t i = 0; i < bytes; i++) {
            len += log_escape_byte((uint8_t)first[i], out + len);
        }
    }
    return len;
}

// One write a line, so that lines of several processes do not mix.
static void log_send(int fd, const char *line, size_t len) {
    while (len > 0) {
        ssize_t sent = write(fd, line, len);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return;
        }
        line += sent;
        len -= (size_t)sent;
    }
}

void log_write(const struct log *log, enum log_level level, const char *format, ...) {
    if (log == NULL || log->fd < 0 || level > log->level) {
        return;
    }
    int saved_errno = errno;
    char message[LOG_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    int need = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (need >= 0) {
        char line[LOG_LINE_BYTES];
        size_t len = 0;
        if (log->prefix) {
            len = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
        }
        len += log_escape(message, line + len);
        if ((size_t)need >= sizeof(message)) {
            memcpy(line + len, "...", 3);
            len += 3;
        }
        line[len++] = '\n';
        log_send(log->fd, line, len);
    }
    errno = saved_errno;
}
