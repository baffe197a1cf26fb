/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_control.c - a line on the control socket: `mimoctl ps` speaks there, and whoever else may
 * open it.
 */
#include "fuzz.h"

#include "mimo/document.h"
#include "supervisor/commands.h"
#include "supervisor/sockets.h"

static const struct membership membership = {.mode = "working"};
static const struct worker_table table;

static void hold(void *context, enum poller_hold wanted)
{
    (void)context;
    (void)wanted;
}

static struct status_snapshot snapshot(void *context)
{
    (void)context;
    return (struct status_snapshot){
        .mode = STATUS_WORKING, .membership = &membership, .table = &table};
}

static const struct commands_handlers handlers = {hold, snapshot};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    if (size > SOCKETS_REQUEST_MAXIMUM)
        return 0;
    cleanup_free char *copy = fuzz_copy(data, size);
    cleanup_json struct json_object *request = document_parse(copy, size, &error);
    if (!request) {
        promise_error(&error);
        return 0;
    }
    cleanup_json struct json_object *answer = commands_answer(request, &handlers, NULL);
    PROMISE(document_is_object(answer) && document_is_boolean(document_member(answer, "ok")));
    if (!document_is_true(document_member(answer, "ok")))
        PROMISE(*document_string(answer, "error", ""));
    cleanup_free char *line = document_format(answer);
    PROMISE(line && !strchr(line, '\n'));
    return 0;
}
