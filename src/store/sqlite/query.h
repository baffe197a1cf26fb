/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.h - GET and QUERY on a connection that is reading.
 *
 * One row a kind of query: its statement, what binds its parameters, what its documents must be
 * understood as. Pages are cut by the key of the last document given (keyset), so that documents
 * which come or go between two pages neither repeat others nor hide them.
 */
#ifndef MIMO_STORE_SQLITE_QUERY_H
#define MIMO_STORE_SQLITE_QUERY_H

#include "mimo/store.h"
#include "store/sqlite/connection.h"

enum {
    QUERY_PAGE_BYTES =
        16 * 1024 * 1024,       /* text of one page, about; at least one document is given */
    QUERY_ROWS_MAXIMUM = 10000, /* looked at for one page, those left out included */
};

/* Runs a GET or a QUERY and fills in its result. -1: the database failed. */
int query_run(struct connection *connection, struct store_operation *operation,
              struct error *error);

#endif
