/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statsd.c - where metrics are sent: a UDP or UNIX datagram socket that never makes us wait.
 */
#include "metrics/statsd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/address.h"
#include "mimo/cleanup.h"

#define UNIX_PREFIX "unix:"
#define UDP_PREFIX  "udp:"

static int datagram_socket(int family, struct error *error)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set_system(error, errno, "cannot make a socket for metrics");
    return fd;
}

static int open_unix(struct statsd *statsd, const char *path, struct error *error)
{
    if (path[0] != '/' || strlen(path) >= sizeof(statsd->path.sun_path))
        return error_set(error, ERROR_INVALID,
                         "metrics.statsd: \"%s\" is not an absolute path of at most %zu bytes",
                         path, sizeof(statsd->path.sun_path) - 1);
    statsd->path.sun_family = AF_UNIX;
    strcpy(statsd->path.sun_path, path);
    statsd->socket = datagram_socket(AF_UNIX, error);
    return statsd->socket < 0 ? -1 : 0;
}

static int open_udp(struct statsd *statsd, const char *host_and_port, struct error *error)
{
    struct address address;
    if (address_resolve(host_and_port, &address, error) < 0)
        return error_prefix(error, "metrics.statsd");
    cleanup_fd int fd = datagram_socket(address.socket.ss_family, error);
    if (fd < 0)
        return -1;
    /* Connected, so that the kernel tells us when nobody listens. Sends nothing yet. */
    if (connect(fd, (const struct sockaddr *)&address.socket, address.length) < 0)
        return error_set_system(error, errno, "metrics.statsd: no way to %s", host_and_port);
    statsd->socket = take_fd(&fd);
    return 0;
}

int statsd_open(struct statsd *statsd, const char *address, struct error *error)
{
    *statsd = (struct statsd){.address = address, .socket = -1};
    if (strcmp(address, "off") == 0)
        return 0;
    if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        return open_unix(statsd, address + strlen(UNIX_PREFIX), error);
    if (strncmp(address, UDP_PREFIX, strlen(UDP_PREFIX)) == 0)
        return open_udp(statsd, address + strlen(UDP_PREFIX), error);
    return error_set(error, ERROR_INVALID,
                     "metrics.statsd: \"%s\" is none of unix:/PATH, udp:HOST:PORT, off", address);
}

void statsd_close(struct statsd *statsd)
{
    if (statsd->socket >= 0)
        close(statsd->socket);
    statsd->socket = -1;
}

static ssize_t send_datagram(const struct statsd *statsd, const char *line, size_t length)
{
    bool to_path = statsd->path.sun_family == AF_UNIX;
    const struct sockaddr *target = to_path ? (const struct sockaddr *)&statsd->path : NULL;
    socklen_t target_length = to_path ? sizeof(statsd->path) : 0;
    return sendto(statsd->socket, line, length, MSG_DONTWAIT | MSG_NOSIGNAL, target, target_length);
}

static int drop(struct statsd *statsd, int errnum, struct error *error)
{
    statsd->dropped++;
    if (errnum == EAGAIN)
        return error_set(error, ERROR_UNAVAILABLE, "%s does not keep up with reading",
                         statsd->address);
    return error_set_system(error, errnum, "cannot send to %s", statsd->address);
}

int statsd_send(struct statsd *statsd, const char *line, size_t length, struct error *error)
{
    if (statsd->socket < 0)
        return 0;
    if (send_datagram(statsd, line, length) >= 0) {
        statsd->sent++;
        return 0;
    }
    int reason = errno;
    /* UDP: the refusal is about the line before, which was counted as sent; this one was not tried
     * yet and takes its place in the count. */
    bool late_news = reason == ECONNREFUSED && statsd->path.sun_family != AF_UNIX;
    if (late_news && send_datagram(statsd, line, length) < 0)
        statsd->dropped++;
    return drop(statsd, reason, error);
}
