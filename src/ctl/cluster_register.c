/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_register.c - mimoctl cluster register.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/api.h"
#include "ctl/cluster_text.h"
#include "ctl/handlers.h"
#include "ctl/resolve.h"
#include "mimo/cleanup.h"
#include "mimo/cluster.h"
#include "mimo/document.h"

/* The Admin API replaces properties as a whole. Flags alone would so take away all others of a
 * cluster that is there already. */
static int check_new(struct ctl *ctl, const char *path, struct error *error)
{
    struct error reason;
    json_t *cluster;
    if (api_get(ctl, path, NULL, &cluster, &reason) < 0) {
        if (reason.kind == ERROR_NOT_FOUND)
            return 0;
        *error = reason;
        return -1;
    }
    json_decref(cluster);
    return error_set(
        error, ERROR_CONFLICT,
        "the cluster is registered already, and its properties would be replaced by the "
        "flags alone: give all of them with --properties (see mimoctl cluster show "
        "-o json)");
}

static int add_properties(struct ctl *ctl, const char *path, json_t *body, struct error *error)
{
    cleanup_json json_t *properties = NULL;
    cleanup_json json_t *flags = NULL;
    if (options_object(&ctl->options, OPTION_PROPERTIES, &properties, error) < 0 ||
        options_object(&ctl->options, OPTION_OPERATOR_FLAGS, &flags, error) < 0)
        return -1;
    if (flags && !properties && check_new(ctl, path, error) < 0)
        return -1;
    if (flags && !properties)
        properties = json_object();
    if ((flags && json_object_set(properties, "operatorFlags", flags) < 0) ||
        (properties && json_object_set(body, "properties", properties) < 0))
        return error_set_system(error, ENOMEM, "request");
    return 0;
}

static int add_kubeconfig(struct ctl *ctl, json_t *body, struct error *error)
{
    const char *path = ctl->options.values[OPTION_KUBECONFIG];
    cleanup_free char *text = NULL;
    size_t length;
    if (!path)
        return 0;
    if (options_file(OPTION_KUBECONFIG, path, CLUSTER_KUBECONFIG_SIZE_MAXIMUM, &text, &length,
                     error) < 0)
        return -1;
    json_t *value = json_stringn(text, length);
    explicit_bzero(text, length);
    if (json_object_set_new(body, "kubeconfig", value) < 0)
        return error_set(error, ERROR_INVALID, "--kubeconfig: %s is not a text in UTF-8", path);
    return 0;
}

int ctl_cluster_register(struct ctl *ctl, struct error *error)
{
    const char *text = ctl->options.operands[0];
    char id[RESOURCE_ID_SIZE];
    char path[RESOLVE_PATH_SIZE];
    cleanup_json json_t *body = json_object();
    if (text[0] != '/')
        return error_set(error, ERROR_INVALID,
                         "\"%s\": a cluster is registered by its full resource ID, "
                         "/subscriptions/.../resourceGroups/.../providers/"
                         "Microsoft.RedHatOpenShift/openShiftClusters/NAME",
                         text);
    if (resource_id_normalize(text, id, error) < 0)
        return -1;
    snprintf(path, sizeof(path), "/admin%s", text);
    if (add_kubeconfig(ctl, body, error) < 0 || add_properties(ctl, path, body, error) < 0)
        return -1;
    if (json_object_size(body) == 0)
        return error_set(error, ERROR_INVALID,
                         "nothing to register: give --kubeconfig, --properties or "
                         "--operator-flags");

    const struct api_request request = {.method = "PUT", .path = path, .body = body};
    struct api_answer answer;
    if (api_call(ctl, &request, &answer, error) < 0)
        return -1;
    cleanup_json json_t *cluster = answer.body;
    ctl_say("cluster %s is %s", document_string(cluster, "name", resource_id_name(id)),
            answer.status == 201 ? "registered" : "changed");
    if (ctl->output.form == OUTPUT_JSON) {
        output_json(cluster);
        return CTL_OK;
    }
    cleanup_json json_t *only = json_pack("[O]", cluster);
    output_items(&ctl->output, &cluster_listing, only);
    return CTL_OK;
}
