/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.h - how long a manifest waits before its next attempt.
 *
 * The pause is `first` before the second attempt and doubles for each further one, up to `maximum`.
 * It varies by up to 10 % either way, so that manifests that failed together do not all return at
 * the same moment. Pure.
 */
#ifndef MIMO_BACKOFF_H
#define MIMO_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first;   /* milliseconds; 0: no pause */
    int64_t maximum; /* milliseconds */
};

/* The pause in milliseconds after `failures` failed attempts (>= 1). `random` is a random number
 * from the caller; equal numbers give equal pauses. */
int64_t backoff_delay(const struct backoff *backoff, int failures, uint32_t random);

#endif
