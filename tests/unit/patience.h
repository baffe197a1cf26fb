/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patience.h - deadlines of unit tests, scaled to how slow the machine is.
 *
 * The factor is the larger of the load of each processor and of MIMO_SLOWNESS, which ./bootstrap
 * check sets to what it measured; at least 1, at most 40. As contrib/local/mimolocal/slowness.py does for
 * integration tests.
 */
#ifndef MIMO_TEST_PATIENCE_H
#define MIMO_TEST_PATIENCE_H

#include <stdlib.h>
#include <unistd.h>

static inline double slowness(void)
{
    enum { MOST = 40 };
    double load = 1;
    const char *said = getenv("MIMO_SLOWNESS");
    double factor = said ? strtod(said, NULL) : 1;
    if (getloadavg(&load, 1) == 1 && load / (double)sysconf(_SC_NPROCESSORS_ONLN) > factor)
        factor = load / (double)sysconf(_SC_NPROCESSORS_ONLN);
    return factor < 1 ? 1 : factor > MOST ? MOST : factor;
}

static inline unsigned patient_seconds(unsigned seconds)
{
    return (unsigned)(seconds * slowness());
}

static inline int patient_milliseconds(int milliseconds)
{
    return (int)(milliseconds * slowness());
}

#endif
