/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_log.c - how a worker says what went wrong.
 *
 * The log is the launcher's standard error. Who holds it can write whatever line there, in
 * anybody's name, and as many as the disk takes. So a worker gives it up with the last step into
 * its sandbox; from then on it speaks through the report pipe alone, and the supervisor logs that
 * as what a worker said, up to the bounds of reports.
 */
#include "launcher/worker_log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/exit_codes.h"
#include "mimo/io.h"
#include "mimo/log.h"
#include "mimo/report.h"

static bool log_is_left;

int worker_leave_log(struct error *error)
{
#ifndef WITH_SANITIZERS                         /* they write their findings there */
    if (dup2(STDOUT_FILENO, STDERR_FILENO) < 0) /* which is /dev/null */
        return error_set_system(error, errno, "cannot give up the log");
    log_is_left = true;
#else
    (void)error;
#endif
    return 0;
}

/* If the pipe cannot be written, its reader has ended. */
static void report_line(const char *text)
{
    const struct report report = {.type = REPORT_LOG, .level = LOG_LEVEL_ERROR, .text = text};
    cleanup_free char *line = report_format(&report);
    struct error error;
    if (line && io_write_all(WORKER_REPORT_FD, line, strlen(line), &error) < 0)
        return;
}

static void say(const char *title, const char *text)
{
    if (log_is_left)
        report_line(text);
    else
        log_error("%s: %s", title, text);
}

/* _exit(2), because the handlers of atexit() (flush, leak check) belong to the launcher. */
void worker_give_up(const struct worker *worker, int exit_code, const struct error *error)
{
    char text[ERROR_MESSAGE_SIZE + 128];
    snprintf(text, sizeof(text), "%s: %s", exit_code_text(exit_code), error->message);
    say(worker->order->title, text);
    _exit(exit_code);
}

/* In place of the C library's (Linux Standard Base, __assert_fail), whose words would be lost. */
_Noreturn void __assert_fail(const char *assertion, const char *file, unsigned line,
                             const char *function)
{
    char text[1024];
    snprintf(text, sizeof(text), "assertion failed: %s, in %s (%s:%u)", assertion, function, file,
             line);
    say(program_invocation_short_name, text);
    abort();
}
