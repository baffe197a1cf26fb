/* SPDX-License-Identifier: Apache-2.0 */
/* /openapi.json: the table of endpoints as a document for tools. Source: OpenAPI
 * Specification 3.0.3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/routes.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

/* What {R} stands for. */
#define RESOURCE_PATTERN                                                                           \
    "subscriptions/{subscription}/resourceGroups/{resourceGroup}/providers/"                       \
    "Microsoft.RedHatOpenShift/openShiftClusters/{cluster}"

static const char *const method_names[HTTP_METHOD_COUNT] = {
    [HTTP_GET] = "get", [HTTP_PUT] = "put", [HTTP_POST] = "post", [HTTP_DELETE] = "delete"};

/* The pattern with {R} written out; the caller frees. */
static char *full_path(const char *pattern)
{
    char *path = NULL;
    const char *resource = strstr(pattern, "{R}");
    int before = resource ? (int)(resource - pattern) : (int)strlen(pattern);
    if (asprintf(&path, "%.*s%s%s", before, pattern, resource ? RESOURCE_PATTERN : "",
                 resource ? resource + strlen("{R}") : "") < 0)
        return NULL;
    return path;
}

static int add_parameter(json_t *list, const char *name, const char *place, bool required,
                         const char *help)
{
    return json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:{s:s}, s:s*}", "name", name,
                                                 "in", place, "required", required, "schema",
                                                 "type", "string", "description", help));
}

/* One for each "{name}" of the path. */
static int add_path_parameters(json_t *list, const char *path)
{
    for (const char *open = path; (open = strchr(open, '{')); open++) {
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(open + 1, "}"), open + 1);
        if (add_parameter(list, name, "path", true, NULL) < 0)
            return -1;
    }
    return 0;
}

static json_t *make_parameters(const struct route *route, const char *path)
{
    json_t *list = json_array();
    int result = add_path_parameters(list, path);
    for (int i = 0; result == 0 && i < QUERY_COUNT; i++) {
        enum query_parameter parameter = (enum query_parameter)i;
        if (route->query & QUERY_BIT(i))
            result = add_parameter(list, query_parameter_name(parameter), "query",
                                   parameter == QUERY_API_VERSION, query_parameter_help(parameter));
    }
    if (result < 0) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *make_operation(const struct route *route, const char *path)
{
    json_t *body =
        route->body == BODY_NONE
            ? NULL
            : json_pack("{s:b, s:{s:{s:{s:s}}}}", "required", route->body == BODY_REQUIRED,
                        "content", "application/json", "schema", "type", "object");
    json_t *security = route->role == ROLE_NONE ? json_array() : json_pack("[{s:[]}]", "token");
    return json_pack("{s:s, s:o, s:o*, s:o, s:{s:{s:s}, s:{s:s, s:{s:{s:{s:s}}}}}, s:s}", "summary",
                     route->help, "parameters", make_parameters(route, path), "requestBody", body,
                     "security", security, "responses", "2XX", "description", "done", "default",
                     "description", "an error", "content", "application/json", "schema", "$ref",
                     "#/components/schemas/error", "x-role", role_name(route->role));
}

/* {path: {method: operation}} of all rows. NULL without memory. */
static json_t *make_paths(void)
{
    cleanup_json json_t *paths = json_object();
    const struct route *route;
    for (size_t i = 0; (route = route_at(i)); i++) {
        cleanup_free char *path = full_path(route->pattern);
        if (!path)
            return NULL;
        json_t *item = json_object_get(paths, path);
        if (!item) {
            item = json_object();
            if (json_object_set_new(paths, path, item) < 0)
                return NULL;
        }
        if (json_object_set_new(item, method_names[route->method], make_operation(route, path)) < 0)
            return NULL;
    }
    return json_incref(paths);
}

void openapi_show(struct api *api, struct request *request, struct answer *answer)
{
    (void)api;
    (void)request;
    json_t *error = json_pack("{s:s, s:{s:{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}}}}}", "type", "object",
                              "properties", "error", "type", "object", "properties", "code", "type",
                              "string", "message", "type", "string", "target", "type", "string");
    answer_set_view(answer, 200,
                    json_pack("{s:s, s:{s:s, s:s}, s:o, s:{s:{s:o}, s:{s:{s:s, s:s}}}}", "openapi",
                              "3.0.3", "info", "title", "MIMO Admin API", "version",
                              PACKAGE_VERSION, "paths", make_paths(), "components", "schemas",
                              "error", error, "securitySchemes", "token", "type", "http", "scheme",
                              "bearer"));
}
