/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hostile_worker.c - a worker that was taken over tries what it can think of: as root's
 * family and as an ordinary user's, with every Landlock ABI from none to the newest.
 *
 * What test_sandbox.c tries (files, programs, sockets, the launcher's memory and life, namespaces,
 * io_uring, ...) is not tried again here. Nothing here harms the machine where it is allowed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox_fixture.h"

#define ATTACK(name, expression)                                                                   \
    static long name(const struct sandbox_inside *inside)                                          \
    {                                                                                              \
        (void)inside;                                                                              \
        return (expression);                                                                       \
    }

static char nothing[4096];

/* Other processes: neighbours, launcher, supervisor, init. */
ATTACK(kill_neighbour, kill(inside->neighbour, SIGKILL))
ATTACK(kill_group, kill(-inside->neighbour, SIGKILL))
ATTACK(kill_everybody, kill(-1, SIGKILL))
ATTACK(queue_signal, syscall(SYS_rt_sigqueueinfo, inside->neighbour, SIGKILL, nothing))
ATTACK(thread_signal, syscall(SYS_tkill, inside->neighbour, SIGKILL))
ATTACK(pidfd_signal, syscall(SYS_pidfd_send_signal, 0, SIGKILL, NULL, 0))
ATTACK(read_neighbour, syscall(SYS_process_vm_readv, inside->neighbour, NULL, 0, NULL, 0, 0))
ATTACK(write_neighbour, syscall(SYS_process_vm_writev, inside->neighbour, NULL, 0, NULL, 0, 0))
ATTACK(trace_neighbour, syscall(SYS_ptrace, 16, inside->neighbour, 0, 0))
ATTACK(take_descriptor, syscall(SYS_pidfd_getfd, 0, 0, 0))
ATTACK(compare_processes, syscall(SYS_kcmp, getpid(), inside->launcher, 0, 0, 0))
ATTACK(slow_neighbour, syscall(SYS_setpriority, 0, inside->neighbour, 19))
ATTACK(pin_neighbour, syscall(SYS_sched_setaffinity, inside->neighbour, 8, nothing))
ATTACK(look_at_limits, syscall(SYS_prlimit64, inside->launcher, 7, NULL, nothing))
ATTACK(advise_launcher, syscall(SYS_process_madvise, 0, NULL, 0, 0, 0))
ATTACK(wait_for_others, syscall(SYS_wait4, -1, NULL, 0, NULL))

/* Outliving, multiplying */
ATTACK(fork_quietly, syscall(SYS_vfork))
ATTACK(clone_namespaces, syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0))
ATTACK(live_after_the_launcher, prctl(PR_SET_PDEATHSIG, 0))
ATTACK(adopt_children, prctl(PR_SET_CHILD_SUBREAPER, 1))
ATTACK(new_session, syscall(SYS_setsid))
ATTACK(later_alarm, syscall(SYS_alarm, 0))
ATTACK(own_timer, syscall(SYS_timer_create, 0, NULL, nothing))
ATTACK(ignore_alarm, syscall(SYS_rt_sigaction, SIGALRM, NULL, NULL, 8))

/* Files and disk, without a path too */
ATTACK(create_file, syscall(SYS_creat, "/tmp/hostile", 0600))
ATTACK(open_launcher_memory, open("/proc/self/../1/mem", O_RDONLY))
ATTACK(memory_file, syscall(SYS_memfd_create, "x", 0))
ATTACK(secret_memory, syscall(SYS_memfd_secret, 0))
ATTACK(shorten_file, syscall(SYS_ftruncate, WORKER_REPORT_FD, 0))
ATTACK(fill_disk, syscall(SYS_fallocate, WORKER_REPORT_FD, 0, 0, 1L << 40))
ATTACK(copy_file, syscall(SYS_copy_file_range, 0, NULL, WORKER_REPORT_FD, NULL, 1, 0))
ATTACK(send_file, syscall(SYS_sendfile, WORKER_REPORT_FD, 0, NULL, 1))
ATTACK(splice_pipe, syscall(SYS_splice, 0, NULL, WORKER_REPORT_FD, NULL, 1, 0))
ATTACK(control_device, syscall(SYS_ioctl, 0, 0x5412, nothing)) /* TIOCSTI */
ATTACK(change_directory, syscall(SYS_chdir, "/etc"))
ATTACK(change_mode, syscall(SYS_chmod, "/tmp", 0777))
ATTACK(watch_files, syscall(SYS_inotify_init1, 0))
ATTACK(open_by_handle, syscall(SYS_open_by_handle_at, 0, nothing, 0))
ATTACK(make_handle, syscall(SYS_name_to_handle_at, -1, "/", nothing, nothing, 0))
ATTACK(mount_something, syscall(SYS_mount, "none", "/nonexistent", "tmpfs", 0, NULL))
ATTACK(mount_anew, syscall(SYS_fsopen, "tmpfs", 0))
ATTACK(move_mount_point, syscall(SYS_move_mount, -1, "", -1, "", 0))
ATTACK(unmount, syscall(SYS_umount2, "/nonexistent", 0))
ATTACK(change_root, syscall(SYS_chroot, "/nonexistent"))
ATTACK(pivot, syscall(SYS_pivot_root, "/nonexistent", "/nonexistent"))

/* Sockets beyond TCP to one port */
ATTACK(unix_datagram, socket(AF_UNIX, SOCK_DGRAM, 0))
ATTACK(vsock_socket, socket(40 /* AF_VSOCK */, SOCK_STREAM, 0))
ATTACK(packet_socket, socket(17 /* AF_PACKET */, SOCK_RAW, 0))
ATTACK(crypto_socket, socket(38 /* AF_ALG */, SOCK_SEQPACKET, 0))
ATTACK(sctp_socket, socket(AF_INET, SOCK_STREAM, 132))
ATTACK(accept_others, syscall(SYS_accept4, 0, NULL, NULL, 0))
ATTACK(many_messages, syscall(SYS_sendmmsg, 0, NULL, 0, 0))

/* Kernel surface and others' resources */
ATTACK(handle_faults, syscall(SYS_userfaultfd, 0))
ATTACK(count_events, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0))
ATTACK(change_personality, syscall(SYS_personality, 0x0040000))
ATTACK(change_segments, syscall(SYS_modify_ldt, 0, NULL, 0))
ATTACK(enter_namespace, syscall(SYS_setns, 0, 0))
ATTACK(add_a_key, syscall(SYS_add_key, "user", "x", "x", 1, KEY_SPEC_SESSION_KEYRING))
ATTACK(ask_for_a_key, syscall(SYS_request_key, "user", "x", NULL, KEY_SPEC_SESSION_KEYRING))
ATTACK(read_kernel_log, syscall(SYS_syslog, 3, nothing, 0))
ATTACK(load_module, syscall(SYS_init_module, NULL, 0, ""))
ATTACK(load_kernel, syscall(SYS_kexec_load, 0, 0, NULL, 0))
ATTACK(restart_machine, syscall(SYS_reboot, 0, 0, 0, NULL)) /* without its magic numbers */
ATTACK(swap_off, syscall(SYS_swapoff, "/nonexistent"))
ATTACK(set_clock, syscall(SYS_clock_settime, -1, NULL))
ATTACK(name_host, syscall(SYS_sethostname, NULL, 0))
ATTACK(account, syscall(SYS_acct, "/nonexistent"))
ATTACK(shared_memory, syscall(SYS_shmget, 0, 4096, 01600))
ATTACK(shared_queue, syscall(SYS_msgget, 0, 01600))
ATTACK(posix_queue, syscall(SYS_mq_open, "x", 0, 0, NULL))
ATTACK(lock_memory, syscall(SYS_mlockall, 1))
ATTACK(real_time, syscall(SYS_sched_setscheduler, 0, 1, nothing))
ATTACK(huge_epoll, syscall(SYS_epoll_create1, 0))
ATTACK(event_descriptor, syscall(SYS_eventfd2, 0, 0))
ATTACK(get_privileges, syscall(SYS_capset, NULL, NULL))
ATTACK(change_user, syscall(SYS_setresuid, 0, 0, 0))
ATTACK(change_group, syscall(SYS_setresgid, 0, 0, 0))
ATTACK(own_rules, syscall(SYS_landlock_create_ruleset, NULL, 0, 1))
ATTACK(executable_remap, syscall(SYS_pkey_mprotect, 0, 4096, 7, -1))

/* named: the call that the report names; NULL: killed at once, without a word. */
#define NAMED(body, call)                                                                          \
    {                                                                                              \
#body, body, call                                                                          \
    }
#define KILLED(body)                                                                               \
    {                                                                                              \
#body, body, NULL                                                                          \
    }

static const struct attack {
    const char *title;
    sandbox_body_f *body;
    const char *named;
} attacks[] = {
    NAMED(kill_neighbour, "kill"),
    NAMED(kill_group, "kill"),
    NAMED(kill_everybody, "kill"),
    NAMED(queue_signal, "rt_sigqueueinfo"),
    NAMED(thread_signal, "tkill"),
    NAMED(pidfd_signal, "pidfd_send_signal"),
    KILLED(read_neighbour),
    KILLED(write_neighbour),
    KILLED(trace_neighbour),
    KILLED(take_descriptor),
    KILLED(compare_processes),
    NAMED(slow_neighbour, "setpriority"),
    NAMED(pin_neighbour, "sched_setaffinity"),
    NAMED(look_at_limits, "prlimit64"),
    KILLED(advise_launcher),
    NAMED(wait_for_others, "wait4"),
    KILLED(fork_quietly),
    KILLED(clone_namespaces),
    NAMED(live_after_the_launcher, "prctl"),
    NAMED(adopt_children, "prctl"),
    NAMED(new_session, "setsid"),
    NAMED(later_alarm, "alarm"),
    NAMED(own_timer, "timer_create"),
    NAMED(ignore_alarm, "rt_sigaction"),
    NAMED(create_file, "creat"),
    NAMED(open_launcher_memory, "openat"),
    NAMED(memory_file, "memfd_create"),
    NAMED(secret_memory, "memfd_secret"),
    NAMED(shorten_file, "ftruncate"),
    NAMED(fill_disk, "fallocate"),
    NAMED(copy_file, "copy_file_range"),
    NAMED(send_file, "sendfile"),
    NAMED(splice_pipe, "splice"),
    NAMED(control_device, "ioctl"),
    NAMED(change_directory, "chdir"),
    NAMED(change_mode, "chmod"),
    NAMED(watch_files, "inotify_init1"),
    KILLED(open_by_handle),
    KILLED(make_handle),
    KILLED(mount_something),
    KILLED(mount_anew),
    KILLED(move_mount_point),
    KILLED(unmount),
    KILLED(change_root),
    KILLED(pivot),
    NAMED(unix_datagram, "socket"),
    NAMED(vsock_socket, "socket"),
    NAMED(packet_socket, "socket"),
    NAMED(crypto_socket, "socket"),
    NAMED(sctp_socket, "socket"),
    NAMED(accept_others, "accept4"),
    NAMED(many_messages, "sendmmsg"),
    KILLED(handle_faults),
    KILLED(count_events),
    KILLED(change_personality),
    KILLED(change_segments),
    KILLED(enter_namespace),
    KILLED(add_a_key),
    KILLED(ask_for_a_key),
    KILLED(read_kernel_log),
    KILLED(load_module),
    KILLED(load_kernel),
    KILLED(restart_machine),
    KILLED(swap_off),
    KILLED(set_clock),
    KILLED(name_host),
    KILLED(account),
    NAMED(shared_memory, "shmget"),
    NAMED(shared_queue, "msgget"),
    NAMED(posix_queue, "mq_open"),
    NAMED(lock_memory, "mlockall"),
    NAMED(real_time, "sched_setscheduler"),
    NAMED(huge_epoll, "epoll_create1"),
    NAMED(event_descriptor, "eventfd2"),
    NAMED(get_privileges, "capset"),
    NAMED(change_user, "setresuid"),
    NAMED(change_group, "setresgid"),
    NAMED(own_rules, "landlock_create_ruleset"),
    NAMED(executable_remap, "pkey_mprotect"),
};
enum { ATTACK_COUNT = sizeof(attacks) / sizeof(*attacks) };

static void assert_fatal(const struct attack *attack, const struct sandbox_outcome *outcome,
                         int abi, bool ordinary_user)
{
    char expected[128] = "";
    if (attack->named)
        snprintf(expected, sizeof(expected), "{\"type\":\"forbidden\",\"systemCall\":\"%s\"}\n",
                 attack->named);
    if (outcome->returned || !WIFSIGNALED(outcome->wait_status) ||
        WTERMSIG(outcome->wait_status) != SIGSYS || strcmp(outcome->reported, expected) != 0)
        fail_msg("%s, as %s, Landlock ABI %d: wait status %d, reported \"%s\"%s", attack->title,
                 ordinary_user ? "an ordinary user" : "root's worker", abi, outcome->wait_status,
                 outcome->reported, outcome->message);
}

static void try_all(int abi, bool ordinary_user)
{
    static sandbox_body_f *bodies[ATTACK_COUNT];
    static struct sandbox_outcome outcomes[ATTACK_COUNT];
    for (size_t i = 0; i < ATTACK_COUNT; i++)
        bodies[i] = attacks[i].body;
    sandbox_run_each(&(struct sandbox_run){.landlock_abi = abi + 1, .ordinary_user = ordinary_user},
                     bodies, ATTACK_COUNT, outcomes);
    for (size_t i = 0; i < ATTACK_COUNT; i++)
        assert_fatal(&attacks[i], &outcomes[i], abi, ordinary_user);
}

static void every_attack_ends_root_s_worker_with_every_abi(void **state)
{
    (void)state;
    if (!sandbox_can_be_root())
        skip();
    for (int abi = 0; abi <= CONFINEMENT_ABI_MAXIMUM; abi++)
        try_all(abi, false);
}

static void every_attack_ends_an_ordinary_user_s_worker_with_every_abi(void **state)
{
    (void)state;
    for (int abi = 0; abi <= CONFINEMENT_ABI_MAXIMUM; abi++)
        try_all(abi, true);
}

/* --- What is refused without seccomp, by the layers behind it --- */

static long open_memory_of(pid_t pid)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    return open(path, O_RDONLY);
}

ATTACK(open_memory_of_launcher, open_memory_of(inside->launcher))
ATTACK(open_memory_of_neighbour, open_memory_of(inside->neighbour))
ATTACK(open_shadow, open("/etc/shadow", O_RDONLY))
ATTACK(fork_once, syscall(SYS_fork))
ATTACK(become_root, setresuid(0, 0, 0))

static sandbox_body_f *const refused[] = {open_memory_of_launcher, open_memory_of_neighbour,
                                          open_shadow, fork_once, become_root};
enum { REFUSED_COUNT = sizeof(refused) / sizeof(*refused) };

static void assert_refused(bool ordinary_user)
{
    for (int abi = 0; abi <= CONFINEMENT_ABI_MAXIMUM; abi++) {
        struct sandbox_outcome outcomes[REFUSED_COUNT];
        sandbox_run_each(&(struct sandbox_run){.landlock_abi = abi + 1,
                                               .ordinary_user = ordinary_user,
                                               .without_filter = true},
                         refused, REFUSED_COUNT, outcomes);
        for (size_t i = 0; i < REFUSED_COUNT; i++)
            if (!outcomes[i].returned || outcomes[i].value != -1 ||
                (outcomes[i].error_number != EACCES && outcomes[i].error_number != EPERM &&
                 outcomes[i].error_number != EAGAIN))
                fail_msg("attempt %zu, Landlock ABI %d: %ld, errno %d, wait status %d", i, abi,
                         outcomes[i].value, outcomes[i].error_number, outcomes[i].wait_status);
    }
}

static void other_layers_hold_where_seccomp_is_missing(void **state)
{
    (void)state;
    if (sandbox_can_be_root())
        assert_refused(false);
    assert_refused(true);
}

/* Somebody listens on an abstract name; a socket of the launcher's time, for a worker makes none
 * of its own. */
static int abstract_listener(struct sockaddr_un *address, socklen_t *length)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "mimo-hostile-%d",
             (int)getpid());
    *length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address->sun_path + 1));
    assert_int_equal(bind(fd, (const struct sockaddr *)address, *length), 0);
    assert_int_equal(listen(fd, 64), 0); /* nobody accepts */
    return fd;
}

static struct sockaddr_un abstract_address;
static socklen_t abstract_length;

ATTACK(connect_abstract, connect(socket(AF_UNIX, SOCK_STREAM, 0),
                                 (const struct sockaddr *)&abstract_address, abstract_length))

static void abstract_sockets_are_out_of_reach_from_abi_6_on(void **state)
{
    (void)state;
    int listener = abstract_listener(&abstract_address, &abstract_length);
    for (int abi = 0; abi <= CONFINEMENT_ABI_MAXIMUM; abi++) {
        struct sandbox_outcome outcome;
        int in_force = confinement_landlock_abi(abi);
        sandbox_run_each(&(struct sandbox_run){.landlock_abi = abi + 1, .without_filter = true},
                         (sandbox_body_f *[]){connect_abstract}, 1, &outcome);
        assert_true(outcome.returned);
        assert_int_equal(outcome.value, in_force >= 6 ? -1 : 0);
        assert_true(in_force < 6 || outcome.error_number == EPERM);
    }
    close(listener);
}

/* --- What is limited --- */

static struct launcher_launch *order_of(struct worker *worker)
{
    return (struct launcher_launch *)(uintptr_t)worker->order;
}

static void give_one_second(struct worker *worker)
{
    order_of(worker)->cpu_seconds = 1;
}

static long spin(const struct sandbox_inside *inside)
{
    volatile long turns = 0;
    while (inside)
        turns = turns + 1;
    return turns;
}

static void processor_time_is_limited(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = spin, .spoil = give_one_second}, &outcome);
    assert_true(WIFSIGNALED(outcome.wait_status));
    assert_int_equal(WTERMSIG(outcome.wait_status), SIGXCPU);
}

static void give_ten_files(struct worker *worker)
{
    order_of(worker)->open_files = 10;
}

static long open_all(const struct sandbox_inside *inside)
{
    (void)inside;
    long count = 0;
    while (count < 4096 && socket(AF_INET, SOCK_STREAM, 0) >= 0)
        count++;
    return count;
}

static void descriptors_are_limited(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = open_all, .spoil = give_ten_files}, &outcome);
    assert_true(outcome.returned);
    assert_int_equal(outcome.value, 10 - 4);
    assert_int_equal(outcome.error_number, EMFILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attack_ends_root_s_worker_with_every_abi),
        cmocka_unit_test(every_attack_ends_an_ordinary_user_s_worker_with_every_abi),
        cmocka_unit_test(other_layers_hold_where_seccomp_is_missing),
        cmocka_unit_test(abstract_sockets_are_out_of_reach_from_abi_6_on),
        cmocka_unit_test(processor_time_is_limited),
        cmocka_unit_test(descriptors_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
