/* SPDX-License-Identifier: Apache-2.0 */
/* The worker table and what a worker's reports do to its entry. */
#include "supervisor/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/document.h"
#include "mimo/log.h"

static const char *const state_names[WORKER_STATE_COUNT] = {
    [WORKER_FREE] = "free",           [WORKER_PREPARING] = "preparing",
    [WORKER_LAUNCHING] = "launching", [WORKER_RUNNING] = "running",
    [WORKER_SETTLING] = "settling",
};

/* allowed_changes[from] is the set of states that may follow. */
static const unsigned allowed_changes[WORKER_STATE_COUNT] = {
    [WORKER_FREE] = 1u << WORKER_PREPARING,
    [WORKER_PREPARING] = 1u << WORKER_LAUNCHING | 1u << WORKER_SETTLING,
    [WORKER_LAUNCHING] = 1u << WORKER_RUNNING | 1u << WORKER_SETTLING,
    [WORKER_RUNNING] = 1u << WORKER_SETTLING,
    [WORKER_SETTLING] = 1u << WORKER_FREE,
};

const char *worker_state_name(enum worker_state state)
{
    return state_names[state];
}

static bool has_process(enum worker_state state)
{
    return state == WORKER_LAUNCHING || state == WORKER_RUNNING;
}

void worker_change_state(struct worker_table *table, struct worker *worker, enum worker_state to)
{
    enum worker_state from = worker->state;
    assert(allowed_changes[from] & 1u << to);
    worker->state = to;
    if (from == WORKER_FREE)
        table->active++;
    if (to == WORKER_FREE)
        table->active--;
    if (has_process(to) && !has_process(from))
        table->live++;
    if (has_process(from) && !has_process(to))
        table->live--;
}

int worker_table_initialize(struct worker_table *table, uv_loop_t *loop, uint32_t size, void *owner,
                            struct error *error)
{
    *table = (struct worker_table){0};
    table->workers = calloc(size, sizeof(*table->workers));
    if (!table->workers)
        return error_set(error, ERROR_MEMORY, "out of memory for %u workers", size);
    table->size = size;
    for (uint32_t i = 0; i < size; i++) {
        struct worker *worker = &table->workers[i];
        worker->slot = i;
        worker->owner = owner;
        uv_timer_init(loop, &worker->deadline);
        worker->deadline.data = worker;
        worker->pipe.data = worker;
    }
    return 0;
}

void worker_table_free(struct worker_table *table)
{
    for (uint32_t i = 0; i < table->size; i++) {
        settlement_free(&table->workers[i].settlement);
        report_reader_free(&table->workers[i].reader);
    }
    free(table->workers);
    *table = (struct worker_table){0};
}

/* A slot is free when its last worker's pipe handle is closed as well. */
static bool is_free(const struct worker *worker)
{
    return worker->state == WORKER_FREE && !worker->pipe_open;
}

size_t worker_table_count_free(const struct worker_table *table)
{
    size_t count = 0;
    for (uint32_t i = 0; i < table->size; i++)
        if (is_free(&table->workers[i]))
            count++;
    return count;
}

struct worker *worker_table_take(struct worker_table *table, struct claim *claim,
                                 struct monotonic claimed)
{
    for (uint32_t i = 0; i < table->size; i++) {
        struct worker *worker = &table->workers[i];
        if (!is_free(worker))
            continue;
        worker->token = ++table->last_token;
        memcpy(worker->manifest_id, claim->manifest.id, sizeof(worker->manifest_id));
        memcpy(worker->task_id, claim->manifest.task, sizeof(worker->task_id));
        memcpy(worker->cluster, claim->manifest.cluster, sizeof(worker->cluster));
        worker->settlement.attempt = claim->manifest.attempt;
        worker->settlement.claim = claim_move(claim);
        worker->claimed = claimed;
        report_reader_initialize(&worker->reader);
        worker_change_state(table, worker, WORKER_PREPARING);
        return worker;
    }
    return NULL;
}

struct worker *worker_table_find(struct worker_table *table, uint64_t token)
{
    for (uint32_t i = 0; i < table->size; i++) {
        struct worker *worker = &table->workers[i];
        if (worker->token == token && has_process(worker->state))
            return worker;
    }
    return NULL;
}

void worker_table_release(struct worker_table *table, struct worker *worker)
{
    worker_change_state(table, worker, WORKER_FREE);
    settlement_free(&worker->settlement);
    report_reader_free(&worker->reader);
    worker->settlement = (struct settlement){0};
    worker->end = (struct worker_end){0};
    worker->task = NULL;
    worker->token = 0;
    worker->pid = 0;
    worker->writing = worker->progress_dirty = worker->orphaned = false;
    worker->drained = worker->reaped = worker->terminating = false;
}

struct worker_limits worker_limits_of(int64_t lease_left_milliseconds, int64_t timeout_milliseconds)
{
    /* What lies between alarm and end of the lease: time to be killed, reaped and written down.
     * Short leases (tests) keep a quarter, at least a second, for alarm(2) counts in seconds. */
    enum { MARGIN = 15000, MARGIN_LEAST = 1000 };
    int64_t margin = lease_left_milliseconds / 4;
    if (margin > MARGIN)
        margin = MARGIN;
    if (margin < MARGIN_LEAST)
        margin = MARGIN_LEAST;

    int64_t alarm = lease_left_milliseconds - margin;
    if (alarm > timeout_milliseconds)
        alarm = timeout_milliseconds;
    struct worker_limits limits = {
        .alarm_seconds = alarm < 1000 ? 1 : alarm / 1000,
        .grace_milliseconds = margin * 2 / 3,
    };
    limits.latest_milliseconds = lease_left_milliseconds - limits.grace_milliseconds;
    if (limits.alarm_seconds * 1000 > limits.latest_milliseconds)
        limits.alarm_seconds = 0;
    return limits;
}

static bool distrust(struct worker *worker, const char *why)
{
    worker->end.bad_report = why;
    return false;
}

/* True when every member that the patch touches is declared by the task, as a path of names joined
 * by dots. */
static bool patch_is_declared(json_t *patch, const char *const *paths, const char *prefix)
{
    const char *name;
    json_t *value;
    json_object_foreach(patch, name, value) {
        char path[256];
        int length = snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", name);
        if (length < 0 || (size_t)length >= sizeof(path))
            return false;
        bool declared = false;
        for (const char *const *allowed = paths; *allowed && !declared; allowed++)
            declared = strcmp(*allowed, path) == 0;
        if (!declared && !(json_is_object(value) && patch_is_declared(value, paths, path)))
            return false;
    }
    return true;
}

static bool take_patch(struct worker *worker, const struct report *report)
{
    if (!worker->task->patches || !patch_is_declared(report->patch, worker->task->patches, ""))
        return distrust(worker, "it asked for a change of the cluster document that its task does "
                                "not declare");
    if (!worker->settlement.cluster_patches)
        worker->settlement.cluster_patches = json_array();
    json_array_append(worker->settlement.cluster_patches, report->patch);
    return true;
}

static void take_step(struct worker *worker, const struct report *report)
{
    worker->settlement.step = report->step;
    worker->settlement.steps = report->steps;
    status_text_copy(worker->settlement.step_name, sizeof(worker->settlement.step_name),
                     report->text);
    worker->progress_dirty = true;
}

bool worker_take_report(struct worker *worker, const struct report *report)
{
    switch (report->type) {
    case REPORT_STEP:
        take_step(worker, report);
        break;
    case REPORT_STATUS:
        status_text_copy(worker->settlement.status_text, sizeof(worker->settlement.status_text),
                         report->text);
        worker->progress_dirty = true;
        break;
    case REPORT_LOG:
        log_write((enum log_level)report->level, "manifest %s: %s", worker->manifest_id,
                  report->text);
        break;
    case REPORT_PATCH_CLUSTER:
        return take_patch(worker, report);
    case REPORT_FORBIDDEN:
        status_text_copy(worker->forbidden_call, sizeof(worker->forbidden_call), report->text);
        worker->end.forbidden_call = worker->forbidden_call;
        break;
    case REPORT_RESULT:
        status_text_copy(worker->message, sizeof(worker->message), report->text);
        worker->end.has_result = true;
        worker->end.result = report->outcome;
        worker->end.message = worker->message;
        break;
    }
    return true;
}
