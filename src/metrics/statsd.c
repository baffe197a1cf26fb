/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statsd.c - sends lines to the statsd agent, on a UNIX socket or by UDP, without blocking.
 */
#include "metrics/statsd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mimo/cleanup.h"

#define UNIX_PREFIX "unix:"
#define UDP_PREFIX  "udp:"

static int open_unix(struct statsd *statsd, const char *path, struct error *error)
{
    if (path[0] != '/' || strlen(path) >= sizeof(statsd->path.sun_path))
        return error_set(error, ERROR_INVALID,
                         "metrics.statsd: \"%s\" is not an absolute path of at most %zu bytes",
                         path, sizeof(statsd->path.sun_path) - 1);
    statsd->kind = STATSD_LOCAL;
    statsd->path.sun_family = AF_UNIX;
    strcpy(statsd->path.sun_path, path);
    return 0;
}

static int open_udp(struct statsd *statsd, const char *host_and_port, int64_t interval,
                    struct error *error)
{
    statsd->kind = STATSD_UDP;
    if (lookup_open(host_and_port, interval, &statsd->lookup, error) < 0)
        return error_prefix(error, "metrics.statsd");
    return 0;
}

int statsd_open(struct statsd *statsd, const char *address, int64_t interval, struct error *error)
{
    *statsd = (struct statsd){.address = address, .socket = -1};
    if (strcmp(address, "off") == 0)
        return 0;
    if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        return open_unix(statsd, address + strlen(UNIX_PREFIX), error);
    if (strncmp(address, UDP_PREFIX, strlen(UDP_PREFIX)) == 0)
        return open_udp(statsd, address + strlen(UDP_PREFIX), interval, error);
    return error_set(error, ERROR_INVALID,
                     "metrics.statsd: \"%s\" is not one of unix:/PATH, udp:HOST:PORT, off",
                     address);
}

static void disconnect(struct statsd *statsd)
{
    if (statsd->socket >= 0)
        close(statsd->socket);
    statsd->socket = -1;
    if (statsd->rest)
        statsd->dropped++; /* the agent got only a part */
    free(statsd->rest);
    statsd->rest = NULL;
    statsd->rest_length = 0;
}

void statsd_close(struct statsd *statsd)
{
    disconnect(statsd);
    lookup_close(statsd->lookup);
    statsd->lookup = NULL;
}

void statsd_start(struct statsd *statsd)
{
    if (statsd->lookup)
        lookup_start(statsd->lookup);
}

/* Returns 0, or -1 with errno. */
static int connect_to(struct statsd *statsd, int type, const struct sockaddr *address,
                      socklen_t length)
{
    cleanup_fd int fd = socket(address->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, address, length) < 0)
        return -1;
    statsd->socket = take_fd(&fd);
    statsd->stream = type == SOCK_STREAM;
    return 0;
}

static int connect_local(struct statsd *statsd)
{
    const struct sockaddr *path = (const struct sockaddr *)&statsd->path;
    if (connect_to(statsd, SOCK_STREAM, path, sizeof(statsd->path)) == 0)
        return 0;
    return errno == EPROTOTYPE ? connect_to(statsd, SOCK_DGRAM, path, sizeof(statsd->path)) : -1;
}

static int drop(struct statsd *statsd, int reason, struct error *error)
{
    statsd->dropped++;
    if (reason == EAGAIN)
        return error_set(error, ERROR_UNAVAILABLE, "%s does not read fast enough", statsd->address);
    return error_set_system(error, reason, "cannot send to %s", statsd->address);
}

/* Keeps the rest of a line that a stream accepted in part. When out of memory, closes the
 * connection. */
static int keep_rest(struct statsd *statsd, const char *rest, size_t length)
{
    statsd->rest = strndup(rest, length);
    statsd->rest_length = length;
    if (statsd->rest)
        return 0;
    disconnect(statsd);
    errno = ENOMEM;
    return -1;
}

void statsd_flush(struct statsd *statsd)
{
    while (statsd->rest) {
        ssize_t taken = send(statsd->socket, statsd->rest, statsd->rest_length, MSG_NOSIGNAL);
        if (taken < 0) {
            if (errno != EAGAIN && errno != EINTR)
                disconnect(statsd);
            return;
        }
        statsd->rest_length -= (size_t)taken;
        memmove(statsd->rest, statsd->rest + taken, statsd->rest_length);
        if (statsd->rest_length > 0)
            continue;
        free(statsd->rest);
        statsd->rest = NULL;
        statsd->sent++;
    }
}

/* The line with its newline as one message. Returns 0 or -1 with errno. */
static int send_to_stream(struct statsd *statsd, const char *line, size_t length)
{
    cleanup_free char *text = malloc(length + 1);
    if (!text)
        return -1;
    memcpy(text, line, length);
    text[length] = '\n';

    ssize_t taken = send(statsd->socket, text, length + 1, MSG_NOSIGNAL);
    if (taken < 0)
        return -1;
    if ((size_t)taken <= length)
        return keep_rest(statsd, text + taken, length + 1 - (size_t)taken);
    statsd->sent++;
    return 0;
}

static int send_on_socket(struct statsd *statsd, const char *line, size_t length)
{
    if (statsd->stream)
        return send_to_stream(statsd, line, length);
    if (send(statsd->socket, line, length, MSG_NOSIGNAL) < 0)
        return -1;
    statsd->sent++;
    return 0;
}

/* True if a new connection may help. */
static bool connection_is_broken(int reason)
{
    return reason == EPIPE || reason == ECONNRESET || reason == ECONNREFUSED || reason == ENOTCONN;
}

/* Returns 0 or -1 with errno. */
static int try_local(struct statsd *statsd, const char *line, size_t length)
{
    statsd_flush(statsd);
    if (statsd->rest) {
        errno = EAGAIN;
        return -1;
    }
    if (statsd->socket < 0 && connect_local(statsd) < 0)
        return -1;
    return send_on_socket(statsd, line, length);
}

static int send_local(struct statsd *statsd, const char *line, size_t length, struct error *error)
{
    bool connected = statsd->socket >= 0;
    if (try_local(statsd, line, length) == 0)
        return 0;
    int reason = errno;
    if (connection_is_broken(reason)) {
        disconnect(statsd);
        if (connected) {
            if (try_local(statsd, line, length) == 0)
                return 0;
            reason = errno;
        }
    }
    return drop(statsd, reason, error);
}

/* Connects to the present address of the name. Returns 0 with a socket, or without one during the
 * first look-up. */
static int connect_udp(struct statsd *statsd, struct error *error)
{
    lookup_start(statsd->lookup);
    if (lookup_take(statsd->lookup, &statsd->target))
        disconnect(statsd);
    if (statsd->socket >= 0)
        return 0;
    if (statsd->target.length == 0) {
        statsd->dropped++;
        return lookup_failed(statsd->lookup, error) ? error_prefix(error, "metrics.statsd") : 0;
    }
    /* A connected UDP socket reports refusals. connect(2) sends nothing. */
    if (connect_to(statsd, SOCK_DGRAM, (const struct sockaddr *)&statsd->target.socket,
                   statsd->target.length) < 0)
        return drop(statsd, errno, error);
    return 0;
}

static int send_udp(struct statsd *statsd, const char *line, size_t length, struct error *error)
{
    if (send_on_socket(statsd, line, length) == 0)
        return 0;
    /* The refusal belongs to the previous line, which was counted as sent; this line takes its
     * place in the count. */
    int reason = errno;
    if (reason == ECONNREFUSED && send(statsd->socket, line, length, MSG_NOSIGNAL) < 0)
        statsd->dropped++;
    return drop(statsd, reason, error);
}

int statsd_send(struct statsd *statsd, const char *line, size_t length, struct error *error)
{
    switch (statsd->kind) {
    case STATSD_OFF:
        return 0;
    case STATSD_LOCAL:
        return send_local(statsd, line, length, error);
    case STATSD_UDP:
        break;
    }
    if (connect_udp(statsd, error) < 0)
        return -1;
    return statsd->socket < 0 ? 0 : send_udp(statsd, line, length, error);
}

int statsd_waiting(const struct statsd *statsd)
{
    return statsd->rest ? statsd->socket : -1;
}

bool statsd_needs_names(const struct statsd *statsd)
{
    return statsd->lookup && lookup_needs_names(statsd->lookup);
}

uint64_t statsd_lookup_failures(const struct statsd *statsd)
{
    return statsd->lookup ? lookup_failures(statsd->lookup) : 0;
}
