/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steady_clock.h - the wall clock, but for its jumps.
 *
 * What is stored is compared by the wall clock: leases, due times, membership. When that clock
 * jumps by hours (set by hand, corrected after a bad start) every lease would be over at once, and
 * what is planned for later would run now. So its advance is compared with the time that has really
 * passed. While the two agree the wall clock counts, slow corrections included. After a jump both
 * times are kept, and whatever is the safer one counts: things are due and leases are over when
 * they are so by both, and a lease that is taken lasts by both. When the jump has lasted for
 * `patience`, which is a lease, everything from before it is over, and the new time is believed.
 *
 * Pure but for steady_clock_now(): the caller brings both times. Only the event loop's thread uses
 * it.
 */
#ifndef MIMO_SUPERVISOR_STEADY_CLOCK_H
#define MIMO_SUPERVISOR_STEADY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct steady_clock {
    int64_t patience;  /* milliseconds */
    int64_t tolerance; /* milliseconds that are no jump */
    int64_t anchor;    /* Unix milliseconds when `passed` was 0 */
    bool doubting;
    int64_t doubted_since; /* `passed` */
};

/* Unix milliseconds. */
struct steady_time {
    int64_t steady;   /* goes on as time passes */
    int64_t earliest; /* the earlier of that and the wall clock */
    int64_t latest;
};

/* `wall`: Unix milliseconds. `passed`: milliseconds since some fixed moment, suspension included.
 */
void steady_clock_start(struct steady_clock *clock, int64_t lease_milliseconds, int64_t wall,
                        int64_t passed);

struct steady_time steady_clock_read(struct steady_clock *clock, int64_t wall, int64_t passed);

/* steady_clock_read() of the clocks of this machine. */
struct steady_time steady_clock_now(struct steady_clock *clock);

#endif
