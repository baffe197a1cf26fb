/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idempotency.h - Idempotency-Key: for a day, a repeated request gets the answer of the first one.
 *
 *     struct idempotency repeat;
 *     if (idempotency_begin(api, request, &repeat, answer) == 0) {      // else it is answered
 *         struct store_operation creation = store_create(...);
 *         idempotency_join(&repeat, &creation, 201, view);              // both, or neither
 *         ... run it; STORE_CONFLICT: idempotency_refuse_race(answer)
 *     }
 *     idempotency_end(&repeat);                                         // always
 *
 * The answer is a document of STORE_ANSWERS, written together with the change that it describes. Its
 * id is a hash of actor and key, so that actors do not share keys. Of several simultaneous requests
 * with one key, one is served and the others wait for it. If another mimo-api on the same store
 * serves one, the later one gets 409 and can be repeated. Refusals are not kept: a repetition is
 * checked again. For a request without a key every function does nothing.
 */
#ifndef API_IDEMPOTENCY_H
#define API_IDEMPOTENCY_H

#include <stdbool.h>
#include <sys/queue.h>

#include "api/api.h"
#include "api/http/answer.h"
#include "api/http/request.h"

enum { IDEMPOTENCY_SECONDS = 24 * 3600, IDEMPOTENCY_HASH_SIZE = 65 /* SHA-256 as text */ };

struct idempotency {
    LIST_ENTRY(idempotency) link; /* while it is being served */
    bool wanted;                  /* the request has a key */
    char id[IDEMPOTENCY_HASH_SIZE];
    char request[IDEMPOTENCY_HASH_SIZE]; /* hash of the request; equal for equal requests */
    const char *actor;                   /* of the request */
    struct json_object *document;        /* the answer to keep, once it is known */
    char *etag;                          /* of an answer under this key that has expired, or NULL */
};

/* Looks whether the request was answered before; waits while it is being served. -1: answered. */
int idempotency_begin(struct api *api, const struct request *request, struct idempotency *repeat,
                      struct answer *answer);

/* Makes a pair of the creation and its answer; borrows `body`. -1 when out of memory. */
int idempotency_join(struct idempotency *repeat, struct store_operation *creation, int status,
                     struct json_object *body, struct answer *answer);

/* Keeps an answer without a change; it becomes an error if it cannot be kept. */
void idempotency_keep(struct api *api, struct idempotency *repeat, struct answer *answer);

/* 409 with Retry-After: another mimo-api serves the same request at this moment. */
void idempotency_refuse_race(struct answer *answer);

void idempotency_end(struct idempotency *repeat);

#endif
