/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper.h - the loop of mimo-metrics: sends figures from the supervisor to statsd and shows them
 * on the page.
 *
 * One thread and one poll(2); nothing in it blocks. A background thread looks up the name of the
 * statsd agent (lookup.h). The helper ends when the supervisor closes the channel.
 */
#ifndef MIMO_METRICS_HELPER_H
#define MIMO_METRICS_HELPER_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/metric_line.h"
#include "metrics/page.h"
#include "metrics/statsd.h"
#include "mimo/clock.h"
#include "mimo/metrics.h"

struct helper {
    int channel; /* to the supervisor */
    struct statsd statsd;
    struct page *page; /* NULL for none */
    struct metric_labels labels;
    int64_t interval; /* milliseconds between the supervisor's reports while it is ready */

    bool heard;
    struct monotonic heard_at; /* time of the last report, or of the start */
    struct metrics_message latest;
    int64_t counted[METRIC_COUNT]; /* counters: the value up to which increments went to statsd */
    bool statsd_troubled;          /* the failure was logged */
    uint64_t dropped_before;       /* statsd.dropped when the failure began */
};

/* page_figures_function for the page of a helper. */
void helper_figures(void *helper, struct page_figures *ret_figures);

/* Runs until the supervisor closes the channel, then returns 0. -1 for an invalid packet or a
 * failure of the system. */
int helper_run(struct helper *helper, struct error *error);

#endif
