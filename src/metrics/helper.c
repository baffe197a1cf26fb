/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper.c - the loop of mimo-metrics: sends figures from the supervisor to statsd and shows them
 * on the page.
 */
#include "metrics/helper.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/log.h"

/* A ready supervisor reports every interval. After this many without a report it is not ready. */
enum { INTERVALS_UNTIL_STALE = 3 };

void helper_figures(void *context, struct page_figures *ret_figures)
{
    const struct helper *helper = context;
    *ret_figures = (struct page_figures){
        .heard = helper->heard,
        .silence_milliseconds = clock_elapsed(helper->heard_at),
        .stale_after_milliseconds = INTERVALS_UNTIL_STALE * helper->interval,
        .statsd_sent = helper->statsd.sent,
        .statsd_dropped = helper->statsd.dropped,
        .statsd_lookup_failures = statsd_lookup_failures(&helper->statsd),
    };
    memcpy(ret_figures->values, helper->latest.values, sizeof(ret_figures->values));
    memcpy(ret_figures->not_ready, helper->latest.not_ready, sizeof(ret_figures->not_ready));
}

/* Sends a line. Logs one line when sending begins to fail, and one when it works again. */
static void deliver(struct helper *helper, const char *line)
{
    struct statsd *statsd = &helper->statsd;
    struct error error;
    uint64_t dropped_before = statsd->dropped;

    if (statsd_send(statsd, line, strlen(line), &error) < 0) {
        if (!helper->statsd_troubled) {
            log_warning("%s; metrics are dropped until %s accepts them: check that the statsd "
                        "agent runs (metrics.statsd)",
                        error.message, statsd->address);
            helper->statsd_troubled = true;
            helper->dropped_before = dropped_before;
        }
    } else if (helper->statsd_troubled) {
        log_notice("%s accepts metrics again; lines dropped meanwhile: %" PRIu64, statsd->address,
                   statsd->dropped - helper->dropped_before);
        helper->statsd_troubled = false;
    }
}

/* The value of a gauge, or the increase of a counter since it was last sent. */
static int64_t amount_to_send(struct helper *helper, enum metric metric)
{
    int64_t value = helper->latest.values[metric];
    if (metric_descriptions[metric].kind == METRIC_KIND_GAUGE)
        return value;
    int64_t increments = value - helper->counted[metric];
    helper->counted[metric] = value;
    return increments;
}

static int emit(struct helper *helper, enum metric metric, struct error *error)
{
    int64_t amount = amount_to_send(helper, metric);
    if (amount <= 0 && metric_descriptions[metric].kind == METRIC_KIND_COUNTER)
        return 0; /* nothing was counted since the last line */
    if (metric == METRIC_HEARTBEAT && helper->labels.heartbeat_is_gauge)
        amount = 1;
    cleanup_free char *line =
        metric_line_format(&helper->labels, metric, amount, clock_unix_milliseconds(), error);
    if (!line)
        return -1;
    deliver(helper, line);
    return 0;
}

/* After a restart, counts from the first message on, because the previous helper sent everything
 * before it. */
static void begin_counting(struct helper *helper, const struct metrics_message *message)
{
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        bool sent = message->emit & UINT32_C(1) << metric;
        helper->counted[metric] = message->values[metric] - (sent ? 1 : 0);
    }
}

static int take_message(struct helper *helper, const struct metrics_message *message,
                        struct error *error)
{
    if (!helper->heard)
        begin_counting(helper, message);
    helper->latest = *message;
    helper->heard = true;
    helper->heard_at = clock_monotonic();
    for (int metric = 0; metric < METRIC_COUNT; metric++)
        if (message->emit & UINT32_C(1) << metric && emit(helper, (enum metric)metric, error) < 0)
            return -1;
    return 0;
}

/* Reads one packet per round, so that many packets do not delay the page. *ret_ended is true when
 * the supervisor closed the channel. */
static int read_channel(struct helper *helper, bool *ret_ended, struct error *error)
{
    struct metrics_message message;
    int received = metrics_channel_receive(helper->channel, &message, error);
    if (received > 0)
        return take_message(helper, &message, error);
    *ret_ended = received < 0 && error->kind == ERROR_UNAVAILABLE;
    return received < 0 && !*ret_ended ? -1 : 0;
}

int helper_run(struct helper *helper, struct error *error)
{
    helper->heard_at = clock_monotonic();
    statsd_start(&helper->statsd);
    for (bool ended = false; !ended;) {
        struct pollfd watched[] = {
            {.fd = helper->channel, .events = POLLIN},
            {.fd = helper->page ? page_descriptor(helper->page) : -1, .events = POLLIN},
            {.fd = statsd_waiting(&helper->statsd), .events = POLLOUT},
        };
        int timeout = helper->page ? page_timeout(helper->page) : -1;
        if (poll(watched, 3, timeout) < 0 && errno != EINTR)
            return error_set_system(error, errno, "cannot wait for messages");
        if (watched[2].revents)
            statsd_flush(&helper->statsd);
        if (watched[0].revents && read_channel(helper, &ended, error) < 0)
            return -1;
        if (helper->page)
            page_run(helper->page);
    }
    return 0;
}
