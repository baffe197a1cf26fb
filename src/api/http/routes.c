/* SPDX-License-Identifier: Apache-2.0 */
/* routes.c - the endpoints of the Admin API, and the role that each needs. */
#include "api/http/routes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/endpoints/handlers.h"

#define COMMON (QUERY_BIT(QUERY_API_VERSION) | QUERY_BIT(QUERY_ICM))
#define PAGED  (COMMON | QUERY_BIT(QUERY_LIMIT) | QUERY_BIT(QUERY_SKIP_TOKEN))
#define FILTERS                                                                                    \
    (QUERY_BIT(QUERY_STATE) | QUERY_BIT(QUERY_CLUSTER) | QUERY_BIT(QUERY_TASK) |                   \
     QUERY_BIT(QUERY_SCHEDULE) | QUERY_BIT(QUERY_OLDER_THAN))

#define ERROR(error) API_ERROR_BIT(API_##error)
#define CHANGING_A_MANIFEST                                                                        \
    (ERROR(NOT_FOUND) | ERROR(CHANGE_NOT_ALLOWED) | ERROR(CONFLICT) | ERROR(INTERNAL))

/* clang-format off */
static const struct route routes[] = {
    {HTTP_GET, "/admin/{R}/maintenanceManifests", ROLE_READER, BODY_NONE,
     PAGED | QUERY_BIT(QUERY_STATE), manifests_of_cluster, NULL,
     "Manifests of a cluster, oldest first.",
     .view = "manifestPage", .successes = {200}, .errors = ERROR(NOT_FOUND),
     .first = cluster_must_exist},
    {HTTP_PUT, "/admin/{R}/maintenanceManifests", ROLE_OPERATOR, BODY_REQUIRED,
     COMMON | QUERY_BIT(QUERY_IF_OPEN), manifest_put, "manifest.create",
     "Create a manifest; 200 with the open one if ifOpen=skip finds it.", .takes = "manifestRequest",
     .view = "manifest", .successes = {200, 201}, .errors = ERROR(NOT_FOUND) | ERROR(CONFLICT),
     .first = cluster_must_exist, .keyed = true},
    {HTTP_GET, "/admin/{R}/maintenanceManifests/{id}", ROLE_READER, BODY_NONE,
     COMMON, manifest_show, NULL,
     "One manifest.",
     .view = "manifest", .successes = {200}, .errors = ERROR(NOT_FOUND) | ERROR(INTERNAL),
     .first = cluster_must_exist},
    {HTTP_DELETE, "/admin/{R}/maintenanceManifests/{id}", ROLE_OPERATOR, BODY_NONE,
     COMMON | QUERY_BIT(QUERY_FORCE), manifest_delete, "manifest.delete",
     "Delete a manifest; 202 with force=true: its worker is being stopped, repeat the request.",
     .view = "manifest", .successes = {202, 204},
     .errors = ERROR(NOT_FOUND) | ERROR(CONFLICT) | ERROR(INTERNAL), .first = cluster_must_exist},
    {HTTP_POST, "/admin/{R}/maintenanceManifests/{id}/cancel", ROLE_OPERATOR, BODY_OPTIONAL,
     COMMON | QUERY_BIT(QUERY_FORCE), manifest_cancel_request, "manifest.cancel",
     "Cancel a manifest that is Pending, or stuck InProgress.",
     .view = "manifest", .successes = {200}, .errors = CHANGING_A_MANIFEST,
     .first = cluster_must_exist},
    {HTTP_POST, "/admin/{R}/maintenanceManifests/{id}/stop", ROLE_OPERATOR, BODY_OPTIONAL,
     COMMON, manifest_stop, "manifest.stop",
     "Stop the worker of a manifest; one that is InProgress becomes Cancelled.",
     .view = "manifest", .successes = {202}, .errors = CHANGING_A_MANIFEST,
     .first = cluster_must_exist},

    {HTTP_GET, "/admin/maintenanceManifests", ROLE_READER, BODY_NONE,
     PAGED | FILTERS | QUERY_BIT(QUERY_ID_PREFIX), manifests_of_fleet, NULL,
     "Manifests of the whole fleet, filtered.",
     .view = "manifestPage", .successes = {200}},
    {HTTP_DELETE, "/admin/maintenanceManifests", ROLE_ADMIN, BODY_NONE,
     COMMON | QUERY_BIT(QUERY_STATE) | QUERY_BIT(QUERY_CLUSTER) | QUERY_BIT(QUERY_OLDER_THAN),
     manifests_delete,
     "manifests.delete",
     "Delete manifests of the whole fleet that have ended.",
     .view = "deleted", .successes = {200}},
    {HTTP_POST, "/admin/maintenanceManifests/cancel", ROLE_ADMIN, BODY_OPTIONAL,
     COMMON | QUERY_BIT(QUERY_SCHEDULE_ID), manifests_cancel, "manifests.cancel",
     "Cancel the Pending manifests of a schedule.",
     .view = "cancelled", .successes = {200}},
    {HTTP_GET, "/admin/maintenanceManifests/queued", ROLE_READER, BODY_NONE,
     PAGED, manifests_queued, NULL,
     "Pending manifests of the whole fleet.",
     .view = "manifestPage", .successes = {200}},
    {HTTP_GET, "/admin/maintenanceManifests/summary", ROLE_READER, BODY_NONE,
     COMMON, manifests_summary, NULL,
     "Counts of the whole fleet's manifests.",
     .view = "summary", .successes = {200}},
    {HTTP_GET, "/admin/maintenanceManifests/{id}", ROLE_READER, BODY_NONE,
     COMMON, manifest_find, NULL,
     "One manifest, whatever its cluster.",
     .view = "manifest", .successes = {200}, .errors = ERROR(NOT_FOUND) | ERROR(INTERNAL)},
    {HTTP_DELETE, "/admin/maintenanceManifests/{id}", ROLE_OPERATOR, BODY_NONE,
     COMMON | QUERY_BIT(QUERY_FORCE), manifest_delete, "manifest.delete",
     "Delete a manifest, even if its cluster is not in the inventory; 202 with force=true: its worker is being stopped.",
     .view = "manifest", .successes = {202, 204},
     .errors = ERROR(NOT_FOUND) | ERROR(CONFLICT) | ERROR(INTERNAL)},
    {HTTP_POST, "/admin/maintenanceManifests/{id}/cancel", ROLE_OPERATOR, BODY_OPTIONAL,
     COMMON | QUERY_BIT(QUERY_FORCE), manifest_cancel_request, "manifest.cancel",
     "Cancel a manifest, even if its cluster is not in the inventory.",
     .view = "manifest", .successes = {200}, .errors = CHANGING_A_MANIFEST},
    {HTTP_POST, "/admin/maintenanceManifests/{id}/stop", ROLE_OPERATOR, BODY_OPTIONAL,
     COMMON, manifest_stop, "manifest.stop",
     "Stop the worker of a manifest, whatever its cluster.",
     .view = "manifest", .successes = {202}, .errors = CHANGING_A_MANIFEST},

    {HTTP_GET, "/admin/clusters", ROLE_READER, BODY_NONE,
     PAGED | QUERY_BIT(QUERY_NAME), clusters_list, NULL,
     "The inventory of clusters.",
     .view = "clusterPage", .successes = {200}},
    {HTTP_GET, "/admin/{R}", ROLE_READER, BODY_NONE,
     COMMON, cluster_show, NULL,
     "One cluster.",
     .view = "cluster", .successes = {200}, .errors = ERROR(NOT_FOUND) | ERROR(INTERNAL)},
    {HTTP_PUT, "/admin/{R}", ROLE_ADMIN, BODY_REQUIRED,
     COMMON, cluster_put, "cluster.put",
     "Register a cluster, or change its properties or kubeconfig.", .takes = "clusterRequest",
     .view = "cluster", .successes = {200, 201}, .errors = ERROR(CONFLICT) | ERROR(INTERNAL)},
    {HTTP_DELETE, "/admin/{R}", ROLE_ADMIN, BODY_NONE,
     COMMON, cluster_delete, "cluster.delete",
     "Remove a cluster from the inventory.",
     .successes = {204}, .errors = ERROR(NOT_FOUND) | ERROR(CONFLICT) | ERROR(INTERNAL)},

    {HTTP_GET, "/admin/tasks", ROLE_READER, BODY_NONE,
     COMMON, tasks_list, NULL,
     "The registered tasks.",
     .view = "taskList", .successes = {200}, .immediate = true},
    {HTTP_GET, "/admin/actuators", ROLE_READER, BODY_NONE,
     COMMON, actuators_list, NULL,
     "The actuators: buckets, version, and whether they are alive.",
     .view = "actuatorList", .successes = {200}},

    {HTTP_GET, "/admin/audit", ROLE_READER, BODY_NONE,
     PAGED | QUERY_BIT(QUERY_SINCE), audit_list, NULL,
     "The audit trail, newest last.",
     .view = "auditPage", .successes = {200}},

    {HTTP_GET, "/healthz/live", ROLE_NONE, BODY_NONE,
     0, health_live, NULL,
     "200 while the process serves requests.",
     .view = "health", .successes = {200}, .immediate = true},
    {HTTP_GET, "/healthz/ready", ROLE_NONE, BODY_NONE,
     0, health_ready, NULL,
     "200 while writes to the store go through, else 503 with the cause.",
     .view = "health", .successes = {200}, .errors = ERROR(UNAVAILABLE), .immediate = true},
    {HTTP_GET, "/openapi.json", ROLE_NONE, BODY_NONE,
     0, openapi_show, NULL,
     "This table, as an OpenAPI document.",
     .view = "openapi", .successes = {200}, .immediate = true},
};
/* clang-format on */
enum { ROUTE_COUNT = sizeof(routes) / sizeof(routes[0]) };

/* GET serves HEAD as well; the library sends the header alone. */
static const struct {
    const char *name;
    enum http_method method;
    const char *allow;
} methods[] = {
    {"GET", HTTP_GET, "GET, HEAD"}, {"HEAD", HTTP_GET, NULL},          {"PUT", HTTP_PUT, "PUT"},
    {"POST", HTTP_POST, "POST"},    {"DELETE", HTTP_DELETE, "DELETE"},
};
enum { METHOD_COUNT = sizeof(methods) / sizeof(methods[0]) };

/* Methods of HTTP that no endpoint has: 405, not 501. */
static const char *const other_methods[] = {"OPTIONS", "PATCH", "TRACE", "CONNECT"};

enum { SEGMENTS_MAXIMUM = 16, RESOURCE_ID_SEGMENTS = 8 };

struct segment {
    const char *text;
    size_t length;
};

struct path {
    struct segment segments[SEGMENTS_MAXIMUM];
    size_t count;
};

/* The values of a pattern's placeholders. */
struct placeholders {
    const struct segment *resource; /* RESOURCE_ID_SEGMENTS of them, or NULL */
    const struct segment *id;
};

/* False when there are more segments than any route has. */
static bool split_path(const char *text, size_t length, struct path *path)
{
    const char *end = text + length;
    path->count = 0;
    while (text < end && *text == '/') {
        text++;
        const char *slash = memchr(text, '/', (size_t)(end - text));
        const char *stop = slash ? slash : end;
        if (path->count == SEGMENTS_MAXIMUM)
            return false;
        path->segments[path->count++] = (struct segment){text, (size_t)(stop - text)};
        text = stop;
    }
    return true;
}

static bool segment_is(const struct segment *segment, const char *text, size_t length)
{
    return segment->length == length && strncasecmp(segment->text, text, length) == 0;
}

/* True for anything that begins like a resource ID; resource_id_normalize() checks it later. */
static bool takes_resource(const struct path *path, size_t at)
{
    if (path->count - at < RESOURCE_ID_SEGMENTS)
        return false;
    for (size_t i = 0; i < RESOURCE_ID_SEGMENTS; i++)
        if (path->segments[at + i].length == 0)
            return false;
    return segment_is(&path->segments[at], "subscriptions", strlen("subscriptions"));
}

static bool pattern_fits(const char *pattern, const struct path *path, struct placeholders *found)
{
    size_t at = 0;
    *found = (struct placeholders){0};
    while (*pattern == '/') {
        pattern++;
        size_t length = strcspn(pattern, "/");
        if (at >= path->count)
            return false;
        const struct segment *segment = &path->segments[at];
        if (length == 3 && strncmp(pattern, "{R}", length) == 0) {
            if (!takes_resource(path, at))
                return false;
            found->resource = segment;
            at += RESOURCE_ID_SEGMENTS;
        } else if (length == 4 && strncmp(pattern, "{id}", length) == 0) {
            if (segment->length == 0)
                return false;
            found->id = segment;
            at++;
        } else {
            if (!segment_is(segment, pattern, length))
                return false;
            at++;
        }
        pattern += length;
    }
    return at == path->count;
}

static bool has_id(const struct route *route)
{
    return strstr(route->pattern, "{id}") != NULL;
}

/* A literal segment of another row, such as ".../queued", is not an {id}, whatever the method. */
static bool is_spelt_out(const struct path *path)
{
    struct placeholders found;
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (!has_id(&routes[i]) && pattern_fits(routes[i].pattern, path, &found))
            return true;
    return false;
}

static int take_resource(struct request *request, const struct segment *first,
                         struct answer *answer)
{
    /* From the slash before the first segment to the end of the last, decoded once: parentheses may
     * come escaped. */
    const struct segment *last = first + RESOURCE_ID_SEGMENTS - 1;
    const char *start = first->text - 1;
    char decoded[WIRE_TARGET_MAXIMUM + 1];
    struct error error;
    if (wire_decode(start, (size_t)(last->text + last->length - start), false, decoded,
                    sizeof(decoded)) < 0)
        return answer_refuse(answer, API_INVALID_RESOURCE_ID, NULL,
                             "the resource ID cannot be decoded");
    if (resource_id_normalize(decoded, request->cluster, &error) < 0)
        return answer_error(answer, API_INVALID_RESOURCE_ID, NULL, &error);
    snprintf(request->resource_id, sizeof(request->resource_id), "%.*s", RESOURCE_ID_SIZE - 1,
             decoded);
    return 0;
}

static int take_id(struct request *request, const struct segment *id, struct answer *answer)
{
    if (id->length >= sizeof(request->id))
        return answer_refuse(answer, API_NOT_FOUND, NULL, "manifest not found: %.*s...",
                             UUID_SIZE - 1, id->text);
    for (size_t i = 0; i < id->length; i++)
        request->id[i] = (char)tolower((unsigned char)id->text[i]);
    request->id[id->length] = '\0';
    return 0;
}

static int find_method(const char *name)
{
    for (int i = 0; i < METHOD_COUNT; i++)
        if (strcmp(name, methods[i].name) == 0)
            return (int)methods[i].method;
    return -1;
}

static bool is_other_method(const char *name)
{
    for (size_t i = 0; i < sizeof(other_methods) / sizeof(other_methods[0]); i++)
        if (strcmp(name, other_methods[i]) == 0)
            return true;
    return false;
}

/* Names the methods of all rows that fit the path: "GET, HEAD, PUT". "" when none fits. */
static void list_allowed(const struct path *path, char *buffer, size_t size)
{
    struct placeholders found;
    bool allowed[HTTP_METHOD_COUNT] = {false};
    bool spelt_out = is_spelt_out(path);
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (pattern_fits(routes[i].pattern, path, &found) && !(spelt_out && has_id(&routes[i])))
            allowed[routes[i].method] = true;
    buffer[0] = '\0';
    for (int i = 0; i < METHOD_COUNT; i++) {
        size_t used = strlen(buffer);
        if (methods[i].allow && allowed[methods[i].method])
            snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", methods[i].allow);
    }
}

static int refuse_path(const char *method, const struct request *request, const struct path *path,
                       struct answer *answer)
{
    char allow[ANSWER_ALLOW_SIZE] = "";
    list_allowed(path, allow, sizeof(allow));
    if (!allow[0] && strcmp(request->target, "*") != 0)
        return answer_refuse(answer, API_NOT_FOUND, API_TARGET_ENDPOINT,
                             "there is no such endpoint; GET /openapi.json lists all endpoints "
                             "and needs no token");
    answer_refuse(answer, API_METHOD_NOT_ALLOWED, NULL, "%s is not allowed here; allowed: %s",
                  method, allow[0] ? allow : "none");
    snprintf(answer->allow, sizeof(answer->allow), "%s", allow);
    return -1;
}

int route_find(const char *method, struct request *request, struct answer *answer)
{
    int number = find_method(method);
    if (number < 0 && !is_other_method(method)) {
        answer->close = true;
        return answer_refuse(answer, API_NOT_IMPLEMENTED, NULL,
                             "there is no such method; methods are written in capitals");
    }
    struct path path;
    if (!split_path(request->target, strcspn(request->target, "?"), &path))
        path.count = 0; /* deeper than any endpoint */
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        struct placeholders found;
        if ((int)routes[i].method != number || !pattern_fits(routes[i].pattern, &path, &found))
            continue;
        if (has_id(&routes[i]) && is_spelt_out(&path))
            continue;
        request->route = &routes[i];
        if (found.resource && take_resource(request, found.resource, answer) < 0)
            return -1;
        return found.id ? take_id(request, found.id, answer) : 0;
    }
    return refuse_path(method, request, &path, answer);
}

const struct route *route_at(size_t position)
{
    return position < ROUTE_COUNT ? &routes[position] : NULL;
}

/* Errors of any request, whatever its route: see wire.h. */
static const unsigned errors_of_http = ERROR(MALFORMED_REQUEST) | ERROR(TARGET_TOO_LONG) |
                                       ERROR(EXPECTATION_FAILED) | ERROR(HEADERS_TOO_LARGE) |
                                       ERROR(NOT_IMPLEMENTED);

unsigned route_errors(const struct route *route)
{
    unsigned errors = route->errors | errors_of_http;
    if (route->role != ROLE_NONE)
        errors |= ERROR(UNAUTHENTICATED) | ERROR(INVALID_API_VERSION) | ERROR(INVALID_PARAMETER);
    if (route->role > ROLE_READER)
        errors |= ERROR(FORBIDDEN);
    if (strstr(route->pattern, "{R}"))
        errors |= ERROR(INVALID_RESOURCE_ID);
    if (route->body != BODY_NONE)
        errors |= ERROR(INVALID_CONTENT) | ERROR(TOO_LARGE) | ERROR(UNSUPPORTED_MEDIA_TYPE);
    if (route->keyed)
        errors |= ERROR(CONFLICT) | ERROR(KEY_REUSED);
    if (!route->immediate)
        errors |= ERROR(UNAVAILABLE);
    return errors;
}
