/* SPDX-License-Identifier: Apache-2.0 */
/* auth.c - the authentication methods, and the check of a request's credentials. */
#include "api/auth/auth.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/auth/client_certificate.h"
#include "api/auth/entra.h"
#include "api/auth/jwt.h"
#include "api/auth/token_file.h"
#include "mimo/cleanup.h"
#include "mimo/log.h"
#include "mimo/privileges.h"
#include "mimo/trusted_path.h"

/* The verdict of a method. */
enum verdict {
    NOT_MEANT, /* the credentials are for another method */
    KNOWN,
    REFUSED,
    LATER, /* cannot be checked at present */
};

/* One method. load() gets the previous state (or NULL) in *state and replaces it, or changes it in
 * place; its files may belong to `user`. */
struct auth_way {
    enum config_auth bit; /* of api.auth */
    int (*prepare)(const struct config *config, const struct identity *owner, struct error *error);
    int (*load)(const struct config *config, uid_t user, void **state, struct error *error);
    int (*start)(void *state, struct error *error);
    enum verdict (*judge)(void *state, const char *token, const struct credentials *credentials,
                          struct actor *ret_actor, struct error *reason);
    void (*unload)(void *state);
};

/* ---- token file ---- */

static int tokens_prepare(const struct config *config, const struct identity *owner,
                          struct error *error)
{
    bool made;
    if (token_file_prepare(config->api_token_file, owner, &made, error) < 0)
        return -1;
    cleanup_free char *clear_path = token_file_clear_path(config->api_token_file);
    if (made)
        log_notice("created %s with one token of role admin; the token itself is in %s",
                   config->api_token_file, clear_path ? clear_path : "admin.token beside it");
    return 0;
}

static int tokens_load(const struct config *config, uid_t user, void **state, struct error *error)
{
    struct token_table *table;
    if (token_table_load(config->api_token_file, user, &table, error) < 0)
        return -1;
    if (token_table_count(table) == 0)
        log_warning("%s has no entry: nobody can log in with a token", config->api_token_file);
    *state = table;
    return 0;
}

static enum verdict tokens_judge(void *state, const char *token,
                                 const struct credentials *credentials, struct actor *ret_actor,
                                 struct error *reason)
{
    (void)credentials;
    (void)reason;
    return token && token_table_find(state, token, ret_actor) ? KNOWN : NOT_MEANT;
}

static void tokens_unload(void *state)
{
    token_table_free(state);
}

/* ---- Entra ID ---- */

static int entra_load(const struct config *config, uid_t user, void **state, struct error *error)
{
    struct entra *entra;
    if (*state)
        return entra_reload(*state, error);
    if (entra_open(config, user, &entra, error) < 0)
        return -1;
    *state = entra;
    return 0;
}

static int entra_begin(void *state, struct error *error)
{
    return entra_start(state, error);
}

static enum verdict entra_judge(void *state, const char *token,
                                const struct credentials *credentials, struct actor *ret_actor,
                                struct error *reason)
{
    static const enum verdict verdicts[] = {
        [ENTRA_VALID] = KNOWN, [ENTRA_REFUSED] = REFUSED, [ENTRA_LATER] = LATER};
    (void)credentials;
    if (!token || !jwt_has_form(token))
        return NOT_MEANT;
    return verdicts[entra_check(state, token, ret_actor, reason)];
}

static void entra_unload(void *state)
{
    entra_close(state);
}

/* ---- client certificates ---- */

static int clients_load(const struct config *config, uid_t user, void **state, struct error *error)
{
    struct client_table *table;
    if (client_table_load(config->api_client_ca, config->api_client_file, user, &table, error) < 0)
        return -1;
    if (client_table_count(table) == 0)
        log_warning("%s has no entry: nobody can log in with a client certificate",
                    config->api_client_file);
    *state = table;
    return 0;
}

static enum verdict clients_judge(void *state, const char *token,
                                  const struct credentials *credentials, struct actor *ret_actor,
                                  struct error *reason)
{
    if (token || credentials->authorization || credentials->certificate_count == 0)
        return NOT_MEANT;
    return client_table_find(state, credentials->certificates, credentials->certificate_count,
                             ret_actor, reason) == 0
               ? KNOWN
               : REFUSED;
}

static void clients_unload(void *state)
{
    client_table_free(state);
}

/* The token file is first, because its tokens may look like those of Entra ID. */
static const struct auth_way ways[] = {
    {AUTH_TOKEN_FILE, tokens_prepare, tokens_load, NULL, tokens_judge, tokens_unload},
    {AUTH_ENTRA, NULL, entra_load, entra_begin, entra_judge, entra_unload},
    {AUTH_CLIENT_CERT, NULL, clients_load, NULL, clients_judge, clients_unload},
};
enum { WAY_COUNT = sizeof(ways) / sizeof(ways[0]) };

/* ---- all methods ---- */

struct auth {
    const struct config *config;
    pthread_rwlock_t lock; /* of the states: every request reads them, a reload replaces them */
    void *states[WAY_COUNT];
};

static bool is_chosen(const struct config *config, int way)
{
    return config->api_auth & (unsigned)ways[way].bit;
}

int auth_prepare(const struct config *config, const struct identity *owner, struct error *error)
{
    for (int i = 0; i < WAY_COUNT; i++)
        if (is_chosen(config, i) && ways[i].prepare && ways[i].prepare(config, owner, error) < 0)
            return -1;
    return 0;
}

/* The user who reads these files after this process has given up root. */
static uid_t find_user(const struct config *config)
{
    struct identity identity;
    struct error error;
    if (!privileges_can_change() || privileges_find_user(config->api_user, &identity, &error) < 0)
        return TRUSTED_PATH_NO_USER;
    return identity.uid;
}

static int load(struct auth *auth, int way, uid_t user, struct error *error)
{
    void *old = auth->states[way], *state = old;
    if (ways[way].load(auth->config, user, &state, error) < 0)
        return -1;
    if (state == old)
        return 0;
    pthread_rwlock_wrlock(&auth->lock);
    auth->states[way] = state;
    pthread_rwlock_unlock(&auth->lock);
    if (old)
        ways[way].unload(old);
    return 0;
}

static int load_all(struct auth *auth, uid_t user, struct error *error)
{
    int status = 0;
    struct error of_way;
    for (int i = 0; i < WAY_COUNT; i++) {
        if (!is_chosen(auth->config, i) || load(auth, i, user, &of_way) == 0)
            continue;
        if (status == 0)
            *error = of_way;
        status = -1;
    }
    return status;
}

int auth_reload(struct auth *auth, struct error *error)
{
    return load_all(auth, TRUSTED_PATH_NO_USER, error);
}

int auth_open(const struct config *config, struct auth **ret_auth, struct error *error)
{
    struct auth *auth = calloc(1, sizeof(*auth));
    if (!auth)
        return error_set_memory(error);
    auth->config = config;
    pthread_rwlock_init(&auth->lock, NULL);
    if (load_all(auth, find_user(config), error) < 0) {
        auth_close(auth);
        return -1;
    }
    *ret_auth = auth;
    return 0;
}

int auth_start(struct auth *auth, struct error *error)
{
    for (int i = 0; i < WAY_COUNT; i++)
        if (auth->states[i] && ways[i].start && ways[i].start(auth->states[i], error) < 0)
            return -1;
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

/* Copies the token of "Bearer TOKEN" into `buffer`; returns false for anything else. */
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

/* Checks credentials by the first method that they are meant for. */
static enum verdict judge(struct auth *auth, const struct credentials *credentials,
                          struct actor *ret_actor, struct error *reason)
{
    char buffer[AUTH_TOKEN_MAXIMUM + 1];
    const char *token = NULL;
    enum verdict verdict = NOT_MEANT;
    error_set(reason, ERROR_DENIED,
              "no authentication method of api.auth accepts these credentials");
    if (credentials->authorization) {
        if (!bearer_token(credentials->authorization, buffer, sizeof(buffer))) {
            error_set(reason, ERROR_DENIED,
                      "Authorization is not \"Bearer TOKEN\" of at most %d bytes",
                      AUTH_TOKEN_MAXIMUM);
            return REFUSED;
        }
        token = buffer;
    }
    pthread_rwlock_rdlock(&auth->lock);
    for (int i = 0; i < WAY_COUNT && verdict == NOT_MEANT; i++)
        if (auth->states[i])
            verdict = ways[i].judge(auth->states[i], token, credentials, ret_actor, reason);
    pthread_rwlock_unlock(&auth->lock);
    return verdict;
}

/* Every refused client gets the same text, because the reason would help an attacker. */
static int refuse_credentials(const struct credentials *credentials, struct answer *answer)
{
    bool token = credentials->authorization != NULL;
    answer_refuse(answer, API_UNAUTHENTICATED, NULL, "%s",
                  token ? "the token is not valid" : "the client certificate is not accepted");
    answer->challenge =
        token ? "Bearer error=\"invalid_token\", error_description=\"the token is not valid\""
              : "Bearer";
    return -1;
}

static int refuse_nobody(const struct auth *auth, struct answer *answer)
{
    answer_refuse(answer, API_UNAUTHENTICATED, NULL,
                  "log in with the header field \"Authorization: Bearer TOKEN\"%s",
                  auth->config->api_auth & AUTH_CLIENT_CERT ? " or a TLS client certificate" : "");
    answer->challenge = "Bearer";
    return -1;
}

static int refuse_role(const struct actor *actor, enum role needed, struct answer *answer)
{
    return answer_refuse(answer, API_FORBIDDEN, NULL, "%s (%s%s) needs the role %s", actor->name,
                         actor->role == ROLE_NONE ? "no role" : "role ",
                         actor->role == ROLE_NONE ? "" : role_name(actor->role), role_name(needed));
}

int auth_check(struct auth *auth, const struct credentials *credentials, enum role needed,
               struct actor *ret_actor, struct answer *answer)
{
    struct actor actor = {.role = ROLE_NONE};
    struct error reason;
    if (needed == ROLE_NONE)
        return 0;
    if (!credentials->authorization && credentials->certificate_count == 0)
        return refuse_nobody(auth, answer);
    enum verdict verdict = judge(auth, credentials, &actor, &reason);
    if (verdict != KNOWN)
        log_info("request %s is not authenticated: %s", credentials->request_id, reason.message);
    if (verdict == LATER)
        return answer_refuse(answer, API_UNAVAILABLE, NULL,
                             "the key of the token is being fetched; try again in a few seconds");
    if (verdict != KNOWN)
        return refuse_credentials(credentials, answer);
    *ret_actor = actor;
    return actor.role < needed ? refuse_role(&actor, needed, answer) : 0;
}
