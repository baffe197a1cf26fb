/* SPDX-License-Identifier: Apache-2.0 */
/* test_metrics_channel.c - figures reach the helper whole, and never hold up the supervisor. */
#include <fcntl.h>
#include <sys/socket.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/metrics.h"

static int ends[2];

static int set_up(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int tear_down(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static struct metrics_message sample(void)
{
    struct metrics_message message = {.emit = 1u << METRIC_HEARTBEAT | 1u << METRIC_READY};

    for (int i = 0; i < METRIC_COUNT; i++)
        message.values[i] = 1000 + i;
    return message;
}

static void every_metric_has_its_row(void **state)
{
    (void)state;
    for (int i = 0; i < METRIC_COUNT; i++) {
        assert_non_null(metric_descriptions[i].name);
        assert_true(strlen(metric_descriptions[i].help) > 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(metric_descriptions[i].name, metric_descriptions[j].name);
    }
    assert_string_equal(metric_descriptions[METRIC_HEARTBEAT].name, "actuator.heartbeat");
    assert_int_equal(metric_descriptions[METRIC_HEARTBEAT].kind, METRIC_KIND_COUNTER);
    assert_string_equal(metric_descriptions[METRIC_QUEUE_LENGTH].name,
                        "database.maintenancemanifests.queue.length");
    assert_int_equal(metric_descriptions[METRIC_QUEUE_LENGTH].kind, METRIC_KIND_GAUGE);
    assert_string_equal(metric_descriptions[METRIC_WORKERS_ACTIVE].name,
                        "mimo.actuator.workers.active.count");
}

static void a_message_arrives_as_it_was_sent(void **state)
{
    struct metrics_message sent = sample(), received;
    struct error error;

    (void)state;
    expect_success(metrics_channel_send(ends[0], &sent, &error), &error);
    assert_int_equal(metrics_channel_receive(ends[1], &received, &error), 1);
    assert_int_equal(received.version, METRICS_CHANNEL_VERSION);
    assert_int_equal(received.emit, sent.emit);
    assert_memory_equal(received.values, sent.values, sizeof(sent.values));
    assert_int_equal(metrics_channel_receive(ends[1], &received, &error), 0);
}

static void a_helper_that_does_not_read_loses_messages(void **state)
{
    struct metrics_message message = sample();
    struct error error;
    int result = 0;

    (void)state;
    alarm(patient_seconds(20)); /* so that waiting fails instead of hanging */
    for (int i = 0; i < 100000 && result == 0; i++)
        result = metrics_channel_send(ends[0], &message, &error);
    alarm(0);
    expect_failure(result, &error, ERROR_BUSY,
                   "the metrics helper does not read fast enough: a message is lost");
}

static void the_end_of_either_side_is_told(void **state)
{
    struct metrics_message message = sample();
    struct error error;

    (void)state;
    close(ends[1]);
    expect_failure(metrics_channel_send(ends[0], &message, &error), &error, ERROR_UNAVAILABLE,
                   "the metrics helper has ended");
    expect_failure(metrics_channel_receive(ends[0], &message, &error), &error, ERROR_UNAVAILABLE,
                   "the supervisor has ended");
    ends[1] = dup(ends[0]);
}

static void a_helper_that_died_with_unread_messages_is_gone_too(void **state)
{
    struct metrics_message message = sample();
    struct error error;

    (void)state;
    expect_success(metrics_channel_send(ends[0], &message, &error), &error);
    close(ends[1]);
    expect_failure(metrics_channel_receive(ends[0], &message, &error), &error, ERROR_UNAVAILABLE,
                   "the supervisor has ended");
    ends[1] = dup(ends[0]);
}

static void every_other_packet_is_refused(void **state)
{
    char data[2 * sizeof(struct metrics_message)] = {0};
    struct metrics_message message = sample(), received;
    struct error error;
    char expected[32];

    (void)state;
    snprintf(expected, sizeof(expected), "bytes, expected %zu", sizeof(message));
    message.version = METRICS_CHANNEL_VERSION;
    memcpy(data, &message, sizeof(message));
    for (size_t length = 1; length <= sizeof(data); length++) {
        if (length == sizeof(message))
            continue;
        assert_int_equal(send(ends[0], data, length, 0), length);
        expect_failure(metrics_channel_receive(ends[1], &received, &error), &error, ERROR_INVALID,
                       expected);
    }
    message.version = 1;
    assert_int_equal(send(ends[0], &message, sizeof(message), 0), sizeof(message));
    expect_failure(metrics_channel_receive(ends[1], &received, &error), &error, ERROR_INVALID,
                   "metrics message of version 1, expected 2");
    message.version = METRICS_CHANNEL_VERSION;
    message.emit = 1u << METRIC_COUNT;
    assert_int_equal(send(ends[0], &message, sizeof(message), 0), sizeof(message));
    expect_failure(metrics_channel_receive(ends[1], &received, &error), &error, ERROR_INVALID,
                   "names a metric that does not exist");
    message.emit = 0;
    memset(message.not_ready, 'x', sizeof(message.not_ready));
    assert_int_equal(send(ends[0], &message, sizeof(message), 0), sizeof(message));
    expect_failure(metrics_channel_receive(ends[1], &received, &error), &error, ERROR_INVALID,
                   "unterminated");
}

static void a_notice_arrives_as_it_was_sent(void **state)
{
    const struct metrics_notice sent = {.pid = 77, .wait_status = 9, .pause_milliseconds = 100};
    struct metrics_notice received;
    struct error error;

    (void)state;
    assert_int_equal(metrics_channel_receive_notice(ends[0], &received, &error), 0);
    expect_success(metrics_channel_notify(ends[1], &sent, &error), &error);
    assert_int_equal(metrics_channel_receive_notice(ends[0], &received, &error), 1);
    assert_int_equal(received.version, METRICS_CHANNEL_VERSION);
    assert_int_equal(received.pid, 77);
    assert_int_equal(received.wait_status, 9);
    assert_int_equal(received.pause_milliseconds, 100);
}

static void every_other_notice_is_refused(void **state)
{
    struct metrics_notice notice = {.version = METRICS_CHANNEL_VERSION, .pid = -1}, received;
    struct error error;

    (void)state;
    assert_int_equal(send(ends[1], &notice, sizeof(notice), 0), sizeof(notice));
    expect_failure(metrics_channel_receive_notice(ends[0], &received, &error), &error,
                   ERROR_INVALID, "negative pid");
    notice.pid = 1;
    notice.version = METRICS_CHANNEL_VERSION + 1;
    assert_int_equal(send(ends[1], &notice, sizeof(notice), 0), sizeof(notice));
    expect_failure(metrics_channel_receive_notice(ends[0], &received, &error), &error,
                   ERROR_INVALID, "metrics message of version 3, expected 2");
    assert_int_equal(send(ends[1], &notice, sizeof(notice) - 1, 0), sizeof(notice) - 1);
    expect_failure(metrics_channel_receive_notice(ends[0], &received, &error), &error,
                   ERROR_INVALID, "metrics message of 15 bytes, expected 16");
    close(ends[1]);
    expect_failure(metrics_channel_receive_notice(ends[0], &received, &error), &error,
                   ERROR_UNAVAILABLE, "the metrics helper has ended");
    ends[1] = dup(ends[0]);
}

static void a_socket_that_is_none_is_a_system_error(void **state)
{
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct metrics_message message = sample();
    struct error error;

    (void)state;
    expect_failure(metrics_channel_send(null, &message, &error), &error, ERROR_SYSTEM,
                   "cannot send");
    expect_failure(metrics_channel_receive(null, &message, &error), &error, ERROR_SYSTEM,
                   "cannot receive");
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_has_its_row),
        WITH_PAIR(a_message_arrives_as_it_was_sent),
        WITH_PAIR(a_helper_that_does_not_read_loses_messages),
        WITH_PAIR(the_end_of_either_side_is_told),
        WITH_PAIR(a_helper_that_died_with_unread_messages_is_gone_too),
        WITH_PAIR(every_other_packet_is_refused),
        WITH_PAIR(a_notice_arrives_as_it_was_sent),
        WITH_PAIR(every_other_notice_is_refused),
        cmocka_unit_test(a_socket_that_is_none_is_a_system_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
