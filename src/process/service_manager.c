/* SPDX-License-Identifier: Apache-2.0 */
/* service_manager.c - datagrams to the service manager (sd_notify(3)). */
#include "mimo/service_manager.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "mimo/cleanup.h"

/* Fills in the address; returns its length, or 0 if `name` is not an address. A name that begins
 * with "@" is not a file: its first byte is NUL. */
static socklen_t fill_address(const char *name, struct sockaddr_un *address)
{
    size_t length = name ? strlen(name) : 0;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length < 2 || length >= sizeof(address->sun_path) || (*name != '/' && *name != '@'))
        return 0;
    memcpy(address->sun_path, name, length);
    if (*name == '@')
        *address->sun_path = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*name == '/'));
}

bool service_manager_tell(const char *state)
{
    struct sockaddr_un address;
    socklen_t length = fill_address(getenv("NOTIFY_SOCKET"), &address);
    if (length == 0)
        return true;
    cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    ssize_t sent = sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
                          (const struct sockaddr *)&address, length);
    return sent >= 0 || (errno != EAGAIN && errno != ENOBUFS);
}
