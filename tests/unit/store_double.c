/* SPDX-License-Identifier: Apache-2.0 */
/* store_double.c - A store that fails on command. */
#include "store_double.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

bool double_is_write(const struct store_operation *operation)
{
    return operation->verb != STORE_GET && operation->verb != STORE_QUERY;
}

void double_refuse(struct store_operation *operation, const char *text)
{
    struct error error;
    error_set(&error, ERROR_TOO_LARGE, "%s", text);
    store_refuse(operation, &error);
}

/* Hands on what the hook has not decided. */
static int hand_on(struct store_double *made, struct store_operation *operations, size_t count,
                   struct error *error)
{
    cleanup_free struct store_operation *batch = calloc(count, sizeof(*batch));
    size_t filled = 0;
    for (size_t i = 0; i < count; i++)
        if (operations[i].result.status == STORE_NOT_RUN)
            batch[filled++] = operations[i];
    int status = filled > 0 ? store_run(made->real, batch, filled, error) : 0;
    filled = 0;
    for (size_t i = 0; i < count; i++)
        if (operations[i].result.status == STORE_NOT_RUN)
            operations[i] = batch[filled++];
    return status;
}

static int double_run(struct store *base, struct store_operation *operations, size_t count,
                      struct error *error)
{
    struct store_double *made = (struct store_double *)base;
    enum double_fate fate = DOUBLE_PASS;
    made->runs++;
    if (made->hook && !made->inside) {
        made->inside = true;
        fate = made->hook(made, operations, count);
        made->inside = false;
    }
    if (fate != DOUBLE_FAIL && hand_on(made, operations, count, error) < 0)
        return -1;
    if (fate == DOUBLE_PASS)
        return 0;
    return error_set(error, ERROR_UNAVAILABLE, "the store double fails");
}

static const struct store_backend double_backend = {.scheme = "double", .run = double_run};

void store_double_initialize(struct store_double *made, struct store *real)
{
    *made = (struct store_double){.base.backend = &double_backend, .real = real};
}
