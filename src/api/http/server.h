/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the HTTPS server: libmicrohttpd on one network thread, handlers on others.
 *
 * The network thread (libmicrohttpd's own, epoll) accepts connections, speaks TLS, reads and checks
 * requests, and sends answers. It never waits for anything else. A complete request is suspended and queued for
 * the handler threads, where it may block on the store; then it is resumed and its answer sent. A
 * full queue answers 503 with Retry-After.
 *
 * SIGPIPE must be ignored by the process. There is one server in a process (tls.h).
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "api/api.h"
#include "api/http/listener.h"

/* Requests that wait for a handler, for each handler thread; beyond that they are answered 503. */
enum { SERVER_QUEUE_PER_THREAD = 128 };

struct server;

/* Serves on a listening socket, which the caller owns and must keep open. Call tls_open()
 * before. */
int server_start(struct api *api, const struct listener *listener, struct server **ret_server,
                 struct error *error);

/* Accepts no new connections, answers the requests of those that were accepted for at most
 * `milliseconds`, and ends. False when handler threads are stuck (the store does not return): then
 * nothing is released, and the process must end. */
bool server_stop(struct server *server, long milliseconds);

#endif
