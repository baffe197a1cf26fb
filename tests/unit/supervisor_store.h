/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_store.h - a real store in a directory of its own, for tests of what the supervisor
 * does to it.
 */
#ifndef MIMO_TESTS_SUPERVISOR_STORE_H
#define MIMO_TESTS_SUPERVISOR_STORE_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/manifest.h"
#include "mimo/store.h"

enum { TEST_NOW = 1800000000 };

#define TEST_ACTUATOR "11111111-1111-4111-8111-111111111111"
#define TEST_OTHER    "22222222-2222-4222-8222-222222222222"
#define TEST_TASK     "00000000-0000-4000-8000-000000000001"
#define TEST_MARK     "AdminUpdating"

struct test_store {
    char directory[64];
    char uri[128];
    struct store *store;
};

/* cmocka set-up and tear-down. */
int test_store_setup(void **state);
int test_store_teardown(void **state);

/* The resource ID of cluster `number` into a static buffer that the next call overwrites. */
const char *test_cluster_id(int number);

/* Puts a cluster in the given provisioningState into the store. */
void test_add_cluster(struct test_store *test, int number, const char *provisioning_state);

/* Puts a Pending manifest into the store; its id into `id` (may be NULL). */
void test_add_manifest(struct test_store *test, int cluster, int64_t priority, int64_t run_after,
                       char *id);

/* The stored manifest or cluster; the caller frees it. */
struct manifest test_manifest(struct test_store *test, int cluster, const char *id);
struct cluster test_cluster(struct test_store *test, int number);

/* Runs one operation that must be answered; returns its status and releases it. */
enum store_status test_run(struct test_store *test, struct store_operation operation);

#endif
