/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - does any cluster of ours answer? One of the conditions of the heartbeat.
 *
 * Once a minute a page of clusters is read from the store and the API servers of up to
 * PROBE_CANDIDATES of ours are tried in turn until one accepts a TCP connection; the next minute
 * goes on where this page ended, so the cost of a round does not grow with the fleet. A worker that
 * got through to its cluster counts as well.
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
    uv_timer_t patience;                /* with one candidate */
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

/* A worker's call was answered by a cluster. */
void probe_note_answer(struct probe *probe);

/* The condition: one answered within five minutes, or we own none. */
bool probe_is_satisfied(const struct probe *probe);

/* Closes the handles; what is in flight ends by itself. probe_free() when the loop has ended. */
void probe_close(struct probe *probe);
void probe_free(struct probe *probe);

#endif
