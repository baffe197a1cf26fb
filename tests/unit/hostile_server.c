/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_server.c - a TLS server as a child of a test that answers every request with the bytes it
 * was given.
 */
#include "hostile_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ssl.h>

enum { REQUEST_SIZE = 64 * 1024 };

static void say(int heard, const char *text, size_t length)
{
    ssize_t written = write(heard, text, length);
    assert(written == (ssize_t)length);
}

/* Reads up to the end of the header lines; false at end of file. */
static int read_request(SSL *ssl, int heard)
{
    char request[REQUEST_SIZE + 1];
    size_t length = 0;
    while (length < REQUEST_SIZE) {
        int got = SSL_read(ssl, request + length, (int)(REQUEST_SIZE - length));
        if (got <= 0)
            return 0;
        say(heard, request + length, (size_t)got);
        length += (size_t)got;
        request[length] = '\0';
        if (strstr(request, "\r\n\r\n"))
            return 1;
    }
    return 0;
}

static void flood_with_tickets(SSL *ssl)
{
    while (SSL_new_session_ticket(ssl) == 1 && SSL_do_handshake(ssl) == 1)
        ;
}

static void answer_raw(int peer, const struct hostile_answer *answer)
{
    size_t length = answer->length ? answer->length : strlen(answer->text);
    do {
        if (send(peer, answer->text, length, MSG_NOSIGNAL) < 0)
            return;
    } while (answer->repeat);
}

static void answer_connection(SSL *ssl, int heard, const struct hostile_answer *answer)
{
    size_t length = answer->length ? answer->length : strlen(answer->text);
    while (read_request(ssl, heard)) {
        if (answer->tickets)
            flood_with_tickets(ssl);
        if (SSL_write(ssl, answer->text, (int)length) <= 0)
            return;
        while (answer->repeat && SSL_write(ssl, answer->repeat, (int)strlen(answer->repeat)) > 0)
            ;
        if (answer->repeat || !answer->keep_open)
            return;
    }
}

static SSL_CTX *make_context(const struct practice_server *practice)
{
    char certificate[128];
    char key[128];
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    snprintf(certificate, sizeof(certificate), "%s/%s-server.crt", practice->directory,
             PRACTICE_CLUSTER_NAME);
    snprintf(key, sizeof(key), "%s/%s-server.key", practice->directory, PRACTICE_CLUSTER_NAME);
    int is_ready = SSL_CTX_use_certificate_chain_file(context, certificate) == 1 &&
                   SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1;
    assert(is_ready);
    return context;
}

static _Noreturn void serve(int listener, int heard, const struct practice_server *practice,
                            const struct hostile_answer *answer)
{
    static const char connection[] = "[connection]\n";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    SSL_CTX *context = make_context(practice);
    for (;;) {
        int peer = accept(listener, NULL, NULL);
        SSL *ssl = SSL_new(context);
        say(heard, connection, sizeof(connection) - 1);
        SSL_set_fd(ssl, peer);
        if (answer->is_raw)
            answer_raw(peer, answer);
        else if (SSL_accept(ssl) == 1)
            answer_connection(ssl, heard, answer);
        SSL_shutdown(ssl);
        SSL_free(ssl);
        close(peer);
    }
}

void hostile_server_start(struct hostile_server *server, const struct practice_server *practice,
                          const struct hostile_answer *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int heard[2];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int is_ready = listener >= 0 && pipe2(heard, O_CLOEXEC) == 0 &&
                   bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                   listen(listener, 8) == 0 &&
                   getsockname(listener, (struct sockaddr *)&address, &length) == 0;
    assert(is_ready);
    fflush(NULL);
    *server = (struct hostile_server){
        .pid = fork(),
        .port = ntohs(address.sin_port),
        .heard = heard[0],
    };
    assert(server->pid >= 0);
    if (server->pid == 0)
        serve(listener, heard[1], practice, answer);
    close(listener);
    close(heard[1]);
}

void hostile_server_stop(struct hostile_server *server)
{
    kill(server->pid, SIGKILL);
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void hostile_server_read(struct hostile_server *server, char *buffer, size_t size)
{
    size_t length = 0;
    ssize_t got;
    while (length < size - 1 && (got = read(server->heard, buffer + length, size - 1 - length)) > 0)
        length += (size_t)got;
    buffer[length] = '\0';
    close(server->heard);
}

struct kube_client *hostile_server_client(const struct hostile_server *server,
                                          const struct practice_server *practice)
{
    struct kubeconfig config;
    struct kube_client *client = NULL;
    struct error error = {0};
    practice_server_kubeconfig(practice, "-token", &config);
    free(config.server);
    int length = asprintf(&config.server, "https://127.0.0.1:%d", server->port);
    assert(length > 0);
    config.port = server->port;
    if (kube_client_create(&config, NULL, &client, &error) < 0)
        fprintf(stderr, "%s\n", error.message);
    assert(client);
    kubeconfig_free(&config);
    return client;
}
