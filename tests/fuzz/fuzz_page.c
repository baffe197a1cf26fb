/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_page.c - a connection to the Prometheus page: whatever a client on this machine sends. */
#include "fuzz.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/page.h"

enum { TURNS = 4 };

static struct page *page;

static void figures(void *context, struct page_figures *ret_figures)
{
    (void)context;
    *ret_figures = (struct page_figures){.heard = true, .stale_after_milliseconds = 1000};
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct error error;
    PROMISE(page_open("127.0.0.1:0", figures, NULL, &page, &error) == 0);
    return 0;
}

/* Lets the page work for a few turns, which is enough on this machine; keeps the beginning of what
 * it said. It need not answer: a request may be unfinished. */
static size_t take_answer(int client, char *answer, size_t room)
{
    size_t length = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        char rest[4096];
        page_run(page);
        ssize_t taken = recv(client, rest, sizeof(rest), MSG_DONTWAIT);
        if (taken == 0)
            break;
        for (ssize_t i = 0; i < taken && length < room; i++)
            answer[length++] = rest[i];
    }
    return length;
}

/* From an address of its own: a connection that the page closes keeps its port for a minute. -1
 * when the page has as many connections as it takes, which are those that earlier inputs left
 * unfinished and that it has not given up yet. */
static int connect_to_page(void)
{
    static uint32_t count;
    const struct address *address = page_address(page);
    const struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + count++ % 0xffff00),
    };
    const struct linger reset = {.l_onoff = 1}; /* leaves no port behind here */
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    PROMISE(client >= 0);
    PROMISE(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
    PROMISE(bind(client, (const struct sockaddr *)&source, sizeof(source)) == 0);
    if (connect(client, (const struct sockaddr *)&address->socket, address->length) == 0)
        return client;
    PROMISE(errno == EINPROGRESS);
    close(client);
    return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char answer[16];
    int client = connect_to_page();
    if (client < 0) {
        page_run(page);
        return 0;
    }
    ssize_t sent = send(client, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* it need not take all */
    size_t length = take_answer(client, answer, sizeof(answer));
    PROMISE(length == 0 || (length >= 5 && memcmp(answer, "HTTP/", 5) == 0));
    close(client);
    page_run(page);
    return 0;
}
