/* SPDX-License-Identifier: Apache-2.0 */
/* feed.c - values for the metrics helper: on change, and at each interval. */
#include "supervisor/feed.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "mimo/clock.h"
#include "mimo/log.h"

/* Milliseconds between two looks at readiness. */
enum { FEED_LOOK = 1000 };

static void disconnect(struct feed *feed)
{
    feed->connected = false;
    feed->helper = 0;
    uv_poll_stop(&feed->poll);
    uv_close((uv_handle_t *)&feed->poll, NULL);
}

/* Attempts continue without metrics. */
static void lose(struct feed *feed, const struct error *error)
{
    if (!feed->connected)
        return;
    disconnect(feed);
    log_error("%s; there are no metrics and no heartbeat until mimod is restarted", error->message);
}

void feed_set(struct feed *feed, enum metric metric, int64_t value)
{
    feed->message.values[metric] = value;
}

void feed_add(struct feed *feed, enum metric metric)
{
    feed->message.values[metric]++;
}

void feed_send(struct feed *feed, uint32_t emit)
{
    struct error error;
    if (!feed->connected)
        return;
    feed->message.emit = emit;
    if (metrics_channel_send(feed->socket, &feed->message, &error) == 0)
        return;
    if (error.kind == ERROR_BUSY)
        log_debug("%s", error.message);
    else
        lose(feed, &error);
}

/* How a helper ended, for the log. */
static void describe_end(int wait_status, char *buffer, size_t size)
{
    if (WIFSIGNALED(wait_status)) {
        const char *name = sigabbrev_np(WTERMSIG(wait_status));
        snprintf(buffer, size, "was killed by signal %d (SIG%s)", WTERMSIG(wait_status),
                 name ? name : "?");
    } else {
        snprintf(buffer, size, "ended with exit status %d", WEXITSTATUS(wait_status));
    }
}

static void take_notice(struct feed *feed, const struct metrics_notice *notice)
{
    char end[64];
    char pause[CLOCK_TEXT_SIZE];
    if (notice->pid == 0) {
        describe_end(notice->wait_status, end, sizeof(end));
        log_warning("the metrics helper %s; it is started again in %s; until then metrics are lost",
                    end, clock_format_duration(pause, notice->pause_milliseconds));
        feed->helper_ended = true;
    } else if (feed->helper_ended) {
        log_info("the metrics helper runs again as process %d", notice->pid);
    }
    feed->helper = notice->pid;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct feed *feed = poll->data;
    struct metrics_notice notice;
    struct error error;
    (void)status;
    (void)events;
    int received = metrics_channel_receive_notice(feed->socket, &notice, &error);
    if (received > 0)
        take_notice(feed, &notice);
    else if (received < 0)
        lose(feed, &error);
}

/* Notes whether the actuator is ready; true when that or its reason has changed. */
static bool note_ready(struct feed *feed)
{
    char reason[METRICS_REASON_SIZE] = "";
    bool ready = feed->handlers->is_ready(feed->context, reason, sizeof(reason));
    bool changed =
        feed->message.values[METRIC_READY] != ready || strcmp(feed->message.not_ready, reason) != 0;
    feed_set(feed, METRIC_READY, ready);
    memcpy(feed->message.not_ready, reason, sizeof(reason));
    return changed;
}

static void on_look(uv_timer_t *timer)
{
    struct feed *feed = timer->data;
    if (note_ready(feed))
        feed_send(feed, 0);
}

static void count_queue(uv_work_t *work)
{
    struct feed *feed = work->data;
    struct store_query query = {.kind = STORE_QUERY_QUEUE_LENGTH};
    struct store_operation operation = store_query(&query);
    struct error error;
    feed->queue_length = -1;
    if (store_run(feed->store, &operation, 1, &error) == 0 && operation.result.status == STORE_DONE)
        feed->queue_length = operation.result.total;
    store_release(&operation, 1);
}

static void on_queue_counted(uv_work_t *work, int status)
{
    (void)status;
    struct feed *feed = work->data;
    uint32_t emit = 1u << METRIC_WORKERS_ACTIVE;
    feed->counting = false;
    if (feed->queue_length >= 0) {
        feed_set(feed, METRIC_QUEUE_LENGTH, feed->queue_length);
        emit |= 1u << METRIC_QUEUE_LENGTH;
    }
    note_ready(feed);
    if (feed->message.values[METRIC_READY]) {
        feed_add(feed, METRIC_HEARTBEAT);
        emit |= 1u << METRIC_HEARTBEAT;
    }
    feed_send(feed, emit);
}

static void on_interval(uv_timer_t *timer)
{
    struct feed *feed = timer->data;
    if (feed->counting)
        return; /* the store hangs: no heartbeat either */
    feed->counting = true;
    feed->work.data = feed;
    uv_queue_work(feed->loop, &feed->work, count_queue, on_queue_counted);
}

int feed_open(struct feed *feed, uv_loop_t *loop, struct store *store, int socket,
              int64_t interval_milliseconds, const struct feed_handlers *handlers, void *context,
              struct error *error)
{
    *feed = (struct feed){
        .loop = loop,
        .store = store,
        .socket = socket,
        .handlers = handlers,
        .context = context,
    };
    int status = uv_poll_init(loop, &feed->poll, socket);
    if (status < 0)
        return error_set(error, ERROR_SYSTEM, "cannot watch the metrics helper: %s",
                         uv_strerror(status));
    uv_timer_init(loop, &feed->timer);
    uv_timer_init(loop, &feed->look);
    feed->poll.data = feed->timer.data = feed->look.data = feed;
    feed->open = feed->connected = true;
    uv_timer_start(&feed->look, on_look, FEED_LOOK, FEED_LOOK);
    uv_poll_start(&feed->poll, UV_READABLE | UV_DISCONNECT, on_readable);
    uv_timer_start(&feed->timer, on_interval, (uint64_t)interval_milliseconds,
                   (uint64_t)interval_milliseconds);
    return 0;
}

void feed_close(struct feed *feed)
{
    if (!feed->open)
        return;
    feed->open = false;
    if (feed->connected)
        disconnect(feed);
    uv_close((uv_handle_t *)&feed->timer, NULL);
    uv_close((uv_handle_t *)&feed->look, NULL);
}
