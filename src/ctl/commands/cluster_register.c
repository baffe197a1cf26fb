/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_register.c - mimoctl cluster register.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/api.h"
#include "ctl/client/resolve.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/next.h"
#include "ctl/output/cluster_text.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/kube.h"

enum { KUBECONFIG_FILE_MAXIMUM = 16 * 1024 * 1024 };

/* The Admin API replaces all properties of a cluster. Sending flags alone would remove the others
 * of a cluster that is registered already. */
static int check_new(struct ctl *ctl, const char *path, struct error *error)
{
    struct error reason;
    struct json_object *cluster;
    if (api_get(ctl, path, NULL, &cluster, &reason) < 0) {
        if (reason.kind == ERROR_NOT_FOUND)
            return 0;
        *error = reason;
        return -1;
    }
    json_object_put(cluster);
    return error_set(
        error, ERROR_CONFLICT,
        "the cluster is registered already, and --operator-flags alone would remove its other "
        "properties: give all of them with --properties @FILE; to start such a file, copy the "
        "member \"properties\" of mimoctl cluster show %s -o json",
        strrchr(path, '/') + 1);
}

/* Flags have names, and strings as values; the cluster would refuse anything else at each
 * attempt. */
static int check_flags(const struct json_object *flags, struct error *error)
{
    const char *name;
    struct json_object *value;
    document_foreach_member(flags, name, value) {
        if (name[0] == '\0')
            return error_set(error, ERROR_INVALID, "--operator-flags: a flag has an empty name");
        if (!document_is_string(value))
            return error_set(error, ERROR_INVALID,
                             "--operator-flags: \"%s\" must be a string: write \"true\" or \"60\" "
                             "in quotation marks",
                             name);
    }
    return 0;
}

static int add_properties(struct ctl *ctl, const char *path, struct json_object *body,
                          struct error *error)
{
    cleanup_json struct json_object *properties = NULL;
    cleanup_json struct json_object *flags = NULL;
    if (options_object(&ctl->options, OPTION_PROPERTIES, &properties, error) < 0 ||
        options_object(&ctl->options, OPTION_OPERATOR_FLAGS, &flags, error) < 0)
        return -1;
    if (check_flags(flags, error) < 0)
        return -1;
    if (flags && !properties && check_new(ctl, path, error) < 0)
        return -1;
    if (flags && !properties)
        properties = json_object_new_object();
    if ((flags && document_add(properties, "operatorFlags", json_object_get(flags)) < 0) ||
        (properties && document_add(body, "properties", json_object_get(properties)) < 0))
        return error_set_system(error, ENOMEM, "request");
    return 0;
}

/* An operator's kubeconfig may have contexts of many clusters and refer to many files. Only what
 * this cluster needs is sent. */
static int embed_kubeconfig(const char *path, const char *context, char **ret_text,
                            struct error *error)
{
    cleanup_free char *text = NULL;
    cleanup_free char *directory = strdup(path);
    size_t length;
    if (!directory)
        return error_set_system(error, ENOMEM, "request");
    if (options_file(OPTION_KUBECONFIG, path, KUBECONFIG_FILE_MAXIMUM, &text, &length, error) < 0)
        return -1;
    int result = kubeconfig_embed(text, length, context, dirname(directory), ret_text, error);
    explicit_bzero(text, length);
    return result < 0 ? error_prefix(error, "--kubeconfig %s", path) : 0;
}

/* Refuses credentials that are not valid now: each attempt would fail. */
static int check_dates(const char *text, struct error *error)
{
    struct kubeconfig config;
    if (kubeconfig_parse(text, strlen(text), &config, error) < 0)
        return -1;
    int result = kubeconfig_check_dates(&config, clock_unix_seconds(), error);
    kubeconfig_free(&config);
    if (result == 0)
        return 0;
    struct error problem = *error;
    return error_set(error, problem.kind, "%s; to register it nevertheless, use --force",
                     problem.message);
}

static int add_kubeconfig(struct ctl *ctl, struct json_object *body, struct error *error)
{
    const char *path = ctl->options.values[OPTION_KUBECONFIG];
    const char *context = ctl->options.values[OPTION_CONTEXT];
    cleanup_free char *text = NULL;
    if (!path && context)
        return error_set(error, ERROR_INVALID,
                         "--context needs --kubeconfig FILE, which has the context");
    if (!path)
        return 0;
    if (embed_kubeconfig(path, context, &text, error) < 0) {
        error->kind = ERROR_INVALID; /* a wrong file name on the command line is a usage error */
        return -1;
    }
    if (!ctl->options.values[OPTION_FORCE] && check_dates(text, error) < 0) {
        explicit_bzero(text, strlen(text));
        return error_prefix(error, "--kubeconfig %s", path);
    }
    int result = document_add(body, "kubeconfig", document_new_string(text));
    explicit_bzero(text, strlen(text));
    return result < 0 ? error_set_system(error, ENOMEM, "request") : 0;
}

int ctl_cluster_register(struct ctl *ctl, struct error *error)
{
    const char *text = ctl->options.operands[0];
    char id[RESOURCE_ID_SIZE];
    char path[RESOLVE_PATH_SIZE];
    cleanup_json struct json_object *body = json_object_new_object();
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
    if (document_member_count(body) == 0)
        return error_set(error, ERROR_INVALID,
                         "nothing to register: give --kubeconfig FILE, --properties @FILE or "
                         "--operator-flags @FILE");

    const struct api_request request = {.method = "PUT", .path = path, .body = body};
    struct api_answer answer;
    if (api_call(ctl, &request, &answer, error) < 0)
        return -1;
    cleanup_json struct json_object *cluster = answer.body;
    output_say("cluster %s is %s", document_string(cluster, "name", resource_id_name(id)),
               answer.status == 201 ? "registered" : "changed");
    if (ctl->output.form == OUTPUT_JSON) {
        output_json(cluster);
        return CTL_OK;
    }
    cleanup_json struct json_object *only = document_pack("[O]", cluster);
    output_items(&ctl->output, &cluster_listing, only);
    next_say(&ctl->output, NULL, "mimoctl cluster show %s",
             document_string(cluster, "name", resource_id_name(id)));
    return CTL_OK;
}
