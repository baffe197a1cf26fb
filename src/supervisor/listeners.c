/* SPDX-License-Identifier: Apache-2.0 */
/* listeners.c - wake and control socket: made, given to their groups, and their peers checked. */
#include "supervisor/listeners.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/control.h"
#include "mimo/io.h"

enum { GROUP_BUFFER_MAXIMUM = 1024 * 1024, PEER_GROUPS_MAXIMUM = 65536 };

static int read_number(const char *name, gid_t *ret_gid, struct error *error)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(name, &end, 10);
    if (errno != 0 || *end != '\0' || number >= (gid_t)-1)
        return error_set(error, ERROR_INVALID, "\"%.64s\" is neither a group's name nor its number",
                         name);
    *ret_gid = (gid_t)number;
    return 0;
}

/* Looks up a group by name, or takes a number. */
static int find_group(const char *name, gid_t *ret_gid, struct error *error)
{
    cleanup_free char *buffer = NULL;
    struct group entry, *found = NULL;
    int result = ERANGE;
    if (isdigit((unsigned char)*name))
        return read_number(name, ret_gid, error);
    for (size_t size = 1024; result == ERANGE && size <= GROUP_BUFFER_MAXIMUM; size *= 2) {
        free(take_pointer(&buffer));
        buffer = malloc(size);
        if (!buffer)
            return error_set_memory(error);
        result = getgrnam_r(name, &entry, buffer, size, &found);
    }
    if (result != 0)
        return error_set_system(error, result, "cannot look up group \"%.64s\"", name);
    if (!found)
        return error_set(error, ERROR_NOT_FOUND, "there is no group \"%.64s\"", name);
    *ret_gid = entry.gr_gid;
    return 0;
}

/* Gives the file of a socket away. By descriptor, so that nobody can put another file in its place
 * meanwhile. (uid_t)-1 and (gid_t)-1 leave as is. */
static int give(const char *path, uid_t uid, gid_t gid, struct error *error)
{
    struct stat status;
    cleanup_fd int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) < 0)
        return error_set_system(error, errno, "cannot stat socket %s", path);
    if (!S_ISSOCK(status.st_mode))
        return error_set(error, ERROR_CONFLICT, "%s is no longer a socket", path);
    if (fchownat(file, "", uid, gid, AT_EMPTY_PATH) < 0)
        return error_set_system(error, errno, "cannot give socket %s to its user and group", path);
    return 0;
}

static int open_wake(struct listeners *listeners, const struct identity *owner, struct error *error)
{
    listeners->wake = io_listen_unix(listeners->wake_path, SOCK_DGRAM, 0660, error);
    if (listeners->wake < 0)
        return -1;
    return owner ? give(listeners->wake_path, owner->uid, owner->gid, error) : 0;
}

static int open_control(struct listeners *listeners, const struct identity *owner,
                        struct error *ret_problem, struct error *error)
{
    const uid_t uid = owner ? owner->uid : (uid_t)-1;
    const gid_t otherwise = owner ? owner->gid : (gid_t)-1;
    mode_t mode = listeners->has_operators ? 0660 : 0600;
    listeners->control = io_listen_unix(listeners->control_path, SOCK_STREAM, mode, error);
    if (listeners->control < 0)
        return -1;
    if (!listeners->has_operators)
        return owner ? give(listeners->control_path, uid, otherwise, error) : 0;
    if (give(listeners->control_path, uid, listeners->operators, ret_problem) == 0)
        return 0;
    /* Not root, and not in the group. */
    listeners->has_operators = false;
    if (chmod(listeners->control_path, 0600) < 0)
        return error_set_system(error, errno, "cannot set the mode of socket %s",
                                listeners->control_path);
    return 0;
}

int listeners_open(struct listeners *listeners, const char *directory, int index, const char *group,
                   const struct identity *owner, struct error *ret_problem, struct error *error)
{
    *listeners = (struct listeners){.wake = -1, .control = -1};
    *ret_problem = (struct error){.kind = ERROR_NONE};
    snprintf(listeners->wake_path, sizeof(listeners->wake_path),
             "%s/actuator-%d" CONTROL_WAKE_SUFFIX, directory, index);
    snprintf(listeners->control_path, sizeof(listeners->control_path),
             "%s/actuator-%d" CONTROL_SUFFIX, directory, index);
    if (*group)
        listeners->has_operators = find_group(group, &listeners->operators, ret_problem) == 0;
    if (open_wake(listeners, owner, error) == 0 &&
        open_control(listeners, owner, ret_problem, error) == 0)
        return 0;
    listeners_close(listeners);
    return -1;
}

/* True when the peer's group or one of its supplementary groups is this one. */
static bool has_group(int connection, const struct ucred *peer, gid_t group)
{
    if (peer->gid == group)
        return true;
    socklen_t size = 0; /* asks for the size first */
    if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
        return false; /* it has none */
    if (size > PEER_GROUPS_MAXIMUM * sizeof(gid_t))
        return false;
    cleanup_free gid_t *groups = malloc(size);
    if (!groups || getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return false;
    for (size_t i = 0; i < size / sizeof(*groups); i++)
        if (groups[i] == group)
            return true;
    return false;
}

int listeners_check_peer(const struct listeners *listeners, int connection, struct error *error)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return error_set_system(error, errno, "cannot identify the peer");
    if (peer.uid == 0 || peer.uid == geteuid())
        return 0;
    if (listeners->has_operators && has_group(connection, &peer, listeners->operators))
        return 0;
    return error_set(
        error, ERROR_DENIED,
        "user %u may not use the control socket: root, the actuator's user and members "
        "of actuator.operators_group may",
        peer.uid);
}

void listeners_close(struct listeners *listeners)
{
    if (listeners->wake >= 0) {
        close(take_fd(&listeners->wake));
        unlink(listeners->wake_path);
    }
    if (listeners->control >= 0) {
        close(take_fd(&listeners->control));
        unlink(listeners->control_path);
    }
}
