/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.c - looks up the address of a "HOST:PORT" at intervals, without blocking.
 */
#include "metrics/lookup.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"

/* Shared with the background thread. The last user frees it, because a look-up may last longer than
 * the program. */
struct lookup {
    char *text;
    bool is_name;
    int64_t interval;
    struct monotonic started_at;
    bool started;
    struct address taken; /* the address that lookup_take() handed out last */

    pthread_mutex_t mutex; /* protects everything below */
    unsigned holders;
    bool running;
    bool found;
    struct address address;
    bool failed;
    uint64_t failures;
    struct error failure;
};

static void release(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->mutex);
    bool last = --lookup->holders == 0;
    pthread_mutex_unlock(&lookup->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&lookup->mutex);
    free(lookup->text);
    free(lookup);
}

int lookup_open(const char *text, int64_t interval, struct lookup **ret_lookup, struct error *error)
{
    struct address address;
    bool numeric;
    if (address_parse(text, &address, &numeric, error) < 0)
        return -1;

    struct lookup *lookup = calloc(1, sizeof(*lookup));
    char *copy = strdup(text);
    if (!lookup || !copy) {
        free(lookup);
        free(copy);
        return error_set_system(error, ENOMEM, "cannot prepare to look up %s", text);
    }
    lookup->text = copy;
    lookup->is_name = !numeric;
    lookup->interval = interval;
    lookup->holders = 1;
    lookup->found = numeric;
    lookup->address = address;
    pthread_mutex_init(&lookup->mutex, NULL);
    *ret_lookup = lookup;
    return 0;
}

void lookup_close(struct lookup *lookup)
{
    if (lookup)
        release(lookup);
}

bool lookup_needs_names(const struct lookup *lookup)
{
    return lookup->is_name;
}

static void note_result(struct lookup *lookup, const struct address *address,
                        const struct error *failure)
{
    pthread_mutex_lock(&lookup->mutex);
    lookup->running = false;
    lookup->failed = failure != NULL;
    if (failure) {
        lookup->failures++;
        lookup->failure = *failure;
    } else {
        lookup->found = true;
        lookup->address = *address;
    }
    pthread_mutex_unlock(&lookup->mutex);
}

static void *look_up(void *argument)
{
    struct lookup *lookup = argument;
    struct address address;
    struct error error;
    bool failed = address_resolve(lookup->text, &address, &error) < 0;
    note_result(lookup, &address, failed ? &error : NULL);
    release(lookup);
    return NULL;
}

static bool begin(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->mutex);
    bool due = !lookup->running &&
               (!lookup->started || clock_elapsed(lookup->started_at) >= lookup->interval);
    if (due) {
        lookup->running = true;
        lookup->holders++;
    }
    pthread_mutex_unlock(&lookup->mutex);
    return due;
}

void lookup_start(struct lookup *lookup)
{
    if (!lookup->is_name || !begin(lookup))
        return;
    lookup->started = true;
    lookup->started_at = clock_monotonic();

    pthread_t thread;
    int failure = pthread_create(&thread, NULL, look_up, lookup);
    if (failure == 0) {
        pthread_detach(thread);
        return;
    }
    struct error error;
    error_set_system(&error, failure, "cannot start a thread to look up %s", lookup->text);
    note_result(lookup, NULL, &error);
    release(lookup);
}

bool lookup_take(struct lookup *lookup, struct address *ret_address)
{
    pthread_mutex_lock(&lookup->mutex);
    struct address latest = lookup->address;
    bool found = lookup->found;
    pthread_mutex_unlock(&lookup->mutex);

    if (!found || (latest.length == lookup->taken.length &&
                   memcmp(&latest.socket, &lookup->taken.socket, latest.length) == 0))
        return false;
    lookup->taken = latest;
    *ret_address = latest;
    return true;
}

uint64_t lookup_failures(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->mutex);
    uint64_t failures = lookup->failures;
    pthread_mutex_unlock(&lookup->mutex);
    return failures;
}

bool lookup_failed(struct lookup *lookup, struct error *error)
{
    pthread_mutex_lock(&lookup->mutex);
    bool failed = lookup->failed;
    if (failed)
        *error = lookup->failure;
    pthread_mutex_unlock(&lookup->mutex);
    return failed;
}
