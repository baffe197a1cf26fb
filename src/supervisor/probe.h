/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - whether any cluster of this actuator answers; one of the conditions of readiness.
 *
 * Once a minute the probe reads a page of clusters from the store and tries the API servers of up to
 * PROBE_CANDIDATES that are in this actuator's buckets, one after the other, until one accepts a TCP
 * connection. The next round continues behind that page, so its cost does not grow with the fleet. A
 * worker that reached its cluster counts as an answer too.
 *
 * Threads: the event loop's; pages are read and names are resolved on the pool.
 */
#ifndef MIMO_SUPERVISOR_PROBE_H
#define MIMO_SUPERVISOR_PROBE_H

#include <stdbool.h>
#include <uv.h>

#include "mimo/bucket.h"
#include "mimo/clock.h"
#include "mimo/store.h"

enum { PROBE_CANDIDATES = 8, PROBE_PAGE = 200, PROBE_URL_SIZE = 512 };

struct probe {
    uv_loop_t *loop;
    struct store *store;
    const struct bucket_range *buckets; /* borrowed; read when a round begins */
    uv_timer_t timer;                   /* until the next round */
    uv_timer_t patience;                /* how long one candidate may take */
    uv_work_t work;
    uv_tcp_t tcp;
    uv_connect_t connect;
    bool tcp_open;
    bool running; /* a round is under way */
    bool closing;
    /* What the round works on. */
    struct bucket_range range;
    char urls[PROBE_CANDIDATES][PROBE_URL_SIZE];
    int count, next;
    char *continuation; /* where the next page begins; NULL: at the first */
    bool page_failed;
    bool owned_on_page;
    bool owned_in_cycle; /* since the first page */
    /* What is known. */
    bool owns_none; /* a whole cycle found no cluster of ours */
    bool answered;  /* ever */
    struct monotonic last_answer;
};

int probe_open(struct probe *probe, uv_loop_t *loop, struct store *store,
               const struct bucket_range *buckets, struct error *error);

/* A cluster answered a worker. */
void probe_note_answer(struct probe *probe);

/* True when a cluster answered within the last five minutes, or none is in our buckets. */
bool probe_is_satisfied(const struct probe *probe);

/* Closes the handles; a round in flight ends by itself. Call probe_free() when the loop has ended. */
void probe_close(struct probe *probe);
void probe_free(struct probe *probe);

#endif
