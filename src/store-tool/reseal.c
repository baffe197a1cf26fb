/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mimo-store reseal: the credentials of all clusters under another certificate.
 *
 * A cluster is changed by one conditional write, or not at all; what is under the new certificate
 * already is left as it is. So it may be stopped and started again at any time, and run while the
 * Admin API and the actuators write to the same documents: who was first is read again.
 */
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/seal.h"
#include "store-tool/tool.h"

enum { RESEAL_PAGE = 100, RESEAL_TRIES = 20 };

static const char sealed_path[] = "sealedKubeconfig";

struct reseal {
    struct store *store;
    struct seal_certificate *certificate; /* to seal under */
    struct seal_key *new_key;             /* opens what is sealed under it */
    struct seal_key *old_key;
    size_t resealed, already, without, failed;
};

static void release(struct reseal *reseal)
{
    store_close(reseal->store);
    seal_certificate_free(reseal->certificate);
    seal_key_free(reseal->new_key);
    seal_key_free(reseal->old_key);
}
#define cleanup_reseal __attribute__((cleanup(release)))

/* Sealed text, and what is inside. */
struct content {
    unsigned char *sealed, *plain;
    size_t sealed_length, plain_length;
};

static void wipe_content(struct content *content)
{
    seal_wipe(content->plain, content->plain_length);
    free(content->sealed);
}
#define cleanup_content __attribute__((cleanup(wipe_content)))

static int open_content(const struct seal_key *key, struct content *content, struct error *error)
{
    return seal_open(key, content->sealed, content->sealed_length, &content->plain,
                     &content->plain_length, error);
}

/* Nothing is written that was not opened again before. */
static int check_content(const struct reseal *reseal, const struct content *made,
                         const struct content *wanted, struct error *error)
{
    cleanup_content struct content opened = {0};
    int status = seal_open(reseal->new_key, made->sealed, made->sealed_length, &opened.plain,
                           &opened.plain_length, error);
    if (status == 0 && (opened.plain_length != wanted->plain_length ||
                        memcmp(opened.plain, wanted->plain, wanted->plain_length) != 0))
        status = error_set(error, ERROR_SYSTEM, "what was sealed came out changed");
    return status;
}

static int seal_anew(const struct reseal *reseal, const struct content *old,
                     struct json_object *document, struct error *error)
{
    cleanup_content struct content made = {0};
    cleanup_free char *text = NULL;
    if (seal_close(reseal->certificate, old->plain, old->plain_length, &made.sealed,
                   &made.sealed_length, error) < 0 ||
        check_content(reseal, &made, old, error) < 0 ||
        base64_encode(made.sealed, made.sealed_length, &text, error) < 0)
        return -1;
    if (document_set_string(document, sealed_path, text) < 0)
        return error_set_memory(error);
    return 0;
}

/* 1: the document is to be written, 0: it may stay as it is, -1: it has to, for the reason in
 * `error`. */
static int reseal_document(struct reseal *reseal, struct json_object *document, struct error *error)
{
    const char *text = document_string(document, sealed_path, NULL);
    cleanup_content struct content old = {0};
    if (!text) {
        reseal->without++;
        return 0;
    }
    if (base64_decode(text, &old.sealed, &old.sealed_length, error) < 0)
        return -1;
    if (seal_is_under(reseal->certificate, old.sealed, old.sealed_length)) {
        if (open_content(reseal->new_key, &old, error) < 0)
            return -1;
        reseal->already++;
        return 0;
    }
    if (open_content(reseal->old_key, &old, error) < 0 ||
        seal_anew(reseal, &old, document, error) < 0)
        return -1;
    return 1;
}

static void complain(struct reseal *reseal, const struct json_object *document,
                     const struct error *error)
{
    reseal->failed++;
    tool_complain("cluster %s stays as it is: %s; if no key opens it any more, register its "
                  "kubeconfig again",
                  document_string(document, "key", document_string(document, "id", "?")),
                  error->message);
}

/* One cluster, written on condition that nobody was first. */
static int reseal_item(struct reseal *reseal, struct store_item *item, enum store_status *ret_end,
                       struct error *error)
{
    struct error reason;
    int changed = reseal_document(reseal, item->document, &reason);
    *ret_end = STORE_DONE;
    if (changed < 0)
        complain(reseal, item->document, &reason);
    if (changed <= 0)
        return 0;
    struct store_operation write = store_replace(STORE_CLUSTERS, item->etag, item->document);
    if (store_run(reseal->store, &write, 1, error) < 0)
        return -1;
    *ret_end = write.result.status;
    if (write.result.status == STORE_DONE)
        reseal->resealed++;
    else if (write.result.status == STORE_REFUSED)
        complain(reseal, item->document, &write.result.error);
    store_release(&write, 1);
    return 0;
}

/* Reads a cluster again that somebody else wrote meanwhile, until the write holds. */
static int reseal_again(struct reseal *reseal, const char *key, struct error *error)
{
    enum store_status end = STORE_CONFLICT;
    int status = 0;
    for (int try = 0; status == 0 && end == STORE_CONFLICT && try < RESEAL_TRIES; try++) {
        struct store_operation read = store_get(STORE_CLUSTERS, NULL, key);
        status = store_run(reseal->store, &read, 1, error);
        if (status == 0 && read.result.status != STORE_DONE)
            end = read.result.status; /* deleted meanwhile: nothing is left to seal */
        else if (status == 0)
            status = reseal_item(reseal, &read.result.items[0], &end, error);
        store_release(&read, 1);
    }
    if (status == 0 && end == STORE_CONFLICT) {
        reseal->failed++;
        tool_complain("cluster %s is written all the time by others: run reseal again", key);
    }
    return status;
}

static int reseal_page(void *context, struct store_result *page, struct error *error)
{
    struct reseal *reseal = context;
    for (size_t i = 0; i < page->count; i++) {
        enum store_status end;
        if (reseal_item(reseal, &page->items[i], &end, error) < 0)
            return -1;
        const char *key = document_string(page->items[i].document, "key", "");
        if (end == STORE_CONFLICT && reseal_again(reseal, key, error) < 0)
            return -1;
    }
    if (page->skipped > 0) {
        reseal->failed += page->skipped;
        tool_complain("%zu documents stay as they are: %s", page->skipped, page->error.message);
    }
    return 0;
}

static const char *or_else(const char *given, const char *configured)
{
    return given ? given : configured;
}

static int open_all(const struct tool *tool, struct reseal *reseal, struct error *error)
{
    const struct config *config = tool->config;
    const char *certificate = or_else(tool->new_certificate, config->clusters_seal_certificate);
    const char *new_key = or_else(tool->new_key, config->clusters_seal_key);
    const char *old_key = or_else(tool->old_key, config->clusters_seal_key);
    if (seal_certificate_load(certificate, &reseal->certificate, error) < 0 ||
        seal_key_load(NULL, old_key, &reseal->old_key, error) < 0)
        return -1;
    if (seal_key_load(certificate, new_key, &reseal->new_key, error) < 0)
        return error_prefix(error, "what is sealed anew must be opened again (--new-key)");
    return store_open(tool->uri, &reseal->store, error);
}

int tool_reseal(const struct tool *tool)
{
    cleanup_reseal struct reseal reseal = {0};
    struct error error;
    if (open_all(tool, &reseal, &error) < 0)
        return tool_fail(&error);
    int status =
        tool_visit_pages(reseal.store, STORE_CLUSTERS, RESEAL_PAGE, reseal_page, &reseal, &error);
    if (status < 0)
        tool_fail(&error);
    printf("%zu clusters resealed, %zu were already, %zu have no kubeconfig, %zu failed%s\n",
           reseal.resealed, reseal.already, reseal.without, reseal.failed,
           status < 0 ? "; not all were looked at: run it again" : "");
    return status < 0 || reseal.failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
