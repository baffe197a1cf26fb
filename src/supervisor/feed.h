/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed.h - the supervisor's figures on their way to the metrics helper.
 *
 * Values are kept here and sent as one message: at every worker start and end; within a second when
 * readiness or its reason changes; and each metrics.interval with the heartbeat (only while ready)
 * and the queue length (only when the store told it). Metrics share no fate with the work: a helper
 * that does not read loses messages, one that ends is started again by its keeper and logged here,
 * and without a keeper the figures are dropped.
 *
 * Threads: the event loop's; only the query for the queue length runs on the pool.
 */
#ifndef MIMO_SUPERVISOR_FEED_H
#define MIMO_SUPERVISOR_FEED_H

#include <stdbool.h>
#include <uv.h>

#include "mimo/metrics.h"
#include "mimo/store.h"

struct feed_handlers {
    /* Whether the actuator is ready; if not, writes the reason to `reason`. */
    bool (*is_ready)(void *context, char *reason, size_t size);
};

struct feed {
    uv_loop_t *loop;
    struct store *store;
    int socket; /* borrowed from the family */
    struct metrics_message message;
    uv_poll_t poll;
    uv_timer_t timer; /* the interval */
    uv_timer_t look;  /* at readiness */
    uv_work_t work;
    bool counting;        /* the queue length is being asked for */
    int64_t queue_length; /* -1: the store did not tell */
    int64_t helper;       /* pid; 0 while none runs, as far as is known */
    bool helper_ended;    /* one has ended since the start */
    const struct feed_handlers *handlers;
    void *context;
    bool open;      /* the timers are in use */
    bool connected; /* helper or keeper are there: the poll handle is in use */
};

int feed_open(struct feed *feed, uv_loop_t *loop, struct store *store, int socket,
              int64_t interval_milliseconds, const struct feed_handlers *handlers, void *context,
              struct error *error);

/* Changes a value; it goes out with the next message. */
void feed_set(struct feed *feed, enum metric metric, int64_t value);
void feed_add(struct feed *feed, enum metric metric);

/* Sends all values now; the metrics of the set `emit` (1u << metric) go to statsd as well. */
void feed_send(struct feed *feed, uint32_t emit);

void feed_close(struct feed *feed);

#endif
