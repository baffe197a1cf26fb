/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.h - how long to wait before what failed is tried again.
 *
 * The pause is `first` after the first failure and doubles with each further one, up to `maximum`.
 * The pause of a manifest varies by up to 10 % either way, so that manifests that failed together
 * do not all return at the same moment. Pure.
 */
#ifndef MIMO_BACKOFF_H
#define MIMO_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first;   /* milliseconds; 0: no pause */
    int64_t maximum; /* milliseconds */
};

/* The pause in milliseconds after `failures` failures in a row; 0 after none. */
int64_t backoff_pause(const struct backoff *backoff, int failures);

/* The same for a manifest, after `failures` failed attempts (>= 1). `random` is a random number
 * from the caller; equal numbers give equal pauses. */
int64_t backoff_delay(const struct backoff *backoff, int failures, uint32_t random);

#endif
