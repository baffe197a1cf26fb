/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - checks the database file, and copies it.
 */
#ifndef MIMO_STORE_SQLITE_VERIFY_H
#define MIMO_STORE_SQLITE_VERIFY_H

#include <stdbool.h>

#include "mimo/error.h"
#include "store/sqlite/connection.h"

/* Compares SQLite's pages with each other, the columns with the documents, and heads and counter
 * with the columns. *ret_sound false: `error` has the first difference. -1: the file cannot be
 * read. */
int verify_database(struct connection *connection, bool *ret_sound, struct error *error);

/* Copies what the connection's transaction sees into a new file, on disk when this returns. */
int copy_database(struct connection *connection, const char *path, struct error *error);

#endif
