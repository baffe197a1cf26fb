/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.h - runs GET and QUERY on a connection for reading.
 *
 * Each kind of query is one row: its statement, how its parameters are bound, and how its documents
 * are understood. A page begins after the key of the last document of the page before (keyset), so
 * documents that are added or removed between two pages never cause others to be repeated or
 * skipped.
 */
#ifndef MIMO_STORE_SQLITE_QUERY_H
#define MIMO_STORE_SQLITE_QUERY_H

#include "mimo/store.h"
#include "store/sqlite/connection.h"

enum {
    QUERY_PAGE_BYTES = 16 * 1024 * 1024, /* approximate size of a page's text */
    QUERY_ROWS_MAXIMUM = 10000,          /* rows read for one page, including those left out */
};

/* Runs a GET or a QUERY and fills in its result. -1: the database failed. */
int query_run(struct connection *connection, struct store_operation *operation,
              struct error *error);

#endif
