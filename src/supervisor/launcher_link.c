/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher_link.c - launcher channel on the event loop: ordered sending without blocking,
 * dispatch by type.
 */
#include "supervisor/launcher_link.h"

#include <stdlib.h>
#include <unistd.h>

#include "mimo/cleanup.h"

/* Messages handled before other events get their turn. */
enum { LINK_BURST = 64 };

struct launcher_link_waiting {
    struct launcher_link_waiting *next;
    struct launcher_message message; /* owns its descriptors */
};

static void on_event(uv_poll_t *poll, int status, int events);

static void close_descriptors(struct launcher_message *message)
{
    if (message->job_fd >= 0)
        close(take_fd(&message->job_fd));
    if (message->report_fd >= 0)
        close(take_fd(&message->report_fd));
}

static void watch(struct launcher_link *link)
{
    uv_poll_start(&link->poll, UV_READABLE | (link->first ? UV_WRITABLE : 0), on_event);
}

static void lose(struct launcher_link *link, const struct error *error)
{
    if (!link->open)
        return;
    launcher_link_close(link);
    link->handlers->lost(link->context, error);
}

/* Sends messages that wait until the socket is full. */
static int send_waiting(struct launcher_link *link, struct error *error)
{
    while (link->first) {
        struct launcher_link_waiting *waiting = link->first;
        if (launcher_channel_send(link->socket, &waiting->message, error) < 0)
            return error->kind == ERROR_BUSY ? 0 : -1;
        link->first = waiting->next;
        if (!link->first)
            link->last = NULL;
        close_descriptors(&waiting->message);
        free(waiting);
    }
    return 0;
}

static int enqueue(struct launcher_link *link, const struct launcher_message *message,
                   struct error *error)
{
    struct launcher_link_waiting *waiting = calloc(1, sizeof(*waiting));
    if (!waiting)
        return error_set_memory(error);
    waiting->message = *message;
    if (link->last)
        link->last->next = waiting;
    else
        link->first = waiting;
    link->last = waiting;
    watch(link);
    return 0;
}

/* Sends at once if no other message waits and the socket takes it; otherwise queues it. */
static int send_message(struct launcher_link *link, struct launcher_message *message,
                        struct error *error)
{
    int status = error_set(error, ERROR_UNAVAILABLE, "the launcher has ended");
    if (link->open && !link->first)
        status = launcher_channel_send(link->socket, message, error);
    if (link->open && status < 0 && (link->first || error->kind == ERROR_BUSY) &&
        enqueue(link, message, error) == 0)
        return 0;
    close_descriptors(message);
    return status;
}

static void dispatch(struct launcher_link *link, const struct launcher_message *message)
{
    switch (message->type) {
    case LAUNCHER_READY:
        link->handlers->ready(link->context, &message->ready);
        break;
    case LAUNCHER_STARTED:
        link->handlers->started(link->context, &message->started);
        break;
    case LAUNCHER_ENDED:
        link->handlers->ended(link->context, &message->ended);
        break;
    case LAUNCHER_FAILED:
        link->handlers->failed(link->context, &message->failed);
        break;
    case LAUNCHER_LAUNCH:
    case LAUNCHER_SIGNAL:
        break; /* the channel refuses these from the launcher */
    }
}

static void receive(struct launcher_link *link)
{
    struct error error;
    struct launcher_message message;
    for (int i = 0; i < LINK_BURST && link->open; i++) {
        int status = launcher_channel_receive(link->socket, LAUNCHER_SIDE_LAUNCHER, &link->state,
                                              &message, &error);
        if (status == 0)
            return;
        if (status < 0) {
            lose(link, &error);
            return;
        }
        dispatch(link, &message);
    }
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct launcher_link *link = poll->data;
    struct error error;
    if (status < 0) {
        error_set(&error, ERROR_UNAVAILABLE, "the channel to the launcher failed: %s",
                  uv_strerror(status));
        lose(link, &error);
        return;
    }
    if (events & UV_WRITABLE) {
        if (send_waiting(link, &error) < 0) {
            lose(link, &error);
            return;
        }
        watch(link);
    }
    if (events & UV_READABLE)
        receive(link);
}

int launcher_link_open(struct launcher_link *link, uv_loop_t *loop, int socket,
                       const struct launcher_link_handlers *handlers, void *context,
                       struct error *error)
{
    *link = (struct launcher_link){
        .socket = socket,
        .state = LAUNCHER_CHANNEL_STARTING,
        .handlers = handlers,
        .context = context,
    };
    int status = uv_poll_init(loop, &link->poll, socket);
    if (status < 0)
        return error_set(error, ERROR_SYSTEM, "cannot watch the launcher: %s", uv_strerror(status));
    link->poll.data = link;
    link->open = true;
    watch(link);
    return 0;
}

int launcher_link_launch(struct launcher_link *link, const struct launcher_launch *launch,
                         int job_fd, int report_fd, struct error *error)
{
    struct launcher_message message = {
        .type = LAUNCHER_LAUNCH, .launch = *launch, .job_fd = job_fd, .report_fd = report_fd};
    if (send_message(link, &message, error) < 0)
        return error_prefix(error, "cannot ask the launcher for a worker");
    return 0;
}

int launcher_link_signal(struct launcher_link *link, uint64_t token, int signal,
                         struct error *error)
{
    struct launcher_message message = {
        .type = LAUNCHER_SIGNAL,
        .signal = {.token = token, .signal = (uint32_t)signal},
        .job_fd = -1,
        .report_fd = -1,
    };
    if (send_message(link, &message, error) < 0)
        return error_prefix(error, "cannot signal a worker");
    return 0;
}

void launcher_link_close(struct launcher_link *link)
{
    if (!link->open)
        return;
    link->open = false;
    while (link->first) {
        struct launcher_link_waiting *waiting = link->first;
        link->first = waiting->next;
        close_descriptors(&waiting->message);
        free(waiting);
    }
    link->last = NULL;
    uv_poll_stop(&link->poll);
    uv_close((uv_handle_t *)&link->poll, NULL);
}
