/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - the tables of the database file, their version, and how a file is made.
 *
 *   manifests, clusters, ...  one table for each container (table.h)
 *   heads                     for each cluster with a ready manifest, the first in order of claiming
 *   meta                      one row: the last etag given, how many manifests are open, and the
 *                             store's identity
 *
 * heads and the counts in meta repeat what the documents say. They are updated in the same
 * transaction (transaction.h), so that the questions actuators ask all the time read few rows.
 */
#ifndef MIMO_STORE_SQLITE_SCHEMA_H
#define MIMO_STORE_SQLITE_SCHEMA_H

#include "mimo/error.h"
#include "store/sqlite/connection.h"

enum {
    SCHEMA_APPLICATION_ID = 0x4d494d4f, /* "MIMO", in the header of the file: file(1) shows it */
    SCHEMA_VERSION = 5,
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
