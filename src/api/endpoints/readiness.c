/* SPDX-License-Identifier: Apache-2.0 */
/* readiness.c - the thread that checks whether the store accepts writes. */
#include "api/endpoints/readiness.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/log.h"
#include "mimo/uuid.h"

enum { EXPIRES_SECONDS = 60 };

struct readiness {
    struct store *store;
    pthread_t thread;
    pthread_mutex_t lock; /* protects everything below */
    pthread_cond_t stop;  /* on CLOCK_MONOTONIC */
    bool stopping;
    int result; /* of the latest write: 0, or -1 with `error` */
    struct error error;
    struct monotonic ended_at;
    /* used by the thread only */
    char id[UUID_SIZE];
    char *etag; /* of the document, or NULL while it is not there */
};

static struct json_object *make_document(const struct readiness *readiness)
{
    int64_t now = clock_unix_seconds();
    return document_pack("{s:s, s:s, s:I, s:I, s:i}", "id", readiness->id, "actor", "mimo-api",
                         "createdAt", now, "expiresAt", now + EXPIRES_SECONDS, "ttl",
                         EXPIRES_SECONDS);
}

/* Overwrites the document, or creates it again after it has expired. */
static int write_once(struct readiness *readiness, struct error *error)
{
    cleanup_json struct json_object *document = make_document(readiness);
    if (!document)
        return error_set_memory(error);
    struct store_operation write = readiness->etag
                                       ? store_replace(STORE_ANSWERS, readiness->etag, document)
                                       : store_create(STORE_ANSWERS, document);
    int result = store_run(readiness->store, &write, 1, error);
    if (result == 0 && write.result.status == STORE_REFUSED) {
        *error = write.result.error;
        result = -1;
    }
    free(readiness->etag);
    readiness->etag = result == 0 ? take_pointer(&write.result.etag) : NULL;
    if (result == 0 && write.result.status != STORE_DONE)
        uuid_make(readiness->id); /* removed, or changed by a load: create another one next time */
    store_release(&write, 1);
    return result;
}

static void try_to_write(struct readiness *readiness)
{
    struct error error = {0};
    int result = write_once(readiness, &error);
    pthread_mutex_lock(&readiness->lock);
    if (result < 0 && readiness->result == 0)
        log_error("not ready: the store does not accept writes: %s", error.message);
    else if (result == 0 && readiness->result < 0)
        log_notice("ready: the store accepts writes again");
    readiness->result = result;
    readiness->error = error;
    readiness->ended_at = clock_monotonic();
    pthread_mutex_unlock(&readiness->lock);
}

/* False if the thread must end. */
static bool wait_for_next(struct readiness *readiness)
{
    int status = 0;
    pthread_mutex_lock(&readiness->lock);
    struct timespec until =
        clock_deadline(readiness->result < 0 ? READINESS_RETRY_INTERVAL : READINESS_INTERVAL);
    while (!readiness->stopping && status == 0)
        status = pthread_cond_timedwait(&readiness->stop, &readiness->lock, &until);
    bool go_on = !readiness->stopping;
    pthread_mutex_unlock(&readiness->lock);
    return go_on;
}

static void *keep_trying(void *context)
{
    struct readiness *readiness = context;
    while (wait_for_next(readiness))
        try_to_write(readiness);
    return NULL;
}

static void remove_document(struct readiness *readiness)
{
    struct error error;
    if (!readiness->etag)
        return;
    struct store_operation operation = store_delete(STORE_ANSWERS, NULL, readiness->id, NULL);
    if (store_run(readiness->store, &operation, 1, &error) < 0)
        log_debug("store: %s", error.message); /* it expires */
    store_release(&operation, 1);
}

static void readiness_free(struct readiness *readiness)
{
    pthread_cond_destroy(&readiness->stop);
    pthread_mutex_destroy(&readiness->lock);
    free(readiness->etag);
    free(readiness);
}

int readiness_start(struct store *store, struct readiness **ret_readiness, struct error *error)
{
    struct readiness *readiness = calloc(1, sizeof(*readiness));
    if (!readiness)
        return error_set_memory(error);
    clock_make_condition(&readiness->stop);
    pthread_mutex_init(&readiness->lock, NULL);
    readiness->store = store;
    uuid_make(readiness->id);
    try_to_write(readiness);
    int status = pthread_create(&readiness->thread, NULL, keep_trying, readiness);
    if (status != 0) {
        readiness_free(readiness);
        return error_set_system(error, status, "cannot start the thread that tries the store");
    }
    *ret_readiness = readiness;
    return 0;
}

bool readiness_stop(struct readiness *readiness, long milliseconds)
{
    if (!readiness)
        return true;
    struct timespec until = clock_deadline(milliseconds);
    pthread_mutex_lock(&readiness->lock);
    readiness->stopping = true;
    pthread_cond_signal(&readiness->stop);
    pthread_mutex_unlock(&readiness->lock);
    if (pthread_clockjoin_np(readiness->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
        return false;
    remove_document(readiness);
    readiness_free(readiness);
    return true;
}

int readiness_check(struct readiness *readiness, struct error *error)
{
    pthread_mutex_lock(&readiness->lock);
    int64_t age = clock_elapsed(readiness->ended_at);
    int result = readiness->result;
    *error = readiness->error;
    pthread_mutex_unlock(&readiness->lock);
    if (result == 0 && age > READINESS_AGE_MAXIMUM)
        return error_set(error, ERROR_UNAVAILABLE,
                         "a write has not returned; the last one succeeded %lld s ago",
                         (long long)age / 1000);
    return result;
}
