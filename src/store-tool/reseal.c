/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reseal.c - mimo-store reseal: seals the credentials of all clusters under another certificate.
 *
 * Each cluster is changed by one conditional write, or not at all; a cluster that is sealed under
 * the new certificate already is not changed. So reseal can be stopped and started again at any
 * time, and can run while the Admin API and actuators write to the same documents.
 */
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/privileges.h"
#include "mimo/seal.h"
#include "mimo/store_change.h"
#include "mimo/trusted_path.h"
#include "store-tool/tool.h"

enum { RESEAL_PAGE = 100 };

static const char sealed_path[] = "sealedKubeconfig";

struct reseal {
    struct store *store;
    struct seal_certificate *certificate; /* to seal under */
    struct seal_key *new_key;             /* opens credentials sealed under it */
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

/* A sealed text, and its content. */
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

/* Opens the new sealed text again before it is written. */
static int check_content(const struct reseal *reseal, const struct content *made,
                         const struct content *wanted, struct error *error)
{
    cleanup_content struct content opened = {0};
    int status = seal_open(reseal->new_key, made->sealed, made->sealed_length, &opened.plain,
                           &opened.plain_length, error);
    if (status == 0 && (opened.plain_length != wanted->plain_length ||
                        memcmp(opened.plain, wanted->plain, wanted->plain_length) != 0))
        status =
            error_set(error, ERROR_SYSTEM, "the new sealed text does not open to the same content");
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

/* 1: the document must be written. 0: it needs no change. -1: it cannot be resealed, for the reason
 * in `error`. */
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
    tool_complain("cluster %s is not changed: %s; if no key opens it any more, register its "
                  "kubeconfig again",
                  document_string(document, "key", document_string(document, "id", "?")),
                  error->message);
}

/* A cluster on a page, and the result. */
struct resealing {
    struct reseal *reseal;
    struct store_item *item; /* as it was on the page */
};

/* Reseals the document that was read last: first that of the page, after a conflict the stored
 * one. */
static enum change_verdict decide(struct store_change *change)
{
    struct resealing *resealing = change->context;
    struct store_item *item = resealing->item;
    struct store_result *again = &change->reads[0].result;
    struct error reason;
    if (again->status == STORE_DONE)
        item = &again->items[0];
    else if (again->status == STORE_NOT_FOUND)
        return CHANGE_LEAVE; /* deleted meanwhile */
    int changed = reseal_document(resealing->reseal, item->document, &reason);
    if (changed < 0)
        complain(resealing->reseal, item->document, &reason);
    if (changed <= 0)
        return CHANGE_LEAVE;
    change->write = store_replace(STORE_CLUSTERS, item->etag, item->document);
    return CHANGE_WRITE;
}

static int reseal_item(struct reseal *reseal, struct store_item *item, struct error *error)
{
    struct resealing resealing = {reseal, item};
    const char *key = document_string(item->document, "key", "");
    struct store_change change = {.reads = {store_get(STORE_CLUSTERS, NULL, key)},
                                  .read_count = 1,
                                  .known = true,
                                  .decide = decide,
                                  .context = &resealing};
    int status = store_change_one(reseal->store, &change, error);
    switch (change.end) {
    case CHANGE_OPEN: /* status is -1 */
    case CHANGE_LEFT:
        break;
    case CHANGE_DONE:
        reseal->resealed++;
        break;
    case CHANGE_CONTENDED:
        reseal->failed++;
        tool_complain("cluster %s: %s; run reseal again", key, change.error.message);
        break;
    case CHANGE_REFUSED:
        complain(reseal, item->document, &change.error);
        break;
    }
    store_change_release(&change);
    return status;
}

static int reseal_page(void *context, struct store_result *page, struct error *error)
{
    struct reseal *reseal = context;
    for (size_t i = 0; i < page->count; i++)
        if (reseal_item(reseal, &page->items[i], error) < 0)
            return -1;
    if (page->skipped > 0) {
        reseal->failed += page->skipped;
        tool_complain("%zu documents are not changed: %s", page->skipped, page->error.message);
    }
    return 0;
}

static const char *or_else(const char *given, const char *configured)
{
    return given ? given : configured;
}

/* The launcher's user, to whom the keys belong, if root runs this. */
static uid_t find_key_owner(const char *user)
{
    struct identity owner;
    struct error error;
    if (!privileges_can_change() || privileges_find_user(user, &owner, &error) < 0)
        return TRUSTED_PATH_NO_USER;
    return owner.uid;
}

static int open_all(const struct tool *tool, struct reseal *reseal, struct error *error)
{
    const struct config *config = tool->config;
    const char *certificate = or_else(tool->new_certificate, config->clusters_seal_certificate);
    const char *new_key = or_else(tool->new_key, config->clusters_seal_key);
    const char *old_key = or_else(tool->old_key, config->clusters_seal_key);
    const uid_t owner = find_key_owner(config->actuator_launcher_user);
    if (seal_certificate_load(certificate, &reseal->certificate, error) < 0 ||
        seal_key_load(NULL, old_key, owner, &reseal->old_key, error) < 0)
        return -1;
    if (seal_key_load(certificate, new_key, owner, &reseal->new_key, error) < 0)
        return error_prefix(error, "cannot open the new sealed texts for verification (--new-key)");
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
    printf("%zu clusters resealed, %zu already sealed under the new certificate, %zu have no "
           "kubeconfig, %zu failed%s\n",
           reseal.resealed, reseal.already, reseal.without, reseal.failed,
           status < 0 ? "; not all were checked: run it again" : "");
    return status < 0 || reseal.failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
