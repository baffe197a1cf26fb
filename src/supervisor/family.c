/* SPDX-License-Identifier: Apache-2.0 */
/* family.c - starting and ending launcher and keeper. */
#include "supervisor/family.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mimo/cgroup.h"
#include "mimo/cleanup.h"
#include "mimo/process.h"
#include "supervisor/keeper.h"

enum {
    FAMILY_CHANNEL = 3,  /* the descriptor on which a member of the family finds its channel */
    FAMILY_LOCK = 4,     /* and the launcher the lock */
    FAMILY_CGROUP = 5,   /* and the directory of cgroups */
    FAMILY_PLACES = 6,   /* one more than the last of them */
    FAMILY_GRACE = 5000, /* milliseconds until a member that does not end is killed */
    FAMILY_EXEC_FAILED = 127,
};

struct birth;

/* What a child that was just forked needs to become a member of the family. */
struct member {
    const char *program;
    const char *const *places; /* arguments that say which descriptor is what, NULL-terminated */
    void (*become)(const struct birth *birth); /* does not return */
};

struct birth {
    const char *path; /* of the program */
    char **argv;
    int channel;
    int lock; /* -1: none */
    struct family_cgroup cgroup;
    const char *metrics_user; /* whom the metrics helper runs as */
};

/* Moves a descriptor to its place, where it is not closed on exec. */
static bool put_in_place(int fd, int place)
{
    return fd < 0 || dup2(fd, place) == place;
}

/* -1 stays -1; -2: failed. */
static int move_away(int fd)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FAMILY_PLACES);
    return fd >= 0 && moved < 0 ? -2 : moved;
}

/* In the child: moves its descriptors to their places, by way of numbers that are nobody's place. */
static void place_descriptors(const struct birth *birth)
{
    int far_channel = fcntl(birth->channel, F_DUPFD_CLOEXEC, FAMILY_PLACES);
    int far_lock = move_away(birth->lock);
    int far_cgroup = move_away(birth->cgroup.place);
    if (far_channel < 0 || far_lock < -1 || far_cgroup < -1 ||
        !put_in_place(far_channel, FAMILY_CHANNEL) || !put_in_place(far_lock, FAMILY_LOCK) ||
        !put_in_place(far_cgroup, FAMILY_CGROUP))
        _exit(FAMILY_EXEC_FAILED);
}

/* In the child: all descriptors but those in their places close on exec. */
static _Noreturn void become_launcher(const struct birth *birth)
{
    struct error error;
    if (birth->cgroup.launcher >= 0 && cgroup_enter(birth->cgroup.launcher, &error) < 0) {
        dprintf(STDERR_FILENO, "mimod: the launcher's cgroup: %s\n", error.message);
        _exit(FAMILY_EXEC_FAILED);
    }
    place_descriptors(birth);
    execv(birth->path, birth->argv);
    dprintf(STDERR_FILENO, "mimod: cannot start %s: %s\n", birth->path, strerror(errno));
    _exit(FAMILY_EXEC_FAILED);
}

static _Noreturn void become_keeper(const struct birth *birth)
{
    place_descriptors(birth);
    keeper_run(&(struct keeper){.program = birth->path,
                                .argv = birth->argv,
                                .user = birth->metrics_user,
                                .channel = FAMILY_CHANNEL});
}

static const struct member launcher_member = {
    "mimo-launcher", (const char *const[]){"--channel", "3", "--lock", "4", NULL}, become_launcher};
static const struct member launcher_member_with_cgroup = {
    "mimo-launcher", (const char *const[]){"--channel", "3", "--lock", "4", "--cgroup", "5", NULL},
    become_launcher};
static const struct member metrics_member = {
    "mimo-metrics", (const char *const[]){"--channel", "3", NULL}, become_keeper};

static size_t count_texts(const char *const *texts)
{
    size_t count = 0;
    while (texts[count])
        count++;
    return count;
}

/* NAME, the places, and the supervisor's own arguments. The array is the caller's, the texts are
 * not. */
static char **build_arguments(char *name, const char *const *places, const char *const *arguments)
{
    size_t place_count = count_texts(places);
    size_t count = count_texts(arguments);
    char **argv = calloc(1 + place_count + count + 1, sizeof(*argv));
    if (!argv)
        return NULL;
    argv[0] = name;
    memcpy(argv + 1, places, place_count * sizeof(*argv));
    memcpy(argv + 1 + place_count, arguments, count * sizeof(*argv));
    return argv;
}

static int start_member(const struct member *member, const char *const *arguments,
                        struct birth birth, int *ret_socket, pid_t *ret_pid, struct error *error)
{
    const char *program = member->program;
    char path[4096];
    if (process_find_sibling(program, path, sizeof(path), error) < 0)
        return -1;

    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return error_set_system(error, errno, "cannot create the channel to %s", program);
    cleanup_fd int ours = sockets[0];
    cleanup_fd int theirs = sockets[1];
    cleanup_free char **argv = build_arguments(path, member->places, arguments);
    if (!argv)
        return error_set_memory(error);
    if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
        return error_set_system(error, errno, "cannot use the channel to %s", program);

    birth.path = path;
    birth.argv = argv;
    birth.channel = theirs;
    pid_t pid = fork();
    if (pid < 0)
        return error_set_system(error, errno, "cannot start %s", program);
    if (pid == 0)
        member->become(&birth);
    *ret_socket = take_fd(&ours);
    *ret_pid = pid;
    return 0;
}

int family_start(struct family *family, const char *const *arguments, int lock,
                 const char *metrics_user, struct error *error)
{
    static const struct family_cgroup no_cgroup = {.place = -1, .launcher = -1, .kill = -1};
    *family =
        (struct family){.cgroup = family->cgroup, .launcher_socket = -1, .metrics_socket = -1};
    const struct birth launcher = {.lock = lock, .cgroup = family->cgroup};
    const struct birth keeper = {.lock = -1, .cgroup = no_cgroup, .metrics_user = metrics_user};
    const struct member *launcher_kind =
        family->cgroup.place < 0 ? &launcher_member : &launcher_member_with_cgroup;
    if (start_member(launcher_kind, arguments, launcher, &family->launcher_socket,
                     &family->launcher, error) < 0 ||
        start_member(&metrics_member, arguments, keeper, &family->metrics_socket, &family->keeper,
                     error) < 0) {
        family_stop(family);
        return -1;
    }
    return 0;
}

/* Ends a member that does not end by itself. kill(2) is refused for the launcher, which runs as
 * another user: without a cgroup it can only be waited for. */
static void kill_member(const struct family_cgroup *cgroup, pid_t pid)
{
    if (kill(pid, SIGKILL) < 0)
        family_cgroup_kill(cgroup);
}

static void stop_member(const struct family_cgroup *cgroup, int *socket, pid_t *pid)
{
    if (*socket >= 0)
        close(take_fd(socket));
    if (*pid <= 0)
        return;
    cleanup_fd int handle = (int)syscall(SYS_pidfd_open, *pid, 0);
    struct pollfd ended = {.fd = handle, .events = POLLIN};
    if (handle >= 0 && poll(&ended, 1, FAMILY_GRACE) == 0)
        kill_member(cgroup, *pid);
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *pid = 0;
}

void family_stop(struct family *family)
{
    stop_member(&family->cgroup, &family->launcher_socket, &family->launcher);
    stop_member(&family->cgroup, &family->metrics_socket, &family->keeper);
    family_cgroup_close(&family->cgroup);
}
