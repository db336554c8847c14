// The owner's Unix socket beside a store, and the client's side of it. Messages are u32 length and
// bytes, at most LIMIT_CONTROL_MESSAGE_BYTES; one request, one answer, in order.
//
// The path may be longer than a socket address allows: both sides go through the folder's
// descriptor. Peers of another user (except root) are refused.
#ifndef DAVY_LINK_CONTROL_H
#define DAVY_LINK_CONTROL_H

#include "davy/base/bytes.h"
#include <poll.h>

struct control_server;
// Binds davy.sock in the folder (an old one of a dead owner is replaced: the caller holds the
// lock).
DAVY_MUST_USE enum rc control_server_new(const char *folder, struct control_server **out_server);
void control_server_free(struct control_server *server); // unlinks the socket
// Fills poll entries (listening socket and clients); returns how many.
size_t control_server_poll(struct control_server *server, struct pollfd *out_fds, size_t max);
// Handles what is ready after poll: `answer` appends the answer's bytes for one request.
void control_server_step(struct control_server *server, const struct pollfd *fds, size_t count,
                         void (*answer)(void *ctx, struct slice request, struct buf *out),
                         void *ctx);

// One request to the owner of a folder. RC_NOT_FOUND: nobody owns it; RC_IO, RC_TOO_LARGE.
DAVY_MUST_USE enum rc control_call(const char *folder, struct slice request, int timeout_ms,
                                   struct buf *out_answer);

#endif
