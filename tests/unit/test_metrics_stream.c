/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics_stream.c - lines reach an agent that listens on a UNIX socket of type stream: whole,
 * each with its newline, also when the agent is slow, closes, comes back, or becomes one of
 * datagrams.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "metrics/statsd.h"

enum { LONG_LINE = 9000, READ_SIZE = 700 };

struct agent {
    char folder[64];
    char path[96];
    char address[112];
    int listener;
    int connection;
    struct statsd statsd;
};

static int bind_agent(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static int set_up(void **state)
{
    struct agent *agent = calloc(1, sizeof(*agent));
    struct error error;
    assert_non_null(agent);
    strcpy(agent->folder, "/tmp/mimo-test-stream-XXXXXX");
    assert_non_null(mkdtemp(agent->folder));
    snprintf(agent->path, sizeof(agent->path), "%s/agent", agent->folder);
    snprintf(agent->address, sizeof(agent->address), "unix:%s", agent->path);
    agent->listener = bind_agent(agent->path, SOCK_STREAM);
    agent->connection = -1;
    assert_int_equal(statsd_open(&agent->statsd, agent->address, 60000, &error), 0);
    *state = agent;
    return 0;
}

static void stop_agent(struct agent *agent)
{
    if (agent->connection >= 0)
        close(agent->connection);
    if (agent->listener >= 0)
        close(agent->listener);
    agent->connection = agent->listener = -1;
}

static int tear_down(void **state)
{
    struct agent *agent = *state;
    statsd_close(&agent->statsd);
    stop_agent(agent);
    unlink(agent->path);
    rmdir(agent->folder);
    free(agent);
    return 0;
}

static int send_text(struct agent *agent, const char *text, struct error *error)
{
    return statsd_send(&agent->statsd, text, strlen(text), error);
}

static void accept_connection(struct agent *agent)
{
    if (agent->connection >= 0)
        close(agent->connection);
    agent->connection = accept4(agent->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(agent->connection >= 0);
}

/* What the agent reads until `expected` is complete; nothing else may come. */
static void expect_text(struct agent *agent, const char *expected)
{
    char text[512] = "";
    size_t length = 0, wanted = strlen(expected);
    struct pollfd watched = {.fd = agent->connection, .events = POLLIN};
    while (length < wanted) {
        assert_int_equal(poll(&watched, 1, 20000), 1);
        ssize_t got = read(agent->connection, text + length, sizeof(text) - 1 - length);
        assert_true(got > 0);
        length += (size_t)got;
    }
    text[length] = '\0';
    assert_string_equal(text, expected);
}

static void each_line_ends_in_a_newline(void **state)
{
    struct agent *agent = *state;
    struct error error;
    assert_int_equal(send_text(agent, "a:1|c", &error), 0);
    assert_int_equal(send_text(agent, "b:2|g", &error), 0);
    accept_connection(agent);
    expect_text(agent, "a:1|c\nb:2|g\n");
    assert_int_equal(agent->statsd.sent, 2);
    assert_int_equal(agent->statsd.dropped, 0);
    assert_int_equal(statsd_waiting(&agent->statsd), -1);
}

static void agent_that_closes_gets_the_next_line_on_a_new_connection(void **state)
{
    struct agent *agent = *state;
    struct error error;
    assert_int_equal(send_text(agent, "a:1|c", &error), 0);
    accept_connection(agent);
    expect_text(agent, "a:1|c\n");
    close(agent->connection);
    agent->connection = -1;

    assert_int_equal(send_text(agent, "b:2|g", &error), 0);
    accept_connection(agent);
    expect_text(agent, "b:2|g\n");
    assert_int_equal(agent->statsd.sent, 2);
    assert_int_equal(agent->statsd.dropped, 0);
}

static void agent_that_is_gone_costs_lines_until_it_listens_again(void **state)
{
    struct agent *agent = *state;
    struct error error;
    assert_int_equal(send_text(agent, "a:1|c", &error), 0);
    accept_connection(agent);
    expect_text(agent, "a:1|c\n");
    stop_agent(agent); /* its file stays, as after a crash */

    assert_int_equal(send_text(agent, "lost:2|g", &error), -1);
    assert_non_null(strstr(error.message, "Connection refused"));
    unlink(agent->path);
    assert_int_equal(send_text(agent, "lost:3|g", &error), -1);
    assert_non_null(strstr(error.message, agent->address));
    assert_non_null(strstr(error.message, "No such file"));
    assert_int_equal(agent->statsd.dropped, 2);

    agent->listener = bind_agent(agent->path, SOCK_STREAM);
    assert_int_equal(send_text(agent, "back:4|g", &error), 0);
    accept_connection(agent);
    expect_text(agent, "back:4|g\n");
    assert_int_equal(agent->statsd.sent, 2);
}

static void agent_may_come_back_with_the_other_type_of_socket(void **state)
{
    struct agent *agent = *state;
    struct error error;
    char text[64];
    assert_int_equal(send_text(agent, "a:1|c", &error), 0);
    stop_agent(agent);

    agent->listener = bind_agent(agent->path, SOCK_DGRAM);
    assert_int_equal(send_text(agent, "b:2|g", &error), 0);
    assert_int_equal(recv(agent->listener, text, sizeof(text), MSG_DONTWAIT), 5); /* no newline */
    assert_memory_equal(text, "b:2|g", 5);
    stop_agent(agent);

    agent->listener = bind_agent(agent->path, SOCK_STREAM);
    assert_int_equal(send_text(agent, "c:3|c", &error), 0);
    accept_connection(agent);
    expect_text(agent, "c:3|c\n");
}

/* Sends `number` in front of many filler characters, so that a stream may take a part alone. */
static int send_long(struct agent *agent, int number, struct error *error)
{
    char line[LONG_LINE + 1];
    memset(line, 'x', LONG_LINE);
    line[LONG_LINE] = '\0';
    int length = snprintf(line, sizeof(line), "%d:", number);
    line[length] = 'x';
    return send_text(agent, line, error);
}

/* Sends until the stream takes no more, or only part of a line; returns how many were tried. */
static int fill(struct agent *agent)
{
    struct error error;
    int tried = 0;
    while (statsd_waiting(&agent->statsd) < 0 && send_long(agent, tried, &error) == 0)
        tried++;
    return tried + 1;
}

static void use_a_small_buffer(struct agent *agent)
{
    struct error error;
    int size = 4096;
    assert_int_equal(send_text(agent, "first:1|c", &error), 0);
    accept_connection(agent);
    assert_int_equal(setsockopt(agent->statsd.socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)),
                     0);
}

/* Reads all there is, flushing as the helper's loop does. Every line must be whole. */
static int read_whole_lines(struct agent *agent)
{
    char *text = calloc(1, 1 << 22);
    size_t length = 0;
    int lines = 0;
    assert_non_null(text);
    assert_int_equal(fcntl(agent->connection, F_SETFL, O_NONBLOCK), 0);
    for (;;) {
        statsd_flush(&agent->statsd);
        ssize_t got = read(agent->connection, text + length, READ_SIZE);
        if (got < 0 && errno == EAGAIN && statsd_waiting(&agent->statsd) < 0)
            break;
        assert_true(got > 0 || (got < 0 && errno == EAGAIN));
        length += got > 0 ? (size_t)got : 0;
    }
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && *line;)
        lines += strlen(line) == LONG_LINE || strcmp(line, "first:1|c") == 0 ? 1 : 1000000;
    free(text);
    return lines;
}

static void slow_agent_gets_whole_lines_only(void **state)
{
    struct agent *agent = *state;
    struct error error;
    use_a_small_buffer(agent);
    alarm(60); /* a send that waits would end the test here */
    fill(agent);
    assert_true(statsd_waiting(&agent->statsd) >= 0); /* a part of a line is on its way */
    assert_int_equal(send_long(agent, 1, &error), -1);
    assert_non_null(strstr(error.message, "does not read fast enough"));
    assert_int_equal(agent->statsd.dropped, 1);

    int lines = read_whole_lines(agent);
    assert_int_equal(lines, agent->statsd.sent);
    assert_int_equal(send_text(agent, "next:1|c", &error), 0);
    expect_text(agent, "next:1|c\n");
    alarm(0);
    assert_int_equal(agent->statsd.dropped, 1);
}

static void agent_that_closes_within_a_line_costs_that_line(void **state)
{
    struct agent *agent = *state;
    struct error error;
    use_a_small_buffer(agent);
    fill(agent);
    assert_true(statsd_waiting(&agent->statsd) >= 0);
    close(agent->connection);
    agent->connection = -1;

    assert_int_equal(send_text(agent, "next:1|c", &error), 0);
    assert_int_equal(agent->statsd.dropped, 1);
    accept_connection(agent);
    expect_text(agent, "next:1|c\n");
}

static void agent_that_accepts_nobody_costs_lines_and_no_time(void **state)
{
    struct agent *agent = *state;
    struct error error;
    alarm(60);
    while (send_long(agent, 1, &error) == 0)
        ;
    alarm(0);
    assert_true(agent->statsd.dropped > 0);
    assert_non_null(strstr(error.message, "does not read fast enough"));
}

#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(each_line_ends_in_a_newline),
        STREAM_TEST(agent_that_closes_gets_the_next_line_on_a_new_connection),
        STREAM_TEST(agent_that_is_gone_costs_lines_until_it_listens_again),
        STREAM_TEST(agent_may_come_back_with_the_other_type_of_socket),
        STREAM_TEST(slow_agent_gets_whole_lines_only),
        STREAM_TEST(agent_that_closes_within_a_line_costs_that_line),
        STREAM_TEST(agent_that_accepts_nobody_costs_lines_and_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
