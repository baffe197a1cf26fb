/* SPDX-License-Identifier: Apache-2.0 */
/* The ways of logging in, and the judgement over a request's credentials. */
#include "api/auth.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/token_file.h"
#include "mimo/cleanup.h"
#include "mimo/log.h"

static const char *const role_names[] = {
    [ROLE_NONE] = "nobody",
    [ROLE_READER] = "reader",
    [ROLE_OPERATOR] = "operator",
    [ROLE_ADMIN] = "admin",
};

const char *role_name(enum role role)
{
    return role_names[role];
}

bool role_parse(const char *name, enum role *ret_role)
{
    for (int role = ROLE_READER; role <= ROLE_ADMIN; role++) {
        if (strcmp(name, role_names[role]) != 0)
            continue;
        *ret_role = (enum role)role;
        return true;
    }
    return false;
}

/* One way of logging in. `state` is what load() made; it is replaced as a whole when files are read
 * again. */
struct auth_way {
    enum config_auth bit; /* of api.auth */
    int (*prepare)(const struct config *config, const struct identity *owner, struct error *error);
    int (*load)(const struct config *config, void **ret_state, struct error *error);
    bool (*recognize)(const void *state, const char *token, struct actor *ret_actor);
    void (*unload)(void *state);
};

static int tokens_prepare(const struct config *config, const struct identity *owner,
                          struct error *error)
{
    bool made;
    if (token_file_prepare(config->api_token_file, owner, &made, error) < 0)
        return -1;
    cleanup_free char *clear_path = token_file_clear_path(config->api_token_file);
    if (made)
        log_notice("made %s with one token of role admin; the token itself is in %s",
                   config->api_token_file, clear_path ? clear_path : "admin.token beside it");
    return 0;
}

static int tokens_load(const struct config *config, void **ret_state, struct error *error)
{
    struct token_table *table;
    if (token_table_load(config->api_token_file, &table, error) < 0)
        return -1;
    if (token_table_count(table) == 0)
        log_warning("%s has no entry: nobody can log in with a token", config->api_token_file);
    *ret_state = table;
    return 0;
}

static bool tokens_recognize(const void *state, const char *token, struct actor *ret_actor)
{
    return token_table_find(state, token, ret_actor);
}

static void tokens_unload(void *state)
{
    token_table_free(state);
}

static const struct auth_way ways[] = {
    {AUTH_TOKEN_FILE, tokens_prepare, tokens_load, tokens_recognize, tokens_unload},
};
enum { WAY_COUNT = sizeof(ways) / sizeof(ways[0]) };

struct auth {
    const struct config *config;
    pthread_rwlock_t lock; /* over states: asked by every request, replaced by a reload */
    void *states[WAY_COUNT];
};

static bool is_chosen(const struct config *config, int way)
{
    return config->api_auth & (unsigned)ways[way].bit;
}

int auth_prepare(const struct config *config, const struct identity *owner, struct error *error)
{
    for (int i = 0; i < WAY_COUNT; i++)
        if (is_chosen(config, i) && ways[i].prepare(config, owner, error) < 0)
            return -1;
    return 0;
}

int auth_reload(struct auth *auth, struct error *error)
{
    for (int i = 0; i < WAY_COUNT; i++) {
        void *state = NULL;
        if (!is_chosen(auth->config, i))
            continue;
        if (ways[i].load(auth->config, &state, error) < 0)
            return -1;
        pthread_rwlock_wrlock(&auth->lock);
        void *old = auth->states[i];
        auth->states[i] = state;
        pthread_rwlock_unlock(&auth->lock);
        if (old)
            ways[i].unload(old);
    }
    return 0;
}

int auth_open(const struct config *config, struct auth **ret_auth, struct error *error)
{
    struct auth *auth = calloc(1, sizeof(*auth));
    if (!auth)
        return error_set(error, ERROR_LIMIT, "out of memory");
    auth->config = config;
    pthread_rwlock_init(&auth->lock, NULL);
    if (auth_reload(auth, error) < 0) {
        auth_close(auth);
        return -1;
    }
    *ret_auth = auth;
    return 0;
}

void auth_close(struct auth *auth)
{
    if (!auth)
        return;
    for (int i = 0; i < WAY_COUNT; i++)
        if (auth->states[i])
            ways[i].unload(auth->states[i]);
    pthread_rwlock_destroy(&auth->lock);
    free(auth);
}

/* The token of "Bearer TOKEN" copied into `buffer`; false for anything else. */
static bool bearer_token(const char *authorization, char *buffer, size_t size)
{
    static const char scheme[] = "Bearer ";
    if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return false;
    const char *token = authorization + sizeof(scheme) - 1;
    /* token68 of RFC 9110 11.2 */
    size_t length = strspn(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-._~+/=");
    if (length == 0 || length >= size || token[length + strspn(token + length, " \t")] != '\0')
        return false;
    memcpy(buffer, token, length);
    buffer[length] = '\0';
    return true;
}

static bool recognize(struct auth *auth, const char *token, struct actor *ret_actor)
{
    bool known = false;
    pthread_rwlock_rdlock(&auth->lock);
    for (int i = 0; i < WAY_COUNT && !known; i++)
        if (auth->states[i])
            known = ways[i].recognize(auth->states[i], token, ret_actor);
    pthread_rwlock_unlock(&auth->lock);
    return known;
}

/* Tells the same to everyone who is not let in: a reason would help to guess. */
static int refuse_credentials(struct answer *answer, const char *challenge, const char *message)
{
    answer_refuse(answer, API_UNAUTHENTICATED, NULL, "%s", message);
    answer->challenge = challenge;
    return -1;
}

int auth_check(struct auth *auth, const char *authorization, enum role needed,
               struct actor *ret_actor, struct answer *answer)
{
    if (needed == ROLE_NONE)
        return 0;
    if (!authorization)
        return refuse_credentials(answer, "Bearer",
                                  "log in with the header field \"Authorization: Bearer TOKEN\"");
    char token[AUTH_TOKEN_MAXIMUM + 1];
    struct actor actor = {.role = ROLE_NONE};
    if (!bearer_token(authorization, token, sizeof(token)) || !recognize(auth, token, &actor))
        return refuse_credentials(
            answer, "Bearer error=\"invalid_token\", error_description=\"the token is not valid\"",
            "the token is not valid");
    *ret_actor = actor;
    if (actor.role < needed)
        return answer_refuse(answer, API_FORBIDDEN, NULL,
                             "this needs the role %s; %s has the role %s", role_name(needed),
                             actor.name, role_name(actor.role));
    return 0;
}
