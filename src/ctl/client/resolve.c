/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.c - finds what an operand names: a cluster by ID or unique name, a manifest by ID or its
 * beginning.
 */
#include "ctl/client/resolve.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/client/api.h"
#include "mimo/document.h"
#include "mimo/uuid.h"

/* Candidates kept at most; all but the first serve the message only. */
enum { CANDIDATES_SHOWN = 4, MATCHES_MAXIMUM = 20 };

static bool fits(const struct json_object *item, const char *member, const char *text, bool whole)
{
    const char *value = document_string(item, member, "");
    return whole ? strcasecmp(value, text) == 0 : strncasecmp(value, text, strlen(text)) == 0;
}

/* "a, b, c and 7 more" */
static void list_candidates(const struct json_object *items, const char *member, const char *text,
                            bool whole, char *buffer, size_t size)
{
    size_t position;
    struct json_object *item;
    size_t used = 0;
    int count = 0;
    document_foreach_item(items, position, item) {
        if (!fits(item, member, text, whole))
            continue;
        if (++count <= CANDIDATES_SHOWN && used < size)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", count > 1 ? ", " : "",
                                     document_string(item, "id", "?"));
    }
    if (count > CANDIDATES_SHOWN && used < size)
        snprintf(buffer + used, size - used, " and %d more", count - CANDIDATES_SHOWN);
}

struct json_object *resolve_pick(const char *what, const struct json_object *items,
                                 const char *member, const char *text, bool whole,
                                 struct error *error)
{
    struct json_object *found = NULL;
    size_t position;
    struct json_object *item;
    document_foreach_item(items, position, item) {
        if (!fits(item, member, text, whole))
            continue;
        if (found) {
            char candidates[CANDIDATES_SHOWN * RESOURCE_ID_SIZE];
            list_candidates(items, member, text, whole, candidates, sizeof(candidates));
            error_set(error, ERROR_CONFLICT, "\"%s\" %s several %ss: %s; %s", text,
                      whole ? "is the name of" : "begins the IDs of", what, candidates,
                      whole ? "give the full resource ID" : "give more of the ID");
            return NULL;
        }
        found = item;
    }
    if (!found)
        error_set(error, ERROR_NOT_FOUND,
                  whole ? "there is no %s named \"%s\"; see mimoctl %s list"
                        : "there is no %s whose ID begins with \"%s\"; see mimoctl %s list",
                  what, text, what);
    return found;
}

int resolve_cluster(struct ctl *ctl, const char *text, char *buffer, struct error *error)
{
    if (text[0] == '/')
        return resource_id_normalize(text, buffer, error);
    if (strchr(text, '/') || text[0] == '\0')
        return error_set(error, ERROR_INVALID,
                         "\"%s\" is neither a cluster's name nor a resource ID such as "
                         "/subscriptions/.../openShiftClusters/NAME",
                         text);
    cleanup_query struct query query = {0};
    query_add(&query, "name", text);
    const struct api_listing listing = {
        .path = "/admin/clusters", .query = &query, .limit = MATCHES_MAXIMUM};
    cleanup_json struct json_object *clusters = NULL;
    if (api_list(ctl, &listing, &clusters, NULL, error) < 0)
        return -1;
    const struct json_object *cluster =
        resolve_pick("cluster", clusters, "name", text, true, error);
    return cluster ? resource_id_normalize(document_string(cluster, "id", ""), buffer, error) : -1;
}

static int find_by_prefix(struct ctl *ctl, const char *text, struct json_object **ret_manifest,
                          struct error *error)
{
    cleanup_query struct query query = {0};
    query_add(&query, "idPrefix", text);
    const struct api_listing listing = {
        .path = "/admin/maintenanceManifests", .query = &query, .limit = MATCHES_MAXIMUM};
    cleanup_json struct json_object *manifests = NULL;
    if (api_list(ctl, &listing, &manifests, NULL, error) < 0)
        return -1;
    struct json_object *manifest = resolve_pick("manifest", manifests, "id", text, false, error);
    *ret_manifest = json_object_get(manifest);
    return manifest ? 0 : -1;
}

int resolve_manifest(struct ctl *ctl, const char *text, struct json_object **ret_manifest,
                     struct error *error)
{
    size_t length = strlen(text);
    char path[RESOLVE_PATH_SIZE];
    if (uuid_is_valid(text)) {
        snprintf(path, sizeof(path), "/admin/maintenanceManifests/%s", text);
        return api_get(ctl, path, NULL, ret_manifest, error);
    }
    if (length >= UUID_SIZE || strspn(text, "0123456789abcdefABCDEF-") != length)
        return error_set(error, ERROR_INVALID,
                         "\"%s\" is neither the ID of a manifest nor the beginning of one", text);
    if (length < RESOLVE_PREFIX_MINIMUM)
        return error_set(error, ERROR_INVALID, "\"%s\": give at least %d characters of the ID",
                         text, RESOLVE_PREFIX_MINIMUM);
    return find_by_prefix(ctl, text, ret_manifest, error);
}

const char *resolve_manifest_path(const struct json_object *manifest, const char *suffix,
                                  char *buffer)
{
    snprintf(buffer, RESOLVE_PATH_SIZE, "/admin%s/maintenanceManifests/%s%s",
             document_string(manifest, "clusterResourceID", ""),
             document_string(manifest, "id", ""), suffix);
    return buffer;
}

int resolve_call(struct ctl *ctl, const struct json_object *manifest, const char *suffix,
                 const struct api_request *request, struct api_answer *ret_answer,
                 struct error *error)
{
    char path[RESOLVE_PATH_SIZE];
    struct api_request wanted = *request;
    struct api_answer answer;
    struct error reason;
    wanted.path = resolve_manifest_path(manifest, suffix, path);
    if (api_call(ctl, &wanted, ret_answer, error) == 0)
        return 0;
    if (error->kind != ERROR_NOT_FOUND)
        return -1;
    /* Its cluster may be gone or being deleted. */
    snprintf(path, sizeof(path), "/admin/maintenanceManifests/%s%s",
             document_string(manifest, "id", ""), suffix);
    int result = api_call(ctl, &wanted, &answer, &reason);
    if (result < 0 && answer.lacks_endpoint)
        return -1;
    *ret_answer = answer;
    if (result < 0)
        *error = reason;
    return result;
}

int resolve_read(struct ctl *ctl, const struct json_object *manifest,
                 struct json_object **ret_manifest, struct error *error)
{
    struct api_answer answer;
    if (resolve_call(ctl, manifest, "", &(struct api_request){.method = "GET"}, &answer, error) < 0)
        return -1;
    *ret_manifest = answer.body;
    return answer.body
               ? 0
               : error_set(error, ERROR_UNAVAILABLE, "the Admin API at %s answers without a body",
                           ctl->connection.url);
}

int resolve_manifest_view(struct ctl *ctl, const char *text, struct json_object **ret_manifest,
                          struct error *error)
{
    cleanup_json struct json_object *found = NULL;
    if (uuid_is_valid(text))
        return resolve_manifest(ctl, text, ret_manifest, error);
    if (resolve_manifest(ctl, text, &found, error) < 0)
        return -1;
    return resolve_read(ctl, found, ret_manifest, error);
}
