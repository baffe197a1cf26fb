/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - the table of attempts that this actuator runs, and the life of each.
 *
 * An attempt is joined from four sides that come in any order: the launcher's messages (by token),
 * the result pipe, timers, and the store's answers. The table is where they meet. One entry is one
 * worker slot. The table keeps a list for each state and moves the entry when the state changes, so
 * state and list always agree.
 *
 *   FREE --take--> PREPARING --launch--> LAUNCHING --started--> RUNNING --conclude--> SETTLING
 *                      |                     |                                         |    |
 *                      '------- conclude, when no process could be made ---------------^    |
 *   FREE <--pipe handle closed-- CLOSING <--------- release, pipe handle still closing -----+
 *   FREE <------------------------------------------release---------------------------------'
 *
 *   take       a claim gets a slot; its settlement carries the documents from here on
 *   launch     job and result pipe go to the launcher
 *   started    the launcher reports the pid
 *   conclude   the pipe is at its end and the exit status is known, in either order: the outcome is
 *              decided and goes to the writer
 *   release    the store has the result, or never will
 *
 * Ownership: the table owns the entries; pointers to them stay valid until the table is freed.
 * Everything behind `token` is reset when a slot is taken. While `writing` is set the documents
 * (settlement.claim) are with the writer's job; what others show of an attempt is in the other
 * fields.
 *
 * Threads: the event loop's alone. Times are in milliseconds.
 */
#ifndef MIMO_SUPERVISOR_WORKER_H
#define MIMO_SUPERVISOR_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "mimo/clock.h"
#include "mimo/report.h"
#include "mimo/task.h"
#include "supervisor/settle.h"

enum worker_state {
    WORKER_FREE,
    WORKER_PREPARING,
    WORKER_LAUNCHING,
    WORKER_RUNNING,
    WORKER_SETTLING,
    WORKER_CLOSING,
};
enum { WORKER_STATE_COUNT = WORKER_CLOSING + 1 };

/* The handle of the result pipe. */
enum worker_pipe {
    WORKER_PIPE_NONE,    /* not in use */
    WORKER_PIPE_OPEN,    /* the worker, or what it started, may still write */
    WORKER_PIPE_CLOSING, /* at its end; the loop still has the handle */
};

enum { WORKER_MESSAGE_SIZE = STATUS_TEXT_SIZE, WORKER_CALL_SIZE = 64 };

struct worker {
    enum worker_state state;        /* worker_change_state() alone sets it */
    struct worker *next, *previous; /* in the list of its state */
    uint32_t slot;
    void *owner;         /* for the callbacks of the handles */
    uv_timer_t deadline; /* kills what outlives its alarm; then closes a pipe that stays open */
    uv_pipe_t pipe;
    enum worker_pipe pipe_state;

    uint64_t token; /* names the attempt to the launcher; never used twice */
    char manifest_id[UUID_SIZE];
    char task_id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    const struct task *task; /* NULL when it is not registered here */
    struct settlement settlement;
    struct monotonic claimed;   /* before the claim was written: the lease is at least this old */
    int64_t lease_milliseconds; /* of the claim */
    bool writing;               /* the documents are with the writer's job */
    bool progress_dirty;        /* progress that has not been written yet */
    bool orphaned;              /* the manifest was cancelled or taken back while the worker ran */
    int write_failures;         /* of the result, in a row */
    struct monotonic failed_at; /* the latest of them */

    int64_t pid; /* 0 while unknown */
    struct monotonic started;
    int64_t alarm_milliseconds;
    struct report_reader reader;
    bool killed;           /* its deadline passed: the launcher was told to kill it */
    bool reaped;           /* exit status and usage are known */
    struct worker_end end; /* message and forbidden_call point into the two buffers below */
    char message[WORKER_MESSAGE_SIZE];
    char forbidden_call[WORKER_CALL_SIZE];
};

struct worker_list {
    struct worker *first, *last;
    uint32_t count;
};

struct worker_table {
    struct worker *workers; /* `size` entries by slot, owned */
    uint32_t size;
    struct worker_list lists[WORKER_STATE_COUNT];
    uint64_t last_token;
};

int worker_table_initialize(struct worker_table *table, uv_loop_t *loop, uint32_t size, void *owner,
                            struct error *error);

/* Frees the entries and drops settlements that are left. Handles must be closed. */
void worker_table_free(struct worker_table *table);

/* The first entry in this state; the others follow by `next`. Changing the state of an entry moves
 * it: take `next` before. */
struct worker *worker_table_first(const struct worker_table *table, enum worker_state state);

/* Slots that worker_table_take() can give out now. */
uint32_t worker_table_free_slots(const struct worker_table *table);

/* Attempts that are not over: from PREPARING to SETTLING. */
uint32_t worker_table_active(const struct worker_table *table);

/* Attempts with a process: LAUNCHING or RUNNING. */
uint32_t worker_table_live(const struct worker_table *table);
bool worker_has_process(const struct worker *worker);

/* Gives a claim the slot that has been free for longest, and moves it in. NULL when all are taken:
 * then the claim stays the caller's. */
struct worker *worker_table_take(struct worker_table *table, struct claim *claim,
                                 struct monotonic claimed);

/* The worker in LAUNCHING or RUNNING with this token, or NULL. */
struct worker *worker_table_find(struct worker_table *table, uint64_t token);

/* The only way to change a state. A change that is not in the drawing above is a defect. */
void worker_change_state(struct worker_table *table, struct worker *worker, enum worker_state to);

/* Ends an attempt that is SETTLING: its slot is free once the pipe handle is closed as well. */
void worker_table_release(struct worker_table *table, struct worker *worker);

/* Notes that the pipe handle is closed. */
void worker_table_pipe_closed(struct worker_table *table, struct worker *worker);

const char *worker_state_name(enum worker_state state);

/* Takes in one report of the worker. False when the report cannot be trusted:
 * worker->end.bad_report says why. */
bool worker_take_report(struct worker *worker, const struct report *report);

/* The alarm of a worker, the latest moment for the alarm, and how long after it the supervisor
 * kills the worker. All of them end before the lease does. An alarm of 0: too little of the lease is
 * left to start a worker. */
struct worker_limits {
    int64_t alarm_seconds;
    int64_t latest_milliseconds; /* from now */
    int64_t grace_milliseconds;
};
struct worker_limits worker_limits_of(int64_t lease_left_milliseconds,
                                      int64_t timeout_milliseconds);

#endif
