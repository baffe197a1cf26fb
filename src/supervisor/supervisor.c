/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing the supervisor up, its signals, draining, and bringing it down. */
#include "supervisor/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "mimo/confinement.h"
#include "mimo/log.h"
#include "mimo/program.h"
#include "supervisor/confine.h"
#include "supervisor/limits.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

enum {
    DRAIN_TERM_GRACE = 10 * 1000, /* milliseconds from SIGTERM to SIGKILL */
    DRAIN_KILL_GRACE = 30 * 1000, /* milliseconds for the results after SIGKILL */
};

/* How far stopping the workers has gone. */
enum { DRAIN_WAITING, DRAIN_TERMINATED, DRAIN_KILLED };

static void on_drain_over(uv_timer_t *timer);
static void close_all(struct supervisor *supervisor);

static void notify(const char *state)
{
#ifdef HAVE_SYSTEMD
    sd_notify(0, state);
#else
    (void)state;
#endif
}

/* sd_notify(3): with the time, so that the service manager can tell this reload from an earlier
 * one. */
static void notify_reloading(void)
{
    char state[64];
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)clock_monotonic().milliseconds * 1000);
    notify(state);
}

void supervisor_note_store(struct supervisor *supervisor, bool answered, const struct error *error)
{
    if (!answered)
        feed_add(&supervisor->feed, METRIC_STORE_FAILURES);
    if (answered == supervisor->store_answers)
        return;
    supervisor->store_answers = answered;
    if (answered)
        log_notice("the store answers again");
    else
        log_error("%s; running attempts go on, nothing new is claimed until the store answers",
                  error->message);
}

void supervisor_fail(struct supervisor *supervisor, const struct error *error)
{
    if (supervisor->phase == SUPERVISOR_STOPPED)
        return;
    log_error("%s; ending, so that the service manager starts everything afresh", error->message);
    supervisor->exit_status = EXIT_FAILURE;
    uv_stop(&supervisor->loop);
}

static bool is_idle(const struct supervisor *supervisor)
{
    return supervisor->table.active == 0 && !poller_is_busy(&supervisor->poller) &&
           !writer_is_busy(&supervisor->writer);
}

static void stop_if_idle(struct supervisor *supervisor)
{
    if (supervisor->phase == SUPERVISOR_DRAINING && is_idle(supervisor))
        close_all(supervisor);
}

void supervisor_worker_released(struct supervisor *supervisor)
{
    if (supervisor->phase == SUPERVISOR_RUNNING)
        poller_wake_soon(&supervisor->poller);
    stop_if_idle(supervisor);
}

static void stop_workers(struct supervisor *supervisor, int signal)
{
    for (uint32_t i = 0; i < supervisor->table.size; i++) {
        struct worker *worker = &supervisor->table.workers[i];
        worker->end.drained = worker->state != WORKER_FREE;
        attempt_terminate(supervisor, worker, signal);
    }
}

static void on_drain_over(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    switch (supervisor->drain_steps++) {
    case DRAIN_WAITING:
        log_notice("%u attempts still run and are stopped; they go back to the queue uncounted",
                   supervisor->table.live);
        stop_workers(supervisor, SIGTERM);
        uv_timer_start(timer, on_drain_over, DRAIN_TERM_GRACE, 0);
        break;
    case DRAIN_TERMINATED:
        stop_workers(supervisor, SIGKILL);
        uv_timer_start(timer, on_drain_over, DRAIN_KILL_GRACE, 0);
        break;
    default:
        log_error("%u results could not be written; the next start takes their manifests back",
                  supervisor->table.active);
        supervisor->exit_status = EXIT_FAILURE;
        uv_stop(&supervisor->loop);
        break;
    }
    stop_if_idle(supervisor);
}

/* The first signal drains; a second one skips the wait. */
static void drain(struct supervisor *supervisor)
{
    if (supervisor->phase == SUPERVISOR_DRAINING) {
        if (supervisor->drain_steps == DRAIN_WAITING)
            on_drain_over(&supervisor->drain);
        return;
    }
    notify("STOPPING=1");
    log_notice("draining: no new claims, %u attempts may finish within drain_timeout",
               supervisor->table.active);
    supervisor->phase = SUPERVISOR_DRAINING;
    poller_set_hold(&supervisor->poller, POLLER_PAUSED);
    uv_timer_start(&supervisor->drain, on_drain_over,
                   (uint64_t)supervisor->config->actuator_drain_timeout, 0);
    stop_if_idle(supervisor);
}

/* A worker must be dead before its lease is. */
static void warn_of_short_leases(const struct supervisor *supervisor)
{
    const struct task *task;
    for (size_t i = 0; (task = task_list_at(supervisor->tasks, i)); i++)
        if (limits_timeout(supervisor->config, task) > supervisor->config->actuator_lease_ttl)
            log_warning("task %s: its timeout is longer than actuator.lease_ttl, whose end it does "
                        "not outlive",
                        task->short_name);
}

/* What of the configuration rules and tasks carry: rounds and batches under way have copies of
 * their own. */
static void apply_rules(struct supervisor *supervisor)
{
    const struct config *config = supervisor->config;
    struct settle_rules *rules = &supervisor->rules;
    snprintf(rules->mark, sizeof(rules->mark), "%s", config->clusters_mark_state);
    rules->backoff =
        (struct backoff){config->actuator_retry_backoff, config->actuator_retry_backoff_max};
    task_list_set_practice(supervisor->tasks, config->actuator_practice_tasks);
    warn_of_short_leases(supervisor);
}

static void log_change(void *context, const char *section, const char *key, bool taken)
{
    (void)context;
    if (taken)
        log_notice("SIGHUP: %s.%s is in force now", section, key);
    else
        log_warning("SIGHUP: %s.%s has changed, which needs a restart", section, key);
}

static void reload(struct supervisor *supervisor)
{
    struct config fresh;
    struct error error;
    notify_reloading();
    if (program_reload(&fresh, &error) < 0) {
        log_error("SIGHUP: the configuration stays as it is: %s", error.message);
    } else {
        config_take_over(supervisor->config, &fresh, log_change, NULL);
        if (task_list_is_stale(supervisor->tasks))
            log_warning("SIGHUP: files in tasks.directory have changed, which needs a restart");
        config_free(&fresh);
        apply_rules(supervisor);
        log_set_level((enum log_level)(supervisor->config->log_level + LOG_LEVEL_ERROR));
        log_notice("SIGHUP: configuration read");
    }
    notify("READY=1");
}

void supervisor_hold(struct supervisor *supervisor, enum poller_hold hold)
{
    static const char *const names[] = {"working", "paused", "drained"};
    if (supervisor->phase != SUPERVISOR_RUNNING || supervisor->poller.hold == hold)
        return;
    log_notice("an operator asks for: %s", names[hold]);
    poller_set_hold(&supervisor->poller, hold);
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    notify("WATCHDOG=1");
}

/* Tells the service manager that the loop turns, twice as often as it asks for
 * (sd_watchdog_enabled(3)). */
static void start_watchdog(struct supervisor *supervisor)
{
    uint64_t microseconds = 0;
    uv_timer_init(&supervisor->loop, &supervisor->watchdog);
#ifdef HAVE_SYSTEMD
    if (sd_watchdog_enabled(0, &microseconds) <= 0)
        microseconds = 0;
#endif
    if (microseconds > 0)
        uv_timer_start(&supervisor->watchdog, on_watchdog, 0, microseconds / 2000);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct supervisor *supervisor = handle->data;
    switch (number) {
    case SIGUSR1:
        status_log_workers(supervisor);
        break;
    case SIGHUP:
        reload(supervisor);
        break;
    default:
        drain(supervisor);
        break;
    }
}

static size_t free_workers(void *context)
{
    struct supervisor *supervisor = context;
    return supervisor->phase == SUPERVISOR_RUNNING ? worker_table_count_free(&supervisor->table)
                                                   : 0;
}

static size_t running(void *context, struct stop_watch *watches)
{
    struct supervisor *supervisor = context;
    size_t count = 0;
    for (uint32_t i = 0; i < supervisor->table.size; i++) {
        const struct worker *worker = &supervisor->table.workers[i];
        if (worker->state != WORKER_RUNNING || worker->terminating)
            continue;
        watches[count].token = worker->token;
        memcpy(watches[count].manifest_id, worker->manifest_id, UUID_SIZE);
        memcpy(watches[count].cluster, worker->cluster, RESOURCE_ID_SIZE);
        count++;
    }
    return count;
}

static void stop_attempts(struct supervisor *supervisor, const struct poll_result *result)
{
    for (size_t i = 0; i < result->watch_count; i++) {
        struct worker *worker =
            result->watches[i].stop
                ? worker_table_find(&supervisor->table, result->watches[i].token)
                : NULL;
        if (worker)
            attempt_stop(supervisor, worker);
    }
}

static void log_upkeep(const struct poll_result *result)
{
    const struct upkeep_counts *counts = &result->counts;
    if (result->recovered)
        log_notice("recovery: %zu manifests that this actuator left over are back in the queue "
                   "(%zu of them had no attempt left), %zu more clusters released",
                   counts->manifests_returned, counts->manifests_exceeded,
                   counts->clusters_released);
    else if (counts->manifests_returned + counts->clusters_released + counts->manifests_timed_out)
        log_notice("upkeep: %zu manifests with an expired lease are back in the queue (%zu had no "
                   "attempt left), %zu clusters released, %zu manifests timed out",
                   counts->manifests_returned, counts->manifests_exceeded,
                   counts->clusters_released, counts->manifests_timed_out);
}

static void note_buckets(struct supervisor *supervisor)
{
    const struct membership *membership = &supervisor->poller.membership;
    int owned = membership->buckets.last - membership->buckets.first + 1;
    if (supervisor->feed.message.values[METRIC_BUCKETS_OWNED] == owned)
        return;
    feed_set(&supervisor->feed, METRIC_BUCKETS_OWNED, owned);
    log_info("buckets %d to %d are ours, of %d live actuators", membership->buckets.first,
             membership->buckets.last, membership->live);
}

static void note_skipped(struct supervisor *supervisor, const struct error *skipped)
{
    const char *message = skipped->kind == ERROR_NONE ? "" : skipped->message;
    if (strcmp(message, supervisor->last_skipped) == 0)
        return;
    strcpy(supervisor->last_skipped, message);
    if (*message)
        log_warning("a stored document is left out: %s", message);
}

static void note_clock(struct supervisor *supervisor)
{
    bool doubted = supervisor->clock.doubting;
    if (doubted == supervisor->clock_doubted)
        return;
    supervisor->clock_doubted = doubted;
    char patience[CLOCK_TEXT_SIZE];
    if (doubted)
        log_warning("the wall clock has jumped: leases and due times go by the time that really "
                    "passed until it has stayed like this for %s; if it is right now, restart "
                    "mimod to believe it at once",
                    clock_format_duration(patience, supervisor->clock.patience));
    else
        log_notice("the wall clock is believed again");
}

static void on_polled(void *context, struct poll_result *result)
{
    struct supervisor *supervisor = context;
    note_clock(supervisor);
    supervisor_note_store(supervisor, result->answered, &result->error);
    if (result->answered) {
        log_upkeep(result);
        note_buckets(supervisor);
        note_skipped(supervisor, &result->claims.skipped);
        stop_attempts(supervisor, result);
    }
    if (result->recovered && supervisor->phase == SUPERVISOR_STARTING) {
        supervisor->phase = SUPERVISOR_RUNNING;
        notify("READY=1");
        log_notice("actuator %s is running", supervisor->rules.actuator);
        poller_wake(&supervisor->poller);
    }
    for (size_t i = 0; i < result->claims.count; i++)
        attempt_begin(supervisor, &result->claims.claims[i], result->began,
                      result->lease_milliseconds);
    supervisor->poller.membership.workers = (int)supervisor->table.live;
    stop_if_idle(supervisor);
}

static void on_woken(void *context)
{
    struct supervisor *supervisor = context;
    poller_wake(&supervisor->poller);
}

static json_t *on_control(void *context, json_t *request)
{
    return status_answer(context, request);
}

static bool on_ready_asked(void *context)
{
    return status_is_ready(context);
}

static void on_lost(void *context, const struct error *error)
{
    supervisor_fail(context, error);
}

static const struct poller_handlers poller_handlers = {free_workers, running, on_polled};
static const struct sockets_handlers sockets_handlers = {on_woken, on_control};
static const struct feed_handlers feed_handlers = {on_ready_asked, on_lost};

static int watch_signals(struct supervisor *supervisor, struct error *error)
{
    static const int numbers[SUPERVISOR_SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    for (int i = 0; i < SUPERVISOR_SIGNALS; i++) {
        uv_signal_init(&supervisor->loop, &supervisor->signals[i]);
        supervisor->signals[i].data = supervisor;
        int status = uv_signal_start(&supervisor->signals[i], on_signal, numbers[i]);
        if (status < 0)
            return error_set(error, ERROR_SYSTEM, "cannot watch signal %d: %s", numbers[i],
                             uv_strerror(status));
    }
    return 0;
}

/* The parts, in the order in which they depend on each other. */
static int open_all(struct supervisor *supervisor, const struct membership *membership,
                    struct error *error)
{
    const struct config *config = supervisor->config;
    uv_loop_t *loop = &supervisor->loop;

    start_watchdog(supervisor);
    uv_timer_init(loop, &supervisor->drain);
    supervisor->drain.data = supervisor;
    if (watch_signals(supervisor, error) < 0 ||
        worker_table_initialize(&supervisor->table, loop, (uint32_t)config->actuator_max_workers,
                                supervisor, error) < 0 ||
        feed_open(&supervisor->feed, loop, supervisor->store, supervisor->family->metrics_socket,
                  config->metrics_interval, &feed_handlers, supervisor, error) < 0 ||
        writer_initialize(&supervisor->writer, loop, supervisor->store, &supervisor->table,
                          &supervisor->rules, &supervisor->clock, &attempt_writer_handlers,
                          supervisor, error) < 0 ||
        poller_initialize(&supervisor->poller, loop, supervisor->store, config, &supervisor->rules,
                          &supervisor->clock, membership, &poller_handlers, supervisor,
                          error) < 0 ||
        probe_open(&supervisor->probe, loop, supervisor->store,
                   &supervisor->poller.membership.buckets, error) < 0 ||
        sockets_open(&supervisor->sockets, loop, config->actuator_runtime_directory,
                     (int)config->actuator_index, &sockets_handlers, supervisor, error) < 0)
        return -1;
    /* Last: when the launcher says that it is ready the first round begins. */
    return launcher_link_open(&supervisor->link, loop, supervisor->family->launcher_socket,
                              &attempt_launcher_handlers, supervisor, error);
}

/* Nothing is in flight any more: the loop ends when all handles are closed. */
static void close_all(struct supervisor *supervisor)
{
    supervisor->phase = SUPERVISOR_STOPPED;
    launcher_link_close(&supervisor->link);
    sockets_close(&supervisor->sockets);
    probe_close(&supervisor->probe);
    poller_close(&supervisor->poller);
    writer_close(&supervisor->writer);
    feed_close(&supervisor->feed);
    uv_close((uv_handle_t *)&supervisor->drain, NULL);
    uv_close((uv_handle_t *)&supervisor->watchdog, NULL);
    for (int i = 0; i < SUPERVISOR_SIGNALS; i++)
        uv_close((uv_handle_t *)&supervisor->signals[i], NULL);
    for (uint32_t i = 0; i < supervisor->table.size; i++)
        uv_close((uv_handle_t *)&supervisor->table.workers[i].deadline, NULL);
}

int supervisor_run(struct supervisor *supervisor, struct config *config, struct task_list *tasks,
                   struct store *store, struct family *family, const struct membership *membership)
{
    struct error error;
    *supervisor = (struct supervisor){
        .config = config,
        .tasks = tasks,
        .store = store,
        .family = family,
        .store_answers = true,
        .started = clock_monotonic(),
        .rules.actuator = membership->id,
    };
    steady_clock_start(&supervisor->clock, config->actuator_lease_ttl, clock_unix_milliseconds(),
                       clock_boot_milliseconds());
    apply_rules(supervisor);
    uv_loop_init(&supervisor->loop);
    if (open_all(supervisor, membership, &error) < 0 ||
        confine_supervisor(config, family, &error) < 0) {
        log_error("%s", error.message);
        return EXIT_FAILURE;
    }
    log_info("confined: %s", confinement_describe());
    uv_run(&supervisor->loop, UV_RUN_DEFAULT);
    if (supervisor->phase != SUPERVISOR_STOPPED)
        return EXIT_FAILURE; /* crash-only: the next start recovers */

    if (membership_leave(store, &supervisor->poller.membership, &error) < 0)
        log_warning("cannot take back the membership record: %s", error.message);
    probe_free(&supervisor->probe);
    worker_table_free(&supervisor->table);
    uv_loop_close(&supervisor->loop);
    log_notice("stopped");
    return supervisor->exit_status;
}
