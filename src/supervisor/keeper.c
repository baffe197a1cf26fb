/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.c - starting the metrics helper again and again. */
#include "supervisor/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mimo/clock.h"
#include "mimo/metrics.h"
#include "mimo/privileges.h"
#include "mimo/process.h"
#include "supervisor/keeper_confine.h"

enum {
    KEEPER_PAUSE_FIRST = 100, /* milliseconds */
    KEEPER_PAUSE_MAXIMUM = 60 * 1000,
    KEEPER_LIVED_WELL = 60 * 1000, /* a helper that lived for this long is started at once */
    KEEPER_EXEC_FAILED = 127,
};

int64_t keeper_next_pause(int64_t previous, int64_t lived_milliseconds)
{
    if (previous == 0 || lived_milliseconds >= KEEPER_LIVED_WELL)
        return KEEPER_PAUSE_FIRST;
    int64_t pause = 2 * previous;
    return pause < KEEPER_PAUSE_MAXIMUM ? pause : KEEPER_PAUSE_MAXIMUM;
}

/* A signal for the whole group (a terminal's Ctrl-C, the service manager) is for the supervisor to
 * handle. The helper inherits this. */
static void ignore_signals(void)
{
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
}

static int become_user(const char *user, struct error *error)
{
    struct identity identity;
    bool privileged = privileges_can_change();
    if (privileged && privileges_find_user(user, &identity, error) < 0)
        return error_prefix(error, "actuator.metrics_user");
    if (privileged && privileges_drop(&identity, NULL, 0, error) < 0)
        return -1;
    return privileges_harden(error);
}

/* Everything that the keeper needs privileges for; what is left to it afterwards is its table. */
static int settle_in(const struct keeper *keeper, struct error *error)
{
    return become_user(keeper->user, error) < 0 ? -1 : confine_keeper(error);
}

static _Noreturn void become_helper(const struct keeper *keeper)
{
    execv(keeper->program, keeper->argv);
    dprintf(STDERR_FILENO, "mimod: cannot start %s: %s\n", keeper->program, strerror(errno));
    _exit(KEEPER_EXEC_FAILED);
}

/* Starts a helper and waits for its end. Without the handlers that libraries hang on fork(): they may
 * use calls that the keeper has no more. */
static int run_helper(const struct keeper *keeper)
{
    struct error error;
    int wait_status = W_EXITCODE(KEEPER_EXEC_FAILED, 0);
    pid_t pid = _Fork();
    if (pid < 0)
        return wait_status;
    if (pid == 0)
        become_helper(keeper);
    metrics_channel_notify(keeper->channel, &(struct metrics_notice){.pid = pid}, &error);
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        ;
    return wait_status;
}

/* Waits for `milliseconds`; true when the supervisor closes its end meanwhile. */
static bool is_over(const struct keeper *keeper, int64_t milliseconds)
{
    struct pollfd channel = {.fd = keeper->channel}; /* POLLHUP needs no asking */
    struct monotonic began = clock_monotonic();
    for (;;) {
        int64_t left = milliseconds - clock_elapsed(began);
        int events = poll(&channel, 1, left > 0 ? (int)left : 0);
        if (events > 0)
            return true;
        if (events == 0)
            return false;
    }
}

_Noreturn void keeper_run(const struct keeper *keeper)
{
    struct error error;
    int64_t pause = 0;
    process_close_descriptors(&keeper->channel, 1);
    ignore_signals();
    process_set_title("mimo-keeper: starts mimo-metrics");
    if (settle_in(keeper, &error) < 0) {
        dprintf(STDERR_FILENO, "mimod: the keeper of the metrics helper: %s\n", error.message);
        _exit(EXIT_FAILURE);
    }
    for (;;) {
        struct monotonic began = clock_monotonic();
        int wait_status = run_helper(keeper);
        if (is_over(keeper, 0))
            _exit(EXIT_SUCCESS);
        pause = keeper_next_pause(pause, clock_elapsed(began));
        const struct metrics_notice notice = {.wait_status = wait_status,
                                              .pause_milliseconds = (uint32_t)pause};
        metrics_channel_notify(keeper->channel, &notice, &error);
        if (is_over(keeper, pause))
            _exit(EXIT_SUCCESS);
    }
}
