/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi.c - /openapi.json: the table of endpoints as a document for tools. Source: OpenAPI
 * Specification 3.1.0.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/endpoints/handlers.h"
#include "api/endpoints/openapi_schemas.h"
#include "api/http/routes.h"
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

/* Steals `schema`. */
static int add_parameter(struct json_object *list, const char *name, const char *place,
                         bool required, struct json_object *schema, const char *help)
{
    return document_append(list, document_pack("{s:s, s:s, s:b, s:o, s:s*}", "name", name, "in",
                                               place, "required", (int)required, "schema", schema,
                                               "description", help));
}

static struct json_object *text_schema(void)
{
    return document_pack("{s:s}", "type", "string");
}

/* One for each "{name}" of the path. */
static int add_path_parameters(struct json_object *list, const char *path)
{
    for (const char *open = path; (open = strchr(open, '{')); open++) {
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(open + 1, "}"), open + 1);
        if (add_parameter(list, name, "path", true, text_schema(), NULL) < 0)
            return -1;
    }
    return 0;
}

static struct json_object *schema_of_parameter(enum query_parameter parameter)
{
    switch ((int)parameter) {
    case QUERY_API_VERSION:
        return document_pack("{s:s, s:[s]}", "type", "string", "enum", "admin");
    case QUERY_LIMIT:
        return document_pack("{s:s, s:i, s:i, s:i}", "type", "integer", "minimum", 1, "maximum",
                             STORE_PAGE_MAXIMUM, "default", REQUEST_PAGE_DEFAULT);
    case QUERY_FORCE:
        return document_pack("{s:s, s:b}", "type", "boolean", "default", 0);
    case QUERY_IF_OPEN:
        return document_pack("{s:s, s:[s, s]}", "type", "string", "enum", "skip", "fail");
    default:
        return text_schema();
    }
}

/* The filter of a bulk operation is required, because without it all manifests would be
 * selected. */
static bool is_required(const struct route *route, enum query_parameter parameter)
{
    return parameter == QUERY_API_VERSION || parameter == QUERY_SCHEDULE_ID ||
           (parameter == QUERY_STATE && route->method == HTTP_DELETE);
}

static int add_query_parameters(struct json_object *list, const struct route *route)
{
    for (int i = 0; i < QUERY_COUNT; i++) {
        enum query_parameter parameter = (enum query_parameter)i;
        if (!(route->query & QUERY_BIT(i)))
            continue;
        if (add_parameter(list, query_parameter_name(parameter), "query",
                          is_required(route, parameter), schema_of_parameter(parameter),
                          query_parameter_help(parameter)) < 0)
            return -1;
    }
    return 0;
}

static int add_header_parameters(struct json_object *list, const struct route *route)
{
    if (add_parameter(list, "x-ms-client-request-id", "header", false, text_schema(),
                      "echoed in the answer if it is at most 128 printable characters") < 0)
        return -1;
    if (!route_only_reads(route) &&
        add_parameter(list, "x-mimo-icm", "header", false, text_schema(),
                      "ticket of the change; kept in the audit trail") < 0)
        return -1;
    if (!route->keyed)
        return 0;
    return add_parameter(list, "Idempotency-Key", "header", false, text_schema(),
                         "chosen by the caller; a request repeated with the same key within 24 "
                         "hours gets the first answer");
}

static struct json_object *make_parameters(const struct route *route, const char *path)
{
    struct json_object *list = json_object_new_array();
    if (add_path_parameters(list, path) == 0 && add_query_parameters(list, route) == 0 &&
        add_header_parameters(list, route) == 0)
        return list;
    json_object_put(list);
    return NULL;
}

/* {"application/json": {"schema": ...}} */
static struct json_object *make_content(const char *schema)
{
    return document_pack("{s:{s:{s:o}}}", "application/json", "schema", "$ref",
                         document_new_string_format("#/components/schemas/%s", schema));
}

/* Header fields of answers that a caller may want to look at. */
enum answer_field {
    FIELD_REQUEST_ID,
    FIELD_REPLAYED,
    FIELD_RETRY_AFTER,
    FIELD_CHALLENGE,
    FIELD_COUNT
};

static const struct {
    const char *name;
    const char *help;
} answer_fields[FIELD_COUNT] = {
    [FIELD_REQUEST_ID] = {"x-ms-request-id",
                          "UUID of the request, in the log and in the audit trail as well"},
    [FIELD_REPLAYED] = {"Idempotent-Replayed",
                        "true: the answer to an earlier request with the same Idempotency-Key"},
    [FIELD_RETRY_AFTER] = {"Retry-After", "seconds after which to try again"},
    [FIELD_CHALLENGE] = {"WWW-Authenticate", "how to log in, and what was wrong"},
};

/* {name: what it is} of all of them. */
static struct json_object *make_fields(void)
{
    struct json_object *fields = json_object_new_object();
    for (int i = 0; i < FIELD_COUNT; i++)
        if (document_add(fields, answer_fields[i].name,
                         document_pack("{s:s, s:o}", "description", answer_fields[i].help, "schema",
                                       text_schema())) < 0) {
            json_object_put(fields);
            return NULL;
        }
    return fields;
}

static int add_field(struct json_object *headers, enum answer_field field)
{
    const char *name = answer_fields[field].name;
    return document_add(headers, name,
                        document_pack("{s:o}", "$ref",
                                      document_new_string_format("#/components/headers/%s", name)));
}

/* Those of an answer with this status. */
static struct json_object *make_headers(const struct route *route, int status)
{
    struct json_object *headers = json_object_new_object();
    if (add_field(headers, FIELD_REQUEST_ID) == 0 &&
        (status >= 300 || !route->keyed || add_field(headers, FIELD_REPLAYED) == 0) &&
        (!(status == 503 || (status == 409 && route->keyed)) ||
         add_field(headers, FIELD_RETRY_AFTER) == 0) &&
        (status != 401 || add_field(headers, FIELD_CHALLENGE) == 0))
        return headers;
    json_object_put(headers);
    return NULL;
}

static int add_success(struct json_object *responses, const struct route *route, int status)
{
    char key[8];
    snprintf(key, sizeof(key), "%d", status);
    struct json_object *content = status == 204 ? NULL : make_content(route->view);
    return document_add(responses, key,
                        document_pack("{s:s, s:o, s:o*}", "description", "done", "headers",
                                      make_headers(route, status), "content", content));
}

/* Errors of one status stand together; x-error-codes are their codes. */
static int add_error(struct json_object *responses, const struct route *route, enum api_error error)
{
    char key[8];
    snprintf(key, sizeof(key), "%d", api_error_status(error));
    struct json_object *response = document_member(responses, key);
    if (!response) {
        response = document_pack("{s:s, s:o, s:o, s:[]}", "description",
                                 "refused; `code` gives the reason", "headers",
                                 make_headers(route, api_error_status(error)), "content",
                                 make_content("error"), "x-error-codes");
        if (document_add(responses, key, response) < 0)
            return -1;
    }
    return document_append(document_member(response, "x-error-codes"),
                           document_new_string(api_error_code(error)));
}

static struct json_object *make_responses(const struct route *route)
{
    struct json_object *responses = json_object_new_object();
    unsigned errors = route_errors(route);
    int result = 0;
    for (size_t i = 0; result == 0 && i < ROUTE_SUCCESSES && route->successes[i]; i++)
        result = add_success(responses, route, route->successes[i]);
    for (int i = 0; result == 0 && i < API_ERROR_COUNT; i++)
        if (errors & API_ERROR_BIT(i))
            result = add_error(responses, route, (enum api_error)i);
    if (result == 0)
        return responses;
    json_object_put(responses);
    return NULL;
}

static struct json_object *make_body(const struct route *route)
{
    if (route->body == BODY_NONE)
        return NULL;
    if (route->body == BODY_REQUIRED)
        return document_pack("{s:b, s:o}", "required", 1, "content", make_content(route->takes));
    return document_pack("{s:b, s:{s:{s:{s:s, s:{s:{s:s}}}}}}", "required", 0, "content",
                         "application/json", "schema", "type", "object", "properties", "icm",
                         "$ref", "#/components/schemas/icm");
}

/* Tags, by a part of the pattern; the first that fits. */
static const struct {
    const char *part;
    const char *name;
    const char *help;
} tags[] = {
    {"maintenanceManifests", "manifests", "Requests for maintenance."},
    {"{R}", "clusters", "The inventory of clusters."},
    {"clusters", "clusters", NULL},
    {"tasks", "tasks", "Tasks that manifests can request."},
    {"actuators", "actuators", "The actuators, which run manifests."},
    {"audit", "audit", "The audit trail."},
    {"/", "server", "The server itself."},
};
enum { TAG_COUNT = sizeof(tags) / sizeof(tags[0]) };

static const char *tag_of(const struct route *route)
{
    for (size_t i = 0; i + 1 < TAG_COUNT; i++)
        if (strstr(route->pattern, tags[i].part))
            return tags[i].name;
    return tags[TAG_COUNT - 1].name;
}

static struct json_object *make_tags(void)
{
    cleanup_json struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < TAG_COUNT; i++)
        if (tags[i].help && document_append(list, document_pack("{s:s, s:s}", "name", tags[i].name,
                                                                "description", tags[i].help)) < 0)
            return NULL;
    return json_object_get(list);
}

/* A name for generated code, from method and path: "getClusterMaintenanceManifestsById". */
static struct json_object *make_operation_id(const struct route *route)
{
    static const char skipped[] = "/admin";
    char name[128];
    size_t used = (size_t)snprintf(name, sizeof(name), "%s", method_names[route->method]);
    const char *at = route->pattern;
    if (strncmp(at, skipped, strlen(skipped)) == 0)
        at += strlen(skipped);
    while (*at && used + 1 < sizeof(name)) {
        size_t length = strcspn(at + 1, "/.");
        const char *word = at + 1;
        if (strncmp(word, "{R}", length) == 0)
            word = "cluster";
        else if (strncmp(word, "{id}", length) == 0)
            word = "byId";
        size_t word_length = word == at + 1 ? length : strlen(word);
        used += (size_t)snprintf(name + used, sizeof(name) - used, "%c%.*s",
                                 toupper((unsigned char)*word), (int)word_length - 1, word + 1);
        at += 1 + length;
    }
    return document_new_string(name);
}

static struct json_object *make_operation(const struct route *route, const char *path)
{
    struct json_object *security = route->role == ROLE_NONE
                                       ? json_object_new_array()
                                       : document_pack("[{s:[]}, {s:[]}]", "token", "certificate");
    return document_pack(
        "{s:o, s:s, s:s, s:[s], s:o, s:o*, s:o, s:o, s:s}", "operationId", make_operation_id(route),
        "summary", route->help, "description", route->help, "tags", tag_of(route), "parameters",
        make_parameters(route, path), "requestBody", make_body(route), "security", security,
        "responses", make_responses(route), "x-role", role_name(route->role));
}

/* {path: {method: operation}} of all rows. NULL without memory. */
static struct json_object *make_paths(void)
{
    cleanup_json struct json_object *paths = json_object_new_object();
    const struct route *route;
    for (size_t i = 0; (route = route_at(i)); i++) {
        cleanup_free char *path = full_path(route->pattern);
        if (!path)
            return NULL;
        struct json_object *item = document_member(paths, path);
        if (!item) {
            item = json_object_new_object();
            if (document_add(paths, path, item) < 0)
                return NULL;
        }
        if (document_add(item, method_names[route->method], make_operation(route, path)) < 0)
            return NULL;
    }
    return json_object_get(paths);
}

static struct json_object *make_document(void)
{
    return document_pack("{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s, s:s}], s:o, s:o,"
                         " s:{s:o, s:o, s:{s:{s:s, s:s}, s:{s:s}}}}",
                         "openapi", "3.1.0", "info", "title", "MIMO Admin API", "version",
                         PACKAGE_VERSION, "description",
                         "Paths and names of parameters are compared without case. Every endpoint "
                         "with GET has HEAD.",
                         "license", "name", "Apache License 2.0", "identifier", "Apache-2.0",
                         "servers", "url", "/", "description", "the server that sent this document",
                         "tags", make_tags(), "paths", make_paths(), "components", "schemas",
                         openapi_schemas(), "headers", make_fields(), "securitySchemes", "token",
                         "type", "http", "scheme", "bearer", "certificate", "type", "mutualTLS");
}

/* Made once: the table does not change. NULL without memory: then the next request tries again. */
static const char *shared_document(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char *text;
    pthread_mutex_lock(&lock);
    if (!text) {
        cleanup_json struct json_object *document = make_document();
        text = document ? document_format(document) : NULL;
    }
    pthread_mutex_unlock(&lock);
    return text;
}

void openapi_show(struct api *api, struct request *request, struct answer *answer)
{
    (void)api;
    (void)request;
    const char *text = shared_document();
    if (text)
        answer_set_shared(answer, 200, text);
    else
        answer_no_memory(answer);
}
