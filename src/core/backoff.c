/* SPDX-License-Identifier: Apache-2.0 */
/* backoff.c - how long to wait before what failed is tried again. */
#include "mimo/backoff.h"

int64_t backoff_pause(const struct backoff *backoff, int failures)
{
    int64_t pause = backoff->first;

    if (failures == 0)
        return 0;
    for (int i = 1; i < failures && pause < backoff->maximum; i++)
        pause = pause > backoff->maximum / 2 ? backoff->maximum : 2 * pause;
    return pause < backoff->maximum ? pause : backoff->maximum;
}

int64_t backoff_delay(const struct backoff *backoff, int failures, uint32_t random)
{
    int64_t delay = backoff_pause(backoff, failures);
    double share = (double)random / UINT32_MAX; /* 0..1 */

    return delay + (int64_t)((double)delay * (0.2 * share - 0.1));
}
