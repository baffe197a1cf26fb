/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h - writes each change of the store together with its entry in the audit trail.
 *
 *     struct audit audit = audit_begin(request, resource);
 *     struct store_operation write = store_replace(...);
 *     if (audit_run(api, &audit, &write, 200, answer) < 0)
 *         ... the store did not answer: 503 is in `answer`
 *     ...
 *     audit_end(api, &audit, answer->status);
 *
 * audit_change() does the same for a change that is tried again after a conflict: its entry is
 * rewritten, not duplicated.
 *
 * Change and entry are one batch, so the entry has the status of success. If the change fails,
 * audit_end() replaces it by the status of the answer. After a crash in between, or without an
 * answer of the store, there may be an entry without its change, but never a change without its
 * entry.
 */
#ifndef API_AUDIT_H
#define API_AUDIT_H

#include <json-c/json_object.h>
#include <stdbool.h>

#include "api/api.h"
#include "api/http/answer.h"
#include "api/http/request.h"
#include "mimo/store_change.h"

struct audit {
    struct json_object *entry; /* owned */
    char *etag;                /* of the stored entry; NULL before it is stored */
    int status;                /* as stored */
    bool stale;                /* `entry` is newer than the stored entry */
};

/* `resource` is the changed object: a resource ID, followed by the manifest's id. When out of
 * memory, entry is NULL and audit_run() answers 503. */
struct audit audit_begin(const struct request *request, const char *resource);

/* Runs `change` (not a query) with the entry. The caller reads change->result and releases it. */
int audit_run(struct api *api, struct audit *audit, struct store_operation *change, int status,
              struct answer *answer);

/* The same for `count` changes with one entry. */
int audit_run_many(struct api *api, struct audit *audit, struct store_operation *changes,
                   size_t count, int status, struct answer *answer);

/* Runs a change (store_change.h), and writes its entry with each try. `status` is read when the
 * change is written, so the callback may set it. -1: the store did not answer; 503 is in
 * `answer`. */
int audit_change(struct api *api, struct audit *audit, struct store_change *change,
                 const int *status, struct answer *answer);

/* Sets the number of changed documents, if it is not 1. The next call writes it. */
void audit_set_count(struct audit *audit, int64_t count);

/* Rewrites the entry if it has changed since, wakes the actuators after a successful change, and
 * releases the audit. */
void audit_end(struct api *api, struct audit *audit, int status);

#endif
