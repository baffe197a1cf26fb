/* SPDX-License-Identifier: Apache-2.0 */
/* listener.c - binds the listening socket, or takes it over from the service manager. */
#include "api/http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "mimo/cleanup.h"

enum { BACKLOG = 511, HOST_SIZE = 256 };

/* Splits "HOST:PORT" or "[ADDRESS]:PORT"; `host` has HOST_SIZE bytes. */
static int split_address(const char *address, char *host, const char **ret_port,
                         struct error *error)
{
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : 0;
    const char *start = address;
    if (length >= 2 && address[0] == '[' && colon[-1] == ']') {
        start++;
        length -= 2;
    }
    if (length == 0 || length >= HOST_SIZE || !colon[1])
        return error_set(
            error, ERROR_INVALID,
            "api.listen: \"%s\" is not HOST:PORT, such as 127.0.0.1:8443 or [::1]:8443", address);
    memcpy(host, start, length);
    host[length] = '\0';
    *ret_port = colon + 1;
    return 0;
}

static int bind_one(const struct addrinfo *info)
{
    cleanup_fd int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                               info->ai_protocol);
    int yes = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -1;
    return take_fd(&fd);
}

static int bind_address(const char *address, struct error *error)
{
    char host[HOST_SIZE];
    const char *port = NULL;
    struct addrinfo *found;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    if (split_address(address, host, &port, error) < 0)
        return -1;
    int status = getaddrinfo(host, port, &hints, &found);
    if (status != 0)
        return error_set(error, ERROR_INVALID, "api.listen: cannot resolve %s: %s", address,
                         gai_strerror(status));
    int fd = -1;
    for (const struct addrinfo *info = found; info && fd < 0; info = info->ai_next)
        fd = bind_one(info);
    int problem = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return error_set_system(error, problem, "api.listen: cannot listen on %s", address);
    return fd;
}

#ifdef HAVE_SYSTEMD
/* -1: refused. 0: none was passed. 1: *ret_fd. */
static int take_passed(int *ret_fd, struct error *error)
{
    int count = sd_listen_fds(1);
    if (count < 0)
        return error_set_system(error, -count, "cannot take over the service manager's sockets");
    if (count == 0)
        return 0;
    if (count > 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
        return error_set(error, ERROR_INVALID,
                         "the service manager passed %d sockets; one listening stream socket is "
                         "expected (ListenStream= in mimo-api.socket)",
                         count);
    *ret_fd = SD_LISTEN_FDS_START;
    int flags = fcntl(*ret_fd, F_GETFL);
    if (flags < 0 || fcntl(*ret_fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return error_set_system(error, errno, "cannot set up the service manager's socket");
    return 1;
}
#endif

int listener_open(const char *address, struct listener *ret_listener, struct error *error)
{
    *ret_listener = (struct listener){.fd = -1};
#ifdef HAVE_SYSTEMD
    int passed = take_passed(&ret_listener->fd, error);
    ret_listener->passed = passed > 0;
    if (passed != 0)
        return passed < 0 ? -1 : 0;
#endif
    ret_listener->fd = bind_address(address, error);
    return ret_listener->fd < 0 ? -1 : 0;
}

bool listener_is_local(const struct listener *listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    if (getsockname(listener->fd, (struct sockaddr *)&address, &length) < 0)
        return false;
    if (address.ss_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, &address, sizeof(four));
        return ntohl(four.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, &address, sizeof(six));
        return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
    }
    return address.ss_family == AF_UNIX;
}

void listener_refuse(const struct listener *listener)
{
    if (!listener->passed)
        shutdown(listener->fd, SHUT_RDWR);
}

const char *listener_address(int fd, char *buffer)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char host[NI_MAXHOST], port[NI_MAXSERV];
    snprintf(buffer, LISTENER_ADDRESS_SIZE, "?");
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
        getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return buffer;
    bool six = address.ss_family == AF_INET6;
    snprintf(buffer, LISTENER_ADDRESS_SIZE, "%s%.255s%s:%.31s", six ? "[" : "", host,
             six ? "]" : "", port);
    return buffer;
}
