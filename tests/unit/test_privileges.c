/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_privileges.c - who gave up root cannot get it back. Started as root, children give up their
 * privileges for numeric users that need no account; started by anybody else, what holds then is
 * tested.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"
#include "mimo/privileges.h"

static const struct identity nobody_special = {.uid = 61190, .gid = 61191};

static void users_are_found_by_name(void **state)
{
    struct identity identity;
    struct error error;

    (void)state;
    expect_success(privileges_find_user("daemon", &identity, &error), &error);
    assert_int_equal(identity.uid, 1);
    assert_int_equal(identity.gid, 1);
    expect_failure(privileges_find_user("no-such-user-here", &identity, &error), &error,
                   ERROR_NOT_FOUND,
                   "there is no user \"no-such-user-here\": create it, or configure a UID");
    expect_failure(privileges_find_user("", &identity, &error), &error, ERROR_NOT_FOUND,
                   "there is no user");
}

static void users_are_taken_as_numbers(void **state)
{
    struct identity identity;
    struct error error;

    (void)state;
    expect_success(privileges_find_user("61184", &identity, &error), &error);
    assert_int_equal(identity.uid, 61184);
    assert_int_equal(identity.gid, 61184);
    expect_success(privileges_find_user("61184:7", &identity, &error), &error);
    assert_int_equal(identity.uid, 61184);
    assert_int_equal(identity.gid, 7);
    expect_success(privileges_find_user("4294967294", &identity, &error), &error);
    assert_int_equal(identity.uid, 4294967294);
}

static void numbers_that_are_no_user_are_refused(void **state)
{
    static const char *const wrong[] = {
        "1:", "1:x", "1x", "1:2:3", "4294967295", "1:4294967295", "99999999999999999999",
        "1 ", "1:-1"};
    struct identity identity = nobody_special;
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_failure(privileges_find_user(wrong[i], &identity, &error), &error, ERROR_INVALID,
                       "is neither a name, UID nor UID:GID");
    assert_int_equal(identity.uid, nobody_special.uid);
}

/* A line of /proc/self/status, such as "CapEff", as a number of this base. A process that changed
 * its user may not open its own /proc folder by itself any more, but for this file. */
static unsigned long long status_value(const char *name, int base)
{
    cleanup_file FILE *file = fopen("/proc/self/status", "re");
    char line[256];

    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            return strtoull(line + strlen(name) + 1, NULL, base);
    }
    return ~0ULL;
}

static int expect_no_way_back(void)
{
    CHILD_EXPECT(setuid(0) < 0 && errno == EPERM);
    CHILD_EXPECT(seteuid(0) < 0 && errno == EPERM);
    CHILD_EXPECT(setresuid((uid_t)-1, (uid_t)-1, 0) < 0 && errno == EPERM);
    CHILD_EXPECT(setgid(0) < 0 && errno == EPERM);
    CHILD_EXPECT(setresgid((gid_t)-1, (gid_t)-1, 0) < 0 && errno == EPERM);
    CHILD_EXPECT(setgroups(0, NULL) < 0 && errno == EPERM);
    return 0;
}

static int drop_everything(void *context)
{
    struct error error;
    gid_t groups[] = {4, 27};

    (void)context;
    CHILD_EXPECT(setgroups(2, groups) == 0);
    if (privileges_drop(&nobody_special, NULL, 0, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    CHILD_EXPECT(getuid() == nobody_special.uid && geteuid() == nobody_special.uid);
    CHILD_EXPECT(getgid() == nobody_special.gid && getegid() == nobody_special.gid);
    CHILD_EXPECT(getgroups(0, NULL) == 0);
    CHILD_EXPECT(status_value("CapPrm", 16) == 0);
    CHILD_EXPECT(status_value("CapEff", 16) == 0);
    CHILD_EXPECT(status_value("CapInh", 16) == 0);
    CHILD_EXPECT(status_value("CapBnd", 16) == 0);
    CHILD_EXPECT(status_value("CapAmb", 16) == 0);
    CHILD_EXPECT(prctl(PR_SET_SECUREBITS, 0) < 0);
    CHILD_EXPECT(prctl(PR_SET_KEEPCAPS, 1) < 0);
    CHILD_EXPECT(!privileges_can_change());
    return expect_no_way_back();
}

static void root_is_given_up_for_good(void **state)
{
    (void)state;
    expect_child_succeeds(drop_everything, NULL);
}

enum { KEPT_BITS = 1 << CAP_SETUID | 1 << CAP_SETGID | 1 << CAP_KILL };

static int drop_as_launcher(void)
{
    static const int keep[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};
    struct error error;

    if (privileges_drop(&nobody_special, keep, 3, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    CHILD_EXPECT(getuid() == nobody_special.uid);
    CHILD_EXPECT(status_value("CapPrm", 16) == KEPT_BITS);
    CHILD_EXPECT(status_value("CapEff", 16) == KEPT_BITS);
    CHILD_EXPECT(status_value("CapBnd", 16) == KEPT_BITS);
    CHILD_EXPECT(status_value("CapInh", 16) == 0);
    CHILD_EXPECT(privileges_can_change());
    /* locked: nobody can have capabilities outlive a change of user again */
    CHILD_EXPECT(prctl(PR_SET_KEEPCAPS, 1) < 0);
    return 0;
}

static int keep_some(void *context)
{
    (void)context;
    return drop_as_launcher();
}

static void named_capabilities_are_kept_and_no_others(void **state)
{
    (void)state;
    expect_child_succeeds(keep_some, NULL);
}

static int drop_twice(void *context)
{
    const struct identity worker = {.uid = 61200, .gid = 61200};
    struct error error;

    (void)context;
    CHILD_EXPECT(drop_as_launcher() == 0);
    if (privileges_drop(&worker, NULL, 0, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    CHILD_EXPECT(getuid() == worker.uid && getgid() == worker.gid);
    CHILD_EXPECT(status_value("CapPrm", 16) == 0 && status_value("CapEff", 16) == 0);
    CHILD_EXPECT(setresuid((uid_t)-1, nobody_special.uid, (uid_t)-1) < 0);
    return expect_no_way_back();
}

static void who_kept_the_right_to_change_users_drops_it_with_the_next_change(void **state)
{
    (void)state;
    expect_child_succeeds(drop_twice, NULL);
}

static int drop_with_securebits_set(void *context)
{
    (void)context;
    CHILD_EXPECT(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED) == 0);
    CHILD_EXPECT(drop_as_launcher() == 0);
    CHILD_EXPECT(prctl(PR_GET_SECUREBITS) ==
                 (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                  SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED));
    return 0;
}

static void securebits_that_were_locked_before_do_no_harm(void **state)
{
    (void)state;
    expect_child_succeeds(drop_with_securebits_set, NULL);
}

static int exec_after_drop(void *context)
{
    struct error error;
    int null = open("/dev/null", O_WRONLY);

    (void)context;
    CHILD_EXPECT(privileges_drop(&nobody_special, NULL, 0, &error) == 0);
    dup2(null, STDERR_FILENO);
    execl("/bin/sh", "sh", "-c",
          "grep -q '^CapEff:.*0000000000000000$' /proc/self/status && "
          "grep -q '^CapBnd:.*0000000000000000$' /proc/self/status",
          (char *)NULL);
    return 1;
}

static void an_exec_brings_nothing_back(void **state)
{
    (void)state;
    expect_child_succeeds(exec_after_drop, NULL);
}

static int become_root(void *context)
{
    const struct identity *identity = context;
    struct error error;

    CHILD_EXPECT(privileges_drop(identity, NULL, 0, &error) < 0);
    CHILD_EXPECT(error.kind == ERROR_INVALID);
    CHILD_EXPECT(strstr(error.message, "is root: configure an ordinary user"));
    return 0;
}

static void root_is_no_user_to_drop_to(void **state)
{
    struct identity user = {.uid = 0, .gid = 61190};
    struct identity group = {.uid = 61190, .gid = 0};

    (void)state;
    expect_child_succeeds(become_root, &user);
    expect_child_succeeds(become_root, &group);
}

static int drop_without_capabilities(void *context)
{
    cap_t none = cap_init();
    struct error error;

    (void)context;
    CHILD_EXPECT(cap_set_proc(none) == 0);
    cap_free(none);
    CHILD_EXPECT(privileges_can_change());
    CHILD_EXPECT(privileges_drop(&nobody_special, NULL, 0, &error) < 0);
    CHILD_EXPECT(error.kind == ERROR_DENIED);
    CHILD_EXPECT(strstr(error.message, "cannot become user 61190, group 61191"));
    return 0;
}

static void root_that_cannot_give_up_root_fails_aloud(void **state)
{
    (void)state;
    expect_child_succeeds(drop_without_capabilities, NULL);
}

/* The body runs as an ordinary user, whoever started the tests. */
static int as_ordinary_user(int (*body)(void))
{
    if (geteuid() == 0)
        CHILD_EXPECT(setgroups(0, NULL) == 0 && setresgid(61195, 61195, 61195) == 0 &&
                     setresuid(61195, 61195, 61195) == 0);
    return body();
}

static int drop_nothing(void)
{
    static const int keep[] = {CAP_SETUID};
    uid_t uid = getuid();
    gid_t gid = getgid();
    struct error error;

    CHILD_EXPECT(!privileges_can_change());
    CHILD_EXPECT(privileges_drop(&nobody_special, keep, 1, &error) == 0);
    CHILD_EXPECT(getuid() == uid && geteuid() == uid && getgid() == gid && getegid() == gid);
    CHILD_EXPECT(status_value("CapPrm", 16) == 0);
    return 0;
}

static int drop_as_ordinary_user(void *context)
{
    (void)context;
    return as_ordinary_user(drop_nothing);
}

static void an_ordinary_user_stays_who_it_is(void **state)
{
    (void)state;
    expect_child_succeeds(drop_as_ordinary_user, NULL);
}

static int harden(void)
{
    struct rlimit core;
    struct error error;

    prctl(PR_SET_DUMPABLE, 1);
    CHILD_EXPECT(privileges_harden(&error) == 0);
    CHILD_EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    CHILD_EXPECT(prctl(PR_GET_DUMPABLE) == 0);
    CHILD_EXPECT(getrlimit(RLIMIT_CORE, &core) == 0);
    CHILD_EXPECT(core.rlim_cur == 0 && core.rlim_max == 0);
    return 0;
}

static int harden_as_ordinary_user(void *context)
{
    (void)context;
    return as_ordinary_user(harden);
}

static void hardening_needs_no_privilege(void **state)
{
    (void)state;
    expect_child_succeeds(harden_as_ordinary_user, NULL);
}

int main(void)
{
    const struct CMUnitTest for_everybody[] = {
        cmocka_unit_test(users_are_found_by_name),
        cmocka_unit_test(users_are_taken_as_numbers),
        cmocka_unit_test(numbers_that_are_no_user_are_refused),
        cmocka_unit_test(an_ordinary_user_stays_who_it_is),
        cmocka_unit_test(hardening_needs_no_privilege),
    };
    const struct CMUnitTest for_root[] = {
        cmocka_unit_test(root_is_given_up_for_good),
        cmocka_unit_test(named_capabilities_are_kept_and_no_others),
        cmocka_unit_test(who_kept_the_right_to_change_users_drops_it_with_the_next_change),
        cmocka_unit_test(securebits_that_were_locked_before_do_no_harm),
        cmocka_unit_test(an_exec_brings_nothing_back),
        cmocka_unit_test(root_is_no_user_to_drop_to),
        cmocka_unit_test(root_that_cannot_give_up_root_fails_aloud),
    };
    int failed = cmocka_run_group_tests(for_everybody, NULL, NULL);

    if (geteuid() == 0)
        failed += cmocka_run_group_tests(for_root, NULL, NULL);
    return failed;
}
