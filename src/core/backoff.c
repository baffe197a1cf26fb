/* SPDX-License-Identifier: Apache-2.0 */
/* backoff.c - how long a manifest waits before its next attempt. */
#include "mimo/backoff.h"

int64_t backoff_delay(const struct backoff *backoff, int failures, uint32_t random)
{
    int64_t delay = backoff->first;
    double share = (double)random / UINT32_MAX; /* 0..1 */

    for (int i = 1; i < failures && delay < backoff->maximum; i++)
        delay = delay > backoff->maximum / 2 ? backoff->maximum : 2 * delay;
    if (delay > backoff->maximum)
        delay = backoff->maximum;
    return delay + (int64_t)((double)delay * (0.2 * share - 0.1));
}
