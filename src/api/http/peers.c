/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.c - deadlines of connections: a queue for each phase, and the thread that closes slow
 * ones.
 */
#include "api/http/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <time.h>

#include "mimo/clock.h"
#include "mimo/log.h"
#include "mimo/network.h"

#define PEER_PHASE_ROW(constant, milliseconds, text) [constant] = {milliseconds, text},
static const struct {
    int64_t milliseconds;
    const char *overrun;
} phases[PEER_PHASE_COUNT] = {PEER_PHASES(PEER_PHASE_ROW)};
#undef PEER_PHASE_ROW

struct peer {
    TAILQ_ENTRY(peer) link;
    int fd;
    enum peer_phase phase;
    bool overdue;     /* shut down already; in no queue */
    int64_t deadline; /* monotonic milliseconds */
    char address[PEER_ADDRESS_SIZE];
    bool has_network_address;
    struct in6_addr network_address;
};

TAILQ_HEAD(peer_queue, peer);

struct peers {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    bool stopping;
    int64_t milliseconds[PEER_PHASE_COUNT];
    int64_t wake_at; /* next time at which the thread wakes up by itself */
    struct peer_queue queues[PEER_PHASE_COUNT];
};

/* Later than any deadline. */
#define NEVER INT64_MAX

static int64_t now_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_slow_peer(struct peers *peers, struct peer *peer)
{
    TAILQ_REMOVE(&peers->queues[peer->phase], peer, link);
    peer->overdue = true;
    shutdown(peer->fd, SHUT_RDWR);
    log_info("connection of %s closed: %s", peer->address, phases[peer->phase].overrun);
}

/* Closes the connections whose deadline has passed; returns the next deadline. */
static int64_t end_overdue(struct peers *peers, int64_t now)
{
    int64_t next = NEVER;
    for (int phase = 0; phase < PEER_PHASE_COUNT; phase++) {
        if (peers->milliseconds[phase] == 0)
            continue;
        struct peer *first;
        while ((first = TAILQ_FIRST(&peers->queues[phase])) && first->deadline <= now)
            close_slow_peer(peers, first);
        if (first && first->deadline < next)
            next = first->deadline;
    }
    return next;
}

static void *watch(void *context)
{
    struct peers *peers = context;
    pthread_mutex_lock(&peers->lock);
    while (!peers->stopping) {
        peers->wake_at = end_overdue(peers, now_milliseconds());
        if (peers->wake_at == NEVER) {
            pthread_cond_wait(&peers->changed, &peers->lock);
        } else {
            struct timespec at = {.tv_sec = peers->wake_at / 1000,
                                  .tv_nsec = peers->wake_at % 1000 * 1000000};
            pthread_cond_timedwait(&peers->changed, &peers->lock, &at);
        }
    }
    pthread_mutex_unlock(&peers->lock);
    return NULL;
}

int peers_start(const int64_t *milliseconds, struct peers **ret_peers, struct error *error)
{
    struct peers *peers = calloc(1, sizeof(*peers));
    if (!peers)
        return error_set_memory(error);
    for (int phase = 0; phase < PEER_PHASE_COUNT; phase++) {
        peers->milliseconds[phase] =
            milliseconds ? milliseconds[phase] : phases[phase].milliseconds;
        TAILQ_INIT(&peers->queues[phase]);
    }
    clock_make_condition(&peers->changed);
    pthread_mutex_init(&peers->lock, NULL);
    int status = pthread_create(&peers->thread, NULL, watch, peers);
    if (status != 0) {
        free(peers);
        return error_set_system(error, status, "cannot start the thread that watches connections");
    }
    *ret_peers = peers;
    return 0;
}

void peers_stop(struct peers *peers)
{
    if (!peers)
        return;
    pthread_mutex_lock(&peers->lock);
    peers->stopping = true;
    pthread_cond_signal(&peers->changed);
    pthread_mutex_unlock(&peers->lock);
    pthread_join(peers->thread, NULL);
    pthread_cond_destroy(&peers->changed);
    pthread_mutex_destroy(&peers->lock);
    free(peers);
}

static void format_address(const struct sockaddr *address, char *buffer, size_t size)
{
    struct in6_addr host;
    char text[NETWORK_ADDRESS_SIZE];
    if (!network_address_of(address, &host)) {
        snprintf(buffer, size, "local socket");
        return;
    }
    const bool four = IN6_IS_ADDR_V4MAPPED(&host);
    struct sockaddr_in6 six = {.sin6_port = 0};
    memcpy(&six, address, /* the port is at the same place in both */
           address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(six));
    snprintf(buffer, size, "%s%s%s:%u", four ? "" : "[", network_address_format(&host, text),
             four ? "" : "]", ntohs(six.sin6_port));
}

/* Puts the peer at the end of its phase's queue. */
static void enqueue(struct peers *peers, struct peer *peer, enum peer_phase phase)
{
    peer->phase = phase;
    peer->deadline = now_milliseconds() + peers->milliseconds[phase];
    TAILQ_INSERT_TAIL(&peers->queues[phase], peer, link);
    if (peers->milliseconds[phase] != 0 && peer->deadline < peers->wake_at)
        pthread_cond_signal(&peers->changed);
}

struct peer *peer_add(struct peers *peers, int fd, const struct sockaddr *address)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    if (!peer)
        return NULL;
    peer->fd = fd;
    format_address(address, peer->address, sizeof(peer->address));
    peer->has_network_address = network_address_of(address, &peer->network_address);
    pthread_mutex_lock(&peers->lock);
    enqueue(peers, peer, PEER_GREETING);
    pthread_mutex_unlock(&peers->lock);
    return peer;
}

void peer_remove(struct peers *peers, struct peer *peer)
{
    if (!peer)
        return;
    pthread_mutex_lock(&peers->lock);
    if (!peer->overdue)
        TAILQ_REMOVE(&peers->queues[peer->phase], peer, link);
    pthread_mutex_unlock(&peers->lock);
    free(peer);
}

void peer_enter(struct peers *peers, struct peer *peer, enum peer_phase phase)
{
    if (!peer)
        return;
    pthread_mutex_lock(&peers->lock);
    if (!peer->overdue) {
        TAILQ_REMOVE(&peers->queues[peer->phase], peer, link);
        enqueue(peers, peer, phase);
    }
    pthread_mutex_unlock(&peers->lock);
}

static bool has_bytes(const struct peer *peer)
{
    int bytes = 0;
    return ioctl(peer->fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

size_t peers_unheard(struct peers *peers)
{
    size_t count = 0;
    const struct peer *peer;
    pthread_mutex_lock(&peers->lock);
    TAILQ_FOREACH(peer, &peers->queues[PEER_GREETING], link)
    {
        count++;
    }
    TAILQ_FOREACH(peer, &peers->queues[PEER_IDLE], link)
    {
        count += has_bytes(peer);
    }
    pthread_mutex_unlock(&peers->lock);
    return count;
}

const char *peer_address(const struct peer *peer)
{
    return peer ? peer->address : "?";
}

const struct in6_addr *peer_network_address(const struct peer *peer)
{
    return peer && peer->has_network_address ? &peer->network_address : NULL;
}
