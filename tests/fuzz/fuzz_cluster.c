/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster as the store has it, and the report of a worker that patches it. */
#include "fuzz.h"

#include "mimo/cluster.h"
#include "supervisor/settle.h"

/* RFC 7396: what a patch sets is there, what it sets to null is not. */
static void check_patch(json_t *cluster, json_t *patch)
{
    json_t *target = json_object_get(cluster, "openShiftCluster");
    if (!json_is_object(target) || !json_is_object(patch))
        return;
    settle_merge_patch(target, patch);
    PROMISE(json_is_object(target));
    const char *name;
    json_t *value;
    json_object_foreach(patch, name, value) {
        json_t *now = json_object_get(target, name);
        if (json_is_null(value))
            PROMISE(!now);
        else if (!json_is_object(value))
            PROMISE(json_equal(now, value));
        else
            PROMISE(json_is_object(now));
    }
    cleanup_json json_t *once = json_deep_copy(target);
    settle_merge_patch(target, patch);
    PROMISE(json_equal(once, target));
}

/* A member "patch" of the document is applied to it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cluster cluster, again;
    struct error error;
    cleanup_free char *copy = fuzz_copy(data, size);
    cleanup_json json_t *document = document_parse(copy, size, &error);
    if (!document || cluster_read(&cluster, document, &error) < 0) {
        promise_error(&error);
        return 0;
    }
    char reason[256] = "";
    PROMISE(!cluster_is_busy(&cluster, "AdminUpdating", reason) || text_is_clean(reason));
    json_t *written = cluster_document(&cluster);
    PROMISE(written && cluster_read(&again, written, &error) == 0);
    PROMISE(strcmp(again.key, cluster.key) == 0 && again.bucket == cluster.bucket &&
            again.lease_expires == cluster.lease_expires);
    cleanup_json json_t *view = cluster_view(&cluster);
    PROMISE(view && !json_object_get(view, "kubeconfig"));
    cleanup_free char *text = document_format(view);
    PROMISE(text);
    cluster_free(&again);

    cleanup_json json_t *patch = json_deep_copy(json_object_get(written, "patch"));
    check_patch(written, patch);
    cluster_free(&cluster);
    return 0;
}
