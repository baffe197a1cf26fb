/* SPDX-License-Identifier: Apache-2.0 */
/* attempt_cgroup.c - making, limiting, ending and removing the cgroups of attempts. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/attempt_cgroup.h"
#include "mimo/cgroup.h"
#include "mimo/cleanup.h"
#include "mimo/log.h"

enum { NAME_SIZE = 17, TRY_PATIENCE = 5000 /* milliseconds */ };

/* No attempt has this token. */
static const struct launcher_launch trial = {.token = 0, .attempt_memory = UINT64_C(1) << 30};

static const char *name_of(uint64_t token, char *buffer)
{
    snprintf(buffer, NAME_SIZE, "%016" PRIx64, token);
    return buffer;
}

static int open_cgroup(const struct workplace *workplace, uint64_t token)
{
    char name[NAME_SIZE];
    return openat(workplace->cgroup, name_of(token, name), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* With the worker; of a task whose steps are programs also with guard and runner. */
static uint64_t process_count(const struct launcher_launch *order)
{
    return order->processes > 0 ? (uint64_t)order->processes + 2 : 1;
}

static int write_number(int directory, const char *file, uint64_t number, struct error *error)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    return cgroup_write(directory, file, text, error);
}

/* Memory that is full ends the attempt as a whole: a worker without its program, or the other way
 * round, is of no use. Swap would only delay that, and would bring credentials to a disk; kernels
 * without swap do not have the file. */
static int limit(int directory, unsigned limits, const struct launcher_launch *order,
                 struct error *error)
{
    struct error no_swap;
    if (limits & CGROUP_MEMORY) {
        if (write_number(directory, "memory.max", order->attempt_memory, error) < 0 ||
            cgroup_write(directory, "memory.oom.group", "1", error) < 0)
            return -1;
        cgroup_write(directory, "memory.swap.max", "0", &no_swap);
    }
    if (limits & CGROUP_PIDS)
        return write_number(directory, "pids.max", process_count(order), error);
    return 0;
}

/* As _Fork(). Raw: the C library has no call for it. A migration after the fork would make the
 * kernel wait for all its processors. */
static pid_t fork_into(int directory)
{
    struct clone_args arguments = {
        .flags = CLONE_INTO_CGROUP,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)directory,
    };
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static pid_t fork_limited(const struct workplace *workplace, const struct launcher_launch *order,
                          struct error *error)
{
    cleanup_fd int directory = open_cgroup(workplace, order->token);
    if (directory < 0)
        return error_set_system(error, errno, "cannot open the cgroup of an attempt");
    if (limit(directory, workplace->cgroup_limits, order, error) < 0)
        return -1;
    pid_t pid = fork_into(directory);
    return pid < 0 ? error_set_system(error, errno, "cannot fork into the cgroup of an attempt")
                   : pid;
}

static pid_t make_and_fork(const struct workplace *workplace, const struct launcher_launch *order,
                           struct error *error)
{
    char name[NAME_SIZE];
    if (mkdirat(workplace->cgroup, name_of(order->token, name), 0700) < 0)
        return error_set_system(error, errno, "cannot create the cgroup of an attempt");
    pid_t pid = fork_limited(workplace, order, error);
    int reason = errno;
    if (pid < 0)
        unlinkat(workplace->cgroup, name, AT_REMOVEDIR);
    errno = reason;
    return pid;
}

pid_t attempt_cgroup_fork(const struct workplace *workplace, const struct launcher_launch *order)
{
    struct error error;
    pid_t pid = make_and_fork(workplace, order, &error);
    int reason = errno;
    if (pid < 0)
        log_error("%s", error.message);
    errno = reason;
    return pid;
}

void attempt_cgroup_kill(const struct workplace *workplace, uint64_t token)
{
    struct error error;
    cleanup_fd int directory = open_cgroup(workplace, token);
    if (directory >= 0 && cgroup_kill(directory, &error) < 0)
        log_error("cannot kill an attempt by its cgroup: %s", error.message);
}

uint32_t attempt_cgroup_reached(const struct workplace *workplace, uint64_t token)
{
    cleanup_fd int directory = workplace->cgroup_limits ? open_cgroup(workplace, token) : -1;
    uint32_t reached = 0;
    if (directory < 0)
        return 0;
    if (workplace->cgroup_limits & CGROUP_MEMORY &&
        cgroup_read_number(directory, "memory.events", "oom_kill") > 0)
        reached |= LAUNCHER_CGROUP_MEMORY;
    if (workplace->cgroup_limits & CGROUP_PIDS &&
        cgroup_read_number(directory, "pids.events", "max") > 0)
        reached |= LAUNCHER_CGROUP_PROCESSES;
    return reached;
}

bool attempt_cgroup_remove(const struct workplace *workplace, uint64_t token)
{
    char name[NAME_SIZE];
    return unlinkat(workplace->cgroup, name_of(token, name), AT_REMOVEDIR) == 0 || errno != EBUSY;
}

static _Noreturn void wait_for_death(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        pause();
}

static int try_once(const struct workplace *workplace, struct error *error)
{
    char name[NAME_SIZE];
    pid_t pid = make_and_fork(workplace, &trial, error);
    if (pid == 0)
        wait_for_death();
    if (pid < 0)
        return -1;
    int result = cgroup_remove(workplace->cgroup, name_of(trial.token, name), TRY_PATIENCE, error);
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return result;
}

void attempt_cgroup_try(struct workplace *workplace)
{
    struct error error;
    if (workplace->cgroup < 0)
        return;
    workplace->cgroup_limits = cgroup_enabled(workplace->cgroup);
    if (try_once(workplace, &error) == 0)
        return;
    log_notice("attempts get no cgroups of their own: %s", error.message);
    close(take_fd(&workplace->cgroup));
    workplace->cgroup_limits = 0;
}
