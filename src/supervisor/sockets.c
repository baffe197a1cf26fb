/* SPDX-License-Identifier: Apache-2.0 */
/* sockets.c - wake datagrams and control connections on the event loop. */
#include "supervisor/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"

struct connection {
    struct sockets *sockets;
    struct connection *next, *previous;
    uv_pipe_t pipe;
    uv_write_t write;
    char *answer; /* being written */
    size_t length;
    struct error refusal; /* ERROR_NONE: the peer may use the socket */
    char request[SOCKETS_REQUEST_MAXIMUM];
};

static void on_readable(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);
static void serve(struct connection *connection, size_t length);

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    struct sockets *sockets = connection->sockets;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        sockets->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    sockets->connections--;
    free(connection->answer);
    free(connection);
}

static void end_connection(struct connection *connection)
{
    if (!uv_is_closing((uv_handle_t *)&connection->pipe))
        uv_close((uv_handle_t *)&connection->pipe, on_connection_closed);
}

/* Reads into what is left of the request's buffer. */
static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct connection *connection = handle->data;
    *buffer = uv_buf_init(connection->request + connection->length,
                          (unsigned)(sizeof(connection->request) - connection->length));
}

/* Answers the next whole line in the buffer, or goes on reading. */
static void serve_next(struct connection *connection)
{
    char *end = memchr(connection->request, '\n', connection->length);
    if (end)
        serve(connection, (size_t)(end - connection->request));
    else if (uv_read_start((uv_stream_t *)&connection->pipe, on_allocate, on_readable) < 0)
        end_connection(connection);
}

static void on_written(uv_write_t *write, int status)
{
    struct connection *connection = write->data;
    free(take_pointer(&connection->answer));
    if (status < 0)
        end_connection(connection);
    else
        serve_next(connection);
}

struct json_object *sockets_refusal(const struct error *error)
{
    return document_pack("{s:b, s:s}", "ok", 0, "error", error->message);
}

static struct json_object *answer_request(struct connection *connection, size_t length)
{
    struct error error;
    if (connection->refusal.kind != ERROR_NONE)
        return sockets_refusal(&connection->refusal);
    cleanup_json struct json_object *request = document_parse(connection->request, length, &error);
    if (!request)
        return sockets_refusal(&error);
    return connection->sockets->handlers->control(connection->sockets->context, request);
}

/* Answers the request that ends at `length`, and drops it from the buffer. One answer is under way
 * at a time. */
static void serve(struct connection *connection, size_t length)
{
    cleanup_json struct json_object *answer = answer_request(connection, length);
    cleanup_free char *text = answer ? document_format(answer) : NULL;
    size_t text_length = text ? strlen(text) : 0;
    connection->answer = malloc(text_length + 1);
    if (!text || !connection->answer) {
        end_connection(connection);
        return;
    }
    memcpy(connection->answer, text, text_length);
    connection->answer[text_length] = '\n';

    connection->length -= length + 1;
    memmove(connection->request, connection->request + length + 1, connection->length);
    uv_buf_t buffer = uv_buf_init(connection->answer, (unsigned)text_length + 1);
    connection->write.data = connection;
    if (uv_write(&connection->write, (uv_stream_t *)&connection->pipe, &buffer, 1, on_written) < 0)
        end_connection(connection);
}

static void on_readable(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    (void)buffer;
    struct connection *connection = stream->data;
    if (length < 0) { /* end of file, or a request longer than the buffer */
        end_connection(connection);
        return;
    }
    connection->length += (size_t)length;
    uv_read_stop(stream);
    serve_next(connection);
}

static void on_connection(uv_stream_t *server, int status);

static void on_refused_closed(uv_handle_t *handle)
{
    struct sockets *sockets = handle->data;
    sockets->refusing = false;
    if (sockets->open && sockets->another) {
        sockets->another = false;
        on_connection((uv_stream_t *)&sockets->control, 0);
    }
}

/* Accepts a connection and ends it: libuv accepts no other before. */
static void refuse(struct sockets *sockets)
{
    if (sockets->refusing) {
        sockets->another = true;
        return;
    }
    uv_pipe_init(sockets->loop, &sockets->refused, 0);
    sockets->refused.data = sockets;
    sockets->refusing = true;
    uv_accept((uv_stream_t *)&sockets->control, (uv_stream_t *)&sockets->refused);
    uv_close((uv_handle_t *)&sockets->refused, on_refused_closed);
}

static void check_peer(struct connection *connection)
{
    int fd = -1;
    connection->refusal.kind = ERROR_NONE;
    uv_fileno((uv_handle_t *)&connection->pipe, &fd);
    listeners_check_peer(connection->sockets->listeners, fd, &connection->refusal);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct sockets *sockets = server->data;
    if (status < 0)
        return;
    struct connection *connection = NULL;
    if (sockets->connections < SOCKETS_CONNECTIONS_MAXIMUM)
        connection = calloc(1, sizeof(*connection));
    if (!connection) {
        refuse(sockets);
        return;
    }
    connection->sockets = sockets;
    connection->pipe.data = connection;
    uv_pipe_init(sockets->loop, &connection->pipe, 0);
    connection->next = sockets->first;
    if (sockets->first)
        sockets->first->previous = connection;
    sockets->first = connection;
    sockets->connections++;
    if (uv_accept(server, (uv_stream_t *)&connection->pipe) < 0) {
        end_connection(connection);
        return;
    }
    check_peer(connection);
    if (uv_read_start((uv_stream_t *)&connection->pipe, on_allocate, on_readable) < 0)
        end_connection(connection);
}

static void on_wake(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct sockets *sockets = poll->data;
    char datagram[64];
    bool woken = false;
    while (status == 0 &&
           recv(sockets->listeners->wake, datagram, sizeof(datagram), MSG_DONTWAIT) >= 0)
        woken = true;
    if (woken)
        sockets->handlers->wake(sockets->context);
}

static int watch_wake(struct sockets *sockets, struct error *error)
{
    int status = uv_poll_init(sockets->loop, &sockets->wake, sockets->listeners->wake);
    sockets->wake.data = sockets;
    if (status == 0)
        status = uv_poll_start(&sockets->wake, UV_READABLE, on_wake);
    return status == 0 ? 0
                       : error_set(error, ERROR_SYSTEM, "cannot watch %s: %s",
                                   sockets->listeners->wake_path, uv_strerror(status));
}

/* libuv closes what it is given, so it gets a descriptor of its own. */
static int listen_control(struct sockets *sockets, struct error *error)
{
    struct listeners *listeners = sockets->listeners;
    cleanup_fd int fd = fcntl(listeners->control, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return error_set_system(error, errno, "cannot use %s", listeners->control_path);
    uv_pipe_init(sockets->loop, &sockets->control, 0);
    sockets->control.data = sockets;
    int status = uv_pipe_open(&sockets->control, fd);
    if (status == 0) {
        take_fd(&fd);
        status =
            uv_listen((uv_stream_t *)&sockets->control, SOCKETS_CONNECTIONS_MAXIMUM, on_connection);
    }
    return status == 0 ? 0
                       : error_set(error, ERROR_SYSTEM, "cannot listen on %s: %s",
                                   listeners->control_path, uv_strerror(status));
}

int sockets_open(struct sockets *sockets, uv_loop_t *loop, struct listeners *listeners,
                 const struct sockets_handlers *handlers, void *context, struct error *error)
{
    *sockets = (struct sockets){
        .loop = loop, .listeners = listeners, .handlers = handlers, .context = context};
    if (watch_wake(sockets, error) < 0 || listen_control(sockets, error) < 0)
        return -1;
    sockets->open = true;
    return 0;
}

void sockets_close(struct sockets *sockets)
{
    if (!sockets->open)
        return;
    sockets->open = false;
    for (struct connection *connection = sockets->first; connection; connection = connection->next)
        end_connection(connection);
    uv_close((uv_handle_t *)&sockets->control, NULL);
    uv_poll_stop(&sockets->wake);
    uv_close((uv_handle_t *)&sockets->wake, NULL);
    listeners_close(sockets->listeners);
}
