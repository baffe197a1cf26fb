/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - the table of commands of the control socket. */
#include "supervisor/commands.h"

#include <stdio.h>
#include <string.h>

#include "mimo/document.h"
#include "supervisor/sockets.h"

static const struct command {
    const char *name;
    struct json_object *(*answer)(const struct status_snapshot *snapshot);
    bool changes; /* then: */
    enum poller_hold hold;
} commands[] = {
    {"status", status_answer, false, 0},
    {"ps", status_answer_ps, false, 0},
    {"security", status_answer_security, false, 0},
    {"pause", status_answer, true, POLLER_PAUSED},
    {"drain", status_answer, true, POLLER_DRAINED},
    {"resume", status_answer, true, POLLER_WORKING},
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static struct json_object *answer_unknown(const char *name)
{
    char known[256] = "";
    for (int i = 0; i < COMMAND_COUNT; i++) {
        size_t length = strlen(known);
        snprintf(known + length, sizeof(known) - length, "%s%s", i ? ", " : "", commands[i].name);
    }
    struct error error;
    error_set(&error, ERROR_INVALID, "unknown command \"%.100s\"; known: %s", name, known);
    return sockets_refusal(&error);
}

struct json_object *commands_answer(struct json_object *request,
                                    const struct commands_handlers *handlers, void *context)
{
    const char *name = document_string(request, "command", "");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        if (commands[i].changes)
            handlers->hold(context, commands[i].hold);
        struct status_snapshot snapshot = handlers->snapshot(context);
        return commands[i].answer(&snapshot);
    }
    return answer_unknown(name);
}
