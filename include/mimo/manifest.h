/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - a manifest and everything that may happen to it.
 *
 * A manifest is a JSON document in the store. It is read into fields, changed by the rules below,
 * and written back into the same document, so that members unknown to this program are kept.
 *
 *     manifest_read(&manifest, item->document, error);
 *     manifest_claim(&manifest, actuator_id, now, lease_seconds, error);
 *     operation.target.document = manifest_document(&manifest);
 *     ...
 *     manifest_free(&manifest);
 *
 * Attempts are numbered; the number only rises. It is not `dequeues`, which leaves out attempts
 * that do not count, such as drained ones. Because a number repeats when a store is restored from a
 * backup, each claim also has a random token. A result is written only if state, owner, number and
 * token are still those of its attempt.
 *
 * Pure: no clock, no I/O; callers pass the time, in Unix seconds.
 * Ownership: a manifest holds a reference to its document; manifest_free().
 * Threads: a manifest is used by one thread at a time.
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
    MANIFEST_HISTORY_MAXIMUM = 20,   /* entries of `attempts`: only the newest are kept */
    MANIFEST_STUCK_SECONDS = 3600, /* if InProgress for longer, it may be cancelled without force */
};
#define MANIFEST_RUN_BEFORE_DEFAULT (7 * INT64_C(86400)) /* seconds after creation */

struct manifest {
    char id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE]; /* lower-cased resource ID */
    char task[UUID_SIZE];
    char created_by_schedule[UUID_SIZE]; /* "": absent, here and below; for times, 0 is */
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
    char incarnation[UUID_SIZE]; /* which start of the lease owner made the claim */
    int64_t lease_expires;
    int64_t created_at;
    int64_t started_at;
    int64_t finished_at;
    struct json_object
        *document; /* owned; carries parameters, progress, attempts and unknown members */
};

/* A request for a manifest. run_after and run_before 0: the defaults. */
struct manifest_request {
    const char *cluster; /* normalized */
    const char *task;
    int64_t priority;
    int64_t run_after;
    int64_t run_before;
    const char *created_by_schedule; /* or NULL */
    struct json_object *parameters;  /* borrowed; or NULL */
};

/* Checks a manifest's parameters: they must be an object of at most
 * MANIFEST_PARAMETERS_SIZE_MAXIMUM bytes and MANIFEST_PARAMETERS_DEPTH_MAXIMUM levels.
 * ERROR_INVALID names the broken rule. */
int manifest_check_parameters(struct json_object *parameters, struct error *error);

/* Makes a Pending manifest with a new id. ERROR_INVALID names the member (runBefore before
 * runAfter, times outside 0..year 9999, priority, parameters too large or deep). */
int manifest_create(struct manifest *manifest, const struct manifest_request *request, int64_t now,
                    struct error *error);

/* Reads a stored document; takes its own reference to it. ERROR_INVALID names the first member that
 * is missing or wrong; the manifest then owns nothing. */
int manifest_read(struct manifest *manifest, struct json_object *document, struct error *error);

void manifest_free(struct manifest *manifest);

/* Writes all fields into the document and returns it. Borrowed: it lives as long as the manifest.
 * NULL only without memory. */
struct json_object *manifest_document(struct manifest *manifest);

/* The manifest as the Admin API shows it: flat, leaseExpires as leaseExpiry, absent members left
 * out, clusterResourceID included. New reference; NULL only without memory. */
struct json_object *manifest_view(struct manifest *manifest);

/* The same directly from a document's text, which takes a tenth of the time. Appends the view to
 * `view` without its closing brace, so that the caller can add members, and fills `ret_manifest`
 * except for its document. Returns false and leaves `view` unchanged if this program did not write
 * the text; then use manifest_read(). */
bool manifest_view_text(const char *text, size_t length, struct manifest *ret_manifest,
                        struct text_buffer *view);

/* True when the manifest may be claimed at `now`: it is Pending, due, and not past run_before. Its
 * cluster may still be busy. */
bool manifest_is_runnable(const struct manifest *manifest, int64_t now);

/* The time when it becomes due: the later of run_after and next_attempt. */
int64_t manifest_due_at(const struct manifest *manifest);

/* True while attempt `number` of actuator `owner` owns the manifest. The fence compares the claim's
 * token as well: lease_owns() of the supervisor. */
bool manifest_is_owned(const struct manifest *manifest, const char *owner, int number);

/* Pending -> InProgress: counts the attempt, sets lease and startedAt, adds an entry to the
 * history. ERROR_CONFLICT when it is not Pending. */
int manifest_claim(struct manifest *manifest, const char *actuator, int64_t now,
                   int64_t lease_seconds, struct error *error);

/* Marks the claim that was just made. `token` is random; it distinguishes the claim from every
 * other, even from one with the same number that was made after the store was restored from a
 * backup. `incarnation` may be "". -1 only without memory. */
int manifest_mark_claim(struct manifest *manifest, const char *token, const char *incarnation,
                        struct error *error);

/* Resources that the attempt used; 0: unknown. */
struct attempt_usage {
    int64_t max_rss_kib;
    int64_t cpu_ms;
};

/* Ends the attempt in progress: takes the next state from the table, sets statusText and
 * nextAttempt (backoff.h), removes lease and progress, completes the entry in the history. After
 * the fifth attempt that did not succeed the manifest becomes RetriesExceeded; its statusText
 * begins with "did not succeed after 5 attempts: ". A drained attempt is subtracted from
 * `dequeues`. So is one whose outcome has a retry_after, for at most MANIFEST_DEFERRALS_MAXIMUM
 * attempts; nextAttempt is then no earlier than the server asked for. ERROR_CONFLICT when it is not
 * InProgress. */
int manifest_end_attempt(struct manifest *manifest, const struct outcome *outcome,
                         const struct attempt_usage *usage, const struct backoff *backoff,
                         int64_t now, uint32_t random, struct error *error);

/* Sets the attempt's progress: {step, steps, name} and, if not NULL, statusText. */
void manifest_set_progress(struct manifest *manifest, int step, int steps, const char *name,
                           const char *status_text);

/* statusText of a manifest that stays Pending, such as why its cluster is busy. */
void manifest_set_status_text(struct manifest *manifest, const char *text);

/* Pending and run_before passed -> TimedOut. ERROR_CONFLICT otherwise. */
int manifest_time_out(struct manifest *manifest, int64_t now, struct error *error);

/* Pending, or InProgress for MANIFEST_STUCK_SECONDS or with `force` -> Cancelled. Otherwise
 * ERROR_DENIED; its message tells the operator what to do instead. */
int manifest_cancel(struct manifest *manifest, int64_t now, bool force, struct error *error);

/* An operator stops its worker: InProgress -> Cancelled. A manifest that was cancelled before, while
 * its worker ran, now says that the worker is stopped. Other states stay as they are. */
int manifest_stop_attempt(struct manifest *manifest, int64_t now, struct error *error);

#endif
