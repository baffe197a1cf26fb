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

int resolve_manifest_view(struct ctl *ctl, const char *text, struct json_object **ret_manifest,
                          struct error *error)
{
    char path[RESOLVE_PATH_SIZE];
    cleanup_json struct json_object *found = NULL;
    if (uuid_is_valid(text))
        return resolve_manifest(ctl, text, ret_manifest, error);
    if (resolve_manifest(ctl, text, &found, error) < 0)
        return -1;
    return api_get(ctl, resolve_manifest_path(found, "", path), NULL, ret_manifest, error);
}

const char *resolve_manifest_path(const struct json_object *manifest, const char *suffix,
                                  char *buffer)
{
    snprintf(buffer, RESOLVE_PATH_SIZE, "/admin%s/maintenanceManifests/%s%s",
             document_string(manifest, "clusterResourceID", ""),
             document_string(manifest, "id", ""), suffix);
    return buffer;
}
