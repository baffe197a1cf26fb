/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and ending launcher and metrics helper. */
#include "supervisor/family.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/process.h"

enum {
    FAMILY_CHANNEL = 3,  /* the descriptor on which a member of the family finds its channel */
    FAMILY_GRACE = 5000, /* milliseconds until a member that does not end is killed */
    FAMILY_EXEC_FAILED = 127,
};

/* In the child: becomes the program. The channel moves to its fixed number, all else closes on
 * exec. */
static _Noreturn void become(const char *path, char **argv, int channel)
{
    if (channel == FAMILY_CHANNEL)
        fcntl(channel, F_SETFD, 0);
    else if (dup2(channel, FAMILY_CHANNEL) < 0)
        _exit(FAMILY_EXEC_FAILED);
    execv(path, argv);
    dprintf(STDERR_FILENO, "mimod: cannot start %s: %s\n", path, strerror(errno));
    _exit(FAMILY_EXEC_FAILED);
}

/* NAME --channel 3 and the supervisor's own arguments. The array is the caller's, the texts are
 * not. */
static char **build_arguments(char *name, const char *const *arguments)
{
    static char option[] = "--channel";
    static char number[] = "3"; /* FAMILY_CHANNEL */
    size_t count = 0;
    while (arguments[count])
        count++;
    char **argv = calloc(count + 4, sizeof(*argv));
    if (!argv)
        return NULL;
    argv[0] = name;
    argv[1] = option;
    argv[2] = number;
    memcpy(argv + 3, arguments, count * sizeof(*argv));
    return argv;
}

static int start_member(const char *program, const char *const *arguments, int *ret_socket,
                        pid_t *ret_pid, struct error *error)
{
    char path[4096];
    if (process_find_sibling(program, path, sizeof(path), error) < 0)
        return -1;

    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return error_set_system(error, errno, "cannot make the channel to %s", program);
    cleanup_fd int ours = sockets[0];
    cleanup_fd int theirs = sockets[1];
    cleanup_free char **argv = build_arguments(path, arguments);
    if (!argv)
        return error_set(error, ERROR_LIMIT, "out of memory");
    if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
        return error_set_system(error, errno, "cannot use the channel to %s", program);

    pid_t pid = fork();
    if (pid < 0)
        return error_set_system(error, errno, "cannot start %s", program);
    if (pid == 0)
        become(path, argv, theirs);
    *ret_socket = take_fd(&ours);
    *ret_pid = pid;
    return 0;
}

int family_start(struct family *family, const char *const *arguments, struct error *error)
{
    *family = (struct family){.launcher_socket = -1, .metrics_socket = -1};
    if (start_member("mimo-launcher", arguments, &family->launcher_socket, &family->launcher,
                     error) < 0 ||
        start_member("mimo-metrics", arguments, &family->metrics_socket, &family->metrics, error) <
            0) {
        family_stop(family);
        return -1;
    }
    return 0;
}

static void stop_member(int *socket, pid_t *pid)
{
    if (*socket >= 0)
        close(take_fd(socket));
    if (*pid <= 0)
        return;
    cleanup_fd int handle = (int)syscall(SYS_pidfd_open, *pid, 0);
    struct pollfd ended = {.fd = handle, .events = POLLIN};
    if (handle >= 0 && poll(&ended, 1, FAMILY_GRACE) == 0)
        kill(*pid, SIGKILL); /* refused when it runs as another user: then it is waited for */
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *pid = 0;
}

void family_stop(struct family *family)
{
    stop_member(&family->launcher_socket, &family->launcher);
    stop_member(&family->metrics_socket, &family->metrics);
}
