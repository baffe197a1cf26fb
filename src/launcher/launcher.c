/* SPDX-License-Identifier: Apache-2.0 */
/* launcher.c - the launcher's loop. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/attempt_cgroup.h"
#include "launcher/launcher.h"
#include "mimo/cgroup.h"
#include "mimo/cleanup.h"
#include "mimo/log.h"

/* Messages that are handled before ended workers are reaped. */
enum { BURST = 64 };

/* Milliseconds between two looks at attempts of which processes are left although they were killed. */
enum { LEFT_PAUSE = 10 };

/* Waits while the channel is full: the supervisor always reads, and never waits for the launcher.
 */
static int send_message(struct launcher *launcher, const struct launcher_message *message,
                        struct error *error)
{
    while (launcher_channel_send(launcher->channel, message, error) < 0) {
        if (error->kind != ERROR_BUSY)
            return -1;
        struct pollfd writable = {.fd = launcher->channel, .events = POLLOUT};
        if (poll(&writable, 1, -1) < 0 && errno != EINTR)
            return error_set_system(error, errno, "cannot wait for the channel");
    }
    return 0;
}

static uint32_t describe_cgroup(const struct workplace *workplace)
{
    uint32_t limits = 0;
    if (workplace->cgroup < 0)
        return 0;
    if (workplace->cgroup_limits & CGROUP_MEMORY)
        limits |= LAUNCHER_CGROUP_MEMORY;
    if (workplace->cgroup_limits & CGROUP_PIDS)
        limits |= LAUNCHER_CGROUP_PROCESSES;
    return limits | LAUNCHER_CGROUP_USED;
}

static int send_ready(struct launcher *launcher, struct error *error)
{
    const struct workplace *workplace = launcher->workplace;
    struct launcher_message message = {
        .type = LAUNCHER_READY,
        .ready = {.landlock_abi = (uint32_t)workplace->landlock_abi,
                  .privileged = workplace->users.privileged,
                  .programs = workplace->files.domain_count == 0 ? LAUNCHER_PROGRAMS_NONE
                              : workplace->has_namespaces        ? LAUNCHER_PROGRAMS_IN_NAMESPACE
                                                                 : LAUNCHER_PROGRAMS_IN_GROUP,
                  .cgroup = describe_cgroup(workplace)},
        .job_fd = -1,
        .report_fd = -1,
    };
    if (send_message(launcher, &message, error) < 0)
        return -1;
    launcher->state = LAUNCHER_CHANNEL_READY;
    return 0;
}

static int send_started(struct launcher *launcher, const struct child *child, struct error *error)
{
    struct launcher_message message = {
        .type = LAUNCHER_STARTED,
        .started = {.token = child->token, .pid = child->pid},
        .job_fd = -1,
        .report_fd = -1,
    };
    return send_message(launcher, &message, error);
}

static int send_failed(struct launcher *launcher, uint64_t token, int error_number,
                       struct error *error)
{
    struct launcher_message message = {
        .type = LAUNCHER_FAILED,
        .failed = {.token = token, .error_number = (uint32_t)error_number},
        .job_fd = -1,
        .report_fd = -1,
    };
    return send_message(launcher, &message, error);
}

static uint64_t milliseconds(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_usec / 1000;
}

static int send_ended(struct launcher *launcher, const struct child *child, struct error *error)
{
    struct launcher_message message = {
        .type = LAUNCHER_ENDED,
        .ended = {.token = child->token,
                  .wait_status = child->wait_status,
                  .reached = child->reached,
                  .max_rss_kib = child->max_rss_kib,
                  .cpu_milliseconds = child->cpu_milliseconds},
        .job_fd = -1,
        .report_fd = -1,
    };
    return send_message(launcher, &message, error);
}

/* Why no worker can be made for this order, as errno; 0: one can. */
static int refusal(struct launcher *launcher, const struct launcher_launch *order)
{
    struct identity identity;
    if (launcher->children.count == CHILDREN_MAXIMUM)
        return EAGAIN;
    if (!worker_users_of_slot(&launcher->workplace->users, order->slot, &identity))
        return EUSERS;
    return 0;
}

/* Without the handlers that libraries hang on fork(): those of GnuTLS, which libcurl brings along for
 * a protocol that no worker speaks, would cost each worker a dozen page faults. */
static pid_t fork_worker(const struct workplace *workplace, const struct launcher_launch *order)
{
    return workplace->cgroup < 0 ? _Fork() : attempt_cgroup_fork(workplace, order);
}

static int launch(struct launcher *launcher, const struct launcher_message *message,
                  struct error *error)
{
    const struct launcher_launch *order = &message->launch;
    if (children_by_token(&launcher->children, order->token))
        return error_set(error, ERROR_INVALID, "LAUNCH: token %" PRIu64 " is in use", order->token);
    int refused = refusal(launcher, order);
    if (refused)
        return send_failed(launcher, order->token, refused, error);

    struct worker worker = {
        .workplace = launcher->workplace,
        .order = order,
        .job_fd = message->job_fd,
        .report_fd = message->report_fd,
    };
    pid_t pid = fork_worker(launcher->workplace, order);
    if (pid == 0)
        worker_main(&worker);
    if (pid < 0)
        return send_failed(launcher, order->token, errno, error);
    struct child *child = children_add(&launcher->children, order->token, pid);
    child->runs_programs = order->processes > 0;
    return send_started(launcher, child, error);
}

/* By all means that there are: the cgroup also has processes that left the group. */
static int signal_attempt(const struct launcher *launcher, const struct child *child, int signal)
{
    if (signal == SIGKILL && launcher->workplace->cgroup >= 0)
        attempt_cgroup_kill(launcher->workplace, child->token);
    return child_signal(child, signal);
}

static int forward_signal(struct launcher *launcher, const struct launcher_message *message,
                          struct error *error)
{
    (void)error;
    const struct launcher_signal *order = &message->signal;
    struct child *child = children_by_token(&launcher->children, order->token);
    if (!child || child->has_ended) /* its ENDED is on the way to the supervisor */
        log_debug("SIGNAL: token %" PRIu64 " has ended", order->token);
    else if (signal_attempt(launcher, child, (int)order->signal) < 0)
        log_error("cannot send signal %u to worker %d: %m", (unsigned)order->signal,
                  (int)child->pid);
    return 0;
}

/* All that can be asked of the launcher. */
static const struct {
    enum launcher_message_type type;
    int (*handle)(struct launcher *launcher, const struct launcher_message *message,
                  struct error *error);
} orders[] = {
    {LAUNCHER_LAUNCH, launch},
    {LAUNCHER_SIGNAL, forward_signal},
};

static int handle(struct launcher *launcher, const struct launcher_message *message,
                  struct error *error)
{
    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++)
        if (orders[i].type == message->type)
            return orders[i].handle(launcher, message, error);
    return error_set(error, ERROR_INVALID, "message %d has no handler", (int)message->type);
}

static int take_orders(struct launcher *launcher, struct error *error)
{
    for (int i = 0; i < BURST; i++) {
        struct launcher_message message;
        int received = launcher_channel_receive(launcher->channel, LAUNCHER_SIDE_SUPERVISOR,
                                                &launcher->state, &message, error);
        if (received <= 0)
            return received;
        int result = handle(launcher, &message, error);
        if (message.job_fd >= 0)
            close(message.job_fd);
        if (message.report_fd >= 0)
            close(message.report_fd);
        if (result < 0)
            return -1;
    }
    return 0;
}

static void count_usage(struct child *child, const struct rusage *usage)
{
    uint64_t rss = (uint64_t)usage->ru_maxrss;
    child->max_rss_kib = rss > child->max_rss_kib ? rss : child->max_rss_kib;
    child->cpu_milliseconds += milliseconds(&usage->ru_utime) + milliseconds(&usage->ru_stime);
}

/* Reaps one that has ended: a worker, or what one's programs left to the launcher (the subreaper).
 *
 * The group of a worker that runs programs is killed while the worker is still a zombie, so that its
 * number is nobody else's. Once is enough. In a PID namespace the runner, which cannot leave the
 * group, takes everything along. Without one no program can leave the group either, and a fork that
 * the signal overtakes does not happen. Then all that is left is to wait until they are gone. */
static void reap_one(struct launcher *launcher, pid_t pid)
{
    struct rusage usage;
    int status;
    struct child *worker = children_by_pid(&launcher->children, pid);
    bool is_worker = worker && !worker->has_ended;
    if (is_worker && worker->runs_programs)
        child_signal(worker, SIGKILL);
    if (!is_worker)
        worker = children_by_pid(&launcher->children, getpgid(pid));
    if (wait4(pid, &status, 0, &usage) != pid || !worker)
        return;
    count_usage(worker, &usage);
    if (is_worker) {
        worker->wait_status = status;
        worker->has_ended = true;
    }
}

/* True when no process of an attempt is left whose worker has ended. Kills those that are. */
static bool is_empty(const struct workplace *workplace, struct child *child)
{
    bool has_group = child->runs_programs && child_has_group(child);
    if (workplace->cgroup < 0)
        return !has_group;
    child->reached |= attempt_cgroup_reached(workplace, child->token);
    if (attempt_cgroup_remove(workplace, child->token))
        return !has_group;
    attempt_cgroup_kill(workplace, child->token);
    return false;
}

/* Reports the attempts of which nothing is left. */
static int send_ends(struct launcher *launcher, struct error *error)
{
    struct children *children = &launcher->children;
    launcher->has_left = false;
    for (size_t i = children->count; i-- > 0;) {
        struct child *child = &children->table[i];
        if (!child->has_ended)
            continue;
        if (!is_empty(launcher->workplace, child)) {
            launcher->has_left = launcher->workplace->cgroup >= 0;
            continue;
        }
        struct child ended = *child;
        children_remove(children, child);
        if (send_ended(launcher, &ended, error) < 0)
            return -1;
    }
    return 0;
}

static int reap(struct launcher *launcher, struct error *error)
{
    struct signalfd_siginfo information;
    siginfo_t ended;
    /* One SIGCHLD may stand for several children, so read and ignore it, then wait for all of them. */
    if (read(launcher->signals, &information, sizeof(information)) < 0 && errno != EAGAIN)
        return error_set_system(error, errno, "cannot read signals");
    for (;;) {
        ended.si_pid = 0;
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) < 0 || ended.si_pid == 0)
            break;
        reap_one(launcher, ended.si_pid);
    }
    return send_ends(launcher, error);
}

/* Until something fails; the end of the channel is a failure too. */
static void serve(struct launcher *launcher, struct error *error)
{
    struct pollfd sources[] = {
        {.fd = launcher->channel, .events = POLLIN},
        {.fd = launcher->signals, .events = POLLIN},
    };
    for (;;) {
        int ready = poll(sources, 2, launcher->has_left ? LEFT_PAUSE : -1);
        if (ready < 0 && errno != EINTR) {
            error_set_system(error, errno, "cannot wait for events");
            return;
        }
        if ((sources[1].revents || launcher->has_left) && reap(launcher, error) < 0)
            return;
        if (sources[0].revents && take_orders(launcher, error) < 0)
            return;
    }
}

static void end_workers(struct launcher *launcher)
{
    const struct children *children = &launcher->children;
    for (size_t i = 0; i < children->count; i++)
        signal_attempt(launcher, &children->table[i], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    for (size_t i = 0; i < children->count && launcher->workplace->cgroup >= 0; i++)
        attempt_cgroup_remove(launcher->workplace, children->table[i].token);
    launcher->children.count = 0;
}

static int watch_children(struct error *error)
{
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    int fd = signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? error_set_system(error, errno, "cannot watch for ended workers") : fd;
}

int launcher_serve(struct workplace *workplace, int channel, struct error *error)
{
    cleanup_fd int signals = watch_children(error);
    if (signals < 0)
        return -1;
    cleanup_free struct launcher *launcher = calloc(1, sizeof(*launcher));
    if (!launcher)
        return error_set_system(error, ENOMEM, "cannot keep track of workers");
    *launcher = (struct launcher){
        .workplace = workplace,
        .channel = channel,
        .signals = signals,
        .state = LAUNCHER_CHANNEL_STARTING,
    };
    if (send_ready(launcher, error) == 0)
        serve(launcher, error);
    end_workers(launcher);
    return error->kind == ERROR_UNAVAILABLE ? 0 : -1; /* unavailable: the supervisor is gone */
}
