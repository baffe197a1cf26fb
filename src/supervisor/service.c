/* SPDX-License-Identifier: Apache-2.0 */
/* service.c - messages to the service manager. */
#include "supervisor/service.h"

#include <stdio.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "mimo/clock.h"
#include "mimo/service_manager.h"

/* True when it is sent, or when nobody wants to know. */
static bool tell(const char *state)
{
#ifdef HAVE_SYSTEMD
    return service_manager_tell(state);
#else
    (void)state;
    return true;
#endif
}

static void on_retry(uv_timer_t *timer)
{
    struct service *service = timer->data;
    if (!tell(service->pending))
        return;
    *service->pending = '\0';
    uv_timer_stop(timer);
}

static void notify(struct service *service, const char *state)
{
    snprintf(service->pending, sizeof(service->pending), "%s", state);
    uv_timer_start(&service->retry, on_retry, SERVICE_MANAGER_PAUSE, SERVICE_MANAGER_PAUSE);
    on_retry(&service->retry);
}

void service_notify_ready(struct service *service)
{
    notify(service, "READY=1");
}

void service_notify_stopping(struct service *service)
{
    notify(service, "STOPPING=1");
}

/* With the time, so that the service manager can tell this reload from an earlier one. */
void service_notify_reloading(struct service *service)
{
    char state[SERVICE_STATE_SIZE];
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)clock_monotonic().milliseconds * 1000);
    notify(service, state);
}

/* One that does not fit is not repeated: the next one follows. */
static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    tell("WATCHDOG=1");
}

void service_open(struct service *service, uv_loop_t *loop)
{
    uint64_t microseconds = 0;
    *service->pending = '\0';
    uv_timer_init(loop, &service->retry);
    service->retry.data = service;
    uv_timer_init(loop, &service->watchdog);
#ifdef HAVE_SYSTEMD
    if (sd_watchdog_enabled(0, &microseconds) <= 0)
        microseconds = 0;
#endif
    if (microseconds > 0)
        uv_timer_start(&service->watchdog, on_watchdog, 0, microseconds / 2000);
}

void service_close(struct service *service)
{
    uv_close((uv_handle_t *)&service->retry, NULL);
    uv_close((uv_handle_t *)&service->watchdog, NULL);
}
