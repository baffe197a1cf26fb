/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.h - the connections, each with a deadline for what it is doing.
 *
 * libmicrohttpd has one timer, for silence; a client that sends a byte now and then is never
 * silent. Here every phase of a connection has a total time. A connection whose time is over is
 * shut down, which the network thread sees as its end; nothing can be answered any more at that
 * level.
 *
 * The network thread calls peer_enter() at each change of phase; a thread of this module waits for
 * the earliest deadline. Every phase lasts the same for all, so each has a queue in which the first
 * is the earliest: nothing here grows with the number of connections.
 */
#ifndef API_PEERS_H
#define API_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "mimo/error.h"

/* Phase, its time in milliseconds (0: not bounded here), what the log says of those who overrun it.
 */
#define PEER_PHASES(PHASE)                                                                         \
    PHASE(PEER_GREETING, 5000, "no complete request header within 5 s of connecting")              \
    PHASE(PEER_SENDING_BODY, 30000, "the request's body did not come within 30 s")                 \
    PHASE(PEER_WAITING, 0, "")                                                                     \
    PHASE(PEER_TAKING_ANSWER, 30000, "the answer was not taken within 30 s")                       \
    PHASE(PEER_IDLE, 35000, "no further complete request header within 35 s")

#define PEER_PHASE_CONSTANT(constant, milliseconds, text) constant,
enum peer_phase { PEER_PHASES(PEER_PHASE_CONSTANT) PEER_PHASE_COUNT };
#undef PEER_PHASE_CONSTANT

enum { PEER_ADDRESS_SIZE = 64 };

struct peers; /* the module: all connections and the thread */
struct peer;  /* one connection */

/* Times of the phases; NULL for those of the table. Tests bring shorter ones. */
int peers_start(const int64_t *milliseconds, struct peers **ret_peers, struct error *error);
void peers_stop(struct peers *peers);

/* A connection that was accepted; `fd` stays its owner's. NULL without memory. */
struct peer *peer_add(struct peers *peers, int fd, const struct sockaddr *address);

/* Before the owner closes the descriptor. */
void peer_remove(struct peers *peers, struct peer *peer);

void peer_enter(struct peers *peers, struct peer *peer, enum peer_phase phase);

/* How many connections may still bring a request although nothing new is accepted: accepted and not
 * heard yet, or kept open with bytes that wait to be read. */
size_t peers_unheard(struct peers *peers);

/* The other end's address, for the log. */
const char *peer_address(const struct peer *peer);

#endif
