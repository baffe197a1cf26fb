/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_change.c - tests of store_change.h: conflicts are read again, a few times; every end has its own name. */
#include "supervisor_store.h"

#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/store_change.h"
#include "store_double.h"

#define ID "aaaaaaaa-0000-4000-8000-00000000000a"

struct scene {
    struct test_store *test;
    struct store_double made;
    int intrusions; /* writes of another writer that are still to come, one before each of ours */
    int decided;
};

static void add_document(struct test_store *test, const char *id)
{
    cleanup_json struct json_object *document = document_pack("{s:s, s:i}", "id", id, "count", 0);
    assert_int_equal(test_run(test, store_create(STORE_SUBSCRIPTIONS, document)), STORE_DONE);
}

static int64_t read_count(struct test_store *test, const char *id)
{
    struct error error;
    struct store_operation read = store_get(STORE_SUBSCRIPTIONS, NULL, id);
    assert_int_equal(store_run(test->store, &read, 1, &error), 0);
    assert_int_equal(read.result.status, STORE_DONE);
    int64_t count = document_integer(read.result.items[0].document, "count", -1);
    store_release(&read, 1);
    return count;
}

/* Counts up by one what was read. */
static enum change_verdict count_up(struct store_change *change)
{
    struct scene *scene = change->context;
    struct store_result *found = &change->reads[0].result;
    scene->decided++;
    if (found->status != STORE_DONE)
        return CHANGE_LEAVE;
    struct json_object *document = found->items[0].document;
    document_set(document, "count",
                 json_object_new_int64(document_integer(document, "count", 0) + 1));
    change->write = store_replace(STORE_SUBSCRIPTIONS, found->items[0].etag, document);
    return CHANGE_WRITE;
}

static struct store_change change_of(struct scene *scene, const char *id)
{
    return (struct store_change){.reads = {store_get(STORE_SUBSCRIPTIONS, NULL, id)},
                                 .read_count = 1,
                                 .decide = count_up,
                                 .context = scene};
}

/* Another writer counts up by a hundred, just before ours is run. */
static enum double_fate intrude(struct store_double *made, struct store_operation *operations,
                                size_t count)
{
    struct scene *scene = made->context;
    (void)count;
    if (!double_is_write(&operations[0]) || scene->intrusions == 0)
        return DOUBLE_PASS;
    scene->intrusions--;
    struct error error;
    struct store_operation read = store_get(STORE_SUBSCRIPTIONS, NULL, ID);
    assert_int_equal(store_run(scene->test->store, &read, 1, &error), 0);
    struct json_object *document = read.result.items[0].document;
    document_set(document, "count",
                 json_object_new_int64(document_integer(document, "count", 0) + 100));
    assert_int_equal(test_run(scene->test, store_replace(STORE_SUBSCRIPTIONS,
                                                         read.result.items[0].etag, document)),
                     STORE_DONE);
    store_release(&read, 1);
    return DOUBLE_PASS;
}

static struct scene begin(void **state)
{
    struct scene scene = {.test = *state};
    add_document(scene.test, ID);
    return scene;
}

static void use_double(struct scene *scene,
                       enum double_fate (*hook)(struct store_double *, struct store_operation *,
                                                size_t))
{
    store_double_initialize(&scene->made, scene->test->store);
    scene->made.hook = hook;
    scene->made.context = scene;
}

static void a_change_is_written(void **state)
{
    struct scene scene = begin(state);
    struct store_change change = change_of(&scene, ID);
    struct error error;
    assert_int_equal(store_change_one(scene.test->store, &change, &error), 0);
    assert_int_equal(change.end, CHANGE_DONE);
    assert_non_null(change.write.result.etag);
    assert_int_equal(scene.decided, 1);
    assert_int_equal(read_count(scene.test, ID), 1);
    store_change_release(&change);
}

static void a_conflict_is_read_again_and_nobody_is_overwritten(void **state)
{
    struct scene scene = begin(state);
    use_double(&scene, intrude);
    for (int intrusions = 1; intrusions < STORE_CHANGE_TRIES; intrusions++) {
        struct store_change change = change_of(&scene, ID);
        struct error error;
        int64_t before = read_count(scene.test, ID);
        scene.intrusions = intrusions;
        scene.decided = 0;
        assert_int_equal(store_change_one(&scene.made.base, &change, &error), 0);
        assert_int_equal(change.end, CHANGE_DONE);
        assert_int_equal(scene.decided, intrusions + 1);
        assert_int_equal(read_count(scene.test, ID), before + 100 * intrusions + 1);
        store_change_release(&change);
    }
}

static void a_writer_that_is_always_first_ends_it(void **state)
{
    struct scene scene = begin(state);
    use_double(&scene, intrude);
    scene.intrusions = 1000;
    struct store_change change = change_of(&scene, ID);
    struct error error;
    assert_int_equal(store_change_one(&scene.made.base, &change, &error), 0);
    assert_int_equal(change.end, CHANGE_CONTENDED);
    assert_int_equal(change.error.kind, ERROR_CONFLICT);
    assert_int_equal(scene.decided, STORE_CHANGE_TRIES);
    assert_int_equal(read_count(scene.test, ID), 100 * STORE_CHANGE_TRIES);
    store_change_release(&change);
}

static void what_is_gone_is_left(void **state)
{
    struct scene scene = begin(state);
    struct store_change change = change_of(&scene, "bbbbbbbb-0000-4000-8000-00000000000b");
    struct error error;
    assert_int_equal(store_change_one(scene.test->store, &change, &error), 0);
    assert_int_equal(change.end, CHANGE_LEFT);
    store_change_release(&change);
}

/* Deleted between reading and writing: the callback decides again, and finds nothing. */
static enum double_fate delete_before(struct store_double *made, struct store_operation *operations,
                                      size_t count)
{
    struct scene *scene = made->context;
    (void)count;
    if (double_is_write(&operations[0]))
        test_run(scene->test, store_delete(STORE_SUBSCRIPTIONS, NULL, ID, NULL));
    return DOUBLE_PASS;
}

static void what_is_deleted_meanwhile_is_decided_again(void **state)
{
    struct scene scene = begin(state);
    use_double(&scene, delete_before);
    struct store_change change = change_of(&scene, ID);
    struct error error;
    assert_int_equal(store_change_one(&scene.made.base, &change, &error), 0);
    assert_int_equal(change.end, CHANGE_LEFT);
    assert_int_equal(scene.decided, 2);
    store_change_release(&change);
}

static enum double_fate refuse_writes(struct store_double *made, struct store_operation *operations,
                                      size_t count)
{
    (void)made;
    for (size_t i = 0; i < count; i++)
        if (double_is_write(&operations[i]))
            double_refuse(&operations[i], "too large");
    return DOUBLE_PASS;
}

static void a_refusal_is_an_end_with_its_text_and_is_not_tried_again(void **state)
{
    struct scene scene = begin(state);
    use_double(&scene, refuse_writes);
    struct store_change change = change_of(&scene, ID);
    struct error error;
    assert_int_equal(store_change_one(&scene.made.base, &change, &error), 0);
    assert_int_equal(change.end, CHANGE_REFUSED);
    assert_string_equal(change.error.message, "too large");
    assert_int_equal(scene.decided, 1);
    store_change_release(&change);
}

static enum double_fate fail_writes(struct store_double *made, struct store_operation *operations,
                                    size_t count)
{
    (void)made, (void)count;
    return double_is_write(&operations[0]) ? DOUBLE_FAIL : DOUBLE_PASS;
}

static enum double_fate fail_reads(struct store_double *made, struct store_operation *operations,
                                   size_t count)
{
    (void)made, (void)count;
    return double_is_write(&operations[0]) ? DOUBLE_PASS : DOUBLE_FAIL;
}

static void without_an_answer_it_stays_open(void **state)
{
    struct scene scene = begin(state);
    enum double_fate (*const hooks[])(struct store_double *, struct store_operation *,
                                      size_t) = {fail_reads, fail_writes};
    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
        use_double(&scene, hooks[i]);
        struct store_change change = change_of(&scene, ID);
        struct error error;
        assert_int_equal(store_change_one(&scene.made.base, &change, &error), -1);
        assert_int_equal(error.kind, ERROR_UNAVAILABLE);
        assert_int_equal(change.end, CHANGE_OPEN);
        assert_string_equal(change.error.message, error.message);
        store_change_release(&change);
    }
    assert_int_equal(read_count(scene.test, ID), 0);
}

/* Many at once: each ends by itself, and they share their batches. */
static void many_changes_share_their_batches(void **state)
{
    struct scene scene = begin(state);
    enum { MANY = 20 };
    struct store_change changes[MANY];
    char ids[MANY][UUID_SIZE];
    struct error error;
    use_double(&scene, NULL);
    for (int i = 0; i < MANY; i++) {
        uuid_make(ids[i]);
        if (i != 7)
            add_document(scene.test, ids[i]);
        changes[i] = change_of(&scene, ids[i]);
    }
    assert_int_equal(store_change_run(&scene.made.base, changes, MANY, &error), 0);
    assert_int_equal(scene.made.runs, 2);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(changes[i].end, i == 7 ? CHANGE_LEFT : CHANGE_DONE);
        store_change_release(&changes[i]);
        if (i != 7)
            assert_int_equal(read_count(scene.test, ids[i]), 1);
    }
    assert_int_equal(store_change_run(scene.test->store, NULL, 0, &error), 0);
}

/* A caller that has read already writes at once, and is read again only after a conflict. */
static enum change_verdict write_known(struct store_change *change)
{
    struct scene *scene = change->context;
    static struct json_object *known;
    scene->decided++;
    if (change->reads[0].result.status != STORE_NOT_RUN)
        return count_up(change);
    json_object_put(known);
    known = document_pack("{s:s, s:i}", "id", ID, "count", 5);
    change->write = store_replace(STORE_SUBSCRIPTIONS, "999999", known);
    return CHANGE_WRITE;
}

static void what_is_known_is_not_read_first(void **state)
{
    struct scene scene = begin(state);
    use_double(&scene, NULL);
    struct store_change change = change_of(&scene, ID);
    struct error error;
    change.known = true;
    change.decide = write_known;
    assert_int_equal(store_change_one(&scene.made.base, &change, &error), 0);
    assert_int_equal(change.end, CHANGE_DONE);
    assert_int_equal(scene.made.runs, 3); /* write, read, write */
    assert_int_equal(read_count(scene.test, ID), 1);
    store_change_release(&change);
}

static int run_aside(void *context, struct store *store, struct store_operation *writes,
                     size_t count, struct error *error)
{
    ++*(int *)context;
    return store_run(store, writes, count, error);
}

static void a_runner_runs_the_writes(void **state)
{
    struct scene scene = begin(state);
    struct store_change change = change_of(&scene, ID);
    struct error error;
    int runs = 0;
    assert_int_equal(store_change_one_by(scene.test->store, &change, run_aside, &runs, &error), 0);
    assert_int_equal(change.end, CHANGE_DONE);
    assert_int_equal(runs, 1);
    store_change_release(&change);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_change_is_written),
        CASE(a_conflict_is_read_again_and_nobody_is_overwritten),
        CASE(a_writer_that_is_always_first_ends_it),
        CASE(what_is_gone_is_left),
        CASE(what_is_deleted_meanwhile_is_decided_again),
        CASE(a_refusal_is_an_end_with_its_text_and_is_not_tried_again),
        CASE(without_an_answer_it_stays_open),
        CASE(many_changes_share_their_batches),
        CASE(what_is_known_is_not_read_first),
        CASE(a_runner_runs_the_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
