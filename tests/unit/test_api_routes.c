/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_routes.c - which row of the table a method and a path find, and what is answered when
 * none fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/endpoints/handlers.h"
#include "api/endpoints/openapi_schemas.h"
#include "api/http/routes.h"
#include "mimo/document.h"
#include "mimo/io.h"

#define SUBSCRIPTION "60bf318d-6914-4105-a3b5-d0d2c10388c8"
#define CLUSTER                                                                                    \
    "/subscriptions/" SUBSCRIPTION                                                                 \
    "/resourceGroups/My-RG/providers/Microsoft.RedHatOpenShift/openShiftClusters/One"
#define CLUSTER_LOWER                                                                              \
    "/subscriptions/" SUBSCRIPTION                                                                 \
    "/resourcegroups/my-rg/providers/microsoft.redhatopenshift/openshiftclusters/one"

struct found {
    int result;
    struct request request;
    struct answer answer;
};

static struct found find(const char *method, const char *target)
{
    struct found found = {.result = 0};
    found.request.target = strdup(target);
    found.result = route_find(method, &found.request, &found.answer);
    return found;
}

static void release(struct found *found)
{
    request_free(&found->request);
    answer_free(&found->answer);
}

static void check_handler(const char *method, const char *target, handler_f *expected)
{
    struct found found = find(method, target);
    print_message("%s %s\n", method, target);
    assert_int_equal(found.result, 0);
    assert_ptr_equal(found.request.route->handle, expected);
    release(&found);
}

static void check_refused(const char *method, const char *target, int status, const char *code)
{
    struct found found = find(method, target);
    print_message("%s %s\n", method, target);
    assert_int_equal(found.result, -1);
    assert_int_equal(found.answer.status, status);
    assert_string_equal(document_string(found.answer.body, "error.code", ""), code);
    release(&found);
}

static void every_endpoint_is_found(void **state)
{
    (void)state;
    check_handler("GET", "/admin" CLUSTER "/maintenanceManifests?limit=3", manifests_of_cluster);
    check_handler("PUT", "/admin" CLUSTER "/maintenanceManifests", manifest_put);
    check_handler("GET", "/admin" CLUSTER "/maintenanceManifests/some-id", manifest_show);
    check_handler("DELETE", "/admin" CLUSTER "/maintenanceManifests/some-id", manifest_delete);
    check_handler("POST", "/admin" CLUSTER "/maintenanceManifests/some-id/cancel",
                  manifest_cancel_request);
    check_handler("POST", "/admin" CLUSTER "/maintenanceManifests/some-id/stop", manifest_stop);
    check_handler("GET", "/admin/maintenanceManifests", manifests_of_fleet);
    check_handler("DELETE", "/admin/maintenanceManifests?state=Failed", manifests_delete);
    check_handler("POST", "/admin/maintenanceManifests/cancel", manifests_cancel);
    check_handler("GET", "/admin/maintenanceManifests/queued", manifests_queued);
    check_handler("GET", "/admin/maintenanceManifests/summary", manifests_summary);
    check_handler("GET", "/admin/maintenanceManifests/some-id", manifest_find);
    check_handler("DELETE", "/admin/maintenanceManifests/some-id", manifest_delete);
    check_handler("POST", "/admin/maintenanceManifests/some-id/cancel", manifest_cancel_request);
    check_handler("POST", "/admin/maintenanceManifests/some-id/stop", manifest_stop);
    check_handler("GET", "/admin/clusters", clusters_list);
    check_handler("GET", "/admin" CLUSTER, cluster_show);
    check_handler("PUT", "/admin" CLUSTER, cluster_put);
    check_handler("DELETE", "/admin" CLUSTER, cluster_delete);
    check_handler("GET", "/admin/tasks", tasks_list);
    check_handler("GET", "/admin/actuators", actuators_list);
    check_handler("GET", "/admin/audit?since=5", audit_list);
    check_handler("GET", "/healthz/live", health_live);
    check_handler("HEAD", "/healthz/ready", health_ready);
    check_handler("GET", "/openapi.json", openapi_show);
}

static void paths_are_compared_without_case(void **state)
{
    (void)state;
    check_handler("GET", "/ADMIN/MaintenanceManifests/QUEUED", manifests_queued);
    struct found found = find("GET", "/admin" CLUSTER "/maintenancemanifests/2B65AC7B");
    assert_int_equal(found.result, 0);
    assert_string_equal(found.request.cluster, CLUSTER_LOWER);
    assert_string_equal(found.request.resource_id, CLUSTER);
    assert_string_equal(found.request.id, "2b65ac7b");
    release(&found);
}

static void what_is_no_endpoint_is_not_found(void **state)
{
    (void)state;
    static const char *const missing[] = {
        "/",
        "/admin",
        "/admin/",
        "/admin/tasks/",
        "//admin/tasks",
        "/admin//tasks",
        "/admin/tasks;x=1",
        "/%61dmin/tasks",
        "/admin%2ftasks",
        "/healthz",
        "/admin/maintenanceManifests/",
        "/admin" CLUSTER "/maintenanceManifests/id/cancel/more",
        "/admin" CLUSTER "/other",
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s",
        "/admin/subscriptions/" SUBSCRIPTION "/resourceGroups/rg",
    };
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
        check_refused("GET", missing[i], 404, "NotFound");
}

static void another_method_gets_the_list_of_those_allowed(void **state)
{
    (void)state;
    struct found found = find("POST", "/admin" CLUSTER "/maintenanceManifests");
    assert_int_equal(found.answer.status, 405);
    assert_string_equal(found.answer.allow, "GET, HEAD, PUT");
    release(&found);
    found = find("PATCH", "/admin" CLUSTER);
    assert_int_equal(found.answer.status, 405);
    assert_string_equal(found.answer.allow, "GET, HEAD, PUT, DELETE");
    release(&found);
    found = find("GET", "/admin/maintenanceManifests/Cancel"); /* no {id} */
    assert_int_equal(found.answer.status, 405);
    assert_string_equal(found.answer.allow, "POST");
    release(&found);
    check_refused("OPTIONS", "*", 405, "MethodNotAllowed");
    check_refused("TRACE", "/admin/tasks", 405, "MethodNotAllowed");
    check_refused("PATCH", "/nowhere", 404, "NotFound");
    check_refused("get", "/admin/tasks", 501, "NotImplemented");
    check_refused("FOO", "/admin/tasks", 501, "NotImplemented");
}

static void what_begins_like_a_resource_id_has_to_be_one(void **state)
{
    (void)state;
    check_refused("GET",
                  "/admin/subscriptions/nobody/resourceGroups/rg/providers/"
                  "Microsoft.RedHatOpenShift/openShiftClusters/one",
                  400, "InvalidResourceID");
    check_refused("PUT",
                  "/admin/subscriptions/" SUBSCRIPTION
                  "/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/one",
                  400, "InvalidResourceID");
    check_refused("GET",
                  "/admin/subscriptions/" SUBSCRIPTION
                  "/resourceGroups/r%2fg/providers/Microsoft.RedHatOpenShift/openShiftClusters/one",
                  400, "InvalidResourceID");
}

static void parentheses_of_a_group_may_come_escaped(void **state)
{
    (void)state;
    struct found found =
        find("GET", "/admin/subscriptions/" SUBSCRIPTION "/resourceGroups/r%28g%29/providers/"
                    "Microsoft.RedHatOpenShift/openShiftClusters/one");
    assert_int_equal(found.result, 0);
    assert_non_null(strstr(found.request.cluster, "/resourcegroups/r(g)/"));
    release(&found);
}

static void an_endless_id_is_not_found(void **state)
{
    (void)state;
    char target[1024];
    snprintf(target, sizeof(target), "/admin/maintenanceManifests/%0*d", 500, 0);
    check_refused("GET", target, 404, "NotFound");
}

/* Who changes something must be at least an operator, and must leave a name in the audit trail. */
static void rows_that_change_something_have_a_role_and_an_action(void **state)
{
    (void)state;
    const struct route *route;
    for (size_t i = 0; (route = route_at(i)); i++) {
        print_message("%s\n", route->pattern);
        if (route->method == HTTP_GET) {
            assert_null(route->action);
            assert_int_equal(route->body, BODY_NONE);
        } else {
            assert_true(route->role >= ROLE_OPERATOR);
            assert_non_null(route->action);
        }
        if (strncmp(route->pattern, "/admin", 6) == 0) {
            assert_true(route->role >= ROLE_READER);
            assert_true(route->query & QUERY_BIT(QUERY_API_VERSION));
        }
    }
}

/* /openapi.json refers to them. */
static void every_body_and_answer_has_a_schema(void **state)
{
    (void)state;
    cleanup_json struct json_object *schemas = openapi_schemas();
    const struct route *route;
    assert_non_null(schemas);
    for (size_t i = 0; (route = route_at(i)); i++) {
        const char *const names[] = {route->takes, route->view};
        for (size_t j = 0; j < 2; j++)
            if (names[j] && !document_member(schemas, names[j]))
                fail_msg("openapi_schemas.c has no \"%s\", which %s names", names[j],
                         route->pattern);
    }
}

static const char *const method_names[HTTP_METHOD_COUNT] = {
    [HTTP_GET] = "GET", [HTTP_PUT] = "PUT", [HTTP_POST] = "POST", [HTTP_DELETE] = "DELETE"};

/* docs/admin-api.md has a row for each endpoint, with its role, and names each error and parameter.
 */
static void the_page_of_the_api_tells_the_same(void **state)
{
    (void)state;
    char path[4096], row[256], role[32];
    struct error error;
    char *page;
    const struct route *route;
    const char *source = getenv("MIMO_SOURCE");
    assert_non_null(source);
    snprintf(path, sizeof(path), "%s/docs/admin-api.md", source);
    assert_int_equal(io_read_file(path, 1024 * 1024, &page, NULL, &error), 0);
    for (size_t i = 0; (route = route_at(i)); i++) {
        snprintf(row, sizeof(row), "\n| `%s %s` ", method_names[route->method], route->pattern);
        snprintf(role, sizeof(role), "| %s |",
                 route->role == ROLE_NONE ? "none" : role_name(route->role));
        char *line = strstr(page, row);
        if (!line)
            fail_msg("docs/admin-api.md has no row%s", row);
        assert_int_equal(strncmp(strchr(line + 3, '|'), role, strlen(role)), 0);
    }
    for (int i = 0; i < QUERY_COUNT; i++) {
        snprintf(row, sizeof(row), "`%s`", query_parameter_name((enum query_parameter)i));
        assert_non_null(strstr(page, row));
    }
#define CHECK_ERROR(constant, status, code)                                                        \
    assert_non_null(strstr(page, "| " #status " | `" code "` |"));
    API_ERRORS(CHECK_ERROR)
#undef CHECK_ERROR
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_endpoint_is_found),
        cmocka_unit_test(paths_are_compared_without_case),
        cmocka_unit_test(what_is_no_endpoint_is_not_found),
        cmocka_unit_test(another_method_gets_the_list_of_those_allowed),
        cmocka_unit_test(what_begins_like_a_resource_id_has_to_be_one),
        cmocka_unit_test(parentheses_of_a_group_may_come_escaped),
        cmocka_unit_test(an_endless_id_is_not_found),
        cmocka_unit_test(rows_that_change_something_have_a_role_and_an_action),
        cmocka_unit_test(every_body_and_answer_has_a_schema),
        cmocka_unit_test(the_page_of_the_api_tells_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
