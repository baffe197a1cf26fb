/* SPDX-License-Identifier: Apache-2.0 */
/* service.c - messages to the service manager. */
#include "supervisor/service.h"

#include <stdio.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "mimo/clock.h"

static void notify(const char *state)
{
#ifdef HAVE_SYSTEMD
    sd_notify(0, state);
#else
    (void)state;
#endif
}

void service_notify_ready(void)
{
    notify("READY=1");
}

void service_notify_stopping(void)
{
    notify("STOPPING=1");
}

/* With the time, so that the service manager can tell this reload from an earlier one. */
void service_notify_reloading(void)
{
    char state[64];
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)clock_monotonic().milliseconds * 1000);
    notify(state);
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    notify("WATCHDOG=1");
}

void service_start_watchdog(uv_loop_t *loop, uv_timer_t *watchdog)
{
    uint64_t microseconds = 0;
    uv_timer_init(loop, watchdog);
#ifdef HAVE_SYSTEMD
    if (sd_watchdog_enabled(0, &microseconds) <= 0)
        microseconds = 0;
#endif
    if (microseconds > 0)
        uv_timer_start(watchdog, on_watchdog, 0, microseconds / 2000);
}
