/* SPDX-License-Identifier: Apache-2.0 */
/* landlock_gaps.c - what workers can do because the kernel's Landlock ABI is too old. */
#include "mimo/process_security.h"

#define NO_SCOPES "only seccomp keeps workers from signalling others"
#define NO_PORTS  "workers may connect to any TCP port; " NO_SCOPES
#define NO_DOMAIN NO_PORTS " and from files"

static const char *const gaps[] = {
    [0] = NO_DOMAIN, [1] = NO_PORTS,  [2] = NO_PORTS,
    [3] = NO_PORTS,  [4] = NO_SCOPES, [5] = NO_SCOPES,
};
enum { GAP_COUNT = sizeof(gaps) / sizeof(gaps[0]) };

const char *landlock_gaps(int abi)
{
    if (abi < 0)
        abi = 0;
    return abi < GAP_COUNT ? gaps[abi] : NULL;
}
