/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_store.c - A real store for tests of the supervisor. */
#include "supervisor_store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"

int test_store_setup(void **state)
{
    struct error error;
    struct test_store *test = calloc(1, sizeof(*test));
    assert_non_null(test);
    strcpy(test->directory, "/tmp/mimo-unit-XXXXXX");
    assert_non_null(mkdtemp(test->directory));
    snprintf(test->uri, sizeof(test->uri), "sqlite:%s/mimo.db", test->directory);
    if (store_initialize(test->uri, &error) < 0 || store_open(test->uri, &test->store, &error) < 0)
        fail_msg("%s", error.message);
    *state = test;
    return 0;
}

int test_store_teardown(void **state)
{
    struct test_store *test = *state;
    store_close(test->store);
    DIR *directory = opendir(test->directory);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
    rmdir(test->directory);
    free(test);
    return 0;
}

const char *test_cluster_id(int number)
{
    static char id[RESOURCE_ID_SIZE];
    snprintf(id, sizeof(id),
             "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/rg-%d/providers/"
             "microsoft.redhatopenshift/openshiftclusters/cluster-%d",
             number, number);
    return id;
}

enum store_status test_run(struct test_store *test, struct store_operation operation)
{
    struct error error;
    if (store_run(test->store, &operation, 1, &error) < 0)
        fail_msg("%s", error.message);
    enum store_status status = operation.result.status;
    store_release(&operation, 1);
    return status;
}

void test_add_cluster(struct test_store *test, int number, const char *provisioning_state)
{
    struct error error;
    struct cluster cluster;
    cleanup_json struct json_object *properties =
        document_pack("{s:s}", "provisioningState", provisioning_state);
    if (cluster_create(&cluster, test_cluster_id(number), properties, NULL, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(test_run(test, store_create(STORE_CLUSTERS, cluster_document(&cluster))),
                     STORE_DONE);
    cluster_free(&cluster);
}

void test_add_manifest(struct test_store *test, int cluster, int64_t priority, int64_t run_after,
                       char *id)
{
    struct error error;
    struct manifest manifest;
    struct manifest_request request = {
        .cluster = test_cluster_id(cluster),
        .task = TEST_TASK,
        .priority = priority,
        .run_after = run_after,
        .run_before = run_after + 1000,
    };
    if (manifest_create(&manifest, &request, TEST_NOW, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(test_run(test, store_create(STORE_MANIFESTS, manifest_document(&manifest))),
                     STORE_DONE);
    if (id)
        strcpy(id, manifest.id);
    manifest_free(&manifest);
}

/* The only document that a GET finds; new reference. */
static struct json_object *get(struct test_store *test, struct store_operation operation)
{
    struct error error;
    if (store_run(test->store, &operation, 1, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(operation.result.status, STORE_DONE);
    struct json_object *document = take_pointer(&operation.result.items[0].document);
    store_release(&operation, 1);
    return document;
}

struct manifest test_manifest(struct test_store *test, int cluster, const char *id)
{
    struct error error;
    struct manifest manifest;
    cleanup_json struct json_object *document =
        get(test, store_get(STORE_MANIFESTS, test_cluster_id(cluster), id));
    if (manifest_read(&manifest, document, &error) < 0)
        fail_msg("%s", error.message);
    return manifest;
}

struct cluster test_cluster(struct test_store *test, int number)
{
    struct error error;
    struct cluster cluster;
    cleanup_json struct json_object *document =
        get(test, store_get(STORE_CLUSTERS, NULL, test_cluster_id(number)));
    if (cluster_read(&cluster, document, &error) < 0)
        fail_msg("%s", error.message);
    return cluster;
}
