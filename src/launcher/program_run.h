/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_run.h - runs one program of a task (external_task.h), reads its output, and ends all
 * processes that it leaves behind.
 *
 *     program_run_prepare(&place, &error);                        once, before the first
 *     program_run(&order, &listener, &end);
 *
 * One poll loop, no threads, memory that does not grow with what a program writes. The caller is the
 * init of a PID namespace, or a subreaper whose process group the program shares: whatever the
 * program leaves behind becomes its child. In a namespace each program gets a session of its own.
 *
 * SIGTERM from the launcher stops the attempt. The programs get it too and may finish; then the
 * caller ends. In a namespace that is by exit code EXIT_WORKER_STOPPED, because an init cannot end
 * by SIGTERM. Without a namespace SIGTERM also comes when the guard has ended (PR_SET_PDEATHSIG):
 * then the whole group ends at once.
 */
#ifndef MIMO_LAUNCHER_PROGRAM_RUN_H
#define MIMO_LAUNCHER_PROGRAM_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mimo/error.h"
#include "mimo/outcome.h"
#include "mimo/report.h"

/* Milliseconds between SIGTERM and SIGKILL, when a program exceeds its time. */
enum { PROGRAM_GRACE = 5000 };

struct program_order {
    char *const *arguments;   /* NULL-terminated; the first is the path */
    char *const *environment; /* NULL-terminated */
    int input;                /* its standard input, from the start; above 4 */
    int kubeconfig;           /* its descriptor 4, from the start; above 4, or -1 */
    int64_t deadline;         /* CLOCK_MONOTONIC, milliseconds; INT64_MAX: none */
};

/* Callbacks for the program's output. */
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
    PROGRAM_TIMED_OUT,   /* ended by the caller at the deadline */
    PROGRAM_MISREPORTED, /* ended because of its reports on descriptor 3: problem */
};

struct program_end {
    enum program_fate fate;
    int wait_status;
    int error_number;
    bool left_processes; /* some still run, and end only with the caller's process group */
    char problem[ERROR_MESSAGE_SIZE];
    char last_line[STATUS_TEXT_SIZE]; /* on descriptor 2; "" for none */
};

/* Where programs run (worker_guard.h). */
struct program_place {
    pid_t parent;  /* the guard of this process; 0 in a PID namespace: it is outside */
    pid_t stopper; /* the process whose SIGTERM stops the attempt; 0 in a PID namespace */
    bool is_init;  /* of a PID namespace of its own */
    /* A PID namespace or Landlock limits signals of this process to its descendants: only then can
     * leftovers be killed between steps. */
    bool contained;
};

/* Call it inside the sandbox, with no other children. */
int program_run_prepare(const struct program_place *place, struct error *error);

void program_run(const struct program_order *order, const struct program_listener *listener,
                 struct program_end *ret_end);

/* Sleeps. If the attempt is stopped meanwhile, ends this process. */
void program_sleep(int64_t milliseconds);

#endif
