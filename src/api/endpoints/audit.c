/* SPDX-License-Identifier: Apache-2.0 */
/* audit.c - writes the audit trail: actor, change, time and ticket. */
#include "api/endpoints/audit.h"

#include <stdlib.h>
#include <string.h>

#include "api/endpoints/wake.h"
#include "api/http/routes.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/log.h"

struct audit audit_begin(const struct request *request, const char *resource)
{
    char id[UUID_SIZE];
    uuid_make(id);
    struct json_object *entry = document_pack(
        "{s:s, s:I, s:s, s:s, s:s, s:s, s:i}", "id", id, "time", (int64_t)clock_unix_seconds(),
        "actor", request->actor.name, "action", request->route->action, "resource", resource,
        "requestId", request->request_id, "status", 0);
    if (entry && (document_set_string(entry, "icm", request->icm) < 0 ||
                  document_set_string(entry, "client", request->client) < 0)) {
        json_object_put(entry);
        entry = NULL;
    }
    return (struct audit){.entry = entry};
}

static struct store_operation entry_operation(const struct audit *audit)
{
    return audit->etag ? store_replace(STORE_AUDIT, audit->etag, audit->entry)
                       : store_create(STORE_AUDIT, audit->entry);
}

/* Remembers how the entry can be found again. */
static void entry_written(struct audit *audit, struct store_operation *operation, int status)
{
    if (operation->result.status != STORE_DONE) {
        log_error("audit entry not written (request %s): %s",
                  document_string(audit->entry, "requestId", ""), operation->result.error.message);
        return;
    }
    free(audit->etag);
    audit->etag = take_pointer(&operation->result.etag);
    audit->status = status;
    audit->stale = false;
}

int audit_run_many(struct api *api, struct audit *audit, struct store_operation *changes,
                   size_t count, int status, struct answer *answer)
{
    struct error error;
    cleanup_free struct store_operation *batch = calloc(count + 1, sizeof(*batch));
    if (!batch || !audit->entry ||
        document_set(audit->entry, "status", json_object_new_int64(status)) < 0)
        return answer_no_memory(answer);
    memcpy(batch, changes, count * sizeof(*batch));
    batch[count] = entry_operation(audit);
    int result = store_run(api->store, batch, count + 1, &error);
    memcpy(changes, batch, count * sizeof(*batch));
    if (result == 0)
        entry_written(audit, &batch[count], status);
    store_release(&batch[count], 1);
    return result < 0 ? answer_store_unavailable(answer, &error) : 0;
}

int audit_run(struct api *api, struct audit *audit, struct store_operation *change, int status,
              struct answer *answer)
{
    return audit_run_many(api, audit, change, 1, status, answer);
}

struct audited {
    struct api *api;
    struct audit *audit;
    const int *status;
    struct answer *answer;
    bool answered; /* with the reason of the store */
};

static int run_audited(void *context, struct store *store, struct store_operation *writes,
                       size_t count, struct error *error)
{
    struct audited *audited = context;
    (void)store; /* the API's */
    if (audit_run_many(audited->api, audited->audit, writes, count, *audited->status,
                       audited->answer) == 0)
        return 0;
    audited->answered = true;
    return error_set(error, ERROR_UNAVAILABLE, "the change was not written");
}

int audit_change(struct api *api, struct audit *audit, struct store_change *change,
                 const int *status, struct answer *answer)
{
    struct audited audited = {api, audit, status, answer, false};
    struct error error;
    if (store_change_one_by(api->store, change, run_audited, &audited, &error) == 0)
        return 0;
    return audited.answered ? -1 : answer_store_unavailable(answer, &error);
}

void audit_set_count(struct audit *audit, int64_t count)
{
    const struct json_object *stored = document_get(audit->entry, "count");
    if (stored && document_number(stored) == count)
        return;
    if (audit->entry && document_set(audit->entry, "count", json_object_new_int64(count)) == 0)
        audit->stale = true;
}

/* Best effort: the answer is final, so a failure is only logged. */
static void correct(struct api *api, struct audit *audit, int status)
{
    struct error error;
    if (document_set(audit->entry, "status", json_object_new_int64(status)) < 0)
        return;
    struct store_operation operation = entry_operation(audit);
    if (store_run(api->store, &operation, 1, &error) < 0)
        log_warning("audit entry of request %s could not be corrected, its status was %d then and "
                    "is %d: %s",
                    document_string(audit->entry, "requestId", ""), audit->status, status,
                    error.message);
    else
        entry_written(audit, &operation, status);
    store_release(&operation, 1);
}

void audit_end(struct api *api, struct audit *audit, int status)
{
    if (audit->etag && (audit->stale || audit->status != status))
        correct(api, audit, status);
    if (status < 300)
        wake_actuators(api->config->actuator_runtime_directory);
    json_object_put(audit->entry);
    free(audit->etag);
    *audit = (struct audit){0};
}
