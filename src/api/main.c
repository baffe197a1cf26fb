/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - mimo-api: the Admin API. What it needs root for comes first; then it permanently
 * becomes an ordinary user.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "api/confine.h"
#include "api/endpoints/members.h"
#include "api/endpoints/readiness.h"
#include "api/http/listener.h"
#include "api/http/server.h"
#include "api/http/tls.h"
#include "mimo/confinement.h"
#include "mimo/log.h"
#include "mimo/privileges.h"
#include "mimo/program.h"
#include "mimo/service_manager.h"
#include "mimo/trusted_path.h"

enum { STOP_MILLISECONDS = 10 * 1000, OTHER_DESCRIPTORS = 128 };

static const char *prepare_only;

static const struct program_option options[] = {
    {"prepare", NULL,
     "create the TLS certificate, its key and the first token if missing, and exit", &prepare_only},
    {NULL},
};

/* What a start would refuse, as far as it shows without starting. */
static int check_configuration(const struct config *config, FILE *stream, struct error *error)
{
    if (store_check_uri(config->store_uri, error) < 0)
        return error_prefix(error, "store.uri");
    return privileges_check_user("api.user", config->api_user, error) < 0
               ? -1
               : task_list_check(config, stream, error);
}

static const struct program program = {
    .name = "mimo-api",
    .summary = "serves the Admin API of MIMO over HTTPS",
    .details = "SIGTERM: finish requests in progress and exit. SIGHUP: reload tokens and the\n"
               "TLS certificate. docs/admin-api.md lists the endpoints.",
    .options = options,
    .check = check_configuration,
};

/* What the service manager was not told yet because its socket is full, or NULL. */
static const char *untold;

static void tell_service_manager(const char *state)
{
#ifdef HAVE_SYSTEMD
    untold = service_manager_tell(state) ? NULL : state;
#else
    (void)state;
#endif
}

/* Signals are waited for by the main thread alone; every other thread is born with them blocked. */
static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Makes the files of the first start that are missing. */
static int prepare_files(const struct config *config, const struct identity *owner,
                         struct error *error)
{
    bool made = false;
    if (config->api_tls == API_TLS_ON &&
        tls_prepare(config->api_tls_certificate, config->api_tls_key, owner, &made, error) < 0)
        return -1;
    if (made)
        log_notice("made a self-signed TLS certificate for this machine: %s; clients trust it with "
                   "--cacert or MIMO_CACERT",
                   config->api_tls_certificate);
    return auth_prepare(config, owner, error);
}

/* Read before the identity changes: root may have reserved them for itself. */
static int open_files(const struct config *config, const struct identity *owner, struct auth **auth,
                      struct error *error)
{
    if (prepare_files(config, owner, error) < 0)
        return -1;
    if (config->api_tls == API_TLS_ON &&
        tls_open(config->api_tls_certificate, config->api_tls_key,
                 owner ? owner->uid : TRUSTED_PATH_NO_USER, error) < 0)
        return -1;
    return auth_open(config, auth, error);
}

/* Tokens in clear stay within this machine. */
static int check_clear_text(const struct config *config, const struct listener *listener,
                            struct error *error)
{
    char address[LISTENER_ADDRESS_SIZE];
    if (config->api_tls == API_TLS_ON || listener_is_local(listener))
        return 0;
    return error_set(error, ERROR_INVALID,
                     "api.tls = off, but other machines can reach %s, and tokens would cross the "
                     "network in clear: let api.listen be 127.0.0.1:PORT or [::1]:PORT, or "
                     "remove api.tls",
                     listener_address(listener->fd, address));
}

/* Every connection is a descriptor; what the shell or the service manager allowed may be less. */
static void allow_descriptors(const struct config *config)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)config->api_max_connections + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed)
        return;
    limit.rlim_cur = needed;
    if (limit.rlim_max < needed && privileges_can_change())
        limit.rlim_max = needed;
    if (limit.rlim_max < needed)
        limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < needed)
        log_warning("descriptors do not suffice for api.max_connections = %lld: raise LimitNOFILE= "
                    "(ulimit -n) to %llu",
                    (long long)config->api_max_connections, (unsigned long long)needed);
}

/* Answers are tens of kilobytes and come thousands a second: their memory is not given back to the
 * kernel after each. Few arenas, because each keeps the most that its threads ever had. */
static void keep_memory(void)
{
    enum { KEPT = 1024 * 1024, ARENAS = 4 };
    mallopt(M_TRIM_THRESHOLD, KEPT);
    mallopt(M_MMAP_THRESHOLD, KEPT / 4);
    mallopt(M_ARENA_MAX, ARENAS);
}

/* The identity to serve under; NULL without the power to change it. */
static int find_identity(const struct config *config, struct identity *identity,
                         const struct identity **ret_identity, struct error *error)
{
    *ret_identity = NULL;
    if (!privileges_can_change())
        return 0;
    if (privileges_find_user(config->api_user, identity, error) < 0)
        return error_prefix(error, "api.user");
    *ret_identity = identity;
    return 0;
}

/* For services whose sandbox shows them a read-only system: see contrib/systemd/mimo-init.service. */
static int prepare(const struct config *config, struct error *error)
{
    struct identity identity;
    const struct identity *owner;
    if (find_identity(config, &identity, &owner, error) < 0)
        return -1;
    return prepare_files(config, owner, error);
}

/* Everything that needs root; drops root before it returns. */
static int drop_root(const struct config *config, struct auth **auth, struct listener *listener,
                     struct error *error)
{
    struct identity storage;
    const struct identity *identity;
    if (find_identity(config, &storage, &identity, error) < 0)
        return -1;
    allow_descriptors(config);
    if (open_files(config, identity, auth, error) < 0)
        return -1;
    if (listener_open(config->api_listen, listener, error) < 0 ||
        check_clear_text(config, listener, error) < 0)
        return -1;
    if (identity && privileges_drop(identity, NULL, 0, error) < 0)
        return error_prefix(error, "cannot become user %s (api.user)", config->api_user);
    return privileges_harden(error);
}

static void log_change(void *context, const char *section, const char *key, bool taken)
{
    (void)context, (void)taken;
    if (strcmp(section, "actuator") != 0 && strcmp(section, "metrics") != 0)
        log_warning("%s.%s has changed, which needs a restart of mimo-api", section, key);
}

/* The configuration is that of the start: who changed it and reloads is told so. */
static void report_changes(const struct config *config)
{
    struct config fresh;
    struct error error;
    if (program_reload(&fresh, &error) < 0) {
        log_error("the configuration cannot be read again, so mimo-api would not start with it: %s",
                  error.message);
        return;
    }
    config_compare(config, &fresh, log_change, NULL);
    config_free(&fresh);
}

static void reload(const struct api *api)
{
    const struct config *config = api->config;
    struct error error;
    bool changed;
    tell_service_manager("RELOADING=1");
    if (auth_reload(api->auth, &error) < 0)
        log_error("credentials were reloaded, except for one file, whose previous content stays in "
                  "force: %s",
                  error.message);
    else
        log_notice("credentials were reloaded");
    if (config->api_tls == API_TLS_OFF)
        log_notice("no TLS certificate to reload: api.tls = off");
    else if (tls_reload(config->api_tls_certificate, config->api_tls_key, TRUSTED_PATH_NO_USER,
                        &changed, &error) < 0)
        log_error("cannot reload the TLS certificate, the previous one stays in force: %s",
                  error.message);
    else
        log_notice("the TLS certificate %s", changed ? "was replaced" : "has not changed");
    report_changes(config);
    if (task_list_is_stale(api->tasks))
        log_warning("files in tasks.directory have changed, which needs a restart");
    tell_service_manager("READY=1");
}

/* Until SIGTERM or SIGINT. */
static void wait_for_signal(const struct api *api, const sigset_t *signals)
{
    const struct timespec pause = {.tv_nsec = SERVICE_MANAGER_PAUSE * 1000 * 1000};
    for (;;) {
        int number = untold ? sigtimedwait(signals, NULL, &pause) : sigwaitinfo(signals, NULL);
        if (untold)
            tell_service_manager(untold);
        if (number == SIGHUP)
            reload(api);
        else if (number == SIGTERM || number == SIGINT)
            return;
    }
}

/* Serves until told to end. */
static int run(const struct config *config, const struct task_list *tasks, struct auth *auth,
               const struct listener *listener, const sigset_t *signals, struct error *error)
{
    cleanup_store struct store *store = NULL;
    struct server *server;
    char address[LISTENER_ADDRESS_SIZE];
    if (store_open(config->store_uri, &store, error) < 0)
        return -1;
    struct api api = {.config = config,
                      .tasks = tasks,
                      .store = store,
                      .auth = auth,
                      .members = members_new(store)};
    if (!api.members)
        return error_set_memory(error);
    if (network_list_parse(config->api_trusted_proxies, &api.proxies, error) < 0) {
        members_free(api.members);
        return error_prefix(error, "api.trusted_proxies");
    }
    listener_address(listener->fd, address);
    if (confine_api(config, error) < 0 || auth_start(auth, error) < 0 ||
        readiness_start(store, &api.readiness, error) < 0 ||
        server_start(&api, listener, &server, error) < 0) {
        readiness_stop(api.readiness, STOP_MILLISECONDS);
        members_free(api.members);
        return -1;
    }
    log_info("confined: %s", confinement_describe());
    log_notice("listening on %s://%s", config->api_tls == API_TLS_ON ? "https" : "http", address);
    tell_service_manager("READY=1");
    wait_for_signal(&api, signals);
    tell_service_manager("STOPPING=1");
    log_notice("ending: requests under way get up to %d s", STOP_MILLISECONDS / 1000);
    if (!server_stop(server, STOP_MILLISECONDS) ||
        !readiness_stop(api.readiness, STOP_MILLISECONDS)) {
        log_error("the store does not answer; exiting without waiting for it");
        _exit(EXIT_FAILURE);
    }
    members_free(api.members);
    return 0;
}

/* From the first file to the last request. */
static int serve(const struct config *config, const struct task_list *tasks, struct error *error)
{
    struct auth *auth = NULL;
    sigset_t signals;
    struct listener listener = {.fd = -1};

    block_signals(&signals);
    keep_memory();
    int status = drop_root(config, &auth, &listener, error);
    if (status == 0)
        status = run(config, tasks, auth, &listener, &signals, error);
    if (status == 0)
        log_notice("ended");
    if (listener.fd >= 0)
        close(listener.fd);
    auth_close(auth);
    tls_close();
    return status;
}

int main(int argc, char **argv)
{
    struct config config;
    struct error error;
    cleanup_task_list struct task_list *tasks = NULL;

    program_start(&program, argc, argv, &config);
    if (task_list_load(&config, &tasks, &error) < 0)
        program_usage_error(&program, "%s", error.message);
    umask(0007);
    int status = prepare_only ? prepare(&config, &error) : serve(&config, tasks, &error);
    if (status < 0)
        log_error("%s", error.message);
    config_free(&config);
    return status < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
