/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_cleanup.c - mimoctl manifest cleanup: the guide's Recovery 2, "Clean Up Terminal-State
 * Manifests".
 *
 * Deletes the listed manifests one by one, so that nothing is deleted that was not shown. A
 * manifest that has ended never changes again.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/confirm.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/manifest_change.h"
#include "ctl/commands/manifest_rows.h"
#include "ctl/commands/next.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/states.h"
#include "mimo/clock.h"
#include "mimo/document.h"

enum { ASKED_ABOUT = 20 }; /* rows shown before the question */

#define FAILED (MANIFEST_STATE_BIT(MANIFEST_FAILED) | MANIFEST_STATE_BIT(MANIFEST_RETRIES_EXCEEDED))

/* Selects manifests that ended in one of `states`, at least so many seconds ago. */
struct choice {
    unsigned states;
    int64_t ages[MANIFEST_STATE_COUNT];
    int64_t now;
};

/* The guide's: TimedOut and Cancelled at any age, Completed after 7 days, failed ones only with
 * --failed, because somebody may be investigating them. */
static struct choice choice_of_guide(const struct ctl *ctl)
{
    struct choice choice = {
        .states = MANIFEST_STATE_BIT(MANIFEST_TIMED_OUT) | MANIFEST_STATE_BIT(MANIFEST_CANCELLED) |
                  MANIFEST_STATE_BIT(MANIFEST_COMPLETED),
        .ages[MANIFEST_COMPLETED] = 7 * INT64_C(86400),
        .now = ctl->output.now,
    };
    if (ctl->options.values[OPTION_FAILED])
        choice.states |= FAILED;
    return choice;
}

static int read_choice(const struct ctl *ctl, struct choice *ret_choice, struct error *error)
{
    const char *older_than = ctl->options.values[OPTION_OLDER_THAN];
    int64_t milliseconds;
    *ret_choice = choice_of_guide(ctl);
    if (!older_than)
        return 0;
    if (clock_parse_duration(older_than, &milliseconds, error) < 0)
        return error_prefix(error, "--%s", option_descriptions[OPTION_OLDER_THAN].name);
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++)
        ret_choice->ages[state] = milliseconds / 1000;
    return 0;
}

static bool is_chosen(const struct json_object *manifest, const void *context)
{
    const struct choice *choice = context;
    enum manifest_state state;
    if (!manifest_state_parse(document_string(manifest, "state", ""), &state) ||
        !(choice->states & MANIFEST_STATE_BIT(state)))
        return false;
    int64_t ended =
        document_time(manifest, "finishedAt", document_time(manifest, "createdAt", choice->now));
    return choice->now - ended >= choice->ages[state];
}

static int find(struct ctl *ctl, const struct choice *choice, struct json_object **ret_manifests,
                struct error *error)
{
    cleanup_query struct query query = {0};
    char cluster[RESOURCE_ID_SIZE];
    char names[STATES_TEXT_SIZE];
    query_add(&query, "state", states_format(names, choice->states));
    if (ctl->options.values[OPTION_CLUSTER]) {
        if (resolve_cluster(ctl, ctl->options.values[OPTION_CLUSTER], cluster, error) < 0)
            return -1;
        query_add(&query, "clusterResourceID", cluster);
    }
    const struct api_listing listing = {.path = "/admin/maintenanceManifests",
                                        .query = &query,
                                        .keep = is_chosen,
                                        .context = choice};
    return api_list(ctl, &listing, ret_manifests, NULL, error);
}

/* "3 manifests: 2 TimedOut, 1 Cancelled" */
static void describe(const struct json_object *manifests, char *buffer, size_t size)
{
    char counts[STATES_TEXT_SIZE * 2];
    size_t count = document_length(manifests);
    snprintf(buffer, size, "%zu manifest%s: %s", count, count == 1 ? "" : "s",
             manifest_text_counts(manifests, counts, sizeof(counts)));
}

/* Shows the first of them and asks. */
static bool is_wanted(struct ctl *ctl, const struct json_object *manifests)
{
    char what[STATES_TEXT_SIZE * 3];
    char question[STATES_TEXT_SIZE * 4];
    cleanup_json struct json_object *first = json_object_new_array();
    size_t count = document_length(manifests);
    for (size_t i = 0; i < count && i < ASKED_ABOUT; i++)
        document_append(first, json_object_get(document_item(manifests, i)));
    manifest_rows_table(ctl, first);
    if (count > ASKED_ABOUT)
        output_say("and %zu more; --dry-run shows all", count - ASKED_ABOUT);
    describe(manifests, what, sizeof(what));
    snprintf(question, sizeof(question), "delete %s? This cannot be undone.", what);
    return confirm(question);
}

/* Deletes all. After a failure it writes the message and goes on, unless the Admin API cannot be
 * reached. */
static int delete_all(struct ctl *ctl, const struct json_object *manifests,
                      struct json_object *deleted)
{
    int worst = CTL_OK;
    size_t position;
    struct json_object *manifest;
    document_foreach_item(manifests, position, manifest) {
        struct error error;
        if (manifest_delete(ctl, manifest, &error) == 0 || error.kind == ERROR_NOT_FOUND) {
            document_append(deleted, json_object_get(manifest));
            continue;
        }
        output_say("%s", error.message);
        int status = (int)ctl_exit_of_error(&error);
        worst = status > worst ? status : worst;
        if (status == CTL_UNREACHABLE)
            break;
    }
    return worst;
}

static int clean_up(struct ctl *ctl, const struct json_object *manifests)
{
    char what[STATES_TEXT_SIZE * 3];
    cleanup_json struct json_object *deleted = json_object_new_array();
    int status = delete_all(ctl, manifests, deleted);
    describe(deleted, what, sizeof(what));
    if (document_length(deleted) > 0)
        output_say("deleted %s", what);
    manifest_rows_data(ctl, deleted);
    next_say(&ctl->output, NULL, "mimoctl queue");
    return status;
}

/* The same command, to be run for good. */
static void say_without_dry_run(const struct ctl *ctl)
{
    const char *const *values = ctl->options.values;
    const char *cluster = values[OPTION_CLUSTER];
    const char *older_than = values[OPTION_OLDER_THAN];
    const char *icm = values[OPTION_ICM];
    output_say("nothing was deleted");
    next_say(&ctl->output, NULL, "mimoctl manifest cleanup%s%s%s%s%s%s%s",
             values[OPTION_FAILED] ? " --failed" : "", cluster ? " --cluster " : "",
             cluster ? cluster : "", older_than ? " --older-than " : "",
             older_than ? older_than : "", icm ? " --icm " : "", icm ? icm : "");
}

int ctl_manifest_cleanup(struct ctl *ctl, struct error *error)
{
    bool dry_run = ctl->options.values[OPTION_DRY_RUN];
    bool asks = !dry_run && !ctl->options.values[OPTION_YES];
    cleanup_json struct json_object *manifests = NULL;
    struct choice choice;
    if (read_choice(ctl, &choice, error) < 0)
        return -1;
    if (asks && !confirm_is_possible())
        return error_set(error, ERROR_INVALID,
                         "cannot ask without a terminal: give --yes to delete, or --dry-run to "
                         "see what would be deleted");
    if (find(ctl, &choice, &manifests, error) < 0)
        return -1;
    if (document_length(manifests) == 0 && !dry_run) {
        output_say("there is nothing to clean up");
        manifest_rows_data(ctl, manifests);
        next_say(&ctl->output, NULL, "mimoctl queue");
        return CTL_OK;
    }
    if (dry_run) {
        manifest_rows_list(ctl, manifests);
        if (document_length(manifests) > 0)
            say_without_dry_run(ctl);
        return CTL_OK;
    }
    if (asks && !is_wanted(ctl, manifests)) {
        output_say("nothing was deleted");
        return CTL_REFUSED;
    }
    return clean_up(ctl, manifests);
}
