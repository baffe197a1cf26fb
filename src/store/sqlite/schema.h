/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - what is in the database file, which version of it, and how a file comes to be.
 *
 *   manifests, clusters, ...  a table each container (sqlite_table.h)
 *   heads                     one row a cluster that has a ready manifest: the first in order of
 * claiming meta                      one row: the last etag given, and how many manifests are open
 *
 * heads and meta hold nothing that the documents do not say; they are kept in the same transaction
 * as these (sqlite_transaction.h), so that no question an actuator asks all the time has to read
 * many.
 */
#ifndef MIMO_STORE_SQLITE_SCHEMA_H
#define MIMO_STORE_SQLITE_SCHEMA_H

#include "mimo/error.h"
#include "store/sqlite/connection.h"

enum {
    SCHEMA_APPLICATION_ID = 0x4d494d4f, /* "MIMO", in the header of the file: file(1) shows it */
    SCHEMA_VERSION = 3,
};

/* Creates file and tables as far as they are missing, and brings an older version to ours. */
int schema_initialize(const char *path, struct error *error);

/* Makes a new, empty file of mode 0660 whatever the umask is, on disk when this returns. Made by
 * root it gets owner and group of its directory, so that those who work there may use it.
 * ERROR_CONFLICT if there is one. */
int schema_create_file(const char *path, struct error *error);

/* Opens a database and makes sure that it is ours, of a version we know. One of an older version is
 * brought to ours first; programs of that version that have it open can go on until they end. */
int schema_open(const char *path, struct connection **ret_connection, struct error *error);

#endif
