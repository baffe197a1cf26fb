/* SPDX-License-Identifier: Apache-2.0 */
/*
 * family.h - the processes that the supervisor starts with, and the sockets that join them.
 *
 *     mimod ---- launcher channel ----> mimo-launcher ----> workers
 *       '------- metrics channel -----> keeper -----------> mimo-metrics
 *
 * Both are started while mimod still has the privileges that it was started with. The launcher is a
 * fresh program and drops to its own user by itself. The keeper (keeper.h) drops to the metrics
 * helper's user and starts the helper again whenever it ends. Both end when their channel ends, so
 * the supervisor's death is theirs. The launcher's death ends the supervisor; the death of helper or
 * keeper costs metrics and nothing else.
 */
#ifndef MIMO_SUPERVISOR_FAMILY_H
#define MIMO_SUPERVISOR_FAMILY_H

#include <sys/types.h>

#include "mimo/error.h"
#include "supervisor/family_cgroup.h"

struct family {
    struct family_cgroup cgroup; /* owned */
    int launcher_socket;         /* -1 when not open; owned */
    pid_t launcher;
    int metrics_socket;
    pid_t keeper;
};

/* Starts both, the launcher in the cgroup of family->cgroup, which the caller has filled in. Launcher and helper get the configuration arguments that mimod got
 * (program_config_arguments()); the launcher gets `lock` (borrowed) to hold until its workers have
 * ended; keeper and helper run as `metrics_user`. On failure the processes that were started end by
 * themselves, because their channel is closed. */
int family_start(struct family *family, const char *const *arguments, int lock,
                 const char *metrics_user, struct error *error);

/* Closes the channels and waits until both processes have ended; kills what has not after a grace
 * period. */
void family_stop(struct family *family);

#endif
