/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idempotency.c - keeps answers and repeats them. Source:
 * draft-ietf-httpapi-idempotency-key-header.
 */
#include "api/endpoints/idempotency.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/routes.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"

/* Requests that are being served, at most one for each id. */
static LIST_HEAD(, idempotency) served = LIST_HEAD_INITIALIZER(served);
static pthread_mutex_t served_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t served_one = PTHREAD_COND_INITIALIZER;

static bool is_served(const char *id)
{
    const struct idempotency *other;
    LIST_FOREACH(other, &served, link)
    {
        if (strcmp(other->id, id) == 0)
            return true;
    }
    return false;
}

static void wait_for_others(struct idempotency *repeat)
{
    pthread_mutex_lock(&served_lock);
    while (is_served(repeat->id))
        pthread_cond_wait(&served_one, &served_lock);
    LIST_INSERT_HEAD(&served, repeat, link);
    pthread_mutex_unlock(&served_lock);
}

static int hash(const char *text, size_t length, char *buffer)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t size;
    if (EVP_Q_digest(NULL, "SHA256", NULL, text, length, digest, &size) != 1)
        return -1;
    for (size_t i = 0; i < size; i++)
        snprintf(buffer + 2 * i, IDEMPOTENCY_HASH_SIZE - 2 * i, "%02x", digest[i]);
    return 0;
}

/* The length in front separates name and key unambiguously. */
static int make_id(const struct request *request, char *buffer)
{
    char text[ACTOR_NAME_SIZE + REQUEST_KEY_SIZE + 32];
    int length = snprintf(text, sizeof(text), "%zu:%s:%s", strlen(request->actor.name),
                          request->actor.name, request->idempotency_key);
    return hash(text, (size_t)length, buffer);
}

/* Hash of the request: action, cluster, manifest, parameters, and the body in any spelling. */
static int make_request_hash(const struct request *request, const char *action, char *buffer)
{
    cleanup_free char *body = document_format_sorted(request->body);
    char *text = NULL;
    size_t length;
    FILE *stream = body ? open_memstream(&text, &length) : NULL;
    if (!stream)
        return -1;
    fprintf(stream, "%s\n%s\n%s\n", action, request->cluster, request->id);
    for (int i = 0; i < QUERY_COUNT; i++)
        if (request->query[i])
            fprintf(stream, "%s=%s\n", query_parameter_name((enum query_parameter)i),
                    request->query[i]);
    fprintf(stream, "\n%s", body);
    int result = fclose(stream) == 0 ? hash(text, length, buffer) : -1;
    free(text);
    return result;
}

static void replay(const struct json_object *document, struct answer *answer)
{
    struct json_object *body = document_get(document, "answer");
    int status = (int)document_integer(document, "status", 0);
    if (status < 200 || status > 299 || !document_is_object(body)) {
        answer_refuse(answer, API_INTERNAL, NULL,
                      "the answer that was stored for this key is damaged");
        return;
    }
    answer_set(answer, status, json_object_get(body));
    answer->replayed = true;
}

/* What the store has under the key. -1: answered. */
static int take_kept(struct idempotency *repeat, struct store_result *kept, struct answer *answer)
{
    if (kept->status != STORE_DONE)
        return 0;
    const struct json_object *document = kept->items[0].document;
    if (document_time(document, "expiresAt", 0) <= clock_unix_seconds()) {
        repeat->etag = take_pointer(&kept->items[0].etag);
        return 0;
    }
    if (strcmp(document_string(document, "request", ""), repeat->request) != 0)
        return answer_refuse(answer, API_KEY_REUSED, "Idempotency-Key",
                             "this key was used for another request within the last day; a new "
                             "request needs a new key");
    replay(document, answer);
    return -1;
}

int idempotency_begin(struct api *api, const struct request *request, struct idempotency *repeat,
                      struct answer *answer)
{
    struct error error;
    *repeat = (struct idempotency){.actor = request->actor.name};
    if (!request->idempotency_key[0])
        return 0;
    if (make_id(request, repeat->id) < 0 ||
        make_request_hash(request, request->route->action, repeat->request) < 0)
        return answer_no_memory(answer);
    repeat->wanted = true;
    wait_for_others(repeat);
    struct store_operation read = store_get(STORE_ANSWERS, NULL, repeat->id);
    int result = store_run(api->store, &read, 1, &error) < 0
                     ? answer_store_unavailable(answer, &error)
                     : take_kept(repeat, &read.result, answer);
    store_release(&read, 1);
    return result;
}

/* `ttl` is for stores that remove expired documents themselves. */
static int make_document(struct idempotency *repeat, int status, struct json_object *body)
{
    int64_t now = clock_unix_seconds();
    json_object_put(repeat->document);
    repeat->document = document_pack("{s:s, s:s, s:s, s:i, s:O, s:I, s:I, s:i}", "id", repeat->id,
                                     "actor", repeat->actor, "request", repeat->request, "status",
                                     status, "answer", body, "createdAt", now, "expiresAt",
                                     now + IDEMPOTENCY_SECONDS, "ttl", IDEMPOTENCY_SECONDS);
    return repeat->document ? 0 : -1;
}

static struct store_operation keeping(const struct idempotency *repeat)
{
    return repeat->etag ? store_replace(STORE_ANSWERS, repeat->etag, repeat->document)
                        : store_create(STORE_ANSWERS, repeat->document);
}

int idempotency_join(struct idempotency *repeat, struct store_operation *creation, int status,
                     struct json_object *body, struct answer *answer)
{
    if (!repeat->wanted)
        return 0;
    if (make_document(repeat, status, body) < 0)
        return answer_no_memory(answer);
    *creation = store_pair(*creation, keeping(repeat));
    return 0;
}

void idempotency_keep(struct api *api, struct idempotency *repeat, struct answer *answer)
{
    struct error error;
    if (!repeat->wanted)
        return;
    if (make_document(repeat, answer->status, answer->body) < 0) {
        answer_no_memory(answer);
        return;
    }
    struct store_operation operation = keeping(repeat);
    if (store_run(api->store, &operation, 1, &error) < 0)
        answer_store_unavailable(answer, &error);
    else if (operation.result.status == STORE_REFUSED)
        answer_internal(answer, "cannot keep the answer", &operation.result.error);
    else if (operation.result.status != STORE_DONE)
        idempotency_refuse_race(answer);
    store_release(&operation, 1);
}

void idempotency_refuse_race(struct answer *answer)
{
    answer_refuse(answer, API_CONFLICT, "Idempotency-Key",
                  "a request with this key is being served at this moment; repeat it to get its "
                  "answer");
    answer->retry_later = true;
}

void idempotency_end(struct idempotency *repeat)
{
    if (repeat->wanted) {
        pthread_mutex_lock(&served_lock);
        LIST_REMOVE(repeat, link);
        pthread_cond_broadcast(&served_one);
        pthread_mutex_unlock(&served_lock);
    }
    json_object_put(repeat->document);
    free(repeat->etag);
    *repeat = (struct idempotency){0};
}
