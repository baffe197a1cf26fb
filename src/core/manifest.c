/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.c - a manifest and everything that may happen to it. The only file that assigns a
 * state.
 */
#include "mimo/manifest.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/manifest_members.h"
#include "mimo/bucket.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

#define PLACE(field) offsetof(struct manifest, field)

/* Members of the document that are plain fields. State, cluster and what struct json_object carries are read
 * apart. */
const struct member manifest_members[] = {
    {"id", "id", MEMBER_UUID, PLACE(id), .required = true},
    {"maintenanceManifest.maintenanceTaskID", "maintenanceTaskID", MEMBER_UUID, PLACE(task),
     .required = true},
    {"maintenanceManifest.statusText", "statusText", MEMBER_TEXT, PLACE(status_text),
     .size = STATUS_TEXT_SIZE},
    {"maintenanceManifest.createdBySchedule", "createdBySchedule", MEMBER_UUID,
     PLACE(created_by_schedule)},
    {"maintenanceManifest.priority", "priority", MEMBER_INTEGER, PLACE(priority),
     .largest = MANIFEST_PRIORITY_MAXIMUM},
    {"maintenanceManifest.runAfter", "runAfter", MEMBER_TIME, PLACE(run_after)},
    {"maintenanceManifest.runBefore", "runBefore", MEMBER_TIME, PLACE(run_before)},
    {"bucket", "bucket", MEMBER_INT, PLACE(bucket), .largest = BUCKET_COUNT - 1, .otherwise = -1},
    {"dequeues", "dequeues", MEMBER_INT, PLACE(dequeues), .largest = 1000},
    {"leaseOwner", "leaseOwner", MEMBER_UUID, PLACE(lease_owner)},
    {"claimToken", NULL, MEMBER_UUID, PLACE(claim_token)},
    {"incarnation", NULL, MEMBER_UUID, PLACE(incarnation)},
    {"leaseExpires", "leaseExpiry", MEMBER_TIME, PLACE(lease_expires)},
    {"nextAttempt", "nextAttempt", MEMBER_TIME, PLACE(next_attempt)},
    {"createdAt", "createdAt", MEMBER_TIME, PLACE(created_at)},
    {"startedAt", "startedAt", MEMBER_TIME, PLACE(started_at)},
    {"finishedAt", "finishedAt", MEMBER_TIME, PLACE(finished_at)},
};

const size_t manifest_member_count = sizeof(manifest_members) / sizeof(manifest_members[0]);

static const char state_path[] = "maintenanceManifest.state";
static const char parameters_path[] = "maintenanceManifest.parameters";

static int no_memory(struct error *error)
{
    return error_set_system(error, ENOMEM, "cannot change a manifest");
}

/* Moves to the state that `event` leads to. */
static int change_state(struct manifest *manifest, enum manifest_event event, struct error *error)
{
    bool attempts_left = manifest->dequeues < MANIFEST_ATTEMPTS_MAXIMUM;

    if (!manifest_state_next(manifest->state, event, attempts_left, &manifest->state))
        return error_set(error, ERROR_CONFLICT, "manifest %s is %s: %s is not possible",
                         manifest->id, manifest_state_name(manifest->state),
                         manifest_event_name(event));
    return 0;
}

/* Creating */

static int check_time(int64_t time, const char *name, struct error *error)
{
    if (time < 0 || time > CLOCK_MAXIMUM)
        return error_set(error, ERROR_INVALID,
                         "member \"%s\" must be a time from 1970 to the year 9999", name);
    return 0;
}

int manifest_check_parameters(struct json_object *parameters, struct error *error)
{
    cleanup_free char *text = NULL;

    if (!document_is_object(parameters))
        return error_set(error, ERROR_INVALID, "member \"parameters\" must be an object");
    if (document_depth(parameters) > MANIFEST_PARAMETERS_DEPTH_MAXIMUM)
        return error_set(error, ERROR_INVALID,
                         "member \"parameters\" must not be nested deeper than %d levels",
                         MANIFEST_PARAMETERS_DEPTH_MAXIMUM);
    text = document_format(parameters);
    if (!text)
        return no_memory(error);
    if (strlen(text) > MANIFEST_PARAMETERS_SIZE_MAXIMUM)
        return error_set(error, ERROR_INVALID,
                         "member \"parameters\" must not be larger than %d bytes",
                         MANIFEST_PARAMETERS_SIZE_MAXIMUM);
    return 0;
}

static int check_request(const struct manifest_request *request, int64_t run_after,
                         int64_t run_before, struct error *error)
{
    if (!uuid_is_valid(request->task))
        return error_set(error, ERROR_INVALID, "member \"maintenanceTaskID\" must be a UUID");
    if (request->created_by_schedule && !uuid_is_valid(request->created_by_schedule))
        return error_set(error, ERROR_INVALID, "member \"createdBySchedule\" must be a UUID");
    if (request->priority < 0 || request->priority > MANIFEST_PRIORITY_MAXIMUM)
        return error_set(error, ERROR_INVALID, "member \"priority\" must be from 0 to %d",
                         MANIFEST_PRIORITY_MAXIMUM);
    if (check_time(run_after, "runAfter", error) < 0 ||
        check_time(run_before, "runBefore", error) < 0)
        return -1;
    if (run_before < run_after)
        return error_set(error, ERROR_INVALID, "member \"runBefore\" must not be before runAfter%s",
                         request->run_before ? ""
                                             : ": its default is 7 days from now, give it too");
    return request->parameters ? manifest_check_parameters(request->parameters, error) : 0;
}

int manifest_create(struct manifest *manifest, const struct manifest_request *request, int64_t now,
                    struct error *error)
{
    struct manifest made = {
        .state = MANIFEST_PENDING,
        .priority = request->priority,
        .run_after = request->run_after ? request->run_after : now,
        .run_before = request->run_before ? request->run_before : now + MANIFEST_RUN_BEFORE_DEFAULT,
        .created_at = now,
    };

    if (resource_id_normalize(request->cluster, made.cluster, error) < 0)
        return error_prefix(error, "member \"clusterResourceID\"");
    if (check_request(request, made.run_after, made.run_before, error) < 0)
        return -1;
    uuid_make(made.id);
    made.bucket = bucket_of(made.cluster);
    memcpy(made.task, request->task, UUID_SIZE);
    if (request->created_by_schedule)
        memcpy(made.created_by_schedule, request->created_by_schedule, UUID_SIZE);
    made.document = json_object_new_object();
    if (document_set_string(made.document, "clusterResourceID", made.cluster) < 0 ||
        (request->parameters &&
         document_set(made.document, parameters_path, document_copy(request->parameters)) < 0) ||
        !manifest_document(&made)) {
        manifest_free(&made);
        return no_memory(error);
    }
    *manifest = made;
    return 0;
}

/* Reading and writing */

static int read_state(struct manifest *manifest, struct error *error)
{
    const char *name;

    if (document_read_string(manifest->document, state_path, "", &name, error) < 0)
        return -1;
    if (!manifest_state_parse(name, &manifest->state))
        return error_set(error, ERROR_INVALID, "member \"%s\" must be the name of a state",
                         state_path);
    return 0;
}

static int read_cluster(struct manifest *manifest, struct error *error)
{
    const char *cluster;

    if (document_read_string(manifest->document, "clusterResourceID", "", &cluster, error) < 0)
        return -1;
    if (resource_id_normalize(cluster, manifest->cluster, error) < 0)
        return error_prefix(error, "member \"clusterResourceID\"");
    return 0;
}

/* Checks the history, and finds the number of the latest attempt. A producer that keeps none has
 * counted its attempts in `dequeues` at least. */
static int read_attempts(struct manifest *manifest, struct error *error)
{
    struct json_object *attempts = document_get(manifest->document, "attempts");
    struct json_object *entry;
    size_t index;

    manifest->attempt = manifest->dequeues;
    if (attempts && !document_is_array(attempts))
        return error_set(error, ERROR_INVALID, "member \"attempts\" must be an array");
    document_foreach_item(attempts, index, entry) {
        int64_t number = document_integer(entry, "number", 0);

        if (number < 1 || number >= INT_MAX)
            return error_set(error, ERROR_INVALID,
                             "member \"attempts\" must hold objects with a \"number\" from 1");
        if (number > manifest->attempt)
            manifest->attempt = (int)number;
    }
    return 0;
}

int manifest_read(struct manifest *manifest, struct json_object *document, struct error *error)
{
    struct manifest read = {.document = document};

    if (!document_is_object(document))
        return error_set(error, ERROR_INVALID, "document is not a JSON object");
    if (document_check_object(document, "maintenanceManifest", error) < 0 ||
        member_read_all(manifest_members, manifest_member_count, document, &read, error) < 0 ||
        read_state(&read, error) < 0 || read_cluster(&read, error) < 0 ||
        document_check_object(document, parameters_path, error) < 0 ||
        document_check_object(document, "progress", error) < 0 || read_attempts(&read, error) < 0)
        return -1;
    json_object_get(document);
    *manifest = read;
    return 0;
}

void manifest_free(struct manifest *manifest)
{
    json_object_put(manifest->document);
    *manifest = (struct manifest){0};
}

struct json_object *manifest_document(struct manifest *manifest)
{
    const char *state = manifest_state_name(manifest->state);

    /* clusterResourceID stays as it is, whatever its case: it is the document's partition key. */
    if (member_write_all(manifest_members, manifest_member_count, manifest, manifest->document) <
            0 ||
        document_set_string(manifest->document, state_path, state) < 0)
        return NULL;
    return manifest->document;
}

struct json_object *manifest_view(struct manifest *manifest)
{
    static const struct {
        const char *path;
        const char *name;
    } copied[] = {
        {"progress", "progress"}, {parameters_path, "parameters"}, {"attempts", "attempts"}};
    struct json_object *view = json_object_new_object();
    bool failed = document_set_string(view, "clusterResourceID", manifest->cluster) < 0 ||
                  document_set_string(view, "state", manifest_state_name(manifest->state)) < 0 ||
                  member_show_all(manifest_members, manifest_member_count, manifest, view) < 0;

    for (size_t i = 0; !failed && i < sizeof(copied) / sizeof(copied[0]); i++) {
        struct json_object *value = document_get(manifest->document, copied[i].path);

        failed = value && document_set(view, copied[i].name, document_copy(value)) < 0;
    }
    if (failed) {
        json_object_put(view);
        return NULL;
    }
    return view;
}

/* Asking */

bool manifest_is_runnable(const struct manifest *manifest, int64_t now)
{
    return manifest->state == MANIFEST_PENDING && manifest_due_at(manifest) <= now &&
           (manifest->run_before == 0 || manifest->run_before >= now);
}

int64_t manifest_due_at(const struct manifest *manifest)
{
    return manifest->run_after > manifest->next_attempt ? manifest->run_after
                                                        : manifest->next_attempt;
}

bool manifest_is_owned(const struct manifest *manifest, const char *owner, int number)
{
    return manifest->state == MANIFEST_IN_PROGRESS && strcmp(manifest->lease_owner, owner) == 0 &&
           manifest->attempt == number;
}

/* The history of attempts */

/* The history as an array that belongs to the document, made if it is missing. */
static struct json_object *history_of(struct manifest *manifest)
{
    struct json_object *attempts = document_get(manifest->document, "attempts");

    if (!attempts) {
        attempts = json_object_new_array();
        if (document_set(manifest->document, "attempts", attempts) < 0)
            return NULL;
    }
    return attempts;
}

/* The entry of the latest attempt, or NULL: another producer claims without a history. */
static struct json_object *latest_entry(struct manifest *manifest)
{
    struct json_object *attempts = document_get(manifest->document, "attempts");
    struct json_object *entry = document_item(attempts, document_length(attempts) - 1);

    return document_integer(entry, "number", 0) == manifest->attempt ? entry : NULL;
}

static int open_entry(struct manifest *manifest, int number, const char *actuator, int64_t now)
{
    struct json_object *attempts = history_of(manifest);

    if (!attempts ||
        document_append(attempts, document_pack("{s:i, s:I, s:s}", "number", number, "startedAt",
                                                (int64_t)now, "actuator", actuator)) < 0)
        return -1;
    while (document_length(attempts) > MANIFEST_HISTORY_MAXIMUM)
        document_remove_item(attempts, 0);
    return 0;
}

static int close_entry(struct manifest *manifest, const char *outcome, const char *message,
                       const struct attempt_usage *usage, int64_t now)
{
    struct json_object *entry = latest_entry(manifest);

    if (!entry) {
        if (open_entry(manifest, manifest->attempt > 0 ? manifest->attempt : 1,
                       manifest->lease_owner, manifest->started_at) < 0)
            return -1;
        entry = latest_entry(manifest);
    }
    if (document_set_time(entry, "finishedAt", now) < 0 ||
        document_set_string(entry, "outcome", outcome) < 0 ||
        document_set_string(entry, "message", message) < 0)
        return -1;
    if (usage && (usage->max_rss_kib || usage->cpu_ms) &&
        (document_set(entry, "maxRssKiB", json_object_new_int64(usage->max_rss_kib)) < 0 ||
         document_set(entry, "cpuMs", json_object_new_int64(usage->cpu_ms)) < 0))
        return -1;
    return 0;
}

/* Happenings */

int manifest_claim(struct manifest *manifest, const char *actuator, int64_t now,
                   int64_t lease_seconds, struct error *error)
{
    struct manifest claimed = *manifest;

    if (change_state(&claimed, MANIFEST_CLAIM, error) < 0)
        return -1;
    claimed.attempt++;
    claimed.dequeues++;
    memcpy(claimed.lease_owner, actuator, UUID_SIZE);
    claimed.claim_token[0] = claimed.incarnation[0] = '\0';
    claimed.lease_expires = now + lease_seconds;
    claimed.started_at = now;
    claimed.finished_at = 0;
    claimed.next_attempt = 0;
    claimed.status_text[0] = '\0';
    if (open_entry(&claimed, claimed.attempt, actuator, now) < 0)
        return no_memory(error);
    *manifest = claimed;
    return 0;
}

int manifest_mark_claim(struct manifest *manifest, const char *token, const char *incarnation,
                        struct error *error)
{
    if (document_set_string(latest_entry(manifest), "token", token) < 0)
        return no_memory(error);
    status_text_copy(manifest->claim_token, UUID_SIZE, token);
    status_text_copy(manifest->incarnation, UUID_SIZE, incarnation);
    return 0;
}

static void drop_lease(struct manifest *manifest)
{
    manifest->lease_owner[0] = '\0';
    manifest->claim_token[0] = manifest->incarnation[0] = '\0';
    manifest->lease_expires = 0;
    document_remove(manifest->document, "progress");
}

/* When to try again; rounded up, so that a pause is never shorter than asked for. */
static int64_t next_attempt(const struct backoff *backoff, int failures, int64_t now,
                            uint32_t random)
{
    int64_t delay = backoff_delay(backoff, failures, random);

    return delay > 0 ? now + (delay + 999) / 1000 : 0;
}

/* "did not succeed after 5 attempts: " and the message of the last. */
static void set_exceeded_text(struct manifest *manifest, const char *message)
{
    char text[2 * STATUS_TEXT_SIZE];

    snprintf(text, sizeof(text), "did not succeed after %d attempts: %s", manifest->dequeues,
             message);
    manifest_set_status_text(manifest, text);
}

/* The event of an outcome. An attempt that ended because a server asked to wait is not a failed one,
 * up to a bound. */
static enum manifest_event event_of(const struct manifest *manifest, const struct outcome *outcome)
{
    enum manifest_event event = outcome_event(outcome->kind);
    bool is_deferred = outcome->retry_after > 0 &&
                       manifest->attempt - manifest->dequeues < MANIFEST_DEFERRALS_MAXIMUM;

    return event == MANIFEST_RETRY && is_deferred ? MANIFEST_DRAIN : event;
}

/* No attempt begins before the time that a server asked for. */
static void wait_for_server(struct manifest *manifest, const struct outcome *outcome, int64_t now)
{
    if (outcome->retry_after > 0 && manifest->next_attempt < now + outcome->retry_after)
        manifest->next_attempt = now + outcome->retry_after;
}

int manifest_end_attempt(struct manifest *manifest, const struct outcome *outcome,
                         const struct attempt_usage *usage, const struct backoff *backoff,
                         int64_t now, uint32_t random, struct error *error)
{
    struct manifest ended = *manifest;
    enum manifest_event event = event_of(manifest, outcome);

    if (change_state(&ended, event, error) < 0)
        return -1;
    if (close_entry(&ended, outcome_name(outcome->kind), outcome->status_text, usage, now) < 0)
        return no_memory(error);
    if (event == MANIFEST_DRAIN && ended.dequeues > 0)
        ended.dequeues--;
    if (event == MANIFEST_RETRY && ended.state == MANIFEST_PENDING)
        ended.next_attempt = next_attempt(backoff, ended.dequeues, now, random);
    if (ended.state == MANIFEST_PENDING)
        wait_for_server(&ended, outcome, now);
    if (manifest_state_is_terminal(ended.state))
        ended.finished_at = now;
    if (ended.state == MANIFEST_RETRIES_EXCEEDED)
        set_exceeded_text(&ended, outcome->status_text);
    else
        manifest_set_status_text(&ended, outcome->status_text);
    drop_lease(&ended);
    *manifest = ended;
    return 0;
}

void manifest_set_progress(struct manifest *manifest, int step, int steps, const char *name,
                           const char *status_text)
{
    char clean[STATUS_TEXT_SIZE];

    status_text_copy(clean, sizeof(clean), name);
    /* Without memory the progress is not shown; nothing else depends on it. */
    document_set(manifest->document, "progress",
                 document_pack("{s:i, s:i, s:s}", "step", step, "steps", steps, "name", clean));
    if (status_text)
        manifest_set_status_text(manifest, status_text);
}

void manifest_set_status_text(struct manifest *manifest, const char *text)
{
    status_text_copy(manifest->status_text, sizeof(manifest->status_text), text);
}

int manifest_time_out(struct manifest *manifest, int64_t now, struct error *error)
{
    char deadline[CLOCK_TEXT_SIZE], until[64], text[128];

    clock_format(deadline, manifest->run_before);
    snprintf(until, sizeof(until), "before %s", deadline);
    if (manifest->run_before == 0 || manifest->run_before >= now)
        return error_set(error, ERROR_CONFLICT, "manifest %s may still start %s", manifest->id,
                         manifest->run_before ? until : "at any time");
    if (change_state(manifest, MANIFEST_EXPIRE, error) < 0)
        return -1;
    snprintf(text, sizeof(text), "timed out: not started before %s", deadline);
    manifest_set_status_text(manifest, text);
    manifest->finished_at = now;
    return 0;
}

int manifest_cancel(struct manifest *manifest, int64_t now, bool force, struct error *error)
{
    struct manifest cancelled = *manifest;
    bool running = manifest->state == MANIFEST_IN_PROGRESS;
    char since[CLOCK_TEXT_SIZE];

    if (running && !force && now - manifest->started_at < MANIFEST_STUCK_SECONDS)
        return error_set(
            error, ERROR_DENIED,
            "cannot cancel task in state InProgress: it has been running since %s; wait for its "
            "end, stop it, or cancel it with force=true; after %d minutes it may be cancelled as stuck",
            clock_format(since, manifest->started_at), MANIFEST_STUCK_SECONDS / 60);
    if (change_state(&cancelled, MANIFEST_CANCEL, NULL) < 0)
        return error_set(error, ERROR_DENIED, "cannot cancel task in state %s",
                         manifest_state_name(manifest->state));
    manifest_set_status_text(
        &cancelled, running ? "cancelled by an operator while in progress: a worker that still "
                              "runs is not stopped, its result is dropped"
                            : "cancelled by an operator");
    if (running && close_entry(&cancelled, "cancelled", cancelled.status_text, NULL, now) < 0)
        return no_memory(error);
    cancelled.finished_at = now;
    cancelled.next_attempt = 0;
    drop_lease(&cancelled);
    *manifest = cancelled;
    return 0;
}

/* Without memory the attempt's entry keeps its text; the manifest says it all the same. */
static void explain_stop(struct manifest *manifest)
{
    struct json_object *entry = latest_entry(manifest);

    manifest_set_status_text(manifest, "stopped by an operator");
    if (entry)
        (void)document_set_string(entry, "message", manifest->status_text);
}

int manifest_stop_attempt(struct manifest *manifest, int64_t now, struct error *error)
{
    if (manifest->state == MANIFEST_IN_PROGRESS && manifest_cancel(manifest, now, true, error) < 0)
        return -1;
    if (manifest->state == MANIFEST_CANCELLED)
        explain_stop(manifest);
    return 0;
}
