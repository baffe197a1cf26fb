/* SPDX-License-Identifier: Apache-2.0 */
/*
 * family.h - the processes that the supervisor starts with, and the sockets that join them.
 *
 *     mimod ---- launcher channel ----> mimo-launcher ----> workers
 *       '------- metrics channel -----> mimo-metrics
 *
 * Both are fresh programs, started while mimod is still what it was started as; each drops to its
 * own user by itself. They end when their channel ends, so the supervisor's death is theirs; their
 * death shows as end of file on the channel and ends the supervisor.
 */
#ifndef MIMO_SUPERVISOR_FAMILY_H
#define MIMO_SUPERVISOR_FAMILY_H

#include <sys/types.h>

#include "mimo/error.h"

struct family {
    int launcher_socket; /* -1 when not open; owned */
    pid_t launcher;
    int metrics_socket;
    pid_t metrics;
};

/* Starts both with the configuration arguments that mimod itself got (program_config_arguments()).
 * The launcher gets `lock` (borrowed) to hold until its workers have ended. On failure what was
 * started ends by itself, since its channel is closed. */
int family_start(struct family *family, const char *const *arguments, int lock,
                 struct error *error);

/* Closes the channels and waits until both processes have ended; kills what has not after a grace
 * period. */
void family_stop(struct family *family);

#endif
