/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.h - descriptors: whole reads and writes, files replaced at once, sealed memory, sockets.
 *
 * Every descriptor made here is close-on-exec from birth. Short transfers and EINTR are handled.
 */
#ifndef MIMO_IO_H
#define MIMO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "mimo/error.h"

/* Writes all of it to a blocking descriptor. */
int io_write_all(int fd, const void *data, size_t length, struct error *error);

/* Reads a whole regular file of at most `maximum` bytes; the result is terminated by NUL (not
 * counted in *ret_length, which may be NULL), the caller frees it. Refuses what is not a regular
 * file. */
int io_read_file(const char *path, size_t maximum, char **ret_data, size_t *ret_length,
                 struct error *error);

/* The same for a file that is open; `path` is for messages, the descriptor stays the caller's. */
int io_read_descriptor(int fd, const char *path, size_t maximum, char **ret_data,
                       size_t *ret_length, struct error *error);

/* The same for `name` in an open directory, which may be O_PATH; a symbolic link is refused. */
int io_read_file_at(int directory, const char *name, size_t maximum, char **ret_data,
                    size_t *ret_length, struct error *error);

/* Puts a file of `length` bytes in place of `path`: temporary name, fsync, rename, fsync of the
 * folder. Readers see the old or the new one, after a power cut too. */
int io_replace_file(const char *path, const void *data, size_t length, mode_t mode,
                    struct error *error);

/* A memfd (memfd_create(2)) with this content, sealed against every change, read from its start. -1
 * on failure. */
int io_sealed_memory(const char *name, const void *data, size_t length, struct error *error);

/* True when `fd` is a memfd sealed against write, grow, shrink and further sealing. */
bool io_is_sealed(int fd);

/* Makes a directory with `mode` if it is missing (only the last component). */
int io_make_directory(const char *path, mode_t mode, struct error *error);

/* A bound, non-blocking UNIX socket of `type` (SOCK_STREAM listens, SOCK_DGRAM receives) at `path`,
 * with exactly `mode`. The socket file of an earlier run is replaced; ERROR_CONFLICT when another
 * process has it or it is another kind of file. -1 on failure. */
int io_listen_unix(const char *path, int type, mode_t mode, struct error *error);

/* Sends one datagram to the UNIX socket `path` without ever blocking. ERROR_NOT_FOUND: there is no
 * such file. ERROR_UNAVAILABLE: nobody listens. ERROR_BUSY: the reader is behind. */
int io_poke_unix(const char *path, const void *data, size_t length, struct error *error);

#endif
