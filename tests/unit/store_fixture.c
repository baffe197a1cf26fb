/* SPDX-License-Identifier: Apache-2.0 */
/* store_fixture.c - A store in a directory of its own, and documents to put into it. */
#include "store_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

int store_fixture_setup(void **state)
{
    struct store_fixture *fixture = calloc(1, sizeof(*fixture));
    struct error error;
    strcpy(fixture->directory, "/tmp/mimo-store-XXXXXX");
    if (!mkdtemp(fixture->directory))
        return -1;
    snprintf(fixture->path, sizeof(fixture->path), "%s/mimo.db", fixture->directory);
    snprintf(fixture->uri, sizeof(fixture->uri), "sqlite:%s", fixture->path);
    if (store_initialize(fixture->uri, &error) < 0 ||
        store_open(fixture->uri, &fixture->store, &error) < 0) {
        print_error("%s\n", error.message);
        return -1;
    }
    *state = fixture;
    return 0;
}

int store_fixture_teardown(void **state)
{
    struct store_fixture *fixture = *state;
    store_close(fixture->store);
    remove_private_folder(fixture->directory);
    free(fixture);
    return 0;
}

void fixture_reopen(struct store_fixture *fixture)
{
    struct error error;
    store_close(fixture->store);
    fixture->store = NULL;
    if (store_open(fixture->uri, &fixture->store, &error) < 0)
        fail_msg("%s", error.message);
}

struct sqlite_statistics fixture_statistics(const struct store_fixture *fixture)
{
    /* The interface is the first member of the handle. */
    return ((const struct sqlite_store *)fixture->store)->statistics;
}

unsigned fixture_seed(void)
{
    unsigned seed;
    const char *given = getenv("MIMO_SEED");
    if (given)
        seed = (unsigned)strtoul(given, NULL, 10);
    else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        fail_msg("no random number");
    print_message("seed: MIMO_SEED=%u\n", seed);
    return seed;
}

const char *fixture_id(char *buffer, int number)
{
    snprintf(buffer, UUID_SIZE, "00000000-0000-4000-a000-%012d", number);
    return buffer;
}

const char *fixture_cluster_id(char *buffer, int number)
{
    snprintf(buffer, RESOURCE_ID_SIZE,
             "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/tests/providers/"
             "microsoft.redhatopenshift/openshiftclusters/cluster-%d",
             number);
    return buffer;
}

struct json_object *fixture_manifest_document(const struct fixture_manifest *wanted)
{
    char id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    struct json_object *document = json_object_new_object();
    document_set_string(document, "id", fixture_id(id, wanted->id));
    document_set_string(document, "clusterResourceID",
                        fixture_cluster_id(cluster, wanted->cluster));
    document_set_string(document, "maintenanceManifest.state", manifest_state_name(wanted->state));
    document_set_string(document, "maintenanceManifest.maintenanceTaskID",
                        wanted->task ? wanted->task : FIXTURE_TASK);
    document_set_string(document, "maintenanceManifest.createdBySchedule", wanted->schedule);
    document_set(document, "maintenanceManifest.priority", json_object_new_int64(wanted->priority));
    document_set_time(document, "maintenanceManifest.runAfter", wanted->run_after);
    document_set_time(document, "maintenanceManifest.runBefore", wanted->run_before);
    document_set_time(document, "nextAttempt", wanted->next_attempt);
    document_set_time(document, "createdAt", wanted->created_at);
    document_set_string(document, "leaseOwner", wanted->owner);
    document_set_time(document, "leaseExpires", wanted->lease_expires);
    return document;
}

struct json_object *fixture_cluster_document(int number, const char *owner, int64_t lease_expires)
{
    char id[UUID_SIZE];
    char key[RESOURCE_ID_SIZE];
    struct json_object *document = json_object_new_object();
    document_set_string(document, "id", fixture_id(id, number));
    document_set_string(document, "key", fixture_cluster_id(key, number));
    document_set_string(document, "partitionKey", "00000000-0000-0000-0000-000000000000");
    document_set_string(document, "openShiftCluster.id", key);
    document_set_string(document, "leaseOwner", owner);
    document_set_time(document, "leaseExpires", lease_expires);
    return document;
}

void fixture_run(struct store_fixture *fixture, struct store_operation *operation)
{
    struct error error;
    if (store_run(fixture->store, operation, 1, &error) < 0)
        fail_msg("%s", error.message);
}

enum store_status fixture_status(struct store_fixture *fixture, struct store_operation operation)
{
    fixture_run(fixture, &operation);
    enum store_status status = operation.result.status;
    store_release(&operation, 1);
    return status;
}

void fixture_add(struct store_fixture *fixture, enum store_container container,
                 struct json_object *document)
{
    struct store_operation operation = store_create(container, document);
    fixture_run(fixture, &operation);
    if (operation.result.status == STORE_REFUSED)
        fail_msg("%s", operation.result.error.message);
    assert_int_equal(operation.result.status, STORE_DONE);
    store_release(&operation, 1);
    json_object_put(document);
}

void fixture_add_manifest(struct store_fixture *fixture, struct fixture_manifest wanted)
{
    fixture_add(fixture, STORE_MANIFESTS, fixture_manifest_document(&wanted));
}

void fixture_add_cluster(struct store_fixture *fixture, int number)
{
    fixture_add(fixture, STORE_CLUSTERS, fixture_cluster_document(number, NULL, 0));
}

/* Replaces what `read` finds after one member was changed. */
static void change(struct store_fixture *fixture, enum store_container container,
                   struct store_operation read, const char *path, struct json_object *value)
{
    fixture_run(fixture, &read);
    assert_int_equal(read.result.status, STORE_DONE);
    assert_int_equal(read.result.count, 1);
    struct store_item *item = &read.result.items[0];
    if (value)
        document_set(item->document, path, value);
    else
        document_remove(item->document, path);
    assert_int_equal(fixture_status(fixture, store_replace(container, item->etag, item->document)),
                     STORE_DONE);
    store_release(&read, 1);
}

void fixture_set_manifest(struct store_fixture *fixture, int id, const char *path,
                          struct json_object *value)
{
    char text[UUID_SIZE];
    struct store_query query = {.kind = STORE_QUERY_MANIFEST_BY_ID, .id = fixture_id(text, id)};
    change(fixture, STORE_MANIFESTS, store_query(&query), path, value);
}

void fixture_set_cluster(struct store_fixture *fixture, int number, const char *path,
                         struct json_object *value)
{
    char key[RESOURCE_ID_SIZE];
    change(fixture, STORE_CLUSTERS,
           store_get(STORE_CLUSTERS, NULL, fixture_cluster_id(key, number)), path, value);
}

void fixture_lease(struct store_fixture *fixture, int number, const char *owner,
                   int64_t lease_expires)
{
    char key[RESOURCE_ID_SIZE];
    struct store_operation read = store_get(STORE_CLUSTERS, NULL, fixture_cluster_id(key, number));
    fixture_run(fixture, &read);
    assert_int_equal(read.result.status, STORE_DONE);
    struct store_item *item = &read.result.items[0];
    document_set_string(item->document, "leaseOwner", owner);
    document_set_time(item->document, "leaseExpires", owner ? lease_expires : 0);
    assert_int_equal(
        fixture_status(fixture, store_replace(STORE_CLUSTERS, item->etag, item->document)),
        STORE_DONE);
    store_release(&read, 1);
}

struct store_operation fixture_query(struct store_fixture *fixture, struct store_query query)
{
    if (query.limit == 0)
        query.limit = STORE_PAGE_MAXIMUM;
    if (query.now == 0)
        query.now = FIXTURE_NOW;
    if (query.buckets.first == 0 && query.buckets.last == 0)
        query.buckets.last = BUCKET_COUNT - 1;
    struct store_operation operation = store_query(&query);
    fixture_run(fixture, &operation);
    if (operation.result.status == STORE_REFUSED)
        fail_msg("%s", operation.result.error.message);
    assert_int_equal(operation.result.status, STORE_DONE);
    return operation;
}

const char *fixture_numbers(char *buffer, size_t size, const struct store_result *result)
{
    size_t length = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < result->count && length < size; i++) {
        const char *id = document_string(result->items[i].document, "id", "");
        length += (size_t)snprintf(buffer + length, size - length, "%s%d", i ? " " : "",
                                   atoi(strrchr(id, '-') + 1));
    }
    return buffer;
}

void fixture_expect(struct store_fixture *fixture, struct store_query query, const char *numbers)
{
    char buffer[8192];
    struct store_operation operation = fixture_query(fixture, query);
    assert_string_equal(fixture_numbers(buffer, sizeof(buffer), &operation.result), numbers);
    store_release(&operation, 1);
}

void fixture_expect_sound(struct store_fixture *fixture)
{
    bool sound;
    struct error error;
    if (store_verify_integrity(fixture->store, &sound, &error) < 0 || !sound)
        fail_msg("%s", error.message);
}

void fixture_sql(struct store_fixture *fixture, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

/* --- The audit trail: documents without rules --- */

struct store_operation fixture_get_audit(const char *id)
{
    return store_get(STORE_AUDIT, NULL, id);
}

void fixture_add_audit(struct store_fixture *fixture, const char *id)
{
    fixture_add(fixture, STORE_AUDIT, document_pack("{s:s}", "id", id));
}

void fixture_expect_no_write(struct store_fixture *fixture, const char *reason)
{
    struct error error;
    struct json_object *document = document_pack("{s:s}", "id", "never");
    struct store_operation create = store_create(STORE_AUDIT, document);
    assert_int_equal(store_run(fixture->store, &create, 1, &error), -1);
    assert_int_equal(error.kind, ERROR_UNAVAILABLE);
    assert_int_equal(create.result.status, STORE_NOT_RUN);
    if (!strstr(error.message, reason))
        fail_msg("\"%s\" does not say \"%s\"", error.message, reason);
    json_object_put(document);
}

void fixture_expect_no_read(struct store_fixture *fixture, const char *reason)
{
    struct error error;
    struct store_operation read = fixture_get_audit("kept");
    assert_int_equal(store_run(fixture->store, &read, 1, &error), -1);
    assert_int_equal(error.kind, ERROR_UNAVAILABLE);
    if (!strstr(error.message, reason))
        fail_msg("\"%s\" does not say \"%s\"", error.message, reason);
}
