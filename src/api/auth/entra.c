/* SPDX-License-Identifier: Apache-2.0 */
/* entra.c - the keys of a tenant, the thread that fetches them, and the time. */
#include "api/auth/entra.h"

#include <ctype.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/auth/entra_fetch.h"
#include "api/auth/jwt.h"
#include "api/auth/key_schedule.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/https.h"
#include "mimo/log.h"
#include "mimo/trusted_path.h"
#include "mimo/uuid.h"

enum {
    CLOCK_STEP = 2 * 60, /* difference of the wall clock, in seconds, that is not logged */
    LOOK_AGAIN = 60,     /* seconds; the thread's clock stops while the machine is suspended */
    MILLISECONDS = 1000,
    HOUR_MILLISECONDS = 3600 * 1000,
};

struct entra {
    const struct config *config;
    char tenant[UUID_SIZE]; /* in lower case */
    char *issuer;

    pthread_rwlock_t keys_lock;
    struct jwks *keys;
    struct jwt_memory *memory; /* of these keys */

    pthread_mutex_t lock; /* protects everything below */
    pthread_cond_t changed;
    pthread_t thread;
    bool is_running;
    bool is_stopping;
    struct key_schedule schedule; /* by clock_boot_milliseconds() */
    char *ca;
    int64_t wall; /* time of the start or of the last reload: Unix seconds, */
    int64_t boot; /* and boot time in milliseconds */
};

int64_t entra_time(int64_t wall, int64_t wall_before, int64_t passed)
{
    int64_t steady = wall_before + passed / MILLISECONDS;
    return wall > steady ? wall : steady;
}

/* ---- life ---- */

static char *read_ca(const struct config *config, uid_t user, struct error *error)
{
    char *ca = NULL;
    const char *path = config->azure_ca_file[0] ? config->azure_ca_file : HTTPS_SYSTEM_CA;
    if (trusted_path_read(path, user, HTTPS_SYSTEM_CA_MAXIMUM, &ca, NULL, error) < 0)
        error_prefix(error, "nothing to verify api.entra_authority with (azure.ca_file)");
    return ca;
}

static void trust_clock(struct entra *entra)
{
    entra->wall = clock_unix_seconds();
    entra->boot = clock_boot_milliseconds();
}

int entra_open(const struct config *config, uid_t user, struct entra **ret_entra,
               struct error *error)
{
    struct entra *entra = calloc(1, sizeof(*entra));
    if (!entra)
        return error_set_memory(error);
    entra->config = config;
    pthread_rwlock_init(&entra->keys_lock, NULL);
    pthread_mutex_init(&entra->lock, NULL);
    pthread_cond_init(&entra->changed, NULL);
    trust_clock(entra);
    for (size_t i = 0; i < UUID_SIZE - 1; i++)
        entra->tenant[i] = (char)tolower((unsigned char)config->api_entra_tenant[i]);
    int status = asprintf(&entra->issuer, "%s/%s/v2.0", config->api_entra_authority, entra->tenant);
    if (status < 0) {
        entra->issuer = NULL;
        error_set_memory(error);
    } else if ((entra->ca = read_ca(config, user, error)) && https_warm_up(error) == 0) {
        *ret_entra = entra;
        return 0;
    }
    entra_close(entra);
    return -1;
}

void entra_close(struct entra *entra)
{
    if (!entra)
        return;
    if (entra->is_running) {
        pthread_mutex_lock(&entra->lock);
        entra->is_stopping = true;
        pthread_cond_signal(&entra->changed);
        pthread_mutex_unlock(&entra->lock);
        pthread_join(entra->thread, NULL);
    }
    pthread_rwlock_destroy(&entra->keys_lock);
    pthread_mutex_destroy(&entra->lock);
    pthread_cond_destroy(&entra->changed);
    jwks_free(entra->keys);
    jwt_memory_free(entra->memory);
    free(entra->issuer);
    free(entra->ca);
    free(entra);
}

int entra_reload(struct entra *entra, struct error *error)
{
    char *ca = read_ca(entra->config, TRUSTED_PATH_NO_USER, error);
    if (!ca)
        return -1;
    pthread_mutex_lock(&entra->lock);
    char *old = entra->ca;
    entra->ca = ca;
    entra->schedule.is_urged = true;
    trust_clock(entra);
    pthread_cond_signal(&entra->changed);
    pthread_mutex_unlock(&entra->lock);
    free(old);
    return 0;
}

/* ---- fetching ---- */

static void replace_keys(struct entra *entra, struct jwks *keys)
{
    struct jwt_memory *memory = jwt_memory_new();
    pthread_rwlock_wrlock(&entra->keys_lock);
    struct jwks *old = entra->keys;
    struct jwt_memory *old_memory = entra->memory;
    entra->keys = keys;
    entra->memory = memory;
    pthread_rwlock_unlock(&entra->keys_lock);
    jwks_free(old);
    jwt_memory_free(old_memory);
}

static void tell_success(const struct jwks *keys)
{
    const char *reason;
    size_t left_out = jwks_left_out(keys, &reason);
    log_notice("Entra ID: %zu keys were fetched", jwks_count(keys));
    if (left_out > 0)
        log_warning("Entra ID: %zu unusable keys were ignored; the last: %s", left_out, reason);
}

static void tell_failure(const struct key_schedule *schedule, const struct error *error)
{
    int64_t left = schedule->fetched + KEYS_AGE_MAXIMUM - clock_boot_milliseconds();
    if (schedule->has_keys && left > 0)
        log_warning("Entra ID: cannot fetch keys, the previous keys stay valid for another %" PRId64
                    " h: %s",
                    left / HOUR_MILLISECONDS, error->message);
    else
        log_error("Entra ID: cannot fetch keys, so requests with its tokens get 503: %s",
                  error->message);
}

/* Call it with the lock held; it releases the lock during the fetch. */
static void fetch(struct entra *entra)
{
    struct jwks *keys = NULL;
    struct error error;
    cleanup_free char *ca = strdup(entra->ca);
    const struct entra_place place = {.authority = entra->config->api_entra_authority,
                                      .tenant = entra->tenant,
                                      .issuer = entra->issuer,
                                      .ca = ca};
    key_schedule_begin(&entra->schedule, clock_boot_milliseconds());
    pthread_mutex_unlock(&entra->lock);
    int status = ca ? entra_fetch(&place, &keys, &error) : error_set_memory(&error);
    if (status == 0) {
        tell_success(keys);
        replace_keys(entra, keys);
    }
    pthread_mutex_lock(&entra->lock);
    key_schedule_end(&entra->schedule, status == 0, clock_boot_milliseconds());
    if (status < 0)
        tell_failure(&entra->schedule, &error);
}

static void *keep_keys(void *context)
{
    struct entra *entra = context;
    pthread_mutex_lock(&entra->lock);
    while (!entra->is_stopping) {
        int64_t now = clock_boot_milliseconds();
        int64_t due = key_schedule_due(&entra->schedule);
        if (due <= now) {
            fetch(entra);
            continue;
        }
        int64_t wait =
            due - now < LOOK_AGAIN * MILLISECONDS ? due - now : LOOK_AGAIN * MILLISECONDS;
        struct timespec until = clock_deadline((wait / MILLISECONDS + 1) * MILLISECONDS);
        pthread_cond_clockwait(&entra->changed, &entra->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&entra->lock);
    return NULL;
}

int entra_start(struct entra *entra, struct error *error)
{
    int status = pthread_create(&entra->thread, NULL, keep_keys, entra);
    if (status != 0)
        return error_set_system(error, status, "cannot start the thread that fetches keys");
    entra->is_running = true;
    return 0;
}

/* ---- checks ---- */

/* The rules of a check at this moment. */
static void read_state(struct entra *entra, int64_t wall, bool *ret_counts, int64_t *ret_time)
{
    int64_t boot = clock_boot_milliseconds();
    pthread_mutex_lock(&entra->lock);
    *ret_counts = key_schedule_counts(&entra->schedule, boot);
    *ret_time = entra_time(wall, entra->wall, boot - entra->boot);
    pthread_mutex_unlock(&entra->lock);
}

/* The verdict for a token with an unknown key. */
static enum entra_verdict look_for_key(struct entra *entra)
{
    pthread_mutex_lock(&entra->lock);
    bool looks = key_schedule_ask(&entra->schedule, clock_boot_milliseconds());
    if (looks)
        pthread_cond_signal(&entra->changed);
    pthread_mutex_unlock(&entra->lock);
    return looks ? ENTRA_LATER : ENTRA_REFUSED;
}

enum entra_verdict entra_check(struct entra *entra, const char *token, struct actor *ret_actor,
                               struct error *reason)
{
    int64_t wall = clock_unix_seconds();
    struct jwt_rules rules = {.issuer = entra->issuer,
                              .audience = entra->config->api_entra_audience,
                              .tenant = entra->tenant};
    bool counts;
    read_state(entra, wall, &counts, &rules.now);
    pthread_rwlock_rdlock(&entra->keys_lock);
    rules.keys = counts ? entra->keys : NULL;
    rules.memory = entra->memory;
    enum jwt_verdict verdict = jwt_check(token, strlen(token), &rules, ret_actor, reason);
    pthread_rwlock_unlock(&entra->keys_lock);
    if (verdict == JWT_VALID)
        return ENTRA_VALID;
    if (verdict == JWT_KEY_UNKNOWN)
        return counts ? look_for_key(entra) : ENTRA_LATER;
    if (rules.now - wall > CLOCK_STEP)
        error_prefix(reason,
                     "(the clock was set back by %" PRId64
                     " s; once it is correct, reload mimo-api)",
                     rules.now - wall);
    return ENTRA_REFUSED;
}
