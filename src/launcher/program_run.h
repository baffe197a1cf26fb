/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_run.h - runs one program of a task (external_task.h), listens to it, and sees to it that
 * nothing of it is left.
 *
 *     program_run_prepare(&place, &error);                        once, before the first
 *     program_run(&order, &listener, &end);
 *
 * One poll loop, no threads, memory that does not grow with what a program writes. The caller is the
 * init of a PID namespace, or a subreaper whose process group the program shares: whatever the
 * program leaves behind becomes its child. In a namespace each program gets a session of its own.
 *
 * SIGTERM of the launcher means that the attempt is to stop. All programs get it as well: they may
 * finish, then the caller ends. In a namespace that is by exit code EXIT_WORKER_STOPPED, because an
 * init cannot end by SIGTERM. Without a namespace SIGTERM also comes when the guard has ended
 * (PR_SET_PDEATHSIG): then the whole group ends at once.
 */
#ifndef MIMO_LAUNCHER_PROGRAM_RUN_H
#define MIMO_LAUNCHER_PROGRAM_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mimo/error.h"
#include "mimo/outcome.h"
#include "mimo/report.h"

/* Between SIGTERM and SIGKILL, when a program's time is over. */
enum { PROGRAM_GRACE = 5000 };

struct program_order {
    char *const *arguments;   /* NULL-terminated; the first is the path */
    char *const *environment; /* NULL-terminated */
    int input;                /* its standard input, from the start; above 4 */
    int kubeconfig;           /* its descriptor 4, from the start; above 4, or -1 */
    int64_t deadline;         /* CLOCK_MONOTONIC, milliseconds; INT64_MAX: none */
};

/* Who hears what the program says. */
struct program_listener {
    /* A line on descriptor 1 or 2, cut to fit, without its newline; never empty. */
    void (*line)(void *context, int descriptor, const char *line);
    /* A status, log or patchCluster. */
    report_handler_f *report;
    void *context;
};

enum program_fate {
    PROGRAM_ENDED,       /* by itself, or by a signal: wait_status */
    PROGRAM_NOT_STARTED, /* error_number */
    PROGRAM_TIMED_OUT,   /* was ended at the deadline */
    PROGRAM_MISREPORTED, /* was ended for what came over descriptor 3: problem */
};

struct program_end {
    enum program_fate fate;
    int wait_status;
    int error_number;
    bool left_processes; /* some are still running: only the end of the caller's group ends them */
    char problem[ERROR_MESSAGE_SIZE];
    char last_line[STATUS_TEXT_SIZE]; /* on descriptor 2; "" for none */
};

/* Where programs run (worker_guard.h). */
struct program_place {
    pid_t parent;   /* of this process: its guard; 0 in a PID namespace, for it is outside */
    pid_t stopper;  /* whose SIGTERM means that the attempt is to stop; 0 in a PID namespace */
    bool is_init;   /* of a PID namespace of its own */
    bool contained; /* signals of this process reach nobody but what it has started, by a PID
                       namespace or by Landlock: only then can leftovers be ended between steps */
};

/* Call it inside the sandbox, with no other children. */
int program_run_prepare(const struct program_place *place, struct error *error);

void program_run(const struct program_order *order, const struct program_listener *listener,
                 struct program_end *ret_end);

/* Sleeps. Ends this process instead when it is told to stop. */
void program_sleep(int64_t milliseconds);

#endif
