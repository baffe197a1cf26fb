/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup.h - resources that release themselves at the end of their scope.
 *
 * Each type's own header offers its cleanup_<type> beside the type; this one holds those of the C
 * library. A function with several exits then has no clean-up ladder. Descriptors start at -1.
 * Where ownership leaves the scope, the line says so:
 *
 *     cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
 *     ...
 *     table->fd = take_fd(&fd);       // from here on the table owns it
 *     return take_pointer(&text);     // the caller frees
 */
#ifndef MIMO_CLEANUP_H
#define MIMO_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_function(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_fd_function(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_file_function(FILE *const *file)
{
    if (*file)
        fclose(*file);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_function)))
#define cleanup_fd   __attribute__((cleanup(cleanup_fd_function)))
#define cleanup_file __attribute__((cleanup(cleanup_file_function)))

/* Hands the descriptor over: returns it and leaves -1 behind. */
static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Hands a pointer over: evaluates to it and leaves NULL behind. */
#define take_pointer(pointer)                                                                      \
    ({                                                                                             \
        __typeof__(pointer) place_ = (pointer);                                                    \
        __typeof__(*place_) taken_ = *place_;                                                      \
        *place_ = NULL;                                                                            \
        taken_;                                                                                    \
    })

#endif
