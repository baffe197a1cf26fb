/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readiness.h - checks continuously whether the store accepts writes.
 *
 * A thread writes a small document (STORE_ANSWERS, expires by itself) every few seconds. A full
 * disk, a lock that another process holds, and a store that does not return show within seconds,
 * also while no client writes. A query only reads the latest result, so probes are answered on the
 * network thread.
 *
 * Ready: the latest write went through, and not longer ago than READINESS_AGE_MAXIMUM.
 *
 * Ownership: borrows the store. Threads: any thread may ask. Units: milliseconds.
 */
#ifndef API_READINESS_H
#define API_READINESS_H

#include <stdbool.h>

#include "mimo/error.h"
#include "mimo/store.h"

enum {
    READINESS_INTERVAL = 5000,       /* from one write to the next */
    READINESS_RETRY_INTERVAL = 1000, /* after a write that failed */
    READINESS_AGE_MAXIMUM = 15000,
};

struct readiness;

/* Tries a write at once, whose failure is not an error here, and starts the thread. */
int readiness_start(struct store *store, struct readiness **ret_readiness, struct error *error);

/* Ends the thread. False when it does not end within `milliseconds` (the store does not return):
 * then nothing is released, and the process can only end. NULL does nothing. */
bool readiness_stop(struct readiness *readiness, long milliseconds);

/* 0: ready. -1: not, and `error` says why. */
int readiness_check(struct readiness *readiness, struct error *error);

#endif
