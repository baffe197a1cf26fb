/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.c - the system calls, files and ports that are left to the supervisor once it is up.
 *
 * It starts no program and no process and opens no listener any more: launcher and keeper run, and
 * the sockets are open. It still uses the store, name look-ups, a TCP connection to a cluster to see
 * whether it answers, jobs and pipes of workers, and what its own end needs.
 */
#include "supervisor/confine.h"

#include <signal.h>
#include <sys/wait.h>

#include "mimo/confinement.h"
#include "mimo/confinement_calls.h"
#include "mimo/program.h"
#include "mimo/store.h"

/* clang-format off */
static const struct confinement_call calls[] = {
    CONFINEMENT_BASE
    CONFINEMENT_THREADS      /* libuv's pool, for the store and for name look-ups */
    CONFINEMENT_LOOP
    CONFINEMENT_SOCKETS      /* launcher, metrics helper, control and wake socket */
    CONFINEMENT_LOCAL_CLIENT /* READY=1, WATCHDOG=1 */
    CONFINEMENT_NAMES        /* addresses of clusters; the probe; a store that is a service */
    CONFINEMENT_FILES        /* store; configuration (SIGHUP); memory of workers in /proc */
    CONFINEMENT_SQLITE

    /* An attempt: the job in sealed memory, the pipe that its results come through. */
    {SCMP_SYS(memfd_create)},
    {SCMP_SYS(fcntl), 1, {CONFINEMENT_IS(1, F_ADD_SEALS)}},
    {SCMP_SYS(pipe2)},

    /* libuv asks for the stack size. The new limit must be NULL: nothing can be set. */
    {SCMP_SYS(prlimit64), 2, {CONFINEMENT_IS(0, 0), CONFINEMENT_IS(2, 0)}},

    /* The end: signals get their default actions back, launcher and keeper are waited for. */
    {SCMP_SYS(rt_sigaction), 1, {CONFINEMENT_IS(0, SIGTERM)}},
    {SCMP_SYS(rt_sigaction), 1, {CONFINEMENT_IS(0, SIGINT)}},
    {SCMP_SYS(rt_sigaction), 1, {CONFINEMENT_IS(0, SIGHUP)}},
    {SCMP_SYS(rt_sigaction), 1, {CONFINEMENT_IS(0, SIGUSR1)}},
    {SCMP_SYS(pidfd_open)},
    {SCMP_SYS(wait4)},
};
/* clang-format on */

/* The store and SQLite's files beside it; the directory that the sockets are removed from; the
 * configuration with its drop-ins, which SIGHUP reads again. */
static int collect_places(const struct config *config, struct confinement_places *places,
                          struct error *error)
{
    const unsigned all =
        CONFINEMENT_READ | CONFINEMENT_LIST | CONFINEMENT_WRITE | CONFINEMENT_REMOVE;
    const char *store = store_file(config->store_uri);
    if ((store && confinement_place_of(places, store, all, error) < 0) ||
        confinement_place(places, config->actuator_runtime_directory, CONFINEMENT_REMOVE, error) <
            0 ||
        confinement_place_of(places, program_config_path(), CONFINEMENT_READ | CONFINEMENT_LIST,
                             error) < 0 ||
        (*config->tasks_directory && /* where SIGHUP looks for what has changed */
         confinement_place(places, config->tasks_directory, CONFINEMENT_LIST, error) < 0) ||
        confinement_place(places, "/proc", CONFINEMENT_READ, error) < 0 ||
        confinement_place(places, "/dev/urandom", CONFINEMENT_READ, error) < 0)
        return -1;
    return confinement_place_names(places, error);
}

int confine_supervisor(const struct config *config, const struct family *family,
                       struct error *error)
{
    const struct confinement_call end_family[] = {
        {SCMP_SYS(kill), 2, {CONFINEMENT_IS(0, family->launcher), CONFINEMENT_IS(1, SIGKILL)}},
        {SCMP_SYS(kill), 2, {CONFINEMENT_IS(0, family->keeper), CONFINEMENT_IS(1, SIGKILL)}},
    };
    cleanup_confinement_places struct confinement_places places = {.count = 0};
    if (collect_places(config, &places, error) < 0)
        return -1;
    const struct confinement confinement = {
        .calls = calls,
        .call_count = sizeof(calls) / sizeof(calls[0]),
        .more_calls = end_family,
        .more_call_count = sizeof(end_family) / sizeof(end_family[0]),
        .domain = {.paths = places.paths, .path_count = places.count, .deny_bind = true},
    };
    return confinement_enter(&confinement, CONFINEMENT_ABI_MAXIMUM, error);
}
