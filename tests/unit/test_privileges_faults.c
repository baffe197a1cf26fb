/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_privileges_faults.c - a step of giving up root that fails, or only claims to have worked, is
 * noticed.
 *
 * The linker puts the functions below in front of the system's (--wrap). Only root has privileges
 * to give up, so nothing else is tested here.
 */
#include <errno.h>
#include <grp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "expect.h"
#include "mimo/privileges.h"

/* A fault: a call that fails with EPERM, or does nothing and says that it did. */
struct fault {
    const char *call;
    bool lies;
    const char *part; /* of the message that comes of it */
};

static const struct fault *fault;

static bool is_faulty(const char *call)
{
    return fault && strcmp(fault->call, call) == 0;
}

static int answer(void)
{
    if (fault->lies)
        return 0;
    errno = EPERM;
    return -1;
}

#define WRAP(name, parameters, arguments)                                                          \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        return is_faulty(#name) ? answer() : __real_##name arguments;                              \
    }

WRAP(setgroups, (size_t count, const gid_t *groups), (count, groups))
WRAP(setresgid, (gid_t real, gid_t effective, gid_t saved), (real, effective, saved))
WRAP(cap_drop_bound, (cap_value_t capability), (capability))
WRAP(cap_set_proc, (cap_t caps), (caps))
WRAP(setrlimit, (int resource, const struct rlimit *limit), (resource, limit))

int __real_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved)
{
    if (is_faulty("setresuid"))
        return answer();
    if (is_faulty("setresuid without the saved user") && saved != (uid_t)-1)
        return __real_setresuid(real, effective, 0);
    if (is_faulty("way back") && real == (uid_t)-1)
        return answer();
    return __real_setresuid(real, effective, saved);
}

int __real_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int __wrap_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int __wrap_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if ((option == PR_SET_SECUREBITS && is_faulty("securebits")) ||
        (option == PR_CAP_AMBIENT && is_faulty("ambient")) ||
        (option == PR_SET_NO_NEW_PRIVS && is_faulty("no_new_privs")) ||
        (option == PR_SET_DUMPABLE && is_faulty("dumpable")))
        return answer();
    return __real_prctl(option, a, b, c, d);
}

static int expect_message(int result, const struct error *error)
{
    if (result < 0 && strstr(error->message, fault->part))
        return 0;
    fprintf(stderr, "%s that %s: %s\n", fault->call, fault->lies ? "lies" : "fails",
            result < 0 ? error->message : "not noticed");
    return 1;
}

static int drop(void *context)
{
    const struct identity identity = {.uid = 61190, .gid = 61191};
    const int keep[] = {CAP_SETUID};
    const gid_t groups[] = {4};
    struct error error;

    if (setgroups(1, groups) < 0)
        return 1;
    fault = context;
    return expect_message(privileges_drop(&identity, keep, 1, &error), &error);
}

static int harden(void *context)
{
    struct error error;

    fault = context;
    return expect_message(privileges_harden(&error), &error);
}

static void every_step_that_fails_or_lies_is_noticed(void **state)
{
    static struct fault faults[] = {
        {"setgroups", false, "cannot become user 61190, group 61191: Operation not permitted"},
        {"setgroups", true, "user and group are not 61190:61191 after the change"},
        {"setresgid", false, "cannot become user"},
        {"setresgid", true, "user and group are not 61190:61191"},
        {"setresuid", false, "cannot become user"},
        {"setresuid", true, "user and group are not 61190:61191"},
        {"setresuid without the saved user", true, "user and group are not 61190:61191"},
        {"way back", true, "the user from before could be regained"},
        {"cap_drop_bound", false, "cannot empty the capability bounding set"},
        {"cap_drop_bound", true, "is still in the bounding set"},
        {"ambient", false, "cannot empty the capability bounding set"},
        {"securebits", false, "cannot set the securebits"},
        {"securebits", true, "cannot drop capabilities"},
        {"cap_set_proc", false, "cannot drop capabilities"},
        {"cap_set_proc", true, "cannot lock the securebits"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        expect_child_succeeds(drop, &faults[i]);
}

static void every_step_of_hardening_that_fails_is_told(void **state)
{
    static struct fault faults[] = {
        {"no_new_privs", false, "cannot set no-new-privileges"},
        {"dumpable", false, "cannot become undumpable"},
        {"setrlimit", false, "cannot forbid core files"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        expect_child_succeeds(harden, &faults[i]);
}

int main(void)
{
    const struct CMUnitTest for_everybody[] = {
        cmocka_unit_test(every_step_of_hardening_that_fails_is_told),
    };
    const struct CMUnitTest for_root[] = {
        cmocka_unit_test(every_step_that_fails_or_lies_is_noticed),
    };
    int failed = cmocka_run_group_tests(for_everybody, NULL, NULL);

    if (geteuid() == 0)
        failed += cmocka_run_group_tests(for_root, NULL, NULL);
    return failed;
}
