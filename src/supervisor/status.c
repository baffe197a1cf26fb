/* SPDX-License-Identifier: Apache-2.0 */
/* How things are: readiness, answers on the control socket, the worker table in the log. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "mimo/confinement.h"
#include "mimo/document.h"
#include "mimo/log.h"
#include "mimo/process.h"
#include "supervisor/supervisor.h"

/* Buckets count as fresh for this long, the store for three polls. */
enum { STATUS_BUCKETS_FRESH = 60 * 1000, STATUS_POLLS_FRESH = 3 };

/* The conditions of the heartbeat: one row each. */
static bool has_waited(const struct supervisor *supervisor)
{
    return clock_elapsed(supervisor->started) >= supervisor->config->actuator_readiness_delay;
}

static bool has_buckets(const struct supervisor *supervisor)
{
    int64_t fresh = STATUS_BUCKETS_FRESH;
    if (supervisor->config->actuator_membership_ttl > fresh)
        fresh = supervisor->config->actuator_membership_ttl;
    return supervisor->poller.recovered && clock_elapsed(supervisor->poller.last_refresh) <= fresh;
}

static bool has_polled(const struct supervisor *supervisor)
{
    int64_t fresh = STATUS_POLLS_FRESH * supervisor->config->actuator_poll_interval;
    return supervisor->poller.recovered && supervisor->store_answers &&
           clock_elapsed(supervisor->poller.last_answer) <= fresh;
}

static bool has_clusters(const struct supervisor *supervisor)
{
    return probe_is_satisfied(&supervisor->probe);
}

static bool is_running(const struct supervisor *supervisor)
{
    return supervisor->phase == SUPERVISOR_RUNNING && supervisor->poller.hold == POLLER_WORKING;
}

static const struct condition {
    bool (*holds)(const struct supervisor *supervisor);
    const char *otherwise;
} conditions[] = {
    {is_running, "it is starting, paused, draining or drained"},
    {has_waited, "it has not run for readiness_delay yet"},
    {has_buckets, "its buckets were not refreshed lately"},
    {has_polled, "the store did not answer the latest polls"},
    {has_clusters, "no cluster of its buckets answered within 5 minutes"},
};
enum { CONDITION_COUNT = sizeof(conditions) / sizeof(conditions[0]) };

bool status_is_ready(struct supervisor *supervisor)
{
    for (int i = 0; i < CONDITION_COUNT; i++)
        if (!conditions[i].holds(supervisor))
            return false;
    return true;
}

static json_t *missing_conditions(struct supervisor *supervisor)
{
    json_t *missing = json_array();
    for (int i = 0; i < CONDITION_COUNT; i++)
        if (!conditions[i].holds(supervisor))
            json_array_append_new(missing, json_string(conditions[i].otherwise));
    return missing;
}

/* What an operator asked for, and how far it has come. */
static const char *mode_name(const struct supervisor *supervisor)
{
    if (supervisor->phase != SUPERVISOR_RUNNING)
        return supervisor->phase == SUPERVISOR_STARTING ? "starting" : "stopping";
    switch (supervisor->poller.hold) {
    case POLLER_PAUSED:
        return "paused";
    case POLLER_DRAINED:
        return supervisor->table.active > 0 ? "draining" : "drained";
    case POLLER_WORKING:
        break;
    }
    return "working";
}

static json_t *actuator_view(struct supervisor *supervisor)
{
    const struct membership *membership = &supervisor->poller.membership;
    return json_pack(
        "{s:s, s:i, s:s, s:s, s:i, s:I, s:b, s:o, s:b, s:s, s:[i,i], s:i, s:i, s:i, s:b, s:i}",
        "id", membership->id, "index", membership->index, "hostname", membership->hostname,
        "version", PACKAGE_VERSION, "pid", (int)getpid(), "startedAt",
        (json_int_t)membership->started_at, "ready", status_is_ready(supervisor), "notReady",
        missing_conditions(supervisor), "draining", supervisor->phase == SUPERVISOR_DRAINING,
        "mode", mode_name(supervisor), "buckets", membership->buckets.first,
        membership->buckets.last, "liveActuators", membership->live, "maxWorkers",
        (int)supervisor->table.size, "workersActive", (int)supervisor->table.live, "storeReachable",
        supervisor->store_answers, "landlockAbi", (int)supervisor->launcher.landlock_abi);
}

static json_t *worker_view(const struct worker *worker)
{
    return json_pack("{s:I, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:I, s:I}",
                     "pid", (json_int_t)worker->pid, "slot", (int)worker->slot, "state",
                     worker_state_name(worker->state), "manifestID", worker->manifest_id, "taskID",
                     worker->task_id, "task", worker->task ? worker->task->name : "",
                     "clusterResourceID", worker->cluster, "attempt", worker->settlement.attempt,
                     "step", worker->settlement.step, "steps", worker->settlement.steps, "stepName",
                     worker->settlement.step_name, "statusText", worker->settlement.status_text,
                     "runMilliseconds", (json_int_t)clock_elapsed(worker->started), "rssKiB",
                     (json_int_t)(worker->pid ? process_resident_kib(worker->pid) : 0));
}

static json_t *workers_view(struct supervisor *supervisor)
{
    json_t *workers = json_array();
    for (uint32_t i = 0; i < supervisor->table.size; i++)
        if (supervisor->table.workers[i].state != WORKER_FREE)
            json_array_append_new(workers, worker_view(&supervisor->table.workers[i]));
    return workers;
}

static json_t *answer_status(struct supervisor *supervisor)
{
    return json_pack("{s:b, s:o}", "ok", 1, "actuator", actuator_view(supervisor));
}

static json_t *answer_ps(struct supervisor *supervisor)
{
    return json_pack("{s:b, s:o, s:o}", "ok", 1, "actuator", actuator_view(supervisor), "workers",
                     workers_view(supervisor));
}

/* Its powers are for whoever asks to read from /proc; what /proc does not tell is told here. */
static json_t *process_view(const char *role, int64_t pid, int landlock_abi)
{
    return json_pack("{s:s, s:I, s:i}", "role", role, "pid", (json_int_t)pid, "landlockAbi",
                     landlock_abi);
}

static json_t *worker_process_view(const struct supervisor *supervisor, const struct worker *worker)
{
    json_t *view = process_view("worker", worker->pid, (int)supervisor->launcher.landlock_abi);
    document_set_string(view, "manifestID", worker->manifest_id);
    document_set_string(view, "task", worker->task ? worker->task->name : "");
    document_set_string(view, "clusterResourceID", worker->cluster);
    return view;
}

static json_t *answer_security(struct supervisor *supervisor)
{
    const struct family *family = supervisor->family;
    const struct worker_table *table = &supervisor->table;
    json_t *processes = json_array();
    json_array_append_new(processes, process_view("supervisor", getpid(), confinement_abi()));
    json_array_append_new(processes, process_view("launcher", family->launcher,
                                                  (int)supervisor->launcher.landlock_abi));
    json_array_append_new(processes,
                          process_view("metrics helper", family->metrics, confinement_abi()));
    for (uint32_t i = 0; i < table->size; i++)
        if (table->workers[i].state == WORKER_RUNNING)
            json_array_append_new(processes, worker_process_view(supervisor, &table->workers[i]));
    return json_pack("{s:b, s:o, s:o}", "ok", 1, "actuator", actuator_view(supervisor), "processes",
                     processes);
}

static json_t *answer_pause(struct supervisor *supervisor)
{
    supervisor_hold(supervisor, POLLER_PAUSED);
    return answer_status(supervisor);
}

static json_t *answer_drain(struct supervisor *supervisor)
{
    supervisor_hold(supervisor, POLLER_DRAINED);
    return answer_status(supervisor);
}

static json_t *answer_resume(struct supervisor *supervisor)
{
    supervisor_hold(supervisor, POLLER_WORKING);
    return answer_status(supervisor);
}

static const struct command {
    const char *name;
    json_t *(*answer)(struct supervisor *supervisor);
} commands[] = {
    {"status", answer_status}, {"ps", answer_ps},       {"security", answer_security},
    {"pause", answer_pause},   {"drain", answer_drain}, {"resume", answer_resume},
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static json_t *answer_unknown(const char *name)
{
    char known[256] = "";
    for (int i = 0; i < COMMAND_COUNT; i++) {
        size_t length = strlen(known);
        snprintf(known + length, sizeof(known) - length, "%s%s", i ? ", " : "", commands[i].name);
    }
    struct error error;
    error_set(&error, ERROR_INVALID, "unknown command \"%.100s\"; known: %s", name, known);
    return sockets_refusal(&error);
}

json_t *status_answer(struct supervisor *supervisor, json_t *request)
{
    const char *name = document_string(request, "command", "");
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].answer(supervisor);
    return answer_unknown(name);
}

void status_log_workers(struct supervisor *supervisor)
{
    struct worker_table *table = &supervisor->table;
    log_notice("%u of %u worker slots in use, %u workers live", table->active, table->size,
               table->live);
    for (uint32_t i = 0; i < table->size; i++) {
        const struct worker *worker = &table->workers[i];
        if (worker->state == WORKER_FREE)
            continue;
        log_notice("slot %u: %s, pid %" PRId64
                   ", manifest %s, attempt %d, %s on %s, step %d/%d %s, "
                   "%" PRId64 " ms",
                   worker->slot, worker_state_name(worker->state), worker->pid, worker->manifest_id,
                   worker->settlement.attempt, worker->task ? worker->task->name : worker->task_id,
                   worker->cluster, worker->settlement.step, worker->settlement.steps,
                   worker->settlement.step_name, clock_elapsed(worker->started));
    }
}
