/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_practice.c - the practice task: its parameters, and every kind of trouble it makes, in a
 * child where the trouble is the end of the process.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/exit_codes.h"
#include "patience.h"
#include "task_double.h"
#include "tasks/tasks.h"

enum { DEADLINE_MILLISECONDS = 20 * 1000 };

/* Runs a practice task in this process. `parameters` with single quotes. */
static struct step_result run(struct task_double *context, int attempt, const char *parameters)
{
    char job[8192];
    snprintf(job, sizeof(job),
             "{'attempt': %d, 'settings': {'storePath': '/nonexistent/mimo.db'}, 'parameters': %s}",
             attempt, parameters);
    task_double_initialize(context, &practice_task, job);
    return task_run(&context->context);
}

static void expect_result(int attempt, const char *parameters, enum outcome_kind outcome,
                          const char *message)
{
    struct task_double context;
    struct step_result result = run(&context, attempt, parameters);
    assert_string_equal(message, result.message);
    assert_int_equal(outcome, result.outcome);
    task_double_free(&context);
}

/* ---- parameters ---- */

static void without_parameters_it_succeeds_at_once(void **state)
{
    (void)state;
    expect_result(1, "null", OUTCOME_SUCCEEDED, "");
    expect_result(1, "{}", OUTCOME_SUCCEEDED, "");
    expect_result(1, "{'steps': []}", OUTCOME_SUCCEEDED, "");
}

static void steps_report_sleep_and_end_as_told(void **state)
{
    (void)state;
    struct task_double context;
    struct step_result result = run(&context, 1,
                                    "{'steps': [{'name': 'warm up', 'sleepMs': 500, 'status': "
                                    "'stretching'}, {}, {'message': 'done', 'sleepMs': 0}]}");
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_string_equal("done", result.message);
    assert_string_equal("step 1/3 warm up\nstatus stretching\nstep 2/3 ok\nstep 3/3 ok\n",
                        context.reports);
    assert_int_equal(1000500, context.now);
    assert_int_equal(1, context.sleeps);
    task_double_free(&context);
}

static void failures_carry_their_message(void **state)
{
    (void)state;
    expect_result(1, "{'steps': [{'then': 'transient', 'message': '503 busy'}]}", OUTCOME_TRANSIENT,
                  "503 busy");
    expect_result(1, "{'steps': [{'then': 'terminal', 'message': '404 gone'}, {'then': 'crash'}]}",
                  OUTCOME_TERMINAL, "404 gone");
    expect_result(1, "{'steps': [{'then': 'transient'}]}", OUTCOME_TRANSIENT,
                  "transient failure requested");
    expect_result(1, "{'steps': [{'then': 'terminal'}]}", OUTCOME_TERMINAL,
                  "permanent failure requested");
}

static void trouble_may_end_with_a_later_attempt(void **state)
{
    (void)state;
    static const char parameters[] = "{'steps': [{'then': 'transient', 'message': 'no', "
                                     "'untilAttempt': 3}, {'message': 'yes'}]}";
    expect_result(1, parameters, OUTCOME_TRANSIENT, "no");
    expect_result(2, parameters, OUTCOME_TRANSIENT, "no");
    expect_result(3, parameters, OUTCOME_SUCCEEDED, "yes");
}

static void wrong_parameters_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{'step': []}", "unknown member \"step\"; known are steps"},
        {"{'steps': {}}", "parameters.steps must be an array"},
        {"{'steps': [1]}", "parameters.steps[0]: not an object"},
        {"{'steps': [{}, {'sleepMS': 1}]}",
         "parameters.steps[1]: unknown member \"sleepMS\"; known are name, sleepMs, "
         "status, then, message, untilAttempt, port"},
        {"{'steps': [{'name': 1}]}", "parameters.steps[0]: member \"name\" must be a string"},
        {"{'steps': [{'status': []}]}", "parameters.steps[0]: member \"status\" must be a string"},
        {"{'steps': [{'message': {}}]}",
         "parameters.steps[0]: member \"message\" must be a string"},
        {"{'steps': [{'sleepMs': 1.5}]}",
         "parameters.steps[0]: member \"sleepMs\" must be an integer"},
        {"{'steps': [{'sleepMs': -1}]}",
         "parameters.steps[0]: member \"sleepMs\" must be from 0 to 86400000"},
        {"{'steps': [{'sleepMs': 86400001}]}",
         "parameters.steps[0]: member \"sleepMs\" must be from 0 to 86400000"},
        {"{'steps': [{'then': 'explode'}]}", "parameters.steps[0]: member \"then\" must be one of "
                                             "ok, transient, terminal, crash, exit, "
                                             "garbage, flood, hang, oom, forbidden, open, connect"},
        {"{'steps': [{'then': null, 'untilAttempt': 2}]}",
         "parameters.steps[0]: member \"untilAttempt\" needs a \"then\" other than \"ok\""},
        {"{'steps': [{'then': 'crash', 'untilAttempt': 0}]}",
         "parameters.steps[0]: member \"untilAttempt\" must be from 1 to 1000"},
        {"{'steps': [{'then': 'crash', 'port': 1}]}",
         "parameters.steps[0]: member \"port\" needs \"then\" to be \"connect\""},
        {"{'steps': [{'then': 'connect', 'port': 65536}]}",
         "parameters.steps[0]: member \"port\" must be from 1 to 65535"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char job[1024];
        struct task_double context;
        struct error error = {0};
        snprintf(job, sizeof(job), "{'parameters': %s}", cases[i][0]);
        task_double_initialize(&context, &practice_task, job);
        assert_int_equal(-1, practice_task.check_parameters(context.job.parameters, &error));
        assert_string_equal(cases[i][1], error.message);
        assert_int_equal(ERROR_INVALID, error.kind);
        /* whoever wrote the manifest past the check hears the same from the worker */
        struct step_result result = task_run(&context.context);
        assert_int_equal(OUTCOME_TERMINAL, result.outcome);
        assert_string_equal(cases[i][1], result.message);
        task_double_free(&context);
    }
}

static void a_hundred_steps_are_the_most(void **state)
{
    (void)state;
    char job[4096] = "{'parameters': {'steps': [{}";
    struct task_double context;
    struct error error = {0};
    for (int i = 1; i < 100; i++)
        strcat(job, ", {}");
    size_t length = strlen(job);
    strcat(job, "]}}");
    task_double_initialize(&context, &practice_task, job);
    assert_int_equal(0, practice_task.check_parameters(context.job.parameters, &error));
    task_double_free(&context);
    strcpy(job + length, ", {}]}}");
    task_double_initialize(&context, &practice_task, job);
    assert_int_equal(-1, practice_task.check_parameters(context.job.parameters, &error));
    assert_string_equal("parameters.steps has 101 entries; at most 100", error.message);
    task_double_free(&context);
}

static void no_parameters_are_good_parameters(void **state)
{
    (void)state;
    struct error error = {0};
    assert_int_equal(0, practice_task.check_parameters(NULL, &error));
}

static void the_settings_tell_where_the_store_is(void **state)
{
    (void)state;
    char sqlite[] = "sqlite:/var/lib/mimo/mimo.db";
    char other[] = "cosmos:https://example.test/ARO";
    struct config config = {.store_uri = sqlite};
    struct json_object *settings = practice_task.settings(&config);
    assert_string_equal("/var/lib/mimo/mimo.db",
                        document_text(document_member(settings, "storePath")));
    json_object_put(settings);
    config.store_uri = other;
    settings = practice_task.settings(&config);
    assert_int_equal(0, document_member_count(settings));
    json_object_put(settings);
}

/* ---- trouble on the pipe ---- */

static void garbage_is_no_report(void **state)
{
    (void)state;
    struct task_double context;
    struct report report;
    struct error error;
    struct step_result result = run(&context, 1, "{'steps': [{'then': 'garbage'}]}");
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    size_t length = strlen(context.raw);
    assert_true(length > 0 && context.raw[length - 1] == '\n');
    assert_int_equal(-1, report_parse(context.raw, length - 1, &report, &error));
    task_double_free(&context);
}

static void a_flood_is_more_than_the_pipe_takes(void **state)
{
    (void)state;
    struct task_double context;
    run(&context, 1, "{'steps': [{'then': 'flood'}]}");
    assert_true(context.report_bytes > REPORT_TOTAL_MAXIMUM);
    task_double_free(&context);
}

/* ---- trouble that ends a process, or should ---- */

/* Runs parameters in a child; returns its status as waitpid(2) tells it. `prepare` runs in the
 * child first. */
static pid_t start_child(const char *parameters, void (*prepare)(struct task_double *context))
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    char job[1024];
    struct task_double context;
    snprintf(job, sizeof(job), "{'parameters': %s}", parameters);
    task_double_initialize(&context, &practice_task, job);
    signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would make an exit of it */
    alarm(patient_seconds(DEADLINE_MILLISECONDS / 1000));
    if (prepare)
        prepare(&context);
    struct step_result result = task_run(&context.context);
    _exit(result.outcome == OUTCOME_SUCCEEDED ? 0 : 1);
}

static int status_of_child(const char *parameters, void (*prepare)(struct task_double *context))
{
    int status;
    pid_t pid = start_child(parameters, prepare);
    assert_int_equal(pid, waitpid(pid, &status, 0));
    return status;
}

static void a_crash_is_a_segmentation_fault(void **state)
{
    (void)state;
    int status = status_of_child("{'steps': [{'then': 'crash'}]}", NULL);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(SIGSEGV, WTERMSIG(status));
}

static void an_exit_has_status_three(void **state)
{
    (void)state;
    int status = status_of_child("{'steps': [{'then': 'exit'}]}", NULL);
    assert_true(WIFEXITED(status));
    assert_int_equal(3, WEXITSTATUS(status));
}

static void limit_address_space(struct task_double *context)
{
    (void)context;
    struct rlimit limit = {512 * 1024 * 1024, 512 * 1024 * 1024};
    if (setrlimit(RLIMIT_AS, &limit) < 0)
        _exit(99);
}

static void memory_ends_at_the_limit(void **state)
{
    (void)state;
    int status = status_of_child("{'steps': [{'then': 'oom'}]}", limit_address_space);
    assert_true(WIFEXITED(status));
    assert_int_equal(EXIT_WORKER_MEMORY, WEXITSTATUS(status));
}

static int sleeping_pipe[2];

/* Says over the pipe that it hangs, and then really sleeps. */
static void sleep_for_real(struct task_context *context, int64_t milliseconds)
{
    (void)context;
    if (write(sleeping_pipe[1], "s", 1) != 1)
        _exit(98);
    struct timespec time = {.tv_sec = milliseconds / 1000};
    while (nanosleep(&time, &time) != 0)
        ;
}

static void use_real_sleep(struct task_double *context)
{
    context->context.sleep_milliseconds = sleep_for_real;
}

static void hanging_ignores_sigterm(void **state)
{
    (void)state;
    char byte;
    int status;
    assert_int_equal(0, pipe2(sleeping_pipe, O_CLOEXEC));
    pid_t pid = start_child("{'steps': [{'then': 'hang'}]}", use_real_sleep);
    close(sleeping_pipe[1]);
    assert_int_equal(1, read(sleeping_pipe[0], &byte, 1)); /* it sleeps */
    assert_int_equal(0, kill(pid, SIGTERM));
    /* An ignored signal leaves nothing to wait for; of two that are pending the lower number is
     * delivered first. */
    assert_int_equal(0, kill(pid, SIGVTALRM));
    assert_int_equal(pid, waitpid(pid, &status, 0));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(SIGVTALRM, WTERMSIG(status));
    close(sleeping_pipe[0]);
}

/* ---- trouble that a sandbox stops: here there is none ---- */

static void without_a_sandbox_a_forbidden_call_succeeds_and_says_so(void **state)
{
    (void)state;
    expect_result(1, "{'steps': [{'then': 'forbidden'}]}", OUTCOME_SUCCEEDED,
                  "the sandbox did not stop it: uname was allowed");
}

static void opening_is_told_as_it_went(void **state)
{
    (void)state;
    struct task_double context;
    struct step_result result = run(&context, 1, "{'steps': [{'then': 'open'}]}");
    if (access("/etc/shadow", R_OK) == 0) {
        assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
        assert_string_equal("the sandbox did not stop it: /etc/shadow could be opened",
                            result.message);
    } else {
        assert_int_equal(OUTCOME_TERMINAL, result.outcome);
        assert_string_equal("forbidden: /etc/shadow: Permission denied; /nonexistent/mimo.db: No "
                            "such file or directory",
                            result.message);
    }
    task_double_free(&context);
}

static void connecting_is_told_as_it_went(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    cleanup_fd int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(listener, (struct sockaddr *)&address, sizeof(address)));
    assert_int_equal(0, getsockname(listener, (struct sockaddr *)&address, &length));
    int port = ntohs(address.sin_port);
    char parameters[128];
    char message[128];
    snprintf(parameters, sizeof(parameters), "{'steps': [{'then': 'connect', 'port': %d}]}", port);
    snprintf(message, sizeof(message),
             "the sandbox did not stop it: 127.0.0.1 port %d: Connection refused", port);
    expect_result(1, parameters, OUTCOME_SUCCEEDED, message); /* bound, and nobody listens yet */
    assert_int_equal(0, listen(listener, 1));
    snprintf(message, sizeof(message), "the sandbox did not stop it: 127.0.0.1 port %d: connected",
             port);
    expect_result(1, parameters, OUTCOME_SUCCEEDED, message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_parameters_it_succeeds_at_once),
        cmocka_unit_test(steps_report_sleep_and_end_as_told),
        cmocka_unit_test(failures_carry_their_message),
        cmocka_unit_test(trouble_may_end_with_a_later_attempt),
        cmocka_unit_test(wrong_parameters_are_refused_by_name),
        cmocka_unit_test(a_hundred_steps_are_the_most),
        cmocka_unit_test(no_parameters_are_good_parameters),
        cmocka_unit_test(the_settings_tell_where_the_store_is),
        cmocka_unit_test(garbage_is_no_report),
        cmocka_unit_test(a_flood_is_more_than_the_pipe_takes),
        cmocka_unit_test(a_crash_is_a_segmentation_fault),
        cmocka_unit_test(an_exit_has_status_three),
        cmocka_unit_test(memory_ends_at_the_limit),
        cmocka_unit_test(hanging_ignores_sigterm),
        cmocka_unit_test(without_a_sandbox_a_forbidden_call_succeeds_and_says_so),
        cmocka_unit_test(opening_is_told_as_it_went),
        cmocka_unit_test(connecting_is_told_as_it_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
