/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.c - mimoctl health: the guide's Health Assessment and Working Standards, as a table of
 * checks against live figures.
 *
 * Each check is a row: a function that grades a figure, the healthy range in words, and the command
 * to run otherwise. The worst grade is the exit status, so that a monitor can run the command.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/client/api.h"
#include "ctl/commands/fleet.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/next.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/states.h"
#include "ctl/output/times.h"
#include "mimo/document.h"

enum level { LEVEL_OK, LEVEL_WARNING, LEVEL_CRITICAL };

static const struct {
    const char *name;
    const char *verdict; /* for the fleet as a whole */
    enum colour colour;
} levels[] = {
    [LEVEL_OK] = {"ok", "healthy", COLOUR_GREEN},
    [LEVEL_WARNING] = {"warning", "warning", COLOUR_YELLOW},
    [LEVEL_CRITICAL] = {"critical", "critical", COLOUR_RED},
};

enum { MINUTE = 60, ACTUATOR_FORGOTTEN = 86400 };

enum { VALUE_SIZE = ERROR_MESSAGE_SIZE, SAMPLE_MINIMUM = 20 };

struct figures {
    struct fleet fleet;
    struct json_object *actuators;
    char not_ready[VALUE_SIZE]; /* why the Admin API is not ready; "" when it is */
    int64_t now;
};

/* The result of a check. */
struct finding {
    char value[VALUE_SIZE];
    const struct json_object
        *manifest; /* the manifest that the advice names; borrowed, may be NULL */
};

/* Fills in the result of one check. */
typedef enum level judge_function(const struct figures *figures, struct finding *finding);

/* The level of a figure: above `critical`, above `warning`, or healthy. */
static enum level grade(int64_t figure, int64_t warning, int64_t critical)
{
    if (figure > critical)
        return LEVEL_CRITICAL;
    return figure > warning ? LEVEL_WARNING : LEVEL_OK;
}

/* ---- actuators ---- */

static int64_t silence_of(const struct json_object *actuator, int64_t now)
{
    int64_t seen = document_time(actuator, "seenAt", 0);
    return seen < now ? now - seen : 0;
}

/* Grades the actuator with the latest heartbeat. A silent one is a warning for a day; after that it
 * counts as removed. */
static enum level judge_heartbeat(const struct figures *figures, struct finding *finding)
{
    int64_t shortest = INT64_MAX;
    int silent = 0;
    char span[TIMES_TEXT_SIZE];
    size_t position;
    struct json_object *actuator;
    document_foreach_item(figures->actuators, position, actuator) {
        int64_t silence = silence_of(actuator, figures->now);
        shortest = silence < shortest ? silence : shortest;
        silent += silence > 2 * MINUTE && silence < ACTUATOR_FORGOTTEN;
    }
    if (shortest == INT64_MAX) {
        snprintf(finding->value, VALUE_SIZE, "no actuator has registered");
        return LEVEL_CRITICAL;
    }
    times_format_elapsed(span, shortest);
    if (silent > 0)
        snprintf(finding->value, VALUE_SIZE, "%s ago; %d silent", span, silent);
    else
        snprintf(finding->value, VALUE_SIZE, "%s ago", span);
    enum level level = grade(shortest, 2 * MINUTE, 5 * MINUTE);
    return level == LEVEL_OK && silent > 0 ? LEVEL_WARNING : level;
}

/* A warning if one actuator takes no work, critical if none does. */
static enum level judge_taking(const struct figures *figures, struct finding *finding)
{
    int alive = 0;
    int taking = 0;
    const char *mode = "";
    size_t position;
    struct json_object *actuator;
    document_foreach_item(figures->actuators, position, actuator) {
        const char *its_mode = document_string(actuator, "mode", "working");
        if (silence_of(actuator, figures->now) > 2 * MINUTE)
            continue;
        alive++;
        if (strcmp(its_mode, "working") == 0)
            taking++;
        else
            mode = its_mode;
    }
    if (alive == 0)
        snprintf(finding->value, VALUE_SIZE, "-"); /* the check "heartbeat" covers this */
    else
        snprintf(finding->value, VALUE_SIZE, "%d of %d%s%s", taking, alive,
                 !*mode       ? ""
                 : taking > 0 ? ", others "
                              : ", ",
                 mode);
    if (taking == alive)
        return LEVEL_OK;
    return taking == 0 ? LEVEL_CRITICAL : LEVEL_WARNING;
}

static enum level judge_store(const struct figures *figures, struct finding *finding)
{
    snprintf(finding->value, VALUE_SIZE, "%s",
             figures->not_ready[0] ? figures->not_ready : "takes writes");
    return figures->not_ready[0] ? LEVEL_CRITICAL : LEVEL_OK;
}

/* ---- the queue ---- */

static enum level judge_queue(const struct figures *figures, struct finding *finding)
{
    int64_t length = fleet_count(&figures->fleet, MANIFEST_STATES_OPEN);
    snprintf(finding->value, VALUE_SIZE, "%" PRId64, length);
    return grade(length, 499, 1000);
}

/* Only manifests that are due: one planned for next week is not stuck. */
static enum level judge_never_tried(const struct figures *figures, struct finding *finding)
{
    int64_t count = 0;
    int64_t longest = -1;
    size_t position;
    struct json_object *manifest;
    document_foreach_item(figures->fleet.queue, position, manifest) {
        int64_t waited = fleet_waited(manifest, figures->now);
        if (waited < 0 || document_integer(manifest, "dequeues", 0) != 0)
            continue;
        count++;
        if (waited > longest)
            finding->manifest = manifest;
        longest = waited > longest ? waited : longest;
    }
    snprintf(finding->value, VALUE_SIZE, "%" PRId64, count);
    return grade(count, 9, 50);
}

static enum level judge_in_progress(const struct figures *figures, struct finding *finding)
{
    int64_t count = figures->fleet.counts[MANIFEST_IN_PROGRESS];
    snprintf(finding->value, VALUE_SIZE, "%" PRId64, count);
    return grade(count, 9, 20);
}

/* The longest time that a Pending manifest has waited since it was due; -1 when none waits. */
static int64_t longest_wait(const struct figures *figures, int64_t *ret_due,
                            const struct json_object **ret_manifest)
{
    int64_t longest = -1;
    size_t position;
    struct json_object *manifest;
    *ret_due = 0;
    document_foreach_item(figures->fleet.queue, position, manifest) {
        int64_t waited = fleet_waited(manifest, figures->now);
        *ret_due += waited >= 0;
        if (waited > longest)
            *ret_manifest = manifest;
        longest = waited > longest ? waited : longest;
    }
    return longest;
}

static enum level judge_waiting(const struct figures *figures, struct finding *finding)
{
    char span[TIMES_TEXT_SIZE];
    int64_t due;
    int64_t longest = longest_wait(figures, &due, &finding->manifest);
    snprintf(finding->value, VALUE_SIZE, "%s",
             longest < 0 ? "-" : times_format_elapsed(span, longest));
    return grade(longest, 30 * MINUTE, INT64_MAX);
}

static enum level judge_running(const struct figures *figures, struct finding *finding)
{
    char span[TIMES_TEXT_SIZE];
    int64_t longest = -1;
    size_t position;
    struct json_object *manifest;
    document_foreach_item(figures->fleet.queue, position, manifest) {
        bool runs = states_bit(document_string(manifest, "state", "")) ==
                    MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS);
        int64_t elapsed = runs ? manifest_text_elapsed(manifest, figures->now) : -1;
        if (elapsed > longest)
            finding->manifest = manifest;
        longest = elapsed > longest ? elapsed : longest;
    }
    snprintf(finding->value, VALUE_SIZE, "%s",
             longest < 0 ? "-" : times_format_elapsed(span, longest));
    return grade(longest, 60 * MINUTE, INT64_MAX);
}

/* No worker runs although manifests are due. The longest wait estimates how long this has
 * lasted. */
static enum level judge_workers(const struct figures *figures, struct finding *finding)
{
    int64_t workers = figures->fleet.counts[MANIFEST_IN_PROGRESS];
    int64_t due;
    int64_t longest = longest_wait(figures, &due, &finding->manifest);
    snprintf(finding->value, VALUE_SIZE, "%" PRId64 " for %" PRId64 " due", workers, due);
    if (workers > 0)
        return LEVEL_OK;
    if (due > 100 && longest > 30 * MINUTE)
        return LEVEL_CRITICAL;
    return due > 50 && longest > 10 * MINUTE ? LEVEL_WARNING : LEVEL_OK;
}

/* ---- what has ended ---- */

/* Tenths of a percent. */
static int64_t share(int64_t part, int64_t whole)
{
    return whole > 0 ? part * 1000 / whole : 0;
}

static enum level judge_failed(const struct figures *figures, struct finding *finding)
{
    int64_t failed =
        fleet_count(&figures->fleet, MANIFEST_STATE_BIT(MANIFEST_FAILED) |
                                         MANIFEST_STATE_BIT(MANIFEST_RETRIES_EXCEEDED));
    int64_t total = fleet_total(&figures->fleet);
    int64_t figure = share(failed, total);
    snprintf(finding->value, VALUE_SIZE, "%" PRId64 ".%" PRId64 "%% (%" PRId64 " of %" PRId64 ")",
             figure / 10, figure % 10, failed, total);
    return grade(figure, 49, 100);
}

/* Manifests that an operator cancelled do not count. Too few manifests are not graded. */
static enum level judge_completed(const struct figures *figures, struct finding *finding)
{
    int64_t ended = fleet_count(&figures->fleet, MANIFEST_STATES_ALL & ~MANIFEST_STATES_OPEN &
                                                     ~MANIFEST_STATE_BIT(MANIFEST_CANCELLED));
    int64_t completed = figures->fleet.counts[MANIFEST_COMPLETED];
    int64_t figure = share(completed, ended);
    if (ended == 0) {
        snprintf(finding->value, VALUE_SIZE, "-");
        return LEVEL_OK;
    }
    snprintf(finding->value, VALUE_SIZE, "%" PRId64 ".%" PRId64 "%% (%" PRId64 " of %" PRId64 ")",
             figure / 10, figure % 10, completed, ended);
    return figure < 900 && ended >= SAMPLE_MINIMUM ? LEVEL_WARNING : LEVEL_OK;
}

/* ---- the table ---- */

/* clang-format off */
static const struct check {
    const char *name;
    judge_function *judge;
    const char *healthy;
    const char *advice;   /* a complete command; or */
    const char *advice_on; /* a command that needs the ID of the manifest that was found */
} checks[] = {
    {"store", judge_store, "takes writes", "mimo-store check", NULL},
    {"heartbeat", judge_heartbeat, "within 2m; critical after 5m", "mimoctl actuator list", NULL},
    {"taking work", judge_taking, "all live actuators", "mimoctl actuator list", NULL},
    {"queue", judge_queue, "below 500; critical above 1000", "mimoctl queue", NULL},
    {"never tried", judge_never_tried, "below 10 due; critical above 50", NULL, "mimoctl manifest explain"},
    {"in progress", judge_in_progress, "below 10; critical above 20", "mimoctl manifest list --state InProgress", NULL},
    {"workers", judge_workers, "some while more than 50 are due", "mimoctl actuator list", NULL},
    {"longest wait", judge_waiting, "at most 30m", NULL, "mimoctl manifest explain"},
    {"longest run", judge_running, "at most 60m", NULL, "mimoctl manifest cancel"},
    {"failed", judge_failed, "below 5% of all; critical above 10%", "mimoctl manifest list --state Failed,RetriesExceeded", NULL},
    {"completed", judge_completed, "at least 90% of what has ended", "mimoctl manifest list --state Failed,RetriesExceeded,TimedOut", NULL},
};
/* clang-format on */
enum { CHECK_COUNT = sizeof(checks) / sizeof(checks[0]) };

static struct json_object *advice(const struct check *check, const struct finding *finding)
{
    char command[128];
    snprintf(command, sizeof(command), "%s %.8s", check->advice_on ? check->advice_on : "",
             finding->manifest ? document_string(finding->manifest, "id", "") : "");
    return document_new_string(check->advice ? check->advice : command);
}

/* Rows of {"id", "status", "value", "healthy", "advice"}; the worst level in *ret_worst. */
static struct json_object *run_checks(const struct figures *figures, enum level *ret_worst)
{
    struct json_object *rows = json_object_new_array();
    *ret_worst = LEVEL_OK;
    for (int i = 0; i < CHECK_COUNT; i++) {
        struct finding finding = {.value = ""};
        enum level level = checks[i].judge(figures, &finding);
        struct json_object *row =
            document_pack("{s:s, s:s, s:s, s:s}", "id", checks[i].name, "status",
                          levels[level].name, "value", finding.value, "healthy", checks[i].healthy);
        if (level != LEVEL_OK)
            document_add(row, "advice", advice(&checks[i], &finding));
        document_append(rows, row);
        *ret_worst = level > *ret_worst ? level : *ret_worst;
    }
    return rows;
}

static void fill_status(const struct output *output, const struct json_object *row,
                        const void *context, struct cell *cell)
{
    (void)output, (void)context;
    const char *status = document_string(row, "status", "");
    snprintf(cell->text, sizeof(cell->text), "%s", status);
    for (int level = LEVEL_OK; level <= LEVEL_CRITICAL; level++)
        if (levels[level].name[0] == status[0])
            cell->colour = levels[level].colour;
}

static const struct column columns[] = {
    {"CHECK", IN_BOTH, "id", NULL},
    {"STATUS", IN_BOTH, NULL, fill_status},
    {"VALUE", IN_BOTH, "value", NULL, FIT_ELIDE},
    {"HEALTHY", IN_BOTH, "healthy", NULL},
};

static const struct listing check_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "",
};

static void write_troubled(const struct json_object *rows)
{
    size_t position;
    struct json_object *row;
    document_foreach_item(rows, position, row)
        if (document_get(row, "advice"))
            printf("%s\n", document_string(row, "id", ""));
}

/* Writes the store's message in full: the table may have shortened it. */
static void write_cause(const struct json_object *rows)
{
    const struct json_object *store = document_item(rows, 0);
    if (document_get(store, "advice"))
        printf("\n%s\n", document_string(store, "value", ""));
}

static void write_advice(const struct json_object *rows)
{
    size_t position;
    struct json_object *row;
    bool first = true;
    document_foreach_item(rows, position, row) {
        if (!document_get(row, "advice"))
            continue;
        printf("%s%-14s%s\n", first ? "\n" : "", document_string(row, "id", ""),
               document_string(row, "advice", ""));
        first = false;
    }
}

/* The first advice of the worst level; of a healthy fleet, what waits and where. */
static void say_next(const struct output *output, const struct json_object *rows, enum level worst)
{
    size_t position;
    struct json_object *row;
    document_foreach_item(rows, position, row) {
        const char *advised = document_string(row, "advice", NULL);
        if (!advised || strcmp(document_string(row, "status", ""), levels[worst].name) != 0)
            continue;
        next_say(output, NULL, "%s", advised);
        return;
    }
    next_say(output, NULL, "mimoctl queue");
}

static void write_checks(const struct output *output, const struct json_object *rows,
                         enum level worst)
{
    switch (output->form) {
    case OUTPUT_JSON: {
        cleanup_json struct json_object *answer =
            document_pack("{s:s, s:O}", "status", levels[worst].verdict, "checks", rows);
        output_json(answer);
        break;
    }
    case OUTPUT_ID:
        write_troubled(rows);
        break;
    case OUTPUT_TABLE:
    case OUTPUT_WIDE:
        output_field(output, "Health", levels[worst].colour, "%s", levels[worst].verdict);
        putchar('\n');
        output_table(output, &check_listing, rows);
        write_cause(rows);
        write_advice(rows);
        say_next(output, rows, worst);
        break;
    }
}

/* Asks an Admin API that is not ready for the reason. If it does not answer at all, a later request
 * fails. */
static void load_readiness(struct ctl *ctl, struct figures *figures)
{
    const struct api_request request = {.method = "GET", .path = "/healthz/ready"};
    struct api_answer answer;
    struct error error;
    if (api_call(ctl, &request, &answer, &error) < 0 && error.kind == ERROR_UNAVAILABLE)
        snprintf(figures->not_ready, sizeof(figures->not_ready), "%s", answer.refusal);
    json_object_put(answer.body);
}

static int load(struct ctl *ctl, struct figures *figures, struct error *error)
{
    const struct api_listing actuators = {.path = "/admin/actuators"};
    figures->now = ctl->output.now;
    if (api_list(ctl, &actuators, &figures->actuators, NULL, error) < 0)
        return -1;
    load_readiness(ctl, figures);
    return fleet_load(ctl, &figures->fleet, error);
}

int ctl_health(struct ctl *ctl, struct error *error)
{
    struct figures figures = {0};
    enum level worst = LEVEL_OK;
    int status = load(ctl, &figures, error);
    if (status == 0) {
        cleanup_json struct json_object *rows = run_checks(&figures, &worst);
        write_checks(&ctl->output, rows, worst);
    } else if (error->kind != ERROR_INVALID) {
        error->kind = ERROR_UNAVAILABLE; /* exit statuses 1 and 2 are grades */
    }
    json_object_put(figures.actuators);
    fleet_free(&figures.fleet);
    return status < 0 ? -1 : (int)worst;
}
