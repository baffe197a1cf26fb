/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_text.h - formats the figures as a Prometheus page, and the health as one line.
 *
 * Text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/): dots of names
 * become underscores, counters end in _total, an ending ".count" is left out. `promtool check
 * metrics` accepts the page. Pure: callers pass the time.
 */
#ifndef MIMO_METRICS_PAGE_TEXT_H
#define MIMO_METRICS_PAGE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/metrics.h"

/* Metrics of the helper itself; constant, name and help as in METRICS. */
/* clang-format off */
#define HELPER_METRICS(COUNTER, GAUGE)                                                                            \
    COUNTER(HELPER_STATSD_SENT, "mimo.metrics.statsd.lines.sent", "lines sent to statsd")                  \
    COUNTER(HELPER_STATSD_DROPPED, "mimo.metrics.statsd.lines.dropped", "lines dropped because statsd did not accept them") \
    COUNTER(HELPER_LOOKUPS_FAILED, "mimo.metrics.statsd.lookups.failed", "look-ups of the name of the statsd agent that failed") \
    GAUGE(HELPER_SILENCE, "mimo.metrics.supervisor.silence.seconds", "seconds since the last report of the supervisor")
/* clang-format on */

#define HELPER_METRIC_CONSTANT(constant, name, help) constant,
enum helper_metric {
    HELPER_METRICS(HELPER_METRIC_CONSTANT, HELPER_METRIC_CONSTANT) HELPER_METRIC_COUNT
};
#undef HELPER_METRIC_CONSTANT

extern const struct metric_description helper_metric_descriptions[HELPER_METRIC_COUNT];

/* The present figures. */
struct page_figures {
    bool heard;                          /* the supervisor has reported at least once */
    int64_t values[METRIC_COUNT];        /* its figures, once it has reported */
    char not_ready[METRICS_REASON_SIZE]; /* why it is not ready; "" when it is */
    int64_t silence_milliseconds;        /* since its last report, or since the start */
    int64_t stale_after_milliseconds;    /* after a longer silence it is not ready */
    uint64_t statsd_sent;
    uint64_t statsd_dropped;
    uint64_t statsd_lookup_failures;
};

/* The page; the caller frees it. The supervisor's metrics are left out until its first
 * report. NULL when out of memory. */
char *page_text_metrics(const struct page_figures *figures, size_t *ret_length);

enum { PAGE_HEALTH_SIZE = METRICS_REASON_SIZE + 32 };

/* True if the actuator is ready. Writes the line of the answer. */
bool page_text_health(const struct page_figures *figures, char text[PAGE_HEALTH_SIZE]);

#endif
