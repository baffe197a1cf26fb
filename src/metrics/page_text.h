/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_text.h - the figures as a Prometheus page, and as one word about health.
 *
 * Text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/): dots of names
 * become underscores, counters end in _total. Pure: callers bring the time.
 */
#ifndef MIMO_METRICS_PAGE_TEXT_H
#define MIMO_METRICS_PAGE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/metrics.h"

/* What the helper says about itself; constant, name and help as in METRICS. */
/* clang-format off */
#define HELPER_METRICS(COUNTER, GAUGE)                                                                            \
    COUNTER(HELPER_STATSD_SENT, "mimo.metrics.statsd.lines.sent", "lines handed over to statsd")                  \
    COUNTER(HELPER_STATSD_DROPPED, "mimo.metrics.statsd.lines.dropped", "lines dropped because statsd did not take them") \
    GAUGE(HELPER_SILENCE, "mimo.metrics.supervisor.silence.seconds", "seconds since the supervisor was last heard of")
/* clang-format on */

#define HELPER_METRIC_CONSTANT(constant, name, help) constant,
enum helper_metric {
    HELPER_METRICS(HELPER_METRIC_CONSTANT, HELPER_METRIC_CONSTANT) HELPER_METRIC_COUNT
};
#undef HELPER_METRIC_CONSTANT

extern const struct metric_description helper_metric_descriptions[HELPER_METRIC_COUNT];

/* What is known now. */
struct page_figures {
    bool heard;                          /* the supervisor has spoken at all */
    int64_t values[METRIC_COUNT];        /* then: its figures */
    char not_ready[METRICS_REASON_SIZE]; /* why it is not ready; "" when it is */
    int64_t silence_milliseconds;        /* since it last spoke, or since the start */
    int64_t stale_after_milliseconds;    /* a longer silence counts as not ready */
    uint64_t statsd_sent;
    uint64_t statsd_dropped;
};

/* The page; the caller frees it. The supervisor's metrics are missing until it has spoken: a zero
 * would be an invention. NULL only without memory. */
char *page_text_metrics(const struct page_figures *figures, size_t *ret_length);

enum { PAGE_HEALTH_SIZE = METRICS_REASON_SIZE + 32 };

/* True when the actuator is ready. Writes the line to answer with. */
bool page_text_health(const struct page_figures *figures, char text[PAGE_HEALTH_SIZE]);

#endif
