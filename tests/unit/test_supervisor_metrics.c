/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_supervisor_metrics.c - the way of the figures: the feed of the supervisor, and the keeper
 * that starts the helper again.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "supervisor/feed.h"
#include "supervisor/keeper.h"
#include "supervisor_store.h"

enum { PATIENCE = 60, FAR_AWAY = 3600 * 1000 };

static int ends[2]; /* the supervisor's, the helper's */
static uv_loop_t loop;
static struct feed feed;
static struct test_store *store;
static bool ready;

static bool is_ready(void *context, char *reason, size_t size)
{
    (void)context;
    snprintf(reason, size, "%s", ready ? "" : "the disk is full");
    return ready;
}

static const struct feed_handlers handlers = {is_ready};

static int open_channel(void **state)
{
    (void)state;
    alarm(PATIENCE);
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int close_channel(void **state)
{
    (void)state;
    alarm(0);
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(take_fd(&ends[i]));
    return 0;
}

static int open_feed_with(void **state, int64_t interval)
{
    struct error error;
    if (open_channel(state) < 0 || test_store_setup(state) < 0)
        return -1;
    store = *state;
    ready = false;
    uv_loop_init(&loop);
    if (feed_open(&feed, &loop, store->store, ends[0], interval, &handlers, NULL, &error) < 0)
        fail_msg("%s", error.message);
    return 0;
}

static int open_feed(void **state)
{
    return open_feed_with(state, FAR_AWAY);
}

static int open_fast_feed(void **state)
{
    return open_feed_with(state, 10);
}

static int close_feed(void **state)
{
    feed_close(&feed);
    feed_close(&feed); /* harmless */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    close_channel(state);
    return test_store_teardown(state);
}

static struct metrics_message next_message(void)
{
    struct metrics_message message;
    struct error error;
    int received;
    while ((received = metrics_channel_receive(ends[1], &message, &error)) == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(received, 1);
    return message;
}

static void notify(int32_t pid, int32_t wait_status)
{
    struct error error;
    const struct metrics_notice notice = {
        .pid = pid, .wait_status = wait_status, .pause_milliseconds = 100};
    assert_int_equal(metrics_channel_notify(ends[1], &notice, &error), 0);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void values_go_out_when_they_are_sent(void **state)
{
    (void)state;
    feed_set(&feed, METRIC_WORKERS_ACTIVE, 5);
    feed_add(&feed, METRIC_ATTEMPTS_STARTED);
    feed_add(&feed, METRIC_ATTEMPTS_STARTED);
    feed_send(&feed, 1u << METRIC_WORKERS_ACTIVE);
    struct metrics_message message = next_message();
    assert_int_equal(message.emit, 1u << METRIC_WORKERS_ACTIVE);
    assert_int_equal(message.values[METRIC_WORKERS_ACTIVE], 5);
    assert_int_equal(message.values[METRIC_ATTEMPTS_STARTED], 2);
}

static void readiness_and_its_reason_go_out_when_they_change(void **state)
{
    (void)state;
    struct metrics_message message = next_message(); /* at the first look: a reason */
    assert_int_equal(message.values[METRIC_READY], 0);
    assert_string_equal(message.not_ready, "the disk is full");
    assert_int_equal(message.emit, 0);
    ready = true;
    message = next_message();
    assert_int_equal(message.values[METRIC_READY], 1);
    assert_string_equal(message.not_ready, "");
}

static void each_interval_has_the_queue_length_and_the_heartbeat_of_the_ready(void **state)
{
    (void)state;
    test_add_cluster(store, 1, "Succeeded");
    test_add_manifest(store, 1, 0, TEST_NOW, NULL);
    struct metrics_message message = next_message();
    assert_int_equal(message.values[METRIC_HEARTBEAT], 0);
    assert_false(message.emit & 1u << METRIC_HEARTBEAT);
    assert_true(message.emit & 1u << METRIC_WORKERS_ACTIVE);
    ready = true;
    do
        message = next_message();
    while (!(message.emit & 1u << METRIC_HEARTBEAT));
    assert_true(message.emit & 1u << METRIC_QUEUE_LENGTH);
    assert_int_equal(message.values[METRIC_QUEUE_LENGTH], 1);
    assert_true(message.values[METRIC_HEARTBEAT] >= 1);
    feed_close(&feed);
    while (feed.counting)
        uv_run(&loop, UV_RUN_ONCE);
}

static void a_helper_that_does_not_read_costs_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++)
        feed_send(&feed, 0);
    assert_true(feed.connected);
}

static void notices_tell_the_pid_of_the_helper(void **state)
{
    (void)state;
    assert_int_equal(feed.helper, 0);
    notify(77, 0);
    assert_int_equal(feed.helper, 77);
    assert_false(feed.helper_ended);
    notify(0, SIGKILL);
    assert_int_equal(feed.helper, 0);
    assert_true(feed.helper_ended);
    notify(0, 2 << 8);
    notify(78, 0);
    assert_int_equal(feed.helper, 78);
    assert_true(feed.connected);
}

static void the_end_of_the_channel_ends_nothing_but_the_metrics(void **state)
{
    (void)state;
    notify(77, 0);
    close(take_fd(&ends[1]));
    while (feed.connected)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(feed.helper, 0);
    assert_true(feed.open);
    feed_add(&feed, METRIC_HEARTBEAT);
    feed_send(&feed, 0); /* to nobody */
}

static void a_send_that_finds_nobody_ends_nothing_but_the_metrics(void **state)
{
    (void)state;
    close(take_fd(&ends[1]));
    feed_send(&feed, 0);
    assert_false(feed.connected);
    assert_true(feed.open);
}

static void a_notice_that_breaks_the_rules_closes_the_channel(void **state)
{
    (void)state;
    assert_int_equal(send(ends[1], "x", 1, 0), 1);
    while (feed.connected)
        uv_run(&loop, UV_RUN_ONCE);
    assert_true(feed.open);
}

static void the_pause_of_the_keeper_doubles_up_to_a_minute(void **state)
{
    (void)state;
    assert_int_equal(keeper_next_pause(0, 0), 100);
    assert_int_equal(keeper_next_pause(100, 0), 200);
    assert_int_equal(keeper_next_pause(200, 59999), 400);
    assert_int_equal(keeper_next_pause(400, 60000), 100); /* it lived well */
    assert_int_equal(keeper_next_pause(29000, 0), 58000);
    assert_int_equal(keeper_next_pause(31000, 0), 60000);
    assert_int_equal(keeper_next_pause(60000, 0), 60000);
}

/* The channel is the standard input of its helpers too, from which a shell can read. */
static _Noreturn void be_keeper(const char *program, char *const *argv)
{
    dup2(ends[1], STDIN_FILENO);
    keeper_run(
        &(struct keeper){.program = program, .argv = argv, .user = "12345", .channel = ends[1]});
}

static pid_t start_keeper(const char *program, char *const *argv)
{
    pid_t pid = fork();
    if (pid == 0)
        be_keeper(program, argv);
    close(take_fd(&ends[1]));
    return pid;
}

static struct metrics_notice next_notice(void)
{
    struct pollfd channel = {.fd = ends[0], .events = POLLIN};
    struct metrics_notice notice;
    struct error error;
    assert_int_equal(poll(&channel, 1, -1), 1);
    if (metrics_channel_receive_notice(ends[0], &notice, &error) != 1)
        fail_msg("%s", error.message);
    return notice;
}

static void expect_keeper_ends_well(pid_t keeper)
{
    int status;
    close(take_fd(&ends[0]));
    assert_int_equal(waitpid(keeper, &status, 0), keeper);
    assert_int_equal(status, 0);
}

static void a_helper_that_ends_is_started_again(void **state)
{
    (void)state;
    char shell[] = "sh", option[] = "-c", script[] = "exit 3";
    char *argv[] = {shell, option, script, NULL};
    pid_t keeper = start_keeper("/bin/sh", argv);
    for (uint32_t pause = 100; pause <= 200; pause *= 2) {
        assert_true(next_notice().pid > 0);
        struct metrics_notice ended = next_notice();
        assert_int_equal(ended.pid, 0);
        assert_int_equal(ended.wait_status, 3 << 8);
        assert_int_equal(ended.pause_milliseconds, pause);
    }
    expect_keeper_ends_well(keeper);
}

static void a_helper_that_is_killed_is_started_again(void **state)
{
    (void)state;
    char shell[] = "sh", option[] = "-c", script[] = "read line";
    char *argv[] = {shell, option, script, NULL};
    pid_t keeper = start_keeper("/bin/sh", argv);
    int32_t first = next_notice().pid;
    if (geteuid() != 0) /* as root it runs as another user, whom root may kill too */
        assert_int_equal(kill(first, 0), 0);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(next_notice().wait_status, SIGKILL);
    int32_t second = next_notice().pid;
    assert_true(second > 0 && second != first);
    expect_keeper_ends_well(keeper); /* and its helper, which reads the end of the channel */
}

static void a_program_that_is_missing_is_tried_again(void **state)
{
    (void)state;
    char name[] = "missing";
    char *argv[] = {name, NULL};
    pid_t keeper = start_keeper("/no/such/program", argv);
    assert_true(next_notice().pid > 0);
    assert_int_equal(next_notice().wait_status, 127 << 8);
    assert_true(next_notice().pid > 0);
    expect_keeper_ends_well(keeper);
}

static void a_keeper_without_its_user_ends(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    int status;
    char *argv[] = {NULL};
    pid_t keeper = fork();
    if (keeper == 0)
        keeper_run(&(struct keeper){
            .program = "/bin/true", .argv = argv, .user = "no-such-user", .channel = ends[1]});
    assert_int_equal(waitpid(keeper, &status, 0), keeper);
    assert_int_equal(status, 1 << 8);
}

#define WITH_FEED(name)    cmocka_unit_test_setup_teardown(name, open_feed, close_feed)
#define WITH_CHANNEL(name) cmocka_unit_test_setup_teardown(name, open_channel, close_channel)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FEED(values_go_out_when_they_are_sent),
        WITH_FEED(readiness_and_its_reason_go_out_when_they_change),
        cmocka_unit_test_setup_teardown(
            each_interval_has_the_queue_length_and_the_heartbeat_of_the_ready, open_fast_feed,
            close_feed),
        WITH_FEED(a_helper_that_does_not_read_costs_nothing),
        WITH_FEED(notices_tell_the_pid_of_the_helper),
        WITH_FEED(the_end_of_the_channel_ends_nothing_but_the_metrics),
        WITH_FEED(a_send_that_finds_nobody_ends_nothing_but_the_metrics),
        WITH_FEED(a_notice_that_breaks_the_rules_closes_the_channel),
        cmocka_unit_test(the_pause_of_the_keeper_doubles_up_to_a_minute),
        WITH_CHANNEL(a_helper_that_ends_is_started_again),
        WITH_CHANNEL(a_helper_that_is_killed_is_started_again),
        WITH_CHANNEL(a_program_that_is_missing_is_tried_again),
        WITH_CHANNEL(a_keeper_without_its_user_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
