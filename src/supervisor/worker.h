/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - the table of attempts that this actuator runs, and the life of each.
 *
 * The table exists because an attempt is joined from four sides that come in any order: the
 * launcher's messages (by token), the result pipe, the timers, and the store's answers. One entry
 * is one worker slot.
 *
 *   FREE --take--> PREPARING --launch--> LAUNCHING --started--> RUNNING --conclude--> SETTLING
 * --release--> FREE
 *                      '------------ conclude, when no process could be made ------------^
 *
 *   take        a claim gets a slot; the settlement carries its documents from here on
 *   launch      job and result pipe go to the launcher
 *   started     the launcher told the pid
 *   drained, reaped   the pipe is at its end; exit status and usage are known. An attempt is over
 * when both are so conclude    the outcome is decided and goes to the writer release     the store
 * has it (or never will): the slot is free again
 *
 * worker_table owns the entries; pointers to them stay valid until the table is freed. Only the
 * event loop's thread uses it. While `writing` is set the documents (settlement.claim) are with the
 * writer's job: what others show of an attempt stands in the fields of the worker itself.
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
};
enum { WORKER_STATE_COUNT = WORKER_SETTLING + 1 };

enum { WORKER_MESSAGE_SIZE = STATUS_TEXT_SIZE, WORKER_CALL_SIZE = 64 };

struct worker {
    enum worker_state state;
    uint32_t slot;
    uint64_t token; /* names the attempt to the launcher; never used twice */
    void *owner;    /* the supervisor */

    char manifest_id[UUID_SIZE];
    char task_id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    const struct task *task; /* NULL when it is not registered here */
    struct settlement settlement;
    struct monotonic claimed;   /* before the claim was written: the lease is at least this old */
    int64_t lease_milliseconds; /* what it was claimed for */
    bool writing;               /* the documents are with the writer's job */
    bool progress_dirty;        /* progress that has not been written yet */
    bool orphaned;              /* the manifest was cancelled or taken back while the worker ran */

    int64_t pid; /* 0 while unknown */
    struct monotonic started;
    int64_t alarm_milliseconds;
    uv_timer_t deadline; /* kills what outlives its alarm; then what keeps its pipe open */
    uv_pipe_t pipe;
    struct report_reader reader;
    bool pipe_open; /* the uv handle is in use: from launch until its close callback */
    bool drained;
    bool reaped;
    bool terminating;      /* SIGTERM was sent: SIGKILL is next */
    struct worker_end end; /* message and forbidden_call point into the two buffers below */
    char message[WORKER_MESSAGE_SIZE];
    char forbidden_call[WORKER_CALL_SIZE];
};

struct worker_table {
    struct worker *workers; /* `size` entries, owned */
    uint32_t size;
    uint32_t active; /* entries that are not FREE */
    uint32_t live;   /* entries with a process: LAUNCHING or RUNNING */
    uint64_t last_token;
};

int worker_table_initialize(struct worker_table *table, uv_loop_t *loop, uint32_t size, void *owner,
                            struct error *error);

/* Frees the entries; every slot must be FREE or its settlement is dropped. Handles must be closed.
 */
void worker_table_free(struct worker_table *table);

/* Slots that worker_table_take() would give out now. */
size_t worker_table_count_free(const struct worker_table *table);

/* Gives a claim a slot and moves it in. NULL when all are taken: then the claim stays the caller's.
 */
struct worker *worker_table_take(struct worker_table *table, struct claim *claim,
                                 struct monotonic claimed);

/* The worker in LAUNCHING or RUNNING with this token, or NULL. */
struct worker *worker_table_find(struct worker_table *table, uint64_t token);

/* The one door for state changes: checks that the change is in the drawing above, and keeps the
 * counts. */
void worker_change_state(struct worker_table *table, struct worker *worker, enum worker_state to);

/* Makes the slot free for the next claim. */
void worker_table_release(struct worker_table *table, struct worker *worker);

const char *worker_state_name(enum worker_state state);

/* Takes in one report of the worker. False when the report may not be believed:
 * worker->end.bad_report says why. */
bool worker_take_report(struct worker *worker, const struct report *report);

/* The alarm of a worker, the latest moment for it, and how long after it the supervisor kills: all
 * end before the lease does. An alarm of 0: so little of the lease is left that no worker may be
 * started. */
struct worker_limits {
    int64_t alarm_seconds;
    int64_t latest_milliseconds; /* from now */
    int64_t grace_milliseconds;
};
struct worker_limits worker_limits_of(int64_t lease_left_milliseconds,
                                      int64_t timeout_milliseconds);

#endif
