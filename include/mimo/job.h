/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - everything that a worker is told: one manifest, one cluster, the settings of its task.
 *
 * The supervisor writes the job as JSON into a sealed memfd; the worker reads it inside its
 * sandbox.
 *
 *   { "version": 1,
 *     "attempt": 2, "actuator": "<uuid>",
 *     "manifest": { "id", "maintenanceTaskID", "clusterResourceID", "parameters" },
 *     "cluster": { "id", "properties": {...} },
 *     "endpoints": [ {"host": "api.example.com", "port": 6443,      resolved by the supervisor:
 *                     "addresses": ["10.0.0.4"]} ],                 endpoint.h
 *     "settings": { "acrDomain": "...",                    what the task needs of the configuration
 *                   "certificates": [ "mdsd" ] } }         names of certificates that it reads
 *
 * Ownership: a job owns its document, and its other pointers point into that; job_free().
 * Errors: ERROR_INVALID names the missing or wrong member.
 */
#ifndef MIMO_JOB_H
#define MIMO_JOB_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "mimo/error.h"
#include "mimo/resource_id.h"
#include "mimo/uuid.h"

enum { JOB_VERSION = 1, JOB_SIZE_MAXIMUM = 1024 * 1024 };

struct job {
    char manifest_id[UUID_SIZE];
    char task_id[UUID_SIZE];
    char cluster_resource_id[RESOURCE_ID_SIZE];
    int attempt;
    struct json_object *parameters; /* borrowed from document: object or NULL */
    struct json_object *cluster;    /* borrowed: {"id", "properties"} */
    struct json_object
        *endpoints; /* borrowed: array; endpoint_find_addresses() checks its entries */
    struct json_object *settings; /* borrowed: object */
    struct json_object *document; /* owned */
};

/* Builds the document of a job; all arguments are borrowed. NULL only without memory. */
struct json_object *job_build(const char *manifest_id, const char *task_id,
                              const char *cluster_resource_id, int attempt, const char *actuator,
                              struct json_object *parameters, struct json_object *cluster,
                              struct json_object *endpoints, struct json_object *settings);

int job_parse(const char *text, size_t length, struct job *ret_job, struct error *error);
void job_free(struct job *job);

#endif
