#include "davy/link/control.h"

#include "davy/base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_NAME "davy.sock"
#define HEADER_BYTES 4

struct client {
    int fd; // -1: free
    uint64_t used_at;
    struct buf in;
    struct buf out;
    size_t out_sent;
};

struct control_server {
    int folder_fd;
    int listen_fd;
    uint64_t round;
    struct client clients[LIMIT_CONTROL_CLIENTS];
};

// The address goes through the folder's descriptor, because a path may be longer than an address.
static void address_of(int folder_fd, struct sockaddr_un *out_address) {
    memset(out_address, 0, sizeof(*out_address));
    out_address->sun_family = AF_UNIX;
    (void)snprintf(out_address->sun_path, sizeof(out_address->sun_path), "/proc/self/fd/%d/%s",
                   folder_fd, SOCKET_NAME);
}

static int folder_open(const char *folder) {
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool peer_user(int fd, uid_t *out_user) {
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return false;
    }
    *out_user = peer.uid;
    return true;
}

static uint32_t header_read(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

// ---- The owner's side ----

static void client_close(struct client *client) {
    if (client->fd >= 0) {
        (void)close(client->fd);
    }
    client->fd = -1;
    buf_fini(&client->in);
    buf_fini(&client->out);
    client->out_sent = 0;
}

enum rc control_server_new(const char *folder, struct control_server **out_server) {
    struct control_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return RC_NO_MEMORY;
    }
    for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
        server->clients[i].fd = -1;
    }
    server->folder_fd = folder_open(folder);
    server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;
    address_of(server->folder_fd, &address);
    bool ready = server->folder_fd >= 0 && server->listen_fd >= 0;
    if (ready) {
        (void)unlinkat(server->folder_fd, SOCKET_NAME, 0);
        ready = fchmod(server->listen_fd, 0600) == 0 &&
                bind(server->listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                fchmodat(server->folder_fd, SOCKET_NAME, 0600, 0) == 0 &&
                listen(server->listen_fd, LIMIT_CONTROL_CLIENTS) == 0;
    }
    if (!ready) {
        control_server_free(server);
        return RC_IO;
    }
    *out_server = server;
    return RC_OK;
}

void control_server_free(struct control_server *server) {
    if (server == NULL) {
        return;
    }
    for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
        client_close(&server->clients[i]);
    }
    if (server->listen_fd >= 0) {
        (void)close(server->listen_fd);
        (void)unlinkat(server->folder_fd, SOCKET_NAME, 0);
    }
    if (server->folder_fd >= 0) {
        (void)close(server->folder_fd);
    }
    free(server);
}

size_t control_server_poll(struct control_server *server, struct pollfd *out_fds, size_t max) {
    size_t count = 0;
    if (max > 0) {
        out_fds[count++] = (struct pollfd){.fd = server->listen_fd, .events = POLLIN};
    }
    for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS && count < max; i++) {
        const struct client *client = &server->clients[i];
        if (client->fd >= 0) {
            // A client that does not take its answer is not heard until it does.
            short events = client->out_sent < client->out.len ? POLLOUT : POLLIN;
            out_fds[count++] = (struct pollfd){.fd = client->fd, .events = events};
        }
    }
    return count;
}

// A free slot; if there is none, the client that was silent longest gives way.
static struct client *client_slot(struct control_server *server) {
    struct client *oldest = &server->clients[0];
    for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
        struct client *client = &server->clients[i];
        if (client->fd < 0) {
            return client;
        }
        if (client->used_at < oldest->used_at) {
            oldest = client;
        }
    }
    client_close(oldest);
    return oldest;
}

static void clients_accept(struct control_server *server) {
    for (int i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        uid_t user = 0;
        if (!peer_user(fd, &user) || (user != geteuid() && user != 0)) {
            (void)close(fd);
            continue;
        }
        struct client *client = client_slot(server);
        client->fd = fd;
        client->used_at = server->round;
        client->out_sent = 0;
        buf_init(&client->in, LIMIT_CONTROL_MESSAGE_BYTES + HEADER_BYTES);
        buf_init(&client->out, LIMIT_CONTROL_MESSAGE_BYTES + HEADER_BYTES);
    }
}

// False: the connection is over.
static bool client_send(struct client *client) {
    while (client->out_sent < client->out.len) {
        ssize_t put = send(client->fd, client->out.data + client->out_sent,
                           client->out.len - client->out_sent, MSG_NOSIGNAL);
        if (put < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        client->out_sent += (size_t)put;
    }
    client->out_sent = 0;
    buf_reset(&client->out);
    return true;
}

struct answerer {
    void (*answer)(void *ctx, struct slice request, struct buf *out);
    void *ctx;
};

// Answers the first whole request in hand. False: the connection is over.
static bool client_answer(struct client *client, const struct answerer *answerer,
                          bool *out_answered) {
    *out_answered = false;
    if (client->in.len < HEADER_BYTES) {
        return true;
    }
    size_t len = header_read(client->in.data);
    if (len == 0 || len > LIMIT_CONTROL_MESSAGE_BYTES) {
        return false;
    }
    if (client->in.len < HEADER_BYTES + len) {
        return true;
    }
    buf_put_u32(&client->out, 0);
    answerer->answer(answerer->ctx, slice_of(client->in.data + HEADER_BYTES, len), &client->out);
    if (buf_rc(&client->out) != RC_OK) {
        return false;
    }
    uint32_t answer_len = (uint32_t)(client->out.len - HEADER_BYTES);
    for (int i = 0; i < HEADER_BYTES; i++) {
        client->out.data[i] = (uint8_t)(answer_len >> (8 * i));
    }
    size_t rest = client->in.len - HEADER_BYTES - len;
    memmove(client->in.data, client->in.data + HEADER_BYTES + len, rest);
    client->in.len = rest;
    *out_answered = true;
    return client_send(client);
}

static bool client_read(struct client *client, const struct answerer *answerer) {
    uint8_t chunk[4096];
    size_t room = client->in.max - client->in.len;
    ssize_t got = recv(client->fd, chunk, room < sizeof(chunk) ? room : sizeof(chunk), 0);
    if (got == 0) {
        return false;
    }
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    buf_put(&client->in, chunk, (size_t)got);
    bool answered = buf_rc(&client->in) == RC_OK;
    while (answered && client->out.len == 0) {
        if (!client_answer(client, answerer, &answered)) {
            return false;
        }
    }
    return buf_rc(&client->in) == RC_OK;
}

static void client_step(struct control_server *server, struct client *client, short events,
                        const struct answerer *answerer) {
    bool alive = true;
    client->used_at = server->round;
    if ((events & POLLOUT) != 0) {
        bool answered = true;
        alive = client_send(client);
        while (alive && answered && client->out.len == 0) {
            alive = client_answer(client, answerer, &answered);
        }
    } else if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) {
        alive = client_read(client, answerer);
    }
    if (!alive) {
        client_close(client);
    }
}

void control_server_step(struct control_server *server, const struct pollfd *fds, size_t count,
                         void (*answer)(void *ctx, struct slice request, struct buf *out),
                         void *ctx) {
    const struct answerer answerer = {.answer = answer, .ctx = ctx};
    bool accept = false;
    server->round++;
    for (size_t i = 0; i < count; i++) {
        if (fds[i].revents == 0) {
            continue;
        }
        if (fds[i].fd == server->listen_fd) {
            accept = true;
            continue;
        }
        for (size_t k = 0; k < LIMIT_CONTROL_CLIENTS; k++) {
            if (server->clients[k].fd == fds[i].fd) {
                client_step(server, &server->clients[k], fds[i].revents, &answerer);
                break;
            }
        }
    }
    // Last, so that a new client cannot take over the number of one that is in the list.
    if (accept) {
        clients_accept(server);
    }
}

// ---- The other side ----

struct deadline {
    int64_t at_ms;
};

static int64_t monotonic_ms(void) {
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static bool wait_for(int fd, short events, struct deadline deadline) {
    for (;;) {
        int64_t left = deadline.at_ms - monotonic_ms();
        struct pollfd entry = {.fd = fd, .events = events};
        int ready = poll(&entry, 1, left > 0 ? (int)left : 0);
        if (ready > 0) {
            return true;
        }
        if (ready == 0 || errno != EINTR) {
            return false;
        }
    }
}

static enum rc call_connect(const char *folder, int *out_fd) {
    int folder_fd = folder_open(folder);
    if (folder_fd < 0) {
        return RC_NOT_FOUND;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;
    address_of(folder_fd, &address);
    int failed = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, sizeof(address));
    int error = errno;
    (void)close(folder_fd);
    uid_t user = 0;
    if (failed == 0 && peer_user(fd, &user) && (user == geteuid() || user == 0 || geteuid() == 0)) {
        *out_fd = fd;
        return RC_OK;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (failed == 0) {
        return RC_DENIED;
    }
    if (error == EAGAIN) {
        return RC_BUSY;
    }
    return error == ENOENT || error == ECONNREFUSED ? RC_NOT_FOUND : RC_IO;
}

static enum rc call_send(int fd, struct slice bytes, struct deadline deadline) {
    while (bytes.len > 0) {
        ssize_t put = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (put > 0) {
            bytes.data += put;
            bytes.len -= (size_t)put;
        } else if (put < 0 && errno != EAGAIN && errno != EINTR) {
            return RC_IO;
        } else if (!wait_for(fd, POLLOUT, deadline)) {
            return RC_IO;
        }
    }
    return RC_OK;
}

static enum rc call_receive(int fd, uint8_t *out, size_t len, struct deadline deadline) {
    while (len > 0) {
        ssize_t got = recv(fd, out, len, 0);
        if (got > 0) {
            out += got;
            len -= (size_t)got;
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            return RC_IO;
        } else if (!wait_for(fd, POLLIN, deadline)) {
            return RC_IO;
        }
    }
    return RC_OK;
}

static enum rc call_answer(int fd, struct deadline deadline, struct buf *out_answer) {
    uint8_t header[HEADER_BYTES];
    enum rc rc = call_receive(fd, header, sizeof(header), deadline);
    if (rc != RC_OK) {
        return rc;
    }
    size_t len = header_read(header);
    if (len > LIMIT_CONTROL_MESSAGE_BYTES) {
        return RC_TOO_LARGE;
    }
    uint8_t *bytes = malloc(len + 1);
    if (bytes == NULL) {
        return RC_NO_MEMORY;
    }
    rc = call_receive(fd, bytes, len, deadline);
    if (rc == RC_OK) {
        buf_put(out_answer, bytes, len);
        rc = buf_rc(out_answer);
    }
    free(bytes);
    return rc;
}

enum rc control_call(const char *folder, struct slice request, int timeout_ms,
                     struct buf *out_answer) {
    if (request.len == 0 || request.len > LIMIT_CONTROL_MESSAGE_BYTES) {
        return RC_TOO_LARGE;
    }
    int fd = -1;
    enum rc rc = call_connect(folder, &fd);
    if (rc != RC_OK) {
        return rc;
    }
    struct deadline deadline = {monotonic_ms() + timeout_ms};
    uint8_t header[HEADER_BYTES];
    for (int i = 0; i < HEADER_BYTES; i++) {
        header[i] = (uint8_t)((uint32_t)request.len >> (8 * i));
    }
    rc = call_send(fd, slice_of(header, sizeof(header)), deadline);
    if (rc == RC_OK) {
        rc = call_send(fd, request, deadline);
    }
    if (rc == RC_OK) {
        rc = call_answer(fd, deadline, out_answer);
    }
    (void)close(fd);
    return rc;
}
