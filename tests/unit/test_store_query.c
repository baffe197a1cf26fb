/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_query.c - what each kind of query gives, in which order, and in which pages. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"

#define SCHEDULE   "33333333-3333-4333-8333-333333333333"
#define OTHER_TASK "00000000-0000-4000-8000-000000000002"

static int64_t total_of(struct store_fixture *fixture, struct store_query query)
{
    struct store_operation operation = fixture_query(fixture, query);
    int64_t total = operation.result.total;
    store_release(&operation, 1);
    return total;
}

/* All numbers of a query, page by page, with the number of pages in *ret_pages. */
static const char *read_pages(struct store_fixture *fixture, struct store_query query, char *buffer,
                              size_t size, int *ret_pages)
{
    cleanup_free char *continuation = NULL;
    size_t length = 0;
    *ret_pages = 0;
    buffer[0] = '\0';
    do {
        query.continuation = continuation;
        struct store_operation page = fixture_query(fixture, query);
        assert_in_range(page.result.count, 0, query.limit);
        if (length > 0)
            length += (size_t)snprintf(buffer + length, size - length, " ");
        fixture_numbers(buffer + length, size - length, &page.result);
        length += strlen(buffer + length);
        free(continuation);
        continuation = take_pointer(&page.result.continuation);
        store_release(&page, 1);
        ++*ret_pages;
    } while (continuation);
    return buffer;
}

static void overdue_manifests_are_those_that_should_have_begun_before(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add_manifest(fixture,
                         (struct fixture_manifest){.id = 1, .run_before = FIXTURE_NOW - 1});
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 2, .run_before = FIXTURE_NOW});
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 3});
    fixture_add_manifest(
        fixture, (struct fixture_manifest){.id = 4, .run_before = 5, .state = MANIFEST_TIMED_OUT});
    /* Waiting for its next attempt beyond the time it should have begun. */
    fixture_add_manifest(
        fixture,
        (struct fixture_manifest){.id = 5, .run_before = 5, .next_attempt = INT64_C(3000000000)});
    fixture_expect(fixture, (struct store_query){.kind = STORE_QUERY_OVERDUE}, "5 1");
    /* The same once the clock has moved them to other phases, and back. */
    fixture_expect(fixture, (struct store_query){.kind = STORE_QUERY_RUNNABLE}, "");
    fixture_expect(fixture, (struct store_query){.kind = STORE_QUERY_OVERDUE}, "5 1");
    fixture_expect(fixture, (struct store_query){.kind = STORE_QUERY_OVERDUE, .now = 5}, "");
    fixture_expect_sound(fixture);
}

static void the_next_due_time_is_the_nearest_in_the_future(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_query query = {.kind = STORE_QUERY_NEXT_DUE, .now = 1000};
    assert_int_equal(total_of(fixture, query), -1);
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .run_after = 1000});
    assert_int_equal(total_of(fixture, query), -1);
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 2, .run_after = 3000});
    assert_int_equal(total_of(fixture, query), 3000);
    fixture_add_manifest(
        fixture, (struct fixture_manifest){.id = 3, .run_after = 500, .next_attempt = 2000});
    assert_int_equal(total_of(fixture, query), 2000);
    fixture_add_manifest(fixture, (struct fixture_manifest){
                                      .id = 4, .run_after = 1500, .state = MANIFEST_COMPLETED});
    assert_int_equal(total_of(fixture, query), 2000);
    query.now = 2000;
    assert_int_equal(total_of(fixture, query), 3000);
}

static void due_times_of_other_buckets_do_not_count(void **state)
{
    struct store_fixture *fixture = *state;
    char cluster[RESOURCE_ID_SIZE];
    int bucket = bucket_of(fixture_cluster_id(cluster, 1));
    struct store_query query = {.kind = STORE_QUERY_NEXT_DUE, .now = 1000};
    fixture_add_manifest(fixture,
                         (struct fixture_manifest){.id = 1, .cluster = 1, .run_after = 3000});
    query.buckets = (struct bucket_range){bucket, bucket};
    assert_int_equal(total_of(fixture, query), 3000);
    query.buckets = (struct bucket_range){bucket + 1, BUCKET_COUNT};
    assert_int_equal(total_of(fixture, query), -1);
    query.buckets = (struct bucket_range){bucket, bucket - 1};
    assert_int_equal(total_of(fixture, query), -1);
}

static void manifests_whose_lease_ended_are_found_by_time_or_owner(void **state)
{
    struct store_fixture *fixture = *state;
    static const struct fixture_manifest manifests[] = {
        {.id = 1, .state = MANIFEST_IN_PROGRESS, .owner = FIXTURE_OWNER, .lease_expires = 999},
        {.id = 2, .state = MANIFEST_IN_PROGRESS, .owner = FIXTURE_OWNER, .lease_expires = 1000},
        {.id = 3, .state = MANIFEST_IN_PROGRESS, .owner = FIXTURE_OTHER, .lease_expires = 998},
        {.id = 4, .state = MANIFEST_PENDING, .owner = FIXTURE_OWNER, .lease_expires = 5},
        {.id = 5, .state = MANIFEST_IN_PROGRESS}, /* its lease is not even there */
    };
    for (size_t i = 0; i < 5; i++)
        fixture_add_manifest(fixture, manifests[i]);
    struct store_query query = {.kind = STORE_QUERY_LEASED_MANIFESTS, .now = 1000};
    fixture_expect(fixture, query, "5 3 1");
    query.owner = FIXTURE_OWNER;
    query.buckets = (struct bucket_range){1, 0}; /* whatever the bucket */
    fixture_expect(fixture, query, "1 2");
}

static void clusters_whose_lease_ended_are_found_by_time_or_owner(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add(fixture, STORE_CLUSTERS, fixture_cluster_document(1, FIXTURE_OWNER, 999));
    fixture_add(fixture, STORE_CLUSTERS, fixture_cluster_document(2, FIXTURE_OWNER, 1000));
    fixture_add(fixture, STORE_CLUSTERS, fixture_cluster_document(3, FIXTURE_OTHER, 998));
    fixture_add(fixture, STORE_CLUSTERS, fixture_cluster_document(4, NULL, 0));
    struct store_query query = {.kind = STORE_QUERY_LEASED_CLUSTERS, .now = 1000};
    fixture_expect(fixture, query, "3 1");
    query.owner = FIXTURE_OWNER;
    fixture_expect(fixture, query, "1 2");
    fixture_lease(fixture, 1, NULL, 0);
    fixture_expect(fixture, query, "2");
}

static void the_queue_length_counts_open_manifests_as_they_come_and_go(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_query query = {.kind = STORE_QUERY_QUEUE_LENGTH};
    char id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    assert_int_equal(total_of(fixture, query), 0);
    for (int i = 0; i < MANIFEST_STATE_COUNT; i++)
        fixture_add_manifest(fixture,
                             (struct fixture_manifest){.id = i, .state = (enum manifest_state)i});
    assert_int_equal(total_of(fixture, query), 2);
    fixture_set_manifest(fixture, 0, "maintenanceManifest.state",
                         document_new_string("InProgress"));
    assert_int_equal(total_of(fixture, query), 2);
    fixture_set_manifest(fixture, 0, "maintenanceManifest.state", document_new_string("Failed"));
    assert_int_equal(total_of(fixture, query), 1);
    fixture_cluster_id(cluster, 0);
    for (int i = 0; i < 2; i++)
        fixture_status(fixture, store_delete(STORE_MANIFESTS, cluster, fixture_id(id, i), NULL));
    assert_int_equal(total_of(fixture, query), 0);
    fixture_expect_sound(fixture);
}

static void add_listed_manifests(struct store_fixture *fixture)
{
    static const struct fixture_manifest manifests[] = {
        {.id = 1, .cluster = 1, .created_at = 50},
        {.id = 2, .cluster = 2, .created_at = 40, .schedule = SCHEDULE},
        {.id = 3, .cluster = 1, .created_at = 30, .state = MANIFEST_COMPLETED},
        {.id = 4, .cluster = 2, .created_at = 20, .task = OTHER_TASK},
        {.id = 5, .cluster = 1, .created_at = 20, .state = MANIFEST_FAILED, .schedule = SCHEDULE},
        {.id = 6, .cluster = 3, .created_at = 10, .state = MANIFEST_IN_PROGRESS},
    };
    for (size_t i = 0; i < sizeof(manifests) / sizeof(manifests[0]); i++)
        fixture_add_manifest(fixture, manifests[i]);
}

static void manifests_are_listed_by_any_filters_in_order_of_creation(void **state)
{
    struct store_fixture *fixture = *state;
    char cluster[RESOURCE_ID_SIZE];
    unsigned pending = MANIFEST_STATE_BIT(MANIFEST_PENDING);
    unsigned ended = MANIFEST_STATE_BIT(MANIFEST_COMPLETED) | MANIFEST_STATE_BIT(MANIFEST_FAILED);
    add_listed_manifests(fixture);
    fixture_cluster_id(cluster, 1);
    const struct {
        struct store_query query;
        const char *expected;
    } cases[] = {
        {{.states = 0}, "6 4 5 3 2 1"},
        {{.states = MANIFEST_STATES_ALL}, "6 4 5 3 2 1"},
        {{.states = pending}, "4 2 1"},
        {{.states = MANIFEST_STATES_OPEN}, "6 4 2 1"},
        {{.states = ended}, "5 3"},
        {{.states = ended | pending}, "4 5 3 2 1"},
        {{.states = MANIFEST_STATE_BIT(MANIFEST_CANCELLED)}, ""},
        {{.cluster = cluster}, "5 3 1"},
        {{.cluster = cluster, .states = ended}, "5 3"},
        {{.cluster = cluster, .states = ended, .schedule = SCHEDULE}, "5"},
        {{.cluster = cluster, .created_before = 50}, "5 3"},
        {{.schedule = SCHEDULE}, "5 2"},
        {{.schedule = SCHEDULE, .states = pending}, "2"},
        {{.task = OTHER_TASK}, "4"},
        {{.task = FIXTURE_TASK}, "6 5 3 2 1"},
        {{.task = FIXTURE_TASK, .states = pending}, "2 1"},
        {{.task = FIXTURE_TASK, .states = ended}, "5 3"},
        {{.task = FIXTURE_TASK, .created_before = 30}, "6 5"},
        {{.created_before = 20}, "6"},
        {{.created_before = 21}, "6 4 5"},
        {{.cluster = "/none"}, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store_query query = cases[i].query;
        char buffer[64];
        int pages;
        query.kind = STORE_QUERY_MANIFESTS;
        fixture_expect(fixture, query, cases[i].expected);
        query.limit = 1;
        assert_string_equal(read_pages(fixture, query, buffer, sizeof(buffer), &pages),
                            cases[i].expected);
    }
}

static void a_manifest_is_found_by_its_id_alone(void **state)
{
    struct store_fixture *fixture = *state;
    char id[UUID_SIZE];
    add_listed_manifests(fixture);
    struct store_query query = {.kind = STORE_QUERY_MANIFEST_BY_ID, .id = fixture_id(id, 4)};
    fixture_expect(fixture, query, "4");
    query.id = fixture_id(id, 99);
    fixture_expect(fixture, query, "");
}

static void manifests_are_found_by_the_beginning_of_their_id(void **state)
{
    struct store_fixture *fixture = *state;
    char id[UUID_SIZE];
    add_listed_manifests(fixture);
    struct store_query query = {.kind = STORE_QUERY_MANIFESTS_BY_PREFIX, .id = fixture_id(id, 4)};
    fixture_expect(fixture, query, "4");
    id[UUID_SIZE - 2] = '\0'; /* all but the last digit are the same for all */
    struct store_query all = {.kind = STORE_QUERY_MANIFESTS, .limit = 100};
    struct store_operation operations[] = {store_query(&all), store_query(&query)};
    operations[1].query.limit = 100;
    struct error error;
    assert_int_equal(store_run(fixture->store, operations, 2, &error), 0);
    assert_int_equal(operations[0].result.count, operations[1].result.count);
    store_release(operations, 2);
    query.limit = 1; /* one a page: nothing twice, nothing left out */
    size_t pages = 0, found = operations[0].result.count;
    char *continuation = NULL;
    do {
        query.continuation = continuation;
        struct store_operation page = store_query(&query);
        assert_int_equal(store_run(fixture->store, &page, 1, &error), 0);
        assert_int_equal(page.result.count, 1);
        free(continuation);
        continuation = page.result.continuation;
        page.result.continuation = NULL;
        store_release(&page, 1);
        pages++;
    } while (continuation);
    assert_in_range(pages, found, found + 100);
    id[0] = 'z';
    query.continuation = NULL;
    fixture_expect(fixture, query, "");
}

static void members_come_in_order_of_their_index(void **state)
{
    struct store_fixture *fixture = *state;
    static const int indexes[] = {2, 0, 11, 0};
    char id[UUID_SIZE];
    for (int i = 0; i < 4; i++)
        fixture_add(fixture, STORE_MEMBERS,
                    document_pack("{s:s, s:i}", "id", fixture_id(id, i), "index", indexes[i]));
    fixture_expect(fixture, (struct store_query){.kind = STORE_QUERY_MEMBERS}, "1 3 0 2");
}

static void clusters_and_documents_come_in_order_of_their_names(void **state)
{
    struct store_fixture *fixture = *state;
    char buffer[64];
    int pages;
    for (int i = 5; i > 0; i--)
        fixture_add_cluster(fixture, i);
    struct store_query query = {.kind = STORE_QUERY_CLUSTERS, .limit = 2};
    assert_string_equal(read_pages(fixture, query, buffer, sizeof(buffer), &pages), "1 2 3 4 5");
    assert_int_equal(pages, 3);
    query.kind = STORE_QUERY_DOCUMENTS;
    query.container = STORE_CLUSTERS;
    query.limit = 5;
    assert_string_equal(read_pages(fixture, query, buffer, sizeof(buffer), &pages), "1 2 3 4 5");
    assert_int_equal(pages, 1);
    query.container = STORE_AUDIT;
    assert_string_equal(read_pages(fixture, query, buffer, sizeof(buffer), &pages), "");
}

static void pages_neither_repeat_nor_lose_when_documents_come_and_go(void **state)
{
    struct store_fixture *fixture = *state;
    char buffer[512];
    char id[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    cleanup_free char *continuation = NULL;
    size_t length = 0;
    fixture_cluster_id(cluster, 0);
    for (int i = 10; i < 40; i++)
        fixture_add_manifest(fixture, (struct fixture_manifest){.id = i, .created_at = i});
    /* Before each page one more comes at either end, and one already given goes. */
    for (int page = 0; page == 0 || continuation; page++) {
        struct store_query query = {
            .kind = STORE_QUERY_MANIFESTS, .limit = 7, .continuation = continuation};
        fixture_add_manifest(fixture, (struct fixture_manifest){.id = 100 + page, .created_at = 1});
        fixture_add_manifest(fixture,
                             (struct fixture_manifest){.id = 40 + page, .created_at = 40 + page});
        struct store_operation operation = fixture_query(fixture, query);
        fixture_numbers(buffer + length, sizeof(buffer) - length, &operation.result);
        length = strlen(buffer);
        buffer[length++] = ' ';
        free(continuation);
        continuation = take_pointer(&operation.result.continuation);
        store_release(&operation, 1);
        fixture_status(fixture,
                       store_delete(STORE_MANIFESTS, cluster, fixture_id(id, 10 + page), NULL));
    }
    buffer[length - 1] = '\0';
    assert_string_equal(buffer,
                        "100 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 "
                        "33 34 35 36 37 38 39 40 41 42 43 44 45");
}

static void a_page_of_large_documents_ends_early_and_goes_on(void **state)
{
    struct store_fixture *fixture = *state;
    static char text[1000 * 1000];
    char buffer[256];
    char id[UUID_SIZE];
    int pages;
    memset(text, 'x', sizeof(text) - 1);
    for (int i = 10; i < 50; i++)
        fixture_add(fixture, STORE_AUDIT,
                    document_pack("{s:s, s:s}", "id", fixture_id(id, i), "text", text));
    struct store_query query = {
        .kind = STORE_QUERY_DOCUMENTS, .container = STORE_AUDIT, .limit = 1000};
    read_pages(fixture, query, buffer, sizeof(buffer), &pages);
    assert_int_equal(strlen(buffer), 40 * 3 - 1);
    assert_int_equal(pages, 3);
}

static void the_audit_trail_comes_in_order_of_time_and_since_a_time(void **state)
{
    struct store_fixture *fixture = *state;
    static const int times[] = {500, 300, 400, 300, 200};
    char buffer[256], id[UUID_SIZE];
    int pages;
    for (int i = 0; i < 5; i++)
        fixture_add(fixture, STORE_AUDIT,
                    document_pack("{s:s, s:i}", "id", fixture_id(id, 10 + i), "time", times[i]));
    struct store_query query = {.kind = STORE_QUERY_AUDIT, .limit = 2};
    assert_string_equal(read_pages(fixture, query, buffer, sizeof(buffer), &pages),
                        "14 11 13 12 10");
    assert_int_equal(pages, 3);
    query.since = 300;
    assert_string_equal(read_pages(fixture, query, buffer, sizeof(buffer), &pages), "11 13 12 10");
    query.since = 501;
    assert_string_equal(read_pages(fixture, query, buffer, sizeof(buffer), &pages), "");
}

static void a_continuation_that_is_none_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    static const char *const wrong[] = {
        "",
        "x",
        "6",
        "6:",
        "6:1",
        "6:1:2",
        "6:1:2:",
        "5:1:2:a",
        "6:x:2:a",
        "6:1::a",
        "6: 1:2:a",
        "06x:1:2:a",
        "6:1:2x:a",
        "-1:1:2:a",
        "6:+1:2:a",
        "99999999999999999999:1:2:a",
        "6:99999999999999999999:2:a",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct store_query query = {
            .kind = STORE_QUERY_MANIFESTS, .limit = 10, .continuation = wrong[i]};
        struct store_operation operation = store_query(&query);
        fixture_run(fixture, &operation);
        assert_int_equal(operation.result.status, STORE_REFUSED);
        assert_int_equal(operation.result.error.kind, ERROR_INVALID);
        assert_non_null(strstr(operation.result.error.message, "begin again"));
        store_release(&operation, 1);
    }
}

/* Red when a text of exactly the cursor's size is copied, with a terminator behind its end. */
static void a_continuation_must_fit_its_cursor(void **state)
{
    struct store_fixture *fixture = *state;
    for (size_t length = RESOURCE_ID_SIZE - 2; length < RESOURCE_ID_SIZE + 2; length++) {
        char text[RESOURCE_ID_SIZE + 16] = "6:1:2:";
        memset(text + strlen(text), 'x', length);
        struct store_query query = {
            .kind = STORE_QUERY_MANIFESTS, .limit = 1, .continuation = text};
        assert_int_equal(fixture_status(fixture, store_query(&query)),
                         length < RESOURCE_ID_SIZE ? STORE_DONE : STORE_REFUSED);
    }
}

static void expect_skipped(struct store_fixture *fixture, struct store_query query,
                           const char *numbers, size_t skipped, const char *first)
{
    char buffer[256];
    struct store_operation operation = fixture_query(fixture, query);
    assert_string_equal(fixture_numbers(buffer, sizeof(buffer), &operation.result), numbers);
    assert_int_equal(operation.result.skipped, skipped);
    if (!strstr(operation.result.error.message, first))
        fail_msg("\"%s\" does not name \"%s\"", operation.result.error.message, first);
    store_release(&operation, 1);
}

static void what_cannot_be_understood_is_skipped_named_and_stops_nobody(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add_cluster(fixture, 1);
    for (int i = 1; i <= 5; i++)
        fixture_add_manifest(fixture, (struct fixture_manifest){
                                          .id = i, .cluster = 1, .priority = i, .created_at = i});
    fixture_set_manifest(fixture, 1, "maintenanceManifest.priority", document_new_string("high"));
    fixture_set_manifest(fixture, 2, "maintenanceManifest.state", document_new_string("Dreaming"));
    struct store_query query = {.kind = STORE_QUERY_RUNNABLE};
    expect_skipped(fixture, query, "3", 2, "000000000001 is damaged");
    query.limit = 1;
    expect_skipped(fixture, query, "3", 1, "\"maintenanceManifest.priority\" must be");
    query = (struct store_query){.kind = STORE_QUERY_MANIFESTS};
    expect_skipped(fixture, query, "3 4 5", 2, "MaintenanceManifests 0");
    query = (struct store_query){.kind = STORE_QUERY_LEASED_MANIFESTS};
    expect_skipped(fixture, query, "", 1, "000000000002");
    query.buckets = (struct bucket_range){1, 0};
    expect_skipped(fixture, query, "", 0, "");
    query = (struct store_query){.kind = STORE_QUERY_DOCUMENTS, .container = STORE_MANIFESTS};
    expect_skipped(fixture, query, "1 2 3 4 5", 0, "");

    char id[UUID_SIZE];
    query = (struct store_query){.kind = STORE_QUERY_MANIFEST_BY_ID, .id = fixture_id(id, 1)};
    expect_skipped(fixture, query, "", 1, "000000000001");
    fixture_expect_sound(fixture);
}

static void a_cluster_that_cannot_be_understood_keeps_its_manifests_waiting(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add_cluster(fixture, 1);
    fixture_add_cluster(fixture, 2);
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 2, .cluster = 2, .priority = 1});
    fixture_expect(fixture, (struct store_query){.kind = STORE_QUERY_RUNNABLE}, "1 2");
    fixture_set_cluster(fixture, 1, "leaseExpires", document_new_string("soon"));
    fixture_expect(fixture, (struct store_query){.kind = STORE_QUERY_RUNNABLE}, "2");
    expect_skipped(fixture, (struct store_query){.kind = STORE_QUERY_CLUSTERS}, "2", 1,
                   "cluster-1 is damaged");
    fixture_set_cluster(fixture, 1, "leaseExpires", NULL);
    fixture_expect(fixture, (struct store_query){.kind = STORE_QUERY_RUNNABLE}, "1 2");
}

static void text_that_is_no_json_is_skipped_and_refused(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add(fixture, STORE_AUDIT, document_pack("{s:s}", "id", "a"));
    fixture_add(fixture, STORE_AUDIT, document_pack("{s:s}", "id", "b-1"));
    fixture_sql(fixture, "UPDATE audit SET document = '{\"id\":' WHERE id = 'a'");
    expect_skipped(fixture,
                   (struct store_query){.kind = STORE_QUERY_DOCUMENTS, .container = STORE_AUDIT},
                   "1", 1, "Audit a is damaged");
    assert_int_equal(fixture_status(fixture, store_get(STORE_AUDIT, NULL, "a")), STORE_REFUSED);
}

static void documents_as_text_are_those_that_are_stored(void **state)
{
    struct store_fixture *fixture = *state;
    char id[UUID_SIZE], cluster[RESOURCE_ID_SIZE];
    fixture_add_cluster(fixture, 1);
    for (int i = 1; i <= 3; i++)
        fixture_add_manifest(fixture,
                             (struct fixture_manifest){.id = i, .cluster = 1, .created_at = i});
    fixture_set_manifest(fixture, 2, "maintenanceManifest.priority", document_new_string("high"));
    fixture_sql(fixture, "UPDATE manifests SET document = '{\"id\":' WHERE created_at = 3");
    struct store_query query = {.kind = STORE_QUERY_MANIFESTS, .limit = 10};
    struct store_operation page = store_query(&query);
    page.as_text = true;
    fixture_run(fixture, &page);
    assert_int_equal(page.result.count, 3);
    assert_int_equal(page.result.skipped, 0);
    assert_string_equal(page.result.items[2].text, "{\"id\":");
    for (size_t i = 0; i < 2; i++) {
        const struct store_item *item = &page.result.items[i];
        struct error error;
        struct store_operation read =
            store_get(STORE_MANIFESTS, fixture_cluster_id(cluster, 1), fixture_id(id, (int)i + 1));
        fixture_run(fixture, &read);
        cleanup_json struct json_object *document =
            document_parse(item->text, item->length, &error);
        assert_null(item->document);
        assert_int_equal(strlen(item->text), item->length);
        assert_true(document_equal(document, read.result.items[0].document));
        assert_string_equal(item->etag, read.result.items[0].etag);
        store_release(&read, 1);
        read.as_text = true;
        fixture_run(fixture, &read);
        assert_string_equal(read.result.items[0].text, item->text);
        store_release(&read, 1);
    }
    store_release(&page, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STORE(overdue_manifests_are_those_that_should_have_begun_before),
        ON_STORE(the_next_due_time_is_the_nearest_in_the_future),
        ON_STORE(due_times_of_other_buckets_do_not_count),
        ON_STORE(manifests_whose_lease_ended_are_found_by_time_or_owner),
        ON_STORE(clusters_whose_lease_ended_are_found_by_time_or_owner),
        ON_STORE(the_queue_length_counts_open_manifests_as_they_come_and_go),
        ON_STORE(manifests_are_listed_by_any_filters_in_order_of_creation),
        ON_STORE(a_manifest_is_found_by_its_id_alone),
        ON_STORE(manifests_are_found_by_the_beginning_of_their_id),
        ON_STORE(members_come_in_order_of_their_index),
        ON_STORE(clusters_and_documents_come_in_order_of_their_names),
        ON_STORE(pages_neither_repeat_nor_lose_when_documents_come_and_go),
        ON_STORE(a_page_of_large_documents_ends_early_and_goes_on),
        ON_STORE(the_audit_trail_comes_in_order_of_time_and_since_a_time),
        ON_STORE(a_continuation_that_is_none_is_refused),
        ON_STORE(a_continuation_must_fit_its_cursor),
        ON_STORE(what_cannot_be_understood_is_skipped_named_and_stops_nobody),
        ON_STORE(a_cluster_that_cannot_be_understood_keeps_its_manifests_waiting),
        ON_STORE(text_that_is_no_json_is_skipped_and_refused),
        ON_STORE(documents_as_text_are_those_that_are_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
