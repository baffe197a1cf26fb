/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_blockers.c - which causes are found for a manifest that does not run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/endpoints/blockers.h"
#include "mimo/cluster.h"
#include "mimo/document.h"

#define CLUSTER                                                                                    \
    "/subscriptions/60bf318d-6914-4105-a3b5-d0d2c10388c8/resourcegroups/rg/providers/"             \
    "microsoft.redhatopenshift/openshiftclusters/one"
#define ACTUATOR "11111111-2222-4333-8444-555555555555"
#define OTHER    "21111111-2222-4333-8444-555555555555"
#define RUNNING  "31111111-2222-4333-8444-555555555555"

enum { NOW = 2000000, TTL = 60 };

/* A manifest that could run, its cluster, and an actuator that has its bucket; tests spoil it. */
struct scene {
    struct manifest manifest;
    struct cluster cluster;
    struct store_item members[2];
    struct blockers_facts facts;
};

static struct json_object *make_member(const char *id, int first, int last, int64_t seen_at)
{
    return document_pack("{s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:s, s:[i,i]}", "id", id,
                         "workerType", "MIMO_ACTUATOR", "hostname", "vm-1", "seenAt",
                         (int64_t)seen_at, "ttl", TTL, "workers", 2, "maxWorkers", 3, "mode",
                         "working", "buckets", first, last);
}

static int set_up(void **state)
{
    static struct scene scene;
    struct error error;
    const struct manifest_request wanted = {.cluster = CLUSTER,
                                            .task = "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"};
    scene = (struct scene){.members = {{.document = make_member(ACTUATOR, 0, 255, NOW)}}};
    assert_int_equal(manifest_create(&scene.manifest, &wanted, NOW, &error), 0);
    assert_int_equal(cluster_create(&scene.cluster, CLUSTER, NULL, NULL, &error), 0);
    scene.facts = (struct blockers_facts){.manifest = &scene.manifest,
                                          .now = NOW,
                                          .mark = "AdminUpdating",
                                          .ttl = TTL,
                                          .cluster = cluster_document(&scene.cluster),
                                          .members = scene.members,
                                          .member_count = 1};
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    manifest_free(&scene->manifest);
    cluster_free(&scene->cluster);
    for (size_t i = 0; i < 2; i++)
        json_object_put(scene->members[i].document);
    return 0;
}

/* The only cause; its kind must be this one. */
static struct json_object *only(const struct scene *scene, const char *kind)
{
    struct json_object *blockers = blockers_find(&scene->facts);
    assert_int_equal(document_length(blockers), 1);
    struct json_object *blocker = json_object_get(document_item(blockers, 0));
    assert_string_equal(document_string(blocker, "kind", ""), kind);
    assert_true(document_string(blocker, "message", "")[0] != '\0');
    json_object_put(blockers);
    return blocker;
}

static void check_integer(const struct scene *scene, const char *kind, const char *member,
                          int64_t value)
{
    struct json_object *blocker = only(scene, kind);
    assert_int_equal(document_integer(blocker, member, -1), value);
    json_object_put(blocker);
}

static void check_text(const struct scene *scene, const char *kind, const char *member,
                       const char *value)
{
    struct json_object *blocker = only(scene, kind);
    assert_string_equal(document_string(blocker, member, ""), value);
    json_object_put(blocker);
}

static void check_none(const struct scene *scene)
{
    struct json_object *blockers = blockers_find(&scene->facts);
    assert_true(document_is_array(blockers));
    assert_int_equal(document_length(blockers), 0);
    json_object_put(blockers);
}

static void nothing_is_in_the_way(void **state)
{
    check_none(*state);
}

static void times_are_in_the_way_until_they_come(void **state)
{
    struct scene *scene = *state;
    scene->manifest.run_after = NOW + 5;
    check_integer(scene, "notDue", "until", NOW + 5);
    scene->manifest.run_after = NOW;
    check_none(scene);
    scene->manifest.next_attempt = NOW + 7;
    check_integer(scene, "backoff", "until", NOW + 7);
    scene->manifest.next_attempt = 0;
    scene->manifest.run_before = NOW - 1;
    check_integer(scene, "overdue", "since", NOW - 1);
    scene->manifest.run_before = NOW;
    check_none(scene);
}

static void a_leased_cluster_names_the_manifest_that_has_it(void **state)
{
    struct scene *scene = *state;
    struct error error;
    assert_int_equal(
        cluster_take_lease(&scene->cluster, OTHER, RUNNING, NOW, 30, "AdminUpdating", &error), 0);
    scene->facts.cluster = cluster_document(&scene->cluster);
    check_text(scene, "clusterBusy", "manifest", RUNNING);
    check_integer(scene, "clusterBusy", "until", NOW + 30);
    /* run out: whoever looks next takes it, the mark notwithstanding */
    scene->facts.now = NOW + 31;
    document_add(scene->members[0].document, "seenAt", json_object_new_int64(NOW + 31));
    check_none(scene);
}

static void a_cluster_that_others_change_tells_its_state(void **state)
{
    struct scene *scene = *state;
    strcpy(scene->cluster.provisioning_state, "Updating");
    scene->facts.cluster = cluster_document(&scene->cluster);
    check_text(scene, "clusterBusy", "provisioningState", "Updating");
    strcpy(scene->cluster.provisioning_state, "Failed");
    scene->facts.cluster = cluster_document(&scene->cluster);
    check_none(scene);
}

static void a_cluster_may_be_missing_or_unreadable(void **state)
{
    struct scene *scene = *state;
    struct json_object *nonsense = document_pack("{s:i}", "key", 5);
    scene->facts.cluster = NULL;
    json_object_put(only(scene, "clusterMissing"));
    scene->facts.cluster = nonsense;
    json_object_put(only(scene, "clusterUnreadable"));
    json_object_put(nonsense);
}

static void somebody_alive_must_have_the_bucket(void **state)
{
    struct scene *scene = *state;
    int bucket = scene->manifest.bucket;
    scene->facts.member_count = 0;
    check_integer(scene, "noActuator", "bucket", bucket);
    scene->facts.member_count = 1;
    scene->facts.now = NOW + TTL;
    check_none(scene);
    scene->facts.now = NOW + TTL + 1;
    check_integer(scene, "noActuator", "bucket", bucket);
    scene->facts.now = NOW;
    document_add(scene->members[0].document, "buckets", document_pack("[i,i]", bucket + 1, 255));
    check_integer(scene, "noActuator", "bucket", bucket);
    document_add(scene->members[0].document, "buckets", document_pack("[i,i]", bucket, bucket));
    check_none(scene);
    document_add(scene->members[0].document, "buckets", document_pack("[i]", bucket));
    check_integer(scene, "noActuator", "bucket", bucket);
}

static void an_actuator_may_be_paused_or_full(void **state)
{
    struct scene *scene = *state;
    struct json_object *member = scene->members[0].document;
    document_add(member, "workers", json_object_new_int64(3));
    check_text(scene, "actuatorFull", "actuator", ACTUATOR);
    check_text(scene, "actuatorFull", "hostname", "vm-1");
    document_add(member, "mode", document_new_string("paused"));
    check_text(scene, "actuatorPaused", "actuator", ACTUATOR);
    /* another one that has the bucket as well and can work */
    scene->members[1].document = make_member(OTHER, 0, 255, NOW);
    scene->facts.member_count = 2;
    check_none(scene);
}

static void a_drained_actuator_is_named_when_nobody_has_the_bucket(void **state)
{
    struct scene *scene = *state;
    struct json_object *member = scene->members[0].document;
    document_add(member, "buckets", document_pack("[i,i]", 0, -1));
    document_add(member, "mode", document_new_string("drained"));
    check_text(
        scene, "noActuator", "message",
        "no live actuator owns its bucket; the one on vm-1 is drained: run mimoctl resume there");
    document_add(member, "mode", document_new_string("draining"));
    check_text(
        scene, "noActuator", "message",
        "no live actuator owns its bucket; the one on vm-1 is draining: run mimoctl resume there");
    scene->facts.now = NOW + TTL + 1; /* dead: resuming it is no way out */
    check_text(scene, "noActuator", "message", "no live actuator owns its bucket");
}

static void a_record_that_does_not_tell_is_in_nobodys_way(void **state)
{
    struct scene *scene = *state;
    struct json_object *member = scene->members[0].document;
    document_delete(member, "maxWorkers");
    document_delete(member, "mode");
    document_add(member, "workers", json_object_new_int64(1000));
    check_none(scene);
}

static void all_causes_are_told_at_once(void **state)
{
    struct scene *scene = *state;
    scene->manifest.run_after = NOW + 5;
    scene->manifest.next_attempt = NOW + 7;
    scene->facts.cluster = NULL;
    scene->facts.member_count = 0;
    struct json_object *blockers = blockers_find(&scene->facts);
    assert_int_equal(document_length(blockers), 4);
    json_object_put(blockers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_in_the_way),
        TEST(times_are_in_the_way_until_they_come),
        TEST(a_leased_cluster_names_the_manifest_that_has_it),
        TEST(a_cluster_that_others_change_tells_its_state),
        TEST(a_cluster_may_be_missing_or_unreadable),
        TEST(somebody_alive_must_have_the_bucket),
        TEST(an_actuator_may_be_paused_or_full),
        TEST(a_drained_actuator_is_named_when_nobody_has_the_bucket),
        TEST(a_record_that_does_not_tell_is_in_nobodys_way),
        TEST(all_causes_are_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
