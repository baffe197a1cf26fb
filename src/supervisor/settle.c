/* SPDX-License-Identifier: Apache-2.0 */
/* settle.c - fenced writes of progress and results. */
#include "supervisor/settle.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/store_change.h"

/* A settlement on its way through one run. */
struct step {
    struct settlement *settlement;
    const struct settle_rules *rules;
    int64_t now;
};

void settlement_begin(struct settlement *settlement, struct claim *claim)
{
    settlement->attempt = claim->manifest.attempt;
    memcpy(settlement->token, claim->manifest.claim_token, sizeof(settlement->token));
    settlement->claim = claim_move(claim);
}

void settlement_free(struct settlement *settlement)
{
    claim_free(&settlement->claim);
    json_object_put(settlement->cluster_patches);
    settlement->cluster_patches = NULL;
}

static struct lease_name name_of(const struct step *step)
{
    struct lease_name name = {.attempt = step->settlement->attempt};
    memcpy(name.actuator, step->rules->actuator, UUID_SIZE);
    memcpy(name.token, step->settlement->token, UUID_SIZE);
    return name;
}

static void end_as(struct settlement *settlement, enum settlement_status status,
                   enum error_kind kind, const char *reason)
{
    settlement->status = status;
    error_set(&settlement->error, kind, "manifest %s, attempt %d: %s",
              settlement->claim.manifest.id, settlement->attempt, reason);
}

static void mark_late(struct settlement *settlement, const char *reason)
{
    end_as(settlement, SETTLEMENT_LATE, ERROR_CONFLICT, reason);
}

static void mark_refused(struct settlement *settlement, const struct error *reason)
{
    end_as(settlement, SETTLEMENT_REFUSED, reason->kind, reason->message);
}

/* The manifest is no longer this attempt's. The cluster's lease may still be: it is given back now,
 * not when it expires. */
static enum change_verdict decide_late(struct step *step, struct store_change *change,
                                       const char *reason)
{
    struct settlement *settlement = step->settlement;
    struct lease_name name = name_of(step);
    bool deleted = !settlement->claim.manifest_etag;
    if (!deleted && settlement->final &&
        lease_ended_as(&settlement->claim, &name, settlement->outcome.kind)) {
        settlement->status = SETTLEMENT_DONE;
        return CHANGE_LEAVE;
    }
    mark_late(settlement, reason);
    if (settlement->final &&
        lease_give_back_cluster(&settlement->claim, &name, step->rules->mark, &change->write))
        return CHANGE_WRITE;
    return CHANGE_LEAVE;
}

/* Takes the documents that were read. False, with the settlement's end, when there is nothing to go
 * on. A cluster that is gone or cannot be understood has no lease to give back. */
static bool take_fresh(struct settlement *settlement, struct store_operation *reads)
{
    struct claim *claim = &settlement->claim;
    struct error unreadable;
    lease_forget(claim);
    if (reads[1].result.status == STORE_DONE)
        (void)lease_read_cluster(claim, &reads[1].result.items[0], &unreadable);
    switch (reads[0].result.status) {
    case STORE_DONE:
        if (lease_read_manifest(claim, &reads[0].result.items[0], &unreadable) == 0)
            return true;
        mark_refused(settlement, &unreadable);
        return false;
    case STORE_NOT_FOUND:
        return true;
    case STORE_NOT_RUN:
    case STORE_CONFLICT:
    case STORE_REFUSED:
        mark_refused(settlement, &reads[0].result.error);
        return false;
    }
    return false;
}

static enum change_verdict decide_owned(struct step *step, struct store_change *change)
{
    struct settlement *settlement = step->settlement;
    struct lease_result result = {
        .outcome = &settlement->outcome,
        .usage = &settlement->usage,
        .backoff = &step->rules->backoff,
        .random = settlement->random,
        .patches = settlement->cluster_patches,
        .patchable = settlement->patchable,
    };
    struct error reason;
    if (!settlement->final) {
        lease_show_progress(
            &settlement->claim, settlement->step, settlement->steps, settlement->step_name,
            settlement->status_text[0] ? settlement->status_text : NULL, &change->write);
        return CHANGE_WRITE;
    }
    if (lease_end(&settlement->claim, &result, step->rules->mark, step->now, &change->write,
                  &reason) == 0)
        return CHANGE_WRITE;
    if (error_may_pass(reason.kind))
        end_as(settlement, SETTLEMENT_OPEN, reason.kind, reason.message);
    else
        mark_refused(settlement, &reason);
    return CHANGE_LEAVE;
}

static enum change_verdict decide(struct store_change *change)
{
    struct step *step = change->context;
    struct settlement *settlement = step->settlement;
    struct lease_name name = name_of(step);
    settlement->status = SETTLEMENT_OPEN;
    settlement->error = (struct error){0};
    bool was_read = change->reads[0].result.status != STORE_NOT_RUN;
    if (was_read && !take_fresh(settlement, change->reads))
        return CHANGE_LEAVE;
    if (!settlement->claim.manifest_etag)
        return decide_late(step, change, "the manifest was deleted");
    if (!lease_owns(&settlement->claim, &name))
        return decide_late(step, change, "the manifest is no longer owned by this attempt");
    return decide_owned(step, change);
}

/* Notes how a change ended. Documents that were changed in memory but not written are read again
 * before anything else. */
static void take_end(struct settlement *settlement, struct store_change *change)
{
    switch (change->end) {
    case CHANGE_DONE:
        lease_written(&settlement->claim, &change->write);
        if (settlement->status == SETTLEMENT_OPEN)
            settlement->status = SETTLEMENT_DONE;
        return;
    case CHANGE_LEFT:
        break;
    case CHANGE_REFUSED:
        mark_refused(settlement, &change->error);
        break;
    case CHANGE_OPEN:
    case CHANGE_CONTENDED:
        end_as(settlement, SETTLEMENT_OPEN, change->error.kind, change->error.message);
        break;
    }
    if (settlement->status == SETTLEMENT_OPEN || settlement->status == SETTLEMENT_REFUSED)
        lease_forget(&settlement->claim);
}

static struct store_change make_change(struct step *step)
{
    const struct claim *claim = &step->settlement->claim;
    return (struct store_change){
        .reads = {store_get(STORE_MANIFESTS, claim->manifest.cluster, claim->manifest.id),
                  store_get(STORE_CLUSTERS, NULL, claim->manifest.cluster)},
        .read_count = 2,
        .known = claim->manifest_etag != NULL,
        .decide = decide,
        .context = step,
    };
}

static int run_steps(struct store *store, struct step *steps, size_t count, struct error *error)
{
    cleanup_free struct store_change *changes = calloc(count ? count : 1, sizeof(*changes));
    if (!changes)
        return error_set(error, ERROR_MEMORY, "out of memory while writing %zu results", count);
    for (size_t i = 0; i < count; i++)
        changes[i] = make_change(&steps[i]);
    int status = store_change_run(store, changes, count, error);
    for (size_t i = 0; i < count; i++) {
        take_end(steps[i].settlement, &changes[i]);
        store_change_release(&changes[i]);
    }
    return status;
}

/* A result that the store refuses becomes a failure that says so. */
static void replace_outcome(struct settlement *settlement)
{
    char text[ERROR_MESSAGE_SIZE + 64];
    snprintf(text, sizeof(text), "its result (%s) cannot be stored: %s",
             outcome_name(settlement->outcome.kind), settlement->error.message);
    struct worker_end end = {.has_result = true, .result = OUTCOME_TERMINAL, .message = text};
    outcome_of_worker(&end, &settlement->outcome);
    json_object_put(settlement->cluster_patches);
    settlement->cluster_patches = NULL;
}

/* Runs the results that were refused once more, as failures. */
static int run_refused(struct store *store, struct step *steps, size_t count, struct error *error)
{
    size_t refused = 0;
    for (size_t i = 0; i < count; i++) {
        struct settlement *settlement = steps[i].settlement;
        if (settlement->status != SETTLEMENT_REFUSED || !settlement->final)
            continue;
        replace_outcome(settlement);
        steps[refused++] = steps[i];
    }
    return refused > 0 ? run_steps(store, steps, refused, error) : 0;
}

int settle_run(struct store *store, const struct settle_rules *rules,
               struct settlement **settlements, size_t count, int64_t now, struct error *error)
{
    cleanup_free struct step *steps = calloc(count ? count : 1, sizeof(*steps));
    struct error reason;
    for (size_t i = 0; i < count; i++)
        settlements[i]->status = SETTLEMENT_OPEN;
    if (!steps)
        return error_set(error, ERROR_MEMORY, "out of memory while writing %zu results", count);
    for (size_t i = 0; i < count; i++)
        steps[i] = (struct step){.settlement = settlements[i], .rules = rules, .now = now};
    if (run_steps(store, steps, count, &reason) == 0 &&
        run_refused(store, steps, count, &reason) == 0)
        return 0;
    if (error)
        *error = reason;
    return error_prefix(error, "cannot write results of attempts");
}
