/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.c - the state of the fleet: counts by state, and the manifests of the queue.
 */
#include "ctl/commands/fleet.h"

#include <inttypes.h>

#include "ctl/client/api.h"
#include "ctl/output/states.h"
#include "mimo/document.h"

#define SUMMARY_PATH "/admin/maintenanceManifests/summary"

/* Warns about manifests that the figures leave out. */
static void say_what_is_missing(const struct json_object *summary)
{
    int64_t not_understood = document_integer(summary, "notUnderstood", 0);
    if (document_is_true(document_get(summary, "truncated")))
        output_say(
            "the store has more manifests than the Admin API counts: the figures of those "
            "that have ended are too low; delete old manifests with mimoctl manifest cleanup");
    if (not_understood > 0)
        output_say("%" PRId64 " manifests of the store cannot be read and are not counted; "
                   "mimo-store check names them",
                   not_understood);
}

static int load_counts(struct ctl *ctl, struct fleet *fleet, struct error *error)
{
    cleanup_json struct json_object *summary = NULL;
    if (api_get(ctl, SUMMARY_PATH, NULL, &summary, error) < 0) {
        /* An older Admin API takes "summary" as the ID of a manifest. */
        if (error->kind == ERROR_NOT_FOUND)
            return error_set(error, ERROR_DENIED,
                             "%s has no summary of manifests: its mimo-api is older than this "
                             "mimoctl; update mimo-api there",
                             ctl->connection.url);
        return -1;
    }
    const struct json_object *counts = document_get(summary, "byState");
    if (!document_is_object(counts))
        return error_set(error, ERROR_UNAVAILABLE,
                         SUMMARY_PATH " answers without \"byState\"; check that it is an Admin "
                                      "API of this version?");
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++)
        fleet->counts[state] =
            document_integer(counts, manifest_state_name((enum manifest_state)state), 0);
    say_what_is_missing(summary);
    return 0;
}

static int load_queue(struct ctl *ctl, struct fleet *fleet, struct error *error)
{
    cleanup_query struct query query = {0};
    char names[STATES_TEXT_SIZE];
    query_add(&query, "state", states_format(names, MANIFEST_STATES_OPEN));
    const struct api_listing listing = {.path = "/admin/maintenanceManifests", .query = &query};
    return api_list(ctl, &listing, &fleet->queue, NULL, error);
}

/* The queue may change between the two requests, so its states are counted from the list: then the
 * figures agree with each other. */
static void count_queue(struct fleet *fleet)
{
    size_t position;
    struct json_object *manifest;
    fleet->counts[MANIFEST_PENDING] = 0;
    fleet->counts[MANIFEST_IN_PROGRESS] = 0;
    document_foreach_item(fleet->queue, position, manifest) {
        enum manifest_state state;
        if (manifest_state_parse(document_string(manifest, "state", ""), &state) &&
            !manifest_state_is_terminal(state))
            fleet->counts[state]++;
    }
}

int fleet_load(struct ctl *ctl, struct fleet *fleet, struct error *error)
{
    *fleet = (struct fleet){.now = ctl->output.now};
    if (load_counts(ctl, fleet, error) < 0 || load_queue(ctl, fleet, error) < 0)
        return -1;
    count_queue(fleet);
    return 0;
}

void fleet_free(struct fleet *fleet)
{
    json_object_put(fleet->queue);
    fleet->queue = NULL;
}

int64_t fleet_count(const struct fleet *fleet, unsigned states)
{
    int64_t count = 0;
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++)
        if (states & MANIFEST_STATE_BIT(state))
            count += fleet->counts[state];
    return count;
}

int64_t fleet_total(const struct fleet *fleet)
{
    return fleet_count(fleet, MANIFEST_STATES_ALL);
}

int64_t fleet_waited(const struct json_object *manifest, int64_t now)
{
    int64_t run_after = document_time(manifest, "runAfter", 0);
    int64_t next_attempt = document_time(manifest, "nextAttempt", 0);
    int64_t due = run_after > next_attempt ? run_after : next_attempt;
    bool pending =
        states_bit(document_string(manifest, "state", "")) == MANIFEST_STATE_BIT(MANIFEST_PENDING);
    return pending && due <= now ? now - due : -1;
}
