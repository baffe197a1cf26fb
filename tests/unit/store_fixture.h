/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_fixture.h - a store in a directory of its own, and documents to put into it.
 */
#ifndef MIMO_TESTS_STORE_FIXTURE_H
#define MIMO_TESTS_STORE_FIXTURE_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <json-c/json_object.h>
#include <stdbool.h>

#include "mimo/error.h"
#include "mimo/manifest_state.h"
#include "mimo/resource_id.h"
#include "mimo/store.h"
#include "mimo/uuid.h"
#include "store/sqlite/handle.h"

/* Far from the clock of any machine: what the store decides must follow from the query's time. */
#define FIXTURE_NOW   INT64_C(2000000000)
#define FIXTURE_OWNER "11111111-1111-4111-8111-111111111111"
#define FIXTURE_OTHER "22222222-2222-4222-8222-222222222222"
#define FIXTURE_TASK  "00000000-0000-4000-8000-000000000001"

struct store_fixture {
    char directory[64];
    char path[96];
    char uri[128];
    struct store *store;
};

/* cmocka set-up and tear-down: an empty, open store. */
int store_fixture_setup(void **state);
int store_fixture_teardown(void **state);

/* A row of a group of tests: each gets a store of its own. */
#define ON_STORE(test)                                                                             \
    cmocka_unit_test_setup_teardown(test, store_fixture_setup, store_fixture_teardown)

/* Closes the store and opens it again. */
void fixture_reopen(struct store_fixture *fixture);

/* What the store has counted. Nothing may be reading or writing. */
struct sqlite_statistics fixture_statistics(const struct store_fixture *fixture);

/* A number from /dev/urandom, or MIMO_SEED if that is set; printed either way. */
unsigned fixture_seed(void);

/* A UUID that says which: "00000000-0000-4000-a000-000000000007". */
const char *fixture_id(char *buffer, int number);

/* The normalized resource ID of cluster `number` into `buffer` (RESOURCE_ID_SIZE). */
const char *fixture_cluster_id(char *buffer, int number);

/* What a test wants a manifest to be; zeros are defaults: Pending, due, never overdue. */
struct fixture_manifest {
    int id;
    int cluster;
    enum manifest_state state;
    int64_t priority;
    int64_t run_after;
    int64_t run_before;
    int64_t next_attempt;
    int64_t created_at;
    const char *owner;
    int64_t lease_expires;
    const char *task;
    const char *schedule;
};

/* New references. */
struct json_object *fixture_manifest_document(const struct fixture_manifest *wanted);
struct json_object *fixture_cluster_document(int number, const char *owner, int64_t lease_expires);

/* Runs one operation that the store must answer. */
void fixture_run(struct store_fixture *fixture, struct store_operation *operation);

/* The same, for its status only. */
enum store_status fixture_status(struct store_fixture *fixture, struct store_operation operation);

/* Creates a document, which must work; takes it over. */
void fixture_add(struct store_fixture *fixture, enum store_container container,
                 struct json_object *document);
void fixture_add_manifest(struct store_fixture *fixture, struct fixture_manifest wanted);
void fixture_add_cluster(struct store_fixture *fixture, int number);

/* Reads a manifest or a cluster, changes one member (takes `value` over; NULL removes it), and
 * replaces the document. */
void fixture_set_manifest(struct store_fixture *fixture, int id, const char *path,
                          struct json_object *value);
void fixture_set_cluster(struct store_fixture *fixture, int number, const char *path,
                         struct json_object *value);

/* The lease of a cluster: taken until `lease_expires`, or given back when `owner` is NULL. */
void fixture_lease(struct store_fixture *fixture, int number, const char *owner,
                   int64_t lease_expires);

/* Runs a query with the whole range of buckets, limit 1000 and FIXTURE_NOW wherever it names none.
 */
struct store_operation fixture_query(struct store_fixture *fixture, struct store_query query);

/* The numbers of fixture_id() of a result, as "7 3 12". */
const char *fixture_numbers(char *buffer, size_t size, const struct store_result *result);

/* Runs a query and fails unless it gives exactly these. */
void fixture_expect(struct store_fixture *fixture, struct store_query query, const char *numbers);

/* Fails unless the store finds itself sound. */
void fixture_expect_sound(struct store_fixture *fixture);

/* Runs SQL on the file itself, as no program of the product does. */
void fixture_sql(struct store_fixture *fixture, const char *sql);

/* Entries of the audit trail, of which the store knows no rules. */
struct store_operation fixture_get_audit(const char *id);
void fixture_add_audit(struct store_fixture *fixture, const char *id);

/* Writing such an entry, or reading "kept", must fail as ERROR_UNAVAILABLE with this in the message. */
void fixture_expect_no_write(struct store_fixture *fixture, const char *reason);
void fixture_expect_no_read(struct store_fixture *fixture, const char *reason);

#endif
