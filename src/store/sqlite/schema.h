/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - the tables of the database file, their version, and the creation of a file.
 *
 *   manifests, clusters, ...  one table for each container (table.h)
 *   heads                     for each cluster with a ready manifest, the first in order of claiming
 *   meta                      one row: the latest etag, the number of open manifests, and the
 *                             identity of the store
 *
 * heads and the counts in meta are derived from the documents and updated in the same transaction
 * (transaction.h), so that the frequent queries of actuators read few rows.
 */
#ifndef MIMO_STORE_SQLITE_SCHEMA_H
#define MIMO_STORE_SQLITE_SCHEMA_H

#include "mimo/error.h"
#include "store/sqlite/connection.h"

enum {
    SCHEMA_APPLICATION_ID = 0x4d494d4f, /* "MIMO", in the header of the file: file(1) shows it */
    SCHEMA_VERSION = 5,
};

/* Creates missing file and tables, and upgrades an older version. */
int schema_initialize(const char *path, struct error *error);

/* Creates an empty file with mode 0660, whatever the umask, and syncs it to disk. If root creates
 * it, it gets owner and group of its directory, so that the programs can use it. ERROR_CONFLICT if
 * it exists, or its log does (log_files.h). */
int schema_create_file(const char *path, struct error *error);

/* Opens a database and checks that it is a store of a supported version. Upgrades an older version
 * first; programs of that version that have it open can continue. */
int schema_open(const char *path, struct connection **ret_connection, struct error *error);

#endif
