/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - a manifest and everything that may happen to it.
 *
 * A manifest lives in the store as a JSON document. Here it is read into fields, changed by the
 * rules below, and written back into the same document, so that members which this program does not
 * know are kept. Pure: no clock, no I/O; callers bring the time.
 *
 *     manifest_read(&manifest, item->document, error);
 *     manifest_claim(&manifest, actuator_id, now, lease_seconds, error);
 *     operation.target.document = manifest_document(&manifest);
 *     ...
 *     manifest_free(&manifest);
 *
 * Attempts are numbered by a count that only rises. `dequeues` counts those that count (a drained
 * one does not), so it is no fence. A number repeats when a store is restored from a backup, so each
 * claim also has a random token. A result is written only where state, owner, number and token are
 * still those of its attempt.
 */
#ifndef MIMO_MANIFEST_H
#define MIMO_MANIFEST_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "mimo/backoff.h"
#include "mimo/clock.h"
#include "mimo/error.h"
#include "mimo/manifest_state.h"
#include "mimo/outcome.h"
#include "mimo/resource_id.h"
#include "mimo/text_buffer.h"
#include "mimo/uuid.h"

enum {
    MANIFEST_PRIORITY_MAXIMUM = 1000000,
    MANIFEST_PARAMETERS_SIZE_MAXIMUM = 16 * 1024,
    MANIFEST_PARAMETERS_DEPTH_MAXIMUM = 16,
    MANIFEST_DEFERRALS_MAXIMUM = 10, /* attempts that do not count because a server asked to wait */
    MANIFEST_HISTORY_MAXIMUM = 20,   /* entries of `attempts` that are kept, the newest */
    MANIFEST_STUCK_SECONDS = 3600,   /* InProgress for longer: may be cancelled without force */
};
#define MANIFEST_RUN_BEFORE_DEFAULT (7 * INT64_C(86400)) /* seconds after creation */

struct manifest {
    char id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE]; /* lower-cased resource ID */
    char task[UUID_SIZE];
    char created_by_schedule[UUID_SIZE]; /* "" is absent, here and below; so is 0 for a time */
    enum manifest_state state;
    char status_text[STATUS_TEXT_SIZE];
    int bucket; /* -1 when another producer left it out */
    int64_t priority;
    int64_t run_after;
    int64_t run_before;
    int64_t next_attempt;
    int dequeues;
    int attempt; /* number of the latest attempt, 0 before the first */
    char lease_owner[UUID_SIZE];
    char claim_token[UUID_SIZE]; /* random, of the claim that holds the lease */
    char incarnation[UUID_SIZE]; /* of the lease owner: which of its starts made the claim */
    int64_t lease_expires;
    int64_t created_at;
    int64_t started_at;
    int64_t finished_at;
    struct json_object
        *document; /* owned; carries parameters, progress, attempts and unknown members */
};

/* What an operator asks for. Zero run_after, run_before: the defaults. */
struct manifest_request {
    const char *cluster; /* normalized */
    const char *task;
    int64_t priority;
    int64_t run_after;
    int64_t run_before;
    const char *created_by_schedule; /* or NULL */
    struct json_object *parameters;  /* borrowed; or NULL */
};

/* The rules for a manifest's parameters: an object, of MANIFEST_PARAMETERS_SIZE_MAXIMUM bytes and
 * MANIFEST_PARAMETERS_DEPTH_MAXIMUM levels at most. ERROR_INVALID says which is broken. */
int manifest_check_parameters(struct json_object *parameters, struct error *error);

/* Makes a Pending manifest with a new id. ERROR_INVALID names the member (runBefore before
 * runAfter, times outside 0..year 9999, priority, parameters too large or deep). */
int manifest_create(struct manifest *manifest, const struct manifest_request *request, int64_t now,
                    struct error *error);

/* Reads a stored document; takes its own reference to it. What cannot be understood is
 * ERROR_INVALID naming the member; then nothing is owned. */
int manifest_read(struct manifest *manifest, struct json_object *document, struct error *error);

void manifest_free(struct manifest *manifest);

/* The document with all fields written into it. Borrowed: lives as long as the manifest. NULL only
 * without memory. */
struct json_object *manifest_document(struct manifest *manifest);

/* The manifest as the Admin API shows it: flat, leaseExpires as leaseExpiry, absent members left
 * out, clusterResourceID included. New reference; NULL only without memory. */
struct json_object *manifest_view(struct manifest *manifest);

/* The same straight from a document's text, a tenth of the work: adds the view to `view` but for
 * its closing brace, so that more can follow, and fills `ret_manifest`, without a document. False,
 * with `view` as it was: the text is other than what this program writes, so read the document
 * instead. */
bool manifest_view_text(const char *text, size_t length, struct manifest *ret_manifest,
                        struct text_buffer *view);

/* True when it may be claimed at `now` as far as the manifest itself tells: Pending, due, not
 * overdue. */
bool manifest_is_runnable(const struct manifest *manifest, int64_t now);

/* When it becomes due: the later of run_after and next_attempt. */
int64_t manifest_due_at(const struct manifest *manifest);

/* Order of claiming: priority, then run_after, then id; negative when `a` goes first. */
int manifest_compare(const struct manifest *a, const struct manifest *b);

/* True while attempt `number` of actuator `owner` owns the manifest. The fence compares the claim's
 * token as well: lease_owns() of the supervisor. */
bool manifest_is_owned(const struct manifest *manifest, const char *owner, int number);

/* Pending -> InProgress: one attempt more, lease, startedAt, entry in the history. ERROR_CONFLICT
 * when it is not Pending. */
int manifest_claim(struct manifest *manifest, const char *actuator, int64_t now,
                   int64_t lease_seconds, struct error *error);

/* Names the claim that was just made: `token` is random and tells it from every other claim, even
 * one of the same number that was made after the store went back to an earlier state. `incarnation`
 * may be "". -1 only without memory. */
int manifest_mark_claim(struct manifest *manifest, const char *token, const char *incarnation,
                        struct error *error);

/* What the attempt cost; zeros when not known. */
struct attempt_usage {
    int64_t max_rss_kib;
    int64_t cpu_ms;
};

/* Ends the attempt in progress: next state by the table, statusText, nextAttempt by backoff, lease
 * and progress gone, history entry closed. The fifth attempt that did not succeed becomes
 * RetriesExceeded with "did not succeed after 5 attempts: " in front. A drained attempt is taken
 * off `dequeues`. So is one whose outcome has a retry_after, up to MANIFEST_DEFERRALS_MAXIMUM
 * uncounted attempts; nextAttempt is then no earlier than the server asked for. ERROR_CONFLICT when
 * it is not InProgress. */
int manifest_end_attempt(struct manifest *manifest, const struct outcome *outcome,
                         const struct attempt_usage *usage, const struct backoff *backoff,
                         int64_t now, uint32_t random, struct error *error);

/* Shows where the attempt stands: progress {step, steps, name} and, if not NULL, statusText. */
void manifest_set_progress(struct manifest *manifest, int step, int steps, const char *name,
                           const char *status_text);

/* statusText of a manifest that stays Pending, such as why its cluster is busy. */
void manifest_set_status_text(struct manifest *manifest, const char *text);

/* Pending and run_before passed -> TimedOut. ERROR_CONFLICT otherwise. */
int manifest_time_out(struct manifest *manifest, int64_t now, struct error *error);

/* Pending, or InProgress for MANIFEST_STUCK_SECONDS or with `force` -> Cancelled. ERROR_DENIED
 * otherwise, with a message that tells the operator what to do instead. */
int manifest_cancel(struct manifest *manifest, int64_t now, bool force, struct error *error);

/* An operator stops its worker: InProgress -> Cancelled. A manifest that was cancelled before, while
 * its worker ran, now says that the worker is stopped. Other states stay as they are. */
int manifest_stop_attempt(struct manifest *manifest, int64_t now, struct error *error);

#endif
