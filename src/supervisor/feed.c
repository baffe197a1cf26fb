/* SPDX-License-Identifier: Apache-2.0 */
/* Values for the metrics helper: on change, and at each interval. */
#include "supervisor/feed.h"

#include "mimo/log.h"

static void lose(struct feed *feed, const struct error *error)
{
    if (!feed->open)
        return;
    feed_close(feed);
    feed->handlers->lost(feed->context, error);
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
    if (!feed->open)
        return;
    feed->message.version = METRICS_CHANNEL_VERSION;
    feed->message.emit = emit;
    if (metrics_channel_send(feed->socket, &feed->message, &error) == 0)
        return;
    if (error.kind == ERROR_BUSY)
        log_debug("the metrics helper is behind: %s", error.message);
    else
        lose(feed, &error);
}

/* The helper never writes: what can be read is its end. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct feed *feed = poll->data;
    struct error error;
    (void)status;
    (void)events;
    error_set(&error, ERROR_UNAVAILABLE, "the metrics helper is gone");
    lose(feed, &error);
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
    bool ready = feed->handlers->is_ready(feed->context);
    feed_set(feed, METRIC_READY, ready);
    if (ready) {
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
    feed->poll.data = feed->timer.data = feed;
    feed->open = true;
    uv_poll_start(&feed->poll, UV_READABLE | UV_DISCONNECT, on_readable);
    uv_timer_start(&feed->timer, on_interval, (uint64_t)interval_milliseconds,
                   (uint64_t)interval_milliseconds);
    return 0;
}

bool feed_is_busy(const struct feed *feed)
{
    return feed->counting;
}

void feed_close(struct feed *feed)
{
    if (!feed->open)
        return;
    feed->open = false;
    uv_poll_stop(&feed->poll);
    uv_close((uv_handle_t *)&feed->poll, NULL);
    uv_close((uv_handle_t *)&feed->timer, NULL);
}
