/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctl_resolve.c - short names pick the one thing they mean, and say so when there are several.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/client/resolve.h"
#include "mimo/document.h"

static struct json_object *fleet(void)
{
    struct json_object *items = document_pack(
        "[{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "id", "/subscriptions/1/x/Alpha", "name", "Alpha", "id",
        "/subscriptions/2/x/beta", "name", "beta", "id", "/subscriptions/3/x/beta", "name", "beta");
    assert_non_null(items);
    return items;
}

static void unique_name_is_found_in_any_case(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = fleet();
    struct error error;
    const struct json_object *found = resolve_pick("cluster", items, "name", "alpha", true, &error);
    assert_non_null(found);
    assert_string_equal(document_string(found, "id", ""), "/subscriptions/1/x/Alpha");
}

static void name_of_two_clusters_lists_both_ids(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = fleet();
    struct error error;
    assert_null(resolve_pick("cluster", items, "name", "beta", true, &error));
    assert_int_equal(error.kind, ERROR_CONFLICT);
    assert_non_null(strstr(error.message, "/subscriptions/2/x/beta, /subscriptions/3/x/beta"));
    assert_non_null(strstr(error.message, "give the full resource ID"));
}

static void beginning_of_a_name_is_no_name(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = fleet();
    struct error error;
    assert_null(resolve_pick("cluster", items, "name", "alph", true, &error));
    assert_int_equal(error.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "mimoctl cluster list"));
}

static void beginning_of_an_id_is_enough_when_it_is_unique(void **state)
{
    (void)state;
    cleanup_json struct json_object *items = json_object_new_array();
    struct error error;
    for (int i = 0; i < 7; i++) {
        char id[64];
        snprintf(id, sizeof(id), "2b65ac7%d-cbf5-4fdc-829d-a737e646d492", i);
        document_append(items, document_pack("{s:s}", "id", id));
    }
    const struct json_object *found =
        resolve_pick("manifest", items, "id", "2B65AC73", false, &error);
    assert_non_null(found);
    assert_string_equal(document_string(found, "id", ""), "2b65ac73-cbf5-4fdc-829d-a737e646d492");

    assert_null(resolve_pick("manifest", items, "id", "2b65", false, &error));
    assert_int_equal(error.kind, ERROR_CONFLICT);
    assert_non_null(strstr(error.message, "2b65ac70-"));
    assert_non_null(strstr(error.message, "and 3 more; give more of the ID"));

    assert_null(resolve_pick("manifest", items, "id", "ffff", false, &error));
    assert_int_equal(error.kind, ERROR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unique_name_is_found_in_any_case),
        cmocka_unit_test(name_of_two_clusters_lists_both_ids),
        cmocka_unit_test(beginning_of_a_name_is_no_name),
        cmocka_unit_test(beginning_of_an_id_is_enough_when_it_is_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
