/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper.h - the loop of mimo-metrics: figures from the supervisor go to statsd and to the page.
 *
 * One thread and one poll(2); nothing in it blocks. A name of the statsd agent is looked up by a
 * thread of its own (lookup.h). The helper ends when the supervisor closes the channel.
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
    struct monotonic heard_at; /* or the start */
    struct metrics_message latest;
    int64_t counted[METRIC_COUNT]; /* counters: the value up to which increments went to statsd */
    bool statsd_troubled;          /* said so in the log */
    uint64_t dropped_before;       /* statsd.dropped when the trouble began */
};

/* page_figures_function for the page of a helper. */
void helper_figures(void *helper, struct page_figures *ret_figures);

/* Runs until the supervisor closes the channel: 0. -1 when a packet is not what the contract says,
 * or the system fails. */
int helper_run(struct helper *helper, struct error *error);

#endif
