/* SPDX-License-Identifier: Apache-2.0 */
/* test_cluster.c - one attempt at a time on a cluster, and everything put back when it ends. */
#include "expect.h"
#include "json_text.h"
#include "mimo/bucket.h"
#include "mimo/cleanup.h"
#include "mimo/cluster.h"
#include "mimo/document.h"

#define SUBSCRIPTION "60bf318d-6914-4105-a3b5-d0d2c10388c8"
#define RESOURCE                                                                                   \
    "/subscriptions/" SUBSCRIPTION                                                                 \
    "/resourceGroups/My-RG/providers/Microsoft.RedHatOpenShift/openShiftClusters/My-Cluster"
#define KEY                                                                                        \
    "/subscriptions/" SUBSCRIPTION                                                                 \
    "/resourcegroups/my-rg/providers/microsoft.redhatopenshift/openshiftclusters/my-cluster"
#define OWNER     "11111111-1111-4111-8111-111111111111"
#define OTHER     "22222222-2222-4222-8222-222222222222"
#define MANIFEST  "33333333-3333-4333-8333-333333333333"
#define ELSEWHERE "44444444-4444-4444-8444-444444444444"
#define MARK      "AdminUpdating"

enum { NOW = 1795417680, LEASE = 3600 };

/* A cluster with these properties, as JSON. */
static struct cluster make(const char *properties)
{
    cleanup_json struct json_object *value = json_of_text(properties);
    struct cluster cluster;
    struct error error;

    assert_non_null(value);
    expect_success(cluster_create(&cluster, RESOURCE, value, NULL, &error), &error);
    return cluster;
}

static void take(struct cluster *cluster, const char *mark, int64_t now)
{
    struct error error;

    expect_success(cluster_take_lease(cluster, OWNER, MANIFEST, now, LEASE, mark, &error), &error);
}

/* Sets a member, or removes it. */
static char *text_of(struct cluster *cluster)
{
    return document_format(cluster_document(cluster));
}

static void a_new_cluster_has_all_its_members(void **state)
{
    cleanup_json struct json_object *properties =
        document_pack("{s:s}", "provisioningState", "Succeeded");
    struct cluster cluster;
    struct error error;
    struct json_object *document;

    (void)state;
    expect_success(cluster_create(&cluster, RESOURCE, properties, "c2VhbGVk", &error), &error);
    document = cluster_document(&cluster);
    assert_true(uuid_is_valid(document_string(document, "id", "")));
    assert_string_equal(document_string(document, "key", ""), KEY);
    assert_string_equal(document_string(document, "partitionKey", ""), SUBSCRIPTION);
    assert_int_equal(document_integer(document, "bucket", -1), bucket_of(RESOURCE));
    assert_string_equal(document_string(document, "openShiftCluster.id", ""), RESOURCE);
    assert_string_equal(
        document_string(document, "openShiftCluster.properties.provisioningState", ""),
        "Succeeded");
    assert_string_equal(document_string(document, "sealedKubeconfig", ""), "c2VhbGVk");
    assert_int_equal(document_member_count(document), 6);
    assert_string_equal(cluster.provisioning_state, "Succeeded");
    assert_ptr_not_equal(document_get(document, "openShiftCluster.properties"), properties);
    cluster_free(&cluster);
    assert_null(cluster.document);
    cluster_free(&cluster);

    expect_success(cluster_create(&cluster, KEY, NULL, NULL, &error), &error);
    assert_int_equal(
        document_member_count(document_get(cluster.document, "openShiftCluster.properties")), 0);
    assert_null(document_get(cluster.document, "sealedKubeconfig"));
    cluster_free(&cluster);
}

static void what_is_no_cluster_is_not_made(void **state)
{
    cleanup_free char *sealed = malloc(2 * CLUSTER_KUBECONFIG_SIZE_MAXIMUM + 1);
    cleanup_json struct json_object *list = json_object_new_array();
    cleanup_json struct json_object *number = document_pack("{s:i}", "provisioningState", 1);
    struct cluster cluster;
    struct error error;

    (void)state;
    memset(sealed, 'A', 2 * CLUSTER_KUBECONFIG_SIZE_MAXIMUM);
    sealed[2 * CLUSTER_KUBECONFIG_SIZE_MAXIMUM] = '\0';
    expect_failure(cluster_create(&cluster, "x", NULL, NULL, &error), &error, ERROR_INVALID,
                   "\"x\" is not the resource ID of a cluster");
    expect_failure(cluster_create(&cluster, RESOURCE, list, NULL, &error), &error, ERROR_INVALID,
                   "member \"properties\" must be an object");
    expect_failure(cluster_create(&cluster, RESOURCE, number, NULL, &error), &error, ERROR_INVALID,
                   "member \"openShiftCluster.properties.provisioningState\" must be a string");
    expect_failure(cluster_create(&cluster, RESOURCE, NULL, sealed, &error), &error, ERROR_INVALID,
                   "member \"sealedKubeconfig\" is too large");
}

static void the_largest_kubeconfig_fits_when_it_is_sealed(void **state)
{
    const size_t longest = (CLUSTER_KUBECONFIG_SIZE_MAXIMUM + 4096) / 3 * 4 + 4;
    cleanup_free char *sealed = malloc(longest + 2);
    struct cluster cluster;
    struct error error;

    (void)state;
    memset(sealed, 'A', longest + 1);
    sealed[longest + 1] = '\0';
    assert_int_equal(cluster_create(&cluster, RESOURCE, NULL, sealed, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    sealed[longest] = '\0';
    expect_success(cluster_create(&cluster, RESOURCE, NULL, sealed, &error), &error);
    cluster_free(&cluster);
}

static void a_stored_cluster_is_read_strictly(void **state)
{
    static const struct {
        const char *path;
        const char *json; /* NULL: removed */
        const char *part; /* NULL: good */
    } cases[] = {
        {"id", NULL, "member \"id\" is missing"},
        {"id", "\"x\"", "member \"id\" must be a UUID"},
        {"key", "7", "member \"key\" must be a string"},
        {"key", "\"x\"", "member \"key\": \"x\" is not the resource ID"},
        {"key", NULL, NULL}, /* openShiftCluster.id tells it */
        {"bucket", "256", "member \"bucket\" must be from 0 to 255"},
        {"bucket", "-1", "member \"bucket\" must be from 0 to 255"},
        {"bucket", "1.5", "member \"bucket\" must be an integer"},
        {"bucket", NULL, NULL},
        {"openShiftCluster", "[]", "member \"openShiftCluster\" must be an object"},
        {"openShiftCluster.properties", "[]",
         "member \"openShiftCluster.properties\" must be an object"},
        {"openShiftCluster.properties", NULL, NULL},
        {"openShiftCluster.properties.lastProvisioningState", "{}",
         "lastProvisioningState\" must be a string"},
        {"leaseOwner", "\"somebody\"", "member \"leaseOwner\" must be a UUID"},
        {"leaseManifest", "true", "member \"leaseManifest\" must be a string"},
        {"leaseExpires", "-1", "member \"leaseExpires\" must be from 0 to 253402300799"},
        {"leaseExpires", "253402300800", "member \"leaseExpires\" must be from 0 to 253402300799"},
        {"sealedKubeconfig", "{}", "member \"sealedKubeconfig\" must be a string"},
        {"leaseOwner", "null", NULL},
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cluster made = make("{\"provisioningState\":\"Succeeded\"}"), read;

        json_put_path(made.document, cases[i].path, cases[i].json);
        if (cases[i].part) {
            expect_failure(cluster_read(&read, made.document, &error), &error, ERROR_INVALID,
                           cases[i].part);
        } else {
            expect_success(cluster_read(&read, made.document, &error), &error);
            assert_string_equal(read.key, KEY);
            assert_int_equal(read.bucket, bucket_of(KEY));
            cluster_free(&read);
        }
        cluster_free(&made);
    }
    cleanup_json struct json_object *list = json_object_new_array();
    struct cluster read;
    expect_failure(cluster_read(&read, list, &error), &error, ERROR_INVALID, "not a JSON object");
}

static void unknown_members_are_kept(void **state)
{
    struct cluster made = make("{\"provisioningState\":\"Failed\",\"unknown\":{\"a\":[1]}}"), read;
    struct error error;

    (void)state;
    document_set(made.document, "foreign", document_new_string("kept"));
    expect_success(cluster_read(&read, made.document, &error), &error);
    take(&read, MARK, NOW);
    assert_string_equal(document_string(cluster_document(&read), "foreign", ""), "kept");
    assert_int_equal(document_length(document_get(cluster_document(&read),
                                                  "openShiftCluster.properties.unknown.a")),
                     1);
    cluster_free(&read);
    cluster_free(&made);
}

static void a_lease_marks_the_cluster_and_is_put_back(void **state)
{
    static const char *const before[] = {
        "{\"provisioningState\":\"Succeeded\"}",
        "{\"provisioningState\":\"Failed\",\"lastProvisioningState\":\"Updating\"}",
        "{}",
        "{\"lastProvisioningState\":\"Creating\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        struct cluster cluster = make(before[i]);
        cleanup_free char *first = text_of(&cluster);
        char state_before[CLUSTER_STATE_SIZE];
        struct json_object *document;

        strcpy(state_before, cluster.provisioning_state);
        take(&cluster, MARK, NOW);
        document = cluster_document(&cluster);
        assert_string_equal(
            document_string(document, "openShiftCluster.properties.provisioningState", ""), MARK);
        assert_string_equal(
            document_string(document, "openShiftCluster.properties.lastProvisioningState", ""),
            state_before);
        assert_string_equal(document_string(document, "leaseOwner", ""), OWNER);
        assert_string_equal(document_string(document, "leaseManifest", ""), MANIFEST);
        assert_int_equal(document_integer(document, "leaseExpires", 0), NOW + LEASE);

        assert_true(cluster_release_lease(&cluster, OWNER, MANIFEST, MARK));
        cleanup_json struct json_object *now = json_of_text(first);
        assert_true(document_equal(cluster_document(&cluster), now));
        cluster_free(&cluster);
    }
}

static void a_lease_begins_without_marks_of_another(void **state)
{
    struct cluster cluster = make("{}");

    (void)state;
    strcpy(cluster.lease_token, MANIFEST); /* as a foreign producer may leave them */
    strcpy(cluster.lease_incarnation, OWNER);
    take(&cluster, MARK, NOW);
    assert_string_equal(cluster.lease_token, "");
    assert_string_equal(cluster.lease_incarnation, "");
    cluster_free(&cluster);
}

static void an_empty_mark_leaves_the_state_alone(void **state)
{
    struct cluster cluster = make("{\"provisioningState\":\"Succeeded\"}");

    (void)state;
    take(&cluster, "", NOW);
    assert_string_equal(cluster.provisioning_state, "Succeeded");
    assert_true(cluster_is_leased(&cluster, NOW));
    assert_true(cluster_release_lease(&cluster, OWNER, MANIFEST, ""));
    assert_string_equal(cluster.provisioning_state, "Succeeded");
    assert_false(cluster_is_leased(&cluster, NOW));
    cluster_free(&cluster);
}

static void a_lease_excludes_everybody_until_it_is_over(void **state)
{
    struct cluster cluster = make("{}");
    struct error error;

    (void)state;
    assert_false(cluster_is_leased(&cluster, NOW));
    take(&cluster, MARK, NOW);
    assert_true(cluster_is_leased(&cluster, NOW + LEASE));
    expect_failure(cluster_take_lease(&cluster, OTHER, ELSEWHERE, NOW + LEASE, LEASE, MARK, &error),
                   &error, ERROR_CONFLICT,
                   "cluster my-cluster is leased for manifest " MANIFEST
                   " until 2026-11-23T08:08:00Z");
    expect_failure(cluster_take_lease(&cluster, OWNER, MANIFEST, NOW, LEASE, MARK, &error), &error,
                   ERROR_CONFLICT, "is leased");
    assert_false(cluster_is_leased(&cluster, NOW + LEASE + 1));
    cluster_free(&cluster);
}

static void a_lease_that_ran_out_is_taken_over_with_what_was_before_it(void **state)
{
    struct cluster cluster =
        make("{\"provisioningState\":\"Failed\",\"lastProvisioningState\":\"Updating\"}");
    cleanup_free char *first = text_of(&cluster);
    struct error error;

    (void)state;
    take(&cluster, MARK, NOW);
    expect_success(
        cluster_take_lease(&cluster, OTHER, ELSEWHERE, NOW + LEASE + 1, LEASE, MARK, &error),
        &error);
    assert_string_equal(cluster.last_provisioning_state, "Failed");
    assert_string_equal(cluster.lease_owner, OTHER);
    assert_false(cluster_release_lease(&cluster, OWNER, MANIFEST, MARK));
    assert_string_equal(cluster.provisioning_state, MARK);
    assert_true(cluster_release_lease(&cluster, OTHER, ELSEWHERE, MARK));
    cleanup_json struct json_object *now = json_of_text(first);
    assert_true(document_equal(cluster_document(&cluster), now));
    cluster_free(&cluster);
}

static void only_its_holder_gives_a_lease_back(void **state)
{
    struct cluster cluster = make("{\"provisioningState\":\"Succeeded\"}");

    (void)state;
    assert_false(cluster_release_lease(&cluster, OWNER, MANIFEST, MARK));
    take(&cluster, MARK, NOW);
    assert_false(cluster_release_lease(&cluster, OTHER, MANIFEST, MARK));
    assert_false(cluster_release_lease(&cluster, OWNER, ELSEWHERE, MARK));
    assert_false(cluster_release_lease(&cluster, OTHER, NULL, MARK));
    assert_string_equal(cluster.lease_owner, OWNER);
    assert_true(cluster_release_lease(&cluster, OWNER, NULL, MARK)); /* recovery */
    assert_string_equal(cluster.provisioning_state, "Succeeded");
    cluster_free(&cluster);
}

static void a_state_that_somebody_else_set_meanwhile_stays(void **state)
{
    struct cluster cluster = make("{\"provisioningState\":\"Succeeded\"}");

    (void)state;
    take(&cluster, MARK, NOW);
    strcpy(cluster.provisioning_state, "Deleting");
    assert_true(cluster_release_lease(&cluster, OWNER, MANIFEST, MARK));
    assert_string_equal(cluster.provisioning_state, "Deleting");
    assert_string_equal(cluster.lease_owner, "");
    cluster_free(&cluster);
}

static void a_mark_of_an_older_configuration_is_taken_off(void **state)
{
    struct cluster cluster = make("{\"provisioningState\":\"Succeeded\"}");
    struct error error;
    char reason[256];

    (void)state;
    take(&cluster, "Maintenance", NOW);
    assert_false(cluster_is_busy(&cluster, MARK, reason));
    assert_false(cluster_is_busy(&cluster, "", reason));
    expect_success(
        cluster_take_lease(&cluster, OTHER, ELSEWHERE, NOW + LEASE + 1, LEASE, MARK, &error),
        &error);
    assert_true(cluster_release_lease(&cluster, OTHER, ELSEWHERE, MARK));
    assert_string_equal(cluster.provisioning_state, "Succeeded");

    take(&cluster, "Maintenance", NOW);
    assert_true(cluster_release_lease(&cluster, OWNER, NULL, ""));
    assert_string_equal(cluster.provisioning_state, "Succeeded");
    cluster_free(&cluster);
}

static void a_removal_is_marked_and_taken_back(void **state)
{
    static const char *const properties[] = {"{\"provisioningState\":\"Failed\"}", "{}"};
    struct error error;
    char reason[256];

    (void)state;
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        struct cluster cluster = make(properties[i]);
        cleanup_free char *before = text_of(&cluster);
        assert_false(cluster_unmark_deleting(&cluster));
        expect_success(cluster_mark_deleting(&cluster, &error), &error);
        assert_true(cluster_is_busy(&cluster, MARK, reason));
        assert_true(cluster_is_deleting(cluster_document(&cluster)));
        assert_true(cluster_unmark_deleting(&cluster));
        cleanup_free char *after = text_of(&cluster);
        assert_string_equal(after, before);
        expect_success(cluster_mark_deleting(&cluster, &error), &error);
        cluster_forget_removal(cluster.document);
        assert_false(cluster_unmark_deleting(&cluster));
        cluster_free(&cluster);
    }
}

static void a_cluster_that_somebody_else_changes_is_busy(void **state)
{
    static const struct {
        const char *properties;
        const char *mark;
        bool busy;
    } cases[] = {
        {"{}", MARK, false},
        {"{\"provisioningState\":\"Succeeded\"}", MARK, false},
        {"{\"provisioningState\":\"Failed\"}", "", false},
        {"{\"provisioningState\":\"Updating\"}", MARK, true},
        {"{\"provisioningState\":\"Updating\"}", "", true},
        {"{\"provisioningState\":\"succeeded\"}", MARK, true},
        {"{\"provisioningState\":\"AdminUpdating\"}", MARK, true}, /* no lease: not ours */
        {"{\"provisioningState\":\"AdminUpdating\"}", "", true},
    };
    char reason[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cluster cluster = make(cases[i].properties);

        assert_int_equal(cluster_is_busy(&cluster, cases[i].mark, reason), cases[i].busy);
        cluster_free(&cluster);
    }
    struct cluster cluster = make("{\"provisioningState\":\"Updating\"}");
    assert_true(cluster_is_busy(&cluster, MARK, reason));
    assert_string_equal(
        reason, "cluster is busy: provisioningState is Updating; waiting for Succeeded or Failed");
    cluster_free(&cluster);
    cluster = make("{\"provisioningState\":\"Succeeded\"}");
    take(&cluster, MARK, NOW);
    assert_false(cluster_is_busy(&cluster, MARK, reason)); /* the mark came with a lease */
    cluster_free(&cluster);
}

static void a_view_shows_everything_but_secrets(void **state)
{
    cleanup_json struct json_object *properties = json_of_text(
        "{\"provisioningState\":\"Succeeded\",\"adminKubeconfig\":\"x\","
        "\"kubeadminPassword\":\"x\",\"sshKey\":\"x\","
        "\"clusterProfile\":{\"domain\":\"d\",\"pullSecret\":\"x\","
        "\"boundServiceAccountSigningKey\":\"x\"},"
        "\"servicePrincipalProfile\":{\"clientId\":\"c\",\"clientSecret\":\"x\"},"
        "\"registryProfiles\":[{\"name\":\"n\",\"password\":\"x\",\"issueDate\":\"i\"}],"
        "\"operatorFlags\":{\"aro.pullsecret.enabled\":\"true\"}}");
    struct cluster cluster;
    struct error error;

    (void)state;
    expect_success(cluster_create(&cluster, RESOURCE, properties, "c2VhbGVk", &error), &error);
    take(&cluster, MARK, NOW);
    cleanup_json struct json_object *view = cluster_view(&cluster);
    cleanup_json struct json_object *expected = document_pack(
        "{s:s, s:s, s:s, s:i, s:s, s:s, s:i, s:{s:s, s:{s:s}, s:{s:s}, s:[{s:s, s:s}], s:{s:s}, "
        "s:s}}",
        "id", RESOURCE, "name", "My-Cluster", "uuid", cluster.id, "bucket", bucket_of(KEY),
        "leaseOwner", OWNER, "leaseManifest", MANIFEST, "leaseExpiry", NOW + LEASE, "properties",
        "provisioningState", MARK, "clusterProfile", "domain", "d", "servicePrincipalProfile",
        "clientId", "c", "registryProfiles", "name", "n", "issueDate", "i", "operatorFlags",
        "aro.pullsecret.enabled", "true", "lastProvisioningState", "Succeeded");
    assert_non_null(expected);
    if (!document_equal(view, expected))
        fail_msg("%s", document_format(view));
    /* the document itself keeps them */
    assert_non_null(
        document_get(cluster.document, "openShiftCluster.properties.clusterProfile.pullSecret"));
    cluster_free(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_cluster_has_all_its_members),
        cmocka_unit_test(what_is_no_cluster_is_not_made),
        cmocka_unit_test(the_largest_kubeconfig_fits_when_it_is_sealed),
        cmocka_unit_test(a_stored_cluster_is_read_strictly),
        cmocka_unit_test(unknown_members_are_kept),
        cmocka_unit_test(a_lease_marks_the_cluster_and_is_put_back),
        cmocka_unit_test(a_lease_begins_without_marks_of_another),
        cmocka_unit_test(an_empty_mark_leaves_the_state_alone),
        cmocka_unit_test(a_lease_excludes_everybody_until_it_is_over),
        cmocka_unit_test(a_lease_that_ran_out_is_taken_over_with_what_was_before_it),
        cmocka_unit_test(only_its_holder_gives_a_lease_back),
        cmocka_unit_test(a_state_that_somebody_else_set_meanwhile_stays),
        cmocka_unit_test(a_removal_is_marked_and_taken_back),
        cmocka_unit_test(a_mark_of_an_older_configuration_is_taken_off),
        cmocka_unit_test(a_cluster_that_somebody_else_changes_is_busy),
        cmocka_unit_test(a_view_shows_everything_but_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
