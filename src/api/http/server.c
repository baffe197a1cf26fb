/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - the HTTP server: callbacks of libmicrohttpd, in the order of their calls. */
#include "api/http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/auth/client_certificate.h"
#include "api/http/addresses.h"
#include "api/http/exchange.h"
#include "api/http/peers.h"
#include "api/http/pool.h"
#include "api/http/routes.h"
#include "api/http/tls.h"
#include "mimo/clock.h"
#include "mimo/log.h"

/* libmicrohttpd 0.9.77 and later can refuse odd spellings itself. */
#define LIBRARY_IS_STRICT (MHD_VERSION >= 0x00097700)

enum {
    /* Header block, its index, and the answer's header. Wiped for each request, so no larger than
       needed. */
    CONNECTION_MEMORY = 48 * 1024,
    SILENCE_SECONDS = 30,
    LOOK_MILLISECONDS = 10,    /* at the end: interval of checks whether all is answered, */
    LOOKS = 5,                 /* and the number of consecutive checks that must succeed */
    STUCK_MILLISECONDS = 1000, /* time for a handler after all other waits; then it is stuck */
};

struct server {
    struct api *api;
    struct listener listener;
    struct MHD_Daemon *daemon;
    struct pool *pool;
    struct peers *peers;
    struct addresses *connections; /* of each address, except trusted proxies */
    struct addresses *clients;     /* requests of each address behind a proxy */
    struct monotonic told_at;      /* when a refused connection was last logged */
    size_t untold;                 /* connections refused since then */
    atomic_size_t active;          /* exchanges */
    atomic_bool stopping;
};

/* A request, with the library's objects for it. */
struct bound_exchange {
    struct server *server;
    struct MHD_Connection *connection;
    struct exchange *exchange;
    bool counted; /* in server->clients */
};

static struct peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* Used with TLS only, which the configuration checks. */
static bool asks_for_certificates(const struct server *server)
{
    return server->api->config->api_auth & AUTH_CLIENT_CERT;
}

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info ? info->tls_session : NULL;
}

static bool is_proxy(const struct server *server, const struct in6_addr *address)
{
    return network_list_has(&server->api->proxies, address);
}

/* Logs at most one line per second, because refused clients try again. */
static void tell_refused(struct server *server, const struct in6_addr *address)
{
    char text[NETWORK_ADDRESS_SIZE];
    server->untold++;
    if (server->told_at.milliseconds != 0 && clock_elapsed(server->told_at) < 1000)
        return;
    log_warning("connection of %s refused (%zu since the last such line): it has %lld open, "
                "api.max_connections_per_address; name it in api.trusted_proxies if it is a proxy",
                network_address_format(address, text), server->untold,
                (long long)server->api->config->api_max_connections_per_address);
    server->told_at = clock_monotonic();
    server->untold = 0;
}

/* MHD_AcceptPolicyCallback: MHD_NO closes the connection. */
static enum MHD_Result on_accept(void *context, const struct sockaddr *socket_address,
                                 socklen_t length)
{
    struct server *server = context;
    struct in6_addr address;
    (void)length;
    if (!network_address_of(socket_address, &address) || is_proxy(server, &address) ||
        addresses_has_room(server->connections, &address))
        return MHD_YES;
    tell_refused(server, &address);
    return MHD_NO;
}

/* Counts the connection with the others of its address, until it is closed. */
static void count_connection(struct server *server, const struct peer *peer, bool opened)
{
    const struct in6_addr *address = peer_network_address(peer);
    if (!address || is_proxy(server, address))
        return;
    if (!opened)
        addresses_leave(server->connections, address);
    else if (!addresses_enter(server->connections, address))
        log_error("out of memory: a connection was not counted");
}

/* MHD_NotifyConnectionCallback: comes before anything is read, and before the descriptor is
 * closed. */
static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        count_connection(server, *socket_context, false);
        peer_remove(server->peers, *socket_context);
        *socket_context = NULL;
        return;
    }
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sockaddr *address =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    if (asks_for_certificates(server))
        client_certificate_request(session_of(connection));
    *socket_context = peer_add(server->peers, fd, address);
    if (!*socket_context)
        log_error("out of memory: a connection has no deadline");
    count_connection(server, *socket_context, true);
}

/* The exchange has its own copy of the target, and its parameters come from there. The library would
 * make an entry for each of them in CONNECTION_MEMORY, and not answer when there is no room; so it gets
 * none to see. Its buffer is writable: it ends the path there itself after this callback. */
static void hide_parameters(const char *target)
{
    char *query = strchr((char *)(uintptr_t)target, '?');
    if (query)
        query[1] = '\0';
}

/* MHD_OPTION_URI_LOG_CALLBACK: the only callback that gets the raw target. The result becomes the
 * request's context; after NULL, on_request() closes the connection. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct server *server = context;
    struct bound_exchange *bound = calloc(1, sizeof(*bound));
    const struct peer *peer = peer_of(connection);
    struct exchange *exchange = exchange_new(server->api, target ? target : "", peer_address(peer),
                                             peer_network_address(peer));
    if (target)
        hide_parameters(target);
    if (!bound || !exchange) {
        free(bound);
        exchange_free(exchange);
        return NULL;
    }
    *bound = (struct bound_exchange){server, connection, exchange, false};
    atomic_fetch_add(&server->active, 1);
    return bound;
}

/* MHD_RequestCompletedCallback: the answer was sent, or the connection was lost. */
static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    struct server *server = context;
    struct bound_exchange *bound = *request_context;
    (void)code;
    *request_context = NULL;
    if (!bound)
        return;
    if (bound->counted)
        addresses_leave(server->clients, &bound->exchange->address);
    exchange_free(bound->exchange);
    free(bound);
    peer_enter(server->peers, peer_of(connection), PEER_IDLE);
    atomic_fetch_sub(&server->active, 1);
}

/* Passes the finished answer to the library. */
static enum MHD_Result send_answer(struct bound_exchange *bound)
{
    struct exchange *exchange = bound->exchange;
    if (!exchange->response)
        return MHD_NO; /* out of memory: closes the connection */
    peer_enter(bound->server->peers, peer_of(bound->connection), PEER_TAKING_ANSWER);
    return MHD_queue_response(bound->connection, (unsigned int)exchange->status,
                              exchange->response);
}

static enum MHD_Result refuse(struct bound_exchange *bound)
{
    exchange_finish(bound->exchange, atomic_load(&bound->server->stopping));
    return send_answer(bound);
}

static enum MHD_Result add_field(void *context, enum MHD_ValueKind kind, const char *name,
                                 size_t name_length, const char *value, size_t value_length)
{
    (void)kind;
    wire_field(context, name, name_length, value ? value : "", value ? value_length : 0);
    return MHD_YES;
}

/* Limits the requests in progress of a client behind a proxy, as connections are for others. */
static void count_client(struct bound_exchange *bound)
{
    struct exchange *exchange = bound->exchange;
    struct addresses *clients = bound->server->clients;
    if (!exchange->via_proxy || exchange->answer.status != 0 || exchange->request.route->immediate)
        return;
    if (!addresses_has_room(clients, &exchange->address))
        answer_refuse(&exchange->answer, API_UNAVAILABLE, NULL,
                      "%s has %lld requests in progress, the maximum for one address "
                      "(api.max_connections_per_address); try again in a few seconds",
                      exchange->request.client,
                      (long long)bound->server->api->config->api_max_connections_per_address);
    else
        bound->counted = addresses_enter(clients, &exchange->address);
}

/* The header is complete. */
static enum MHD_Result begin(struct bound_exchange *bound, const char *method, const char *target,
                             const char *version)
{
    struct exchange *exchange = bound->exchange;
    struct wire wire;
    long long body_length;
    wire_begin(&wire, method, target, version, exchange->request.target);
    wire.strict_library = LIBRARY_IS_STRICT;
    MHD_get_connection_values_n(bound->connection, MHD_HEADER_KIND, add_field, &wire);
    size_t block =
        MHD_get_connection_info(bound->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
            ->header_size;
    if (asks_for_certificates(bound->server))
        exchange->certificates = gnutls_certificate_get_peers(session_of(bound->connection),
                                                              &exchange->certificate_count);
    exchange->stage = EXCHANGE_BODY;
    peer_enter(bound->server->peers, peer_of(bound->connection), PEER_SENDING_BODY);
    exchange_judge(exchange, &wire, method, block);
    count_client(bound);
    if (wire_has_body(&wire, &body_length) && exchange_answers_early(exchange, body_length))
        return refuse(bound);
    return MHD_YES;
}

/* pool_job_f: on a handler thread. The connection is suspended, so nobody else touches the
 * exchange. */
static void serve(void *job)
{
    struct bound_exchange *bound = job;
    exchange_serve(bound->exchange, atomic_load(&bound->server->stopping));
    MHD_resume_connection(bound->connection); /* on_request() is called once more */
}

/* The request is complete: refused, served at once, or queued for a handler. */
static enum MHD_Result complete(struct bound_exchange *bound)
{
    struct exchange *exchange = bound->exchange;
    if (exchange->answer.status != 0)
        return refuse(bound);
    exchange->stage = EXCHANGE_SERVED;
    if (exchange->request.route->immediate) {
        exchange_serve(exchange, atomic_load(&bound->server->stopping));
        return send_answer(bound);
    }
    peer_enter(bound->server->peers, peer_of(bound->connection), PEER_WAITING);
    MHD_suspend_connection(bound->connection); /* first, because the handler may be done at once */
    if (!pool_submit(bound->server->pool, exchange->request.actor.name, bound)) {
        answer_refuse(&exchange->answer, API_UNAVAILABLE, NULL,
                      "too many requests are waiting; try again in a few seconds");
        exchange_finish(exchange, atomic_load(&bound->server->stopping));
        MHD_resume_connection(bound->connection);
    }
    return MHD_YES;
}

/* MHD_AccessHandlerCallback: once with the header, for each piece of the body, at its end, and
 * after resuming. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *target, const char *method, const char *version,
                                  const char *data, size_t *length, void **request_context)
{
    (void)context;
    (void)connection;
    struct bound_exchange *bound = *request_context;
    if (!bound)
        return MHD_NO;
    switch (bound->exchange->stage) {
    case EXCHANGE_HEADER:
        return begin(bound, method, target, version);
    case EXCHANGE_BODY:
        if (*length == 0)
            return complete(bound);
        if (exchange_take(bound->exchange, data, *length) < 0)
            return MHD_NO;
        *length = 0;
        return MHD_YES;
    case EXCHANGE_SERVED:
        return send_answer(bound);
    }
    return MHD_NO;
}

/* The path is matched as it came; see MHD_OPTION_UNESCAPE_CALLBACK. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static void on_message(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void on_message(void *context, const char *format, va_list arguments)
{
    (void)context;
    char text[512];
    vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_debug("libmicrohttpd: %s", text);
}

_Noreturn static void on_panic(void *context, const char *file, unsigned int line,
                               const char *reason)
{
    (void)context;
    log_error("libmicrohttpd failed at %s:%u: %s", file, line, reason ? reason : "no reason given");
    abort();
}

/* clang-format off */
static struct MHD_Daemon *start_daemon(struct server *server)
{
    const struct config *config = server->api->config;
    const bool encrypted = config->api_tls == API_TLS_ON;
    struct MHD_OptionItem nothing[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem tls_options[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)tls_retrieve},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, server->listener.fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, config->api_max_connections, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_SECONDS, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_target, server},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server},
#if LIBRARY_IS_STRICT
        {MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, NULL},
#endif
        {MHD_OPTION_END, 0, NULL},
    };
    MHD_set_panic_func(on_panic, NULL);
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_USE_ERROR_LOG | (encrypted ? MHD_USE_TLS : MHD_USE_TURBO),
                            0, on_accept, server, on_request, server,
                            MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
                            MHD_OPTION_ARRAY, encrypted ? tls_options : nothing,
                            MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}
/* clang-format on */

static void server_free(struct server *server)
{
    peers_stop(server->peers);
    addresses_free(server->connections);
    addresses_free(server->clients);
    free(server);
}

int server_start(struct api *api, const struct listener *listener, struct server **ret_server,
                 struct error *error)
{
    size_t threads = (size_t)api->config->api_threads;
    struct server *server = calloc(1, sizeof(*server));
    if (!server)
        return error_set_memory(error);
    server->api = api;
    server->listener = *listener;
    server->connections = addresses_new((size_t)api->config->api_max_connections_per_address);
    server->clients = addresses_new((size_t)api->config->api_max_connections_per_address);
    if (!server->connections || !server->clients) {
        server_free(server);
        return error_set_memory(error);
    }
    if (peers_start(NULL, &server->peers, error) < 0 ||
        pool_start(threads, threads * SERVER_QUEUE_PER_THREAD, serve, &server->pool, error) < 0) {
        server_free(server);
        return -1;
    }
    server->daemon = start_daemon(server);
    if (!server->daemon) {
        int problem = errno;
        pool_stop(server->pool, STUCK_MILLISECONDS);
        server_free(server);
        return error_set_system(error, problem, "cannot start the HTTPS server");
    }
    *ret_server = server;
    return 0;
}

static bool is_idle(struct server *server)
{
    return atomic_load(&server->active) == 0 && peers_unheard(server->peers) == 0;
}

/* Waits until the requests of all accepted connections have been answered. The network thread may
 * just be accepting one, so it must be idle in several consecutive checks. */
static void wait_until_idle(struct server *server, long milliseconds)
{
    const struct timespec pause = {.tv_nsec = LOOK_MILLISECONDS * 1000000L};
    const struct monotonic began = clock_monotonic();
    int idle = 0;
    atomic_store(&server->stopping, true);
    while (idle < LOOKS && clock_elapsed(began) < milliseconds) {
        idle = is_idle(server) ? idle + 1 : 0;
        nanosleep(&pause, NULL);
    }
    if (atomic_load(&server->active) > 0)
        log_warning("%zu requests are dropped: they did not end within %ld s",
                    atomic_load(&server->active), milliseconds / 1000);
}

bool server_stop(struct server *server, long milliseconds)
{
    (void)MHD_quiesce_daemon(server->daemon); /* leaves the socket open */
    listener_refuse(&server->listener);
    wait_until_idle(server, milliseconds);
    /* A suspended connection must be resumed before the daemon may stop. Queued jobs are served
     * here. */
    if (!pool_stop(server->pool, STUCK_MILLISECONDS))
        return false;
    MHD_stop_daemon(server->daemon);
    server_free(server);
    return true;
}
