/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - the HTTP listener: GET /metrics and GET /healthz.
 *
 * libmicrohttpd without threads of its own: the caller's loop polls page_descriptor(), waits at
 * most page_timeout(), and calls page_run() in each round. Number and duration of connections are
 * limited; a slow client delays nothing.
 */
#ifndef MIMO_METRICS_PAGE_H
#define MIMO_METRICS_PAGE_H

#include "metrics/address.h"
#include "metrics/page_text.h"
#include "mimo/error.h"

struct page;

/* Called for each request: fills in the present figures. */
typedef void page_figures_function(void *context, struct page_figures *ret_figures);

/* Binds `listen` ("HOST:PORT"; port 0 takes any free one) and serves it. */
int page_open(const char *listen, page_figures_function *figures, void *context,
              struct page **ret_page, struct error *error);

/* NULL is allowed. */
void page_close(struct page *page);

/* The address it listens on, with the port that the system chose. Borrowed. */
const struct address *page_address(const struct page *page);

int page_descriptor(const struct page *page);

/* Milliseconds until page_run() must be called, -1 for "when the descriptor is readable". */
int page_timeout(const struct page *page);

void page_run(struct page *page);

#endif
