/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.h - the directory that a file is in.
 */
#ifndef MIMO_DIRECTORY_H
#define MIMO_DIRECTORY_H

#include "mimo/error.h"

/* The path of the directory that `path` is in; the caller frees it. NULL only without memory. */
char *directory_of(const char *path);

/* fsync(2) of the directory of `path`: without it, a new file may be lost in a power failure. */
int directory_sync_of(const char *path, struct error *error);

#endif
