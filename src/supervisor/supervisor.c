/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.c - bringing the supervisor up, its signals, draining, and bringing it down. */
#include "supervisor/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/confinement.h"
#include "mimo/log.h"
#include "mimo/program.h"
#include "supervisor/attempts.h"
#include "supervisor/commands.h"
#include "supervisor/confine.h"
#include "supervisor/feed.h"
#include "supervisor/poller.h"
#include "supervisor/probe.h"
#include "supervisor/service.h"
#include "supervisor/sockets.h"
#include "supervisor/status.h"
#include "supervisor/worker_limits.h"

enum {
    SUPERVISOR_SIGNALS = 4,
    DRAIN_TERM_GRACE = 10 * 1000,   /* milliseconds from SIGTERM to SIGKILL */
    DRAIN_KILL_GRACE = 30 * 1000,   /* milliseconds for the results after SIGKILL */
    STATUS_WRITE_FRESH = 60 * 1000, /* milliseconds: how old the membership record may be */
    STATUS_POLLS_FRESH = 3,         /* polls: how old the latest answer of the store may be */
};

enum supervisor_phase {
    SUPERVISOR_STARTING, /* until launcher is ready and recovery done */
    SUPERVISOR_RUNNING,
    SUPERVISOR_DRAINING, /* no new claims; running attempts may finish */
    SUPERVISOR_STOPPED,  /* handles are closed */
};

/* How far stopping the workers has gone. */
enum drain_step { DRAIN_WAITING, DRAIN_TERMINATED, DRAIN_KILLED };

struct supervisor {
    struct config *config; /* read on the loop's thread alone; SIGHUP changes it */
    struct task_list *tasks;
    struct store *store;
    struct family *family;
    struct listeners *listeners;
    uv_loop_t loop;
    enum supervisor_phase phase;
    enum drain_step drain_step;
    int exit_status;
    struct monotonic started;

    struct settle_rules rules;
    struct steady_clock clock; /* leases and due times go by it */
    struct attempts attempts;
    struct poller poller;
    struct feed feed;
    struct sockets sockets;
    struct probe probe;
    uv_signal_t signals[SUPERVISOR_SIGNALS];
    uv_timer_t drain;
    struct service service;

    /* What the log has said already. */
    char store_trouble[ERROR_MESSAGE_SIZE]; /* "" while the store works */
    char last_skipped[ERROR_MESSAGE_SIZE];  /* document that was left out of the latest round */
    bool clock_doubted;
    bool watching_said; /* that this actuator has not joined yet */
};

static void on_drain_over(uv_timer_t *timer);
static void close_all(struct supervisor *supervisor);

/* Notes how a call of the store ended. Reads may work while writes fail (a full disk): trouble is
 * over only when something was written. */
static void note_store(struct supervisor *supervisor, bool answered, bool wrote,
                       const struct error *error)
{
    bool in_trouble = supervisor->store_trouble[0] != '\0';
    if (!answered) {
        feed_add(&supervisor->feed, METRIC_STORE_FAILURES);
        snprintf(supervisor->store_trouble, sizeof(supervisor->store_trouble), "%s",
                 error->message);
        if (!in_trouble)
            log_error("%s; running attempts continue, nothing is claimed until the store answers",
                      error->message);
    } else if (in_trouble && wrote) {
        supervisor->store_trouble[0] = '\0';
        log_notice("the store answers again");
    }
}

/* Ends without draining: a part of the family is gone. */
static void fail(struct supervisor *supervisor, const struct error *error)
{
    if (supervisor->phase == SUPERVISOR_STOPPED)
        return;
    log_error("%s; exiting, so that the service manager starts the actuator again", error->message);
    supervisor->exit_status = EXIT_FAILURE;
    uv_stop(&supervisor->loop);
}

/* Ends without draining: another process runs as this actuator, and may have taken its leases. */
static void fail_as_copy(struct supervisor *supervisor, const struct error *error)
{
    log_error("%s", error->message);
    supervisor->exit_status = EXIT_FAILURE;
    uv_stop(&supervisor->loop);
}

static void stop_if_idle(struct supervisor *supervisor)
{
    if (supervisor->phase == SUPERVISOR_DRAINING && attempts_are_idle(&supervisor->attempts) &&
        !poller_is_busy(&supervisor->poller))
        close_all(supervisor);
}

static void on_drain_over(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    const struct worker_table *table = &supervisor->attempts.table;
    switch (supervisor->drain_step++) {
    case DRAIN_WAITING:
        log_notice("%u attempts still run and are stopped; they go back to the queue uncounted",
                   worker_table_live(table));
        attempts_drain(&supervisor->attempts, SIGTERM);
        uv_timer_start(timer, on_drain_over, DRAIN_TERM_GRACE, 0);
        break;
    case DRAIN_TERMINATED:
        attempts_drain(&supervisor->attempts, SIGKILL);
        uv_timer_start(timer, on_drain_over, DRAIN_KILL_GRACE, 0);
        break;
    case DRAIN_KILLED:
        log_error("%u results could not be written; the next start takes their manifests back",
                  worker_table_active(table));
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
        if (supervisor->drain_step == DRAIN_WAITING)
            on_drain_over(&supervisor->drain);
        return;
    }
    service_notify_stopping(&supervisor->service);
    log_notice("draining: no new claims, %u attempts may finish within drain_timeout",
               worker_table_active(&supervisor->attempts.table));
    supervisor->phase = SUPERVISOR_DRAINING;
    poller_set_hold(&supervisor->poller, POLLER_PAUSED);
    uv_timer_start(&supervisor->drain, on_drain_over,
                   (uint64_t)supervisor->config->actuator_drain_timeout, 0);
    stop_if_idle(supervisor);
}

/* A worker is killed before its lease ends, whatever its timeout is. */
static void warn_of_short_leases(const struct supervisor *supervisor)
{
    const struct task *task;
    for (size_t i = 0; (task = task_list_at(supervisor->tasks, i)); i++)
        if (limits_timeout(supervisor->config, task) > supervisor->config->actuator_lease_ttl)
            log_warning("task %s: its timeout is longer than actuator.lease_ttl: its workers are "
                        "ended before the lease is over",
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
    service_notify_reloading(&supervisor->service);
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
    service_notify_ready(&supervisor->service);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct supervisor *supervisor = handle->data;
    switch (number) {
    case SIGUSR1:
        status_log_workers(&supervisor->attempts.table);
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
    return supervisor->phase == SUPERVISOR_RUNNING
               ? worker_table_free_slots(&supervisor->attempts.table)
               : 0;
}

/* Whether an attempt still holds a lease. */
static bool is_busy(void *context)
{
    const struct supervisor *supervisor = context;
    return !attempts_are_idle(&supervisor->attempts);
}

static size_t watch_attempts(void *context, struct stop_watch *watches)
{
    struct supervisor *supervisor = context;
    return attempts_watch(&supervisor->attempts, watches);
}

static void stop_attempts(struct supervisor *supervisor, const struct poll_result *result)
{
    for (size_t i = 0; i < result->watch_count; i++)
        if (result->watches[i].stop)
            attempts_stop(&supervisor->attempts, result->watches[i].token,
                          result->watches[i].reason);
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
    if (owned == 0)
        log_info("owns no buckets (%d other live actuators)", membership->live);
    else
        log_info("owns buckets %d to %d (live actuators: %d)", membership->buckets.first,
                 membership->buckets.last, membership->live);
}

static void note_skipped(struct supervisor *supervisor, const struct error *skipped)
{
    const char *message = skipped->kind == ERROR_NONE ? "" : skipped->message;
    if (strcmp(message, supervisor->last_skipped) == 0)
        return;
    strcpy(supervisor->last_skipped, message);
    if (*message)
        log_warning("skipped damaged document: %s", message);
}

static void note_clock(struct supervisor *supervisor)
{
    bool doubted = supervisor->clock.doubting;
    if (doubted == supervisor->clock_doubted)
        return;
    supervisor->clock_doubted = doubted;
    char patience[CLOCK_TEXT_SIZE];
    if (doubted)
        log_warning("the wall clock has jumped: leases and due times use the time that really "
                    "passed until it has been steady for %s; if it is correct now, restart "
                    "mimod to trust it at once",
                    clock_format_duration(patience, supervisor->clock.patience));
    else
        log_notice("the wall clock is trusted again");
}

/* What a round that the store answered found. */
static void take_answers(struct supervisor *supervisor, const struct poll_result *result)
{
    const struct error *refused = &result->counts.refused;
    bool watching = result->standing == MEMBERSHIP_WATCHING;
    if (watching && !supervisor->watching_said)
        log_notice("%s", result->error.message);
    supervisor->watching_said = watching;
    log_upkeep(result);
    note_buckets(supervisor);
    note_skipped(supervisor, refused->kind ? refused : &result->claims.skipped);
    stop_attempts(supervisor, result);
}

static void on_polled(void *context, struct poll_result *result)
{
    struct supervisor *supervisor = context;
    bool joined = result->refreshed && result->standing == MEMBERSHIP_JOINED;
    if (result->standing == MEMBERSHIP_FOREIGN) {
        fail_as_copy(supervisor, &result->error);
        return;
    }
    note_clock(supervisor);
    note_store(supervisor, result->answered, joined || result->claims.count > 0, &result->error);
    if (result->answered)
        take_answers(supervisor, result);
    if (result->recovered && supervisor->phase == SUPERVISOR_STARTING) {
        supervisor->phase = SUPERVISOR_RUNNING;
        service_notify_ready(&supervisor->service);
        log_notice("actuator %s is running", supervisor->rules.actuator);
        poller_wake(&supervisor->poller);
    }
    for (size_t i = 0; i < result->claims.count; i++)
        attempts_begin(&supervisor->attempts, &result->claims.claims[i], result->began,
                       result->lease_milliseconds);
    supervisor->poller.membership.workers = (int)worker_table_live(&supervisor->attempts.table);
    stop_if_idle(supervisor);
}

static void on_woken(void *context)
{
    struct supervisor *supervisor = context;
    poller_wake(&supervisor->poller);
}

/* What an operator asked for, and how far it has come. */
static enum status_mode mode_of(const struct supervisor *supervisor)
{
    if (supervisor->phase != SUPERVISOR_RUNNING)
        return supervisor->phase == SUPERVISOR_STARTING ? STATUS_STARTING : STATUS_STOPPING;
    switch (supervisor->poller.hold) {
    case POLLER_PAUSED:
        return STATUS_PAUSED;
    case POLLER_DRAINED:
        return attempts_are_idle(&supervisor->attempts) ? STATUS_DRAINED : STATUS_DRAINING;
    case POLLER_WORKING:
        break;
    }
    return STATUS_WORKING;
}

static int64_t longer(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

static struct status_snapshot take_snapshot(const struct supervisor *supervisor)
{
    const struct config *config = supervisor->config;
    const struct poller *poller = &supervisor->poller;
    const char *trouble = supervisor->store_trouble;
    int launcher_abi = (int)supervisor->attempts.launcher.landlock_abi;
    return (struct status_snapshot){
        .mode = mode_of(supervisor),
        .membership = &poller->membership,
        .table = &supervisor->attempts.table,
        .processes = {{"supervisor", getpid(), confinement_abi()},
                      {"launcher", supervisor->family->launcher, launcher_abi},
                      {"keeper", supervisor->family->keeper, confinement_abi()},
                      {"metrics helper", supervisor->feed.helper, confinement_abi()}},
        .landlock_abi = launcher_abi,
        .launcher = &supervisor->attempts.launcher,
        .uptime = clock_elapsed(supervisor->started),
        .readiness_delay = config->actuator_readiness_delay,
        .recovered = poller->recovered,
        .refresh_age = clock_elapsed(poller->last_refresh),
        .refresh_fresh = longer(STATUS_WRITE_FRESH, config->actuator_membership_ttl),
        .answer_age = clock_elapsed(poller->last_answer),
        .answer_fresh = STATUS_POLLS_FRESH * config->actuator_poll_interval,
        .store_trouble = *trouble ? trouble : NULL,
        .clusters_answer = probe_is_satisfied(&supervisor->probe),
    };
}

static bool on_ready_asked(void *context, char *reason, size_t size)
{
    struct status_snapshot snapshot = take_snapshot(context);
    status_explain(&snapshot, reason, size);
    return status_is_ready(&snapshot);
}

/* Pauses, drains, or works on, until told otherwise. Nothing while the process starts or ends. */
static void hold(struct supervisor *supervisor, enum poller_hold hold)
{
    static const char *const names[] = {"resumed", "paused", "draining"};
    if (supervisor->phase != SUPERVISOR_RUNNING || supervisor->poller.hold == hold)
        return;
    log_notice("%s by an operator", names[hold]);
    poller_set_hold(&supervisor->poller, hold);
}

static struct status_snapshot on_snapshot_asked(void *context)
{
    return take_snapshot(context);
}

static void on_hold(void *context, enum poller_hold wanted)
{
    hold(context, wanted);
}

static const struct commands_handlers commands_handlers = {on_hold, on_snapshot_asked};

static struct json_object *on_control(void *context, struct json_object *request)
{
    return commands_answer(request, &commands_handlers, context);
}

static void on_lost(void *context, const struct error *error)
{
    fail(context, error);
}

/* It is stopped, or waits for the kernel. Its end is reported by its channel. */
static void on_launcher_hangs(void *context)
{
    struct supervisor *supervisor = context;
    if (family_cgroup_kill(&supervisor->family->cgroup))
        log_error("the launcher hangs: it and all attempts were killed by their cgroup");
}

static void on_launcher_ready(void *context)
{
    struct supervisor *supervisor = context;
    poller_start(&supervisor->poller);
}

static void on_released(void *context)
{
    struct supervisor *supervisor = context;
    if (supervisor->phase == SUPERVISOR_RUNNING)
        poller_wake_soon(&supervisor->poller);
    stop_if_idle(supervisor);
}

static void on_cluster_answered(void *context)
{
    struct supervisor *supervisor = context;
    probe_note_answer(&supervisor->probe);
}

static void on_written(void *context, bool answered, const struct error *error)
{
    note_store(context, answered, true, error);
}

static const struct attempts_handlers attempts_handlers = {
    .ready = on_launcher_ready,
    .released = on_released,
    .cluster_answered = on_cluster_answered,
    .written = on_written,
    .launcher_lost = on_lost,
    .launcher_hangs = on_launcher_hangs,
};
static const struct poller_handlers poller_handlers = {free_workers, watch_attempts, is_busy,
                                                       on_polled};
static const struct sockets_handlers sockets_handlers = {on_woken, on_control};
static const struct feed_handlers feed_handlers = {on_ready_asked};

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

    service_open(&supervisor->service, loop);
    uv_timer_init(loop, &supervisor->drain);
    supervisor->drain.data = supervisor;
    if (watch_signals(supervisor, error) < 0 ||
        feed_open(&supervisor->feed, loop, supervisor->store, supervisor->family->metrics_socket,
                  config->metrics_interval, &feed_handlers, supervisor, error) < 0 ||
        poller_initialize(&supervisor->poller, loop, supervisor->store, config, &supervisor->rules,
                          &supervisor->clock, membership, &poller_handlers, supervisor,
                          error) < 0 ||
        probe_open(&supervisor->probe, loop, supervisor->store,
                   &supervisor->poller.membership.buckets, error) < 0 ||
        sockets_open(&supervisor->sockets, loop, supervisor->listeners, &sockets_handlers,
                     supervisor, error) < 0)
        return -1;
    const struct attempts_parts parts = {
        .loop = loop,
        .config = config,
        .tasks = supervisor->tasks,
        .store = supervisor->store,
        .rules = &supervisor->rules,
        .clock = &supervisor->clock,
        .feed = &supervisor->feed,
        .launcher_socket = supervisor->family->launcher_socket,
    };
    /* Last: when the launcher says that it is ready the first round begins. */
    return attempts_open(&supervisor->attempts, &parts, &attempts_handlers, supervisor, error);
}

/* Nothing is in flight any more: the loop ends when all handles are closed. */
static void close_all(struct supervisor *supervisor)
{
    supervisor->phase = SUPERVISOR_STOPPED;
    attempts_close(&supervisor->attempts);
    sockets_close(&supervisor->sockets);
    probe_close(&supervisor->probe);
    poller_close(&supervisor->poller);
    feed_close(&supervisor->feed);
    uv_close((uv_handle_t *)&supervisor->drain, NULL);
    service_close(&supervisor->service);
    for (int i = 0; i < SUPERVISOR_SIGNALS; i++)
        uv_close((uv_handle_t *)&supervisor->signals[i], NULL);
}

int supervisor_run(struct config *config, struct task_list *tasks, struct store *store,
                   struct family *family, struct listeners *listeners,
                   const struct membership *membership)
{
    struct error error;
    struct supervisor *supervisor = calloc(1, sizeof(*supervisor));
    if (!supervisor) {
        log_error("out of memory");
        return EXIT_FAILURE;
    }
    supervisor->config = config;
    supervisor->tasks = tasks;
    supervisor->store = store;
    supervisor->family = family;
    supervisor->listeners = listeners;
    supervisor->started = clock_monotonic();
    supervisor->rules.actuator = membership->start.id;
    supervisor->rules.incarnation = membership->start.incarnation;
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
        log_warning("cannot remove the membership record: %s", error.message);
    int status = supervisor->exit_status;
    probe_free(&supervisor->probe);
    attempts_free(&supervisor->attempts);
    uv_loop_close(&supervisor->loop);
    free(supervisor);
    log_notice("stopped");
    return status;
}
