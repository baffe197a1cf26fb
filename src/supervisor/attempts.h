/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempts.h - the attempts of this actuator, from a claim to the result in the store.
 *
 *     attempts_begin(claim) --> servers looked up --> launcher --> worker
 *                                                       |            | result pipe
 *                                   pid, exit status ---+------------+--> outcome --> writer
 *
 * Owns the worker slots, the link to the launcher and the writer. Knows nothing of polling, control
 * sockets or the phases of the supervisor: what those need to hear goes through the handlers.
 *
 * Call sequence: attempts_open(), then attempts_begin() for each claim once `ready` was called;
 * attempts_close() when attempts_are_idle(); attempts_free() when the loop has ended.
 *
 * Threads: the event loop's alone. Everything that attempts_open() gets is borrowed until
 * attempts_free().
 */
#ifndef MIMO_SUPERVISOR_ATTEMPTS_H
#define MIMO_SUPERVISOR_ATTEMPTS_H

#include <stdbool.h>
#include <uv.h>

#include "mimo/config.h"
#include "mimo/store.h"
#include "supervisor/feed.h"
#include "supervisor/launcher_link.h"
#include "supervisor/stops.h"
#include "supervisor/worker.h"
#include "supervisor/writer.h"

struct attempts_handlers {
    /* The launcher is ready: claims may come. */
    void (*ready)(void *context);
    /* A slot became free, or the writer has nothing more to do. */
    void (*released)(void *context);
    /* A worker was answered by its cluster. */
    void (*cluster_answered)(void *context);
    /* Whether the store took the latest batch of the writer. */
    void (*written)(void *context, bool answered, const struct error *error);
    /* The launcher has ended or broke the rules of its channel: no attempt can continue. */
    void (*launcher_lost)(void *context, const struct error *error);
    /* The launcher does not report the end of a worker that it was told to kill. */
    void (*launcher_hangs)(void *context);
};

struct attempts_parts {
    uv_loop_t *loop;
    const struct config *config; /* read when an attempt is launched: SIGHUP may change it */
    const struct task_list *tasks;
    struct store *store;
    const struct settle_rules *rules;
    struct steady_clock *clock;
    struct feed *feed;
    int launcher_socket;
};

struct attempts {
    struct attempts_parts parts;
    const struct attempts_handlers *handlers;
    void *context;
    struct worker_table table;
    struct launcher_link link;
    struct writer writer;
    struct launcher_ready launcher; /* what is in force there */
    bool draining;                  /* no worker may be started any more */
    char read_buffer[65536];        /* result pipes are read into it, one at a time */
};

int attempts_open(struct attempts *attempts, const struct attempts_parts *parts,
                  const struct attempts_handlers *handlers, void *context, struct error *error);

/* Starts an attempt for a claim, which is moved in. There must be a free slot. `claimed` is a time
 * before the claim was written; its lease lasts `lease_milliseconds`. */
void attempts_begin(struct attempts *attempts, struct claim *claim, struct monotonic claimed,
                    int64_t lease_milliseconds);

/* Stops a worker for `reason` (stops.h): SIGTERM now, SIGKILL ten seconds later. Nothing for a token whose
 * worker is gone. */
void attempts_stop(struct attempts *attempts, uint64_t token, const char *reason);

/* The actuator stops: sends `signal` to all workers, and starts none from now on. Their manifests
 * go back to the queue uncounted. */
void attempts_drain(struct attempts *attempts, int signal);

/* Fills `watches` (room for all slots) with the attempts that run and were not told to end; returns
 * how many. */
size_t attempts_watch(const struct attempts *attempts, struct stop_watch *watches);

/* True when no attempt is left and nothing is being written. */
bool attempts_are_idle(const struct attempts *attempts);

/* Closes the handles. Nothing may be in flight. */
void attempts_close(struct attempts *attempts);
void attempts_free(struct attempts *attempts);

#endif
