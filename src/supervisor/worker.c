/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - the worker table and what a worker's reports do to its entry. */
#include "supervisor/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/document.h"
#include "mimo/log.h"
#include "mimo/patch.h"

static const char *const state_names[WORKER_STATE_COUNT] = {
    [WORKER_FREE] = "free",           [WORKER_PREPARING] = "preparing",
    [WORKER_LAUNCHING] = "launching", [WORKER_RUNNING] = "running",
    [WORKER_SETTLING] = "settling",   [WORKER_CLOSING] = "closing",
};

/* allowed_changes[from] is the set of states that may follow. */
static const unsigned allowed_changes[WORKER_STATE_COUNT] = {
    [WORKER_FREE] = 1u << WORKER_PREPARING,
    [WORKER_PREPARING] = 1u << WORKER_LAUNCHING | 1u << WORKER_SETTLING,
    [WORKER_LAUNCHING] = 1u << WORKER_RUNNING | 1u << WORKER_SETTLING,
    [WORKER_RUNNING] = 1u << WORKER_SETTLING,
    [WORKER_SETTLING] = 1u << WORKER_FREE | 1u << WORKER_CLOSING,
    [WORKER_CLOSING] = 1u << WORKER_FREE,
};

const char *worker_state_name(enum worker_state state)
{
    return state_names[state];
}

bool worker_has_process(const struct worker *worker)
{
    return worker->state == WORKER_LAUNCHING || worker->state == WORKER_RUNNING;
}

static void append(struct worker_list *list, struct worker *worker)
{
    worker->next = NULL;
    worker->previous = list->last;
    if (list->last)
        list->last->next = worker;
    else
        list->first = worker;
    list->last = worker;
    list->count++;
}

static void take_out(struct worker_list *list, struct worker *worker)
{
    if (worker->previous)
        worker->previous->next = worker->next;
    else
        list->first = worker->next;
    if (worker->next)
        worker->next->previous = worker->previous;
    else
        list->last = worker->previous;
    list->count--;
}

void worker_change_state(struct worker_table *table, struct worker *worker, enum worker_state to)
{
    assert(allowed_changes[worker->state] & 1u << to);
    take_out(&table->lists[worker->state], worker);
    worker->state = to;
    append(&table->lists[to], worker);
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
        append(&table->lists[WORKER_FREE], worker);
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

struct worker *worker_table_first(const struct worker_table *table, enum worker_state state)
{
    return table->lists[state].first;
}

uint32_t worker_table_free_slots(const struct worker_table *table)
{
    return table->lists[WORKER_FREE].count;
}

uint32_t worker_table_live(const struct worker_table *table)
{
    return table->lists[WORKER_LAUNCHING].count + table->lists[WORKER_RUNNING].count;
}

uint32_t worker_table_active(const struct worker_table *table)
{
    return table->lists[WORKER_PREPARING].count + worker_table_live(table) +
           table->lists[WORKER_SETTLING].count;
}

/* Everything behind `token` belongs to one attempt. */
static void reset(struct worker *worker)
{
    const size_t kept = offsetof(struct worker, token);
    memset((char *)worker + kept, 0, sizeof(*worker) - kept);
}

struct worker *worker_table_take(struct worker_table *table, struct claim *claim,
                                 struct monotonic claimed)
{
    struct worker *worker = worker_table_first(table, WORKER_FREE);
    if (!worker)
        return NULL;
    reset(worker);
    worker->token = ++table->last_token;
    memcpy(worker->manifest_id, claim->manifest.id, sizeof(worker->manifest_id));
    memcpy(worker->task_id, claim->manifest.task, sizeof(worker->task_id));
    memcpy(worker->cluster, claim->manifest.cluster, sizeof(worker->cluster));
    settlement_begin(&worker->settlement, claim);
    worker->claimed = claimed;
    report_reader_initialize(&worker->reader);
    worker_change_state(table, worker, WORKER_PREPARING);
    return worker;
}

struct worker *worker_table_find(struct worker_table *table, uint64_t token)
{
    static const enum worker_state states[] = {WORKER_LAUNCHING, WORKER_RUNNING};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        for (struct worker *worker = worker_table_first(table, states[i]); worker;
             worker = worker->next)
            if (worker->token == token)
                return worker;
    return NULL;
}

void worker_table_release(struct worker_table *table, struct worker *worker)
{
    bool closed = worker->pipe_state == WORKER_PIPE_NONE;
    settlement_free(&worker->settlement);
    report_reader_free(&worker->reader);
    reset(worker);
    worker_change_state(table, worker, closed ? WORKER_FREE : WORKER_CLOSING);
}

void worker_table_pipe_closed(struct worker_table *table, struct worker *worker)
{
    worker->pipe_state = WORKER_PIPE_NONE;
    if (worker->state == WORKER_CLOSING)
        worker_change_state(table, worker, WORKER_FREE);
}

struct worker_limits worker_limits_of(int64_t lease_left_milliseconds, int64_t timeout_milliseconds)
{
    /* The margin between alarm and end of the lease: time to kill and reap the worker and to write
     * its result. Short leases (tests) keep a quarter; at least a second, because alarm(2) counts
     * in seconds. */
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

/* Nothing is taken from a worker after that, so its message is free. */
static bool distrust_patch(struct worker *worker, const struct error *error)
{
    char why[ERROR_MESSAGE_SIZE + 128];
    snprintf(why, sizeof(why),
             "it asked for a change of the cluster document that its task does not declare: %s",
             error->message);
    status_text_copy(worker->message, sizeof(worker->message), why);
    worker->end.bad_patch = true;
    return distrust(worker, worker->message);
}

static bool take_patch(struct worker *worker, const struct report *report)
{
    static const char *const nothing[] = {NULL};
    const char *const *declared = worker->task->patches ? worker->task->patches : nothing;
    struct error error;
    if (patch_check(report->patch, NULL, declared, &error) < 0)
        return distrust_patch(worker, &error);
    if (!worker->settlement.cluster_patches)
        worker->settlement.cluster_patches = json_object_new_array();
    worker->settlement.patchable = worker->task->patches;
    if (document_append(worker->settlement.cluster_patches, json_object_get(report->patch)) < 0)
        return distrust(worker, "there is no memory for its change of the cluster document");
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
        worker->end.retry_after = report->retry_after;
        break;
    }
    return true;
}
