/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_supervisor_link.c - the supervisor's end of the launcher channel: order, a full socket,
 * and its end.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/io.h"
#include "supervisor/launcher_link.h"

enum { PATIENCE = 60, MANY = 2000 };

static uv_loop_t loop;
static struct launcher_link channel;
static int ends[2]; /* the supervisor's, the launcher's */
static struct {
    int ready, started, ended, failed, lost;
    uint64_t token;
    int64_t value;
    struct error error;
} told;

static void on_ready(void *context, const struct launcher_ready *ready)
{
    assert_ptr_equal(context, &told);
    told.ready++;
    told.value = ready->landlock_abi;
}

static void on_started(void *context, const struct launcher_started *started)
{
    (void)context;
    told.started++;
    told.token = started->token;
    told.value = started->pid;
}

static void on_ended(void *context, const struct launcher_ended *ended)
{
    (void)context;
    told.ended++;
    told.value = ended->wait_status;
}

static void on_failed(void *context, const struct launcher_failed *failed)
{
    (void)context;
    told.failed++;
    told.value = failed->error_number;
}

static void on_lost(void *context, const struct error *error)
{
    (void)context;
    told.lost++;
    told.error = *error;
}

static const struct launcher_link_handlers handlers = {on_ready, on_started, on_ended, on_failed,
                                                       on_lost};

static int set_up(void **state)
{
    struct error error;
    (void)state;
    alarm(PATIENCE);
    memset(&told, 0, sizeof(told));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                     0);
    uv_loop_init(&loop);
    return launcher_link_open(&channel, &loop, ends[0], &handlers, &told, &error);
}

static int tear_down(void **state)
{
    (void)state;
    alarm(0);
    launcher_link_close(&channel);
    launcher_link_close(&channel); /* harmless */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return 0;
}

static void tell(struct launcher_message message)
{
    struct error error;
    message.job_fd = message.report_fd = -1;
    if (launcher_channel_send(ends[1], &message, &error) < 0)
        fail_msg("%s", error.message);
}

static void tell_ready(void)
{
    tell((struct launcher_message){.type = LAUNCHER_READY, .ready = {.landlock_abi = 4}});
}

static void each_message_reaches_its_handler(void **state)
{
    (void)state;
    tell_ready();
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(told.ready, 1);
    assert_int_equal(told.value, 4);
    tell((struct launcher_message){.type = LAUNCHER_STARTED, .started = {.token = 9, .pid = 77}});
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(told.started, 1);
    assert_int_equal(told.token, 9);
    assert_int_equal(told.value, 77);
    tell(
        (struct launcher_message){.type = LAUNCHER_ENDED, .ended = {.token = 9, .wait_status = 5}});
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(told.ended, 1);
    assert_int_equal(told.value, 5);
    tell((struct launcher_message){.type = LAUNCHER_FAILED,
                                   .failed = {.token = 9, .error_number = 12}});
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(told.failed, 1);
    assert_int_equal(told.value, 12);
    assert_int_equal(told.lost, 0);
}

static int receive(struct launcher_message *message)
{
    enum launcher_channel_state channel_state = LAUNCHER_CHANNEL_READY;
    struct error error;
    return launcher_channel_receive(ends[1], LAUNCHER_SIDE_SUPERVISOR, &channel_state, message,
                                    &error);
}

/* More than the socket holds: all arrive, in order. */
static void a_full_socket_loses_nothing(void **state)
{
    (void)state;
    struct error error;
    for (uint64_t i = 1; i <= MANY; i++)
        assert_int_equal(launcher_link_signal(&channel, i, i % 2 ? SIGTERM : SIGKILL, &error), 0);
    assert_non_null(channel.first);
    for (uint64_t i = 1; i <= MANY;) {
        struct launcher_message message;
        int received = receive(&message);
        assert_true(received >= 0);
        if (received == 0) {
            uv_run(&loop, UV_RUN_ONCE);
            continue;
        }
        assert_int_equal(message.type, LAUNCHER_SIGNAL);
        assert_int_equal(message.signal.token, i);
        assert_int_equal(message.signal.signal, i % 2 ? SIGTERM : SIGKILL);
        i++;
    }
    assert_null(channel.first);
    assert_null(channel.last);
    assert_int_equal(launcher_link_signal(&channel, 1, SIGTERM, &error), 0); /* goes out at once */
    struct launcher_message message;
    assert_int_equal(receive(&message), 1);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static struct launcher_launch launch_of(uint64_t token)
{
    return (struct launcher_launch){.token = token,
                                    .memory = 1,
                                    .attempt_memory = 1,
                                    .alarm_seconds = 1,
                                    .cpu_seconds = 1,
                                    .open_files = 1,
                                    .job_length = 2,
                                    .title = "t"};
}

static void descriptors_of_a_launch_are_taken_over(void **state)
{
    (void)state;
    struct error error;
    int pipes[2];
    int job = io_sealed_memory("job", "{}", 2, &error);
    assert_int_equal(pipe(pipes), 0);
    struct launcher_launch launch = launch_of(3);
    assert_int_equal(launcher_link_launch(&channel, &launch, job, pipes[1], &error), 0);
    assert_false(is_open(job) || is_open(pipes[1]));
    struct launcher_message message;
    assert_int_equal(receive(&message), 1);
    assert_int_equal(message.launch.token, 3);
    assert_true(message.job_fd >= 0 && message.report_fd >= 0);
    close(message.job_fd);
    close(message.report_fd);
    close(pipes[0]);
}

static void descriptors_of_a_refused_launch_are_closed(void **state)
{
    (void)state;
    struct error error;
    int pipes[2];
    int job = io_sealed_memory("job", "{}", 2, &error);
    assert_int_equal(pipe(pipes), 0);
    struct launcher_launch launch = launch_of(0); /* no token */
    assert_int_equal(launcher_link_launch(&channel, &launch, job, pipes[1], &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_int_equal(strncmp(error.message, "cannot ask the launcher for a worker: ", 38), 0);
    assert_false(is_open(job) || is_open(pipes[1]));
    close(pipes[0]);
}

static void what_waits_is_dropped_with_its_descriptors_at_the_end(void **state)
{
    (void)state;
    struct error error;
    int pipes[2];
    while (!channel.first)
        assert_int_equal(launcher_link_signal(&channel, 1, SIGTERM, &error), 0);
    int job = io_sealed_memory("job", "{}", 2, &error);
    assert_int_equal(pipe(pipes), 0);
    struct launcher_launch launch = launch_of(3);
    assert_int_equal(launcher_link_launch(&channel, &launch, job, pipes[1], &error), 0);
    assert_true(is_open(job) && is_open(pipes[1])); /* they wait */
    launcher_link_close(&channel);
    assert_false(is_open(job) || is_open(pipes[1]));
    assert_int_equal(launcher_link_signal(&channel, 1, SIGTERM, &error), -1);
    assert_int_equal(error.kind, ERROR_UNAVAILABLE);
    assert_string_equal(error.message, "cannot signal a worker: the launcher has ended");
    close(pipes[0]);
}

static void the_end_of_the_launcher_is_told_once(void **state)
{
    (void)state;
    tell_ready();
    close(take_fd(&ends[1]));
    while (!told.lost)
        uv_run(&loop, UV_RUN_ONCE);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(told.ready, 1); /* what it said before counts */
    assert_int_equal(told.lost, 1);
    assert_int_equal(told.error.kind, ERROR_UNAVAILABLE);
}

static void a_message_out_of_turn_is_the_end(void **state)
{
    (void)state;
    tell((struct launcher_message){.type = LAUNCHER_STARTED, .started = {.token = 9, .pid = 77}});
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(told.started, 0);
    assert_int_equal(told.lost, 1);
    assert_int_equal(told.error.kind, ERROR_INVALID);
}

static void a_launcher_that_ends_while_messages_wait_is_lost(void **state)
{
    (void)state;
    struct error error;
    while (!channel.first)
        assert_int_equal(launcher_link_signal(&channel, 1, SIGTERM, &error), 0);
    close(take_fd(&ends[1]));
    while (!told.lost)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(told.lost, 1);
    assert_null(channel.first);
}

#define WITH_LINK(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LINK(each_message_reaches_its_handler),
        WITH_LINK(a_full_socket_loses_nothing),
        WITH_LINK(descriptors_of_a_launch_are_taken_over),
        WITH_LINK(descriptors_of_a_refused_launch_are_closed),
        WITH_LINK(what_waits_is_dropped_with_its_descriptors_at_the_end),
        WITH_LINK(the_end_of_the_launcher_is_told_once),
        WITH_LINK(a_message_out_of_turn_is_the_end),
        WITH_LINK(a_launcher_that_ends_while_messages_wait_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
