/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one attempt: from a claim to its result in the writer's hands. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "mimo/azure.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/job.h"
#include "mimo/log.h"
#include "mimo/seal.h"
#include "supervisor/denial.h"
#include "supervisor/limits.h"
#include "supervisor/lookup.h"
#include "supervisor/supervisor.h"

/* How long a pipe may stay open after its worker is reaped: then somebody else holds it, and it is
 * closed. */
enum { ATTEMPT_PIPE_GRACE = 5000 };

/* From SIGTERM to SIGKILL of a worker that an operator stops. */
enum { ATTEMPT_STOP_GRACE = 10 * 1000 };

static void on_deadline(uv_timer_t *timer);

static const char *task_name(const struct worker *worker)
{
    return worker->task ? worker->task->name : worker->task_id;
}

static void show_worker_count(struct supervisor *supervisor)
{
    feed_set(&supervisor->feed, METRIC_WORKERS_ACTIVE, supervisor->table.live);
    feed_send(&supervisor->feed, 1u << METRIC_WORKERS_ACTIVE);
}

/* Hands the outcome to the writer. */
static void settle(struct supervisor *supervisor, struct worker *worker)
{
    bool had_process = worker->state == WORKER_LAUNCHING || worker->state == WORKER_RUNNING;
    uv_timer_stop(&worker->deadline);
    worker->settlement.final = true;
    if (getrandom(&worker->settlement.random, sizeof(worker->settlement.random), 0) < 0)
        worker->settlement.random = (uint32_t)worker->token;
    worker_change_state(&supervisor->table, worker, WORKER_SETTLING);
    if (had_process)
        show_worker_count(supervisor);
    writer_wake(&supervisor->writer);
}

static void settle_as(struct supervisor *supervisor, struct worker *worker, enum outcome_kind kind,
                      const char *detail)
{
    outcome_of_kind(kind, detail, &worker->settlement.outcome);
    settle(supervisor, worker);
}

/* An outcome that is decided here, in the words a step would use. */
static void settle_as_step(struct supervisor *supervisor, struct worker *worker,
                           enum outcome_kind kind, const char *message)
{
    struct worker_end end = {.has_result = true, .result = kind, .message = message};
    outcome_of_worker(&end, &worker->settlement.outcome);
    settle(supervisor, worker);
}

/* Says once what the worker tried and may not, if that is how it ended. */
static void note_denial(struct supervisor *supervisor, const struct worker *worker)
{
    char what[WORKER_MESSAGE_SIZE];
    if (!denial_describe(worker, what, sizeof(what)))
        return;
    log_warning("sandbox: manifest %s, cluster %s, task %s, attempt %d, worker %lld: %s",
                worker->manifest_id, worker->cluster, task_name(worker), worker->settlement.attempt,
                (long long)worker->pid, what);
    feed_add(&supervisor->feed, METRIC_WORKERS_DENIED);
}

/* An attempt is over when its pipe is drained and its status reaped, in whichever order. */
static void conclude_if_over(struct supervisor *supervisor, struct worker *worker)
{
    if (!worker->drained || !worker->reaped)
        return;
    if (!worker->end.bad_report && !report_reader_finish(&worker->reader))
        worker->end.bad_report = worker->reader.problem.message;
    worker->end.timeout_milliseconds = worker->alarm_milliseconds;
    outcome_of_worker(&worker->end, &worker->settlement.outcome);
    note_denial(supervisor, worker);
    settle(supervisor, worker);
}

static void on_pipe_closed(uv_handle_t *handle)
{
    struct worker *worker = handle->data;
    worker->pipe_open = false;
    supervisor_worker_released(worker->owner);
}

static void close_pipe(struct worker *worker)
{
    if (worker->pipe_open && !uv_is_closing((uv_handle_t *)&worker->pipe))
        uv_close((uv_handle_t *)&worker->pipe, on_pipe_closed);
    worker->drained = true;
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
    struct supervisor *supervisor = worker->owner;
    *buffer = uv_buf_init(supervisor->read_buffer, sizeof(supervisor->read_buffer));
}

static void on_pipe_data(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct worker *worker = stream->data;
    struct supervisor *supervisor = worker->owner;
    if (length < 0) {
        close_pipe(worker);
        conclude_if_over(supervisor, worker);
        return;
    }
    bool trusted_before = !worker->end.bad_report;
    if (!report_reader_feed(&worker->reader, buffer->base, (size_t)length, on_report, worker) &&
        !worker->end.bad_report)
        worker->end.bad_report = worker->reader.problem.message;
    if (worker->end.bad_report && trusted_before) {
        log_info("manifest %s: worker %lld is stopped: %s", worker->manifest_id,
                 (long long)worker->pid, worker->end.bad_report);
        attempt_terminate(supervisor, worker, SIGKILL);
    }
    if (worker->progress_dirty)
        writer_wake(&supervisor->writer);
}

/* What the task needs of the configuration, and the names of its certificates, which go to the
 * launcher too: out of a directory the worker reads them before it parses its job. NULL only
 * without memory. */
static json_t *make_settings(const struct supervisor *supervisor, const struct task *task,
                             const json_t *cluster, struct launcher_launch *launch)
{
    const struct config *config = supervisor->config;
    cleanup_json json_t *settings = task->settings ? task->settings(config) : json_object();
    if (!task->certificates)
        return take_pointer(&settings);
    json_t *names = task->certificates(config, cluster);
    size_t index;
    json_t *name;
    assert(json_array_size(names) <= LAUNCH_CERTIFICATES_MAXIMUM);
    json_array_foreach(names, index, name) {
        snprintf(launch->certificates[index], sizeof(launch->certificates[index]), "%s",
                 json_string_value(name));
        launch->certificate_count++;
    }
    if (!names || document_set(settings, "certificates", names) < 0)
        return NULL;
    if (config_certificate_vault(config) && launch->certificate_count > 0 &&
        document_set(settings, "azure", azure_settings(config)) < 0)
        return NULL;
    return take_pointer(&settings);
}

/* JSON of the job, and behind it the sealed credentials, in memory that nobody can change any more.
 */
static int make_job(struct supervisor *supervisor, struct worker *worker, json_t *endpoints,
                    struct launcher_launch *launch, struct error *error)
{
    struct claim *claim = &worker->settlement.claim;
    json_t *manifest = manifest_document(&claim->manifest);
    json_t *cluster = cluster_document(&claim->cluster);
    cleanup_json json_t *no_endpoints = json_array();
    cleanup_json json_t *settings = make_settings(supervisor, worker->task, cluster, launch);
    cleanup_json json_t *job = job_build(
        worker->manifest_id, worker->task_id, worker->cluster, worker->settlement.attempt,
        supervisor->rules.actuator, document_get(manifest, "maintenanceManifest.parameters"),
        document_get(cluster, "openShiftCluster"), endpoints ? endpoints : no_endpoints, settings);
    cleanup_free char *text = job ? document_format(job) : NULL;
    if (!text)
        return error_set(error, ERROR_MEMORY, "out of memory while making the job");

    cleanup_free unsigned char *sealed = NULL;
    size_t sealed_length = 0;
    const char *kubeconfig = document_string(cluster, "sealedKubeconfig", NULL);
    if (kubeconfig && worker->task->flags & TASK_NEEDS_CLUSTER &&
        base64_decode(kubeconfig, &sealed, &sealed_length, error) < 0)
        return error_prefix(error, "the cluster's sealed kubeconfig is damaged, register it again");

    size_t length = strlen(text);
    cleanup_free char *all = malloc(length + sealed_length + 1);
    if (!all)
        return error_set(error, ERROR_MEMORY, "out of memory while making the job");
    memcpy(all, text, length);
    if (sealed_length > 0)
        memcpy(all + length, sealed, sealed_length);
    launch->job_length = (uint32_t)length;
    launch->sealed_length = (uint32_t)sealed_length;
    return io_sealed_memory("mimo-job", all, length + sealed_length, error);
}

static int fill_limits(struct supervisor *supervisor, struct worker *worker,
                       struct launcher_launch *launch, struct error *error)
{
    const struct config *config = supervisor->config;
    int64_t lease_left = worker->lease_milliseconds - clock_elapsed(worker->claimed);
    struct worker_limits limits =
        worker_limits_of(lease_left, limits_timeout(config, worker->task));
    if (limits.alarm_seconds == 0)
        return error_set(error, ERROR_UNAVAILABLE, "its lease was nearly over when it could begin");

    worker->alarm_milliseconds = limits.alarm_seconds * 1000;
    launch->token = worker->token;
    launch->slot = worker->slot;
    launch->alarm_seconds = (uint32_t)limits.alarm_seconds;
    launch->not_after = (uint64_t)(clock_monotonic().milliseconds + limits.latest_milliseconds);
    limits_fill(config, worker->task, limits.alarm_seconds, launch);
    snprintf(launch->title, sizeof(launch->title), "mimo-worker: %.60s %.90s %.8s",
             worker->task->name, resource_id_name(worker->cluster), worker->manifest_id);
    uv_timer_start(&worker->deadline, on_deadline,
                   (uint64_t)(worker->alarm_milliseconds + limits.grace_milliseconds), 0);
    return 0;
}

/* Opens the result pipe; the loop reads one end, *ret_write is the worker's. */
static int open_pipe(struct supervisor *supervisor, struct worker *worker, int *ret_write,
                     struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set_system(error, errno, "cannot make a result pipe");
    cleanup_fd int read_end = ends[0];
    cleanup_fd int write_end = ends[1];
    int status = uv_pipe_init(&supervisor->loop, &worker->pipe, 0);
    if (status == 0) {
        worker->pipe_open = true;
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

static int launch(struct supervisor *supervisor, struct worker *worker,
                  const struct lookup_result *servers, struct error *error)
{
    struct launcher_launch launch = {.port_count = servers->port_count};
    memcpy(launch.ports, servers->ports, sizeof(launch.ports));
    cleanup_fd int job = make_job(supervisor, worker, servers->endpoints, &launch, error);
    if (job < 0)
        return -1;
    cleanup_fd int report = -1;
    if (open_pipe(supervisor, worker, &report, error) < 0)
        return -1;
    if (fill_limits(supervisor, worker, &launch, error) < 0 ||
        launcher_link_launch(&supervisor->link, &launch, take_fd(&job), take_fd(&report), error) <
            0)
        return -1;
    worker_change_state(&supervisor->table, worker, WORKER_LAUNCHING);
    return 0;
}

static void launch_or_settle(struct supervisor *supervisor, struct worker *worker,
                             const struct lookup_result *servers)
{
    struct error error;
    /* A claim that came while the drain began may run as long as the others may. */
    if (supervisor->drain_steps > 0) {
        settle_as(supervisor, worker, OUTCOME_DRAINED, NULL);
    } else if (launch(supervisor, worker, servers, &error) < 0) {
        log_error("manifest %s: no worker could be started: %s", worker->manifest_id,
                  error.message);
        close_pipe(worker);
        settle_as(supervisor, worker, OUTCOME_NOT_STARTED, error.message);
    }
}

static void settle_without_servers(struct supervisor *supervisor, struct worker *worker,
                                   const struct error *error)
{
    settle_as_step(supervisor, worker,
                   error->kind == ERROR_INVALID ? OUTCOME_TERMINAL : OUTCOME_TRANSIENT,
                   error->message);
}

static void on_looked_up(void *context, const struct lookup_result *servers,
                         const struct error *error)
{
    struct worker *worker = context;
    struct supervisor *supervisor = worker->owner;
    if (servers)
        launch_or_settle(supervisor, worker, servers);
    else
        settle_without_servers(supervisor, worker, error);
}

/* The servers that the worker will talk to: its cluster, and those that its certificates come from.
 * New reference; NULL without memory. */
static json_t *find_servers(const struct supervisor *supervisor, struct worker *worker,
                            uint16_t *ret_port)
{
    static const char url_path[] = "openShiftCluster.properties.apiserverProfile.url";
    const struct config *config = supervisor->config;
    const json_t *cluster = cluster_document(&worker->settlement.claim.cluster);
    const char *url = document_string(cluster, url_path, NULL);
    cleanup_json json_t *urls = json_array();
    struct azure_endpoints azure = {0};
    cleanup_json json_t *names =
        worker->task->certificates ? worker->task->certificates(config, cluster) : NULL;
    if (url && (worker->task->flags & TASK_NEEDS_CLUSTER) &&
        json_array_append_new(urls, json_string(url)) < 0)
        return NULL;
    if (json_array_size(names) > 0 && config_certificate_vault(config))
        azure_endpoints(config, &azure);
    for (int i = 0; i < azure.url_count; i++)
        if (json_array_append_new(urls, json_string(azure.urls[i])) < 0)
            return NULL;
    *ret_port = azure.port;
    return take_pointer(&urls);
}

/* The Admin API knew the task, or had known it once. */
static void settle_unregistered(struct supervisor *supervisor, struct worker *worker)
{
    char detail[512];
    snprintf(detail, sizeof(detail),
             "actuator %d has no task %s; where it is one of your own, its file must be in "
             "tasks.directory of every actuator, and mimod restarted since",
             supervisor->poller.membership.index, worker->task_id);
    settle_as(supervisor, worker, OUTCOME_UNREGISTERED, detail);
}

void attempt_begin(struct supervisor *supervisor, struct claim *claim, struct monotonic claimed,
                   int64_t lease_milliseconds)
{
    struct worker *worker = worker_table_take(&supervisor->table, claim, claimed);
    assert(
        worker); /* a round claims no more than there are free slots, and nothing else takes them */
    worker->task = task_list_find(supervisor->tasks, worker->task_id);
    worker->lease_milliseconds = lease_milliseconds;
    worker->started = clock_monotonic();
    feed_add(&supervisor->feed, METRIC_ATTEMPTS_STARTED);
    if (!worker->task) {
        settle_unregistered(supervisor, worker);
        return;
    }
    uint16_t port = 0;
    struct error error;
    cleanup_json json_t *urls = find_servers(supervisor, worker, &port);
    if (!urls)
        settle_as(supervisor, worker, OUTCOME_NOT_STARTED, "out of memory");
    else if (json_array_size(urls) == 0)
        launch_or_settle(supervisor, worker, &(struct lookup_result){0});
    else if (lookup_start(&supervisor->loop, urls, port, on_looked_up, worker, &error) < 0)
        settle_without_servers(supervisor, worker, &error);
}

void attempt_terminate(struct supervisor *supervisor, struct worker *worker, int signal)
{
    struct error error;
    if (worker->state != WORKER_LAUNCHING && worker->state != WORKER_RUNNING)
        return;
    worker->terminating = true;
    if (!worker->reaped &&
        launcher_link_signal(&supervisor->link, worker->token, signal, &error) < 0)
        log_error("manifest %s: %s", worker->manifest_id, error.message);
}

void attempt_stop(struct supervisor *supervisor, struct worker *worker)
{
    log_notice("manifest %s: worker %lld is stopped, as an operator asked", worker->manifest_id,
               (long long)worker->pid);
    worker->orphaned = true;
    attempt_terminate(supervisor, worker, SIGTERM);
    uv_timer_start(&worker->deadline, on_deadline, ATTEMPT_STOP_GRACE, 0);
}

/* First the worker outlived its alarm; later its pipe outlived it. */
static void on_deadline(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    struct supervisor *supervisor = worker->owner;
    if (worker->reaped) {
        log_warning("manifest %s: the result pipe of worker %lld is still open after its end",
                    worker->manifest_id, (long long)worker->pid);
        close_pipe(worker);
        conclude_if_over(supervisor, worker);
        return;
    }
    worker->end.overran = true;
    log_info("manifest %s: worker %lld outlived its %s and is killed", worker->manifest_id,
             (long long)worker->pid, worker->terminating ? "SIGTERM" : "alarm");
    attempt_terminate(supervisor, worker, SIGKILL);
}

static void on_launcher_ready(void *context, const struct launcher_ready *ready)
{
    struct supervisor *supervisor = context;
    supervisor->launcher = *ready;
    supervisor->launcher_ready = true;
    log_info("launcher is ready: Landlock level %u, workers run as %s", ready->landlock_abi,
             ready->privileged ? "users of their own" : "this user");
    poller_start(&supervisor->poller);
}

static void on_worker_started(void *context, const struct launcher_started *started)
{
    struct supervisor *supervisor = context;
    struct worker *worker = worker_table_find(&supervisor->table, started->token);
    if (!worker)
        return; /* its slot was given up meanwhile */
    worker->pid = started->pid;
    worker->started = clock_monotonic();
    worker_change_state(&supervisor->table, worker, WORKER_RUNNING);
    log_info("manifest %s: attempt %d of %s on %s runs as worker %lld", worker->manifest_id,
             worker->settlement.attempt, task_name(worker), worker->cluster,
             (long long)worker->pid);
    show_worker_count(supervisor);
    writer_wake(&supervisor->writer); /* reports may have come before the pid */
}

static void on_worker_ended(void *context, const struct launcher_ended *ended)
{
    struct supervisor *supervisor = context;
    struct worker *worker = worker_table_find(&supervisor->table, ended->token);
    if (!worker)
        return;
    worker->reaped = true;
    worker->end.wait_status = ended->wait_status;
    worker->settlement.usage = (struct attempt_usage){
        .max_rss_kib = (int64_t)ended->max_rss_kib,
        .cpu_ms = (int64_t)ended->cpu_milliseconds,
    };
    uv_timer_start(&worker->deadline, on_deadline, ATTEMPT_PIPE_GRACE, 0);
    conclude_if_over(supervisor, worker);
}

static void on_launch_failed(void *context, const struct launcher_failed *failed)
{
    struct supervisor *supervisor = context;
    struct worker *worker = worker_table_find(&supervisor->table, failed->token);
    if (!worker)
        return;
    const char *reason = strerror((int)failed->error_number);
    log_error("manifest %s: the launcher could not start a worker: %s", worker->manifest_id,
              reason);
    close_pipe(worker);
    settle_as(supervisor, worker, OUTCOME_NOT_STARTED, reason);
}

static void on_launcher_lost(void *context, const struct error *error)
{
    if (error->kind == ERROR_INVALID)
        log_warning("sandbox: the launcher broke the rules of its channel: %s", error->message);
    supervisor_fail(context, error);
}

const struct launcher_link_handlers attempt_launcher_handlers = {
    .ready = on_launcher_ready,
    .started = on_worker_started,
    .ended = on_worker_ended,
    .failed = on_launch_failed,
    .lost = on_launcher_lost,
};

static void count_outcome(struct supervisor *supervisor, const struct worker *worker)
{
    switch (outcome_event(worker->settlement.outcome.kind)) {
    case MANIFEST_SUCCEED:
        feed_add(&supervisor->feed, METRIC_ATTEMPTS_SUCCEEDED);
        break;
    case MANIFEST_FAIL:
        feed_add(&supervisor->feed, METRIC_ATTEMPTS_TERMINAL);
        break;
    case MANIFEST_RETRY:
        feed_add(&supervisor->feed, METRIC_ATTEMPTS_TRANSIENT);
        break;
    case MANIFEST_CLAIM:
    case MANIFEST_DRAIN:
    case MANIFEST_EXPIRE:
    case MANIFEST_CANCEL:
        break;
    }
}

static void on_settled(void *context, struct worker *worker, enum settlement_status status,
                       const struct error *error)
{
    struct supervisor *supervisor = context;
    const struct outcome *outcome = &worker->settlement.outcome;
    if (worker->task && worker->task->flags & TASK_NEEDS_CLUSTER &&
        outcome_event(outcome->kind) == MANIFEST_SUCCEED)
        probe_note_answer(&supervisor->probe);
    if (status == SETTLEMENT_DONE) {
        log_info("manifest %s: attempt %d %s after %lld ms: now %s%s%s", worker->manifest_id,
                 worker->settlement.attempt, outcome_name(outcome->kind),
                 (long long)clock_elapsed(worker->started),
                 manifest_state_name(worker->settlement.claim.manifest.state),
                 outcome->status_text[0] ? ": " : "", outcome->status_text);
        count_outcome(supervisor, worker);
    } else {
        feed_add(&supervisor->feed, METRIC_RESULTS_LATE);
        log_warning("the result \"%s\" changes nothing: %s", outcome_name(outcome->kind),
                    error->message);
    }
    worker_table_release(&supervisor->table, worker);
    supervisor_worker_released(supervisor);
}

static void on_store_answered(void *context, bool answered, const struct error *error)
{
    supervisor_note_store(context, answered, error);
}

const struct writer_handlers attempt_writer_handlers = {
    .settled = on_settled,
    .store_answered = on_store_answered,
};
