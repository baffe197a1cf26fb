/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.h - how long a manifest waits before its next attempt.
 *
 * `first` before the second attempt, doubled for each further one, at most `maximum`, with 10 %
 * jitter to either side so that manifests which failed together do not return together.
 */
#ifndef MIMO_BACKOFF_H
#define MIMO_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first;   /* milliseconds; 0: no pause at all */
    int64_t maximum; /* milliseconds */
};

/* The pause in milliseconds after `failures` failed attempts (>= 1). `random` is any number, the
 * caller's source of jitter; equal numbers give equal pauses. */
int64_t backoff_delay(const struct backoff *backoff, int failures, uint32_t random);

#endif
