/* SPDX-License-Identifier: Apache-2.0 */
/* A line on the control socket: `mimoctl ps` speaks there, and whoever else may open it. */
#include "fuzz.h"

#include "supervisor/sockets.h"
#include "supervisor/supervisor.h"

static struct supervisor supervisor;
static struct config config;
static struct family family;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    supervisor.config = &config;
    supervisor.family = &family;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    if (size > SOCKETS_REQUEST_MAXIMUM)
        return 0;
    cleanup_free char *copy = fuzz_copy(data, size);
    cleanup_json json_t *request = document_parse(copy, size, &error);
    if (!request) {
        promise_error(&error);
        return 0;
    }
    cleanup_json json_t *answer = status_answer(&supervisor, request);
    PROMISE(json_is_object(answer) && json_is_boolean(json_object_get(answer, "ok")));
    if (json_is_false(json_object_get(answer, "ok")))
        PROMISE(*document_string(answer, "error", ""));
    cleanup_free char *line = document_format(answer);
    PROMISE(line && !strchr(line, '\n'));
    return 0;
}
