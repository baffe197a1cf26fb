/* SPDX-License-Identifier: Apache-2.0 */
/* worker_guard.c - the process that makes sure that nothing of an attempt outlives it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/worker_guard.h"
#include "launcher/worker_log.h"
#include "launcher/worker_users.h"
#include "mimo/cgroup.h"
#include "mimo/cleanup.h"
#include "mimo/exit_codes.h"
#include "mimo/seal.h"

/* --- The namespace --- */

/* As _Fork(), with other flags. Raw: unshare(2) would move the guard into the user namespace. */
static pid_t fork_into_namespace(void)
{
    return (pid_t)syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
}

static _Noreturn void try_namespace(const struct identity *identity)
{
    int status;
    if (identity &&
        (setgroups(0, NULL) < 0 || setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
         setresuid(identity->uid, identity->uid, identity->uid) < 0))
        _exit(errno);
    pid_t child = fork_into_namespace();
    if (child == 0)
        _exit(getpid() == 1 ? 0 : ENOSYS);
    if (child < 0 || waitpid(child, &status, 0) != child)
        _exit(errno);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : ENOSYS);
}

int worker_guard_try_namespace(const struct identity *identity)
{
    int status;
    pid_t child = _Fork();
    if (child == 0)
        try_namespace(identity);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

/* A new user namespace comes with all capabilities in it, an own bounding set and open securebits.
 */
static int drop_capabilities_of_namespace(struct worker *worker, struct error *error)
{
    if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
                                     SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                     SECBIT_NO_CAP_AMBIENT_RAISE |
                                     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) < 0)
        return error_set_system(error, errno, "cannot lock the securebits of the namespace");
    for (unsigned long number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0)
            return error_set_system(error, errno, "cannot drop the capabilities of the namespace");
    return worker_drop_capabilities(worker, error);
}

/* Within the namespace only its own processes count, so the limit is that of the attempt. One more
 * where its cgroup has the same limit: that one counts how often it was reached. */
static int limit_processes(const struct worker *worker, struct error *error)
{
    bool is_counted = worker->workplace->cgroup_limits & CGROUP_PIDS;
    rlim_t most = (rlim_t)worker->order->processes + 1 + is_counted; /* with the runner */
    struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    if (setrlimit(RLIMIT_NPROC, &limit) < 0)
        return error_set_system(error, errno, "cannot limit the processes of the attempt");
    return 0;
}

/* --- The guard --- */

/* Of this process, for its signal handlers. */
static struct {
    pid_t group;                /* of runner and programs: the guard's pid, which it left them */
    volatile sig_atomic_t told; /* SIGTERM or SIGALRM, if one made it kill the group */
} self;

static void kill_group(int number)
{
    self.told = number;
    kill(-self.group, SIGKILL);
}

enum { GUARD_LEASH_FD = WORKER_LOCK_FD + 1 };

/* Nothing that the guard does not need may stay with it: no secret, and of descriptors the lock
 * alone, which keeps mimod from starting while anything of the attempt is alive, and the pipe that
 * tells the runner of the guard's end. */
static int empty_hands(struct worker *worker, int leash, struct error *error)
{
    struct workplace *workplace = worker->workplace;
    seal_key_free(workplace->key);
    workplace->key = NULL;
    azure_secrets_wipe(&workplace->azure);
    if (worker_leave_log(error) < 0)
        return -1;
    if (dup2(leash, GUARD_LEASH_FD) < 0 ||
        close_range(STDERR_FILENO + 1, WORKER_LOCK_FD - 1, 0) < 0 ||
        close_range(GUARD_LEASH_FD + 1, ~0U, 0) < 0)
        return error_set_system(error, errno, "cannot close descriptors");
    return 0;
}

/* Out of the group that it is to kill. Its number stays taken: the runner is in it to the end. */
static int leave_group(const struct worker *worker, struct error *error)
{
    if (setpgid(0, worker->workplace->launcher_group) < 0)
        return error_set_system(error, errno, "cannot leave the process group of programs");
    return 0;
}

/* Both wait until runner and guard know what to do with them. */
static int set_blocked(int how, struct error *error)
{
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGALRM);
    if (sigprocmask(how, &both, NULL) < 0)
        return error_set_system(error, errno, "cannot block signals");
    return 0;
}

static int catch_signals(struct error *error)
{
    struct sigaction action = {.sa_handler = kill_group};
    sigaddset(&action.sa_mask, SIGTERM);
    sigaddset(&action.sa_mask, SIGALRM);
    if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGALRM, &action, NULL) < 0)
        return error_set_system(error, errno, "cannot catch signals");
    return 0;
}

/* SIGTERM, not SIGKILL, when the launcher ends: first the group, then the lock. */
static int follow_launcher(const struct worker *worker, struct error *error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
        return error_set_system(error, errno, "cannot tie this process to the launcher");
    if (getppid() != worker->workplace->launcher)
        return error_set(error, ERROR_UNAVAILABLE, "the launcher has ended");
    return 0;
}

/* Its domain has no scope for signals: it must reach the runner, which has a narrower one. */
static int confine(const struct worker *worker, struct error *error)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set_system(error, errno, "cannot confine the guard");
    if (sandbox_deny_files(worker->workplace->landlock_abi, error) < 0)
        return -1;
    return confinement_load(&worker->workplace->guard_filter, error);
}

/* Ends this process as the runner ended. The group was killed for what the guard was told, or the
 * runner ended by itself at the same moment; then that is what counts. */
static _Noreturn void end_like(int status)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WORKER_STOPPED)
        number = SIGTERM;
    if (number == SIGKILL && self.told)
        number = self.told;
    if (number == 0)
        _exit(WEXITSTATUS(status));
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    sigaction(number, &usual, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    kill(getpid(), number);
    _exit(EXIT_FAILURE); /* not reached */
}

/* Orphans become children of the guard, which is their subreaper. */
static _Noreturn void guard(struct worker *worker, pid_t runner, int leash)
{
    struct error error = {0};
    int status = 0;
    if (leave_group(worker, &error) < 0 || follow_launcher(worker, &error) < 0 ||
        set_blocked(SIG_UNBLOCK, &error) < 0 || empty_hands(worker, leash, &error) < 0 ||
        confine(worker, &error) < 0) {
        kill_group(0);
        worker_give_up(worker, EXIT_WORKER_GUARD, &error);
    }
    while (waitpid(runner, &status, 0) < 0 && errno == EINTR)
        ;
    kill(-self.group, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    end_like(status);
}

int worker_guard_build_filter(struct confinement_filter *ret_filter, struct error *error)
{
    static const struct confinement_call allowed[] = {
        {SCMP_SYS(wait4)},
        {SCMP_SYS(kill)},
        {SCMP_SYS(getpid)},
        {SCMP_SYS(rt_sigaction)},
        {SCMP_SYS(rt_sigprocmask)},
        {SCMP_SYS(rt_sigreturn)},
        {SCMP_SYS(exit_group)},
        {SCMP_SYS(restart_syscall)},
#ifdef WITH_SANITIZERS
        /* Only in builds with sanitizers, never in a product: their allocator and their exit. */
        {SCMP_SYS(mmap)},
        {SCMP_SYS(munmap)},
        {SCMP_SYS(madvise)},
        {SCMP_SYS(sched_yield)},
        {SCMP_SYS(sigaltstack)},
        {SCMP_SYS(futex)},
        {SCMP_SYS(gettid)},
        {SCMP_SYS(write)},
#endif
    };
    scmp_filter_ctx context = NULL;
    int result = confinement_start(&context, SCMP_ACT_KILL_PROCESS, error);
    if (result == 0)
        result = confinement_allow(context, allowed, sizeof(allowed) / sizeof(*allowed), error);
    if (result == 0)
        result = confinement_compile(context, ret_filter, error);
    seccomp_release(context);
    return result;
}

/* --- The split --- */

enum { END_READ, END_WRITE };

int worker_start_guard(struct worker *worker, struct error *error)
{
    int leash[2];
    bool apart = worker->workplace->has_namespaces;
    if (!worker->programs)
        return 0;
    self.group = getpid();
    if (set_blocked(SIG_BLOCK, error) < 0 || catch_signals(error) < 0)
        return -1;
    if (pipe2(leash, O_CLOEXEC) < 0)
        return error_set_system(error, errno, "cannot create a pipe between guard and runner");
    pid_t runner = apart ? fork_into_namespace() : _Fork();
    if (runner < 0)
        return error_set_system(error, errno,
                                apart ? "cannot create a PID namespace (user.max_user_namespaces?)"
                                      : "cannot fork");
    if (runner > 0)
        guard(worker, runner, leash[END_WRITE]);
    close(leash[END_WRITE]);
    worker->leash = leash[END_READ];
    worker->is_init = apart;
    worker->parent = apart ? 0 : self.group; /* a parent outside has no number in here */
    /* SIGTERM stays blocked until program_run_prepare(): an init would lose it. */
    struct sigaction usual = {.sa_handler = SIG_DFL};
    if (sigaction(SIGTERM, &usual, NULL) < 0 || sigaction(SIGALRM, &usual, NULL) < 0)
        return error_set_system(error, errno, "cannot reset signals");
    if (!apart && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return error_set_system(error, errno, "cannot become the reaper of orphaned processes");
    if (apart && limit_processes(worker, error) < 0)
        return -1;
    return apart ? drop_capabilities_of_namespace(worker, error) : 0;
}

int worker_check_guard(struct worker *worker, struct error *error)
{
    struct pollfd ended = {.fd = worker->leash, .events = POLLIN};
    int result = poll(&ended, 1, 0);
    close(worker->leash);
    worker->leash = -1;
    if (result < 0)
        return error_set_system(error, errno, "cannot check the guard");
    return result == 0 ? 0 : error_set(error, ERROR_UNAVAILABLE, "the guard has ended");
}
