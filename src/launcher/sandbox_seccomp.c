/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_seccomp.c - which system calls a worker may make (seccomp(2), libseccomp).
 *
 * The tables below are the whole policy, in three bands: what a worker needs, some of it only with
 * certain arguments; what ends launcher and worker alike, at once (KILL_PROCESS); and everything
 * else, which ends the worker too, but by a SIGSYS that sandbox_forbidden.c catches once to say
 * which call it was. Nothing is refused with an errno: a library that goes on after an unexpected
 * EPERM may hang (libcurl does, when fcntl fails). Calls of another architecture (32-bit entry,
 * x32) are killed.
 *
 * libseccomp compiles the tables once, in the launcher; a worker only copies the program into the
 * kernel. One constant in it differs between workers: the pid that tgkill is pinned to. It is
 * compiled as PID_PLACEHOLDER and overwritten just before loading.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/sandbox.h"
#include "mimo/cleanup.h"

enum { PID_PLACEHOLDER = 0x6d696d6f };
enum { SOCKET_FLAGS = SOCK_CLOEXEC | SOCK_NONBLOCK };

/* A call that is allowed when each condition holds; a call may have several rows. */
struct allowed_call {
    int call;
    unsigned condition_count;
    struct scmp_arg_cmp conditions[3];
};

#define ARGUMENT(number, comparison, ...)                                                          \
    {                                                                                              \
        .arg = (number), .op = (comparison), .datum_a = __VA_ARGS__                                \
    }
#define IS(number, value)   ARGUMENT(number, SCMP_CMP_EQ, (uint64_t)(value))
#define LACKS(number, bits) ARGUMENT(number, SCMP_CMP_MASKED_EQ, (uint64_t)(bits), .datum_b = 0)
#define IS_BUT(number, value, ignored)                                                             \
    ARGUMENT(number, SCMP_CMP_MASKED_EQ, ~(uint64_t)(ignored), .datum_b = (value))

/* TCP over IPv4 or IPv6; no MPTCP, which Landlock's port rules do not see, no UDP, no raw, no other
 * family. */
#define STREAM_SOCKET(family, protocol)                                                            \
    {                                                                                              \
        SCMP_SYS(socket), 3,                                                                       \
        {                                                                                          \
            IS(0, family), IS_BUT(1, SOCK_STREAM, SOCKET_FLAGS), IS(2, protocol)                   \
        }                                                                                          \
    }

/* clang-format off */
static const struct allowed_call allowed[] = {
    /* Memory: malloc. Never executable; no mprotect, so nothing becomes so later. */
    {SCMP_SYS(brk)},
    {SCMP_SYS(mmap), 1, {LACKS(2, PROT_EXEC)}},
    {SCMP_SYS(mremap)},
    {SCMP_SYS(munmap)},

    /* Time and sleep. The clocks are system calls where the vDSO cannot read the clock source. */
    {SCMP_SYS(clock_gettime)},
    {SCMP_SYS(gettimeofday)},
    {SCMP_SYS(clock_nanosleep)},
    {SCMP_SYS(restart_syscall)}, /* how the kernel goes on with a sleep or poll after SIGSTOP and SIGCONT */

    /* Reports, log, and descriptors that it holds already. */
    {SCMP_SYS(write)},
    {SCMP_SYS(close)},
    {SCMP_SYS(poll)},
    {SCMP_SYS(fcntl), 1, {IS(1, F_GETFL)}},
    {SCMP_SYS(fcntl), 1, {IS(1, F_SETFL)}},
    {SCMP_SYS(prctl), 1, {IS(0, PR_SET_NAME)}}, /* its title, which shows how far it is */

    /* One HTTPS client. TCP fast open would connect past Landlock. */
    STREAM_SOCKET(AF_INET, 0),
    STREAM_SOCKET(AF_INET, IPPROTO_TCP),
    STREAM_SOCKET(AF_INET6, 0),
    STREAM_SOCKET(AF_INET6, IPPROTO_TCP),
    {SCMP_SYS(socketpair), 1, {IS(0, AF_UNIX)}}, /* libcurl wakes itself up */
    {SCMP_SYS(connect)},
    {SCMP_SYS(getpeername)},
    {SCMP_SYS(getsockname)},
    {SCMP_SYS(getsockopt)},
    {SCMP_SYS(setsockopt)},
    {SCMP_SYS(recvfrom)},
    {SCMP_SYS(recvmsg)},
    {SCMP_SYS(sendto), 1, {LACKS(3, MSG_FASTOPEN)}},
    {SCMP_SYS(sendmsg), 1, {LACKS(2, MSG_FASTOPEN)}},

    /* OpenSSL: reseeding after fork, and asking whether it was forked. */
    {SCMP_SYS(getrandom)},
    {SCMP_SYS(getpid)},

    /* Ending: return from the SIGSYS handler, raise() and abort() on itself only, exit. */
    {SCMP_SYS(rt_sigreturn)},
    {SCMP_SYS(rt_sigprocmask), 1, {IS(0, SIG_UNBLOCK)}},
    {SCMP_SYS(gettid)},
    {SCMP_SYS(tgkill), 1, {IS(0, PID_PLACEHOLDER)}},
    {SCMP_SYS(rt_sigaction), 1, {IS(0, SIGTERM)}}, /* a task may need to finish; SIGKILL follows */
    {SCMP_SYS(futex)},
    {SCMP_SYS(exit_group)},

#ifdef WITH_SANITIZERS
    /* Only in builds with sanitizers, never in a product: their allocator, and their handlers' stack at exit. */
    {SCMP_SYS(madvise)},
    {SCMP_SYS(sched_yield)},
    {SCMP_SYS(sigaltstack)},
#endif
};

/* Neither launcher nor worker: nothing either does can lead here but code of somebody else's. */
static const int never[] = {
    /* another program */
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(uselib),
    /* other processes' memory, registers and descriptors */
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise),
    SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
    /* ways around the filter, and the kernel's larger attack surfaces */
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd), SCMP_SYS(perf_event_open), SCMP_SYS(personality), SCMP_SYS(modify_ldt),
    SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at),
    /* namespaces and mounts */
    SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
    SCMP_SYS(chroot), SCMP_SYS(mount_setattr), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
    SCMP_SYS(fsmount), SCMP_SYS(fsconfig), SCMP_SYS(fspick),
    /* the machine */
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime), SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(syslog),
    /* the keys of others */
    SCMP_SYS(add_key), SCMP_SYS(request_key),
};

/* What the launcher needs and no worker: processes, and a last look at the closed session keyring. */
static const int never_in_worker[] = {
    SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(keyctl),
};
/* clang-format on */

static int refuse(int result, const char *what, struct error *error)
{
    return error_set_system(error, -result, "cannot build the system call filter: %s", what);
}

static int kill_calls(scmp_filter_ctx context, const int *calls, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        /* Names that this architecture does not have get numbers below zero. */
        int result =
            calls[i] < 0 ? 0 : seccomp_rule_add(context, SCMP_ACT_KILL_PROCESS, calls[i], 0);
        if (result < 0)
            return refuse(result, "a call that must kill", error);
    }
    return 0;
}

static int allow_calls(scmp_filter_ctx context, struct error *error)
{
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        const struct allowed_call *row = &allowed[i];
        int result = seccomp_rule_add_array(context, SCMP_ACT_ALLOW, row->call,
                                            row->condition_count, row->conditions);
        if (result < 0)
            return refuse(result, "a call that is allowed", error);
    }
    return 0;
}

/* The compiled program, through a memfd: libseccomp 2.5 exports to descriptors only. */
static int export(scmp_filter_ctx context, struct sandbox_filter *ret_filter, struct error *error)
{
    cleanup_fd int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return error_set_system(error, errno, "cannot make memory for the system call filter");
    int result = seccomp_export_bpf(context, fd);
    if (result < 0)
        return refuse(result, "export", error);
    off_t size = lseek(fd, 0, SEEK_END);
    size_t count = (size_t)size / sizeof(struct sock_filter);
    if (size <= 0 || (size_t)size % sizeof(struct sock_filter) != 0 || count > BPF_MAXINSNS)
        return error_set(error, ERROR_SYSTEM, "the system call filter has an odd size");
    cleanup_free struct sock_filter *instructions = malloc((size_t)size);
    if (!instructions)
        return error_set_system(error, ENOMEM, "cannot keep the system call filter");
    if (pread(fd, instructions, (size_t)size, 0) != size)
        return error_set_system(error, errno, "cannot read the system call filter back");
    *ret_filter = (struct sandbox_filter){.count = (unsigned short)count};
    ret_filter->instructions = take_pointer(&instructions);
    return 0;
}

/* Finds the one instruction that compares with the placeholder. */
static int find_pid(struct sandbox_filter *filter, struct error *error)
{
    unsigned found = 0;
    for (unsigned short i = 0; i < filter->count; i++) {
        if (filter->instructions[i].k != PID_PLACEHOLDER)
            continue;
        filter->pid_instruction = i;
        found++;
    }
    if (found != 1)
        return error_set(error, ERROR_SYSTEM,
                         "the system call filter names the own pid %u times, not once", found);
    return 0;
}

static void release(scmp_filter_ctx *context)
{
    seccomp_release(*context);
}
#define cleanup_context __attribute__((cleanup(release)))

static int start(scmp_filter_ctx *ret_context, uint32_t otherwise, struct error *error)
{
    *ret_context = seccomp_init(otherwise);
    if (!*ret_context)
        return error_set(error, ERROR_SYSTEM, "cannot start a system call filter");
    int result = seccomp_attr_set(*ret_context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    /* A binary tree: the kernel runs the program once for each known call when it is loaded. */
    if (result == 0)
        result = seccomp_attr_set(*ret_context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return result < 0 ? refuse(result, "attributes", error) : 0;
}

int sandbox_build_worker_filter(struct sandbox_filter *ret_filter, struct error *error)
{
    cleanup_context scmp_filter_ctx context = NULL;
    if (start(&context, SCMP_ACT_TRAP, error) < 0 || allow_calls(context, error) < 0 ||
        kill_calls(context, never, sizeof never / sizeof *never, error) < 0 ||
        kill_calls(context, never_in_worker, sizeof never_in_worker / sizeof *never_in_worker,
                   error) < 0)
        return -1;
    if (export(context, ret_filter, error) < 0)
        return -1;
    if (find_pid(ret_filter, error) < 0) {
        sandbox_free_filter(ret_filter);
        return -1;
    }
    return 0;
}

int sandbox_build_launcher_filter(struct sandbox_filter *ret_filter, struct error *error)
{
    cleanup_context scmp_filter_ctx context = NULL;
    if (start(&context, SCMP_ACT_ALLOW, error) < 0 ||
        kill_calls(context, never, sizeof never / sizeof *never, error) < 0)
        return -1;
    return export(context, ret_filter, error);
}

int sandbox_load_filter(struct sandbox_filter *filter, struct error *error)
{
    struct sock_filter *own_pid = &filter->instructions[filter->pid_instruction];
    if (own_pid->k == PID_PLACEHOLDER)
        own_pid->k = (uint32_t)getpid();
    struct sock_fprog program = {.len = filter->count, .filter = filter->instructions};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        return error_set_system(error, errno, "cannot load the system call filter");
    return 0;
}

void sandbox_free_filter(struct sandbox_filter *filter)
{
    free(filter->instructions);
    *filter = (struct sandbox_filter){0};
}
