/* SPDX-License-Identifier: Apache-2.0 */
/* launch_order.c - the order to the launcher and the job of the worker. */
#include "supervisor/launch_order.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/azure.h"
#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/job.h"
#include "supervisor/worker_limits.h"

static struct json_object *cluster_of(struct worker *worker)
{
    return cluster_document(&worker->settlement.claim.cluster);
}

static bool needs_cluster(struct worker *worker)
{
    return worker->task->flags & TASK_NEEDS_CLUSTER;
}

struct json_object *launch_order_servers(const struct config *config, struct worker *worker,
                                         uint16_t *ret_port)
{
    static const char url_path[] = "openShiftCluster.properties.apiserverProfile.url";
    const struct json_object *cluster = cluster_of(worker);
    const char *url = document_string(cluster, url_path, NULL);
    cleanup_json struct json_object *urls = json_object_new_array();
    struct azure_endpoints azure = {0};
    cleanup_json struct json_object *names =
        worker->task->certificates ? worker->task->certificates(config, cluster) : NULL;
    if (worker->task->certificates && !names)
        return NULL;
    if (url && needs_cluster(worker) && document_append(urls, document_new_string(url)) < 0)
        return NULL;
    if (document_length(names) > 0 && config_certificate_vault(config))
        azure_endpoints(config, &azure);
    for (int i = 0; i < azure.url_count; i++)
        if (document_append(urls, document_new_string(azure.urls[i])) < 0)
            return NULL;
    *ret_port = azure.port;
    return take_pointer(&urls);
}

/* What the task needs of the configuration, and the names of its certificates. The launcher gets
 * the names too: a worker reads certificates from a directory before it parses its job. NULL only
 * without memory. */
static struct json_object *make_settings(const struct config *config, struct worker *worker,
                                         struct launcher_launch *launch)
{
    const struct task *task = worker->task;
    cleanup_json struct json_object *settings =
        task->settings ? task->settings(config) : json_object_new_object();
    if (!task->certificates)
        return take_pointer(&settings);
    struct json_object *names = task->certificates(config, cluster_of(worker));
    size_t index;
    struct json_object *name;
    assert(document_length(names) <= LAUNCH_CERTIFICATES_MAXIMUM);
    document_foreach_item(names, index, name) {
        snprintf(launch->certificates[index], sizeof(launch->certificates[index]), "%s",
                 document_text(name));
        launch->certificate_count++;
    }
    if (!names || document_set(settings, "certificates", names) < 0)
        return NULL;
    if (config_certificate_vault(config) && launch->certificate_count > 0 &&
        document_set(settings, "azure", azure_settings(config)) < 0)
        return NULL;
    return take_pointer(&settings);
}

/* The JSON of the job. The caller frees it. NULL only without memory. */
static char *make_job_text(const struct config *config, struct worker *worker, const char *actuator,
                           struct json_object *endpoints, struct launcher_launch *launch)
{
    struct json_object *manifest = manifest_document(&worker->settlement.claim.manifest);
    cleanup_json struct json_object *no_endpoints = json_object_new_array();
    cleanup_json struct json_object *settings = make_settings(config, worker, launch);
    cleanup_json struct json_object *job =
        job_build(worker->manifest_id, worker->task_id, worker->cluster, worker->settlement.attempt,
                  actuator, document_get(manifest, "maintenanceManifest.parameters"),
                  document_get(cluster_of(worker), "openShiftCluster"),
                  endpoints ? endpoints : no_endpoints, settings);
    return job ? document_format(job) : NULL;
}

/* The job's JSON and behind it the sealed credentials, in memory that nobody can change any more. */
static int make_job(const struct config *config, struct worker *worker, const char *actuator,
                    struct json_object *endpoints, struct launcher_launch *launch,
                    struct error *error)
{
    cleanup_free char *text = make_job_text(config, worker, actuator, endpoints, launch);
    if (!text)
        return error_set(error, ERROR_MEMORY, "out of memory while making the job");

    cleanup_free unsigned char *sealed = NULL;
    size_t sealed_length = 0;
    const char *kubeconfig = document_string(cluster_of(worker), "sealedKubeconfig", NULL);
    if (kubeconfig && needs_cluster(worker) &&
        base64_decode(kubeconfig, &sealed, &sealed_length, error) < 0)
        return error_prefix(error, "the cluster's sealed kubeconfig is damaged: register it again");

    size_t length = strlen(text);
    cleanup_free char *all = malloc(length + sealed_length + 1);
    if (!all)
        return error_set(error, ERROR_MEMORY, "out of memory while making the job");
    memcpy(all, text, length);
    if (sealed_length > 0)
        memcpy(all + length, sealed, sealed_length);
    launch->job_length = (uint32_t)length;
    launch->sealed_length = (uint32_t)sealed_length;
    return io_sealed_memory("mimo-job", all, length + sealed_length, error);
}

int launch_order_make(const struct config *config, struct worker *worker, const char *actuator,
                      int64_t lease_left, const struct lookup_result *servers,
                      struct launcher_launch *ret_launch, struct worker_limits *ret_limits,
                      struct error *error)
{
    struct worker_limits limits =
        worker_limits_of(lease_left, limits_timeout(config, worker->task));
    if (limits.alarm_seconds == 0)
        return error_set(error, ERROR_UNAVAILABLE, "its lease is nearly over");

    *ret_launch = (struct launcher_launch){
        .token = worker->token,
        .slot = worker->slot,
        .alarm_seconds = (uint32_t)limits.alarm_seconds,
        .not_after = (uint64_t)(clock_monotonic().milliseconds + limits.latest_milliseconds),
        .port_count = servers->port_count,
    };
    memcpy(ret_launch->ports, servers->ports, sizeof(ret_launch->ports));
    limits_fill(config, worker->task, limits.alarm_seconds, ret_launch);
    snprintf(ret_launch->title, sizeof(ret_launch->title), "mimo-worker: %.60s %.90s %.8s",
             worker->task->name, resource_id_name(worker->cluster), worker->manifest_id);
    *ret_limits = limits;
    return make_job(config, worker, actuator, servers->endpoints, ret_launch, error);
}
