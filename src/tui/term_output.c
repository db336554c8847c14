#include "term_priv.h"

#include "davy/base/ensure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define QUEUE_BYTES_MAX (8u * 1024 * 1024) // the largest canvas, every cell in a style of its own

// A description of our own for the same terminal, so that O_NONBLOCK does not reach the shell.
static int open_writer(int fd) {
    char path[64];
    if (ttyname_r(fd, path, sizeof path) == 0) {
        int writer = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (writer >= 0) {
            return writer;
        }
    }
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

enum rc tui_term_open_output(struct tui_term *term) {
    buf_init(&term->queue, QUEUE_BYTES_MAX);
    term->tty = fcntl(fileno(term->out), F_DUPFD_CLOEXEC, 3);
    term->writer = open_writer(fileno(term->out));
    term->frame = memfd_create("frame", MFD_CLOEXEC);
    return term->tty < 0 || term->writer < 0 || term->frame < 0 ? RC_IO : RC_OK;
}

static void close_open(int fd) {
    if (fd >= 0) {
        (void)close(fd);
    }
}

void tui_term_close_output(struct tui_term *term) {
    close_open(term->tty);
    close_open(term->writer);
    close_open(term->frame);
    buf_fini(&term->queue);
}

void tui_term_capture(struct tui_term *term, bool on) {
    (void)dup2(on ? term->frame : term->tty, fileno(term->out));
}

void tui_term_queue(struct tui_term *term, const char *text) {
    buf_put(&term->queue, text, strlen(text));
}

void tui_term_collect(struct tui_term *term) {
    uint8_t chunk[4096];
    off_t at = 0;
    for (;;) {
        ssize_t len = pread(term->frame, chunk, sizeof chunk, at);
        if (len <= 0) {
            break;
        }
        buf_put(&term->queue, chunk, (size_t)len);
        at += len;
    }
    if (at > 0) {
        // Positions belong to the open file, so this also takes curses back to the start.
        bool emptied = ftruncate(term->frame, 0) == 0 && lseek(term->frame, 0, SEEK_SET) == 0;
        ENSURE(emptied);
    }
}

bool tui_term_wants_write(const struct tui_term *term) {
    return !term->gone && term->queue_sent < term->queue.len;
}

enum rc tui_term_flush(struct tui_term *term) {
    while (tui_term_wants_write(term)) {
        const uint8_t *at = term->queue.data + term->queue_sent;
        ssize_t len = write(term->writer, at, term->queue.len - term->queue_sent);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return RC_OK;
        }
        if (len <= 0) {
            term->gone = true;
            break;
        }
        term->queue_sent += (size_t)len;
        term->bytes += (uint64_t)len;
    }
    if (term->gone) {
        return RC_IO;
    }
    buf_reset(&term->queue);
    term->queue_sent = 0;
    return RC_OK;
}

uint64_t tui_term_bytes(const struct tui_term *term) {
    return term->bytes;
}
