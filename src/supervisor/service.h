/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.h - what the service manager is told: ready, reloading, stopping, and that the loop turns
 * (service_manager.h). Without systemd all of it does nothing.
 *
 * While the service manager's socket is full, the latest state is kept and sent again and again; a
 * later one replaces it. The loop never waits.
 */
#ifndef MIMO_SUPERVISOR_SERVICE_H
#define MIMO_SUPERVISOR_SERVICE_H

#include <uv.h>

enum { SERVICE_STATE_SIZE = 64 };

struct service {
    uv_timer_t watchdog;
    uv_timer_t retry;
    char pending[SERVICE_STATE_SIZE]; /* what has not been sent yet; "": nothing */
};

/* Begins to tell that the loop turns, twice as often as the service manager asks for
 * (sd_watchdog_enabled(3)). */
void service_open(struct service *service, uv_loop_t *loop);

/* The loop ends when the handles are closed. What has not been sent by then never is. */
void service_close(struct service *service);

void service_notify_ready(struct service *service);
void service_notify_stopping(struct service *service);

/* Followed by service_notify_ready() when the configuration is in force. */
void service_notify_reloading(struct service *service);

#endif
