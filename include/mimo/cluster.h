/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.h - a cluster's document: its lease, and the mark that others see.
 *
 * At most one attempt runs on a cluster at any time, across all actuators: the attempt holds the
 * cluster's lease. While it does, provisioningState is the configured mark ("AdminUpdating") and
 * the state before is kept in `lastProvisioningState`; both are put back when the attempt ends,
 * however it ends. An empty mark leaves provisioningState alone. Pure: no clock, no I/O.
 *
 * What has to be put back stands in the document, so that it outlives crashes and changes of the
 * configuration: `leaseMark`, the mark that was set, and `leaseLastProvisioningState`.
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
    /* Bytes of a document that is made or patched: the store takes 1 MiB, and the members of a lease
     * must always fit. */
    CLUSTER_SIZE_MAXIMUM = 1016 * 1024,
};

struct cluster {
    char id[UUID_SIZE];
    char key[RESOURCE_ID_SIZE]; /* lower-cased resource ID */
    int bucket;
    char provisioning_state[CLUSTER_STATE_SIZE]; /* "" when absent */
    char last_provisioning_state[CLUSTER_STATE_SIZE];
    char lease_owner[UUID_SIZE];
    char lease_manifest[UUID_SIZE];    /* id of the manifest whose attempt holds the lease */
    int lease_attempt;                 /* that attempt's number; 0: not known */
    char lease_token[UUID_SIZE];       /* the claim's random token; "": an older version's lease */
    char lease_incarnation[UUID_SIZE]; /* which start of the owner took the lease */
    int64_t lease_expires;
    struct json_object *document; /* owned */
};

/* Makes the document of a new cluster. `properties` (borrowed, may be NULL) is the
 * openShiftCluster's properties object; `sealed_kubeconfig` is base64 or NULL. ERROR_INVALID names
 * what is wrong. */
int cluster_create(struct cluster *cluster, const char *resource_id, struct json_object *properties,
                   const char *sealed_kubeconfig, struct error *error);

int cluster_read(struct cluster *cluster, struct json_object *document, struct error *error);
void cluster_free(struct cluster *cluster);

/* The document with the fields written into it. Borrowed. NULL only without memory. */
struct json_object *cluster_document(struct cluster *cluster);

/* Applies `patches` (an array) to openShiftCluster, each within what `declared` allows (patch.h).
 * Nothing changes on failure: ERROR_INVALID when a patch reaches elsewhere or the result could not
 * be read as this cluster, ERROR_TOO_LARGE when it is too large or too deep. */
int cluster_patch(struct cluster *cluster, const struct json_object *patches,
                  const char *const *declared, struct error *error);

/* As the Admin API shows it: id, name, uuid, bucket, lease, and properties but for those that hold
 * credentials by their name; never the kubeconfig. New reference; NULL only without memory. */
struct json_object *cluster_view(struct cluster *cluster);

/* True while an attempt of anybody holds the lease: until the second it expires in is over. */
bool cluster_is_leased(const struct cluster *cluster, int64_t now);

/* True when somebody else is changing the cluster: its state is neither absent, Succeeded, Failed
 * nor a mark that came with a lease (the mark without any leaseOwner is somebody else's). Writes
 * the reason for statusText into `reason` (at least 256 bytes). */
bool cluster_is_busy(const struct cluster *cluster, const char *mark, char *reason);

/* Takes the lease for an attempt of `manifest` and sets the mark. ERROR_CONFLICT when leased. Number,
 * token and incarnation are cleared; the caller sets them. */
int cluster_take_lease(struct cluster *cluster, const char *owner, const char *manifest,
                       int64_t now, int64_t lease_seconds, const char *mark, struct error *error);

/* Gives the lease back and, where provisioningState is still the mark, puts the state from before
 * back. False when `owner` with `manifest` does not hold it: then nothing changes. `manifest` NULL:
 * whichever manifest it is (recovery). */
bool cluster_release_lease(struct cluster *cluster, const char *owner, const char *manifest,
                           const char *mark);

/* Whether operator flags (properties.operatorFlags) are an object whose members have names and are
 * strings, as the schema of the cluster's operator has them. ERROR_INVALID names the member. */
int cluster_check_operator_flags(const struct json_object *flags, struct error *error);

#endif
