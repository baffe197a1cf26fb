/* SPDX-License-Identifier: Apache-2.0 */
/* denial.c - what a worker tried and must not do, read from how it ended. */
#include "supervisor/denial.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "mimo/clock.h"
#include "mimo/exit_codes.h"

static void describe_signal(const struct worker_end *end, int number, char *buffer, size_t size)
{
    const char *name = sigabbrev_np(number);
    if (number == SIGSYS)
        snprintf(buffer, size, "forbidden system call %s",
                 end->forbidden_call ? end->forbidden_call : "(killed at once, without a name)");
    else if (number == SIGKILL && end->memory_was_full)
        snprintf(buffer, size, "used up the memory of its attempt (sandbox.attempt_memory)");
    else if (number == SIGXCPU)
        snprintf(buffer, size, "used up its processor time (sandbox.cpu)");
    else
        snprintf(buffer, size, "killed by signal %d (SIG%s)", number, name ? name : "?");
}

/* True for a worker that was told to end: what it leaves behind, a broken report or a signal, is
 * the supervisor's doing. */
static bool was_told_to_end(const struct worker_end *end)
{
    return end->stop == WORKER_STOP_OPERATOR || end->stop == WORKER_STOP_DRAIN;
}

/* In the order in which the outcome is decided (outcome.c), so that this line and statusText name
 * the same cause. */
bool denial_describe(const struct worker *worker, char *buffer, size_t size)
{
    const struct worker_end *end = &worker->end;
    bool exited = WIFEXITED(end->wait_status);
    int number = exited ? 0 : WTERMSIG(end->wait_status);
    char duration[CLOCK_TEXT_SIZE];

    if (was_told_to_end(end) && number != SIGSYS)
        return false;
    if (end->stop == WORKER_STOP_TIMEOUT || number == SIGALRM)
        snprintf(buffer, size, "outlived its time, %s",
                 clock_format_duration(duration, end->timeout_milliseconds));
    else if (end->bad_report && (exited || (number == SIGKILL && !end->memory_was_full)))
        snprintf(buffer, size, "broke the rules of reports: %s", end->bad_report);
    else if (exited && end->forbidden_call) /* a program that it ran was ended, not the worker */
        snprintf(buffer, size, "forbidden system call of a program that it ran");
    else if (exited && WEXITSTATUS(end->wait_status) == EXIT_WORKER_MEMORY)
        snprintf(buffer, size, "used up its memory (sandbox.memory)");
    else if (!exited)
        describe_signal(end, number, buffer, size);
    else
        return false;
    return true;
}
