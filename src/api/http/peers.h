/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.h - the open connections, each with a deadline.
 *
 * libmicrohttpd has one timer, for silence, and a client that sends a byte now and then is never
 * silent. This module bounds the total time of every phase of a connection. A connection that
 * exceeds it is shut down, which the network thread sees as its end; no answer is sent.
 *
 * The network thread calls peer_enter() at each change of phase; a thread of this module waits for
 * the earliest deadline. A phase has the same limit for all connections, so each phase has a queue
 * whose first entry has the earliest deadline, and no operation takes longer with more connections.
 */
#ifndef API_PEERS_H
#define API_PEERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "mimo/error.h"

/* Phase, its time in milliseconds (0: no limit), log text for a connection that exceeds it. */
#define PEER_PHASES(PHASE)                                                                         \
    PHASE(PEER_GREETING, 5000, "no complete request header within 5 s of connecting")              \
    PHASE(PEER_SENDING_BODY, 30000, "the request's body was not complete within 30 s")             \
    PHASE(PEER_WAITING, 0, "")                                                                     \
    PHASE(PEER_TAKING_ANSWER, 30000, "the answer was not received within 30 s")                    \
    PHASE(PEER_IDLE, 35000, "no further complete request header within 35 s")

#define PEER_PHASE_CONSTANT(constant, milliseconds, text) constant,
enum peer_phase { PEER_PHASES(PEER_PHASE_CONSTANT) PEER_PHASE_COUNT };
#undef PEER_PHASE_CONSTANT

enum { PEER_ADDRESS_SIZE = 64 };

struct peers; /* the module: all connections and the thread */
struct peer;  /* one connection */

/* Time limits of the phases; NULL for those of the table. Tests pass shorter ones. */
int peers_start(const int64_t *milliseconds, struct peers **ret_peers, struct error *error);
void peers_stop(struct peers *peers);

/* Adds an accepted connection; the caller still owns `fd`. NULL when out of memory. */
struct peer *peer_add(struct peers *peers, int fd, const struct sockaddr *address);

/* Removes a connection; call it before the descriptor is closed. */
void peer_remove(struct peers *peers, struct peer *peer);

void peer_enter(struct peers *peers, struct peer *peer, enum peer_phase phase);

/* The number of open connections that may still send a request: those that have sent nothing yet,
 * and those with unread bytes. */
size_t peers_unheard(struct peers *peers);

/* The peer's address and port, for the log. */
const char *peer_address(const struct peer *peer);

/* The peer's address alone; NULL for a local socket. Borrowed from the peer. */
const struct in6_addr *peer_network_address(const struct peer *peer);

#endif
