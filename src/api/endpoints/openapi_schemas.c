/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_schemas.c - what requests and answers consist of, for /openapi.json. JSON Schema as it
 * stands; the tests hold answers of a running server against it.
 */
#include "api/endpoints/openapi_schemas.h"

#include <string.h>

#include "mimo/document.h"

/* The text of a JSON value: its tokens are tokens of C as well. */
#define JSON(...) #__VA_ARGS__

/* clang-format off */
static const char schemas[] = JSON({
"error": {
  "type": "object",
  "required": ["error"],
  "properties": {"error": {
    "type": "object",
    "required": ["code", "message"],
    "properties": {
      "code": {"type": "string", "description": "machine-readable code"},
      "message": {"type": "string", "description": "what is wrong, and what to do"},
      "target": {"type": "string", "description": "the invalid member or parameter"}}}}},

"time": {"type": "integer", "minimum": 0, "description": "Unix seconds"},
"uuid": {"type": "string", "format": "uuid"},
"icm": {"type": ["string", "integer"], "maxLength": 128, "description": "number of the ticket"},
"state": {"type": "string", "enum": ["Pending", "InProgress", "Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled"]},

"manifestRequest": {
  "type": "object",
  "description": "Members of an answer that callers may not set are ignored; any other is refused.",
  "required": ["maintenanceTaskID"],
  "properties": {
    "maintenanceTaskID": {"type": "string", "description": "UUID or short name of a registered task"},
    "runAfter": {"type": ["integer", "string"], "description": "Unix seconds or RFC 3339; default: now"},
    "runBefore": {"type": ["integer", "string"], "description": "Unix seconds or RFC 3339; default: seven days from now"},
    "priority": {"type": "integer", "minimum": 0, "maximum": 1000000, "default": 0, "description": "0 runs first"},
    "parameters": {"$ref": "#/components/schemas/parameters"},
    "icm": {"$ref": "#/components/schemas/icm"}}},

"parameters": {
  "type": "object",
  "additionalProperties": true,
  "description": "parameters of the task: at most 16 KiB and 16 levels"},

"progress": {
  "type": "object",
  "description": "progress of the running attempt",
  "properties": {
    "step": {"type": "integer", "minimum": 0},
    "steps": {"type": "integer", "minimum": 0},
    "name": {"type": "string", "description": "name of the step"}},
  "additionalProperties": true},

"attempt": {
  "type": "object",
  "required": ["number", "startedAt"],
  "properties": {
    "number": {"type": "integer", "minimum": 1},
    "startedAt": {"$ref": "#/components/schemas/time"},
    "finishedAt": {"$ref": "#/components/schemas/time"},
    "actuator": {"$ref": "#/components/schemas/uuid"},
    "outcome": {"type": "string"},
    "message": {"type": "string"},
    "maxRssKiB": {"type": "integer", "description": "peak memory of the worker"},
    "cpuMs": {"type": "integer", "description": "milliseconds of processor time"}},
  "additionalProperties": true},

"manifest": {
  "type": "object",
  "required": ["id", "clusterResourceID", "maintenanceTaskID", "state"],
  "properties": {
    "id": {"$ref": "#/components/schemas/uuid"},
    "clusterResourceID": {"type": "string"},
    "maintenanceTaskID": {"$ref": "#/components/schemas/uuid"},
    "state": {"$ref": "#/components/schemas/state"},
    "statusText": {"type": "string"},
    "priority": {"type": "integer"},
    "parameters": {"$ref": "#/components/schemas/parameters"},
    "runAfter": {"$ref": "#/components/schemas/time"},
    "runBefore": {"$ref": "#/components/schemas/time"},
    "bucket": {"type": "integer", "minimum": 0, "maximum": 255},
    "dequeues": {"type": "integer", "description": "number of counted attempts"},
    "nextAttempt": {"$ref": "#/components/schemas/time"},
    "createdAt": {"$ref": "#/components/schemas/time"},
    "createdBySchedule": {"$ref": "#/components/schemas/uuid"},
    "startedAt": {"$ref": "#/components/schemas/time"},
    "finishedAt": {"$ref": "#/components/schemas/time"},
    "leaseOwner": {"$ref": "#/components/schemas/uuid"},
    "leaseOwnerName": {"type": "string", "description": "host of leaseOwner"},
    "leaseExpiry": {"$ref": "#/components/schemas/time"},
    "progress": {"$ref": "#/components/schemas/progress"},
    "attempts": {"type": "array", "items": {"$ref": "#/components/schemas/attempt"}, "description": "oldest first"},
    "running": {"$ref": "#/components/schemas/running"},
    "blockers": {"type": "array", "items": {"$ref": "#/components/schemas/blocker"}, "description": "only in the answer for a single Pending manifest"}}},

"running": {
  "type": "object",
  "description": "the worker that still runs although the manifest has ended",
  "required": ["until", "actuator", "stopping", "message"],
  "properties": {
    "until": {"$ref": "#/components/schemas/time"},
    "actuator": {"$ref": "#/components/schemas/uuid"},
    "hostname": {"type": "string"},
    "stopping": {"type": "boolean", "description": "it was asked to end"},
    "message": {"type": "string"}}},

"blocker": {
  "type": "object",
  "description": "why a manifest is not running now",
  "required": ["kind", "message"],
  "properties": {
    "kind": {"type": "string", "enum": ["notDue", "backoff", "overdue", "clusterBusy", "clusterMissing", "clusterUnreadable", "noActuator", "actuatorPaused", "actuatorFull"]},
    "message": {"type": "string"},
    "until": {"$ref": "#/components/schemas/time"},
    "since": {"$ref": "#/components/schemas/time"},
    "manifest": {"$ref": "#/components/schemas/uuid"},
    "provisioningState": {"type": "string"},
    "bucket": {"type": "integer"},
    "actuator": {"$ref": "#/components/schemas/uuid"},
    "hostname": {"type": "string"}}},

"manifestPage": {
  "type": "object",
  "required": ["value"],
  "properties": {
    "value": {"type": "array", "items": {"$ref": "#/components/schemas/manifest"}},
    "nextLink": {"type": "string", "format": "uri", "description": "the next page; absent on the last"}}},

"deleted": {
  "type": "object",
  "required": ["deleted", "errors", "more"],
  "properties": {
    "deleted": {"type": "integer"},
    "errors": {"type": "integer", "description": "manifests changed by another request, damaged, or with a running worker"},
    "more": {"type": "boolean", "description": "true: more remain; repeat the request"}}},

"cancelled": {
  "type": "object",
  "required": ["cancelled", "errors", "more"],
  "properties": {
    "cancelled": {"type": "integer"},
    "errors": {"type": "integer", "description": "manifests changed by another request, or damaged"},
    "more": {"type": "boolean", "description": "true: more remain; repeat the request"}}},

"summary": {
  "type": "object",
  "required": ["time", "truncated", "notUnderstood", "byState", "byTask", "byCluster", "dequeues"],
  "properties": {
    "time": {"$ref": "#/components/schemas/time"},
    "truncated": {"type": "boolean"},
    "notUnderstood": {"type": "integer"},
    "byState": {"type": "object", "additionalProperties": {"type": "integer"}},
    "byTask": {"type": "array", "items": {
      "type": "object",
      "required": ["maintenanceTaskID", "open", "total"],
      "properties": {
        "maintenanceTaskID": {"$ref": "#/components/schemas/uuid"},
        "shortName": {"type": "string"},
        "open": {"type": "integer"},
        "total": {"type": "integer"}}}},
    "byCluster": {"type": "array", "items": {
      "type": "object",
      "required": ["clusterResourceID", "open"],
      "properties": {"clusterResourceID": {"type": "string"}, "open": {"type": "integer"}}}},
    "dequeues": {"type": "array", "items": {"type": "integer"}, "minItems": 6, "maxItems": 6},
    "oldestRunnable": {
      "type": "object",
      "required": ["id", "clusterResourceID", "since"],
      "properties": {
        "id": {"$ref": "#/components/schemas/uuid"},
        "clusterResourceID": {"type": "string"},
        "since": {"$ref": "#/components/schemas/time"}}}}},

"clusterRequest": {
  "type": "object",
  "description": "Omitted members stay unchanged. Members of an answer that callers may not set are ignored; any other is refused.",
  "properties": {
    "properties": {"type": "object", "additionalProperties": true, "description": "replaces the stored properties"},
    "kubeconfig": {"type": "string", "description": "text of a kubeconfig; sealed on arrival and never shown again"},
    "icm": {"$ref": "#/components/schemas/icm"}}},

"cluster": {
  "type": "object",
  "required": ["id", "name", "uuid", "properties", "hasKubeconfig"],
  "properties": {
    "id": {"type": "string", "description": "resource ID"},
    "name": {"type": "string"},
    "uuid": {"$ref": "#/components/schemas/uuid"},
    "bucket": {"type": "integer", "minimum": 0, "maximum": 255},
    "properties": {"type": "object", "additionalProperties": true},
    "hasKubeconfig": {"type": "boolean"},
    "leaseOwner": {"$ref": "#/components/schemas/uuid"},
    "leaseOwnerName": {"type": "string"},
    "leaseManifest": {"$ref": "#/components/schemas/uuid"},
    "leaseExpiry": {"$ref": "#/components/schemas/time"}}},

"clusterPage": {
  "type": "object",
  "required": ["value"],
  "properties": {
    "value": {"type": "array", "items": {"$ref": "#/components/schemas/cluster"}},
    "nextLink": {"type": "string", "format": "uri"}}},

"taskList": {
  "type": "object",
  "required": ["value"],
  "properties": {"value": {"type": "array", "items": {
    "type": "object",
    "required": ["id", "name", "shortName", "summary", "takesParameters", "practice", "external", "cluster"],
    "properties": {
      "id": {"$ref": "#/components/schemas/uuid"},
      "name": {"type": "string"},
      "shortName": {"type": "string"},
      "summary": {"type": "string"},
      "takesParameters": {"type": "boolean"},
      "practice": {"type": "boolean"},
      "external": {"type": "boolean", "description": "external task"},
      "cluster": {"type": "boolean", "description": "connects to the cluster"},
      "steps": {"type": "array", "items": {"type": "string"},
                "description": "their names; absent if they depend on the parameters"},
      "patches": {"type": "array", "items": {"type": "string"},
                  "description": "paths of the cluster document that it may change"},
      "timeout": {"type": "integer", "description": "seconds; absent if actuator.task_timeout applies"},
      "file": {"type": "string", "description": "file of an external task"}}}}}},

"actuatorList": {
  "type": "object",
  "required": ["value"],
  "properties": {"value": {"type": "array", "items": {
    "type": "object",
    "description": "the membership record as the actuator wrote it",
    "required": ["id", "alive"],
    "properties": {
      "id": {"$ref": "#/components/schemas/uuid"},
      "hostname": {"type": "string"},
      "index": {"type": "integer"},
      "version": {"type": "string"},
      "buckets": {"type": "array", "items": {"type": "integer"}, "description": "first and last bucket; [0, -1] if none"},
      "mode": {"type": "string", "enum": ["working", "paused", "draining", "drained"], "description": "absent: working"},
      "workers": {"type": "integer"},
      "maxWorkers": {"type": "integer"},
      "startedAt": {"$ref": "#/components/schemas/time"},
      "seenAt": {"$ref": "#/components/schemas/time"},
      "alive": {"type": "boolean", "description": "the latest heartbeat is recent"}}}}}},

"auditPage": {
  "type": "object",
  "required": ["value"],
  "properties": {
    "value": {"type": "array", "items": {
      "type": "object",
      "required": ["id", "time", "actor", "action", "resource", "requestId", "status"],
      "properties": {
        "id": {"$ref": "#/components/schemas/uuid"},
        "time": {"$ref": "#/components/schemas/time"},
        "actor": {"type": "string"},
        "action": {"type": "string"},
        "resource": {"type": "string"},
        "icm": {"type": "string"},
        "client": {"type": "string", "description": "address of the caller, or of the proxy's client behind a trusted proxy"},
        "requestId": {"$ref": "#/components/schemas/uuid"},
        "status": {"type": "integer"},
        "count": {"type": "integer"}}}},
    "nextLink": {"type": "string", "format": "uri"}}},

"health": {
  "type": "object",
  "required": ["status"],
  "properties": {"status": {"type": "string", "enum": ["live", "ready"]}}},

"openapi": {
  "type": "object",
  "required": ["openapi", "info", "paths"],
  "properties": {
    "openapi": {"type": "string"},
    "info": {"type": "object", "additionalProperties": true},
    "paths": {"type": "object", "additionalProperties": true}},
  "additionalProperties": true}
});
/* clang-format on */

struct json_object *openapi_schemas(void)
{
    return document_parse(schemas, strlen(schemas), NULL);
}
