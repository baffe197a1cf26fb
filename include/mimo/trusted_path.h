/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trusted_path.h - reads security-critical files (what runs, who may log in, which servers are
 * trusted), if only root or this user can change them.
 *
 * A path is trusted when every directory and every symbolic link on the way, and the file itself,
 * belongs to root, to the effective user or to the user that the caller names, and nobody else may
 * write to it. Directories in which only owners may remove files (sticky, such as /tmp) may be
 * writable by all. A relative path begins in the current directory, which is judged as well.
 *
 * A descriptor of this process, as in "/dev/fd/3", is trusted whatever it stands for: whoever
 * started the process opened it.
 *
 * Each part is opened relative to the one before, never following a link, and judged by its
 * descriptor. The file that is opened or read is the one that was judged: it cannot be exchanged in
 * between.
 *
 * Errors: ERROR_NOT_FOUND; ERROR_DENIED, with what to do; ERROR_INVALID for a path that is too long
 * or has too many links; that of a system call.
 */
#ifndef MIMO_TRUSTED_PATH_H
#define MIMO_TRUSTED_PATH_H

#include <stddef.h>
#include <sys/types.h>

#include "mimo/error.h"

/* In place of a user: nobody else is trusted. */
#define TRUSTED_PATH_NO_USER ((uid_t)0)

int trusted_path_check(const char *path, struct error *error);

/* Opens it with O_PATH; the caller closes the descriptor. */
int trusted_path_open(const char *path, int *ret_descriptor, struct error *error);

/* Opens it to be read, without waiting for a writer if it is a FIFO; the caller closes the
 * descriptor. `user` is trusted too: that of a program which reads the file before it gives up
 * root. */
int trusted_path_open_file(const char *path, uid_t user, int *ret_descriptor, struct error *error);

/* As io_read_file(), for a trusted path. */
int trusted_path_read(const char *path, uid_t user, size_t maximum, char **ret_data,
                      size_t *ret_length, struct error *error);

#endif
