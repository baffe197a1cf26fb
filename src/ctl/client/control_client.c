/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_client.c - requests to the supervisors on this machine, over the sockets of control.h.
 */
#include "ctl/client/control_client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/control.h"
#include "mimo/document.h"

/* Connects to a socket. The path of its folder may be longer than a socket address can hold. */
static int connect_in(const char *directory, const char *name)
{
    cleanup_fd int folder = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = CONTROL_PATIENCE_SECONDS};
    if (folder < 0 || fd < 0)
        return -1;
    if (snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder, name) >=
        (int)sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return take_fd(&fd);
}

static int explain_connect(const char *directory, const char *name, int errnum, struct error *error)
{
    if (errnum == EACCES || errnum == EPERM)
        return error_set(error, ERROR_DENIED,
                         "%s/%s: permission denied; use sudo, or become a member of its group",
                         directory, name);
    if (errnum == ECONNREFUSED)
        return error_set(error, ERROR_NOT_FOUND,
                         "%s/%s is left over from an actuator that does not run", directory, name);
    if (errnum == ENOENT)
        return error_set(error, ERROR_UNAVAILABLE,
                         "%s/%s: there is no such actuator on this machine; mimoctl ps -o wide "
                         "shows those that run",
                         directory, name);
    error_set_system(error, errnum, "cannot connect to %s/%s", directory, name);
    if (error->kind == ERROR_SYSTEM || error->kind == ERROR_NOT_FOUND)
        error->kind = ERROR_UNAVAILABLE;
    return -1;
}

/* Reads up to the newline of one answer. */
static int read_line(int fd, char *line, size_t size, size_t *ret_length, struct error *error)
{
    size_t length = 0;
    while (length < size) {
        ssize_t received = recv(fd, line + length, size - length, 0);
        if (received < 0 && errno == EINTR)
            continue;
        if (received < 0 && errno == EAGAIN)
            return error_set(error, ERROR_UNAVAILABLE,
                             "does not answer within %d s; mimod may hang: see its log",
                             CONTROL_PATIENCE_SECONDS);
        if (received <= 0)
            return error_set(error, ERROR_UNAVAILABLE, "closed the connection without an answer");
        const char *end = memchr(line + length, '\n', (size_t)received);
        length += (size_t)received;
        if (end) {
            *ret_length = (size_t)(end - line);
            return 0;
        }
    }
    return error_set(error, ERROR_UNAVAILABLE, "answers with a line of more than %zu bytes", size);
}

static int converse(int fd, const char *command, struct json_object **ret_answer,
                    struct error *error)
{
    char request[64];
    size_t length = 0;
    cleanup_free char *line = malloc(CONTROL_LINE_MAXIMUM);
    if (!line)
        return error_set_system(error, ENOMEM, "cannot read");
    snprintf(request, sizeof(request), "{\"command\":\"%s\"}\n", command);
    /* The socket's buffer is empty and these few bytes fit, unless the peer has gone. */
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        return error_set(error, ERROR_UNAVAILABLE, "does not accept a request");
    if (read_line(fd, line, CONTROL_LINE_MAXIMUM, &length, error) < 0)
        return -1;
    cleanup_json struct json_object *answer = document_parse(line, length, error);
    if (!answer)
        return -1;
    if (!document_is_true(document_get(answer, "ok")))
        return error_set(error, ERROR_DENIED, "%s", document_string(answer, "error", "refused"));
    *ret_answer = take_pointer(&answer);
    return 0;
}

int control_ask(const char *directory, const char *name, const char *command,
                struct json_object **ret_answer, struct error *error)
{
    cleanup_fd int fd = connect_in(directory, name);
    if (fd < 0)
        return explain_connect(directory, name, errno, error);
    if (converse(fd, command, ret_answer, error) < 0)
        return error_prefix(error, "%s/%s", directory, name);
    return 0;
}

static int is_control(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    size_t suffix = strlen(CONTROL_SUFFIX);
    return length > suffix && strcmp(entry->d_name + length - suffix, CONTROL_SUFFIX) == 0;
}

int control_find(const char *directory, struct json_object **ret_names, struct error *error)
{
    struct dirent **entries = NULL;
    /* versionsort(3): actuator-10 behind actuator-9 */
    int count = scandir(directory, &entries, is_control, versionsort);
    if (count < 0) {
        error_set_system(error, errno, "cannot look for actuators in %s (--runtime-directory)",
                         directory);
        if (error->kind != ERROR_DENIED)
            error->kind = ERROR_UNAVAILABLE;
        return -1;
    }
    struct json_object *names = json_object_new_array();
    for (int i = 0; i < count; i++) {
        document_append(names, document_new_string(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    if (count == 0) {
        json_object_put(names);
        return error_set(
            error, ERROR_UNAVAILABLE,
            "no actuator has a control socket in %s: check that mimod runs on this machine and "
            "that its actuator.runtime_directory is this one (--runtime-directory, "
            "MIMO_RUNTIME_DIRECTORY)",
            directory);
    }
    *ret_names = names;
    return 0;
}
