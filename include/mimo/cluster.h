/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.h - a cluster's document: its lease, and the mark that other programs see.
 *
 * At most one attempt runs on a cluster at any time, across all actuators, because an attempt must
 * hold the cluster's lease. While it does, provisioningState is the configured mark
 * ("AdminUpdating"), and `lastProvisioningState` has the state before. Both are restored when the
 * attempt ends, however it ends. An empty mark leaves provisioningState alone.
 *
 * The document itself records what has to be restored, so that it survives crashes and changes of
 * the configuration: `leaseMark`, the mark that was set, and `leaseLastProvisioningState`.
 *
 * Pure: no clock, no I/O; callers pass the time, in Unix seconds.
 * Ownership: a cluster holds a reference to its document; cluster_free().
 * Threads: a cluster is used by one thread at a time.
 */
#ifndef MIMO_CLUSTER_H
#define MIMO_CLUSTER_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "mimo/error.h"
#include "mimo/resource_id.h"
#include "mimo/uuid.h"

enum {
    CLUSTER_STATE_SIZE = 64,
    CLUSTER_KUBECONFIG_SIZE_MAXIMUM = 256 * 1024,
    /* Bytes of a new or patched document. The store accepts 1 MiB; the rest is for the members of a lease, which must always fit. */
    CLUSTER_SIZE_MAXIMUM = 1016 * 1024,
};

struct cluster {
    char id[UUID_SIZE];
    char key[RESOURCE_ID_SIZE]; /* lower-cased resource ID */
    int bucket;
    char provisioning_state[CLUSTER_STATE_SIZE]; /* "" when absent */
    char last_provisioning_state[CLUSTER_STATE_SIZE];
    char lease_owner[UUID_SIZE];
    char lease_manifest[UUID_SIZE]; /* id of the manifest whose attempt holds the lease */
    int lease_attempt;              /* number of that attempt; 0: unknown */
    char lease_token[UUID_SIZE];    /* the claim's random token; "": a lease of an older version */
    char lease_incarnation[UUID_SIZE]; /* which start of the owner took the lease */
    int64_t lease_expires;
    struct json_object *document; /* owned */
};

/* Makes the document of a new cluster. `properties` (borrowed, may be NULL) is the
 * openShiftCluster's properties object; `sealed_kubeconfig` is base64 or NULL. ERROR_INVALID names
 * the wrong member. */
int cluster_create(struct cluster *cluster, const char *resource_id, struct json_object *properties,
                   const char *sealed_kubeconfig, struct error *error);

int cluster_read(struct cluster *cluster, struct json_object *document, struct error *error);
void cluster_free(struct cluster *cluster);

/* Writes the fields into the document and returns it. Borrowed. NULL only without memory. */
struct json_object *cluster_document(struct cluster *cluster);

/* Applies `patches` (an array) to openShiftCluster, each within what `declared` allows (patch.h).
 * On failure nothing changes. ERROR_INVALID: a patch changes anything else, or the result is no
 * valid document of this cluster. ERROR_TOO_LARGE: the result is too large or too deep. */
int cluster_patch(struct cluster *cluster, const struct json_object *patches,
                  const char *const *declared, struct error *error);

/* The cluster as the Admin API shows it: id, name, uuid, bucket, lease and properties, without the
 * kubeconfig and without properties whose names suggest credentials. New reference; NULL only
 * without memory. */
struct json_object *cluster_view(struct cluster *cluster);

/* True while an attempt of any actuator holds the lease, which includes the second in which it
 * expires. */
bool cluster_is_leased(const struct cluster *cluster, int64_t now);

/* True when another program is changing the cluster: provisioningState is present and is not
 * Succeeded, Failed or the mark of a lease (the mark without a leaseOwner was set by another
 * program). Writes the reason, for statusText, into `reason` (at least 256 bytes). */
bool cluster_is_busy(const struct cluster *cluster, const char *mark, char *reason);

/* Takes the lease for an attempt of `manifest` and sets the mark. ERROR_CONFLICT when another
 * attempt holds it. Clears number, token and incarnation, which the caller then sets. */
int cluster_take_lease(struct cluster *cluster, const char *owner, const char *manifest,
                       int64_t now, int64_t lease_seconds, const char *mark, struct error *error);

/* Releases the lease and, if provisioningState is still the mark, restores the state before.
 * Returns false and changes nothing if `owner` does not hold the lease for `manifest`. `manifest`
 * NULL: any manifest (recovery). */
bool cluster_release_lease(struct cluster *cluster, const char *owner, const char *manifest,
                           const char *mark);

/* True when the cluster of this document is being deleted, by MIMO or by another program:
 * provisioningState is Deleting, in any case. */
bool cluster_is_deleting(const struct json_object *document);

/* A removal from the inventory marks the cluster, looks for open manifests, and then deletes it or
 * takes the mark back. A manifest that is created meanwhile is found by the removal, or its creator
 * finds the mark. Marking sets provisioningState to Deleting and `stateBeforeRemoval` to the state
 * before. Unmarking restores it; false if no removal has marked the cluster. -1 without memory. */
int cluster_mark_deleting(struct cluster *cluster, struct error *error);
bool cluster_unmark_deleting(struct cluster *cluster);

/* Removes what a mark remembers, for a document whose properties have been replaced. */
void cluster_forget_removal(struct json_object *document);

/* Checks operator flags (properties.operatorFlags): an object whose members are strings and have
 * non-empty names, as in the schema of the cluster's operator. ERROR_INVALID names the member. */
int cluster_check_operator_flags(const struct json_object *flags, struct error *error);

#endif
