/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps.c - mimoctl ps: the workers of the actuators on this machine, through their control sockets.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/commands/handlers.h"
#include "ctl/commands/machine.h"
#include "ctl/commands/next.h"
#include "ctl/commands/security.h"
#include "ctl/output/workers_text.h"
#include "mimo/document.h"

static void write_manifest_ids(const struct json_object *answers)
{
    size_t position;
    struct json_object *answer;
    document_foreach_item(answers, position, answer) {
        size_t place;
        struct json_object *worker;
        document_foreach_item(document_get(answer, "workers"), place, worker)
            printf("%s\n", document_string(worker, "manifestID", ""));
    }
}

/* The worker that has run longest; else an actuator that takes no work; else the queue. */
static void say_next(struct ctl *ctl, const struct json_object *answers)
{
    const struct output *output = &ctl->output;
    const struct json_object *oldest = NULL;
    const struct json_object *held = NULL;
    size_t position;
    struct json_object *answer;
    document_foreach_item(answers, position, answer) {
        size_t place;
        struct json_object *worker;
        document_foreach_item(document_get(answer, "workers"), place, worker)
            if (!oldest || document_integer(worker, "runMilliseconds", 0) >
                               document_integer(oldest, "runMilliseconds", 0))
                oldest = worker;
        if (!held && strcmp(document_string(answer, "actuator.mode", "working"), "working") != 0)
            held = answer;
    }
    ctl->hurried = true; /* the Admin API is asked for the advice alone */
    if (oldest)
        next_of_busy(ctl, NULL, document_string(oldest, "manifestID", ""));
    else if (held)
        next_say(output, "so that it takes work again", "mimoctl resume %" PRId64,
                 document_integer(held, "actuator.index", 0));
    else
        next_say(output, NULL, "mimoctl queue");
}

static void write_answers(struct ctl *ctl, const struct json_object *answers)
{
    const struct output *output = &ctl->output;
    switch (output->form) {
    case OUTPUT_JSON: {
        cleanup_json struct json_object *all = document_pack("{s:O}", "value", answers);
        output_json(all);
        break;
    }
    case OUTPUT_ID:
        write_manifest_ids(answers);
        break;
    case OUTPUT_TABLE:
    case OUTPUT_WIDE:
        workers_text_write(output, answers);
        say_next(ctl, answers);
        break;
    }
}

int ctl_ps(struct ctl *ctl, struct error *error)
{
    if (ctl->options.values[OPTION_SECURITY])
        return security_show(ctl, error);
    struct machine_question question = {.command = "ps"};
    cleanup_json struct json_object *answers = NULL;
    int status = machine_ask(ctl, &question, &answers, error);
    if (status >= 0 && document_length(answers) > 0)
        write_answers(ctl, answers);
    return status;
}
