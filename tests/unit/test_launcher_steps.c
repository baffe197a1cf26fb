/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launcher_steps.c - each step of a worker's checklist is spoiled once: the worker must
 * notice, and end at that step with the exit code of its row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mimo/clock.h"
#include "mimo/exit_codes.h"
#include "mimo/io.h"
#include "sandbox_fixture.h"

/* Orders are constant for workers, and the test's own to change before there is one. */
static struct launcher_launch *order_of(struct worker *worker)
{
    return (struct launcher_launch *)(uintptr_t)worker->order;
}

static void lead_a_session_already(struct worker *worker)
{
    (void)worker;
    setsid();
}

static void ask_for_no_alarm(struct worker *worker)
{
    order_of(worker)->alarm_seconds = 0;
}

static void ask_too_late(struct worker *worker)
{
    order_of(worker)->not_after = (uint64_t)clock_monotonic().milliseconds;
}

static void name_a_task_that_is_not_there(struct worker *worker)
{
    struct launcher_launch *order = order_of(worker);
    snprintf(order->external_task, sizeof(order->external_task), "%s",
             "3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11");
}

static void forget_the_report(struct worker *worker)
{
    worker->report_fd = -1;
}

static void forget_the_job(struct worker *worker)
{
    worker->job_fd = -1;
}

static void join_an_open_keyring(struct worker *worker)
{
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
        abort();
    worker->workplace->closed_keyring = true;
}

static void ask_for_too_many_files(struct worker *worker)
{
    order_of(worker)->open_files = UINT32_MAX;
}

static void use_up_the_users(struct worker *worker)
{
    worker->workplace->users.count = 3;
    order_of(worker)->slot = 3;
}

static void change_to_no_user(struct worker *worker)
{
    worker->workplace->users.first.uid = (uid_t)-1;
}

static void be_the_launcher_s_user(struct worker *worker)
{
    worker->workplace->users.launcher = worker->workplace->users.first;
}

static void bring_an_unsealed_job(struct worker *worker)
{
    worker->job_fd = memfd_create("job", MFD_CLOEXEC);
    if (worker->job_fd < 0 || write(worker->job_fd, "{}", 2) != 2)
        abort();
}

static void bring_a_file_as_job(struct worker *worker)
{
    worker->job_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
}

static void announce_a_longer_job(struct worker *worker)
{
    order_of(worker)->job_length++;
}

static void announce_a_shorter_job(struct worker *worker)
{
    order_of(worker)->job_length--;
}

static void bring_sealed_credentials(struct worker *worker)
{
    order_of(worker)->job_length = 1;
    order_of(worker)->sealed_length = 1;
}

static void be_adopted(struct worker *worker)
{
    worker->workplace->launcher = 1;
}

static void leave_no_descriptor(struct worker *worker)
{
    order_of(worker)->open_files = WORKER_JOB_FD;
}

static void empty_the_filter(struct worker *worker)
{
    worker->workplace->filter.count = 0;
}

struct spoiled {
    const char *title;
    const char *step;
    int exit_code;
    void (*in_launcher)(struct worker *worker);
    void (*in_worker)(struct worker *worker);
    const char *message; /* part of it */
    bool as_root;        /* only root's workers take this step */
};

static const struct spoiled cases[] = {
    {"session that cannot be started ends a worker", "session", EXIT_WORKER_SESSION, NULL,
     lead_a_session_already, "session"},
    {"order that comes too late ends a worker", "alarm", EXIT_WORKER_ALARM, NULL, ask_too_late,
     "deadline"},
    {"order without an alarm ends a worker", "alarm", EXIT_WORKER_ALARM, NULL, ask_for_no_alarm,
     "timeout"},
    {"task that the launcher does not know ends a worker", "programs", EXIT_WORKER_TASK, NULL,
     name_a_task_that_is_not_there, "restart mimod"},
    {"report pipe that is missing ends a worker", "descriptors", EXIT_WORKER_DESCRIPTORS, NULL,
     forget_the_report, "arrange descriptors"},
    {"job that is missing ends a worker", "descriptors", EXIT_WORKER_DESCRIPTORS, NULL,
     forget_the_job, "arrange descriptors"},
    {"session keyring that is open ends a worker", "keyring", EXIT_WORKER_KEYRING,
     join_an_open_keyring, NULL, "not closed"},
    {"limit that cannot be set ends a worker", "limits", EXIT_WORKER_LIMITS, ask_for_too_many_files,
     NULL, "RLIMIT_NOFILE"},
    {"slot without a user ends a worker", "user", EXIT_WORKER_USER, use_up_the_users, NULL,
     "slot 3", true},
    {"user that was not changed to ends a worker", "user", EXIT_WORKER_USER, change_to_no_user,
     NULL, "still user", true},
    {"way back to the launcher's user ends a worker", "proof", EXIT_WORKER_USER,
     be_the_launcher_s_user, NULL, "again", true},
    {"job in memory that can change ends a worker", "job", EXIT_WORKER_JOB, bring_an_unsealed_job,
     NULL, "sealed memory"},
    {"job in a file ends a worker", "job", EXIT_WORKER_JOB, bring_a_file_as_job, NULL,
     "sealed memory"},
    {"job shorter than announced ends a worker", "job", EXIT_WORKER_JOB, announce_a_longer_job,
     NULL, "2 bytes where 3"},
    {"job longer than announced ends a worker", "job", EXIT_WORKER_JOB, announce_a_shorter_job,
     NULL, "2 bytes where 1"},
    {"seal without a key ends a worker", "unseal", EXIT_WORKER_UNSEAL, bring_sealed_credentials,
     NULL, "clusters.seal_key"},
    {"launcher that is gone ends a worker", "parent", EXIT_WORKER_PARENT, be_adopted, NULL,
     "parent"},
    {"domain that cannot be made ends a worker", "landlock", EXIT_WORKER_LANDLOCK,
     leave_no_descriptor, NULL, "Landlock"},
    {"filter that cannot be loaded ends a worker", "seccomp", EXIT_WORKER_SECCOMP, empty_the_filter,
     NULL, "filter"},
};
enum { CASE_COUNT = sizeof(cases) / sizeof(*cases) };

static void worker_ends_at_the_spoiled_step(void **state)
{
    const struct spoiled *spoiled = *state;
    struct sandbox_outcome outcome;
    if (spoiled->as_root && !sandbox_can_be_root())
        skip();
    if (strcmp(spoiled->step, "landlock") == 0 && confinement_landlock_abi(1) == 0)
        skip();
    sandbox_run(
        &(struct sandbox_run){.spoil = spoiled->in_launcher, .spoil_worker = spoiled->in_worker},
        &outcome);
    assert_string_equal(outcome.failed_step, spoiled->step);
    assert_true(WIFEXITED(outcome.wait_status));
    assert_int_equal(WEXITSTATUS(outcome.wait_status), spoiled->exit_code);
    if (!strstr(outcome.message, spoiled->message))
        fail_msg("\"%s\" does not contain \"%s\"", outcome.message, spoiled->message);
    assert_string_equal(outcome.reported, "");
}

static void every_step_has_a_code_of_the_table(void **state)
{
    (void)state;
    int before = EXIT_WORKER_SIGNALS;
    for (const struct worker_step *step = worker_steps; step->name; step++) {
        assert_non_null(exit_code_text(step->exit_code));
        assert_non_null(step->run);
        if (step->exit_code == EXIT_WORKER_USER || step->exit_code == EXIT_WORKER_JOB ||
            step->exit_code == EXIT_WORKER_TASK || step->exit_code == EXIT_WORKER_GUARD)
            continue; /* the proof comes after capabilities, the guard before the job, the job
                         before its seal, the task of an order before what it needs */
        assert_true(step->exit_code >= before);
        before = step->exit_code;
    }
}

static void unspoiled_worker_takes_all_steps(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = NULL}, &outcome);
    assert_string_equal(outcome.failed_step, "");
    assert_int_equal(outcome.wait_status, 0);
}

static void filter_is_small_enough_to_load_for_each_worker(void **state)
{
    (void)state;
    struct confinement_filter filter;
    struct error error;
    assert_int_equal(sandbox_build_worker_filter(&filter, &error), 0);
    assert_in_range(filter.count, 50, 500);
    confinement_free(&filter);
    assert_null(filter.instructions);
}

static void open_umask(struct worker *worker)
{
    (void)worker;
    umask(0);
}

static long look_at_umask(const struct sandbox_inside *inside)
{
    (void)inside;
    return (long)umask(0);
}

static void files_of_a_worker_are_its_own(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.body = look_at_umask,
                                      .spoil_worker = open_umask,
                                      .without_filter = true},
                &outcome);
    assert_true(outcome.returned);
    assert_int_equal(outcome.value, 077);
}

static void put_descriptors_in_each_others_place(struct worker *worker)
{
    int report = fcntl(worker->report_fd, F_DUPFD, 100), job = fcntl(worker->job_fd, F_DUPFD, 100);
    if (dup2(report, WORKER_JOB_FD) < 0 || dup2(job, WORKER_REPORT_FD) < 0)
        abort();
    worker->report_fd = WORKER_JOB_FD;
    worker->job_fd = WORKER_REPORT_FD;
}

static void descriptors_get_to_their_places_from_anywhere(void **state)
{
    (void)state;
    struct sandbox_outcome outcome;
    sandbox_run(&(struct sandbox_run){.spoil_worker = put_descriptors_in_each_others_place},
                &outcome);
    assert_string_equal(outcome.failed_step, "");
    assert_int_equal(outcome.wait_status, 0);
}

static const struct worker_step *find_step(const char *name)
{
    const struct worker_step *step = worker_steps;
    while (step->name && strcmp(step->name, name) != 0)
        step++;
    assert_non_null(step->name);
    return step;
}

/* The launcher has done the same before, and Landlock asks for one of them again. */
static _Noreturn void take_steps_of_the_launcher(void)
{
    struct error error;
    if (find_step("dumpable")->run(NULL, &error) < 0 ||
        find_step("no-new-privileges")->run(NULL, &error) < 0)
        _exit(1);
    _exit(prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 2);
}

static void worker_depends_on_no_step_of_the_launcher(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    if (child == 0)
        take_steps_of_the_launcher();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* In a process that can still become what it was: the proof must say so. Its group is what is left in
 * the last row, without capabilities. */
static const struct {
    gid_t gid, saved_gid;
    uid_t uid, saved_uid;
    const char *problem;
} ways_back[] = {
    {2, 2, 2, 0, "user 0"},
    {2, 2, 2, 1, "user 1"},
    {2, 1, 2, 2, "group 1"},
};

static _Noreturn void prove_with_a_way_back(const struct worker_step *proof, size_t way)
{
    struct error error = {0};
    struct workplace workplace = {.users = {.privileged = true, .launcher = {.uid = 1, .gid = 1}}};
    struct worker worker = {.workplace = &workplace};
    if (setgroups(0, NULL) < 0 ||
        setresgid(ways_back[way].gid, ways_back[way].gid, ways_back[way].saved_gid) < 0 ||
        setresuid(ways_back[way].uid, ways_back[way].uid, ways_back[way].saved_uid) < 0 ||
        proof->run(&worker, &error) == 0)
        _exit(1);
    _exit(strstr(error.message, ways_back[way].problem) ? 0 : 2);
}

static void proof_fires_when_user_or_group_can_be_regained(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t way = 0; way < sizeof(ways_back) / sizeof(ways_back[0]); way++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            prove_with_a_way_back(find_step("proof"), way);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    static struct CMUnitTest spoiled_tests[CASE_COUNT];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unspoiled_worker_takes_all_steps),
        cmocka_unit_test(every_step_has_a_code_of_the_table),
        cmocka_unit_test(files_of_a_worker_are_its_own),
        cmocka_unit_test(descriptors_get_to_their_places_from_anywhere),
        cmocka_unit_test(worker_depends_on_no_step_of_the_launcher),
        cmocka_unit_test(proof_fires_when_user_or_group_can_be_regained),
        cmocka_unit_test(filter_is_small_enough_to_load_for_each_worker),
    };
    for (size_t i = 0; i < CASE_COUNT; i++)
        spoiled_tests[i] = (struct CMUnitTest){
            .name = cases[i].title,
            .test_func = worker_ends_at_the_spoiled_step,
            .initial_state = (void *)(uintptr_t)&cases[i],
        };
    int failed = cmocka_run_group_tests_name("spoiled steps", spoiled_tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
