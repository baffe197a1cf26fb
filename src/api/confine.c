/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.c - system calls and files of the Admin API after its start.
 *
 * The listener is open already. The Admin API still needs the store, the files that a reload reads,
 * and the wake sockets of actuators on this machine; it needs outgoing connections only if the
 * store is a service or tokens of Entra ID are accepted.
 */
#include "api/confine.h"

#include "mimo/confinement.h"
#include "mimo/confinement_calls.h"
#include "mimo/https.h"
#include "mimo/program.h"
#include "mimo/store.h"

/* clang-format off */
static const struct confinement_call calls[] = {
    CONFINEMENT_BASE
    CONFINEMENT_THREADS      /* libmicrohttpd, handlers, the check of connections' deadlines */
    CONFINEMENT_LOOP
    CONFINEMENT_SOCKETS      /* connections of callers */
    CONFINEMENT_LOCAL_CLIENT /* wake sockets; READY=1 */
    CONFINEMENT_FILES        /* store; tokens and certificates (SIGHUP) */
    CONFINEMENT_SQLITE

    /* SIGTERM and SIGHUP are awaited by sigwait(3). */
    {SCMP_SYS(rt_sigtimedwait)},

    /* GnuTLS mixes resource usage into its random numbers. */
    {SCMP_SYS(getrusage)},

    /* Only reading limits: a new limit is not allowed. */
    {SCMP_SYS(prlimit64), 2, {CONFINEMENT_IS(0, 0), CONFINEMENT_IS(2, 0)}},
};

/* Only for fetching: libcurl resolves names on a thread and ignores SIGPIPE meanwhile. */
static const struct confinement_call fetching[] = {
    CONFINEMENT_NAMES
    {SCMP_SYS(rt_sigaction), 1, {CONFINEMENT_IS(0, SIGPIPE)}},
};
/* clang-format on */

static bool fetches(const struct config *config)
{
    return (config->api_auth & AUTH_ENTRA) || !store_file(config->store_uri);
}

/* Directories, because each of these files may be replaced by rename(2). */
static int collect_places(const struct config *config, struct confinement_places *places,
                          struct error *error)
{
    const unsigned all =
        CONFINEMENT_READ | CONFINEMENT_LIST | CONFINEMENT_WRITE | CONFINEMENT_REMOVE;
    const char *const read_again[] = {
        config->api_token_file, config->api_tls_certificate,       config->api_tls_key,
        config->api_client_ca,  config->api_client_file,           config->azure_ca_file,
        "/usr/share/zoneinfo/", config->clusters_seal_certificate,
    };
    const char *store = store_file(config->store_uri);
    if (store && confinement_place_of(places, store, all, error) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(read_again) / sizeof(read_again[0]); i++)
        if (confinement_place_of(places, read_again[i], CONFINEMENT_READ, error) < 0)
            return -1;
    if ((config->api_auth & AUTH_ENTRA) && !config->azure_ca_file[0] &&
        confinement_place_of(places, HTTPS_SYSTEM_CA, CONFINEMENT_READ, error) < 0)
        return -1;
    if (fetches(config) && confinement_place_names(places, error) < 0)
        return -1;
    if (confinement_place(places, "/dev/urandom", CONFINEMENT_READ, error) < 0 ||
        (config->tasks_directory[0] && /* SIGHUP checks it for changes */
         confinement_place(places, config->tasks_directory, CONFINEMENT_LIST, error) < 0) ||
        confinement_place_of(places, program_config_path(), CONFINEMENT_READ | CONFINEMENT_LIST,
                             error) < 0) /* and the configuration */
        return -1;
    /* For finding the wake sockets; Landlock does not restrict sending to them. */
    return confinement_place(places, config->actuator_runtime_directory, CONFINEMENT_LIST, error);
}

int confine_api(const struct config *config, struct error *error)
{
    cleanup_confinement_places struct confinement_places places = {.count = 0};
    if (collect_places(config, &places, error) < 0)
        return -1;
    bool outwards = fetches(config);
    const struct confinement confinement = {
        .calls = calls,
        .call_count = sizeof(calls) / sizeof(calls[0]),
        .more_calls = fetching,
        .more_call_count = outwards ? sizeof(fetching) / sizeof(fetching[0]) : 0,
        .domain = {.paths = places.paths,
                   .path_count = places.count,
                   .limit_connect = !outwards,
                   .deny_bind = true},
    };
    return confinement_enter(&confinement, CONFINEMENT_ABI_MAXIMUM, error);
}
