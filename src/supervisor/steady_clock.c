/* SPDX-License-Identifier: Apache-2.0 */
/* steady_clock.c - the wall clock against the time that passed. */
#include "supervisor/steady_clock.h"

#include <stdlib.h>

#include "mimo/clock.h"

/* No more than a worker's margin (worker_limits_of()), and a small part of a short lease. */
enum { TOLERANCE_MAXIMUM = 10000, TOLERANCE_SHARE = 8 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void steady_clock_start(struct steady_clock *clock, int64_t lease_milliseconds, int64_t wall,
                        int64_t passed)
{
    *clock = (struct steady_clock){
        .patience = lease_milliseconds,
        .tolerance = smaller(TOLERANCE_MAXIMUM, lease_milliseconds / TOLERANCE_SHARE),
        .anchor = wall - passed,
    };
}

struct steady_time steady_clock_read(struct steady_clock *clock, int64_t wall, int64_t passed)
{
    bool jumped = llabs(wall - passed - clock->anchor) > clock->tolerance;
    if (jumped && !clock->doubting)
        clock->doubted_since = passed;
    clock->doubting = jumped && passed - clock->doubted_since < clock->patience;
    if (!clock->doubting)
        clock->anchor = wall - passed;

    int64_t steady = clock->anchor + passed;
    return (struct steady_time){
        .steady = steady,
        .earliest = smaller(steady, wall),
        .latest = steady < wall ? wall : steady,
    };
}

struct steady_time steady_clock_now(struct steady_clock *clock)
{
    return steady_clock_read(clock, clock_unix_milliseconds(), clock_boot_milliseconds());
}
