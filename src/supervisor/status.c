/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - readiness, answers on the control socket, and the worker table in the log. */
#include "supervisor/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mimo/document.h"
#include "mimo/log.h"
#include "mimo/process.h"

static const char *const mode_names[] = {
    [STATUS_STARTING] = "starting", [STATUS_WORKING] = "working", [STATUS_PAUSED] = "paused",
    [STATUS_DRAINING] = "draining", [STATUS_DRAINED] = "drained", [STATUS_STOPPING] = "stopping",
};

static const char *status_mode_name(enum status_mode mode)
{
    return mode_names[mode];
}

/* The conditions of readiness: one row each. */
static bool is_working(const struct status_snapshot *snapshot)
{
    return snapshot->mode == STATUS_WORKING;
}

static bool has_waited(const struct status_snapshot *snapshot)
{
    return snapshot->uptime >= snapshot->readiness_delay;
}

static bool store_works(const struct status_snapshot *snapshot)
{
    return !snapshot->store_trouble;
}

static bool has_written(const struct status_snapshot *snapshot)
{
    return snapshot->recovered && snapshot->refresh_age <= snapshot->refresh_fresh;
}

static bool has_polled(const struct status_snapshot *snapshot)
{
    return snapshot->recovered && snapshot->answer_age <= snapshot->answer_fresh;
}

static bool has_clusters(const struct status_snapshot *snapshot)
{
    return snapshot->clusters_answer;
}

static const struct condition {
    bool (*holds)(const struct status_snapshot *snapshot);
    const char *otherwise;
} conditions[] = {
    {is_working, ""}, /* the name of the mode */
    {has_waited, "it has not run for readiness_delay yet"},
    {store_works, "the store does not work"},
    {has_written, "its membership record is outdated, so another actuator may own its buckets"},
    {has_polled, "the store did not answer the latest polls"},
    {has_clusters, "no cluster of its buckets answered within 5 minutes"},
};
enum { CONDITION_COUNT = sizeof(conditions) / sizeof(conditions[0]) };

bool status_is_ready(const struct status_snapshot *snapshot)
{
    for (int i = 0; i < CONDITION_COUNT; i++)
        if (!conditions[i].holds(snapshot))
            return false;
    return true;
}

static void explain(const struct condition *condition, const struct status_snapshot *snapshot,
                    char *buffer, size_t size)
{
    bool is_store = condition->holds == store_works;
    if (condition->holds == is_working) {
        snprintf(buffer, size, "%s", status_mode_name(snapshot->mode));
        return;
    }
    snprintf(buffer, size, "%s%s%s", condition->otherwise, is_store ? ": " : "",
             is_store ? snapshot->store_trouble : "");
}

void status_explain(const struct status_snapshot *snapshot, char *buffer, size_t size)
{
    buffer[0] = '\0';
    for (int i = 0; i < CONDITION_COUNT && buffer[0] == '\0'; i++)
        if (!conditions[i].holds(snapshot))
            explain(&conditions[i], snapshot, buffer, size);
}

static struct json_object *missing_conditions(const struct status_snapshot *snapshot)
{
    struct json_object *missing = json_object_new_array();
    char text[ERROR_MESSAGE_SIZE + 64];
    for (int i = 0; i < CONDITION_COUNT; i++) {
        if (conditions[i].holds(snapshot))
            continue;
        explain(&conditions[i], snapshot, text, sizeof(text));
        document_append(missing, document_new_string(text));
    }
    return missing;
}

static struct json_object *actuator_view(const struct status_snapshot *snapshot)
{
    const struct membership *membership = snapshot->membership;
    return document_pack(
        "{s:s, s:i, s:s, s:s, s:i, s:I, s:b, s:o, s:b, s:s, s:[i,i], s:i, s:i, s:i, s:b, s:s*, "
        "s:i}",
        "id", membership->start.id, "index", membership->index, "hostname", membership->hostname,
        "version", PACKAGE_VERSION, "pid", (int)getpid(), "startedAt",
        (int64_t)membership->started_at, "ready", status_is_ready(snapshot), "notReady",
        missing_conditions(snapshot), "draining", snapshot->mode == STATUS_STOPPING, "mode",
        status_mode_name(snapshot->mode), "buckets", membership->buckets.first,
        membership->buckets.last, "liveActuators", membership->live, "maxWorkers",
        (int)snapshot->table->size, "workersActive", (int)worker_table_live(snapshot->table),
        "storeReachable", !snapshot->store_trouble, "storeTrouble", snapshot->store_trouble,
        "landlockAbi", snapshot->landlock_abi);
}

static const char *task_name(const struct worker *worker, const char *otherwise)
{
    return worker->task ? worker->task->name : otherwise;
}

static struct json_object *worker_view(const struct worker *worker)
{
    return document_pack(
        "{s:I, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:I, s:I}", "pid",
        (int64_t)worker->pid, "slot", (int)worker->slot, "state", worker_state_name(worker->state),
        "manifestID", worker->manifest_id, "taskID", worker->task_id, "task", task_name(worker, ""),
        "clusterResourceID", worker->cluster, "attempt", worker->settlement.attempt, "step",
        worker->settlement.step, "steps", worker->settlement.steps, "stepName",
        worker->settlement.step_name, "statusText", worker->settlement.status_text,
        "runMilliseconds", (int64_t)clock_elapsed(worker->started), "rssKiB",
        (int64_t)(worker->pid ? process_resident_kib(worker->pid) : 0));
}

/* True for a slot whose attempt is not over. */
static bool is_shown(const struct worker *worker)
{
    return worker->state != WORKER_FREE && worker->state != WORKER_CLOSING;
}

static struct json_object *workers_view(const struct worker_table *table)
{
    struct json_object *workers = json_object_new_array();
    for (uint32_t i = 0; i < table->size; i++)
        if (is_shown(&table->workers[i]))
            document_append(workers, worker_view(&table->workers[i]));
    return workers;
}

struct json_object *status_answer(const struct status_snapshot *snapshot)
{
    return document_pack("{s:b, s:o}", "ok", 1, "actuator", actuator_view(snapshot));
}

struct json_object *status_answer_ps(const struct status_snapshot *snapshot)
{
    return document_pack("{s:b, s:o, s:o}", "ok", 1, "actuator", actuator_view(snapshot), "workers",
                         workers_view(snapshot->table));
}

/* Only what /proc does not tell: the caller reads the rest there. */
static struct json_object *process_view(const char *role, int64_t pid, int landlock_abi)
{
    return document_pack("{s:s, s:I, s:i}", "role", role, "pid", (int64_t)pid, "landlockAbi",
                         landlock_abi);
}

static struct json_object *worker_process_view(const struct status_snapshot *snapshot,
                                               const struct worker *worker)
{
    struct json_object *view = process_view("worker", worker->pid, snapshot->landlock_abi);
    document_set_string(view, "manifestID", worker->manifest_id);
    document_set_string(view, "task", task_name(worker, ""));
    document_set_string(view, "clusterResourceID", worker->cluster);
    return view;
}

/* How the programs of an attempt are kept together. */
static const char *const program_words[] = {
    [LAUNCHER_PROGRAMS_NONE] = "none",
    [LAUNCHER_PROGRAMS_IN_NAMESPACE] = "pidNamespace",
    [LAUNCHER_PROGRAMS_IN_GROUP] = "processGroup",
};

static struct json_object *launcher_process_view(const struct status_snapshot *snapshot,
                                                 const struct status_process *process)
{
    struct json_object *view = process_view(process->role, process->pid, process->landlock_abi);
    const struct launcher_ready *launcher = snapshot->launcher;
    document_set(view, "withoutNamespaces",
                 json_object_new_boolean(launcher->programs == LAUNCHER_PROGRAMS_IN_GROUP));
    document_set(view, "attempts",
                 document_pack("{s:s, s:b, s:b, s:b}", "programs",
                               program_words[launcher->programs], "cgroup",
                               (int)(launcher->cgroup & LAUNCHER_CGROUP_USED), "memoryLimit",
                               launcher->cgroup & LAUNCHER_CGROUP_MEMORY ? 1 : 0, "processLimit",
                               launcher->cgroup & LAUNCHER_CGROUP_PROCESSES ? 1 : 0));
    return view;
}

struct json_object *status_answer_security(const struct status_snapshot *snapshot)
{
    struct json_object *processes = json_object_new_array();
    for (int i = 0; i < STATUS_PROCESSES; i++) {
        const struct status_process *process = &snapshot->processes[i];
        if (process->pid > 0 && strcmp(process->role, "launcher") == 0)
            document_append(processes, launcher_process_view(snapshot, process));
        else if (process->pid > 0)
            document_append(processes,
                            process_view(process->role, process->pid, process->landlock_abi));
    }
    const struct worker_table *table = snapshot->table;
    for (uint32_t i = 0; i < table->size; i++)
        if (table->workers[i].state == WORKER_RUNNING)
            document_append(processes, worker_process_view(snapshot, &table->workers[i]));
    return document_pack("{s:b, s:o, s:o}", "ok", 1, "actuator", actuator_view(snapshot),
                         "processes", processes);
}

void status_log_workers(const struct worker_table *table)
{
    log_notice("%u of %u worker slots in use, %u workers live", worker_table_active(table),
               table->size, worker_table_live(table));
    for (uint32_t i = 0; i < table->size; i++) {
        const struct worker *worker = &table->workers[i];
        if (!is_shown(worker))
            continue;
        log_notice("slot %u: %s, pid %" PRId64
                   ", manifest %s, attempt %d, %s on %s, step %d/%d %s, "
                   "%" PRId64 " ms",
                   worker->slot, worker_state_name(worker->state), worker->pid, worker->manifest_id,
                   worker->settlement.attempt, task_name(worker, worker->task_id), worker->cluster,
                   worker->settlement.step, worker->settlement.steps, worker->settlement.step_name,
                   clock_elapsed(worker->started));
    }
}
