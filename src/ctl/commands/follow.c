/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.c - mimoctl manifest watch and wait: follow a manifest.
 *
 * Polls the Admin API: soon after a change, then less and less often. If the Admin API stops
 * answering, it is polled for FOLLOW_PATIENCE before the command gives up.
 */
#include "ctl/commands/follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/client/api.h"
#include "ctl/client/interrupt.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/manifest_rows.h"
#include "ctl/commands/next.h"
#include "ctl/commands/still_running.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/states.h"
#include "ctl/output/times.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/outcome.h"

enum { PAUSE_SHORTEST = 100, PAUSE_LONGEST = 2000, CHANGE_SIZE = CELL_SIZE + 128 };

#define TERMINAL_STATES (MANIFEST_STATES_ALL & ~MANIFEST_STATES_OPEN)

struct follow {
    struct ctl *ctl;
    struct json_object *manifest; /* the latest view; owned */
    char path[RESOLVE_PATH_SIZE];
    unsigned wanted; /* the states to wait for */
    int64_t timeout; /* milliseconds; 0: none */
    bool shows;      /* write each change */
    bool to_the_end; /* a final state counts only once the worker has ended */
    struct monotonic begin;
    struct monotonic heard; /* when the Admin API last answered */
    bool troubled;          /* it does not answer, and that was reported */
    int64_t pause;
    char change[CHANGE_SIZE]; /* the last output, without times */
    bool is_cut;              /* the last line on the terminal did not fit */
    bool line_open;           /* the terminal shows a line that the next one replaces */
};

/* ---- showing ---- */

/* The text that is compared to find a change. */
static void describe(const struct json_object *manifest, char *buffer)
{
    char status[CELL_SIZE];
    int64_t attempt = document_integer(manifest, "dequeues", 0);
    char counted[32] = "";
    if (attempt > 0)
        snprintf(counted, sizeof(counted), "  attempt %" PRId64, attempt);
    manifest_text_status(manifest, status);
    snprintf(buffer, CHANGE_SIZE, "%-15s%s%s%s", document_string(manifest, "state", ""), counted,
             status[0] ? "  " : "", status);
}

static const char cut_mark[] = "...";

static bool is_live(const struct follow *follow)
{
    return follow->ctl->output.live && follow->ctl->output.form < OUTPUT_JSON;
}

/* "07:08:09  (1m12s)  InProgress       attempt 1  [2/3] drain the gateway: 12 connections left" */
static void write_line(struct follow *follow)
{
    const struct output *output = &follow->ctl->output;
    FILE *file = output->form == OUTPUT_ID ? stderr : stdout;
    int64_t now = clock_unix_seconds();
    char elapsed[TIMES_TEXT_SIZE];
    char clock[TIMES_TEXT_SIZE];
    char line[CHANGE_SIZE + 2 * TIMES_TEXT_SIZE + 16];
    char clean[sizeof(line)];
    times_format_elapsed(elapsed, manifest_text_elapsed(follow->manifest, now));
    times_format_clock(clock, now);
    snprintf(line, sizeof(line), "%s  (%s)  %s", clock, elapsed, follow->change);
    status_text_copy(clean, sizeof(clean), line);
    if (is_live(follow)) {
        size_t room = (size_t)output->width - 1;
        follow->is_cut = output_width(clean) > room;
        if (follow->is_cut)
            strcpy(clean + output_fit(clean, room - strlen(cut_mark)), cut_mark);
        fputs("\r\033[K", file);
    }
    output_coloured(output, manifest_text_colour(document_string(follow->manifest, "state", "")),
                    clean, file);
    if (!is_live(follow))
        fputc('\n', file);
    fflush(file);
    follow->line_open = is_live(follow);
    interrupt_line_is_open(follow->line_open);
}

/* Ends the open line with a newline, so that the next one does not replace it. */
static void close_line(struct follow *follow)
{
    if (follow->line_open)
        putchar('\n');
    fflush(stdout);
    follow->line_open = false;
    interrupt_line_is_open(false);
}

static void write_change(struct follow *follow)
{
    if (follow->ctl->output.form == OUTPUT_JSON) {
        output_json_line(follow->manifest);
        fflush(stdout);
    } else {
        write_line(follow);
    }
}

/* Writes the latest view if it differs from the last one; returns true then. On a terminal the line
 * is rewritten each time, because it shows the elapsed time; a change of state starts a new
 * line. */
static bool show(struct follow *follow, const char *state_before)
{
    char change[CHANGE_SIZE];
    describe(follow->manifest, change);
    bool changed = strcmp(change, follow->change) != 0;
    memcpy(follow->change, change, sizeof(change));
    if (!follow->shows || (!changed && !is_live(follow)))
        return changed;
    if (strcmp(document_string(follow->manifest, "state", ""), state_before) != 0)
        close_line(follow);
    write_change(follow);
    return changed;
}

/* ---- asking ---- */

static void sleep_milliseconds(int64_t milliseconds)
{
    struct timespec pause = {.tv_sec = milliseconds / 1000,
                             .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* The Admin API did not answer. Returns 0 to ask again, -1 after FOLLOW_PATIENCE without an
 * answer. */
static int bear_trouble(struct follow *follow, const struct error *error)
{
    close_line(follow);
    if (error->kind != ERROR_UNAVAILABLE || clock_elapsed(follow->heard) > FOLLOW_PATIENCE)
        return -1;
    if (!follow->troubled)
        output_say("%s; asking again for %d s", error->message, FOLLOW_PATIENCE / 1000);
    follow->troubled = true;
    return 0;
}

static int ask(struct follow *follow, struct error *error)
{
    struct json_object *view;
    if (api_get(follow->ctl, follow->path, NULL, &view, error) < 0)
        return bear_trouble(follow, error);
    json_object_put(follow->manifest);
    follow->manifest = view;
    follow->heard = clock_monotonic();
    follow->troubled = false;
    return 0;
}

static bool out_of_time(const struct follow *follow)
{
    return follow->timeout > 0 && clock_elapsed(follow->begin) >= follow->timeout;
}

static int say_too_late(struct follow *follow)
{
    char wanted[STATES_TEXT_SIZE];
    char after[CLOCK_TEXT_SIZE];
    const char *state = document_string(follow->manifest, "state", "");
    bool ended = states_bit(state) & TERMINAL_STATES;
    close_line(follow);
    output_say("manifest %s is %s%s%s, after %s", document_string(follow->manifest, "id", ""),
               state, ended ? " and its worker still runs" : ", not ",
               ended ? "" : states_format(wanted, follow->wanted),
               clock_format_duration(after, follow->timeout));
    return CTL_TIMED_OUT;
}

/* If the Admin API does not answer, ask() repeats the request. */
static bool worker_runs(struct follow *follow)
{
    int64_t end;
    struct error ignored;
    return still_running(follow->ctl, follow->manifest, &end, &ignored) > 0;
}

/* The result of a manifest that succeeded may be all that it was run for. */
static void show_whole_result(struct follow *follow)
{
    char status[CELL_SIZE];
    if (!follow->line_open || !follow->is_cut)
        return;
    close_line(follow);
    output_field(&follow->ctl->output, "Result", COLOUR_NONE, "%s",
                 manifest_text_status(follow->manifest, status));
}

/* The exit status once it has ended; -1 before. */
static int verdict(struct follow *follow)
{
    const char *state = document_string(follow->manifest, "state", "");
    unsigned bit = states_bit(state);
    if (bit & TERMINAL_STATES && follow->to_the_end && worker_runs(follow))
        return out_of_time(follow) ? say_too_late(follow) : -1;
    if (bit & follow->wanted) {
        show_whole_result(follow);
        return CTL_OK;
    }
    if (bit & TERMINAL_STATES) {
        char status[CELL_SIZE];
        manifest_text_status(follow->manifest, status);
        close_line(follow);
        output_say("manifest %s ended as %s%s%s", document_string(follow->manifest, "id", ""),
                   state, status[0] ? ": " : "", status);
        return CTL_ENDED_OTHERWISE;
    }
    return out_of_time(follow) ? say_too_late(follow) : -1;
}

static void pause_between(struct follow *follow, bool changed)
{
    int64_t pause = changed ? PAUSE_SHORTEST : follow->pause + follow->pause / 2;
    follow->pause = pause > PAUSE_LONGEST ? PAUSE_LONGEST : pause;
    int64_t left = follow->timeout - clock_elapsed(follow->begin);
    bool ends_before = follow->timeout > 0 && left < follow->pause;
    sleep_milliseconds(ends_before ? (left > 0 ? left : 0) : follow->pause);
}

/* Follows until there is an exit status, which it returns; -1 when the Admin API no longer
 * answers. */
static int run(struct follow *follow, struct error *error)
{
    char state_before[64] = "";
    follow->begin = follow->heard = clock_monotonic();
    follow->pause = PAUSE_SHORTEST;
    for (;;) {
        bool changed = !follow->troubled && show(follow, state_before);
        snprintf(state_before, sizeof(state_before), "%s",
                 document_string(follow->manifest, "state", ""));
        int status = verdict(follow);
        if (status >= 0)
            return status;
        pause_between(follow, changed);
        if (ask(follow, error) < 0)
            return -1;
    }
}

int follow_watch(struct ctl *ctl, struct json_object *manifest, struct error *error)
{
    struct follow follow = {.ctl = ctl,
                            .manifest = json_object_get(manifest),
                            .wanted = MANIFEST_STATE_BIT(MANIFEST_COMPLETED),
                            .shows = true};
    resolve_manifest_path(manifest, "", follow.path);
    if (ctl->output.form == OUTPUT_ID) {
        printf("%s\n", document_string(manifest, "id", ""));
        fflush(stdout);
    }
    int status = run(&follow, error);
    close_line(&follow);
    json_object_put(follow.manifest);
    return status;
}

int ctl_manifest_watch(struct ctl *ctl, struct error *error)
{
    cleanup_json struct json_object *manifest = NULL;
    if (resolve_manifest(ctl, ctl->options.operands[0], &manifest, error) < 0)
        return -1;
    int status = follow_watch(ctl, manifest, error);
    next_of_followed(&ctl->output, manifest, status);
    return status;
}

int ctl_manifest_wait(struct ctl *ctl, struct error *error)
{
    const char *wanted = ctl->options.values[OPTION_FOR];
    const char *timeout = ctl->options.values[OPTION_TIMEOUT];
    struct follow follow = {
        .ctl = ctl, .wanted = MANIFEST_STATE_BIT(MANIFEST_COMPLETED), .to_the_end = true};
    if (wanted && states_parse("for", wanted, &follow.wanted, error) < 0)
        return -1;
    if (timeout && clock_parse_duration(timeout, &follow.timeout, error) < 0)
        return error_prefix(error, "--timeout");
    if (timeout && follow.timeout == 0)
        follow.timeout = 1; /* poll once, and do not wait */
    if (resolve_manifest(ctl, ctl->options.operands[0], &follow.manifest, error) < 0)
        return -1;
    resolve_manifest_path(follow.manifest, "", follow.path);
    int status = run(&follow, error);
    if (status >= 0)
        manifest_rows_one(ctl, follow.manifest);
    next_of_followed(&ctl->output, follow.manifest, status);
    json_object_put(follow.manifest);
    return status;
}
