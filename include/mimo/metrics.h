/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - the table of all metrics, and the channel between supervisor and metrics helper.
 *
 * A row has constant, name, kind and help. The helper's statsd lines, its Prometheus page and
 * docs/metrics.md are made from the table. The three metrics of the operators' guide (heartbeat,
 * queue length, active workers) go to statsd; the others are only on the Prometheus page.
 *
 * Channel: a SOCK_SEQPACKET pair. Two processes share the other end: the helper, and its keeper,
 * which starts a new helper when one has ended (supervisor/keeper.h). So the channel outlives a
 * helper.
 *
 *   supervisor to helper   struct metrics_message. Sent without ever waiting: a helper that does
 *                          not read loses messages, not workers. A packet of any other size or
 *                          version ends the helper.
 *   keeper to supervisor   struct metrics_notice: the helper was started, or has ended. Untrusted:
 *                          a packet that breaks the rules closes the channel, and nothing else.
 */
#ifndef MIMO_METRICS_H
#define MIMO_METRICS_H

#include <stdint.h>

#include "mimo/error.h"

/* clang-format off */
#define METRICS(COUNTER, GAUGE)                                                                                     \
    COUNTER(METRIC_HEARTBEAT, "actuator.heartbeat", "heartbeats sent; one per interval while the actuator is ready") \
    GAUGE(METRIC_QUEUE_LENGTH, "database.maintenancemanifests.queue.length", "manifests Pending or InProgress in the whole fleet") \
    GAUGE(METRIC_WORKERS_ACTIVE, "mimo.actuator.workers.active.count", "workers running on this actuator")          \
    COUNTER(METRIC_ATTEMPTS_STARTED, "mimo.actuator.attempts.started", "attempts started")                          \
    COUNTER(METRIC_ATTEMPTS_SUCCEEDED, "mimo.actuator.attempts.succeeded", "attempts that succeeded")               \
    COUNTER(METRIC_ATTEMPTS_TRANSIENT, "mimo.actuator.attempts.transient", "attempts that ended in a transient error, a timeout or a crash") \
    COUNTER(METRIC_ATTEMPTS_TERMINAL, "mimo.actuator.attempts.terminal", "attempts that ended in a terminal error") \
    COUNTER(METRIC_WORKERS_DENIED, "mimo.actuator.workers.denied", "workers ended for a violation: a forbidden system call, an exceeded limit or a broken report") \
    COUNTER(METRIC_RESULTS_LATE, "mimo.actuator.results.late", "results dropped because the attempt no longer owned its manifest") \
    COUNTER(METRIC_STORE_FAILURES, "mimo.actuator.store.failures", "store batches that failed")                     \
    GAUGE(METRIC_BUCKETS_OWNED, "mimo.actuator.buckets.owned", "buckets this actuator owns")                 \
    GAUGE(METRIC_READY, "mimo.actuator.ready", "1 while the actuator is ready")
/* clang-format on */

#define METRIC_CONSTANT(constant, name, help) constant,
enum metric { METRICS(METRIC_CONSTANT, METRIC_CONSTANT) METRIC_COUNT };
#undef METRIC_CONSTANT

enum metric_kind { METRIC_KIND_COUNTER, METRIC_KIND_GAUGE };

struct metric_description {
    const char *name;
    enum metric_kind kind;
    const char *help;
};

extern const struct metric_description metric_descriptions[METRIC_COUNT];

enum { METRICS_CHANNEL_VERSION = 2, METRICS_REASON_SIZE = 512 };

struct metrics_message {
    uint32_t version;
    uint32_t emit;                       /* bit n set: send metric n to statsd now */
    int64_t values[METRIC_COUNT];        /* all values as they are now; counters since the start */
    char not_ready[METRICS_REASON_SIZE]; /* why METRIC_READY is 0; "" while it is 1. Terminated */
};

struct metrics_notice {
    uint32_t version;
    int32_t pid;                 /* the helper that was started; 0: the helper has ended */
    int32_t wait_status;         /* as waitpid(2), when it has ended */
    uint32_t pause_milliseconds; /* when it has ended: pause before the next one is started */
};

/* Sends with the version of this build, without waiting. ERROR_BUSY: the helper does not read fast
 * enough, and the message is lost. ERROR_UNAVAILABLE: helper and keeper have both ended. */
int metrics_channel_send(int socket, const struct metrics_message *message, struct error *error);

/* 1: a message, 0: none now, -1: ERROR_UNAVAILABLE at end of file, ERROR_INVALID: a bad packet. */
int metrics_channel_receive(int socket, struct metrics_message *ret_message, struct error *error);

/* The same for notices. A lost notice only costs a line in the log. */
int metrics_channel_notify(int socket, const struct metrics_notice *notice, struct error *error);
int metrics_channel_receive_notice(int socket, struct metrics_notice *ret_notice,
                                   struct error *error);

#endif
