/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h - every change of the store goes through here, together with its entry in the audit
 * trail.
 *
 *     struct audit audit = audit_begin(request, resource);
 *     struct store_operation write = store_replace(...);
 *     if (audit_run(api, &audit, &write, 200, answer) < 0)
 *         ... the store did not answer: 503 is in `answer`
 *     ...
 *     audit_end(api, &audit, answer->status);
 *
 * audit_change() does the same for a change that is read and decided again after a conflict: its
 * entry is rewritten, not doubled.
 *
 * Change and entry are one batch, so the entry is written with the status the change will have if
 * it happens. Where it does not happen after all, audit_end() puts the status of the answer in its
 * place. A crash in between, or a store that gave no answer, leaves an entry for a change that may
 * not have happened, never a change without entry.
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
    char *etag;                /* of the stored entry; NULL until it is there */
    int status;                /* as stored */
    bool stale;                /* the stored entry is behind `entry` */
};

/* `resource` is what is changed: a resource ID, with the manifest's id behind it. NULL entry
 * without memory; then audit_run() answers 503. */
struct audit audit_begin(const struct request *request, const char *resource);

/* Runs `change` (not a query) with the entry. The caller looks at change->result and releases
 * it. */
int audit_run(struct api *api, struct audit *audit, struct store_operation *change, int status,
              struct answer *answer);

/* The same for `count` changes with one entry. */
int audit_run_many(struct api *api, struct audit *audit, struct store_operation *changes,
                   size_t count, int status, struct answer *answer);

/* Runs a change that reads, decides and writes, again after a conflict, and writes its entry with each
 * try. `status` is read when the change is written: the callback may set it. -1: the store did not
 * answer, which is in `answer`. */
int audit_change(struct api *api, struct audit *audit, struct store_change *change,
                 const int *status, struct answer *answer);

/* How many documents were changed, where it is not one; written by the next of the calls here. */
void audit_set_count(struct audit *audit, int64_t count);

/* Corrects the entry when it is no longer what was stored, tells the actuators that there may
 * be work when the change happened, and releases the audit. */
void audit_end(struct api *api, struct audit *audit, int status);

#endif
