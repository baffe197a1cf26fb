/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker tried and may not, told from how it ended. */
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
    else if (number == SIGXCPU)
        snprintf(buffer, size, "used up its processor time (sandbox.cpu)");
    else
        snprintf(buffer, size, "killed by signal %d (SIG%s)", number, name ? name : "?");
}

/* In the order in which the outcome is decided (outcome.c): the line and statusText name the same
 * cause. */
bool denial_describe(const struct worker *worker, char *buffer, size_t size)
{
    const struct worker_end *end = &worker->end;
    bool exited = WIFEXITED(end->wait_status);
    int number = exited ? 0 : WTERMSIG(end->wait_status);
    char duration[CLOCK_TEXT_SIZE];

    if (end->drained)
        return false;
    if (end->overran || number == SIGALRM) {
        snprintf(buffer, size, "outlived its time, %s",
                 clock_format_duration(duration, end->timeout_milliseconds));
        return true;
    }
    if (end->bad_report && (exited || number == SIGKILL)) {
        snprintf(buffer, size, "broke the rules of reports: %s", end->bad_report);
        return true;
    }
    if (exited && end->forbidden_call) { /* it lived to tell */
        snprintf(buffer, size, "forbidden system call of a program that it ran");
        return true;
    }
    if (exited && WEXITSTATUS(end->wait_status) == EXIT_WORKER_MEMORY) {
        snprintf(buffer, size, "used up its memory (sandbox.memory)");
        return true;
    }
    if (exited || worker->terminating) /* by itself, or as it was told */
        return false;
    describe_signal(end, number, buffer, size);
    return true;
}
