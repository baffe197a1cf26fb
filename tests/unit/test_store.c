/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - the operations of a store: what each does, and how it is refused. */
#include "json_text.h"
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"

#define SCHEDULE "33333333-3333-4333-8333-333333333333"

static struct store_operation get_manifest(int id, int cluster)
{
    static char id_text[UUID_SIZE];
    static char cluster_text[RESOURCE_ID_SIZE];
    return store_get(STORE_MANIFESTS, fixture_cluster_id(cluster_text, cluster),
                     fixture_id(id_text, id));
}

/* The etag of manifest `id` of cluster `cluster` as it is now; the caller frees it. */
static char *etag_of(struct store_fixture *fixture, int id, int cluster)
{
    struct store_operation read = get_manifest(id, cluster);
    fixture_run(fixture, &read);
    assert_int_equal(read.result.status, STORE_DONE);
    char *etag = take_pointer(&read.result.items[0].etag);
    store_release(&read, 1);
    return etag;
}

static void expect_refused(struct store_fixture *fixture, struct store_operation operation,
                           const char *reason)
{
    fixture_run(fixture, &operation);
    assert_int_equal(operation.result.status, STORE_REFUSED);
    if (!strstr(operation.result.error.message, reason))
        fail_msg("\"%s\" does not say \"%s\"", operation.result.error.message, reason);
    store_release(&operation, 1);
}

static void every_container_has_a_name_and_is_found_by_it(void **state)
{
    (void)state;
    for (int i = 0; i < STORE_CONTAINER_COUNT; i++) {
        enum store_container container;
        assert_true(
            store_container_parse(store_container_name((enum store_container)i), &container));
        assert_int_equal(container, i);
    }
    enum store_container container;
    assert_false(store_container_parse("maintenancemanifests", &container));
}

static void a_created_document_is_read_back_whole(void **state)
{
    struct store_fixture *fixture = *state;
    cleanup_json struct json_object *document =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 1});
    document_set(document, "unknown.member", document_new_string("kept \xc3\xa9"));
    struct store_operation create = store_create(STORE_MANIFESTS, document);
    fixture_run(fixture, &create);
    assert_int_equal(create.result.status, STORE_DONE);

    struct store_operation read = get_manifest(1, 1);
    fixture_run(fixture, &read);
    assert_int_equal(read.result.status, STORE_DONE);
    assert_int_equal(read.result.count, 1);
    assert_true(document_equal(read.result.items[0].document, document));
    assert_string_equal(read.result.items[0].etag, create.result.etag);
    store_release(&create, 1);
    store_release(&read, 1);
}

static void documents_of_every_container_survive_a_reopening(void **state)
{
    struct store_fixture *fixture = *state;
    char key[RESOURCE_ID_SIZE];
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    fixture_add_cluster(fixture, 1);
    static const enum store_container others[] = {STORE_SCHEDULES, STORE_MEMBERS,
                                                  STORE_SUBSCRIPTIONS, STORE_AUDIT, STORE_ANSWERS};
    enum { OTHERS = sizeof(others) / sizeof(others[0]) };
    for (size_t i = 0; i < OTHERS; i++)
        fixture_add(
            fixture, others[i],
            document_pack("{s:s, s:I}", "id", SCHEDULE, "expiresAt", (int64_t)CLOCK_MAXIMUM));
    fixture_reopen(fixture);
    assert_int_equal(fixture_status(fixture, get_manifest(1, 1)), STORE_DONE);
    assert_int_equal(
        fixture_status(fixture, store_get(STORE_CLUSTERS, NULL, fixture_cluster_id(key, 1))),
        STORE_DONE);
    for (size_t i = 0; i < OTHERS; i++) {
        assert_int_equal(fixture_status(fixture, store_get(others[i], NULL, SCHEDULE)), STORE_DONE);
        assert_int_equal(fixture_status(fixture, store_get(others[i], SCHEDULE, SCHEDULE)),
                         STORE_DONE);
    }
}

static void a_document_is_found_only_in_its_partition(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    assert_int_equal(fixture_status(fixture, get_manifest(1, 1)), STORE_DONE);
    assert_int_equal(fixture_status(fixture, get_manifest(1, 2)), STORE_NOT_FOUND);
    assert_int_equal(fixture_status(fixture, get_manifest(2, 1)), STORE_NOT_FOUND);
}

static void resource_ids_of_a_partition_are_compared_without_case(void **state)
{
    struct store_fixture *fixture = *state;
    char id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    fixture_cluster_id(cluster, 1);
    memcpy(cluster, "/SUBSCRIPTIONS", 14);
    assert_int_equal(
        fixture_status(fixture, store_get(STORE_MANIFESTS, cluster, fixture_id(id, 1))),
        STORE_DONE);
}

static void a_second_create_of_the_same_id_conflicts(void **state)
{
    struct store_fixture *fixture = *state;
    cleanup_json struct json_object *second =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 2});
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    assert_int_equal(fixture_status(fixture, store_create(STORE_MANIFESTS, second)),
                     STORE_CONFLICT);
    assert_int_equal(fixture_status(fixture, get_manifest(1, 1)), STORE_DONE);
}

static void a_replacement_needs_the_etag_in_force(void **state)
{
    struct store_fixture *fixture = *state;
    cleanup_json struct json_object *document =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 1, .priority = 7});
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    cleanup_free char *first = etag_of(fixture, 1, 1);

    struct store_operation replace = store_replace(STORE_MANIFESTS, first, document);
    fixture_run(fixture, &replace);
    assert_int_equal(replace.result.status, STORE_DONE);
    cleanup_free char *second = etag_of(fixture, 1, 1);
    assert_string_equal(replace.result.etag, second);
    assert_string_not_equal(first, second);
    store_release(&replace, 1);

    static const char *const wrong[] = {"", "x", "1", "-1", "99999999999999999999999", "12x"};
    assert_int_equal(fixture_status(fixture, store_replace(STORE_MANIFESTS, first, document)),
                     STORE_CONFLICT);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(
            fixture_status(fixture, store_replace(STORE_MANIFESTS, wrong[i], document)),
            STORE_CONFLICT);
    assert_int_equal(fixture_status(fixture, store_replace(STORE_MANIFESTS, second, document)),
                     STORE_DONE);
}

static void what_is_not_there_cannot_be_replaced(void **state)
{
    struct store_fixture *fixture = *state;
    cleanup_json struct json_object *document =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 1});
    assert_int_equal(fixture_status(fixture, store_replace(STORE_MANIFESTS, "1", document)),
                     STORE_NOT_FOUND);
}

static void a_deletion_takes_an_etag_or_none(void **state)
{
    struct store_fixture *fixture = *state;
    char id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    fixture_cluster_id(cluster, 1);
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 2, .cluster = 1});
    cleanup_free char *etag = etag_of(fixture, 1, 1);

    struct store_operation wrong = store_delete(STORE_MANIFESTS, cluster, fixture_id(id, 1), "1");
    assert_int_equal(fixture_status(fixture, wrong), STORE_CONFLICT);
    struct store_operation right = store_delete(STORE_MANIFESTS, cluster, id, etag);
    assert_int_equal(fixture_status(fixture, right), STORE_DONE);
    assert_int_equal(fixture_status(fixture, right), STORE_NOT_FOUND);
    struct store_operation any = store_delete(STORE_MANIFESTS, cluster, fixture_id(id, 2), NULL);
    assert_int_equal(fixture_status(fixture, any), STORE_DONE);
    fixture_expect_sound(fixture);
}

static void an_etag_never_returns_after_a_document_was_made_again(void **state)
{
    struct store_fixture *fixture = *state;
    char id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    char seen[8][32];
    for (int i = 0; i < 8; i++) {
        fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
        cleanup_free char *etag = etag_of(fixture, 1, 1);
        snprintf(seen[i], sizeof(seen[i]), "%s", etag);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(seen[j], seen[i]);
        assert_int_equal(
            fixture_status(fixture, store_delete(STORE_MANIFESTS, fixture_cluster_id(cluster, 1),
                                                 fixture_id(id, 1), etag)),
            STORE_DONE);
        if (i % 2 == 1)
            fixture_reopen(fixture);
    }
}

struct pair {
    struct store_operation cluster_read;
    struct store_operation manifest_read;
    struct store_operation pair;
};

/* A pair that leases cluster 1 and starts its manifest 1. */
static void prepare_pair(struct store_fixture *fixture, struct pair *pair)
{
    static char key[RESOURCE_ID_SIZE];
    fixture_add_cluster(fixture, 1);
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    pair->cluster_read = store_get(STORE_CLUSTERS, NULL, fixture_cluster_id(key, 1));
    pair->manifest_read = get_manifest(1, 1);
    fixture_run(fixture, &pair->cluster_read);
    fixture_run(fixture, &pair->manifest_read);
    struct store_item *cluster = &pair->cluster_read.result.items[0];
    struct store_item *manifest = &pair->manifest_read.result.items[0];
    document_set_string(cluster->document, "leaseOwner", FIXTURE_OWNER);
    document_set_string(manifest->document, "maintenanceManifest.state", "InProgress");
    pair->pair = store_pair(store_replace(STORE_CLUSTERS, cluster->etag, cluster->document),
                            store_replace(STORE_MANIFESTS, manifest->etag, manifest->document));
}

static void release_pair(struct pair *pair)
{
    store_release(&pair->cluster_read, 1);
    store_release(&pair->manifest_read, 1);
    store_release(&pair->pair, 1);
}

static bool has_lease(struct store_fixture *fixture)
{
    char key[RESOURCE_ID_SIZE];
    struct store_operation read = store_get(STORE_CLUSTERS, NULL, fixture_cluster_id(key, 1));
    fixture_run(fixture, &read);
    bool has = document_get(read.result.items[0].document, "leaseOwner") != NULL;
    store_release(&read, 1);
    return has;
}

static void a_pair_replaces_both_and_tells_both_etags(void **state)
{
    struct store_fixture *fixture = *state;
    struct pair pair;
    prepare_pair(fixture, &pair);
    fixture_run(fixture, &pair.pair);
    assert_int_equal(pair.pair.result.status, STORE_DONE);
    cleanup_free char *manifest_etag = etag_of(fixture, 1, 1);
    assert_string_equal(pair.pair.result.second_etag, manifest_etag);
    assert_string_not_equal(pair.pair.result.etag, manifest_etag);
    assert_true(has_lease(fixture));
    release_pair(&pair);
}

static void a_conflict_on_the_second_leaves_the_first_of_a_pair_alone(void **state)
{
    struct store_fixture *fixture = *state;
    struct pair pair;
    prepare_pair(fixture, &pair);
    fixture_set_manifest(fixture, 1, "touched", json_object_new_boolean(true));
    assert_int_equal(fixture_status(fixture, pair.pair), STORE_CONFLICT);
    assert_false(has_lease(fixture));
    release_pair(&pair);
}

static void a_conflict_on_the_first_leaves_the_second_of_a_pair_alone(void **state)
{
    struct store_fixture *fixture = *state;
    struct pair pair;
    prepare_pair(fixture, &pair);
    fixture_set_cluster(fixture, 1, "touched", json_object_new_boolean(true));
    cleanup_free char *before = etag_of(fixture, 1, 1);
    assert_int_equal(fixture_status(fixture, pair.pair), STORE_CONFLICT);
    cleanup_free char *after = etag_of(fixture, 1, 1);
    assert_string_equal(before, after);
    release_pair(&pair);
}

/* A manifest with what is kept beside it. */
static struct store_operation creating_pair(struct store_fixture *fixture,
                                            struct json_object *manifest,
                                            struct json_object *answer)
{
    struct store_operation pair =
        store_pair(store_create(STORE_MANIFESTS, manifest), store_create(STORE_ANSWERS, answer));
    fixture_run(fixture, &pair);
    return pair;
}

static struct json_object *answer_document(const char *id, int64_t expires)
{
    return document_pack("{s:s, s:I}", "id", id, "expiresAt", (int64_t)expires);
}

static void a_pair_creates_what_has_no_etag(void **state)
{
    struct store_fixture *fixture = *state;
    cleanup_json struct json_object *manifest =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 1});
    cleanup_json struct json_object *answer = answer_document("a", CLOCK_MAXIMUM);
    struct store_operation pair = creating_pair(fixture, manifest, answer);
    assert_int_equal(pair.result.status, STORE_DONE);
    cleanup_free char *etag = etag_of(fixture, 1, 1);
    assert_string_equal(pair.result.etag, etag);
    assert_string_not_equal(pair.result.second_etag, etag);
    assert_int_equal(fixture_status(fixture, store_get(STORE_ANSWERS, NULL, "a")), STORE_DONE);
    struct store_query open = {.kind = STORE_QUERY_QUEUE_LENGTH};
    struct store_operation length = store_query(&open);
    fixture_run(fixture, &length);
    assert_int_equal(length.result.total, 1);
    store_release(&pair, 1);
    store_release(&length, 1);
}

static void a_pair_creates_neither_when_one_is_there(void **state)
{
    struct store_fixture *fixture = *state;
    cleanup_json struct json_object *first =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 1});
    cleanup_json struct json_object *second =
        fixture_manifest_document(&(struct fixture_manifest){.id = 2, .cluster = 1});
    cleanup_json struct json_object *elsewhere =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 2});
    cleanup_json struct json_object *answer = answer_document("a", CLOCK_MAXIMUM);
    cleanup_json struct json_object *other = answer_document("b", CLOCK_MAXIMUM);
    struct store_operation pair = creating_pair(fixture, first, answer);
    assert_int_equal(pair.result.status, STORE_DONE);
    store_release(&pair, 1);

    pair = creating_pair(fixture, second, answer);
    assert_int_equal(pair.result.status, STORE_CONFLICT);
    assert_int_equal(fixture_status(fixture, get_manifest(2, 1)), STORE_NOT_FOUND);
    store_release(&pair, 1);

    pair = creating_pair(fixture, elsewhere, other); /* an id is one in all partitions */
    assert_int_equal(pair.result.status, STORE_CONFLICT);
    assert_int_equal(fixture_status(fixture, store_get(STORE_ANSWERS, NULL, "b")), STORE_NOT_FOUND);
    store_release(&pair, 1);
}

static void a_pair_may_create_one_and_replace_the_other(void **state)
{
    struct store_fixture *fixture = *state;
    cleanup_json struct json_object *manifest =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 1});
    cleanup_json struct json_object *answer = answer_document("a", CLOCK_MAXIMUM);
    fixture_add(fixture, STORE_ANSWERS, answer_document("a", CLOCK_MAXIMUM));
    struct store_operation read = store_get(STORE_ANSWERS, NULL, "a");
    fixture_run(fixture, &read);
    const char *etag = read.result.items[0].etag;
    struct store_operation pair = store_pair(store_create(STORE_MANIFESTS, manifest),
                                             store_replace(STORE_ANSWERS, etag, answer));
    assert_int_equal(fixture_status(fixture, pair), STORE_DONE);
    assert_int_equal(fixture_status(fixture, get_manifest(1, 1)), STORE_DONE);
    store_release(&read, 1);
}

static void answers_that_have_expired_are_removed_a_few_at_a_time(void **state)
{
    struct store_fixture *fixture = *state;
    enum { EXPIRED = 40 };
    char id[UUID_SIZE];
    int64_t now = clock_unix_seconds();
    /* They are alive when they are written, so that none removes the others. */
    for (int i = 0; i < EXPIRED; i++)
        fixture_add(fixture, STORE_ANSWERS, answer_document(fixture_id(id, i), now + 1000));
    fixture_add(fixture, STORE_ANSWERS, answer_document("alive", now + 1000));
    fixture_sql(fixture, "UPDATE answers SET expires_at = 1000 + sequence WHERE id <> 'alive'");
    int left = EXPIRED;
    for (int i = 0; left > 0; i++) {
        char name[32];
        int seen = 0;
        snprintf(name, sizeof(name), "new-%d", i);
        fixture_add(fixture, STORE_ANSWERS, answer_document(name, now + 1000));
        for (int j = 0; j < EXPIRED; j++)
            seen += fixture_status(fixture, store_get(STORE_ANSWERS, NULL, fixture_id(id, j))) ==
                    STORE_DONE;
        assert_true(seen < left && left - seen <= 16);
        left = seen;
    }
    assert_int_equal(fixture_status(fixture, store_get(STORE_ANSWERS, NULL, "alive")), STORE_DONE);
}

static void a_pair_with_one_gone_changes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    struct pair pair;
    char id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    prepare_pair(fixture, &pair);
    struct store_operation delete =
        store_delete(STORE_MANIFESTS, fixture_cluster_id(cluster, 1), fixture_id(id, 1), NULL);
    assert_int_equal(fixture_status(fixture, delete), STORE_DONE);
    assert_int_equal(fixture_status(fixture, pair.pair), STORE_NOT_FOUND);
    assert_false(has_lease(fixture));
    release_pair(&pair);
}

static void a_pair_of_one_document_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    struct pair pair;
    prepare_pair(fixture, &pair);
    pair.pair.second = pair.pair.target;
    expect_refused(fixture, pair.pair, "two documents");
    release_pair(&pair);
}

static void operations_of_a_batch_fail_each_on_its_own(void **state)
{
    struct store_fixture *fixture = *state;
    struct error error;
    char id[UUID_SIZE];
    cleanup_json struct json_object *taken =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 1});
    cleanup_json struct json_object *free_one =
        fixture_manifest_document(&(struct fixture_manifest){.id = 2, .cluster = 1});
    cleanup_json struct json_object *nameless = json_object_new_object();
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});

    struct store_query by_id = {.kind = STORE_QUERY_MANIFEST_BY_ID, .id = fixture_id(id, 2)};
    struct store_operation batch[] = {
        store_create(STORE_MANIFESTS, taken),
        store_create(STORE_MANIFESTS, nameless),
        store_create(STORE_MANIFESTS, free_one),
        store_replace(STORE_MANIFESTS, "1", taken),
        store_query(&by_id),
    };
    assert_int_equal(store_run(fixture->store, batch, 5, &error), 0);
    assert_int_equal(batch[0].result.status, STORE_CONFLICT);
    assert_int_equal(batch[1].result.status, STORE_REFUSED);
    assert_int_equal(batch[2].result.status, STORE_DONE);
    assert_int_equal(batch[3].result.status, STORE_CONFLICT);
    /* None sees another's effect: what the batch creates is not there for its query. */
    assert_int_equal(batch[4].result.status, STORE_DONE);
    assert_int_equal(batch[4].result.count, 0);
    store_release(batch, 5);
    assert_int_equal(fixture_status(fixture, get_manifest(2, 1)), STORE_DONE);
}

static void operations_can_be_run_again_after_their_release(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    struct store_operation read = get_manifest(1, 1);
    for (int i = 0; i < 3; i++) {
        fixture_run(fixture, &read);
        assert_int_equal(read.result.count, 1);
        store_release(&read, 1);
    }
}

static void a_document_without_its_names_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    static const struct {
        enum store_container container;
        const char *text;
        const char *reason;
    } cases[] = {
        {STORE_MANIFESTS, "{}", "\"id\" is missing"},
        {STORE_MANIFESTS, "{\"id\":\"\"}", "\"id\" is missing"},
        {STORE_MANIFESTS, "{\"id\":7}", "\"id\" must be a string"},
        {STORE_MANIFESTS, "{\"id\":\"a\"}", "\"clusterResourceID\" is missing"},
        {STORE_CLUSTERS, "{\"id\":\"a\"}", "\"key\" is missing"},
        {STORE_CLUSTERS, "{\"key\":\"a\"}", "\"id\" is missing"},
        {STORE_CLUSTERS, "{\"id\":\"a\",\"key\":\"b\"}", "\"partitionKey\" is missing"},
        {STORE_SCHEDULES, "[]", "must be a JSON object"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_json struct json_object *document = json_of_text(cases[i].text);
        expect_refused(fixture, store_create(cases[i].container, document), cases[i].reason);
    }
    struct store_operation without = store_create(STORE_SCHEDULES, NULL);
    struct error error;
    expect_failure(store_run(fixture->store, &without, 1, &error), &error, ERROR_MEMORY,
                   "out of memory");
}

static void a_document_that_is_too_large_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    static char text[STORE_DOCUMENT_SIZE_MAXIMUM + 1];
    memset(text, 'x', sizeof(text) - 1);
    cleanup_json struct json_object *large =
        document_pack("{s:s, s:s}", "id", "large", "text", text);
    expect_refused(fixture, store_create(STORE_AUDIT, large), "at most");

    text[sizeof(text) - 100] = '\0';
    cleanup_json struct json_object *fits = document_pack("{s:s, s:s}", "id", "fits", "text", text);
    assert_int_equal(fixture_status(fixture, store_create(STORE_AUDIT, fits)), STORE_DONE);
    struct store_operation read = store_get(STORE_AUDIT, NULL, "fits");
    fixture_run(fixture, &read);
    assert_true(document_equal(read.result.items[0].document, fits));
    store_release(&read, 1);
}

static void operations_that_say_too_little_are_refused(void **state)
{
    struct store_fixture *fixture = *state;
    cleanup_json struct json_object *document =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 1});
    expect_refused(fixture, store_get(STORE_MANIFESTS, "cluster", NULL), "no document is named");
    expect_refused(fixture, store_get(STORE_MANIFESTS, NULL, "id"), "its cluster is not named");
    expect_refused(fixture, store_delete(STORE_MANIFESTS, NULL, "id", NULL),
                   "its cluster is not named");
    expect_refused(fixture, store_replace(STORE_MANIFESTS, NULL, document), "needs the etag");
    struct store_query query = {.kind = STORE_QUERY_MANIFESTS};
    expect_refused(fixture, store_query(&query), "limit must be from 1 to 1000");
    query.limit = STORE_PAGE_MAXIMUM + 1;
    expect_refused(fixture, store_query(&query), "limit must be from 1 to 1000");
    query.kind = STORE_QUERY_MANIFEST_BY_ID;
    expect_refused(fixture, store_query(&query), "no manifest is named");
    query = (struct store_query){.kind = STORE_QUERY_CLUSTERS_BY_NAME, .limit = 1};
    expect_refused(fixture, store_query(&query), "no name");
    query.kind = STORE_QUERY_MANIFESTS_BY_PREFIX;
    expect_refused(fixture, store_query(&query), "no beginning");
    query.kind = (enum store_query_kind)99;
    expect_refused(fixture, store_query(&query), "not known");
    struct store_operation unknown = {.verb = (enum store_verb)99};
    expect_refused(fixture, unknown, "not known");
}

static void a_wrong_uri_says_how_to_write_one(void **state)
{
    (void)state;
    static const char *const uris[] = {"", "mimo.db", "sqlite", "sqlite:", "sqlit:x", "SQLITE:x"};
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct store *store;
        struct error error;
        assert_int_equal(store_open(uris[i], &store, &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
        assert_non_null(strstr(error.message, "write sqlite:PATH"));
        assert_int_equal(store_initialize(uris[i], &error), -1);
        assert_int_equal(error.kind, ERROR_INVALID);
    }
}

static void initializing_again_changes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    struct error error;
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    assert_int_equal(store_initialize(fixture->uri, &error), 0);
    assert_int_equal(fixture_status(fixture, get_manifest(1, 1)), STORE_DONE);
}

static void a_store_that_is_a_file_says_which(void **state)
{
    (void)state;
    assert_string_equal(store_file("sqlite:/var/lib/mimo/mimo.db"), "/var/lib/mimo/mimo.db");
    assert_null(store_file("sqlite:"));
    assert_null(store_file("other:/var/lib/mimo/mimo.db"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_container_has_a_name_and_is_found_by_it),
        cmocka_unit_test(a_store_that_is_a_file_says_which),
        ON_STORE(a_created_document_is_read_back_whole),
        ON_STORE(documents_of_every_container_survive_a_reopening),
        ON_STORE(a_document_is_found_only_in_its_partition),
        ON_STORE(resource_ids_of_a_partition_are_compared_without_case),
        ON_STORE(a_second_create_of_the_same_id_conflicts),
        ON_STORE(a_replacement_needs_the_etag_in_force),
        ON_STORE(what_is_not_there_cannot_be_replaced),
        ON_STORE(a_deletion_takes_an_etag_or_none),
        ON_STORE(an_etag_never_returns_after_a_document_was_made_again),
        ON_STORE(a_pair_replaces_both_and_tells_both_etags),
        ON_STORE(a_conflict_on_the_second_leaves_the_first_of_a_pair_alone),
        ON_STORE(a_conflict_on_the_first_leaves_the_second_of_a_pair_alone),
        ON_STORE(a_pair_creates_what_has_no_etag),
        ON_STORE(a_pair_creates_neither_when_one_is_there),
        ON_STORE(a_pair_may_create_one_and_replace_the_other),
        ON_STORE(answers_that_have_expired_are_removed_a_few_at_a_time),
        ON_STORE(a_pair_with_one_gone_changes_nothing),
        ON_STORE(a_pair_of_one_document_is_refused),
        ON_STORE(operations_of_a_batch_fail_each_on_its_own),
        ON_STORE(operations_can_be_run_again_after_their_release),
        ON_STORE(a_document_without_its_names_is_refused),
        ON_STORE(a_document_that_is_too_large_is_refused),
        ON_STORE(operations_that_say_too_little_are_refused),
        cmocka_unit_test(a_wrong_uri_says_how_to_write_one),
        ON_STORE(initializing_again_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
