/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.h - what the service manager is told: ready, reloading, stopping, and that the loop turns
 * (sd_notify(3)). Without systemd all of it does nothing.
 */
#ifndef MIMO_SUPERVISOR_SERVICE_H
#define MIMO_SUPERVISOR_SERVICE_H

#include <uv.h>

void service_notify_ready(void);
void service_notify_stopping(void);

/* Followed by service_notify_ready() when the configuration is in force. */
void service_notify_reloading(void);

/* Begins to tell that the loop turns, twice as often as the service manager asks for
 * (sd_watchdog_enabled(3)). The caller closes the timer. */
void service_start_watchdog(uv_loop_t *loop, uv_timer_t *watchdog);

#endif
