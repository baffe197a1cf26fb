/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold.c - mimoctl pause, drain and resume: the mode of the actuators on this machine.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/commands/handlers.h"
#include "ctl/commands/machine.h"
#include "ctl/commands/next.h"
#include "mimo/clock.h"
#include "mimo/document.h"

enum { LOOK_MILLISECONDS = 250 };

/* ---- showing ---- */

static void fill_workers(const struct output *output, const struct json_object *answer,
                         const void *context, struct cell *cell)
{
    (void)output, (void)context;
    snprintf(cell->text, sizeof(cell->text), "%" PRId64 "/%" PRId64,
             document_integer(answer, "actuator.workersActive", 0),
             document_integer(answer, "actuator.maxWorkers", 0));
}

static void fill_mode(const struct output *output, const struct json_object *answer,
                      const void *context, struct cell *cell)
{
    (void)output, (void)context;
    const char *mode = document_string(answer, "actuator.mode", "");
    snprintf(cell->text, sizeof(cell->text), "%s", mode);
    cell->colour = strcmp(mode, "working") == 0 ? COLOUR_GREEN : COLOUR_YELLOW;
}

static const struct column columns[] = {
    {"ACTUATOR", IN_BOTH, "actuator.index", NULL},
    {"HOST", IN_BOTH, "actuator.hostname", NULL},
    {"MODE", IN_BOTH, NULL, fill_mode},
    {"WORKERS", IN_BOTH, NULL, fill_workers},
    {"VERSION", IN_WIDE, "actuator.version", NULL},
    {"PID", IN_WIDE, "actuator.pid", NULL},
    {"ID", IN_WIDE, "actuator.id", NULL},
};

static const struct listing mode_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "",
};

static void write_modes(const struct output *output, const struct json_object *answers)
{
    size_t position;
    struct json_object *answer;
    if (output->form != OUTPUT_ID) {
        output_items(output, &mode_listing, answers);
        return;
    }
    document_foreach_item(answers, position, answer)
        printf("%s\n", document_string(answer, "actuator.id", ""));
}

/* About the first actuator that was asked. */
static void say_next(const struct output *output, const struct json_object *answers)
{
    const struct json_object *answer = document_item(answers, 0);
    const char *mode = document_string(answer, "actuator.mode", "");
    int64_t index = document_integer(answer, "actuator.index", 0);
    if (strcmp(mode, "draining") == 0)
        next_say(output, NULL, "mimoctl drain --wait %" PRId64, index);
    else if (strcmp(mode, "drained") == 0 || strcmp(mode, "paused") == 0)
        next_say(output, "so that it takes work again", "mimoctl resume %" PRId64, index);
    else
        next_say(output, NULL, "mimoctl queue");
}

static int command(struct ctl *ctl, const char *name, struct json_object **ret_answers,
                   struct error *error)
{
    const struct machine_question question = {.command = name,
                                              .indexes = ctl->options.operands,
                                              .index_count = ctl->options.operand_count};
    return machine_ask(ctl, &question, ret_answers, error);
}

static int hold(struct ctl *ctl, const char *name, struct error *error)
{
    cleanup_json struct json_object *answers = NULL;
    int status = command(ctl, name, &answers, error);
    if (status >= 0 && document_length(answers) > 0) {
        write_modes(&ctl->output, answers);
        say_next(&ctl->output, answers);
    }
    return status;
}

int ctl_pause(struct ctl *ctl, struct error *error)
{
    return hold(ctl, "pause", error);
}

int ctl_resume(struct ctl *ctl, struct error *error)
{
    return hold(ctl, "resume", error);
}

/* ---- drain --wait ---- */

struct drain {
    struct ctl *ctl;
    struct json_object *answers; /* the latest, of the actuators that accepted the drain; owned */
    int64_t timeout;             /* milliseconds; 0: none */
    int64_t said;                /* number of workers last reported; -1 at first */
    struct monotonic begin;
};

static int64_t workers_left(const struct json_object *answers)
{
    int64_t workers = 0;
    size_t position;
    struct json_object *answer;
    document_foreach_item(answers, position, answer)
        workers += document_integer(answer, "actuator.workersActive", 0);
    return workers;
}

/* CTL_OK when all are drained, CTL_ENDED_OTHERWISE when another command changed the mode of one, -1
 * while some still drain. */
static int verdict(const struct drain *drain)
{
    int status = CTL_OK;
    size_t position;
    struct json_object *answer;
    document_foreach_item(drain->answers, position, answer) {
        const char *mode = document_string(answer, "actuator.mode", "");
        if (strcmp(mode, "draining") == 0) {
            status = -1;
        } else if (strcmp(mode, "drained") != 0) {
            output_say("actuator %" PRId64 " is %s: another command changed its mode meanwhile",
                       document_integer(answer, "actuator.index", 0), mode);
            return CTL_ENDED_OTHERWISE;
        }
    }
    return status;
}

static void say_progress(struct drain *drain)
{
    int64_t workers = workers_left(drain->answers);
    if (workers > 0 && workers != drain->said)
        output_say("%" PRId64 " worker%s still run%s", workers, workers == 1 ? "" : "s",
                   workers == 1 ? "s" : "");
    drain->said = workers;
}

static int look_again(struct drain *drain, struct error *error)
{
    struct json_object *answers;
    const struct timespec pause = {.tv_nsec = LOOK_MILLISECONDS * 1000000};
    nanosleep(&pause, NULL);
    int status = command(drain->ctl, "status", &answers, error);
    if (status < 0)
        return -1;
    json_object_put(drain->answers);
    drain->answers = answers;
    return status;
}

static int wait_until_drained(struct drain *drain, struct error *error)
{
    for (;;) {
        int status = verdict(drain);
        if (status >= 0)
            return status;
        say_progress(drain);
        if (drain->timeout > 0 && clock_elapsed(drain->begin) >= drain->timeout) {
            output_say("not drained after %s", drain->ctl->options.values[OPTION_TIMEOUT]);
            return CTL_TIMED_OUT;
        }
        status = look_again(drain, error);
        if (status != CTL_OK)
            return status;
    }
}

int ctl_drain(struct ctl *ctl, struct error *error)
{
    const char *timeout = ctl->options.values[OPTION_TIMEOUT];
    struct drain drain = {.ctl = ctl, .said = -1, .begin = clock_monotonic()};
    if (timeout && !ctl->options.values[OPTION_WAIT])
        return error_set(error, ERROR_INVALID, "--timeout needs --wait");
    if (timeout && clock_parse_duration(timeout, &drain.timeout, error) < 0)
        return error_prefix(error, "--timeout");
    if (timeout && drain.timeout == 0)
        drain.timeout = 1; /* poll once, and do not wait */
    int status = command(ctl, "drain", &drain.answers, error);
    if (status == CTL_OK && ctl->options.values[OPTION_WAIT])
        status = wait_until_drained(&drain, error);
    if (status >= 0 && document_length(drain.answers) > 0) {
        write_modes(&ctl->output, drain.answers);
        say_next(&ctl->output, drain.answers);
    }
    json_object_put(drain.answers);
    return status;
}
