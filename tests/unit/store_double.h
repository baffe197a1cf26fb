/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_double.h - a store that does what a real one does, except where a test says otherwise.
 *
 * It hands each batch on to a real store. A hook sees every batch before that: it may change
 * documents behind the caller's back, refuse single operations, or let the batch fail, before or
 * after it has happened.
 */
#ifndef MIMO_TESTS_STORE_DOUBLE_H
#define MIMO_TESTS_STORE_DOUBLE_H

#include "mimo/store.h"
#include "store/backend.h"

enum double_fate {
    DOUBLE_PASS,        /* hand it on */
    DOUBLE_FAIL,        /* the store does not answer, and nothing happened */
    DOUBLE_FAIL_BEHIND, /* the store does not answer, and everything happened */
};

struct store_double {
    struct store base;
    struct store *real;
    int runs; /* batches so far, the one at hand included */
    /* NULL: everything passes. Operations whose status it sets are not handed on. */
    enum double_fate (*hook)(struct store_double *made, struct store_operation *operations,
                             size_t count);
    void *context;
    bool inside; /* the hook runs: its own batches pass */
};

/* Wraps `real`, which stays the caller's. Give &double.base to what is tested. */
void store_double_initialize(struct store_double *made, struct store *real);

/* Refuses an operation with this text. */
void double_refuse(struct store_operation *operation, const char *text);

/* True when the operation writes, which queries and GETs do not. */
bool double_is_write(const struct store_operation *operation);

#endif
