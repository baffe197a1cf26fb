/* SPDX-License-Identifier: Apache-2.0 */
/* budget.c - counts the bytes that connections hold. */
#include "api/http/budget.h"

/* A page takes this fraction of the remaining bytes, so that many readers each get a page. */
enum { PAGE_PART = 16 };

bool budget_hold(struct budget *budget, size_t *held, size_t wanted)
{
    if (wanted <= *held) {
        atomic_fetch_sub(&budget->used, *held - wanted);
        *held = wanted;
        return true;
    }
    size_t more = wanted - *held;
    size_t before = atomic_fetch_add(&budget->used, more);
    if (wanted > BUDGET_SMALL && (before >= BUDGET_BYTES || more > BUDGET_BYTES - before)) {
        atomic_fetch_sub(&budget->used, more);
        return false;
    }
    *held = wanted;
    return true;
}

size_t budget_page_bytes(const struct budget *budget)
{
    size_t used = atomic_load(&budget->used);
    size_t share = used < BUDGET_BYTES ? (BUDGET_BYTES - used) / PAGE_PART : 0;
    if (share < BUDGET_SMALL)
        return BUDGET_SMALL;
    return share < BUDGET_PAGE_MAXIMUM ? share : BUDGET_PAGE_MAXIMUM;
}
