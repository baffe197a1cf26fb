/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h - one bound on the memory that clients can make the Admin API hold.
 *
 * The body of a request lives until the client has sent all of it, an answer until the client has
 * taken all of it. The client decides how long that is, so the bytes of all connections together
 * are counted:
 *
 *   - up to BUDGET_SMALL bytes for each connection are always granted. api.max_connections bounds
 *     their sum, and probes and errors are answered whatever others do;
 *   - anything larger is granted while the sum stays within BUDGET_BYTES; otherwise the request is
 *     answered 503 with Retry-After;
 *   - pages of lists become shorter as the budget fills up (budget_page_bytes()), so that lists
 *     are served for longer than anything else that is large.
 *
 * Threads: any. Units: bytes.
 */
#ifndef API_BUDGET_H
#define API_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    BUDGET_BYTES = 24 * 1024 * 1024,
    BUDGET_SMALL = 16 * 1024,
    BUDGET_PAGE_MAXIMUM = 1024 * 1024,
};

/* Starts zeroed. */
struct budget {
    atomic_size_t used;
};

/* Changes what a connection holds from *held to `wanted` bytes. False, and no change, when that is
 * more than is left. Less than before is always granted. */
bool budget_hold(struct budget *budget, size_t *held, size_t wanted);

/* How many bytes of documents a page should have now: from BUDGET_SMALL to BUDGET_PAGE_MAXIMUM. */
size_t budget_page_bytes(const struct budget *budget);

#endif
