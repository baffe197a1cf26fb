/* SPDX-License-Identifier: Apache-2.0 */
/* test_cgroup.c - finding, making, killing and removing control groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cgroup_fixture.h"
#include "mimo/cgroup.h"
#include "patience.h"

/* --- Finding --- */

#define PURE "30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
#define HYBRID                                                                                     \
    "30 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"                                            \
    "38 30 0:35 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"                                \
    "40 30 0:37 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n"
#define OF_UNIT "50 40 0:26 /system.slice/mimod.service /run/own rw - cgroup2 cgroup2 rw\n"

static void expect_found(const char *mounts, const char *membership, const char *path)
{
    char found[256];
    struct error error;
    if (cgroup_find_in(mounts, membership, found, sizeof(found), &error) < 0)
        fail_msg("%s", error.message);
    assert_string_equal(found, path);
}

static void the_directory_is_found_wherever_version_2_is_mounted(void **state)
{
    (void)state;
    expect_found(PURE, "0::/\n", "/sys/fs/cgroup");
    expect_found(PURE, "0::/system.slice/mimod.service\n",
                 "/sys/fs/cgroup/system.slice/mimod.service");
    expect_found(HYBRID, "8:pids:/\n4:memory:/x\n0::/a b\n", "/sys/fs/cgroup/unified/a b");
    expect_found(OF_UNIT, "0::/system.slice/mimod.service\n", "/run/own");
    expect_found(OF_UNIT, "0::/system.slice/mimod.service/supervisor\n", "/run/own/supervisor");
}

static void nothing_is_found_where_there_is_none(void **state)
{
    static const struct {
        const char *mounts, *membership, *reason;
    } cases[] = {
        {PURE, "8:pids:/\n", "this kernel has no cgroups of version 2"},
        {PURE, "", "this kernel has no cgroups of version 2"},
        {"38 30 0:35 / /sys/fs/cgroup rw - cgroup cgroup rw\n", "0::/\n", "no mounted hierarchy"},
        {"", "0::/\n", "no mounted hierarchy"},
        {OF_UNIT, "0::/system.slice/mimod.service-other\n", "no mounted hierarchy"},
        {OF_UNIT, "0::/system.slice\n", "no mounted hierarchy"},
    };
    char found[256];
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(
            cgroup_find_in(cases[i].mounts, cases[i].membership, found, sizeof(found), &error), -1);
        assert_int_equal(error.kind, ERROR_NOT_FOUND);
        assert_non_null(strstr(error.message, cases[i].reason));
    }
}

static void a_path_that_does_not_fit_is_not_cut(void **state)
{
    char found[16];
    struct error error;
    (void)state;
    assert_int_equal(cgroup_find_in(PURE, "0::/system.slice\n", found, sizeof(found), &error), -1);
}

/* --- In a directory of one's own; where the machine gives none, the reason is what is tested --- */

enum { MEMBERS = 3, END_OF_MEMBERS = 5000 /* milliseconds */ };

static pid_t members[MEMBERS]; /* processes in the cgroup that have not been waited for */

static int set_up(void **state)
{
    static struct cgroup_fixture cgroup;
    cgroup_fixture_open(&cgroup, (gid_t)-1);
    *state = &cgroup;
    return 0;
}

/* A cgroup that was not killed must not stay, nor keep the test from its end. */
static int tear_down(void **state)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (members[i] > 0)
            kill(members[i], SIGKILL);
    cgroup_fixture_close(*state);
    return 0;
}

static void only_a_marked_directory_is_delegated_to_root(void **state)
{
    const struct cgroup_fixture *cgroup = *state;
    assert_false(cgroup_is_delegated("/"));
    assert_false(cgroup_is_delegated("/nonexistent"));
    if (cgroup->parent < 0)
        return;
    assert_false(cgroup_is_delegated(cgroup->path));
    assert_int_equal(setxattr(cgroup->path, "user.delegate", "0", 1, 0), 0);
    assert_false(cgroup_is_delegated(cgroup->path));
    assert_int_equal(setxattr(cgroup->path, "user.delegate", "1", 1, 0), 0);
    assert_true(cgroup_is_delegated(cgroup->path));
}

/* In the child. */
static _Noreturn void be_member(int place, int ready)
{
    struct error error;
    signal(SIGTERM, SIG_IGN);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || cgroup_enter(place, &error) < 0 ||
        write(ready, "!", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

/* Three processes: one of them stopped, one in a cgroup inside, all of them deaf to SIGTERM. */
static void fill(int place)
{
    struct error error;
    int ready[2], inner;
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(cgroup_make(place, "inner", (gid_t)-1, &inner, &error), 0);
    for (size_t i = 0; i < MEMBERS; i++) {
        members[i] = fork();
        if (members[i] == 0)
            be_member(i == 0 ? inner : place, ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
    }
    assert_int_equal(kill(members[1], SIGSTOP), 0);
    close(ready[0]);
    close(ready[1]);
    close(inner);
}

static void expect_killed(void)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        int status;
        assert_int_equal(waitpid(members[i], &status, 0), members[i]);
        members[i] = 0;
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
}

static void a_cgroup_is_removed_with_everything_in_it(void **state)
{
    const struct cgroup_fixture *cgroup = *state;
    struct error error;
    int place;
    if (cgroup->parent < 0) {
        assert_int_equal(cgroup_make(-1, "x", (gid_t)-1, &place, &error), -1);
        return;
    }
    assert_int_equal(cgroup_make(cgroup->place, "attempt", (gid_t)-1, &place, &error), 0);
    assert_true(cgroup_is_empty(place));
    fill(place);
    assert_false(cgroup_is_empty(place));
    if (cgroup_remove(cgroup->place, "attempt", patient_milliseconds(END_OF_MEMBERS), &error) < 0)
        fail_msg("%s", error.message);
    expect_killed();
    assert_int_equal(faccessat(cgroup->place, "attempt", F_OK, 0), -1);
    assert_int_equal(cgroup_remove(cgroup->place, "attempt", 0, &error), 0);
    close(place);
}

static void the_group_that_manages_it_may_write(void **state)
{
    const struct cgroup_fixture *cgroup = *state;
    const gid_t manager = 61186;
    struct error error;
    struct stat directory, processes;
    int place;
    if (cgroup->parent < 0)
        return;
    assert_int_equal(cgroup_make(cgroup->place, "managed", manager, &place, &error), 0);
    assert_int_equal(fstatat(cgroup->place, "managed", &directory, 0), 0);
    assert_int_equal(fstatat(place, "cgroup.procs", &processes, 0), 0);
    close(place);
    assert_int_equal(directory.st_gid, manager);
    assert_int_equal(directory.st_mode & 07777, 0775);
    assert_int_equal(processes.st_gid, manager);
    assert_int_equal(processes.st_mode & 07777, 0664);
    assert_int_equal(cgroup_remove(cgroup->place, "managed", 0, &error), 0);
}

static void numbers_are_read_by_their_whole_names(void **state)
{
    const struct cgroup_fixture *cgroup = *state;
    if (cgroup->parent < 0)
        return;
    assert_int_equal(cgroup_read_number(cgroup->place, "cgroup.events", "populated"), 0);
    assert_int_equal(cgroup_read_number(cgroup->place, "cgroup.events", "popu"), 0);
    assert_int_equal(cgroup_read_number(cgroup->place, "missing", "populated"), 0);
    assert_true(cgroup_read_number(cgroup->place, "cgroup.stat", "nr_descendants") == 0);
}

static void controllers_that_are_not_there_are_not_enabled(void **state)
{
    const struct cgroup_fixture *cgroup = *state;
    if (cgroup->parent < 0)
        return;
    unsigned there = cgroup_enabled(cgroup->parent);
    assert_int_equal(cgroup_enable(cgroup->place, CGROUP_MEMORY | CGROUP_PIDS) & ~there, 0);
    assert_int_equal(cgroup_enabled(cgroup->place), there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_directory_is_found_wherever_version_2_is_mounted),
        cmocka_unit_test(nothing_is_found_where_there_is_none),
        cmocka_unit_test(a_path_that_does_not_fit_is_not_cut),
        cmocka_unit_test_setup_teardown(only_a_marked_directory_is_delegated_to_root, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cgroup_is_removed_with_everything_in_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_group_that_manages_it_may_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_read_by_their_whole_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(controllers_that_are_not_there_are_not_enabled, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
