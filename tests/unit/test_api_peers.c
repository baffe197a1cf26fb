/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_peers.c - connections have a total time for each thing they do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/peers.h"
#include "mimo/clock.h"
#include "patience.h"

/* Short times: bodies are waited for long, the others not. */
static const int64_t times[PEER_PHASE_COUNT] = {
    [PEER_GREETING] = 30, [PEER_SENDING_BODY] = 60000,
    [PEER_WAITING] = 0,   [PEER_TAKING_ANSWER] = 60000,
    [PEER_IDLE] = 60,
};

enum { PATIENCE = 10000 };

struct connection {
    int ours;
    int theirs;
    struct peer *peer;
};

static void connect_pair(struct peers *peers, struct connection *connection)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    connection->ours = pair[0];
    connection->theirs = pair[1];
    connection->peer = peer_add(peers, connection->ours, NULL);
    assert_non_null(connection->peer);
}

static void disconnect(struct peers *peers, struct connection *connection)
{
    peer_remove(peers, connection->peer);
    close(connection->ours);
    close(connection->theirs);
}

/* Waits for the end of the connection, at most `milliseconds`. */
static bool is_ended(const struct connection *connection, int milliseconds)
{
    char byte;
    struct pollfd waiting = {.fd = connection->theirs, .events = POLLIN};
    return poll(&waiting, 1, milliseconds) == 1 && recv(connection->theirs, &byte, 1, 0) == 0;
}

static void who_overruns_a_phase_is_shut_down(void **state)
{
    (void)state;
    struct peers *peers;
    struct error error;
    struct connection silent, idle;
    assert_int_equal(peers_start(times, &peers, &error), 0);
    struct monotonic start = clock_monotonic();
    connect_pair(peers, &idle);
    peer_enter(peers, idle.peer, PEER_IDLE);
    connect_pair(peers, &silent);
    assert_true(is_ended(&silent, patient_milliseconds(PATIENCE)));
    assert_true(clock_elapsed(start) >= times[PEER_GREETING]);
    assert_true(is_ended(&idle, patient_milliseconds(PATIENCE)));
    assert_true(clock_elapsed(start) >= times[PEER_IDLE]);
    peer_enter(peers, idle.peer, PEER_WAITING); /* too late, and harmless */
    disconnect(peers, &silent);
    disconnect(peers, &idle);
    peers_stop(peers);
}

static void who_goes_on_in_time_is_left_alone(void **state)
{
    (void)state;
    struct peers *peers;
    struct error error;
    struct connection waiting, sending, witness;
    assert_int_equal(peers_start(times, &peers, &error), 0);
    connect_pair(peers, &waiting);
    peer_enter(peers, waiting.peer, PEER_WAITING);
    connect_pair(peers, &sending);
    peer_enter(peers, sending.peer, PEER_SENDING_BODY);
    connect_pair(
        peers,
        &witness); /* the last to begin to greet; when its time is over, theirs would be too */
    assert_true(is_ended(&witness, patient_milliseconds(PATIENCE)));
    assert_false(is_ended(&waiting, 0));
    assert_false(is_ended(&sending, 0));
    disconnect(peers, &waiting);
    disconnect(peers, &sending);
    disconnect(peers, &witness);
    peers_stop(peers);
}

static void addresses_are_told_with_their_port(void **state)
{
    (void)state;
    struct peers *peers;
    struct error error;
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(5555)};
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(443), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(peers_start(times, &peers, &error), 0);
    struct peer *peer = peer_add(peers, -1, (const struct sockaddr *)&four);
    assert_string_equal(peer_address(peer), "127.0.0.1:5555");
    peer_remove(peers, peer);
    peer = peer_add(peers, -1, (const struct sockaddr *)&six);
    assert_string_equal(peer_address(peer), "[::1]:443");
    peer_remove(peers, peer);
    peers_stop(peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_overruns_a_phase_is_shut_down),
        cmocka_unit_test(who_goes_on_in_time_is_left_alone),
        cmocka_unit_test(addresses_are_told_with_their_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
