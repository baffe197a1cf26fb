/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_limit.c - what HTTPS costs alone: the same library with the same settings, and one answer for
 * everything, made beforehand.
 *
 *     api_limit CERTIFICATE KEY BYTES
 *
 * Prints port=NUMBER and serves until its standard input ends.
 */
#include <microhttpd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/http/tls.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"

enum { FILE_MAXIMUM = 64 * 1024, BYTES_MAXIMUM = 16 * 1024 * 1024 };

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *target, const char *method, const char *version,
                                  const char *data, size_t *length, void **request_context)
{
    static char seen;
    (void)target, (void)method, (void)version, (void)data;
    if (!*request_context) {
        *request_context = &seen; /* the header is complete; its answer comes with the next call */
        return MHD_YES;
    }
    *length = 0;
    return MHD_queue_response(connection, MHD_HTTP_OK, context);
}

static char *read_text(const char *path)
{
    char *text;
    size_t length;
    struct error error;
    if (io_read_file(path, FILE_MAXIMUM, &text, &length, &error) == 0)
        return text;
    fprintf(stderr, "api_limit: %s\n", error.message);
    exit(EXIT_FAILURE);
}

static struct MHD_Response *make_answer(size_t length)
{
    char *body = malloc(length);
    if (!body)
        return NULL;
    memset(body, ' ', length);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);
    if (response)
        (void)MHD_add_response_header(response, "Content-Type", "application/json");
    return response;
}

int main(int argc, char **argv)
{
    unsigned long length = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (length < 1 || length > BYTES_MAXIMUM) {
        fprintf(stderr, "usage: api_limit CERTIFICATE KEY BYTES\n");
        return EXIT_FAILURE;
    }
    cleanup_free char *certificate = read_text(argv[1]);
    cleanup_free char *key = read_text(argv[2]);
    struct MHD_Response *answer = make_answer(length);
    struct MHD_Daemon *daemon =
        answer ? MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_USE_TURBO, 0,
                                  NULL, NULL, on_request, answer, MHD_OPTION_HTTPS_MEM_CERT,
                                  certificate, MHD_OPTION_HTTPS_MEM_KEY, key,
                                  MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES, MHD_OPTION_END)
               : NULL;
    if (!daemon) {
        fprintf(stderr, "api_limit: cannot start the server\n");
        return EXIT_FAILURE;
    }
    printf("port=%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    MHD_stop_daemon(daemon);
    MHD_destroy_response(answer);
    return EXIT_SUCCESS;
}
