/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor.h - the one process that decides: which manifests run here, and what became of them.
 *
 * supervisor.c brings the parts up and down; attempt.c is the life of one attempt; status.c tells
 * how things are. All of it runs on one libuv loop in one thread; what blocks (store, name
 * look-ups) runs on libuv's thread pool and shares nothing with the loop while it does.
 *
 *     poller --claims--> attempt --launch--> launcher_link --> mimo-launcher --> worker
 *       ^                  |  ^                   |                                 |
 *       '---free worker----'  '---pid, status-----'          result pipe -----------'
 *                          |
 *                          '--settlement--> writer --> store
 */
#ifndef MIMO_SUPERVISOR_SUPERVISOR_H
#define MIMO_SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <uv.h>

#include "mimo/config.h"
#include "mimo/store.h"
#include "supervisor/family.h"
#include "supervisor/feed.h"
#include "supervisor/launcher_link.h"
#include "supervisor/membership.h"
#include "supervisor/poller.h"
#include "supervisor/probe.h"
#include "supervisor/sockets.h"
#include "supervisor/worker.h"
#include "supervisor/writer.h"

enum supervisor_phase {
    SUPERVISOR_STARTING, /* until launcher is ready and recovery done */
    SUPERVISOR_RUNNING,
    SUPERVISOR_DRAINING, /* no new claims; running attempts may finish */
    SUPERVISOR_STOPPED,  /* handles are closed */
};

enum { SUPERVISOR_SIGNALS = 4 };

struct supervisor {
    struct config *config; /* read on the loop's thread alone; SIGHUP changes it */
    struct task_list *tasks;
    struct store *store;
    struct family *family;
    uv_loop_t loop;
    enum supervisor_phase phase;
    int exit_status;
    bool launcher_ready;
    bool store_answers;
    struct launcher_ready launcher; /* what is in force there */

    struct settle_rules rules;
    struct steady_clock clock; /* what leases and due times go by */
    bool clock_doubted;        /* the log says so */
    struct monotonic started;
    struct launcher_link link;
    struct worker_table table;
    struct writer writer;
    struct poller poller;
    struct feed feed;
    struct sockets sockets;
    struct probe probe;
    uv_signal_t signals[SUPERVISOR_SIGNALS];
    uv_timer_t drain;
    uv_timer_t watchdog;                   /* tells the service manager that the loop turns */
    int drain_steps;                       /* how far stopping the workers has gone */
    char last_skipped[ERROR_MESSAGE_SIZE]; /* document that was left out of the latest round */
    char read_buffer[65536];               /* result pipes are read into it, one at a time */
};

/* Runs until it is told to stop or something it needs is gone; returns the exit status. All
 * arguments are borrowed. */
int supervisor_run(struct supervisor *supervisor, struct config *config, struct task_list *tasks,
                   struct store *store, struct family *family, const struct membership *membership);

/* Ends as soon as may be without draining: a part of the family is gone. */
void supervisor_fail(struct supervisor *supervisor, const struct error *error);

/* A worker slot became free: claims more, or goes on with stopping. */
void supervisor_worker_released(struct supervisor *supervisor);

/* Pauses, drains, or works on, until told otherwise (control socket). Ignored while the process
 * ends. */
void supervisor_hold(struct supervisor *supervisor, enum poller_hold hold);

/* Notes whether the store answered, and logs when that changes. */
void supervisor_note_store(struct supervisor *supervisor, bool answered, const struct error *error);

/* attempt.c: the life of an attempt. */
void attempt_begin(struct supervisor *supervisor, struct claim *claim, struct monotonic claimed,
                   int64_t lease_milliseconds);
/* An operator asked for it: SIGTERM now, SIGKILL ten seconds later. */
void attempt_stop(struct supervisor *supervisor, struct worker *worker);
void attempt_terminate(struct supervisor *supervisor, struct worker *worker, int signal);
extern const struct launcher_link_handlers attempt_launcher_handlers;
extern const struct writer_handlers attempt_writer_handlers;

/* status.c: how things are. */
bool status_is_ready(struct supervisor *supervisor);
json_t *status_answer(struct supervisor *supervisor, json_t *request);
void status_log_workers(struct supervisor *supervisor);

#endif
