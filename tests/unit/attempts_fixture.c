/* SPDX-License-Identifier: Apache-2.0 */
/* attempts_fixture.c - attempts with a fake launcher and a store that can be spoiled. */
#include "attempts_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "supervisor/claim.h"

enum { MINUTE_OF_PATIENCE = 60 };

struct attempts_fixture fixture;

int __real_store_run(struct store *store, struct store_operation *operations, size_t count,
                     struct error *error);
int __wrap_store_run(struct store *store, struct store_operation *operations, size_t count,
                     struct error *error);
const struct task *__wrap_task_list_find(const struct task_list *list, const char *id);

int __wrap_store_run(struct store *store, struct store_operation *operations, size_t count,
                     struct error *error)
{
    fixture.store_runs++;
    if (count > fixture.largest_run)
        fixture.largest_run = count;
    if (fixture.failing_runs != 0) {
        if (fixture.failing_runs > 0)
            fixture.failing_runs--;
        return error_set(error, ERROR_UNAVAILABLE, "the disk is full");
    }
    return __real_store_run(store, operations, count, error);
}

const struct task *__wrap_task_list_find(const struct task_list *list, const char *id)
{
    (void)list;
    (void)id;
    return fixture.registered ? &fixture.task : NULL;
}

/* ---- the log ---- */

static int log_file = -1;
static int standard_error;

/* Standard error goes to a file until release_log(). */
static void catch_log(void)
{
    standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    log_file = open("/tmp", O_RDWR | O_TMPFILE | O_APPEND | O_CLOEXEC, 0600);
    assert_true(standard_error >= 0 && log_file >= 0);
    assert_true(dup2(log_file, STDERR_FILENO) >= 0);
}

static const char *read_log(void)
{
    static char text[65536];
    ssize_t length = pread(log_file, text, sizeof(text) - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

/* What was caught is written after all: it may explain a failure. */
static void release_log(void)
{
    const char *text = read_log();
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    close(log_file);
    fputs(text, stderr);
}

void expect_logged(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (!strstr(read_log(), line))
        fail_msg("not logged: %s", line);
}

/* ---- handlers ---- */

static void on_ready(void *context)
{
    (void)context;
    fixture.ready++;
}

static void on_released(void *context)
{
    (void)context;
    fixture.released++;
}

static void on_cluster_answered(void *context)
{
    (void)context;
    fixture.answered_by_cluster++;
}

static void on_written(void *context, bool answered, const struct error *error)
{
    (void)context;
    (void)error;
    *(answered ? &fixture.written : &fixture.not_written) += 1;
}

static void on_lost(void *context, const struct error *error)
{
    (void)context;
    fixture.lost++;
    fixture.lost_error = *error;
}

static void on_hanging(void *context)
{
    (void)context;
    fixture.hanging++;
}

static const struct attempts_handlers handlers = {on_ready,   on_released, on_cluster_answered,
                                                  on_written, on_lost,     on_hanging};

int set_up_attempts(void **state)
{
    struct error error;
    int ends[2];
    catch_log();
    fixture = (struct attempts_fixture){
        .registered = true,
        .task = {.id = TEST_TASK, .name = "Test", .short_name = "test"},
        .config = {.actuator_max_workers = FIXTURE_SLOTS,
                   .actuator_task_timeout = 60000,
                   .sandbox_memory = 1 << 28,
                   .sandbox_open_files = 64},
        .rules = {.actuator = TEST_ACTUATOR, .mark = TEST_MARK, .backoff = {3600000, 3600000}},
    };
    if (test_store_setup(state) < 0)
        return -1;
    fixture.store = *state;
    uv_loop_init(&fixture.loop);
    steady_clock_start(&fixture.clock, FIXTURE_LEASE, INT64_C(1000) * TEST_NOW,
                       clock_boot_milliseconds());
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
                     0);
    fixture.launcher = ends[1];
    const struct attempts_parts parts = {
        .loop = &fixture.loop,
        .config = &fixture.config,
        .store = fixture.store->store,
        .rules = &fixture.rules,
        .clock = &fixture.clock,
        .feed = &fixture.feed,
        .launcher_socket = ends[0],
    };
    if (attempts_open(&fixture.attempts, &parts, &handlers, NULL, &error) < 0)
        fail_msg("%s", error.message);
    fixture.state = LAUNCHER_CHANNEL_READY;
    tell((struct launcher_message){
        .type = LAUNCHER_READY, .ready = {.landlock_abi = 5}, .job_fd = -1, .report_fd = -1});
    alarm(MINUTE_OF_PATIENCE);
    return 0;
}

int tear_down_attempts(void **state)
{
    alarm(0);
    attempts_close(&fixture.attempts);
    for (uint32_t i = 0; i < FIXTURE_SLOTS; i++)
        if (fixture.attempts.table.workers[i].pipe_state == WORKER_PIPE_OPEN)
            uv_close((uv_handle_t *)&fixture.attempts.table.workers[i].pipe, NULL);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    attempts_free(&fixture.attempts);
    assert_int_equal(uv_loop_close(&fixture.loop), 0);
    close(fixture.attempts.parts.launcher_socket);
    if (fixture.launcher >= 0)
        close(fixture.launcher);
    release_log();
    return test_store_teardown(state);
}

void turn(void)
{
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
}

void turn_until(bool holds(void))
{
    while (!holds())
        uv_run(&fixture.loop, UV_RUN_ONCE);
}

bool is_idle(void)
{
    return attempts_are_idle(&fixture.attempts) &&
           worker_table_free_slots(&fixture.attempts.table) == FIXTURE_SLOTS;
}

/* Claims the manifest of a cluster that is in the store. */
static void begin_claimed(int cluster, int64_t lease_milliseconds, char *id)
{
    const struct claim_request request = {
        .actuator = TEST_ACTUATOR,
        .buckets = {0, BUCKET_COUNT - 1},
        .limit = 1,
        .lease_seconds = FIXTURE_LEASE / 1000,
        .mark = TEST_MARK,
    };
    struct claim_round round;
    struct error error;
    test_add_manifest(fixture.store, cluster, 0, TEST_NOW, id);
    if (claim_run(fixture.store->store, &request, TEST_NOW, &round, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(round.count, 1);
    attempts_begin(&fixture.attempts, &round.claims[0], clock_monotonic(), lease_milliseconds);
    claim_round_free(&round);
}

void begin_attempt_with_lease(int cluster, int64_t lease_milliseconds, char *id)
{
    test_add_cluster(fixture.store, cluster, "Succeeded");
    begin_claimed(cluster, lease_milliseconds, id);
}

void begin_attempt_at(int cluster, const char *url, char *id)
{
    struct error error;
    struct cluster added;
    cleanup_json struct json_object *properties = document_pack(
        "{s:s, s:{s:s}}", "provisioningState", "Succeeded", "apiserverProfile", "url", url);
    if (cluster_create(&added, test_cluster_id(cluster), properties, NULL, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(
        test_run(fixture.store, store_create(STORE_CLUSTERS, cluster_document(&added))),
        STORE_DONE);
    cluster_free(&added);
    fixture.task.flags = TASK_NEEDS_CLUSTER;
    begin_claimed(cluster, FIXTURE_LEASE, id);
}

void begin_attempt(int cluster, char *id)
{
    begin_attempt_with_lease(cluster, FIXTURE_LEASE, id);
}

static bool receive_order(struct launcher_message *ret_message)
{
    struct error error;
    int received = launcher_channel_receive(fixture.launcher, LAUNCHER_SIDE_SUPERVISOR,
                                            &fixture.state, ret_message, &error);
    if (received < 0)
        fail_msg("%s", error.message);
    return received > 0;
}

struct launcher_message next_order(void)
{
    struct launcher_message message;
    while (!receive_order(&message))
        uv_run(&fixture.loop, UV_RUN_ONCE);
    return message;
}

void expect_no_order(void)
{
    struct launcher_message message;
    turn();
    assert_false(receive_order(&message));
}

void expect_signal(uint64_t token, int signal)
{
    struct launcher_message message = next_order();
    assert_int_equal(message.type, LAUNCHER_SIGNAL);
    assert_int_equal(message.signal.token, token);
    assert_int_equal(message.signal.signal, signal);
}

void tell(struct launcher_message message)
{
    struct error error;
    if (launcher_channel_send(fixture.launcher, &message, &error) < 0)
        fail_msg("%s", error.message);
    turn();
}

void tell_started(const struct launcher_message *order)
{
    tell((struct launcher_message){
        .type = LAUNCHER_STARTED,
        .started = {.token = order->launch.token, .pid = 1000 + (int32_t)order->launch.slot},
        .job_fd = -1,
        .report_fd = -1});
}

void tell_ended(uint64_t token, int wait_status)
{
    tell((struct launcher_message){.type = LAUNCHER_ENDED,
                                   .ended = {.token = token,
                                             .wait_status = wait_status,
                                             .max_rss_kib = 2048,
                                             .cpu_milliseconds = 7},
                                   .job_fd = -1,
                                   .report_fd = -1});
}

void report_line(const struct launcher_message *order, const char *line)
{
    assert_int_equal(write(order->report_fd, line, strlen(line)), strlen(line));
    assert_int_equal(write(order->report_fd, "\n", 1), 1);
    turn();
}

void close_report(struct launcher_message *order)
{
    if (order->job_fd >= 0)
        close(take_fd(&order->job_fd));
    close(take_fd(&order->report_fd));
    turn();
}

void live_and_end(struct launcher_message *order, const char *outcome, const char *text)
{
    char line[256];
    snprintf(line, sizeof(line), "{\"type\":\"result\",\"outcome\":\"%s\",\"message\":\"%s\"}",
             outcome, text);
    tell_started(order);
    report_line(order, line);
    close_report(order);
    tell_ended(order->launch.token, 0);
}

struct worker *worker_of(const struct launcher_message *order)
{
    return worker_table_find(&fixture.attempts.table, order->launch.token);
}

void expire_deadline(struct worker *worker)
{
    assert_true(uv_is_active((uv_handle_t *)&worker->deadline));
    worker->deadline.timer_cb(&worker->deadline);
}

void expect_manifest(int cluster, const char *id, enum manifest_state state, const char *text)
{
    struct manifest manifest = test_manifest(fixture.store, cluster, id);
    assert_int_equal(manifest.state, state);
    assert_string_equal(
        document_string(manifest_document(&manifest), "maintenanceManifest.statusText", ""), text);
    manifest_free(&manifest);
}
