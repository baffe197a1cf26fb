/* SPDX-License-Identifier: Apache-2.0 */
/* still_running.c - checks whether the worker of an ended manifest still runs. */
#include "ctl/commands/still_running.h"

#include <stdio.h>
#include <string.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"

int still_running(struct ctl *ctl, const struct json_object *manifest, int64_t *ret_lease_end,
                  struct error *error)
{
    char path[RESOLVE_PATH_SIZE];
    cleanup_json struct json_object *cluster = NULL;
    *ret_lease_end = 0;
    snprintf(path, sizeof(path), "/admin%s", document_string(manifest, "clusterResourceID", ""));
    if (api_get(ctl, path, NULL, &cluster, error) < 0)
        return error->kind == ERROR_NOT_FOUND ? 0 : -1;
    *ret_lease_end = document_time(cluster, "leaseExpiry", 0);
    return strcmp(document_string(cluster, "leaseManifest", ""),
                  document_string(manifest, "id", "?")) == 0 &&
           *ret_lease_end > clock_unix_seconds();
}

bool still_running_find(struct ctl *ctl, const char *id, struct json_object **ret_manifest)
{
    char path[RESOLVE_PATH_SIZE];
    struct error ignored;
    *ret_manifest = NULL;
    snprintf(path, sizeof(path), "/admin/maintenanceManifests/%s", id);
    if (api_get(ctl, path, NULL, ret_manifest, &ignored) < 0)
        return false;
    if (document_get(*ret_manifest, "running"))
        return true;
    json_object_put(take_pointer(ret_manifest));
    return false;
}
