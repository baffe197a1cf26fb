/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store_runnable.c - STORE_QUERY_RUNNABLE: each rule by itself, then all of them against a
 * model that looks at everything.
 */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"

static const struct store_query runnable = {.kind = STORE_QUERY_RUNNABLE};

static void of_each_cluster_the_first_in_order_of_claiming_is_given(void **state)
{
    struct store_fixture *fixture = *state;
    for (int i = 1; i <= 3; i++)
        fixture_add_cluster(fixture, i);
    static const struct fixture_manifest manifests[] = {
        {.id = 1, .cluster = 1, .priority = 5, .run_after = 10},
        {.id = 2, .cluster = 1, .priority = 4, .run_after = 20},
        {.id = 3, .cluster = 2, .priority = 4, .run_after = 10},
        {.id = 5, .cluster = 3, .priority = 4, .run_after = 10},
        {.id = 4, .cluster = 3, .priority = 4, .run_after = 10},
    };
    for (size_t i = 0; i < 5; i++)
        fixture_add_manifest(fixture, manifests[i]);
    fixture_expect(fixture, runnable, "3 4 2");
    struct store_query two = runnable;
    two.limit = 2;
    fixture_expect(fixture, two, "3 4");
}

static void manifests_become_runnable_when_due_and_cease_when_overdue(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_query query = runnable;
    fixture_add_cluster(fixture, 0);
    fixture_add_manifest(fixture,
                         (struct fixture_manifest){
                             .id = 1, .run_after = 100, .next_attempt = 200, .run_before = 300});
    static const struct {
        int64_t now;
        const char *numbers;
    } steps[] = {{100, ""},
                 {199, ""},
                 {200, "1"},
                 {300, "1"},
                 {301, ""},
                 /* A clock that is set back loses nothing. */
                 {300, "1"},
                 {199, ""},
                 {200, "1"},
                 {5000, ""},
                 {250, "1"},
                 {1, ""},
                 {250, "1"}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        query.now = steps[i].now;
        fixture_expect(fixture, query, steps[i].numbers);
        fixture_expect_sound(fixture);
    }
}

static void an_overdue_manifest_does_not_block_its_cluster(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add_cluster(fixture, 0);
    fixture_add_manifest(fixture,
                         (struct fixture_manifest){.id = 1, .run_before = FIXTURE_NOW - 1});
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 2, .priority = 9});
    fixture_expect(fixture, runnable, "2");
}

static void only_pending_manifests_are_runnable(void **state)
{
    struct store_fixture *fixture = *state;
    for (int i = 0; i < MANIFEST_STATE_COUNT; i++) {
        fixture_add_cluster(fixture, i);
        fixture_add_manifest(fixture, (struct fixture_manifest){
                                          .id = i, .cluster = i, .state = (enum manifest_state)i});
    }
    fixture_expect(fixture, runnable, "0");
}

static void a_leased_cluster_is_left_out_until_its_lease_is_over(void **state)
{
    struct store_fixture *fixture = *state;
    for (int i = 1; i <= 2; i++) {
        fixture_add_cluster(fixture, i);
        fixture_add_manifest(fixture, (struct fixture_manifest){.id = i, .cluster = i});
    }
    fixture_lease(fixture, 1, FIXTURE_OWNER, FIXTURE_NOW);
    fixture_expect(fixture, runnable, "2");
    fixture_lease(fixture, 1, FIXTURE_OWNER, FIXTURE_NOW - 1);
    fixture_expect(fixture, runnable, "1 2");
    fixture_lease(fixture, 1, FIXTURE_OWNER, FIXTURE_NOW + 1);
    fixture_expect(fixture, runnable, "2");
    fixture_lease(fixture, 1, NULL, 0);
    fixture_expect(fixture, runnable, "1 2");
}

static void a_cluster_that_is_not_in_the_store_has_nothing_to_run(void **state)
{
    struct store_fixture *fixture = *state;
    char key[RESOURCE_ID_SIZE];
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    fixture_expect(fixture, runnable, "");
    fixture_add_cluster(fixture, 1);
    fixture_expect(fixture, runnable, "1");
    fixture_status(fixture, store_delete(STORE_CLUSTERS, NULL, fixture_cluster_id(key, 1), NULL));
    fixture_expect(fixture, runnable, "");
}

static void only_clusters_of_the_asked_buckets_are_given(void **state)
{
    struct store_fixture *fixture = *state;
    char key[RESOURCE_ID_SIZE];
    struct store_query query = runnable;
    fixture_add_cluster(fixture, 1);
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    int bucket = bucket_of(fixture_cluster_id(key, 1));
    query.buckets = (struct bucket_range){bucket, bucket};
    fixture_expect(fixture, query, "1");
    query.buckets = (struct bucket_range){bucket + 1, BUCKET_COUNT - 1};
    fixture_expect(fixture, query, "");
    query.buckets = (struct bucket_range){bucket, bucket - 1};
    fixture_expect(fixture, query, "");
    /* Another producer may have filled in a bucket of its own. */
    fixture_set_manifest(fixture, 1, "bucket", json_object_new_int64((bucket + 1) % BUCKET_COUNT));
    query.buckets = (struct bucket_range){bucket, bucket};
    fixture_expect(fixture, query, "");
}

static void more_than_a_page_goes_on_where_it_ended(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_query query = runnable;
    for (int i = 1; i <= 5; i++) {
        fixture_add_cluster(fixture, i);
        fixture_add_manifest(fixture,
                             (struct fixture_manifest){.id = i, .cluster = i, .priority = 9 - i});
    }
    fixture_lease(fixture, 4, FIXTURE_OWNER, FIXTURE_NOW - 1);
    query.limit = 2;
    struct store_operation first = fixture_query(fixture, query);
    char buffer[32];
    assert_string_equal(fixture_numbers(buffer, sizeof(buffer), &first.result), "5 4");
    query.continuation = first.result.continuation;
    fixture_expect(fixture, query, "3 2");
    store_release(&first, 1);
}

static void a_changed_manifest_takes_its_new_place(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add_cluster(fixture, 1);
    fixture_add_cluster(fixture, 2);
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1, .priority = 1});
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 2, .cluster = 1, .priority = 2});
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 3, .cluster = 2, .priority = 3});
    fixture_expect(fixture, runnable, "1 3");
    fixture_set_manifest(fixture, 1, "maintenanceManifest.priority", json_object_new_int64(9));
    fixture_expect(fixture, runnable, "2 3");
    fixture_set_manifest(fixture, 2, "maintenanceManifest.state", document_new_string("Cancelled"));
    fixture_expect(fixture, runnable, "3 1");
    fixture_set_manifest(fixture, 1, "nextAttempt", json_object_new_int64(FIXTURE_NOW + 60));
    fixture_expect(fixture, runnable, "3");
    fixture_expect_sound(fixture);
}

static void more_than_one_call_can_move_becomes_runnable_in_the_next(void **state)
{
    struct store_fixture *fixture = *state;
    enum { MANY = 40000, BATCH = 1000 };
    static struct store_operation batch[BATCH];
    struct error error;
    fixture_add_cluster(fixture, 1);
    for (int done = 0; done < MANY; done += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            struct fixture_manifest wanted = {.id = done + i,
                                              .cluster = 1,
                                              .priority = MANY - done - i,
                                              .run_after = FIXTURE_NOW};
            batch[i] = store_create(STORE_MANIFESTS, fixture_manifest_document(&wanted));
        }
        assert_int_equal(store_run(fixture->store, batch, BATCH, &error), 0);
        for (int i = 0; i < BATCH; i++)
            json_object_put(batch[i].target.document);
        store_release(batch, BATCH);
    }
    /* What it gives before all are moved is runnable, though not the very first, the last made. */
    bool done = false;
    for (int call = 0; call < 10 && !done; call++) {
        char buffer[32];
        struct store_operation operation = fixture_query(fixture, runnable);
        assert_int_equal(operation.result.count, 1);
        fixture_numbers(buffer, sizeof(buffer), &operation.result);
        done = strcmp(buffer, "39999") == 0;
        store_release(&operation, 1);
    }
    assert_true(done);
    /* A clock that was set back: none is due, long before all are moved back. */
    struct store_query earlier = runnable;
    earlier.now = FIXTURE_NOW - 1;
    fixture_expect(fixture, earlier, "");
}

/* The model: everything there is, looked at one by one. */
enum { MODEL_MANIFESTS = 60, MODEL_CLUSTERS = 8, MODEL_STEPS = 1500, MODEL_TIME = 100 };

struct model {
    unsigned random;
    struct fixture_manifest manifests[MODEL_MANIFESTS];
    bool manifest_exists[MODEL_MANIFESTS];
    bool cluster_exists[MODEL_CLUSTERS];
    bool cluster_leased[MODEL_CLUSTERS];
    int64_t cluster_lease[MODEL_CLUSTERS];
};

static int pick(struct model *model, int count)
{
    return (int)(rand_r(&model->random) % (unsigned)count);
}

/* Times near each other, so that equal ones and all orders happen; 0 for "none" now and then. */
static int64_t pick_time(struct model *model)
{
    return pick(model, 4) == 0 ? 0 : 1 + pick(model, MODEL_TIME);
}

static void pick_manifest(struct model *model, int id, struct fixture_manifest *manifest)
{
    static const enum manifest_state states[] = {MANIFEST_PENDING, MANIFEST_PENDING,
                                                 MANIFEST_PENDING, MANIFEST_IN_PROGRESS,
                                                 MANIFEST_COMPLETED};
    *manifest = (struct fixture_manifest){
        .id = id,
        .cluster = model->manifest_exists[id] ? manifest->cluster : pick(model, MODEL_CLUSTERS),
        .state = states[pick(model, 5)],
        .priority = pick(model, 3),
        .run_after = pick_time(model),
        .run_before = pick_time(model),
        .next_attempt = pick_time(model),
    };
}

static char *current_etag(struct store_fixture *fixture, enum store_container container,
                          const char *partition, const char *id)
{
    struct store_operation read = store_get(container, partition, id);
    fixture_run(fixture, &read);
    assert_int_equal(read.result.status, STORE_DONE);
    char *etag = take_pointer(&read.result.items[0].etag);
    store_release(&read, 1);
    return etag;
}

static void step_manifest(struct model *model, struct store_fixture *fixture)
{
    int id = pick(model, MODEL_MANIFESTS);
    char id_text[UUID_SIZE];
    char cluster[RESOURCE_ID_SIZE];
    struct store_operation operation;
    cleanup_json struct json_object *document = NULL;
    cleanup_free char *etag = NULL;

    fixture_cluster_id(cluster, model->manifests[id].cluster);
    if (model->manifest_exists[id] && pick(model, 5) == 0) {
        operation = store_delete(STORE_MANIFESTS, cluster, fixture_id(id_text, id), NULL);
        model->manifest_exists[id] = false;
    } else {
        bool existed = model->manifest_exists[id];
        pick_manifest(model, id, &model->manifests[id]);
        document = fixture_manifest_document(&model->manifests[id]);
        operation = store_create(STORE_MANIFESTS, document);
        if (existed) {
            etag = current_etag(fixture, STORE_MANIFESTS, cluster, fixture_id(id_text, id));
            operation = store_replace(STORE_MANIFESTS, etag, document);
        }
        model->manifest_exists[id] = true;
    }
    assert_int_equal(fixture_status(fixture, operation), STORE_DONE);
}

static void step_cluster(struct model *model, struct store_fixture *fixture)
{
    int number = pick(model, MODEL_CLUSTERS);
    char key[RESOURCE_ID_SIZE];
    fixture_cluster_id(key, number);
    if (!model->cluster_exists[number]) {
        fixture_add_cluster(fixture, number);
        model->cluster_exists[number] = true;
        model->cluster_leased[number] = false;
    } else if (pick(model, 8) == 0) {
        assert_int_equal(fixture_status(fixture, store_delete(STORE_CLUSTERS, NULL, key, NULL)),
                         STORE_DONE);
        model->cluster_exists[number] = false;
    } else {
        model->cluster_leased[number] = pick(model, 2) == 0;
        model->cluster_lease[number] = pick_time(model);
        fixture_lease(fixture, number, model->cluster_leased[number] ? FIXTURE_OWNER : NULL,
                      model->cluster_lease[number]);
    }
}

static bool goes_first(const struct fixture_manifest *a, const struct fixture_manifest *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if (a->run_after != b->run_after)
        return a->run_after < b->run_after;
    return a->id < b->id;
}

static bool may_run(const struct model *model, int id, const struct store_query *query)
{
    const struct fixture_manifest *manifest = &model->manifests[id];
    int cluster = manifest->cluster;
    char key[RESOURCE_ID_SIZE];
    return model->manifest_exists[id] && manifest->state == MANIFEST_PENDING &&
           manifest->run_after <= query->now && manifest->next_attempt <= query->now &&
           (manifest->run_before == 0 || manifest->run_before >= query->now) &&
           bucket_range_contains(query->buckets, bucket_of(fixture_cluster_id(key, cluster))) &&
           model->cluster_exists[cluster] &&
           !(model->cluster_leased[cluster] && model->cluster_lease[cluster] >= query->now);
}

/* The runnable manifests as "3 17 4", found by looking at all. */
static void expect_of_model(const struct model *model, const struct store_query *query,
                            char *buffer)
{
    const struct fixture_manifest *heads[MODEL_CLUSTERS] = {0};
    for (int id = 0; id < MODEL_MANIFESTS; id++) {
        const struct fixture_manifest *manifest = &model->manifests[id];
        const struct fixture_manifest **head = &heads[manifest->cluster];
        if (may_run(model, id, query) && (!*head || goes_first(manifest, *head)))
            *head = manifest;
    }
    *buffer = '\0';
    for (size_t given = 0; given < query->limit; given++) {
        int first = -1;
        for (int i = 0; i < MODEL_CLUSTERS; i++)
            if (heads[i] && (first < 0 || goes_first(heads[i], heads[first])))
                first = i;
        if (first < 0)
            return;
        buffer += sprintf(buffer, "%s%d", given ? " " : "", heads[first]->id);
        heads[first] = NULL;
    }
}

static void step_query(struct model *model, struct store_fixture *fixture)
{
    struct store_query query = {.kind = STORE_QUERY_RUNNABLE,
                                .now = 1 + pick(model, MODEL_TIME + 10),
                                .limit = 1 + (size_t)pick(model, MODEL_CLUSTERS),
                                .buckets = {0, BUCKET_COUNT - 1}};
    if (pick(model, 3) == 0)
        query.buckets = (struct bucket_range){pick(model, 128), 128 + pick(model, 128)};
    char expected[256];
    expect_of_model(model, &query, expected);
    fixture_expect(fixture, query, expected);
}

static void any_history_gives_what_looking_at_everything_gives(void **state)
{
    struct store_fixture *fixture = *state;
    struct model model = {.random = fixture_seed()};
    for (int step = 0; step < MODEL_STEPS; step++) {
        int kind = pick(&model, 10);
        if (kind < 5)
            step_manifest(&model, fixture);
        else if (kind < 7)
            step_cluster(&model, fixture);
        else
            step_query(&model, fixture);
        if (step % 100 == 0)
            fixture_expect_sound(fixture);
    }
    fixture_expect_sound(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STORE(of_each_cluster_the_first_in_order_of_claiming_is_given),
        ON_STORE(manifests_become_runnable_when_due_and_cease_when_overdue),
        ON_STORE(an_overdue_manifest_does_not_block_its_cluster),
        ON_STORE(only_pending_manifests_are_runnable),
        ON_STORE(a_leased_cluster_is_left_out_until_its_lease_is_over),
        ON_STORE(a_cluster_that_is_not_in_the_store_has_nothing_to_run),
        ON_STORE(only_clusters_of_the_asked_buckets_are_given),
        ON_STORE(more_than_a_page_goes_on_where_it_ended),
        ON_STORE(a_changed_manifest_takes_its_new_place),
        ON_STORE(more_than_one_call_can_move_becomes_runnable_in_the_next),
        ON_STORE(any_history_gives_what_looking_at_everything_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
