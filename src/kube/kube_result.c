/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_result.c - what an answer of an API server means for a step, and changing an object.
 *
 * Operators match on how the texts begin (system.md's table of outcomes): "timeout", "404", "503",
 * "forbidden". So status or reason stand first, and what was asked for behind them.
 */
#include <stdio.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/kube.h"
#include "mimo/outcome.h"

enum { DETAIL_SIZE = 1024 };

/* The server's own words, "ServiceUnavailable: etcd is slow", from the Status object if the answer
 * is one: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/. Else "".
 */
static void read_detail(const struct kube_answer *answer, char *detail)
{
    char text[2 * DETAIL_SIZE];
    detail[0] = '\0';
    if (strcmp(document_string(answer->document, "kind", ""), "Status") != 0)
        return;
    const char *reason = document_string(answer->document, "reason", "");
    const char *message = document_string(answer->document, "message", "");
    snprintf(text, sizeof text, "%.*s%s%s", DETAIL_SIZE / 2, reason,
             reason[0] && message[0] ? ": " : "", message);
    status_text_copy(detail, DETAIL_SIZE, text);
}

/* No (whole) answer, or one that cannot be used. */
static struct step_result no_answer(const struct error *error, const char *what)
{
    if (error_may_pass(error->kind))
        return step_transient("%s (%s)", error->message, what);
    return step_terminal("%s (%s)", error->message, what);
}

/* A 404 is of the object, or of all objects of that kind: then the Status object names none. */
static struct step_result not_found(const struct kube_answer *answer, const char *what,
                                    const char *detail)
{
    if (!detail[0] || document_get(answer->document, "details.name"))
        return step_terminal("404 %s not found", what);
    return step_terminal("404 %s not found: %s", what, detail);
}

struct step_result kube_step_result(const struct kube_answer *answer, const char *what)
{
    char detail[DETAIL_SIZE];
    long status = answer->status;
    read_detail(answer, detail);
    const char *colon = detail[0] ? ": " : "";
    if (status == 0 || answer->error.kind == ERROR_UNAVAILABLE)
        return no_answer(&answer->error, what);
    if (status >= 500 || status == 408 || status == 409 || status == 429)
        return step_transient("%ld %s%s%s", status, what, colon, detail);
    if (status == 401)
        return step_terminal("401 unauthorized: the kubeconfig's credentials are not accepted for "
                             "%s%s%s",
                             what, colon, detail);
    if (status == 403)
        return step_terminal("forbidden: %s%s%s", what, colon, detail);
    if (status == 404)
        return not_found(answer, what, detail);
    if (status >= 400)
        return step_terminal("%ld %s%s%s", status, what, colon, detail);
    if (status >= 300)
        return step_terminal("%ld %s: a redirect, which no API server sends; check the server of "
                             "the kubeconfig",
                             status, what);
    if (answer->error.kind != ERROR_NONE)
        return no_answer(&answer->error, what);
    if (status < 200)
        return step_terminal("%ld %s: the server ended with what no request may end with", status,
                             what);
    return step_succeeded();
}

/* What is read, changed and written back, and how often that was tried. */
struct modification {
    struct kube_client *client;
    const char *path;
    const char *collection; /* where to create the object when it is not there, or NULL */
    struct json_object *fresh;
    const char *what;
    kube_change_f *change;
    void *change_context;
    bool conflict; /* somebody else was first: worth another round */
    bool changed;
};

/* A server that answers with another object than was asked for did not do what it was asked for,
 * whatever its status. */
static bool is_object_of(const char *path, const struct json_object *answer)
{
    const char *name = document_string(answer, "metadata.name", "");
    size_t length = strlen(name);
    for (const char *c = strchr(path, '/'); c; c = strchr(c + 1, '/'))
        if (length > 0 && strncmp(c + 1, name, length) == 0 && strchr("/", c[1 + length]))
            return true;
    return false;
}

static bool is_same_object(const struct json_object *answer, const struct json_object *sent)
{
    return strcmp(document_string(answer, "metadata.name", ""),
                  document_string(sent, "metadata.name", "")) == 0 &&
           strcmp(document_string(answer, "kind", ""), document_string(sent, "kind", "")) == 0;
}

static struct step_result another_object(const char *what, const struct json_object *answer)
{
    char kind[64], name[256];
    status_text_copy(kind, sizeof kind, document_string(answer, "kind", ""));
    status_text_copy(name, sizeof name, document_string(answer, "metadata.name", ""));
    return step_terminal("%s: the server answered with something else (kind \"%s\", name \"%s\")",
                         what, kind, name);
}

/* Without a version a write would go over whatever somebody else wrote in the meantime. */
static bool has_version(struct json_object *object)
{
    return document_string(object, "metadata.resourceVersion", "")[0] != '\0';
}

static struct step_result send_object(struct modification *modification, const char *method,
                                      const char *path, struct json_object *object)
{
    struct kube_answer answer;
    kube_request(modification->client, method, path, object, &answer);
    struct step_result result = kube_step_result(&answer, modification->what);
    if (result.outcome == OUTCOME_SUCCEEDED && !is_same_object(answer.document, object))
        result = another_object(modification->what, answer.document);
    modification->conflict = answer.status == 409;
    modification->changed = result.outcome == OUTCOME_SUCCEEDED;
    kube_answer_free(&answer);
    return result;
}

static struct step_result change_and_send(struct modification *modification, const char *method,
                                          const char *path, struct json_object *object)
{
    struct error error = {0};
    switch (modification->change(object, modification->change_context, &error)) {
    case 0:
        return step_succeeded();
    case 1:
        return send_object(modification, method, path, object);
    default:
        return step_terminal("%s: %s", modification->what, error.message);
    }
}

static struct step_result modify(struct modification *modification, struct json_object *object)
{
    if (!is_object_of(modification->path, object))
        return another_object(modification->what, object);
    if (!has_version(object))
        return step_terminal("%s has no metadata.resourceVersion: it cannot be changed safely",
                             modification->what);
    return change_and_send(modification, "PUT", modification->path, object);
}

static struct step_result create(struct modification *modification)
{
    cleanup_json struct json_object *object = document_copy(modification->fresh);
    if (!object)
        return step_transient("out of memory (%s)", modification->what);
    return change_and_send(modification, "POST", modification->collection, object);
}

static struct step_result modify_once(struct modification *modification)
{
    struct kube_answer answer;
    modification->conflict = false;
    kube_request(modification->client, "GET", modification->path, NULL, &answer);
    struct step_result result = kube_step_result(&answer, modification->what);
    /* Only a whole answer says that it is not there. */
    bool is_missing = answer.status == 404 && answer.error.kind == ERROR_NONE;
    if (is_missing && modification->collection)
        result = create(modification);
    else if (result.outcome == OUTCOME_SUCCEEDED)
        result = modify(modification, answer.document);
    kube_answer_free(&answer);
    return result;
}

static struct step_result run_modification(struct modification *modification, bool *ret_changed)
{
    struct step_result result = modify_once(modification);
    for (int retries = 0; modification->conflict && retries < KUBE_CONFLICT_RETRIES; retries++)
        result = modify_once(modification);
    *ret_changed = modification->changed;
    if (modification->conflict)
        return step_transient("409 %s was changed by somebody else %d times while this was to be "
                              "written",
                              modification->what, KUBE_CONFLICT_RETRIES + 1);
    return result;
}

struct step_result kube_modify(struct kube_client *client, const char *path, const char *what,
                               kube_change_f *change, void *change_context, bool *ret_changed)
{
    struct modification modification = {
        .client = client,
        .path = path,
        .what = what,
        .change = change,
        .change_context = change_context,
    };
    return run_modification(&modification, ret_changed);
}

struct step_result kube_ensure(struct kube_client *client, const char *collection, const char *name,
                               const char *what, struct json_object *fresh, kube_change_f *change,
                               void *change_context, bool *ret_changed)
{
    cleanup_free char *path = NULL;
    *ret_changed = false;
    if (asprintf(&path, "%s/%s", collection, name) < 0) {
        path = NULL;
        return step_transient("out of memory (%s)", what);
    }
    struct modification modification = {
        .client = client,
        .path = path,
        .collection = collection,
        .fresh = fresh,
        .what = what,
        .change = change,
        .change_context = change_context,
    };
    return run_modification(&modification, ret_changed);
}
