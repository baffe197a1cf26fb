/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_result.c - what an answer of an API server means for a step, and changing an object.
 *
 * Operators match on how the texts begin: "timeout", "404", "503", "forbidden". So a text begins
 * with the status or reason, and the object that was asked for follows.
 */
#include <stdio.h>
#include <string.h>

#include "kube/kube_private.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/kube.h"
#include "mimo/outcome.h"

enum { DETAIL_SIZE = 1024 };

bool kube_answer_is_status(const struct kube_answer *answer)
{
    return strcmp(document_string(answer->document, "kind", ""), "Status") == 0 &&
           strcmp(document_string(answer->document, "apiVersion", ""), "v1") == 0 &&
           strcmp(document_string(answer->document, "status", ""), "Failure") == 0 &&
           document_integer(answer->document, "code", 0) == answer->status;
}

/* Writes the server's own words: ": ServiceUnavailable: etcd is slow" of a Status, ": the page says
 * \"Bad Gateway\"" of another answer, or "". */
static void read_detail(const struct kube_answer *answer, char *detail)
{
    char text[2 * DETAIL_SIZE];
    detail[0] = '\0';
    if (answer->page[0])
        snprintf(detail, DETAIL_SIZE, ": the page says \"%s\"", answer->page);
    if (!kube_answer_is_status(answer))
        return;
    const char *reason = document_string(answer->document, "reason", "");
    const char *message = document_string(answer->document, "message", "");
    if (!reason[0] && !message[0])
        return;
    snprintf(text, sizeof(text), ": %.*s%s%s", DETAIL_SIZE / 2, reason,
             reason[0] && message[0] ? ": " : "", message);
    status_text_copy(detail, DETAIL_SIZE, text);
}

/* There is no whole answer, or one that cannot be used. */
static struct step_result no_answer(const struct kube_answer *answer, const char *what)
{
    const struct error *error = &answer->error;
    if (answer->status == 0)
        return step_failed(error->kind, "%s (%s)", error->message, what);
    return step_transient("%s (%s)", error->message, what);
}

static struct step_result success_or_not(const struct kube_answer *answer, const char *what)
{
    return answer->error.kind == ERROR_NONE ? step_succeeded() : no_answer(answer, what);
}

/* A 404 means the object, or all objects of its kind: then the Status object names none. */
static struct step_result not_found(const struct kube_answer *answer, const char *what,
                                    const char *detail)
{
    bool is_the_object = document_get(answer->document, "details.name") != NULL;
    return step_terminal("404 %s not found%s", what, is_the_object ? "" : detail);
}

/* The server refuses, and says so in a Status. */
static struct step_result refused(const struct kube_answer *answer, const char *what,
                                  const char *detail)
{
    if (answer->status == 403)
        return step_terminal("forbidden: %s%s", what, detail);
    if (answer->status == 404)
        return not_found(answer, what, detail);
    return step_terminal("%ld %s%s", answer->status, what, detail);
}

/* Statuses that are transient, from any server. */
static bool is_passing(long status)
{
    return status >= 500 || status == 408 || status == 409 || status == 429;
}

static struct step_result not_final(const struct kube_answer *answer, const char *what,
                                    const char *detail)
{
    long status = answer->status;
    if (is_passing(status))
        return step_transient("%ld %s%s", status, what, detail);
    if (status == 401)
        return step_transient("401 unauthorized: the kubeconfig's credentials are not accepted for "
                              "%s%s",
                              what, detail);
    if (status >= 300 && status < 400)
        return step_transient("%ld %s: a redirect, which no API server sends; check the server of "
                              "the kubeconfig",
                              status, what);
    return step_transient("%ld %s: the answer is not one of an API server; check the server of the "
                          "kubeconfig if it stays%s",
                          status, what, detail);
}

struct step_result kube_step_result(const struct kube_answer *answer, const char *what)
{
    char detail[DETAIL_SIZE];
    long status = answer->status;
    bool is_short = status < 200 && answer->error.kind != ERROR_NONE;
    if (is_short || answer->error.kind == ERROR_UNAVAILABLE)
        return no_answer(answer, what);
    if (status >= 200 && status < 300)
        return success_or_not(answer, what);
    read_detail(answer, detail);
    if (status >= 400 && status != 401 && !is_passing(status) && kube_answer_is_status(answer))
        return refused(answer, what, detail);
    struct step_result result = not_final(answer, what, detail);
    result.retry_after = answer->retry_after;
    return result;
}

static bool is_refusal(const struct kube_answer *answer)
{
    return (answer->status == 403 || answer->status == 404) && kube_answer_is_status(answer);
}

/* Judges an answer; if it is a refusal, it first asks again and replaces the answer. */
static struct step_result judge(struct kube_client *client, const char *method, const char *path,
                                struct json_object *body, const char *what,
                                struct kube_answer *answer)
{
    if (!is_refusal(answer))
        return kube_step_result(answer, what);
    long before = answer->status;
    kube_answer_free(answer);
    kube_client_pause(client, KUBE_CONFIRM_PAUSE);
    kube_request(client, method, path, body, answer);
    struct step_result result = kube_step_result(answer, what);
    if (is_refusal(answer) && answer->status != before)
        result.outcome = OUTCOME_TRANSIENT;
    return result;
}

struct step_result kube_ask(struct kube_client *client, const char *method, const char *path,
                            struct json_object *body, const char *what,
                            struct kube_answer *ret_answer)
{
    kube_request(client, method, path, body, ret_answer);
    return judge(client, method, path, body, what, ret_answer);
}

/* ---- changing objects ---- */

/* An object that is read, changed and written back. */
struct modification {
    struct kube_client *client;
    const char *path;
    const char *collection; /* where to create the object when it is not there, or NULL */
    struct json_object *fresh;
    const char *what;
    kube_change_f *change;
    void *change_context;
    bool conflict; /* another client was first: read again */
    bool changed;
};

/* An answer with another object means that the request was not carried out, whatever its status. */
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
    status_text_copy(kind, sizeof(kind), document_string(answer, "kind", ""));
    status_text_copy(name, sizeof(name), document_string(answer, "metadata.name", ""));
    return step_transient("%s: the server answered with another object (kind \"%s\", name \"%s\")",
                          what, kind, name);
}

/* Without a version, a write would overwrite what others wrote in the meantime. */
static bool has_version(struct json_object *object)
{
    return document_string(object, "metadata.resourceVersion", "")[0] != '\0';
}

static struct step_result send_object(struct modification *modification, const char *method,
                                      const char *path, struct json_object *object)
{
    struct kube_answer answer;
    struct step_result result =
        kube_ask(modification->client, method, path, object, modification->what, &answer);
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
        return step_failed(error.kind, "%s: %s", modification->what, error.message);
    }
}

static struct step_result modify(struct modification *modification, struct json_object *object)
{
    if (!is_object_of(modification->path, object))
        return another_object(modification->what, object);
    if (!has_version(object))
        return step_transient("%s has no metadata.resourceVersion: it cannot be changed safely",
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

static bool is_missing(const struct kube_answer *answer)
{
    return answer->status == 404 && is_refusal(answer);
}

/* Reads the object. A missing object that can be created is not asked for again: the server would
 * refuse to create one that exists. */
static struct step_result read_object(struct modification *modification, struct kube_answer *answer)
{
    struct kube_client *client = modification->client;
    kube_request(client, "GET", modification->path, NULL, answer);
    if (modification->collection && is_missing(answer))
        return step_succeeded();
    return judge(client, "GET", modification->path, NULL, modification->what, answer);
}

static struct step_result modify_once(struct modification *modification)
{
    struct kube_answer answer;
    modification->conflict = false;
    struct step_result result = read_object(modification, &answer);
    if (modification->collection && is_missing(&answer))
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
        return step_transient(
            "409 %s was changed by another client in each of %d attempts to write it",
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
