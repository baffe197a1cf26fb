/* SPDX-License-Identifier: Apache-2.0 */
/* key_schedule.c - when keys are fetched. */
#include "api/auth/key_schedule.h"

#include "mimo/backoff.h"

static const struct backoff retry_pause = {KEYS_RETRY_FIRST, KEYS_RETRY_LAST};

int64_t key_schedule_due(const struct key_schedule *schedule)
{
    if (schedule->is_urged)
        return INT64_MIN;
    int64_t retry = schedule->tried + backoff_pause(&retry_pause, schedule->failures);
    int64_t due = schedule->has_keys ? schedule->fetched + KEYS_FRESH : INT64_MIN;
    if (schedule->failures > 0 && due < retry)
        due = retry;
    if (!schedule->is_wanted)
        return due;
    int64_t look = schedule->was_asked ? schedule->asked + KEYS_ASKED_INTERVAL : INT64_MIN;
    return look < due ? look : due;
}

bool key_schedule_counts(const struct key_schedule *schedule, int64_t now)
{
    return schedule->has_keys && now - schedule->fetched < KEYS_AGE_MAXIMUM;
}

bool key_schedule_ask(struct key_schedule *schedule, int64_t now)
{
    if (!schedule->is_wanted && schedule->was_asked && now - schedule->asked < KEYS_ASKED_INTERVAL)
        return false;
    schedule->is_wanted = true;
    return true;
}

void key_schedule_begin(struct key_schedule *schedule, int64_t now)
{
    schedule->tried = now;
    schedule->is_urged = false;
    if (!schedule->is_wanted)
        return;
    schedule->asked = now;
    schedule->was_asked = true;
}

void key_schedule_end(struct key_schedule *schedule, bool success, int64_t now)
{
    if (!success) {
        schedule->failures++;
        return;
    }
    if (schedule->is_wanted) { /* including a key that was requested meanwhile */
        schedule->asked = schedule->tried;
        schedule->was_asked = true;
    }
    schedule->failures = 0;
    schedule->is_wanted = false;
    schedule->has_keys = true;
    schedule->fetched = now;
}
