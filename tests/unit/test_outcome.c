/* SPDX-License-Identifier: Apache-2.0 */
/* test_outcome.c - whatever ends an attempt becomes the statusText that operators match on. */
#include <signal.h>

#include "expect.h"
#include "mimo/exit_codes.h"
#include "mimo/outcome.h"

/* As waitpid(2) tells them. */
#define EXITED(code)   ((code) << 8)
#define KILLED(number) (number)

static void expect_outcome(const struct worker_end *end, enum outcome_kind kind, const char *text)
{
    struct outcome outcome;

    outcome_of_worker(end, &outcome);
    if (outcome.kind != kind || strcmp(outcome.status_text, text) != 0)
        fail_msg("expected %s \"%s\", got %s \"%s\"", outcome_name(kind), text,
                 outcome_name(outcome.kind), outcome.status_text);
}

static void each_kind_has_its_name_and_meaning(void **state)
{
    static const struct {
        enum outcome_kind kind;
        const char *name;
        enum manifest_event event;
    } expected[] = {
        {OUTCOME_SUCCEEDED, "succeeded", MANIFEST_SUCCEED},
        {OUTCOME_TRANSIENT, "transient", MANIFEST_RETRY},
        {OUTCOME_TERMINAL, "terminal", MANIFEST_FAIL},
        {OUTCOME_TIMEOUT, "timeout", MANIFEST_RETRY},
        {OUTCOME_CRASHED, "crashed", MANIFEST_RETRY},
        {OUTCOME_NO_RESULT, "noResult", MANIFEST_RETRY},
        {OUTCOME_NOT_STARTED, "notStarted", MANIFEST_RETRY},
        {OUTCOME_UNREGISTERED, "unregistered", MANIFEST_FAIL},
        {OUTCOME_LEASE_EXPIRED, "leaseExpired", MANIFEST_RETRY},
        {OUTCOME_OWNER_GONE, "ownerGone", MANIFEST_RETRY},
        {OUTCOME_DRAINED, "drained", MANIFEST_DRAIN},
    };

    (void)state;
    assert_int_equal(sizeof(expected) / sizeof(expected[0]), OUTCOME_COUNT);
    for (size_t i = 0; i < OUTCOME_COUNT; i++) {
        assert_int_equal(expected[i].kind, i);
        assert_string_equal(outcome_name(expected[i].kind), expected[i].name);
        assert_int_equal(outcome_event(expected[i].kind), expected[i].event);
    }
}

/* One row a way to end; `text` is the whole statusText. */
static const struct {
    struct worker_end end;
    enum outcome_kind kind;
    const char *text;
} ends[] = {
    {{EXITED(0), true, OUTCOME_SUCCEEDED, "valid until 2027"},
     OUTCOME_SUCCEEDED,
     "valid until 2027"},
    {{EXITED(0), true, OUTCOME_SUCCEEDED, NULL}, OUTCOME_SUCCEEDED, ""},
    {{EXITED(0), true, OUTCOME_TRANSIENT, "503 Service Unavailable"},
     OUTCOME_TRANSIENT,
     "TransientError: 503 Service Unavailable"},
    {{EXITED(0), true, OUTCOME_TRANSIENT, NULL},
     OUTCOME_TRANSIENT,
     "TransientError: the task gave no reason"},
    {{EXITED(0), true, OUTCOME_TERMINAL, "404 secret not found"},
     OUTCOME_TERMINAL,
     "TerminalError: 404 secret not found"},
    {{EXITED(0), true, OUTCOME_TERMINAL, ""},
     OUTCOME_TERMINAL,
     "TerminalError: the task gave no reason"},

    {{KILLED(SIGALRM), .timeout_milliseconds = 3600000},
     OUTCOME_TIMEOUT,
     "TransientError: timeout: task exceeded 60m0s"},
    {{KILLED(SIGKILL), .stop = WORKER_STOP_TIMEOUT, .timeout_milliseconds = 90000},
     OUTCOME_TIMEOUT,
     "TransientError: timeout: task exceeded 1m30s"},
    {{KILLED(SIGALRM), .timeout_milliseconds = 2000, .bad_report = "the last line is not finished"},
     OUTCOME_TIMEOUT,
     "TransientError: timeout: task exceeded 2s"},

    {{KILLED(SIGSEGV)}, OUTCOME_CRASHED, "TransientError: worker killed by signal 11 (SIGSEGV)"},
    {{KILLED(SIGSEGV) | 0x80},
     OUTCOME_CRASHED,
     "TransientError: worker killed by signal 11 (SIGSEGV)"},
    {{KILLED(SIGKILL)}, OUTCOME_CRASHED, "TransientError: worker killed by signal 9 (SIGKILL)"},
    {{KILLED(SIGXCPU)}, OUTCOME_CRASHED, "TransientError: worker killed by signal 24 (SIGXCPU)"},
    {{KILLED(40)}, OUTCOME_CRASHED, "TransientError: worker killed by signal 40"},
    {{KILLED(SIGSYS), .forbidden_call = "openat"},
     OUTCOME_CRASHED,
     "TransientError: worker killed by signal 31 (SIGSYS): forbidden system call openat"},
    {{KILLED(SIGSYS)},
     OUTCOME_CRASHED,
     "TransientError: worker killed by signal 31 (SIGSYS): forbidden system call"},
    {{KILLED(SIGSEGV), .forbidden_call = "openat"},
     OUTCOME_CRASHED,
     "TransientError: worker killed by signal 11 (SIGSEGV)"},
    {{KILLED(SIGSEGV), .bad_report = "the last line is not finished"},
     OUTCOME_CRASHED,
     "TransientError: worker killed by signal 11 (SIGSEGV)"},
    {{KILLED(SIGSEGV), true, OUTCOME_SUCCEEDED, "done"},
     OUTCOME_CRASHED,
     "TransientError: worker killed by signal 11 (SIGSEGV)"},

    {{KILLED(SIGKILL), .memory_was_full = true, .bad_report = "the last line is not finished"},
     OUTCOME_CRASHED,
     "TransientError: worker killed by signal 9 (SIGKILL): the attempt used up its memory "
     "(sandbox.attempt_memory)"},
    {{EXITED(0), true, OUTCOME_TERMINAL, "exit status 1", .processes_were_full = true},
     OUTCOME_TERMINAL,
     "TerminalError: exit status 1: the attempt reached its process limit ([sandbox] processes "
     "of its task)"},
    {{EXITED(0), true, OUTCOME_SUCCEEDED, "did without", .memory_was_full = true,
      .processes_were_full = true},
     OUTCOME_SUCCEEDED,
     "did without"},

    {{EXITED(3)}, OUTCOME_NO_RESULT, "TransientError: worker ended without a result (exit 3)"},
    {{EXITED(0)}, OUTCOME_NO_RESULT, "TransientError: worker ended without a result (exit 0)"},
    {{EXITED(3), true, OUTCOME_SUCCEEDED, "done"},
     OUTCOME_NO_RESULT,
     "TransientError: worker ended without a result (exit 3)"},
    {{EXITED(EXIT_WORKER_LANDLOCK)},
     OUTCOME_NO_RESULT,
     "TransientError: worker ended without a result (exit 113: cannot enter the Landlock domain)"},
    {{EXITED(0), true, OUTCOME_SUCCEEDED, "done", .bad_report = "data after the result"},
     OUTCOME_NO_RESULT,
     "TransientError: worker ended without a result (bad report: data after the result)"},
    {{KILLED(SIGKILL), .bad_report = "x", .bad_patch = true}, OUTCOME_TERMINAL, "TerminalError: x"},
    {{EXITED(0), true, OUTCOME_SUCCEEDED, .bad_report = "x", .bad_patch = true},
     OUTCOME_TERMINAL,
     "TerminalError: x"},
    {{EXITED(3), .bad_report = "x"},
     OUTCOME_NO_RESULT,
     "TransientError: worker ended without a result (bad report: x; exit 3)"},
    {{KILLED(SIGKILL), .bad_report = "x"},
     OUTCOME_NO_RESULT,
     "TransientError: worker ended without a result (bad report: x; killed by signal 9)"},

    {{KILLED(SIGTERM), .stop = WORKER_STOP_DRAIN},
     OUTCOME_DRAINED,
     "returned to the queue: its actuator was stopped; this attempt does not count"},
    {{KILLED(SIGKILL), .stop = WORKER_STOP_DRAIN, .bad_report = "the last line is not finished"},
     OUTCOME_DRAINED,
     "returned to the queue: its actuator was stopped; this attempt does not count"},
    {{KILLED(SIGKILL), .stop = WORKER_STOP_OPERATOR},
     OUTCOME_CRASHED,
     "TransientError: worker killed by signal 9 (SIGKILL)"},
    {{KILLED(SIGALRM), .stop = WORKER_STOP_DRAIN},
     OUTCOME_DRAINED,
     "returned to the queue: its actuator was stopped; this attempt does not count"},
    {{EXITED(0), true, OUTCOME_SUCCEEDED, "just in time", .stop = WORKER_STOP_DRAIN},
     OUTCOME_SUCCEEDED,
     "just in time"},
    {{EXITED(0), true, OUTCOME_SUCCEEDED, "just in time", .stop = WORKER_STOP_TIMEOUT},
     OUTCOME_SUCCEEDED,
     "just in time"},
};

static void every_end_of_a_worker_has_its_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        expect_outcome(&ends[i].end, ends[i].kind, ends[i].text);
}

static void the_pause_that_a_server_asked_for_is_kept_with_transient_results_alone(void **state)
{
    static const struct {
        struct worker_end end;
        int64_t retry_after;
    } cases[] = {
        {{EXITED(0), true, OUTCOME_TRANSIENT, "429", .retry_after = 30}, 30},
        {{EXITED(0), true, OUTCOME_TRANSIENT, "503"}, 0},
        {{EXITED(0), true, OUTCOME_TERMINAL, "404", .retry_after = 30}, 0},
        {{EXITED(0), true, OUTCOME_SUCCEEDED, "", .retry_after = 30}, 0},
        {{KILLED(SIGKILL), true, OUTCOME_TRANSIENT, "429", .retry_after = 30}, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome outcome = {.retry_after = 99};

        outcome_of_worker(&cases[i].end, &outcome);
        assert_int_equal(outcome.retry_after, cases[i].retry_after);
    }
}

static void what_is_no_end_of_a_worker_has_a_fixed_text(void **state)
{
    static const struct {
        enum outcome_kind kind;
        const char *text;
        const char *with_detail;
    } cases[] = {
        {OUTCOME_NOT_STARTED, "TransientError: worker could not be started",
         "TransientError: worker could not be started: why"},
        {OUTCOME_UNREGISTERED, "task ID not registered", "task ID not registered: why"},
        {OUTCOME_LEASE_EXPIRED, "TransientError: lease expired: no heartbeat from its actuator",
         "TransientError: lease expired: no heartbeat from its actuator: why"},
        {OUTCOME_OWNER_GONE, "TransientError: its actuator stopped during the attempt",
         "TransientError: its actuator stopped during the attempt: why"},
        {OUTCOME_DRAINED,
         "returned to the queue: its actuator was stopped; this attempt does not count",
         "returned to the queue: its actuator was stopped; this attempt does not count: why"},
    };
    struct outcome outcome;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        outcome_of_kind(cases[i].kind, NULL, &outcome);
        assert_int_equal(outcome.kind, cases[i].kind);
        assert_string_equal(outcome.status_text, cases[i].text);
        outcome_of_kind(cases[i].kind, "why", &outcome);
        assert_string_equal(outcome.status_text, cases[i].with_detail);
    }
}

static void a_text_of_a_worker_is_cleaned_and_cut(void **state)
{
    static char message[3 * STATUS_TEXT_SIZE];
    const struct worker_end end = {EXITED(0), true, OUTCOME_TERMINAL, message};
    struct outcome outcome;

    (void)state;
    strcpy(message, "a\nb\x1b[2J\xff gr\u00fc\u00df");
    outcome_of_worker(&end, &outcome);
    assert_string_equal(outcome.status_text, "TerminalError: a?b?[2J? gr\u00fc\u00df");

    for (size_t i = 0; i + 3 < sizeof(message); i += 3)
        memcpy(message + i, "\u20ac", 4);
    outcome_of_worker(&end, &outcome);
    assert_int_equal(strlen(outcome.status_text), 15 + (STATUS_TEXT_SIZE - 1 - 15) / 3 * 3);
    assert_int_equal(strncmp(outcome.status_text, "TerminalError: \u20ac", 18), 0);
}

static void no_text_is_an_empty_one(void **state)
{
    char buffer[8] = "x";

    (void)state;
    status_text_copy(buffer, sizeof(buffer), NULL);
    assert_string_equal(buffer, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_name_and_meaning),
        cmocka_unit_test(every_end_of_a_worker_has_its_text),
        cmocka_unit_test(the_pause_that_a_server_asked_for_is_kept_with_transient_results_alone),
        cmocka_unit_test(what_is_no_end_of_a_worker_has_a_fixed_text),
        cmocka_unit_test(a_text_of_a_worker_is_cleaned_and_cut),
        cmocka_unit_test(no_text_is_an_empty_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
