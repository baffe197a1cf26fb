/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steady_clock.h - a wall clock that ignores sudden jumps.
 *
 * Leases, due times and membership are stored as times of the wall clock. If that clock jumps by
 * hours (set by hand, corrected after a bad start), every lease would be over at once, and what is
 * planned for later would run now. So its advance is compared with the time that really passed.
 * While the two agree, also through slow corrections, the wall clock counts. After a jump both times
 * are kept and the safer one counts: a deadline has passed only if both say so, and a new lease lasts
 * until both say that it is over. When the jump has lasted for `patience`, which is the length of a
 * lease, every lease from before the jump is over, and the new time is trusted.
 *
 * Pure except for steady_clock_now(): the caller supplies both times. Threads: the event loop's.
 */
#ifndef MIMO_SUPERVISOR_STEADY_CLOCK_H
#define MIMO_SUPERVISOR_STEADY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct steady_clock {
    int64_t patience;  /* milliseconds */
    int64_t tolerance; /* milliseconds that do not count as a jump */
    int64_t anchor;    /* Unix milliseconds when `passed` was 0 */
    bool doubting;
    int64_t doubted_since; /* `passed` */
};

/* Unix milliseconds. */
struct steady_time {
    int64_t steady;   /* advances as time passes */
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
