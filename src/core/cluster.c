/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.c - a cluster's document: its lease, and the mark that others see. */
#include "mimo/cluster.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/member.h"
#include "mimo/bucket.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/outcome.h"
#include "mimo/patch.h"

#define PLACE(field)   offsetof(struct cluster, field)
#define STATE_DELETING "Deleting"

/* Members of the document that are plain fields; the key is read apart. */
static const struct member members[] = {
    {"id", NULL, MEMBER_UUID, PLACE(id), .required = true},
    {"bucket", "bucket", MEMBER_INT, PLACE(bucket), .largest = BUCKET_COUNT - 1, .otherwise = -1},
    {"openShiftCluster.properties.provisioningState", NULL, MEMBER_TEXT, PLACE(provisioning_state),
     .size = CLUSTER_STATE_SIZE},
    {"openShiftCluster.properties.lastProvisioningState", NULL, MEMBER_TEXT,
     PLACE(last_provisioning_state), .size = CLUSTER_STATE_SIZE},
    {"leaseOwner", "leaseOwner", MEMBER_UUID, PLACE(lease_owner)},
    {"leaseManifest", "leaseManifest", MEMBER_UUID, PLACE(lease_manifest)},
    {"leaseAttempt", NULL, MEMBER_INT, PLACE(lease_attempt), .smallest = 1, .largest = INT_MAX},
    {"leaseToken", NULL, MEMBER_UUID, PLACE(lease_token)},
    {"leaseIncarnation", NULL, MEMBER_UUID, PLACE(lease_incarnation)},
    {"leaseExpires", "leaseExpiry", MEMBER_TIME, PLACE(lease_expires)},
};

enum { MEMBER_COUNT = sizeof(members) / sizeof(members[0]) };

/* What a lease remembers to put back: the mark it set (the configuration may be another when the
 * lease is given back), and the lastProvisioningState that it wrote over. */
static const char mark_path[] = "leaseMark";
static const char saved_path[] = "leaseLastProvisioningState";

/* The provisioningState before a removal from the inventory began; present while it goes on. */
static const char removal_path[] = "stateBeforeRemoval";

static const char resource_path[] = "openShiftCluster.id";
static const char properties_path[] = "openShiftCluster.properties";

/* Base64 of the largest kubeconfig with what sealing adds to it. */
enum { SEALED_SIZE_MAXIMUM = (CLUSTER_KUBECONFIG_SIZE_MAXIMUM + 4096) / 3 * 4 + 4 };

static int no_memory(struct error *error)
{
    return error_set_system(error, ENOMEM, "cannot change a cluster");
}

static int fill_document(struct cluster *cluster, const char *resource_id,
                         struct json_object *properties, const char *sealed_kubeconfig)
{
    char subscription[UUID_SIZE];

    resource_id_subscription(cluster->key, subscription);
    if (document_set_string(cluster->document, "key", cluster->key) < 0 ||
        document_set_string(cluster->document, "partitionKey", subscription) < 0 ||
        document_set_string(cluster->document, resource_path, resource_id) < 0 ||
        document_set(cluster->document, properties_path,
                     properties ? document_copy(properties) : json_object_new_object()) < 0 ||
        document_set_string(cluster->document, "sealedKubeconfig", sealed_kubeconfig) < 0)
        return -1;
    return 0;
}

/* The key; a producer that has none names the cluster in openShiftCluster.id. */
static int read_key(struct cluster *cluster, struct error *error)
{
    const char *key, *id, *sealed;

    if (document_read_string(cluster->document, resource_path, "", &id, error) < 0 ||
        document_read_string(cluster->document, "key", id, &key, error) < 0 ||
        document_read_string(cluster->document, "sealedKubeconfig", "", &sealed, error) < 0)
        return -1;
    if (resource_id_normalize(key, cluster->key, error) < 0)
        return error_prefix(error, "member \"key\"");
    return 0;
}

int cluster_read(struct cluster *cluster, struct json_object *document, struct error *error)
{
    struct cluster read = {.document = document};

    if (!document_is_object(document))
        return error_set(error, ERROR_INVALID, "document is not a JSON object");
    if (document_check_object(document, "openShiftCluster", error) < 0 ||
        document_check_object(document, properties_path, error) < 0 ||
        member_read_all(members, MEMBER_COUNT, document, &read, error) < 0 ||
        read_key(&read, error) < 0)
        return -1;
    if (read.bucket < 0)
        read.bucket = bucket_of(read.key);
    json_object_get(document);
    *cluster = read;
    return 0;
}

void cluster_free(struct cluster *cluster)
{
    json_object_put(cluster->document);
    *cluster = (struct cluster){0};
}

/* Reads the document from its text, as the next reader will. */
static int read_text(struct cluster *cluster, const struct json_object *document,
                     struct error *error)
{
    cleanup_free char *text = document_format(document);

    if (!text)
        return error_set_memory(error);
    size_t length = strlen(text);
    if (length > CLUSTER_SIZE_MAXIMUM)
        return error_set(error, ERROR_TOO_LARGE,
                         "the cluster's document would have %zu bytes; %d are allowed", length,
                         CLUSTER_SIZE_MAXIMUM);
    cleanup_json struct json_object *read = document_parse(text, length, error);
    return read ? cluster_read(cluster, read, error) : -1;
}

int cluster_create(struct cluster *cluster, const char *resource_id, struct json_object *properties,
                   const char *sealed_kubeconfig, struct error *error)
{
    struct cluster made = {.document = NULL};
    struct cluster checked;
    int result;

    if (resource_id_normalize(resource_id, made.key, error) < 0)
        return -1;
    if (properties && !document_is_object(properties))
        return error_set(error, ERROR_INVALID, "member \"properties\" must be an object");
    if (sealed_kubeconfig && strlen(sealed_kubeconfig) > SEALED_SIZE_MAXIMUM)
        return error_set(error, ERROR_INVALID, "member \"sealedKubeconfig\" is too large");
    uuid_make(made.id);
    made.bucket = bucket_of(made.key);
    made.document = json_object_new_object();
    if (fill_document(&made, resource_id, properties, sealed_kubeconfig) < 0 ||
        document_set_string(made.document, "id", made.id) < 0 ||
        document_set(made.document, "bucket", json_object_new_int64(made.bucket)) < 0) {
        cluster_free(&made);
        return no_memory(error);
    }
    /* What was given is checked as what is stored is. */
    result = read_text(&checked, made.document, error);
    cluster_free(&made);
    if (result == 0)
        *cluster = checked;
    return result;
}

/* openShiftCluster.id, where there is one, is the cluster's key in another spelling. */
static int check_name(const struct cluster *cluster, struct error *error)
{
    const char *id = document_string(cluster->document, resource_path, cluster->key);
    char key[RESOURCE_ID_SIZE];

    if (resource_id_normalize(id, key, error) < 0)
        return error_prefix(error, "member \"%s\"", resource_path);
    if (strcmp(key, cluster->key) != 0)
        return error_set(error, ERROR_INVALID, "member \"%s\" names another cluster",
                         resource_path);
    return 0;
}

static int apply_patches(struct json_object *document, const struct json_object *patches,
                         const char *const *declared, struct error *error)
{
    struct json_object *target = document_get(document, "openShiftCluster");
    size_t index;
    struct json_object *patch;

    if (!target)
        return error_set(error, ERROR_INVALID, "member \"openShiftCluster\" is missing");
    document_foreach_item(patches, index, patch) {
        if (!document_is_object(patch))
            return error_set(error, ERROR_INVALID, "a patch must be an object");
        if (patch_check(patch, target, declared, error) < 0 ||
            patch_apply(target, patch, error) < 0)
            return -1;
    }
    return 0;
}

int cluster_patch(struct cluster *cluster, const struct json_object *patches,
                  const char *const *declared, struct error *error)
{
    cleanup_json struct json_object *document = document_copy(cluster_document(cluster));
    struct cluster read;

    if (!document)
        return error_set_memory(error);
    if (apply_patches(document, patches, declared, error) < 0 ||
        read_text(&read, document, error) < 0)
        return -1;
    int result = check_name(&read, error);
    if (result == 0) {
        struct json_object *before = cluster->document;
        cluster->document = read.document;
        read.document = before;
    }
    cluster_free(&read);
    return result;
}

struct json_object *cluster_document(struct cluster *cluster)
{
    if (member_write_all(members, MEMBER_COUNT, cluster, cluster->document) < 0)
        return NULL;
    return cluster->document;
}

/* Members that hold credentials in the documents of the service; they are kept, but never shown. */
static bool is_secret(const char *name)
{
    static const char *const parts[] = {"kubeconfig", "password",   "secret", "signingkey",
                                        "sshkey",     "privatekey", "token"};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcasestr(name, parts[i]))
            return true;
    }
    return false;
}

/* Operator flags are names that operators chose ("aro.pullsecret.enabled"), and values they
 * know. */
static bool is_free_of_secrets(const char *name)
{
    return strcmp(name, "operatorFlags") == 0;
}

static void remove_secrets(struct json_object *value)
{
    const char *name;
    struct json_object *child;
    size_t index;

    document_foreach_item(value, index, child)
        remove_secrets(child);
    document_foreach_member(value, name, child) {
        if (is_secret(name))
            document_delete(value, name);
        else if (!is_free_of_secrets(name))
            remove_secrets(child);
    }
}

struct json_object *cluster_view(struct cluster *cluster)
{
    struct json_object *document = cluster_document(cluster);
    struct json_object *properties = document_get(document, properties_path);
    struct json_object *view = json_object_new_object();

    properties = properties ? document_copy(properties) : json_object_new_object();
    remove_secrets(properties);
    if (!document ||
        document_set_string(view, "id", document_string(document, resource_path, cluster->key)) <
            0 ||
        document_set_string(
            view, "name",
            resource_id_name(document_string(document, resource_path, cluster->key))) < 0 ||
        document_set_string(view, "uuid", cluster->id) < 0 ||
        member_show_all(members, MEMBER_COUNT, cluster, view) < 0 ||
        document_set(view, "properties", json_object_get(properties)) < 0) {
        json_object_put(properties);
        json_object_put(view);
        return NULL;
    }
    json_object_put(properties);
    return view;
}

bool cluster_is_leased(const struct cluster *cluster, int64_t now)
{
    return *cluster->lease_owner && cluster->lease_expires >= now;
}

/* The mark that the lease set, or that a lease would set now. */
static const char *mark_in_force(const struct cluster *cluster, const char *mark)
{
    return document_string(cluster->document, mark_path, mark);
}

bool cluster_is_busy(const struct cluster *cluster, const char *mark, char *reason)
{
    const char *state = cluster->provisioning_state;
    bool ours = *cluster->lease_owner && strcmp(state, mark_in_force(cluster, mark)) == 0;

    if (*state == '\0' || strcmp(state, "Succeeded") == 0 || strcmp(state, "Failed") == 0 || ours)
        return false;
    snprintf(reason, 256,
             "cluster is busy: provisioningState is %s; waiting for Succeeded or Failed", state);
    return true;
}

int cluster_take_lease(struct cluster *cluster, const char *owner, const char *manifest,
                       int64_t now, int64_t lease_seconds, const char *mark, struct error *error)
{
    char until[CLOCK_TEXT_SIZE];
    const char *marked;

    if (cluster_is_leased(cluster, now))
        return error_set(error, ERROR_CONFLICT, "cluster %s is leased for manifest %s until %s",
                         resource_id_name(cluster->key),
                         *cluster->lease_manifest ? cluster->lease_manifest : "(unknown)",
                         clock_format(until, cluster->lease_expires));
    /* A lease that ran out left its mark: what was before that is still what has to be put back. */
    marked = document_string(cluster->document, mark_path, NULL);
    if (*mark && !(marked && strcmp(cluster->provisioning_state, marked) == 0)) {
        if (document_set_string(cluster->document, saved_path, cluster->last_provisioning_state) <
                0 ||
            document_set_string(cluster->document, mark_path, mark) < 0)
            return no_memory(error);
        memcpy(cluster->last_provisioning_state, cluster->provisioning_state, CLUSTER_STATE_SIZE);
        status_text_copy(cluster->provisioning_state, CLUSTER_STATE_SIZE, mark);
    }
    memcpy(cluster->lease_owner, owner, UUID_SIZE);
    memcpy(cluster->lease_manifest, manifest, UUID_SIZE);
    cluster->lease_attempt = 0;
    cluster->lease_token[0] = cluster->lease_incarnation[0] = '\0';
    cluster->lease_expires = now + lease_seconds;
    return 0;
}

bool cluster_release_lease(struct cluster *cluster, const char *owner, const char *manifest,
                           const char *mark)
{
    const char *marked = mark_in_force(cluster, mark);

    if (strcmp(cluster->lease_owner, owner) != 0 ||
        (manifest && strcmp(cluster->lease_manifest, manifest) != 0))
        return false;
    if (*marked && strcmp(cluster->provisioning_state, marked) == 0) {
        memcpy(cluster->provisioning_state, cluster->last_provisioning_state, CLUSTER_STATE_SIZE);
        status_text_copy(cluster->last_provisioning_state, CLUSTER_STATE_SIZE,
                         document_string(cluster->document, saved_path, ""));
    }
    document_remove(cluster->document, mark_path);
    document_remove(cluster->document, saved_path);
    cluster->lease_owner[0] = '\0';
    cluster->lease_manifest[0] = '\0';
    cluster->lease_attempt = 0;
    cluster->lease_token[0] = cluster->lease_incarnation[0] = '\0';
    cluster->lease_expires = 0;
    return true;
}

bool cluster_is_deleting(const struct json_object *document)
{
    return strcasecmp(
               document_string(document, "openShiftCluster.properties.provisioningState", ""),
               STATE_DELETING) == 0;
}

int cluster_mark_deleting(struct cluster *cluster, struct error *error)
{
    if (document_set(cluster->document, removal_path,
                     document_new_string(cluster->provisioning_state)) < 0)
        return no_memory(error);
    status_text_copy(cluster->provisioning_state, CLUSTER_STATE_SIZE, STATE_DELETING);
    return 0;
}

bool cluster_unmark_deleting(struct cluster *cluster)
{
    const char *before = document_string(cluster->document, removal_path, NULL);

    if (!before)
        return false;
    status_text_copy(cluster->provisioning_state, CLUSTER_STATE_SIZE, before);
    document_remove(cluster->document, removal_path);
    return true;
}

void cluster_forget_removal(struct json_object *document)
{
    document_remove(document, removal_path);
}

int cluster_check_operator_flags(const struct json_object *flags, struct error *error)
{
    enum { NAME_SHOWN = 128 };
    const char *name;
    struct json_object *value;

    if (!document_is_object(flags))
        return error_set(error, ERROR_INVALID, "properties.operatorFlags is not an object");
    document_foreach_member((struct json_object *)(uintptr_t)flags, name, value) {
        if (!name[0])
            return error_set(error, ERROR_INVALID, "properties.operatorFlags: a flag has no name");
        if (!document_is_string(value))
            return error_set(error, ERROR_INVALID,
                             "properties.operatorFlags: \"%.*s\" must be a string, such as "
                             "\"true\"",
                             NAME_SHOWN, name);
    }
    return 0;
}
