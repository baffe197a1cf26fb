/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confinement_filter.c - system call filters out of tables (seccomp(2), libseccomp).
 *
 * Calls of another architecture (32-bit entry, x32) are killed. The filter is exported rather than
 * loaded by libseccomp, so that a launcher can compile it once for all its workers. One constant in
 * it may differ between processes that load the same filter: the own pid, which tgkill is pinned
 * to. It is compiled as CONFINEMENT_OWN_PID and overwritten just before loading.
 */
#include "mimo/confinement.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mimo/cleanup.h"

/* clang-format off */
const int confinement_never[] = {
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
/* clang-format on */
const size_t confinement_never_count = sizeof(confinement_never) / sizeof(*confinement_never);

static int refuse(int result, const char *what, struct error *error)
{
    return error_set_system(error, -result, "cannot build the system call filter: %s", what);
}

int confinement_kill(scmp_filter_ctx context, const int *calls, size_t count, struct error *error)
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

int confinement_kill_all_but_execution(scmp_filter_ctx context, struct error *error)
{
    for (size_t i = 0; i < confinement_never_count; i++)
        if (confinement_never[i] != SCMP_SYS(execve) &&
            confinement_kill(context, &confinement_never[i], 1, error) < 0)
            return -1;
    return 0;
}

int confinement_allow(scmp_filter_ctx context, const struct confinement_call *calls, size_t count,
                      struct error *error)
{
    uint32_t otherwise;
    int result = seccomp_attr_get(context, SCMP_FLTATR_ACT_DEFAULT, &otherwise);
    if (result < 0)
        return refuse(result, "its default", error);
    for (size_t i = 0; i < count; i++) {
        const struct confinement_call *row = &calls[i];
        uint32_t action =
            row->refusal ? SCMP_ACT_ERRNO((unsigned)row->refusal) : (uint32_t)SCMP_ACT_ALLOW;
        if (action == otherwise) /* libseccomp refuses rows that say what holds anyway */
            continue;
        result = seccomp_rule_add_array(context, action, row->call, row->condition_count,
                                        row->conditions);
        if (result < 0)
            return refuse(result, "a call that is allowed", error);
    }
    return 0;
}

int confinement_start(scmp_filter_ctx *ret_context, uint32_t otherwise, struct error *error)
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

/* Finds the instructions that compare with the own pid, if there are any. */
static int find_pid(struct confinement_filter *filter, struct error *error)
{
    for (unsigned short i = 0; i < filter->count; i++) {
        if (filter->instructions[i].k != CONFINEMENT_OWN_PID)
            continue;
        if (filter->pid_count == CONFINEMENT_OWN_PID_MAXIMUM)
            return error_set(error, ERROR_SYSTEM,
                             "the system call filter names the own pid more than %d times",
                             CONFINEMENT_OWN_PID_MAXIMUM);
        filter->pid_instructions[filter->pid_count++] = i;
    }
    return 0;
}

/* The compiled program, through a memfd: libseccomp 2.5 exports to descriptors only. */
int confinement_compile(scmp_filter_ctx context, struct confinement_filter *ret_filter,
                        struct error *error)
{
    cleanup_fd int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return error_set_system(error, errno, "cannot create memory for the system call filter");
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
    struct confinement_filter filter = {.instructions = instructions,
                                        .count = (unsigned short)count};
    if (find_pid(&filter, error) < 0)
        return -1;
    take_pointer(&instructions);
    *ret_filter = filter;
    return 0;
}

int confinement_load(struct confinement_filter *filter, struct error *error)
{
    for (unsigned i = 0; i < filter->pid_count; i++)
        filter->instructions[filter->pid_instructions[i]].k = (uint32_t)getpid();
    struct sock_fprog program = {.len = filter->count, .filter = filter->instructions};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        return error_set_system(error, errno, "cannot load the system call filter");
    return 0;
}

void confinement_free(struct confinement_filter *filter)
{
    free(filter->instructions);
    *filter = (struct confinement_filter){0};
}
