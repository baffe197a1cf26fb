/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_confine.c - the system calls, files and ports that are left to mimo-keeper.
 *
 * It starts mimo-metrics, which inherits all of this: the rows are what the helper needs until it has
 * confined itself further (src/metrics/confine.c). No file can be changed and no user; other
 * processes cannot be signalled or traced.
 *
 * A call that is in no row fails with ENOSYS. It does not end the process, because loader and C library
 * of a program that starts try calls that they can do without.
 */
#include "supervisor/keeper_confine.h"

#include <sched.h>

#include "mimo/confinement.h"
#include "mimo/confinement_calls.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The helper stays in the namespaces of the keeper. (CLONE_NEWTIME is a bit of the signal here.) */
#define CLONE_ELSEWHERE                                                                            \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET | CLONE_PARENT | CLONE_PTRACE)

/* clang-format off */
static const struct confinement_call calls[] = {
    /* The keeper: a helper is started and waited for. */
    {SCMP_SYS(clone), 1, {CONFINEMENT_LACKS(0, CLONE_ELSEWHERE)}},
    {SCMP_SYS(execve)},
    {SCMP_SYS(wait4)},

    /* Loader and C library. Code comes from files, not from memory that was written. */
    {SCMP_SYS(mmap), 1, {CONFINEMENT_LACKS(2, PROT_EXEC)}},
    {SCMP_SYS(mmap), 2, {CONFINEMENT_ARGUMENT(2, SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, .datum_b = PROT_EXEC),
                         CONFINEMENT_LACKS(3, MAP_ANONYMOUS)}},
    {SCMP_SYS(brk)}, {SCMP_SYS(mremap)}, {SCMP_SYS(munmap)}, {SCMP_SYS(madvise)},
    {SCMP_SYS(arch_prctl)}, {SCMP_SYS(set_tid_address)}, {SCMP_SYS(futex)}, {SCMP_SYS(sched_yield)},
    {SCMP_SYS(prlimit64), 1, {CONFINEMENT_IS(0, 0)}}, {SCMP_SYS(getrlimit)}, {SCMP_SYS(setrlimit)},
    {SCMP_SYS(rt_sigaction)}, {SCMP_SYS(rt_sigprocmask)}, {SCMP_SYS(rt_sigreturn)}, {SCMP_SYS(sigaltstack)},
    {SCMP_SYS(read)}, {SCMP_SYS(readv)}, {SCMP_SYS(write)}, {SCMP_SYS(writev)}, {SCMP_SYS(close)},
    {SCMP_SYS(close_range)}, {SCMP_SYS(fstat)}, {SCMP_SYS(uname)}, {SCMP_SYS(sysinfo)}, {SCMP_SYS(getrandom)},
    {SCMP_SYS(clock_gettime)}, {SCMP_SYS(clock_nanosleep)}, {SCMP_SYS(gettimeofday)}, {SCMP_SYS(time)},
    {SCMP_SYS(restart_syscall)}, {SCMP_SYS(exit_group)},
    {SCMP_SYS(tgkill), 1, {CONFINEMENT_IS(2, SIGABRT)}}, /* abort(3) */
    {SCMP_SYS(tgkill), 1, {CONFINEMENT_IS(2, SIGSYS)}}, /* the end that the helper's own filter makes */
    CONFINEMENT_SANITIZERS
    {SCMP_SYS(getpid)}, {SCMP_SYS(getppid)}, {SCMP_SYS(gettid)}, {SCMP_SYS(getuid)}, {SCMP_SYS(geteuid)},
    {SCMP_SYS(getresuid)}, {SCMP_SYS(getresgid)}, {SCMP_SYS(getgroups)},

    /* The helper: configuration, page, agent, names. */
    CONFINEMENT_THREADS
    CONFINEMENT_LOOP
    CONFINEMENT_SOCKETS
    CONFINEMENT_LOCAL_CLIENT
    CONFINEMENT_NAMES
    CONFINEMENT_FILES
    {SCMP_SYS(bind)}, {SCMP_SYS(listen)},

    /* The helper confines itself further. */
    {SCMP_SYS(capget)}, {SCMP_SYS(memfd_create)}, {SCMP_SYS(seccomp)},
    {SCMP_SYS(landlock_create_ruleset)}, {SCMP_SYS(landlock_add_rule)}, {SCMP_SYS(landlock_restrict_self)},
    {SCMP_SYS(prctl), 1, {CONFINEMENT_IS(0, PR_CAPBSET_READ)}},
    {SCMP_SYS(prctl), 1, {CONFINEMENT_IS(0, PR_GET_NO_NEW_PRIVS)}},
    {SCMP_SYS(prctl), 1, {CONFINEMENT_IS(0, PR_SET_NO_NEW_PRIVS)}},
    {SCMP_SYS(prctl), 1, {CONFINEMENT_IS(0, PR_GET_DUMPABLE)}},
    {SCMP_SYS(prctl), 2, {CONFINEMENT_IS(0, PR_SET_DUMPABLE), CONFINEMENT_IS(1, 0)}},
};
/* clang-format on */

/* It may read and run what its user may: the programs, and whatever the configuration names. */
static int enter_domain(struct error *error)
{
    static const struct confinement_path paths[] = {
        {"/", -1, CONFINEMENT_READ | CONFINEMENT_LIST | CONFINEMENT_EXECUTE},
        {"/dev/null", -1, CONFINEMENT_PUT},
    };
    static const uint16_t name_server[] = {53};
    static const struct confinement_domain domain = {
        .paths = paths,
        .path_count = COUNT(paths),
        .ports = name_server,
        .port_count = COUNT(name_server),
        .limit_connect = true,
        .scoped = true,
    };
    int abi = confinement_landlock_abi(CONFINEMENT_ABI_MAXIMUM);
    return confinement_enter_domain(abi, &domain, error);
}

static int build_filter(scmp_filter_ctx context, struct confinement_filter *ret_filter,
                        struct error *error)
{
    if (confinement_allow(context, calls, COUNT(calls), error) < 0 ||
        confinement_kill_all_but_execution(context, error) < 0)
        return -1;
    return confinement_compile(context, ret_filter, error);
}

int confine_keeper(struct error *error)
{
    struct confinement_filter filter = {0};
    scmp_filter_ctx context = NULL;
    if (enter_domain(error) < 0 || confinement_start(&context, SCMP_ACT_ERRNO(ENOSYS), error) < 0)
        return -1;
    int result = build_filter(context, &filter, error);
    if (result == 0)
        result = confinement_load(&filter, error);
    confinement_free(&filter);
    seccomp_release(context);
    return result;
}
