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
      "code": {"type": "string", "description": "what scripts match on"},
      "message": {"type": "string", "description": "what is wrong, and what to do"},
      "target": {"type": "string", "description": "the member or parameter that is wrong"}}}}},

"time": {"type": "integer", "minimum": 0, "description": "Unix seconds"},
"uuid": {"type": "string", "format": "uuid"},
"icm": {"type": ["string", "integer"], "maxLength": 128, "description": "ticket this is done for"},
"state": {"type": "string", "enum": ["Pending", "InProgress", "Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled"]},

"manifestRequest": {
  "type": "object",
  "description": "Members of an answer that callers may not set are ignored; any other is refused.",
  "required": ["maintenanceTaskID"],
  "properties": {
    "maintenanceTaskID": {"type": "string", "description": "UUID or short name of a registered task"},
    "runAfter": {"type": ["integer", "string"], "description": "Unix seconds or RFC 3339; now unless given"},
    "runBefore": {"type": ["integer", "string"], "description": "Unix seconds or RFC 3339; seven days from now unless given"},
    "priority": {"type": "integer", "minimum": 0, "maximum": 1000000, "default": 0, "description": "0 is first"},
    "parameters": {"$ref": "#/components/schemas/parameters"},
    "icm": {"$ref": "#/components/schemas/icm"}}},

"parameters": {
  "type": "object",
  "additionalProperties": true,
  "description": "what the task takes: at most 16 KiB and 16 levels"},

"progress": {
  "type": "object",
  "description": "where the attempt that runs stands",
  "properties": {
    "step": {"type": "integer", "minimum": 0},
    "steps": {"type": "integer", "minimum": 0},
    "name": {"type": "string", "description": "of the step"}},
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
    "maxRssKiB": {"type": "integer", "description": "memory of the worker at most"},
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
    "dequeues": {"type": "integer", "description": "attempts that count"},
    "nextAttempt": {"$ref": "#/components/schemas/time"},
    "createdAt": {"$ref": "#/components/schemas/time"},
    "createdBySchedule": {"$ref": "#/components/schemas/uuid"},
    "startedAt": {"$ref": "#/components/schemas/time"},
    "finishedAt": {"$ref": "#/components/schemas/time"},
    "leaseOwner": {"$ref": "#/components/schemas/uuid"},
    "leaseOwnerName": {"type": "string", "description": "host of that actuator"},
    "leaseExpiry": {"$ref": "#/components/schemas/time"},
    "progress": {"$ref": "#/components/schemas/progress"},
    "attempts": {"type": "array", "items": {"$ref": "#/components/schemas/attempt"}, "description": "oldest first"},
    "running": {"$ref": "#/components/schemas/running"},
    "blockers": {"type": "array", "items": {"$ref": "#/components/schemas/blocker"}, "description": "of one that is Pending, when it is asked for alone"}}},

"running": {
  "type": "object",
  "description": "the worker that still runs although the manifest has ended",
  "required": ["until", "actuator", "message"],
  "properties": {
    "until": {"$ref": "#/components/schemas/time"},
    "actuator": {"$ref": "#/components/schemas/uuid"},
    "hostname": {"type": "string"},
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
    "errors": {"type": "integer", "description": "changed by others at the same moment, or not understood"},
    "more": {"type": "boolean", "description": "there are others: repeat the request"}}},

"cancelled": {
  "type": "object",
  "required": ["cancelled", "errors", "more"],
  "properties": {
    "cancelled": {"type": "integer"},
    "errors": {"type": "integer", "description": "changed by others at the same moment, or not understood"},
    "more": {"type": "boolean", "description": "there are others: repeat the request"}}},

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
  "description": "What is left out stays as it is. Members of an answer that callers may not set are ignored; any other is refused.",
  "properties": {
    "properties": {"type": "object", "additionalProperties": true, "description": "replaces what was there"},
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
      "external": {"type": "boolean", "description": "one of the operator's own"},
      "cluster": {"type": "boolean", "description": "connects to the cluster"},
      "steps": {"type": "array", "items": {"type": "string"},
                "description": "their names; absent where the parameters decide"},
      "patches": {"type": "array", "items": {"type": "string"},
                  "description": "paths of the cluster document that it may change"},
      "timeout": {"type": "integer", "description": "seconds; absent where it is the actuator's"},
      "file": {"type": "string", "description": "where an external one was read from"}}}}}},

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
      "buckets": {"type": "array", "items": {"type": "integer"}, "description": "the first and the last; [0, -1]: none"},
      "mode": {"type": "string", "enum": ["working", "paused", "draining", "drained"], "description": "absent: working"},
      "workers": {"type": "integer"},
      "maxWorkers": {"type": "integer"},
      "startedAt": {"$ref": "#/components/schemas/time"},
      "seenAt": {"$ref": "#/components/schemas/time"},
      "alive": {"type": "boolean", "description": "it was seen recently enough"}}}}}},

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
        "client": {"type": "string", "description": "address that asked; behind a trusted proxy that of its client"},
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
