/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_cluster.c - a cluster as the store has it, and the report of a worker that patches it. */
#include "fuzz.h"

#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/patch.h"

/* RFC 7396: what a patch sets is there, what it sets to null is not. */
static void check_patch(struct json_object *cluster, struct json_object *patch)
{
    struct json_object *target = document_member(cluster, "openShiftCluster");
    if (!document_is_object(target) || !document_is_object(patch))
        return;
    PROMISE(patch_apply(target, patch, NULL) == 0);
    PROMISE(document_is_object(target));
    const char *name;
    struct json_object *value;
    document_foreach_member(patch, name, value) {
        struct json_object *now = document_member(target, name);
        if (!value)
            PROMISE(!document_has(target, name));
        else if (!document_is_object(value))
            PROMISE(document_equal(now, value));
        else
            PROMISE(document_is_object(now));
    }
    cleanup_json struct json_object *once = document_copy(target);
    PROMISE(patch_apply(target, patch, NULL) == 0);
    PROMISE(document_equal(once, target));
}

/* A member "patch" of the document is applied to it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cluster cluster, again;
    struct error error;
    cleanup_free char *copy = fuzz_copy(data, size);
    cleanup_json struct json_object *document = document_parse(copy, size, &error);
    if (!document || cluster_read(&cluster, document, &error) < 0) {
        promise_error(&error);
        return 0;
    }
    char reason[256] = "";
    PROMISE(!cluster_is_busy(&cluster, "AdminUpdating", reason) || text_is_clean(reason));
    struct json_object *written = cluster_document(&cluster);
    PROMISE(written && cluster_read(&again, written, &error) == 0);
    PROMISE(strcmp(again.key, cluster.key) == 0 && again.bucket == cluster.bucket &&
            again.lease_expires == cluster.lease_expires);
    cleanup_json struct json_object *view = cluster_view(&cluster);
    PROMISE(view && !document_member(view, "kubeconfig"));
    cleanup_free char *text = document_format(view);
    PROMISE(text);
    cluster_free(&again);

    cleanup_json struct json_object *patch = document_copy(document_member(written, "patch"));
    check_patch(written, patch);
    cluster_free(&cluster);
    return 0;
}
