/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.c - what the Admin API may still ask of the kernel once it is up.
 *
 * It serves a listener that is open already. What is left is the store, the files that a reload
 * reads, the wake sockets of actuators on this machine; and a connection outwards only if the store
 * or the check of tokens is a service.
 */
#include "api/confine.h"

#include "mimo/confinement.h"
#include "mimo/confinement_calls.h"
#include "mimo/https.h"
#include "mimo/store.h"

/* clang-format off */
static const struct confinement_call calls[] = {
    CONFINEMENT_BASE
    CONFINEMENT_THREADS      /* libmicrohttpd, handlers, the watch over connections */
    CONFINEMENT_LOOP
    CONFINEMENT_SOCKETS      /* connections of callers */
    CONFINEMENT_LOCAL_CLIENT /* wake sockets; READY=1 */
    CONFINEMENT_FILES        /* store; tokens and certificates (SIGHUP) */
    CONFINEMENT_SQLITE

    /* SIGTERM, SIGHUP: waited for, not handled. */
    {SCMP_SYS(rt_sigtimedwait)},

    /* GnuTLS mixes what it cost so far into its random numbers. */
    {SCMP_SYS(getrusage)},

    /* Asking for limits alone: one that is given would be set. */
    {SCMP_SYS(prlimit64), 2, {CONFINEMENT_IS(0, 0), CONFINEMENT_IS(2, 0)}},
};

/* Only where something is fetched: libcurl resolves names on a thread and ignores SIGPIPE meanwhile. */
static const struct confinement_call fetching[] = {
    CONFINEMENT_NAMES
    {SCMP_SYS(rt_sigaction), 1, {CONFINEMENT_IS(0, SIGPIPE)}},
};
/* clang-format on */

static bool fetches(const struct config *config)
{
    return (config->api_auth & AUTH_ENTRA) || !store_file(config->store_uri);
}

/* Directories, for all of these files may be replaced by renaming. */
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
        (config->tasks_directory[0] && /* where SIGHUP looks for what has changed */
         confinement_place(places, config->tasks_directory, CONFINEMENT_LIST, error) < 0))
        return -1;
    /* Finding the wake sockets; sending to them is not Landlock's to allow. */
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
