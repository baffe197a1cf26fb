/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - the checklist of a worker: every step from fork into the sandbox, and why it stands
 * where it does.
 *
 * What is the same for all workers the launcher has done for itself before (workplace.c), and fork
 * hands it on: default dispositions of signals, /dev/null as standard input and output, an
 * environment of TZ alone, a session keyring that is empty and closed, locked securebits, an
 * emptied bounding set, Landlock without files.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "launcher/worker.h"
#include "launcher/worker_guard.h"
#include "launcher/worker_log.h"
#include "launcher/worker_programs.h"
#include "launcher/worker_users.h"
#include "mimo/clock.h"
#include "mimo/exit_codes.h"
#include "mimo/io.h"
#include "mimo/job.h"
#include "mimo/log.h"
#include "mimo/process.h"
#include "mimo/seal.h"

/* The launcher blocks all signals. Unblocking delivers those that were sent to this worker since
 * the fork. */
static int open_signals(struct worker *worker, struct error *error)
{
    (void)worker;
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        return error_set_system(error, errno, "cannot unblock signals");
    return 0;
}

/* A process group to be killed as a whole. A guard has to be able to leave it, which the leader of
 * a session cannot. Neither session has a terminal to push characters into (TIOCSTI). */
static int start_session(struct worker *worker, struct error *error)
{
    bool runs_programs = worker->order->external_task[0] != '\0';
    if ((runs_programs ? setpgid(0, 0) : setsid()) < 0)
        return error_set_system(error, errno, "cannot start a session");
    return 0;
}

static int start_timer(int signal, int64_t milliseconds, struct error *error)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    struct itimerspec time = {.it_value = {.tv_sec = (time_t)(milliseconds / 1000),
                                           .tv_nsec = milliseconds % 1000 * 1000000}};
    timer_t timer;
    if (timer_create(CLOCK_BOOTTIME, &event, &timer) < 0 ||
        timer_settime(timer, 0, &time, NULL) < 0)
        return error_set_system(error, errno, "cannot set an alarm in %lld ms",
                                (long long)milliseconds);
    return 0;
}

/* Two timers, on the clock that also counts while the machine sleeps. SIGALRM tells the supervisor
 * that the time was up; it does not reach a process that is stopped, which the SIGKILL behind it
 * does. An order may be old when it gets here (a launcher that was stopped): then less is left, or
 * nothing. */
static int set_alarm(struct worker *worker, struct error *error)
{
    const struct launcher_launch *order = worker->order;
    int64_t left = (int64_t)order->alarm_seconds * 1000;
    if (left == 0) /* would mean: none */
        return error_set(error, ERROR_INVALID, "launch request without a timeout");
    if (order->not_after > 0) {
        int64_t until_last = (int64_t)order->not_after - clock_monotonic().milliseconds;
        left = until_last < left ? until_last : left;
    }
    if (left <= 0)
        return error_set(error, ERROR_UNAVAILABLE, "launch request arrived after its deadline");
    if (start_timer(SIGALRM, left, error) < 0)
        return -1;
    return start_timer(SIGKILL, left + WORKER_ALARM_GRACE, error);
}

/* Report and job to their places, everything else that the launcher holds away: its channel above
 * all, and the directory of certificates as soon as those of this order are read. */
static int arrange_descriptors(struct worker *worker, struct error *error)
{
    const struct {
        int *fd;
        int place;
        bool may_lack; /* -1 is fine */
    } kept[] = {
        {&worker->report_fd, WORKER_REPORT_FD},   {&worker->job_fd, WORKER_JOB_FD},
        {&worker->lock_fd, WORKER_LOCK_FD, true}, {&worker->domain_fd, WORKER_DOMAIN_FD, true},
        {&worker->input_fd, WORKER_INPUT_FD},     {&worker->kubeconfig_fd, WORKER_KUBECONFIG_FD},
    };
    size_t count = worker->programs ? sizeof(kept) / sizeof(*kept) : 3;
    int end = worker->programs ? WORKER_PROGRAMS_FD_END : WORKER_FD_END;
    worker->lock_fd = worker->workplace->lock;
    worker_read_certificates(worker);
    for (size_t i = 0; i < count; i++) { /* out of each other's way first */
        if (kept[i].may_lack && *kept[i].fd < 0)
            continue;
        *kept[i].fd = fcntl(*kept[i].fd, F_DUPFD_CLOEXEC, WORKER_PROGRAMS_FD_END);
        if (*kept[i].fd < 0)
            return error_set_system(error, errno, "cannot arrange descriptors");
    }
    for (size_t i = 0; i < count; i++) {
        if (*kept[i].fd < 0)
            close(kept[i].place);
        else if (dup3(*kept[i].fd, kept[i].place, O_CLOEXEC) < 0)
            return error_set_system(error, errno, "cannot arrange descriptors");
        else
            *kept[i].fd = kept[i].place;
    }
    if (close_range((unsigned)end, ~0U, 0) < 0)
        return error_set_system(error, errno, "cannot arrange descriptors");
    return 0;
}

static int name_process(struct worker *worker, struct error *error)
{
    umask(077);
    if (chdir("/") < 0)
        return error_set_system(error, errno, "cannot go to /");
    process_set_title("%s", worker->order->title);
    return 0;
}

/*
 * A keyring for each worker would be charged to the launcher's user, whose quota
 * (kernel.keys.maxkeys, 200) is smaller than the number of workers and slow to be given back. So
 * all share one that grants nothing to anybody; here is the proof.
 */
static int check_keyring(struct worker *worker, struct error *error)
{
    if (!worker->workplace->closed_keyring)
        return 0;
    if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, NULL, 0) < 0) {
        if (errno == EACCES)
            return 0;
        return error_set_system(error, errno, "cannot read the session keyring");
    }
    return error_set(error, ERROR_SYSTEM, "the session keyring is not closed");
}

/* With guard and runner. The limit of a process that makes a user namespace counts all that its user
 * has outside of it, other actuators' attempts too; so it is set inside alone. */
static uint32_t limit_of_processes(const struct worker *worker)
{
    if (!worker->programs)
        return 0;
    if (worker->workplace->has_namespaces)
        return SANDBOX_PROCESSES_LATER;
    return worker->order->processes + 2 + worker->workplace->neighbours;
}

static int limit_resources(struct worker *worker, struct error *error)
{
    const struct launcher_launch *order = worker->order;
    struct sandbox_limits limits = {
        .memory = order->memory,
        .file_size = order->file_size,
        .cpu_seconds = order->cpu_seconds,
        .open_files = order->open_files,
        .processes = limit_of_processes(worker),
    };
    return sandbox_limit_resources(&limits, error);
}

/* Groups first, while the capabilities are there. Real, effective and saved: none to go back to. */
static int change_user(struct worker *worker, struct error *error)
{
    const struct worker_users *users = &worker->workplace->users;
    struct identity identity;
    if (!users->privileged)
        return 0;
    if (!worker_users_of_slot(users, worker->order->slot, &identity))
        return error_set(error, ERROR_INVALID, "slot %u has no user in actuator.worker_uids",
                         (unsigned)worker->order->slot);
    if (setgroups(0, NULL) < 0 || setresgid(identity.gid, identity.gid, identity.gid) < 0 ||
        setresuid(identity.uid, identity.uid, identity.uid) < 0)
        return error_set_system(error, errno, "cannot become user %u, group %u",
                                (unsigned)identity.uid, (unsigned)identity.gid);
    uid_t uids[3];
    gid_t gids[3];
    if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 || getresgid(&gids[0], &gids[1], &gids[2]) < 0)
        return error_set_system(error, errno, "cannot read the user back");
    for (int i = 0; i < 3; i++)
        if (uids[i] != identity.uid || gids[i] != identity.gid)
            return error_set(error, ERROR_SYSTEM, "still user %u, group %u in part",
                             (unsigned)uids[i], (unsigned)gids[i]);
    if (getgroups(0, NULL) != 0)
        return error_set(error, ERROR_SYSTEM, "still in supplementary groups");
    return 0;
}

/* Tries for the old identities. Not before the capabilities are gone: with them it would work. */
static int prove_user_is_final(struct worker *worker, struct error *error)
{
    const struct worker_users *users = &worker->workplace->users;
    const uid_t unchanged = (uid_t)-1;
    const struct identity old[] = {{.uid = 0, .gid = 0}, users->launcher};
    for (size_t i = 0; i < (users->privileged ? 2 : 1); i++) {
        if (setresuid(unchanged, old[i].uid, unchanged) == 0)
            return error_set(error, ERROR_SYSTEM, "could become user %u again",
                             (unsigned)old[i].uid);
        if (setresgid((gid_t)-1, old[i].gid, (gid_t)-1) == 0)
            return error_set(error, ERROR_SYSTEM, "could become group %u again",
                             (unsigned)old[i].gid);
    }
    return 0;
}

/* Maps the job without reading it: what is in it stays unread until the sandbox has closed. */
static int map_job(struct worker *worker, struct error *error)
{
    const struct launcher_launch *order = worker->order;
    size_t size = (size_t)order->job_length + order->sealed_length;
    struct stat status;
    if (!io_is_sealed(worker->job_fd))
        return error_set(error, ERROR_INVALID, "the job is not sealed memory");
    if (fstat(worker->job_fd, &status) < 0)
        return error_set_system(error, errno, "cannot stat the job");
    if (size == 0 || (uint64_t)status.st_size != size)
        return error_set(error, ERROR_INVALID, "the job has %lld bytes where %zu were announced",
                         (long long)status.st_size, size);
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, worker->job_fd, 0);
    if (map == MAP_FAILED)
        return error_set_system(error, errno, "cannot map the job");
    close(worker->job_fd);
    worker->job_fd = -1;
    worker->document = map;
    return 0;
}

/* The last use of the key. From here on this process can open its own cluster's credentials only.
 */
static int open_credentials(struct worker *worker, struct error *error)
{
    const struct launcher_launch *order = worker->order;
    struct seal_key *key = worker->workplace->key;
    int result = 0;
    if (order->sealed_length > 0 && !key)
        result = error_set(error, ERROR_NOT_FOUND,
                           "there was no clusters.seal_key when the launcher started: make it, "
                           "then restart mimod");
    else if (order->sealed_length > 0)
        result = seal_open(key, worker->document + order->job_length, order->sealed_length,
                           &worker->credentials, &worker->credentials_length, error);
    seal_key_free(key);
    worker->workplace->key = NULL;
    if (order->certificate_count == 0)
        azure_secrets_wipe(&worker->workplace->azure);
    return result;
}

/* With the launcher, or a runner with its guard. After the last change of credentials, which would
 * have cleared it. */
static int die_with_parent(struct worker *worker, struct error *error)
{
    if (!worker->programs)
        return process_die_with_parent(worker->workplace->launcher, error);
    if (process_die_with_parent(worker->parent, error) < 0)
        return -1;
    return worker_check_guard(worker, error);
}

/* Nobody of the same user may read this memory or trace it. */
static int become_undumpable(struct worker *worker, struct error *error)
{
    (void)worker;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return error_set_system(error, errno, "cannot become undumpable");
    return 0;
}

/* What Landlock and seccomp ask for. The launcher has it; a worker must not depend on that. */
static int renounce_privileges(struct worker *worker, struct error *error)
{
    (void)worker;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set_system(error, errno, "cannot set no_new_privs");
    return 0;
}

/* Before seccomp, which leaves no call to do it with. */
static int enter_domain(struct worker *worker, struct error *error)
{
    const struct launcher_launch *order = worker->order;
    int abi = worker->workplace->landlock_abi;
    if (!worker->programs)
        return sandbox_enter_domain(abi, order->ports, order->port_count, error);
    if (worker->domain_fd >= 0) {
        int result = confinement_enter_made_domain(worker->domain_fd, error);
        close(worker->domain_fd);
        worker->domain_fd = -1;
        if (result < 0)
            return -1;
    }
    return sandbox_enter_program_domain(abi, order->ports, order->port_count, error);
}

/* With it goes the last descriptor that reaches more than the report's reader. */
static int load_filter(struct worker *worker, struct error *error)
{
    if (worker_leave_log(error) < 0)
        return -1;
    if (worker->programs)
        return sandbox_load_program_filters(&worker->workplace->program_filters, error);
    if (sandbox_report_forbidden(worker->report_fd, error) < 0)
        return -1;
    return confinement_load(&worker->workplace->filter, error);
}

const struct worker_step worker_steps[] = {
    {"signals", EXIT_WORKER_SIGNALS, open_signals},
    {"session", EXIT_WORKER_SESSION, start_session},
    {"alarm", EXIT_WORKER_ALARM, set_alarm},
    {"programs", EXIT_WORKER_TASK, worker_find_programs},
    {"descriptors", EXIT_WORKER_DESCRIPTORS, arrange_descriptors},
    {"environment", EXIT_WORKER_ENVIRONMENT, name_process},
    {"keyring", EXIT_WORKER_KEYRING, check_keyring},
    {"limits", EXIT_WORKER_LIMITS, limit_resources},
    {"user", EXIT_WORKER_USER, change_user},
    {"capabilities", EXIT_WORKER_CAPABILITIES, worker_drop_capabilities},
    {"proof", EXIT_WORKER_USER, prove_user_is_final},
    {"guard", EXIT_WORKER_GUARD, worker_start_guard},
    {"job", EXIT_WORKER_JOB, map_job},
    {"unseal", EXIT_WORKER_UNSEAL, open_credentials},
    {"parent", EXIT_WORKER_PARENT, die_with_parent},
    {"dumpable", EXIT_WORKER_DUMPABLE, become_undumpable},
    {"no-new-privileges", EXIT_WORKER_NO_NEW_PRIVILEGES, renounce_privileges},
    {"landlock", EXIT_WORKER_LANDLOCK, enter_domain},
    {"seccomp", EXIT_WORKER_SECCOMP, load_filter},
    {NULL},
};

const struct worker_step *worker_enter(struct worker *worker, struct error *error)
{
    for (const struct worker_step *step = worker_steps; step->name; step++)
        if (step->run(worker, error) < 0)
            return step;
    return NULL;
}

void worker_main(struct worker *worker)
{
    struct error error = {0};
    log_refresh_pid();
    const struct worker_step *failed = worker_enter(worker, &error);
    if (failed)
        worker_give_up(worker, failed->exit_code, &error);
    worker_run_task(worker);
}
