/* SPDX-License-Identifier: Apache-2.0 */
/* exit_status.h - exit statuses of mimoctl, as in mimoctl(1). */
#ifndef MIMO_CTL_EXIT_STATUS_H
#define MIMO_CTL_EXIT_STATUS_H

enum ctl_exit {
    CTL_OK = 0,
    CTL_REFUSED = 1,         /* refused, or not found */
    CTL_USAGE = 2,           /* the command line or mimoctl's own configuration is wrong */
    CTL_UNREACHABLE = 3,     /* cannot reach, or cannot log in */
    CTL_ENDED_OTHERWISE = 4, /* the manifest that was waited for ended in another state */
    CTL_TIMED_OUT = 5,       /* the wait took too long */
    CTL_INTERRUPTED = 130,
};

#endif
