/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h - limits the memory that bodies and answers of all connections take.
 *
 * The body of a request lives until the client has sent all of it, an answer until the client has
 * taken all of it. The client decides how long that is, so the bytes of all connections together
 * are counted:
 *
 *   - up to BUDGET_SMALL bytes for each connection are always granted. api.max_connections bounds
 *     their sum, and probes and errors are always answered;
 *   - anything larger is granted while the sum stays within BUDGET_BYTES; otherwise the request is
 *     answered 503 with Retry-After;
 *   - pages of lists become shorter as the budget fills up (budget_page_bytes()), so that lists can
 *     still be served when other large answers cannot.
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

/* Changes the bytes that a connection holds from *held to `wanted`. Returns false, without a
 * change, if the budget does not allow it. A decrease is always granted. */
bool budget_hold(struct budget *budget, size_t *held, size_t wanted);

/* The size of a page at this moment, in bytes: from BUDGET_SMALL to BUDGET_PAGE_MAXIMUM. */
size_t budget_page_bytes(const struct budget *budget);

#endif
