/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.h - the lease of an attempt: its manifest and its cluster, changed together.
 *
 * An attempt may run while its manifest is InProgress under its name and its cluster's lease carries
 * the same name. This module owns that pair. It changes both documents in memory and says which
 * conditional write makes the change real; claim.c, settle.c and upkeep.c run the writes.
 *
 *     lease_read_manifest(), lease_read_cluster()    from what the store answered
 *     lease_take()                                   a Pending manifest and a free cluster
 *     lease_owns()                                   the fence: does this attempt still own it?
 *     lease_show_progress(), lease_end()             while it does
 *     lease_give_back_cluster()                      when only the cluster is still leased
 *     lease_written()                                after the write: the etags from now on
 *
 * The name of an attempt is manifest, actuator, number and token. The number repeats when a store
 * goes back to an earlier state (a restored backup, a dump that is loaded); the token is random and
 * never does.
 *
 * Ownership: a claim owns its documents and etags; a write borrows both until it has been run.
 * Pure: no clock, no I/O but random numbers.
 */
#ifndef MIMO_SUPERVISOR_LEASE_H
#define MIMO_SUPERVISOR_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/backoff.h"
#include "mimo/cluster.h"
#include "mimo/error.h"
#include "mimo/manifest.h"
#include "mimo/outcome.h"
#include "mimo/store.h"

/* A manifest and its cluster as the store has them, as far as is known. */
struct claim {
    struct manifest manifest;
    struct cluster cluster;
    char *manifest_etag; /* NULL: not read, or not in the store */
    char *cluster_etag;
};

/* Bytes of a document that an attempt may add: lease, history, texts. A document without this much
 * room below STORE_DOCUMENT_SIZE_MAXIMUM is not claimed, because its result could not be stored. */
enum { LEASE_ROOM = 16 * 1024 };

bool lease_has_room(size_t document_length);

/* Moves what a claim owns, leaving the source empty. */
struct claim claim_move(struct claim *claim);
void claim_free(struct claim *claim);

/* Takes document and etag out of `item`. ERROR_INVALID if the document cannot be understood; then
 * the claim stays as it was. */
int lease_read_manifest(struct claim *claim, struct store_item *item, struct error *error);
int lease_read_cluster(struct claim *claim, struct store_item *item, struct error *error);

/* Who takes leases, and how. */
struct lease_terms {
    const char *actuator;    /* UUID */
    const char *incarnation; /* UUID of this start of it, or NULL */
    const char *mark;        /* clusters.mark_state */
    int64_t seconds;
};

/* Gives both documents a lease and a new attempt. Where they do not allow it (ERROR_CONFLICT) or
 * there is no memory nothing may be written. */
int lease_take(struct claim *claim, const struct lease_terms *terms, int64_t now,
               struct store_operation *ret_write, struct error *error);

/* What names an attempt within its manifest. */
struct lease_name {
    char actuator[UUID_SIZE];
    int attempt;
    char token[UUID_SIZE]; /* "": a claim by a version without tokens */
};

/* True while the named attempt owns the manifest. */
bool lease_owns(const struct claim *claim, const struct lease_name *name);

/* True when the manifest's history says that the named attempt ended as `outcome`: the write of an
 * earlier try went through although its answer never came. */
bool lease_ended_as(const struct claim *claim, const struct lease_name *name,
                    enum outcome_kind outcome);

struct store_operation lease_write_manifest(struct claim *claim);

void lease_show_progress(struct claim *claim, int step, int steps, const char *name,
                         const char *status_text, struct store_operation *ret_write);

/* What an attempt ended in. */
struct lease_result {
    const struct outcome *outcome;
    const struct attempt_usage *usage;
    const struct backoff *backoff;
    uint32_t random;              /* for the jitter of the backoff */
    struct json_object *patches;  /* JSON merge patches (RFC 7396) of openShiftCluster, or NULL */
    const char *const *patchable; /* the paths that they may change (patch.h) */
};

/* Ends the attempt that the manifest says is running, gives the cluster's lease back if it is that
 * attempt's, and applies the patches. ERROR_CONFLICT if none is running; ERROR_INVALID and
 * ERROR_TOO_LARGE if a patch changes more than it may, or leaves a document that is unreadable or too large:
 * then the claim must be read again before anything else. */
int lease_end(struct claim *claim, const struct lease_result *result, const char *mark, int64_t now,
              struct store_operation *ret_write, struct error *error);

/* Gives the cluster's lease back, and leaves the manifest alone. False if the named attempt does not
 * hold it. */
bool lease_give_back_cluster(struct claim *claim, const struct lease_name *name, const char *mark,
                             struct store_operation *ret_write);

/* The same, whichever attempt of anybody holds it. */
bool lease_give_back_any(struct claim *claim, const char *mark, struct store_operation *ret_write);

/* Takes the new etags out of a write that was done. */
void lease_written(struct claim *claim, struct store_operation *write);

/* Forgets the etags: after a write of unknown end, or one that was refused, everything is read
 * again. */
void lease_forget(struct claim *claim);

#endif
