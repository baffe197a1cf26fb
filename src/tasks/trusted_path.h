/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trusted_path.h - files that decide what runs, and so must not be anybody's to change.
 */
#ifndef MIMO_TASKS_TRUSTED_PATH_H
#define MIMO_TASKS_TRUSTED_PATH_H

#include "mimo/error.h"

/* 0 when `path`, absolute, belongs to root or to our own user and nobody else may write to it, and
 * the same holds for each folder on the way to it and to what it links to. Folders where only
 * owners may remove files (sticky, such as /tmp) may be written by all. ERROR_NOT_FOUND,
 * ERROR_DENIED with what to do, or of a system call. */
int trusted_path_check(const char *path, struct error *error);

#endif
