/* SPDX-License-Identifier: Apache-2.0 */
/* attempts.c - the life of an attempt: from a claim to its result in the writer's hands. */
#include "supervisor/attempts.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/log.h"
#include "supervisor/denial.h"
#include "supervisor/launch_order.h"
#include "supervisor/lookup.h"

enum {
    ATTEMPT_PIPE_GRACE = 5000,      /* from the end of a worker until its open pipe is closed */
    ATTEMPT_STOP_GRACE = 10 * 1000, /* from SIGTERM to SIGKILL when an operator stops it */
    ATTEMPT_KILL_GRACE = 5000, /* from SIGKILL until the launcher counts as hanging, at the most */
};

static void on_deadline(uv_timer_t *timer);

static const char *task_name(const struct worker *worker)
{
    return worker->task ? worker->task->name : worker->task_id;
}

static void show_worker_count(struct attempts *attempts)
{
    feed_set(attempts->parts.feed, METRIC_WORKERS_ACTIVE, worker_table_live(&attempts->table));
    feed_send(attempts->parts.feed, 1u << METRIC_WORKERS_ACTIVE);
}

/* Hands the outcome to the writer. */
static void settle(struct attempts *attempts, struct worker *worker)
{
    bool had_process = worker_has_process(worker);
    uv_timer_stop(&worker->deadline);
    worker->settlement.final = true;
    if (getrandom(&worker->settlement.random, sizeof(worker->settlement.random), 0) < 0)
        worker->settlement.random = (uint32_t)worker->token;
    worker_change_state(&attempts->table, worker, WORKER_SETTLING);
    if (had_process)
        show_worker_count(attempts);
    writer_wake(&attempts->writer);
}

static void settle_as(struct attempts *attempts, struct worker *worker, enum outcome_kind kind,
                      const char *detail)
{
    outcome_of_kind(kind, detail, &worker->settlement.outcome);
    settle(attempts, worker);
}

/* An outcome that is decided here, in the words that a step would use. */
static void settle_as_step(struct attempts *attempts, struct worker *worker, enum outcome_kind kind,
                           const char *message)
{
    struct worker_end end = {.has_result = true, .result = kind, .message = message};
    outcome_of_worker(&end, &worker->settlement.outcome);
    settle(attempts, worker);
}

/* Logs what the worker tried and must not do, if that is how it ended. */
static void note_denial(struct attempts *attempts, const struct worker *worker)
{
    char what[WORKER_MESSAGE_SIZE];
    if (!denial_describe(worker, what, sizeof(what)))
        return;
    log_warning("sandbox: manifest %s, cluster %s, task %s, attempt %d, worker %lld: %s",
                worker->manifest_id, worker->cluster, task_name(worker), worker->settlement.attempt,
                (long long)worker->pid, what);
    feed_add(attempts->parts.feed, METRIC_WORKERS_DENIED);
}

/* An attempt is over when its pipe is at its end and its exit status is known, in either order. */
static void conclude_if_over(struct attempts *attempts, struct worker *worker)
{
    if (worker->pipe_state == WORKER_PIPE_OPEN || !worker->reaped)
        return;
    if (!worker->end.bad_report && !report_reader_finish(&worker->reader))
        worker->end.bad_report = worker->reader.problem.message;
    worker->end.timeout_milliseconds = worker->alarm_milliseconds;
    outcome_of_worker(&worker->end, &worker->settlement.outcome);
    note_denial(attempts, worker);
    settle(attempts, worker);
}

static void on_pipe_closed(uv_handle_t *handle)
{
    struct worker *worker = handle->data;
    struct attempts *attempts = worker->owner;
    worker_table_pipe_closed(&attempts->table, worker);
    attempts->handlers->released(attempts->context);
}

static void close_pipe(struct worker *worker)
{
    if (worker->pipe_state != WORKER_PIPE_OPEN)
        return;
    worker->pipe_state = WORKER_PIPE_CLOSING;
    uv_close((uv_handle_t *)&worker->pipe, on_pipe_closed);
}

/* Ends a worker for `reason`, if it has a process. The first reason is kept. */
static void end_worker(struct attempts *attempts, struct worker *worker, enum worker_stop reason,
                       int signal)
{
    struct error error;
    if (!worker_has_process(worker))
        return;
    if (worker->end.stop == WORKER_STOP_NONE)
        worker->end.stop = reason;
    if (!worker->reaped && launcher_link_signal(&attempts->link, worker->token, signal, &error) < 0)
        log_error("manifest %s: %s", worker->manifest_id, error.message);
}

static void on_report(const struct report *report, void *context)
{
    struct worker *worker = context;
    if (!worker->end.bad_report)
        worker_take_report(worker, report);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct worker *worker = handle->data;
    struct attempts *attempts = worker->owner;
    *buffer = uv_buf_init(attempts->read_buffer, sizeof(attempts->read_buffer));
}

static void on_pipe_data(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct worker *worker = stream->data;
    struct attempts *attempts = worker->owner;
    if (length < 0) {
        close_pipe(worker);
        conclude_if_over(attempts, worker);
        return;
    }
    bool trusted_before = !worker->end.bad_report;
    if (!report_reader_feed(&worker->reader, buffer->base, (size_t)length, on_report, worker) &&
        !worker->end.bad_report)
        worker->end.bad_report = worker->reader.problem.message;
    if (worker->end.bad_report && trusted_before) {
        log_info("manifest %s: worker %lld is killed: %s", worker->manifest_id,
                 (long long)worker->pid, worker->end.bad_report);
        end_worker(attempts, worker, WORKER_STOP_DISTRUST, SIGKILL);
    }
    if (worker->progress_dirty)
        writer_wake(&attempts->writer);
}

/* Opens the result pipe: the loop reads one end, *ret_write is the worker's. */
static int open_pipe(struct attempts *attempts, struct worker *worker, int *ret_write,
                     struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set_system(error, errno, "cannot create a result pipe");
    cleanup_fd int read_end = ends[0];
    cleanup_fd int write_end = ends[1];
    int status = uv_pipe_init(attempts->parts.loop, &worker->pipe, 0);
    if (status == 0) {
        worker->pipe_state = WORKER_PIPE_OPEN;
        status = uv_pipe_open(&worker->pipe, read_end);
    }
    if (status == 0) {
        take_fd(&read_end);
        status = uv_read_start((uv_stream_t *)&worker->pipe, on_allocate, on_pipe_data);
    }
    if (status < 0)
        return error_set(error, ERROR_SYSTEM, "cannot read a result pipe: %s", uv_strerror(status));
    *ret_write = take_fd(&write_end);
    return 0;
}

static int launch(struct attempts *attempts, struct worker *worker,
                  const struct lookup_result *servers, struct error *error)
{
    const struct attempts_parts *parts = &attempts->parts;
    struct launcher_launch order;
    struct worker_limits limits;
    int64_t lease_left = worker->lease_milliseconds - clock_elapsed(worker->claimed);
    cleanup_fd int job = launch_order_make(parts->config, worker, parts->rules->actuator,
                                           lease_left, servers, &order, &limits, error);
    cleanup_fd int report = -1;
    if (job < 0 || open_pipe(attempts, worker, &report, error) < 0 ||
        launcher_link_launch(&attempts->link, &order, take_fd(&job), take_fd(&report), error) < 0)
        return -1;
    worker->alarm_milliseconds = limits.alarm_seconds * 1000;
    uv_timer_start(&worker->deadline, on_deadline,
                   (uint64_t)(worker->alarm_milliseconds + limits.grace_milliseconds), 0);
    worker_change_state(&attempts->table, worker, WORKER_LAUNCHING);
    return 0;
}

static void launch_or_settle(struct attempts *attempts, struct worker *worker,
                             const struct lookup_result *servers)
{
    struct error error;
    if (attempts->draining) {
        settle_as(attempts, worker, OUTCOME_DRAINED, NULL);
    } else if (launch(attempts, worker, servers, &error) < 0) {
        log_error("manifest %s: no worker could be started: %s", worker->manifest_id,
                  error.message);
        close_pipe(worker);
        settle_as(attempts, worker, OUTCOME_NOT_STARTED, error.message);
    }
}

static void settle_without_servers(struct attempts *attempts, struct worker *worker,
                                   const struct error *error)
{
    settle_as_step(attempts, worker,
                   error_may_pass(error->kind) ? OUTCOME_TRANSIENT : OUTCOME_TERMINAL,
                   error->message);
}

static void on_looked_up(void *context, const struct lookup_result *servers,
                         const struct error *error)
{
    struct worker *worker = context;
    if (servers)
        launch_or_settle(worker->owner, worker, servers);
    else
        settle_without_servers(worker->owner, worker, error);
}

/* The Admin API knows the task, or knew it when the manifest was created. */
static void settle_unregistered(struct attempts *attempts, struct worker *worker)
{
    char detail[512];
    snprintf(detail, sizeof(detail),
             "actuator %d has no task %s; if it is a task of your own, put its file into "
             "tasks.directory of every actuator and restart mimod",
             (int)attempts->parts.config->actuator_index, worker->task_id);
    settle_as(attempts, worker, OUTCOME_UNREGISTERED, detail);
}

void attempts_begin(struct attempts *attempts, struct claim *claim, struct monotonic claimed,
                    int64_t lease_milliseconds)
{
    const struct attempts_parts *parts = &attempts->parts;
    struct worker *worker = worker_table_take(&attempts->table, claim, claimed);
    assert(worker); /* a round claims no more than there are free slots */
    worker->task = task_list_find(parts->tasks, worker->task_id);
    worker->lease_milliseconds = lease_milliseconds;
    worker->started = clock_monotonic();
    feed_add(parts->feed, METRIC_ATTEMPTS_STARTED);
    if (!worker->task) {
        settle_unregistered(attempts, worker);
        return;
    }
    uint16_t port = 0;
    struct error error;
    cleanup_json struct json_object *urls = launch_order_servers(parts->config, worker, &port);
    if (!urls)
        settle_as(attempts, worker, OUTCOME_NOT_STARTED, "out of memory");
    else if (document_length(urls) == 0)
        launch_or_settle(attempts, worker, &(struct lookup_result){0});
    else if (lookup_start(parts->loop, urls, port, on_looked_up, worker, &error) < 0)
        settle_without_servers(attempts, worker, &error);
}

void attempts_stop(struct attempts *attempts, uint64_t token, const char *reason)
{
    struct worker *worker = worker_table_find(&attempts->table, token);
    if (!worker)
        return;
    log_notice("manifest %s: worker %lld is stopped, %s", worker->manifest_id,
               (long long)worker->pid, reason);
    worker->orphaned = true;
    end_worker(attempts, worker, WORKER_STOP_OPERATOR, SIGTERM);
    if (!worker->reaped)
        uv_timer_start(&worker->deadline, on_deadline, ATTEMPT_STOP_GRACE, 0);
}

void attempts_drain(struct attempts *attempts, int signal)
{
    attempts->draining = true;
    for (uint32_t i = 0; i < attempts->table.size; i++)
        end_worker(attempts, &attempts->table.workers[i], WORKER_STOP_DRAIN, signal);
}

size_t attempts_watch(const struct attempts *attempts, struct stop_watch *watches)
{
    size_t count = 0;
    for (const struct worker *worker = worker_table_first(&attempts->table, WORKER_RUNNING); worker;
         worker = worker->next) {
        if (worker->end.stop != WORKER_STOP_NONE)
            continue;
        watches[count].token = worker->token;
        memcpy(watches[count].manifest_id, worker->manifest_id, UUID_SIZE);
        memcpy(watches[count].cluster, worker->cluster, RESOURCE_ID_SIZE);
        memcpy(watches[count].claim_token, worker->settlement.token, UUID_SIZE);
        count++;
    }
    return count;
}

/* What the deadline of a worker was for, in the log. */
static const char *deadline_name(enum worker_stop stop)
{
    return stop == WORKER_STOP_NONE ? "alarm" : "SIGTERM";
}

/* When the launcher has to have reported the end of a worker that is killed now: before the lease is
 * over, so that something can still be done about it. */
static void await_end(struct worker *worker)
{
    int64_t left = (worker->lease_milliseconds - clock_elapsed(worker->claimed)) / 2;
    int64_t grace = left < ATTEMPT_KILL_GRACE ? left : ATTEMPT_KILL_GRACE;
    worker->killed = true;
    uv_timer_start(&worker->deadline, on_deadline, grace > 0 ? (uint64_t)grace : 0, 0);
}

/* The worker outlived its alarm or SIGTERM, then SIGKILL; or, once it is reaped, its pipe stayed
 * open. */
static void on_deadline(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    struct attempts *attempts = worker->owner;
    if (worker->reaped) {
        log_warning("manifest %s: the result pipe of worker %lld is still open after its end and "
                    "is closed",
                    worker->manifest_id, (long long)worker->pid);
        close_pipe(worker);
        conclude_if_over(attempts, worker);
        return;
    }
    if (worker->killed) {
        log_warning("manifest %s: the launcher does not report the end of worker %lld, which was "
                    "killed",
                    worker->manifest_id, (long long)worker->pid);
        attempts->handlers->launcher_hangs(attempts->context);
        return;
    }
    log_info("manifest %s: worker %lld outlived its %s and is killed", worker->manifest_id,
             (long long)worker->pid, deadline_name(worker->end.stop));
    end_worker(attempts, worker, WORKER_STOP_TIMEOUT, SIGKILL);
    await_end(worker);
}

static void on_launcher_ready(void *context, const struct launcher_ready *ready)
{
    struct attempts *attempts = context;
    attempts->launcher = *ready;
    log_info("launcher is ready: Landlock level %u, workers run as %s", ready->landlock_abi,
             ready->privileged ? "users of their own" : "this user");
    attempts->handlers->ready(attempts->context);
}

static void on_worker_started(void *context, const struct launcher_started *started)
{
    struct attempts *attempts = context;
    struct worker *worker = worker_table_find(&attempts->table, started->token);
    if (!worker || worker->state != WORKER_LAUNCHING)
        return;
    worker->pid = started->pid;
    worker->started = clock_monotonic();
    worker_change_state(&attempts->table, worker, WORKER_RUNNING);
    log_info("manifest %s: attempt %d of %s on %s runs as worker %lld", worker->manifest_id,
             worker->settlement.attempt, task_name(worker), worker->cluster,
             (long long)worker->pid);
    show_worker_count(attempts);
    writer_wake(&attempts->writer); /* reports may have come before the pid */
}

static void on_worker_ended(void *context, const struct launcher_ended *ended)
{
    struct attempts *attempts = context;
    struct worker *worker = worker_table_find(&attempts->table, ended->token);
    if (!worker)
        return;
    worker->reaped = true;
    worker->end.wait_status = ended->wait_status;
    worker->end.memory_was_full = ended->reached & LAUNCHER_CGROUP_MEMORY;
    worker->end.processes_were_full = ended->reached & LAUNCHER_CGROUP_PROCESSES;
    worker->settlement.usage = (struct attempt_usage){
        .max_rss_kib = (int64_t)ended->max_rss_kib,
        .cpu_ms = (int64_t)ended->cpu_milliseconds,
    };
    uv_timer_start(&worker->deadline, on_deadline, ATTEMPT_PIPE_GRACE, 0);
    conclude_if_over(attempts, worker);
}

static void on_launch_failed(void *context, const struct launcher_failed *failed)
{
    struct attempts *attempts = context;
    struct worker *worker = worker_table_find(&attempts->table, failed->token);
    if (!worker)
        return;
    const char *reason = strerror((int)failed->error_number);
    log_error("manifest %s: the launcher could not start a worker: %s", worker->manifest_id,
              reason);
    close_pipe(worker);
    settle_as(attempts, worker, OUTCOME_NOT_STARTED, reason);
}

static void on_launcher_lost(void *context, const struct error *error)
{
    struct attempts *attempts = context;
    if (error->kind == ERROR_INVALID)
        log_warning("sandbox: the launcher broke the rules of its channel: %s", error->message);
    attempts->handlers->launcher_lost(attempts->context, error);
}

static void count_outcome(struct attempts *attempts, const struct worker *worker)
{
    switch (outcome_event(worker->settlement.outcome.kind)) {
    case MANIFEST_SUCCEED:
        feed_add(attempts->parts.feed, METRIC_ATTEMPTS_SUCCEEDED);
        break;
    case MANIFEST_FAIL:
        feed_add(attempts->parts.feed, METRIC_ATTEMPTS_TERMINAL);
        break;
    case MANIFEST_RETRY:
        feed_add(attempts->parts.feed, METRIC_ATTEMPTS_TRANSIENT);
        break;
    case MANIFEST_CLAIM:
    case MANIFEST_DRAIN:
    case MANIFEST_EXPIRE:
    case MANIFEST_CANCEL:
        break;
    }
}

static bool was_answered_by_cluster(const struct worker *worker)
{
    return worker->task && worker->task->flags & TASK_NEEDS_CLUSTER &&
           outcome_event(worker->settlement.outcome.kind) == MANIFEST_SUCCEED;
}

static void on_settled(void *context, struct worker *worker, enum settlement_status status,
                       const struct error *error)
{
    struct attempts *attempts = context;
    const struct outcome *outcome = &worker->settlement.outcome;
    if (was_answered_by_cluster(worker))
        attempts->handlers->cluster_answered(attempts->context);
    if (status == SETTLEMENT_DONE) {
        log_info("manifest %s: attempt %d %s after %lld ms: now %s%s%s", worker->manifest_id,
                 worker->settlement.attempt, outcome_name(outcome->kind),
                 (long long)clock_elapsed(worker->started),
                 manifest_state_name(worker->settlement.claim.manifest.state),
                 outcome->status_text[0] ? ": " : "", outcome->status_text);
        count_outcome(attempts, worker);
    } else if (worker->end.stop == WORKER_STOP_OPERATOR) {
        log_info("manifest %s: the result \"%s\" of the stopped worker was dropped",
                 worker->manifest_id, outcome_name(outcome->kind));
        feed_add(attempts->parts.feed, METRIC_RESULTS_LATE);
    } else {
        feed_add(attempts->parts.feed, METRIC_RESULTS_LATE);
        log_warning("result \"%s\" dropped: %s", outcome_name(outcome->kind), error->message);
    }
    worker_table_release(&attempts->table, worker);
    attempts->handlers->released(attempts->context);
}

static void on_store_answered(void *context, bool answered, const struct error *error)
{
    struct attempts *attempts = context;
    attempts->handlers->written(attempts->context, answered, error);
}

static const struct launcher_link_handlers link_handlers = {
    .ready = on_launcher_ready,
    .started = on_worker_started,
    .ended = on_worker_ended,
    .failed = on_launch_failed,
    .lost = on_launcher_lost,
};

static const struct writer_handlers writer_handlers = {
    .settled = on_settled,
    .store_answered = on_store_answered,
};

int attempts_open(struct attempts *attempts, const struct attempts_parts *parts,
                  const struct attempts_handlers *handlers, void *context, struct error *error)
{
    attempts->parts = *parts;
    attempts->handlers = handlers;
    attempts->context = context;
    attempts->draining = false;
    if (worker_table_initialize(&attempts->table, parts->loop,
                                (uint32_t)parts->config->actuator_max_workers, attempts,
                                error) < 0 ||
        writer_initialize(&attempts->writer, parts->loop, parts->store, &attempts->table,
                          parts->rules, parts->clock, &writer_handlers, attempts, error) < 0)
        return -1;
    return launcher_link_open(&attempts->link, parts->loop, parts->launcher_socket, &link_handlers,
                              attempts, error);
}

bool attempts_are_idle(const struct attempts *attempts)
{
    return worker_table_active(&attempts->table) == 0 && !writer_is_busy(&attempts->writer);
}

void attempts_close(struct attempts *attempts)
{
    launcher_link_close(&attempts->link);
    writer_close(&attempts->writer);
    for (uint32_t i = 0; i < attempts->table.size; i++)
        uv_close((uv_handle_t *)&attempts->table.workers[i].deadline, NULL);
}

void attempts_free(struct attempts *attempts)
{
    worker_table_free(&attempts->table);
}
