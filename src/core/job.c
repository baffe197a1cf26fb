/* SPDX-License-Identifier: Apache-2.0 */
/* job.c - all that a worker gets to know, as JSON. */
#include "mimo/job.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "mimo/document.h"
#include "mimo/launcher_channel.h"

static_assert((int)JOB_SIZE_MAXIMUM <= (int)LAUNCH_JOB_MAXIMUM, "the launcher carries every job");

struct json_object *job_build(const char *manifest_id, const char *task_id,
                              const char *cluster_resource_id, int attempt, const char *actuator,
                              struct json_object *parameters, struct json_object *cluster,
                              struct json_object *endpoints, struct json_object *settings)
{
    struct json_object *job = document_pack(
        "{s:i, s:i, s:s, s:{s:s, s:s, s:s}, s:O?}", "version", JOB_VERSION, "attempt", attempt,
        "actuator", actuator, "manifest", "id", manifest_id, "maintenanceTaskID", task_id,
        "clusterResourceID", cluster_resource_id, "cluster", cluster);

    if (!job)
        return NULL;
    if ((parameters && document_set(job, "manifest.parameters", json_object_get(parameters)) < 0) ||
        document_set(job, "endpoints",
                     endpoints ? json_object_get(endpoints) : json_object_new_array()) < 0 ||
        document_set(job, "settings",
                     settings ? json_object_get(settings) : json_object_new_object()) < 0) {
        json_object_put(job);
        return NULL;
    }
    return job;
}

static int read_uuid(const struct json_object *document, const char *path, char *buffer,
                     struct error *error)
{
    const char *text;

    if (document_read_string(document, path, "", &text, error) < 0)
        return -1;
    if (!uuid_is_valid(text))
        return error_set(error, ERROR_INVALID, "member \"%s\" must be a UUID", path);
    memcpy(buffer, text, UUID_SIZE);
    return 0;
}

static int read_manifest(struct job *job, struct error *error)
{
    const char *cluster;
    int64_t version, attempt;
    char actuator[UUID_SIZE];

    if (document_read_integer(job->document, "version", 0, &version, error) < 0 ||
        document_read_integer(job->document, "attempt", 0, &attempt, error) < 0 ||
        read_uuid(job->document, "actuator", actuator, error) < 0 ||
        read_uuid(job->document, "manifest.id", job->manifest_id, error) < 0 ||
        read_uuid(job->document, "manifest.maintenanceTaskID", job->task_id, error) < 0 ||
        document_read_string(job->document, "manifest.clusterResourceID", "", &cluster, error) < 0)
        return -1;
    if (version != JOB_VERSION)
        return error_set(error, ERROR_INVALID, "member \"version\" must be %d", JOB_VERSION);
    if (attempt < 1 || attempt > INT_MAX)
        return error_set(error, ERROR_INVALID, "member \"attempt\" must be at least 1");
    job->attempt = (int)attempt;
    return resource_id_normalize(cluster, job->cluster_resource_id, error);
}

/* Takes out a container; absent is NULL. */
static int read_container(const struct json_object *document, const char *path, enum json_type type,
                          struct json_object **ret_value, struct error *error)
{
    struct json_object *value = document_get(document, path);

    if (value && !json_object_is_type(value, type))
        return error_set(error, ERROR_INVALID, "member \"%s\" must be %s", path,
                         type == json_type_object ? "an object" : "an array");
    *ret_value = value;
    return 0;
}

static int read_containers(struct job *job, struct error *error)
{
    if (read_container(job->document, "manifest.parameters", json_type_object, &job->parameters,
                       error) < 0 ||
        read_container(job->document, "cluster", json_type_object, &job->cluster, error) < 0 ||
        read_container(job->document, "endpoints", json_type_array, &job->endpoints, error) < 0 ||
        read_container(job->document, "settings", json_type_object, &job->settings, error) < 0)
        return -1;
    if (!job->endpoints || !job->settings)
        return error_set(error, ERROR_INVALID, "member \"%s\" is missing",
                         job->endpoints ? "settings" : "endpoints");
    return 0;
}

int job_parse(const char *text, size_t length, struct job *ret_job, struct error *error)
{
    struct job job = {0};

    if (length > JOB_SIZE_MAXIMUM)
        return error_set(error, ERROR_TOO_LARGE, "job of %zu bytes is larger than the %d allowed",
                         length, JOB_SIZE_MAXIMUM);
    job.document = document_parse(text, length, error);
    if (!job.document)
        return error_prefix(error, "job");
    if (read_manifest(&job, error) < 0 || read_containers(&job, error) < 0) {
        job_free(&job);
        return error_prefix(error, "job");
    }
    *ret_job = job;
    return 0;
}

void job_free(struct job *job)
{
    json_object_put(job->document);
    *job = (struct job){0};
}
