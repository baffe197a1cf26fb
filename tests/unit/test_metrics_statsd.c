/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics_statsd.c - lines reach a real agent's socket, and a missing or full one costs lines,
 * nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "metrics/statsd.h"
#include "patience.h"

enum { INTERVAL = 60000 };

struct place {
    char folder[64];
    char path[96];     /* of the agent's UNIX socket */
    char address[112]; /* the same with "unix:" in front */
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    assert_non_null(place);
    strcpy(place->folder, "/tmp/mimo-test-statsd-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof(place->path), "%s/agent", place->folder);
    snprintf(place->address, sizeof(place->address), "unix:%s", place->path);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    unlink(place->path);
    rmdir(place->folder);
    free(place);
    return 0;
}

static int start_unix_agent(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* An agent on a free port of 127.0.0.1, or on `port`; writes the address for statsd_open(). */
static int start_udp_agent(uint16_t port, char *ret_address, size_t size)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(ret_address, size, "udp:127.0.0.1:%u", ntohs(address.sin_port));
    return fd;
}

static void expect_datagram(int agent, const char *expected)
{
    char buffer[512];
    struct pollfd watched = {.fd = agent, .events = POLLIN};
    assert_int_equal(poll(&watched, 1, 5000), 1);
    ssize_t length = recv(agent, buffer, sizeof(buffer) - 1, 0);
    assert_true(length >= 0);
    buffer[length] = '\0';
    assert_string_equal(buffer, expected);
}

static int send_text(struct statsd *statsd, const char *text, struct error *error)
{
    return statsd_send(statsd, text, strlen(text), error);
}

static void udp_agent_receives_one_datagram_a_line(void **state)
{
    (void)state;
    char address[64];
    struct statsd statsd;
    struct error error;
    int agent = start_udp_agent(0, address, sizeof(address));

    assert_int_equal(statsd_open(&statsd, address, INTERVAL, &error), 0);
    assert_int_equal(send_text(&statsd, "a:1|c", &error), 0);
    assert_int_equal(send_text(&statsd, "b:2|g", &error), 0);
    expect_datagram(agent, "a:1|c");
    expect_datagram(agent, "b:2|g");
    assert_int_equal(statsd.sent, 2);
    assert_int_equal(statsd.dropped, 0);

    statsd_close(&statsd);
    close(agent);
}

static void closed_udp_port_is_noticed_and_its_return_too(void **state)
{
    (void)state;
    char address[64];
    struct statsd statsd;
    struct error error;
    int agent = start_udp_agent(0, address, sizeof(address));
    uint16_t port = (uint16_t)atoi(strrchr(address, ':') + 1);
    assert_int_equal(statsd_open(&statsd, address, INTERVAL, &error), 0);
    close(agent);

    assert_int_equal(send_text(&statsd, "lost:1|c", &error), 0); /* nobody can know yet */
    assert_int_equal(send_text(&statsd, "lost:2|c", &error), -1);
    assert_non_null(strstr(error.message, "Connection refused"));
    assert_int_equal(statsd.dropped, 1);
    assert_int_equal(statsd.sent, 1);

    agent = start_udp_agent(port, address, sizeof(address));
    assert_int_equal(send_text(&statsd, "late:3|c", &error), -1); /* news of lost:2 */
    assert_int_equal(send_text(&statsd, "back:4|c", &error), 0);
    expect_datagram(agent, "late:3|c");
    expect_datagram(agent, "back:4|c");
    assert_int_equal(statsd.dropped, 2);
    assert_int_equal(statsd.sent, 2);

    statsd_close(&statsd);
    close(agent);
}

static void unix_agent_that_starts_later_is_found_without_reopening(void **state)
{
    struct place *place = *state;
    struct statsd statsd;
    struct error error;
    assert_int_equal(statsd_open(&statsd, place->address, INTERVAL, &error), 0);

    assert_int_equal(send_text(&statsd, "lost:1|c", &error), -1);
    assert_non_null(strstr(error.message, place->path));
    assert_non_null(strstr(error.message, "No such file"));
    assert_int_equal(statsd.dropped, 1);

    int agent = start_unix_agent(place->path);
    assert_int_equal(send_text(&statsd, "found:2|c", &error), 0);
    expect_datagram(agent, "found:2|c");

    close(agent); /* its file stays, as after a crash */
    assert_int_equal(send_text(&statsd, "lost:3|c", &error), -1);
    unlink(place->path);
    agent = start_unix_agent(place->path);
    assert_int_equal(send_text(&statsd, "again:4|c", &error), 0);
    expect_datagram(agent, "again:4|c");
    assert_int_equal(statsd.sent, 2);
    assert_int_equal(statsd.dropped, 2);

    statsd_close(&statsd);
    close(agent);
}

static void agent_that_does_not_read_costs_lines_and_no_time(void **state)
{
    struct place *place = *state;
    struct statsd statsd;
    struct error error;
    int agent = start_unix_agent(place->path);
    assert_int_equal(statsd_open(&statsd, place->address, INTERVAL, &error), 0);

    alarm(patient_seconds(30)); /* a send that waits would end the test here */
    int sent = 0;
    while (send_text(&statsd, "full:1|c", &error) == 0)
        sent++;
    alarm(0);
    assert_true(sent > 0);
    assert_int_equal(statsd.dropped, 1);
    assert_non_null(strstr(error.message, "does not read fast enough"));

    expect_datagram(agent, "full:1|c"); /* room for one more */
    assert_int_equal(send_text(&statsd, "next:1|c", &error), 0);
    assert_int_equal(statsd.dropped, 1);

    statsd_close(&statsd);
    close(agent);
}

static void off_sends_nothing_and_counts_nothing(void **state)
{
    (void)state;
    struct statsd statsd;
    struct error error;
    assert_int_equal(statsd_open(&statsd, "off", INTERVAL, &error), 0);
    assert_int_equal(send_text(&statsd, "a:1|c", &error), 0);
    assert_int_equal(statsd.sent, 0);
    assert_int_equal(statsd.dropped, 0);
    statsd_close(&statsd);
}

static void addresses_that_are_none_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        const char *message;
    } cases[] = {
        {"", "not one of unix:/PATH, udp:HOST:PORT, off"},
        {"tcp:127.0.0.1:8125", "not one of unix:/PATH, udp:HOST:PORT, off"},
        {"unix:relative", "not an absolute path"},
        {"unix:/a/path/that/is/longer/than/the/107/bytes/a/unix/socket/may/have/"
         "because/sockaddr_un/has/only/that/much/room/for/it",
         "not an absolute path of at most 107 bytes"},
        {"udp:127.0.0.1", "is not HOST:PORT"},
        {"udp::8125", "is not HOST:PORT"},
        {"udp:127.0.0.1:", "port is not a number"},
        {"udp:127.0.0.1:65536", "port is not a number"},
        {"udp:127.0.0.1:+5", "port is not a number"},
        {"udp:127.0.0.1:80x", "port is not a number"},
        {"udp:::1:8125", "brackets"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct statsd statsd;
        struct error error;
        assert_int_equal(statsd_open(&statsd, cases[i].address, INTERVAL, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        if (!strstr(error.message, cases[i].message))
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].address, error.message,
                     cases[i].message);
        statsd_close(&statsd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(udp_agent_receives_one_datagram_a_line),
        cmocka_unit_test(closed_udp_port_is_noticed_and_its_return_too),
        cmocka_unit_test_setup_teardown(unix_agent_that_starts_later_is_found_without_reopening,
                                        make_place, remove_place),
        cmocka_unit_test_setup_teardown(agent_that_does_not_read_costs_lines_and_no_time,
                                        make_place, remove_place),
        cmocka_unit_test(off_sends_nothing_and_counts_nothing),
        cmocka_unit_test(addresses_that_are_none_are_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
