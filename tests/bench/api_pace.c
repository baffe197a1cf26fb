/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_pace.c - requests at a fixed rate, whatever the server does, and how long each took from the
 * moment it was due: what wrk(1), which sends when the answer is there, cannot tell.
 *
 *     api_pace PORT CONNECTIONS RATE SECONDS
 *
 * BENCH_METHOD, BENCH_TOKEN, BENCH_BODY, BENCH_PATHS in the environment, as for api.lua. Prints
 * key=value lines: requests, failed ones (no answer of class 2), median, 99th percentile and
 * largest in microseconds, and requests a second that were done.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAXIMUM = 256,
    RATE_MAXIMUM = 100000,
    SECONDS_MAXIMUM = 600,
    PATHS_MAXIMUM = 10000,
    ANSWER_SIZE = 1024 * 1024,
};

struct pacer {
    pthread_t thread;
    SSL *ssl;
    int number;
    int64_t *latencies; /* microseconds; of this thread's requests */
    size_t count;
    size_t failed;
    char *answer;
};

static struct {
    SSL_CTX *tls;
    int port;
    int connections;
    double rate;
    size_t each; /* requests a connection */
    int64_t began;
    char *requests[PATHS_MAXIMUM];
    size_t request_count;
} bench;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "api_pace: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

static int64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        fail("BENCH_METHOD, BENCH_TOKEN, BENCH_BODY and BENCH_PATHS have to be in the environment");
    return value;
}

static void read_requests(void)
{
    const char *method = setting("BENCH_METHOD"), *token = setting("BENCH_TOKEN");
    const char *body = setting("BENCH_BODY");
    FILE *file = fopen(setting("BENCH_PATHS"), "r");
    char path[2048];
    if (!file)
        fail("cannot read the file of BENCH_PATHS");
    while (bench.request_count < PATHS_MAXIMUM && fgets(path, sizeof(path), file)) {
        path[strcspn(path, "\n")] = '\0';
        if (asprintf(&bench.requests[bench.request_count++],
                     "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                     "%sContent-Length: %zu\r\n\r\n%s",
                     method, path, token, body[0] ? "Content-Type: application/json\r\n" : "",
                     strlen(body), body) < 0)
            fail("out of memory");
    }
    fclose(file);
    if (bench.request_count == 0)
        fail("the file of BENCH_PATHS is empty");
}

static SSL *open_connection(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)bench.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SSL *ssl = SSL_new(bench.tls);
    if (fd < 0 || !ssl || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0 ||
        SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        fail("cannot connect");
    return ssl;
}

/* Reads one answer with a Content-Length. Its status; 0 when there was none. */
static int read_answer(struct pacer *pacer)
{
    size_t length = 0;
    size_t wanted = 0;
    while (wanted == 0 || length < wanted) {
        int got = SSL_read(pacer->ssl, pacer->answer + length, (int)(ANSWER_SIZE - 1 - length));
        if (got <= 0)
            return 0;
        length += (size_t)got;
        pacer->answer[length] = '\0';
        char *end = wanted == 0 ? strstr(pacer->answer, "\r\n\r\n") : NULL;
        if (!end)
            continue;
        const char *field = strcasestr(pacer->answer, "\r\nContent-Length:");
        wanted = (size_t)(end + 4 - pacer->answer);
        wanted += field && field < end ? strtoul(strchr(field, ':') + 1, NULL, 10) : 0;
        if (wanted >= ANSWER_SIZE)
            return 0;
    }
    return atoi(pacer->answer + strlen("HTTP/1.1 "));
}

static void wait_until(int64_t moment)
{
    struct timespec until = {.tv_sec = moment / 1000000, .tv_nsec = moment % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
        continue;
}

/* The connections take turns: each is due once in connections / rate seconds. */
static void *pace(void *context)
{
    struct pacer *pacer = context;
    for (size_t i = 0; i < bench.each; i++) {
        size_t turn = i * (size_t)bench.connections + (size_t)pacer->number;
        const char *request = bench.requests[turn % bench.request_count];
        int64_t due = bench.began + (int64_t)((double)turn * 1e6 / bench.rate);
        wait_until(due);
        int status =
            SSL_write(pacer->ssl, request, (int)strlen(request)) > 0 ? read_answer(pacer) : 0;
        pacer->latencies[pacer->count++] = microseconds() - due;
        pacer->failed += status / 100 != 2;
        if (status == 0)
            break; /* the connection is gone */
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    int64_t difference = *(const int64_t *)a - *(const int64_t *)b;
    return (difference > 0) - (difference < 0);
}

static void report(const struct pacer *pacers)
{
    int64_t took = microseconds() - bench.began;
    size_t count = 0, failed = 0;
    int64_t *all = calloc(bench.each * (size_t)bench.connections, sizeof(*all));
    if (!all)
        fail("out of memory");
    for (int i = 0; i < bench.connections; i++) {
        memcpy(all + count, pacers[i].latencies, pacers[i].count * sizeof(*all));
        count += pacers[i].count;
        failed += pacers[i].failed;
    }
    qsort(all, count, sizeof(*all), compare);
    printf("requests=%zu\nfailed=%zu\np50=%lld\np99=%lld\nlargest=%lld\nper_second=%.0f\n", count,
           failed, (long long)all[count / 2], (long long)all[count * 99 / 100],
           (long long)all[count - 1], (double)count * 1e6 / (double)took);
    free(all);
}

static int number_of(const char *text, int largest)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < 1 || value > largest)
        fail("usage: api_pace PORT CONNECTIONS RATE SECONDS");
    return (int)value;
}

int main(int argc, char **argv)
{
    static struct pacer pacers[CONNECTIONS_MAXIMUM];
    if (argc != 5)
        fail("usage: api_pace PORT CONNECTIONS RATE SECONDS");
    bench.port = number_of(argv[1], 65535);
    bench.connections = number_of(argv[2], CONNECTIONS_MAXIMUM);
    bench.rate = number_of(argv[3], RATE_MAXIMUM);
    bench.each =
        (size_t)(bench.rate * number_of(argv[4], SECONDS_MAXIMUM)) / (size_t)bench.connections + 1;
    signal(SIGPIPE, SIG_IGN);
    read_requests();
    bench.tls = SSL_CTX_new(TLS_client_method());
    if (!bench.tls)
        fail("cannot use TLS");
    for (int i = 0; i < bench.connections; i++) {
        pacers[i] = (struct pacer){.ssl = open_connection(), .number = i};
        pacers[i].latencies = calloc(bench.each, sizeof(*pacers[i].latencies));
        pacers[i].answer = malloc(ANSWER_SIZE);
        if (!pacers[i].latencies || !pacers[i].answer)
            fail("out of memory");
    }
    bench.began = microseconds() + 10000;
    for (int i = 0; i < bench.connections; i++)
        if (pthread_create(&pacers[i].thread, NULL, pace, &pacers[i]) != 0)
            fail("cannot start a thread");
    for (int i = 0; i < bench.connections; i++)
        pthread_join(pacers[i].thread, NULL);
    report(pacers);
    return EXIT_SUCCESS;
}
