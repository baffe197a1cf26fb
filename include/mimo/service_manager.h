/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_manager.h - tells the service manager how a program is: sd_notify(3), but without waiting.
 *
 * The function of libsystemd waits while the service manager's socket is full. A program whose loop
 * waits serves nobody, and its watchdog then ends it for a fault that is not its own.
 *
 * Threads: any.
 */
#ifndef MIMO_SERVICE_MANAGER_H
#define MIMO_SERVICE_MANAGER_H

#include <stdbool.h>

/* Milliseconds until a caller that was told to may try again. */
enum { SERVICE_MANAGER_PAUSE = 100 };

/* Sends a state, such as "READY=1", to the socket that the environment names (NOTIFY_SOCKET).
 * Returns false if the socket is full: try again later. True in all other cases, also if no service
 * manager listens: there is nothing that the caller could do. */
bool service_manager_tell(const char *state);

#endif
