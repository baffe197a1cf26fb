/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.h - descriptors: complete reads and writes, atomic replacement of files, sealed memory,
 * sockets.
 *
 * Every descriptor made here is close-on-exec from the start. Short transfers and EINTR are
 * handled.
 *
 * Ownership: the caller closes returned descriptors and frees returned data.
 * Threads: any.
 * Errors: those of the system calls (error_set_system()), and those named below.
 */
#ifndef MIMO_IO_H
#define MIMO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "mimo/error.h"

/* Writes all of it to a blocking descriptor. */
int io_write_all(int fd, const void *data, size_t length, struct error *error);

/* Reads a whole regular file of at most `maximum` bytes. The result ends in a NUL, which
 * *ret_length (may be NULL) does not count. Refuses files that are not regular. */
int io_read_file(const char *path, size_t maximum, char **ret_data, size_t *ret_length,
                 struct error *error);

/* The same for an open file. `path` is for messages; the caller keeps the descriptor. */
int io_read_descriptor(int fd, const char *path, size_t maximum, char **ret_data,
                       size_t *ret_length, struct error *error);

/* The same for `name` in an open directory, which may be O_PATH; a symbolic link is refused. */
int io_read_file_at(int directory, const char *name, size_t maximum, char **ret_data,
                    size_t *ret_length, struct error *error);

/* Replaces the file at `path` atomically: writes a temporary file, fsync(2), rename(2), fsync(2) of
 * the directory. Readers see the old or the new content, also after a power failure. */
int io_replace_file(const char *path, const void *data, size_t length, mode_t mode,
                    struct error *error);

/* A memfd (memfd_create(2)) with this content, sealed against every change, positioned at its
 * start. -1 on failure. */
int io_sealed_memory(const char *name, const void *data, size_t length, struct error *error);

/* True when `fd` is a memfd sealed against write, grow, shrink and further sealing. */
bool io_is_sealed(int fd);

/* Makes a directory with `mode` if it is missing (only the last component). */
int io_make_directory(const char *path, mode_t mode, struct error *error);

/* A bound, non-blocking UNIX socket of `type` (SOCK_STREAM listens, SOCK_DGRAM receives) at `path`,
 * with exactly `mode`. The socket file of an earlier run is replaced. ERROR_CONFLICT: another
 * process listens on it, or the file is not a socket. -1 on failure. */
int io_listen_unix(const char *path, int type, mode_t mode, struct error *error);

/* Sends one datagram to the UNIX socket `path` without ever blocking. ERROR_NOT_FOUND: the file
 * does not exist. ERROR_UNAVAILABLE: no process reads from the socket. ERROR_BUSY: its queue is
 * full. */
int io_poke_unix(const char *path, const void *data, size_t length, struct error *error);

#endif
