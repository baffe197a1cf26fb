/* SPDX-License-Identifier: Apache-2.0 */
/* test_launcher_users.c - as whom workers may run, and the table of who runs. */
#include "expect.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/children.h"
#include "launcher/worker_users.h"

/* --- Users --- */

struct given {
    const char *launcher, *worker, *range;
    const char *problem; /* part of the message; NULL: fine */
};

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static int find(const struct given *given, struct worker_users *users, struct error *error)
{
    struct config config = {
        .actuator_launcher_user = text(given->launcher),
        .actuator_worker_user = text(given->worker),
        .actuator_worker_uids = text(given->range),
    };
    return worker_users_find(&config, users, error);
}

static void users_that_would_open_a_way_back_are_refused(void **state)
{
    (void)state;
    static const struct given cases[] = {
        {"61184", "61185", "", NULL},
        {"61184", "61185", "61200-61209", NULL},
        {"0", "61185", "", "launcher_user must not be root"},
        {"61184", "0", "", "worker_user must not be root"},
        {"61184", "61185:0", "", "worker_user must not be root"},
        {"61184", "61184", "", "are both 61184"},
        {"61200", "61185", "61200-61209", "worker_uids"},
        {"61209", "61185", "61200-61209", "worker_uids"},
        {"61210", "61185", "61200-61209", NULL},
        {"no-such-user", "61185", "", "actuator.launcher_user"},
        {"61184", "no-such-user", "", "actuator.worker_user"},
    };
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct worker_users users;
        struct error error = {0};
        int result = find(&cases[i], &users, &error);
        if (!cases[i].problem && result < 0)
            fail_msg("case %zu: %s", i, error.message);
        if (!cases[i].problem)
            continue;
        assert_int_equal(result, -1);
        if (!strstr(error.message, cases[i].problem))
            fail_msg("case %zu: \"%s\" does not contain \"%s\"", i, error.message,
                     cases[i].problem);
    }
}

static void a_range_is_counted_with_both_ends(void **state)
{
    (void)state;
    const struct given range = {"61184", "61185", "61200-61209", NULL};
    const struct given one = {"61184", "61185:100", "", NULL};
    struct worker_users users;
    struct error error;
    if (geteuid() != 0)
        skip();
    assert_int_equal(find(&range, &users, &error), 0);
    assert_int_equal(users.launcher.uid, 61184);
    assert_int_equal(users.first.uid, 61200);
    assert_int_equal(users.first.gid, 61200);
    assert_int_equal(users.count, 10);
    assert_int_equal(find(&one, &users, &error), 0);
    assert_int_equal(users.first.uid, 61185);
    assert_int_equal(users.first.gid, 100);
    assert_int_equal(users.count, 0);
}

static void each_slot_of_a_range_has_a_user_of_its_own(void **state)
{
    (void)state;
    const struct worker_users range = {.first = {.uid = 61200, .gid = 61200}, .count = 3};
    const struct worker_users one = {.first = {.uid = 61185, .gid = 100}};
    struct identity identity;
    assert_true(worker_users_of_slot(&range, 2, &identity));
    assert_int_equal(identity.uid, 61202);
    assert_int_equal(identity.gid, 61202);
    assert_false(worker_users_of_slot(&range, 3, &identity));
    assert_true(worker_users_of_slot(&one, 999, &identity));
    assert_int_equal(identity.uid, 61185);
    assert_int_equal(identity.gid, 100);
}

/* --- Children --- */

static void children_are_found_by_token_and_by_pid(void **state)
{
    (void)state;
    static struct children children;
    for (uint64_t i = 0; i < CHILDREN_MAXIMUM; i++)
        children_add(&children, 1000 + i, (pid_t)(1 + i));
    assert_int_equal(children.count, CHILDREN_MAXIMUM);
    assert_int_equal(children_by_token(&children, 1500)->pid, 501);
    assert_int_equal(children_by_pid(&children, 501)->token, 1500);
    assert_null(children_by_token(&children, 999));
    assert_null(children_by_pid(&children, CHILDREN_MAXIMUM + 1));
}

static void removed_child_is_gone_and_all_others_stay(void **state)
{
    (void)state;
    static struct children children;
    for (uint64_t i = 1; i <= 5; i++)
        children_add(&children, i, (pid_t)(100 + i));
    children_remove(&children, children_by_token(&children, 2));
    children_remove(&children, children_by_token(&children, 5));
    assert_int_equal(children.count, 3);
    assert_null(children_by_token(&children, 2));
    assert_null(children_by_pid(&children, 105));
    for (uint64_t i = 1; i <= 4; i++)
        if (i != 2)
            assert_int_equal(children_by_token(&children, i)->pid, 100 + i);
}

/* A child that waits; with a process group of its own if `leader`. */
static struct child start_child(bool leader)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (leader && setsid() < 0)
            _exit(1);
        if (write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return (struct child){.token = 1, .pid = pid};
}

static void child_is_signalled_with_and_without_a_group(void **state)
{
    (void)state;
    for (int leader = 0; leader <= 1; leader++) {
        struct child child = start_child(leader);
        int status;
        assert_int_equal(child_signal(&child, SIGTERM), 0);
        assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGTERM);
        assert_int_equal(child_signal(&child, SIGTERM), -1);
        assert_int_equal(errno, ESRCH);
    }
}

/* What a task might have started, if the sandbox let it: it shares the group, and holds the pipe
 * open. */
static void whole_group_is_signalled(void **state)
{
    (void)state;
    int alive[2], status;
    char byte;
    assert_int_equal(pipe(alive), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (setsid() < 0 || fork() < 0 || write(alive[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(alive[1]);
    assert_int_equal(read(alive[0], &byte, 1), 1);
    assert_int_equal(read(alive[0], &byte, 1), 1);
    assert_int_equal(child_signal(&(struct child){.token = 1, .pid = pid}, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    struct pollfd closed = {.fd = alive[0], .events = POLLIN};
    assert_int_equal(poll(&closed, 1, 10000), 1);
    assert_int_equal(read(alive[0], &byte, 1), 0);
    close(alive[0]);
}

/* A leader that has ended, but not alone: its number is its group's until the last has gone. */
static void group_of_a_child_that_has_ended_is_seen_and_not_signalled(void **state)
{
    (void)state;
    int member[2], status;
    char byte;
    pid_t other;
    assert_int_equal(pipe(member), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pid_t forked = setsid() < 0 ? -1 : fork();
        if (forked == 0)
            for (;;)
                pause();
        _exit(write(member[1], &forked, sizeof(forked)) != sizeof(forked));
    }
    assert_int_equal(read(member[0], &other, sizeof(other)), sizeof(other));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    struct child child = {.token = 1, .pid = pid, .has_ended = true};
    assert_true(child_has_group(&child));
    assert_int_equal(child_signal(&child, SIGKILL), 0);
    assert_int_equal(kill(other, 0), 0); /* not by its number: it may be somebody else's */
    assert_int_equal(kill(other, SIGKILL), 0);
    close(member[1]);
    assert_int_equal(read(member[0], &byte, 1), 0); /* both ends of it are closed now */
    close(member[0]);
}

/* --- How many processes a user has --- */

static void *wait_for_ever(void *context)
{
    for (;;)
        pause();
    return context;
}

/* Becomes a user that nobody else is. */
static int become_nobody_else(void)
{
    const uid_t user = 1000000 + (uid_t)getpid();
    return setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0 ? -1 : 0;
}

/* 0 when all is as it should be. */
static int count_own_processes(void *context)
{
    (void)context;
    enum { RESERVE = 256 };
    uint32_t alone, with_thread;
    pthread_t thread;
    if (become_nobody_else() < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
        return 1;
    if (worker_users_count_processes(&alone, NULL) < 0 || alone != RESERVE + 1)
        return 2;
    if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0 ||
        worker_users_count_processes(&with_thread, NULL) < 0)
        return 3;
    return with_thread == alone + 1 ? 0 : 4;
}

static int count_without_descriptors(void *context)
{
    const struct rlimit none = {0, 0};
    uint32_t count;
    struct error error;
    (void)context;
    if (setrlimit(RLIMIT_NOFILE, &none) < 0)
        return 1;
    return worker_users_count_processes(&count, &error) < 0 ? 0 : 2;
}

static void processes_that_cannot_be_counted_are_an_error(void **state)
{
    (void)state;
    expect_child_succeeds(count_without_descriptors, NULL);
}

static void threads_count_as_processes_of_a_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    expect_child_succeeds(count_own_processes, NULL);
}

/* --- Who is not root, or no longer --- */

static int find_without_root(void *context)
{
    (void)context;
    const struct given given = {"no-such-user", "no-such-user", "", NULL};
    struct worker_users users = {.privileged = true};
    struct error error;
    if (become_nobody_else() < 0)
        return 1;
    if (find(&given, &users, &error) < 0 || users.privileged)
        return 2;
    if (users.launcher.uid != getuid() || users.launcher.gid != getgid())
        return 3;
    return users.first.uid == getuid() && users.first.gid == getgid() ? 0 : 4;
}

static void without_root_workers_run_as_whoever_started_the_launcher(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    expect_child_succeeds(find_without_root, NULL);
}

/* As the launcher does: a capability that outlives the change of user, by way of the ambient set. */
static int keep_a_capability(void)
{
    struct __user_cap_header_struct self = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = 1u << CAP_KILL, .permitted = 1u << CAP_KILL, .inheritable = 1u << CAP_KILL}};
    if (prctl(PR_SET_KEEPCAPS, 1) < 0 || become_nobody_else() < 0)
        return -1;
    return syscall(SYS_capset, &self, sets) < 0 ||
                   prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) < 0
               ? -1
               : 0;
}

static int drop_capabilities(void *context)
{
    (void)context;
    struct __user_cap_header_struct self = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    struct error error;
    if (keep_a_capability() < 0)
        return 1;
    if (worker_drop_capabilities(NULL, &error) < 0)
        return 2;
    if (syscall(SYS_capget, &self, sets) < 0)
        return 3;
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        if (sets[i].effective || sets[i].permitted || sets[i].inheritable)
            return 4;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0) == 0 ? 0 : 5;
}

static void no_set_of_capabilities_has_anything_left(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    expect_child_succeeds(drop_capabilities, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_that_would_open_a_way_back_are_refused),
        cmocka_unit_test(a_range_is_counted_with_both_ends),
        cmocka_unit_test(each_slot_of_a_range_has_a_user_of_its_own),
        cmocka_unit_test(children_are_found_by_token_and_by_pid),
        cmocka_unit_test(removed_child_is_gone_and_all_others_stay),
        cmocka_unit_test(child_is_signalled_with_and_without_a_group),
        cmocka_unit_test(whole_group_is_signalled),
        cmocka_unit_test(group_of_a_child_that_has_ended_is_seen_and_not_signalled),
        cmocka_unit_test(processes_that_cannot_be_counted_are_an_error),
        cmocka_unit_test(threads_count_as_processes_of_a_user),
        cmocka_unit_test(without_root_workers_run_as_whoever_started_the_launcher),
        cmocka_unit_test(no_set_of_capabilities_has_anything_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
