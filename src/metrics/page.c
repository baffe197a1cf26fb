/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.c - the HTTP listener: GET /metrics and GET /healthz.
 */
#include "metrics/page.h"

#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "mimo/cleanup.h"

enum {
    CONNECTIONS_MAXIMUM = 32,
    CONNECTION_TIMEOUT_SECONDS = 10,
    CONNECTION_MEMORY = 8 * 1024, /* request line and headers */
};

struct page {
    struct MHD_Daemon *daemon;
    struct address address;
    page_figures_function *figures;
    void *context;
};

/* One row for each path, with the function that answers. */
struct route {
    const char *path;
    enum MHD_Result (*answer)(struct MHD_Connection *connection,
                              const struct page_figures *figures);
};

/* Queues `text`; `mode` determines whether MHD copies or frees it. */
static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status,
                               const char *content_type, char *text, size_t length,
                               enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(length, text, mode);
    if (!response) {
        if (mode == MHD_RESPMEM_MUST_FREE)
            free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond_line(struct MHD_Connection *connection, unsigned status,
                                    const char *line)
{
    cleanup_free char *copy = strdup(line);
    return copy ? respond(connection, status, "text/plain; charset=utf-8", copy, strlen(copy),
                          MHD_RESPMEM_MUST_COPY)
                : MHD_NO;
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection,
                                      const struct page_figures *figures)
{
    size_t length;
    char *text = page_text_metrics(figures, &length);
    if (!text)
        return MHD_NO;
    return respond(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text,
                   length, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result answer_health(struct MHD_Connection *connection,
                                     const struct page_figures *figures)
{
    char line[PAGE_HEALTH_SIZE];
    bool ready = page_text_health(figures, line);
    return respond_line(connection, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, line);
}

static const struct route routes[] = {
    {"/metrics", answer_metrics},
    {"/healthz", answer_health},
};

static const struct route *find_route(const char *path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    return NULL;
}

/* MHD_AccessHandlerCallback. The answer depends on the request line alone, so it is queued at the
 * first call; a body is never read. */
static enum MHD_Result handle_request(void *context, struct MHD_Connection *connection,
                                      const char *path, const char *method, const char *version,
                                      const char *upload, size_t *upload_size, void **request)
{
    (void)version, (void)upload, (void)upload_size, (void)request;
    struct page *page = context;

    const struct route *route = find_route(path);
    if (!route)
        return respond_line(connection, MHD_HTTP_NOT_FOUND,
                            "not found: the paths are /metrics and /healthz\n");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return respond_line(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");

    struct page_figures figures;
    page->figures(page->context, &figures);
    return route->answer(connection, &figures);
}

static int listen_on(struct address *address, const char *text, struct error *error)
{
    cleanup_fd int fd =
        socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set_system(error, errno, "metrics.listen: cannot create a socket");
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (const struct sockaddr *)&address->socket, address->length) < 0 ||
        listen(fd, CONNECTIONS_MAXIMUM) < 0)
        return error_set_system(
            error, errno,
            "metrics.listen: cannot listen on %s (choose another port, port 0 for any free one, "
            "or leave it empty for no page)",
            text);
    /* Which port it became, if it was 0. */
    if (getsockname(fd, (struct sockaddr *)&address->socket, &address->length) < 0)
        return error_set_system(error, errno, "metrics.listen: cannot tell the address of %s",
                                text);
    return take_fd(&fd);
}

int page_open(const char *listen, page_figures_function *figures, void *context,
              struct page **ret_page, struct error *error)
{
    cleanup_free struct page *page = calloc(1, sizeof(*page));
    if (!page)
        return error_set_system(error, ENOMEM, "metrics.listen");
    page->figures = figures;
    page->context = context;

    if (address_resolve(listen, &page->address, error) < 0)
        return error_prefix(error, "metrics.listen");
    cleanup_fd int fd = listen_on(&page->address, listen, error);
    if (fd < 0)
        return -1;
    page->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, handle_request, page, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAXIMUM, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)CONNECTION_TIMEOUT_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    if (!page->daemon)
        return error_set(error, ERROR_SYSTEM, "metrics.listen: cannot serve %s", listen);
    take_fd(&fd); /* closed by MHD_stop_daemon() */
    *ret_page = take_pointer(&page);
    return 0;
}

void page_close(struct page *page)
{
    if (!page)
        return;
    MHD_stop_daemon(page->daemon);
    free(page);
}

const struct address *page_address(const struct page *page)
{
    return &page->address;
}

int page_descriptor(const struct page *page)
{
    return MHD_get_daemon_info(page->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int page_timeout(const struct page *page)
{
    MHD_UNSIGNED_LONG_LONG milliseconds;
    if (MHD_get_timeout(page->daemon, &milliseconds) != MHD_YES)
        return -1;
    return milliseconds > INT_MAX ? INT_MAX : (int)milliseconds;
}

void page_run(struct page *page)
{
    MHD_run(page->daemon);
}
