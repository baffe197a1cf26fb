/* SPDX-License-Identifier: Apache-2.0 */
/* test_resource_id.c - only the resource ID of a cluster is one, in any case. */
#include "expect.h"
#include "mimo/resource_id.h"
#include "mimo/uuid.h"

#define SUB  "60bf318d-6914-4105-a3b5-d0d2c10388c8"
#define REST "/providers/Microsoft.RedHatOpenShift/openShiftClusters/"
#define GOOD "/subscriptions/" SUB "/resourceGroups/My-RG_1.(x)" REST "my-Cluster"

static void an_id_is_lower_cased(void **state)
{
    char id[RESOURCE_ID_SIZE], again[RESOURCE_ID_SIZE];
    struct error error;

    (void)state;
    expect_success(resource_id_normalize(GOOD, id, &error), &error);
    assert_string_equal(id, "/subscriptions/" SUB "/resourcegroups/my-rg_1.(x)/providers/"
                            "microsoft.redhatopenshift/openshiftclusters/my-cluster");
    expect_success(resource_id_normalize(id, again, &error), &error);
    assert_string_equal(id, again);
    expect_success(
        resource_id_normalize("/SUBSCRIPTIONS/60BF318D-6914-4105-A3B5-D0D2C10388C8/RESOURCEGROUPS/"
                              "MY-RG_1.(X)/PROVIDERS/MICROSOFT.REDHATOPENSHIFT/OPENSHIFTCLUSTERS/"
                              "MY-CLUSTER",
                              again, &error),
        &error);
    assert_string_equal(id, again);
    expect_success(resource_id_normalize("/subscriptions/" SUB
                                         "/resourcegroups/ABCDEFGHIJKLMNOPQRSTUVWXYZ/providers/"
                                         "microsoft.redhatopenshift/openshiftclusters/c",
                                         id, &error),
                   &error);
    assert_non_null(strstr(id, "/abcdefghijklmnopqrstuvwxyz/"));
}

static void name_and_subscription_are_taken_out(void **state)
{
    char id[RESOURCE_ID_SIZE], subscription[UUID_SIZE + 1];
    struct error error;

    (void)state;
    expect_success(resource_id_normalize(GOOD, id, &error), &error);
    assert_string_equal(resource_id_name(id), "my-cluster");
    assert_true(resource_id_name(id) > id && resource_id_name(id) < id + sizeof(id));
    assert_string_equal(resource_id_name("plain"), "plain");
    subscription[UUID_SIZE] = '|';
    resource_id_subscription(id, subscription);
    assert_string_equal(subscription, SUB);
    assert_int_equal(subscription[UUID_SIZE], '|');
}

static void what_is_no_id_is_refused_with_the_reason(void **state)
{
    static const char form[] = "the form is /subscriptions/{id}/resourceGroups/{name}/providers/";
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"", form},
        {"my-cluster", form},
        {"subscriptions/" SUB "/resourceGroups/rg" REST "c", form},
        {"//subscriptions/" SUB "/resourceGroups/rg" REST "c", form},
        {"/subscriptions/" SUB "/resourceGroups/rg" REST "c/", form},
        {"/subscriptions/" SUB "/resourceGroups/rg" REST "c/x", form},
        {"/subscriptions/" SUB
         "/resourceGroups/rg/providers/Microsoft.RedHatOpenShift/openShiftClusters",
         form},
        {"/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute/openShiftClusters/c",
         form},
        {"/subscription/" SUB "/resourceGroups/rg" REST "c", form},
        {"/subscriptions/" SUB "/resourceGroup/rg" REST "c", form},
        {"/subscriptions/" SUB, form},
        {"/", form},
        {"/subscriptions/x/resourceGroups/rg" REST "c", "the subscription is not a UUID"},
        {"/subscriptions//resourceGroups/rg" REST "c", "the subscription is not a UUID"},
        {"/subscriptions/" SUB "/resourceGroups/" REST "c",
         "the resource group's name is not valid"},
        {"/subscriptions/" SUB "/resourceGroups/a b" REST "c",
         "the resource group's name is not valid"},
        {"/subscriptions/" SUB "/resourceGroups/rg." REST "c",
         "the resource group's name is not valid"},
        {"/subscriptions/" SUB "/resourceGroups/rg" REST, "the cluster's name is not valid"},
        {"/subscriptions/" SUB "/resourceGroups/rg" REST "c\xc3\xa9",
         "the cluster's name is not valid"},
        {"/subscriptions/" SUB "/resourceGroups/rg" REST "c\n",
         "c\\x0a\" is not the resource ID of a cluster"},
        {"/subscriptions/" SUB "/resourceGroups/rg" REST "..", "the cluster's name is not valid"},
        {"/subscriptions/" SUB "/resourceGroups/rg" REST "c%20", "the cluster's name is not valid"},
    };
    char id[RESOURCE_ID_SIZE] = "untouched";
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_failure(resource_id_normalize(cases[i].text, id, &error), &error, ERROR_INVALID,
                       cases[i].part);
    assert_string_equal(id, "untouched");
}

static void names_have_their_longest(void **state)
{
    char name[RESOURCE_NAME_SIZE + 1], text[1000], id[RESOURCE_ID_SIZE];
    struct error error;

    (void)state;
    memset(name, 'n', sizeof(name));
    name[RESOURCE_NAME_SIZE - 1] = '\0'; /* 90 characters */
    snprintf(text, sizeof(text), "/subscriptions/" SUB "/resourceGroups/%s" REST "%s", name, name);
    expect_success(resource_id_normalize(text, id, &error), &error);
    name[RESOURCE_NAME_SIZE - 1] = 'n';
    name[RESOURCE_NAME_SIZE] = '\0';
    snprintf(text, sizeof(text), "/subscriptions/" SUB "/resourceGroups/rg" REST "%s", name);
    expect_failure(resource_id_normalize(text, id, &error), &error, ERROR_INVALID,
                   "name is not valid");
    snprintf(text, sizeof(text), "%0500d", 0);
    expect_failure(resource_id_normalize(text, id, &error), &error, ERROR_INVALID,
                   "it is too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_lower_cased),
        cmocka_unit_test(name_and_subscription_are_taken_out),
        cmocka_unit_test(what_is_no_id_is_refused_with_the_reason),
        cmocka_unit_test(names_have_their_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
