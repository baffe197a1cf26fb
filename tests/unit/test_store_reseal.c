/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_reseal.c - mimo-store reseal meets somebody who is always first. */
#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/seal.h"
#include "store-tool/tool.h"

#define CLUSTER                                                                                    \
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/r/providers/"              \
    "microsoft.redhatopenshift/openshiftclusters/c"

static const char secret[] = "the kubeconfig";
static char folder[PRIVATE_PATH_SIZE], uri[96], paths[2][2][96]; /* old and new: certificate, key */
static int rivals; /* how many times somebody else is first */
static char said[512];

/* Of main.c: what the tool says on standard error. */
int tool_fail(const struct error *error)
{
    return tool_complain("%s", error->message);
}

int tool_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said, sizeof(said), format, arguments);
    va_end(arguments);
    return EXIT_FAILURE;
}

int __real_store_run(struct store *store, struct store_operation *operations, size_t count,
                     struct error *error);
int __wrap_store_run(struct store *store, struct store_operation *operations, size_t count,
                     struct error *error);

/* Writes the cluster as it is in the store, with one member more. */
static void write_first(struct store *store)
{
    struct error error;
    struct store_operation read = store_get(STORE_CLUSTERS, NULL, CLUSTER);
    expect_success(__real_store_run(store, &read, 1, &error), &error);
    struct store_item *item = &read.result.items[0];
    document_set(item->document, "rival", json_object_new_int64(rivals));
    struct store_operation write = store_replace(STORE_CLUSTERS, item->etag, item->document);
    expect_success(__real_store_run(store, &write, 1, &error), &error);
    assert_int_equal(write.result.status, STORE_DONE);
    store_release(&write, 1);
    store_release(&read, 1);
}

int __wrap_store_run(struct store *store, struct store_operation *operations, size_t count,
                     struct error *error)
{
    if (operations[0].verb == STORE_REPLACE && rivals > 0) {
        rivals--;
        write_first(store);
    }
    return __real_store_run(store, operations, count, error);
}

static char *sealed_for(int pair)
{
    struct seal_certificate *certificate;
    struct error error;
    unsigned char *sealed;
    size_t length;
    char *text;
    expect_success(seal_certificate_load(paths[pair][0], &certificate, &error), &error);
    expect_success(seal_close(certificate, secret, sizeof(secret), &sealed, &length, &error),
                   &error);
    expect_success(base64_encode(sealed, length, &text, &error), &error);
    free(sealed);
    seal_certificate_free(certificate);
    return text;
}

static void put_cluster(struct store *store)
{
    struct cluster cluster;
    struct error error;
    cleanup_free char *sealed = sealed_for(0);
    expect_success(cluster_create(&cluster, CLUSTER, NULL, sealed, &error), &error);
    struct store_operation create = store_create(STORE_CLUSTERS, cluster_document(&cluster));
    expect_success(__real_store_run(store, &create, 1, &error), &error);
    assert_int_equal(create.result.status, STORE_DONE);
    store_release(&create, 1);
    cluster_free(&cluster);
}

static int setup(void **state)
{
    struct error error;
    struct store *store;
    int made;
    (void)state;
    make_private_folder(folder);
    snprintf(uri, sizeof(uri), "sqlite:%s/mimo.db", folder);
    for (int i = 0; i < 2; i++) {
        snprintf(paths[i][0], sizeof(paths[i][0]), "%s/%d.crt", folder, i);
        snprintf(paths[i][1], sizeof(paths[i][1]), "%s/%d.key", folder, i);
        expect_success(
            seal_make_pair(paths[i][0], paths[i][1], (uid_t)-1, (gid_t)-1, &made, &error), &error);
    }
    expect_success(store_initialize(uri, &error), &error);
    expect_success(store_open(uri, &store, &error), &error);
    put_cluster(store);
    store_close(store);
    said[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_private_folder(folder);
    return 0;
}

static int reseal(void)
{
    static char user[] = "root";
    const struct config config = {.actuator_launcher_user = user};
    const struct tool tool = {.config = &config,
                              .uri = uri,
                              .old_key = paths[0][1],
                              .new_certificate = paths[1][0],
                              .new_key = paths[1][1]};
    return tool_reseal(&tool);
}

/* The cluster as it is now: what somebody else wrote, and for which pair it is sealed. */
static void look(int64_t *ret_rival, bool *ret_is_new)
{
    struct error error;
    struct store *store;
    struct seal_certificate *certificate;
    cleanup_free unsigned char *sealed = NULL;
    size_t length;
    expect_success(store_open(uri, &store, &error), &error);
    struct store_operation read = store_get(STORE_CLUSTERS, NULL, CLUSTER);
    expect_success(__real_store_run(store, &read, 1, &error), &error);
    const struct json_object *document = read.result.items[0].document;
    *ret_rival = document_integer(document, "rival", -1);
    expect_success(
        base64_decode(document_string(document, "sealedKubeconfig", ""), &sealed, &length, &error),
        &error);
    expect_success(seal_certificate_load(paths[1][0], &certificate, &error), &error);
    *ret_is_new = seal_is_under(certificate, sealed, length);
    seal_certificate_free(certificate);
    store_release(&read, 1);
    store_close(store);
}

static void nobody_s_write_is_lost(void **state)
{
    (void)state;
    int64_t rival;
    bool is_new;
    rivals = 3;
    assert_int_equal(reseal(), EXIT_SUCCESS);
    look(&rival, &is_new);
    assert_int_equal(rival, 0); /* the last of them */
    assert_true(is_new);
    assert_string_equal(said, "");
}

static void who_is_always_first_is_named_and_left_for_the_next_time(void **state)
{
    (void)state;
    int64_t rival;
    bool is_new;
    rivals = 1000;
    assert_int_equal(reseal(), EXIT_FAILURE);
    assert_non_null(strstr(said, "cluster " CLUSTER ": other writers were faster"));
    look(&rival, &is_new);
    assert_false(is_new);
    rivals = 0;
    assert_int_equal(reseal(), EXIT_SUCCESS);
    look(&rival, &is_new);
    assert_true(is_new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_s_write_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_always_first_is_named_and_left_for_the_next_time,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
