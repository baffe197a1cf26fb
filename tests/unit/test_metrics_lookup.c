/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics_lookup.c - the name of a statsd agent is looked up again and again, without waiting;
 * a name that does not resolve costs lines and nothing else. getaddrinfo() is the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/statsd.h"

/* What the name server says. `port` in place of the one asked for stands for another host. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool known;
    bool silent; /* look-ups do not end */
    uint16_t port;
    unsigned asked; /* for "silent.example" and "hourly.example" */
} names = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct found {
    struct addrinfo information;
    struct sockaddr_in address;
};

static int answer(uint16_t port, struct addrinfo **ret_found)
{
    struct found *found = calloc(1, sizeof(*found));
    found->address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    found->information = (struct addrinfo){.ai_family = AF_INET,
                                           .ai_addr = (struct sockaddr *)&found->address,
                                           .ai_addrlen = sizeof(found->address)};
    *ret_found = &found->information;
    return 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_found)
{
    if (hints->ai_flags & AI_NUMERICHOST)
        return strcmp(node, "127.0.0.1") == 0 ? answer((uint16_t)atoi(service), ret_found)
                                              : EAI_NONAME;
    pthread_mutex_lock(&names.mutex);
    names.asked += strcmp(node, "agent.example") != 0;
    pthread_cond_broadcast(&names.changed);
    while (names.silent)
        pthread_cond_wait(&names.changed, &names.mutex);
    bool known = names.known;
    uint16_t port = names.port;
    pthread_mutex_unlock(&names.mutex);
    return known ? answer(port, ret_found) : EAI_AGAIN;
}

void freeaddrinfo(struct addrinfo *found)
{
    free(found);
}

static void set_names(bool known, bool silent, uint16_t port)
{
    pthread_mutex_lock(&names.mutex);
    names.known = known;
    names.silent = silent;
    names.port = port;
    pthread_cond_broadcast(&names.changed);
    pthread_mutex_unlock(&names.mutex);
}

static unsigned times_asked(void)
{
    pthread_mutex_lock(&names.mutex);
    unsigned asked = names.asked;
    pthread_mutex_unlock(&names.mutex);
    return asked;
}

static int start_agent(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* Sends until `agent` has got one; the look-ups behind it end when they end. */
static void send_until_received(struct statsd *statsd, int agent)
{
    struct pollfd watched = {.fd = agent, .events = POLLIN};
    struct error error;
    char text[64];
    do
        statsd_send(statsd, "a:1|c", 5, &error);
    while (poll(&watched, 1, 1) == 0);
    assert_int_equal(recv(agent, text, sizeof(text), 0), 5);
}

static void wait_for_failures(struct statsd *statsd, uint64_t count)
{
    struct error error;
    while (statsd_lookup_failures(statsd) < count) {
        statsd_send(statsd, "a:1|c", 5, &error);
        poll(NULL, 0, 1);
    }
}

static void unresolvable_name_costs_lines_until_it_resolves(void **state)
{
    struct statsd statsd;
    struct error error;
    uint16_t port;
    (void)state;
    int agent = start_agent(&port);
    set_names(false, false, port);
    assert_int_equal(statsd_open(&statsd, "udp:agent.example:8125", 1, &error), 0);
    assert_true(statsd_needs_names(&statsd));

    wait_for_failures(&statsd, 2);
    assert_int_equal(statsd_send(&statsd, "a:1|c", 5, &error), -1);
    assert_string_equal(error.message, "metrics.statsd: cannot resolve \"agent.example\": "
                                       "Temporary failure in name resolution");
    assert_true(statsd.dropped > 0);
    assert_int_equal(statsd.sent, 0);

    set_names(true, false, port);
    send_until_received(&statsd, agent);
    statsd_close(&statsd);
    close(agent);
}

static void name_that_moves_is_followed(void **state)
{
    struct statsd statsd;
    struct error error;
    uint16_t first_port, second_port;
    (void)state;
    int first = start_agent(&first_port), second = start_agent(&second_port);
    set_names(true, false, first_port);
    assert_int_equal(statsd_open(&statsd, "udp:agent.example:8125", 1, &error), 0);
    send_until_received(&statsd, first);
    set_names(true, false, second_port);
    send_until_received(&statsd, second);

    set_names(false, false, second_port); /* an outage of the name server changes nothing */
    wait_for_failures(&statsd, 1);
    send_until_received(&statsd, second);
    statsd_close(&statsd);
    close(first);
    close(second);
}

static void silent_name_server_costs_no_time(void **state)
{
    struct statsd statsd;
    struct error error;
    unsigned asked = times_asked();
    (void)state;
    set_names(true, true, 9);
    assert_int_equal(statsd_open(&statsd, "udp:silent.example:8125", 1, &error), 0);
    alarm(60); /* a send that waits would end the test here */
    statsd_start(&statsd);
    while (times_asked() == asked)
        poll(NULL, 0, 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(statsd_send(&statsd, "a:1|c", 5, &error), 0);
        poll(NULL, 0, 1);
    }
    alarm(0);
    assert_int_equal(statsd.dropped, 100);
    assert_int_equal(times_asked(), asked + 1); /* never two at a time */
    statsd_close(&statsd);                      /* while the look-up still runs */
    set_names(true, false, 9);
}

static void name_is_looked_up_once_an_interval(void **state)
{
    struct statsd statsd;
    struct error error;
    uint16_t port;
    (void)state;
    int agent = start_agent(&port);
    set_names(true, false, port);
    assert_int_equal(statsd_open(&statsd, "udp:hourly.example:8125", 3600000, &error), 0);
    unsigned asked = times_asked();
    statsd_start(&statsd);
    send_until_received(&statsd, agent);
    for (int i = 0; i < 10; i++)
        statsd_send(&statsd, "a:1|c", 5, &error);
    assert_int_equal(times_asked(), asked + 1);
    statsd_close(&statsd);
    close(agent);
}

static void number_is_never_looked_up(void **state)
{
    struct statsd statsd;
    struct error error;
    char address[64];
    uint16_t port;
    (void)state;
    int agent = start_agent(&port);
    unsigned asked = times_asked();
    snprintf(address, sizeof(address), "udp:127.0.0.1:%u", port);
    assert_int_equal(statsd_open(&statsd, address, 1, &error), 0);
    assert_false(statsd_needs_names(&statsd));
    statsd_start(&statsd);
    assert_int_equal(statsd_send(&statsd, "a:1|c", 5, &error), 0);
    send_until_received(&statsd, agent);
    assert_int_equal(times_asked(), asked);
    assert_int_equal(statsd_lookup_failures(&statsd), 0);
    statsd_close(&statsd);
    close(agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unresolvable_name_costs_lines_until_it_resolves),
        cmocka_unit_test(name_that_moves_is_followed),
        cmocka_unit_test(silent_name_server_costs_no_time),
        cmocka_unit_test(name_is_looked_up_once_an_interval),
        cmocka_unit_test(number_is_never_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
