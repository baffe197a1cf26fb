/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_denial.c - what the log says a worker tried, for each way to end. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <signal.h>
#include <sys/wait.h>

#include "mimo/exit_codes.h"
#include "supervisor/denial.h"

#define EXITED(code) ((code) << 8)

static const struct {
    const char *what; /* NULL: there is no such line */
    struct worker worker;
} cases[] = {
    {NULL, {.end = {.wait_status = EXITED(0), .has_result = true}}},
    {NULL, {.end = {.wait_status = EXITED(0)}}},
    {NULL, {.end = {.wait_status = EXITED(3)}}},
    {NULL, {.end = {.wait_status = SIGTERM, .stop = WORKER_STOP_DRAIN}}},
    {NULL, {.end = {.wait_status = SIGKILL, .stop = WORKER_STOP_DRAIN, .bad_report = "x"}}},
    {NULL, {.end = {.wait_status = SIGTERM, .stop = WORKER_STOP_OPERATOR}}},
    /* It took longer to stop than its grace: it was killed, perhaps within a line. */
    {NULL, {.end = {.wait_status = SIGKILL, .stop = WORKER_STOP_OPERATOR}}},
    {NULL, {.end = {.wait_status = SIGKILL, .stop = WORKER_STOP_OPERATOR, .bad_report = "x"}}},
    {NULL, {.end = {.wait_status = SIGALRM, .stop = WORKER_STOP_OPERATOR}}},
    {"forbidden system call openat",
     {.end = {.wait_status = SIGSYS, .forbidden_call = "openat", .stop = WORKER_STOP_OPERATOR}}},
    {"forbidden system call openat", {.end = {.wait_status = SIGSYS, .forbidden_call = "openat"}}},
    {"forbidden system call (killed at once, without a name)", {.end = {.wait_status = SIGSYS}}},
    {"forbidden system call of a program that it ran",
     {.end = {.wait_status = EXITED(0), .has_result = true, .forbidden_call = "unknown"}}},
    {"used up its processor time (sandbox.cpu)", {.end = {.wait_status = SIGXCPU}}},
    {"used up its memory (sandbox.memory)", {.end = {.wait_status = EXITED(EXIT_WORKER_MEMORY)}}},
    {"outlived its time, 60m0s",
     {.end = {.wait_status = SIGALRM, .timeout_milliseconds = 3600000}}},
    {"outlived its time, 60m0s",
     {.end = {.wait_status = SIGKILL,
              .stop = WORKER_STOP_TIMEOUT,
              .timeout_milliseconds = 3600000}}},
    {"broke the rules of reports: line 1 is no JSON",
     {.end = {.wait_status = SIGKILL,
              .stop = WORKER_STOP_DISTRUST,
              .bad_report = "line 1 is no JSON"}}},
    {"broke the rules of reports: line 1 is no JSON",
     {.end = {.wait_status = EXITED(0), .bad_report = "line 1 is no JSON"}}},
    {"killed by signal 11 (SIGSEGV)",
     {.end = {.wait_status = SIGSEGV, .bad_report = "it is cut off"}}},
    {"killed by signal 9 (SIGKILL)", {.end = {.wait_status = SIGKILL}}},
    {"used up the memory of its attempt (sandbox.attempt_memory)",
     {.end = {.wait_status = SIGKILL, .memory_was_full = true, .bad_report = "it is cut off"}}},
    {"killed by signal 15 (SIGTERM)", {.end = {.wait_status = SIGTERM}}},
};

static void each_end_has_its_words_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char what[256] = "";
        bool said = denial_describe(&cases[i].worker, what, sizeof(what));
        assert_int_equal(said, cases[i].what != NULL);
        if (said)
            assert_string_equal(what, cases[i].what);
    }
}

static void long_reason_is_cut(void **state)
{
    (void)state;
    const struct worker worker = {
        .end = {.wait_status = EXITED(0), .bad_report = "a reason that is rather long"}};
    char what[32];
    assert_true(denial_describe(&worker, what, sizeof(what)));
    assert_string_equal(what, "broke the rules of reports: a r");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_has_its_words_or_none),
        cmocka_unit_test(long_reason_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
