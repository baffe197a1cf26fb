/* SPDX-License-Identifier: Apache-2.0 */
/*
 * practice_trouble.c - what a step of the practice task may do at its end.
 *
 * The last three try what a sandbox has to stop. The kernel ends the worker, or denies it: that is
 * a terminal failure that begins with "forbidden". A success is the sandbox's failure, and its
 * message says so.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/exit_codes.h"
#include "tasks/practice.h"

enum {
    EXIT_OF_PRACTICE = 3,
    FLOOD_TEXT_LENGTH = 4000,
    HOUR_MILLISECONDS = 60 * 60 * 1000,
};

/* More address space than any configuration gives a worker. */
#define MEMORY_CHUNK   (INT64_C(64) * 1024 * 1024)
#define MEMORY_MAXIMUM (INT64_C(128) * 1024 * 1024 * 1024)

static const char *message_or(const struct practice_step *step, const char *otherwise)
{
    return step->message ? step->message : otherwise;
}

static void set_result_message(struct task_context *context, const char *message)
{
    status_text_copy(context->result_message, sizeof(context->result_message), message);
}

static struct step_result make_ok(struct task_context *context, const struct practice_step *step)
{
    if (step->message)
        set_result_message(context, step->message);
    return step_succeeded();
}

static struct step_result make_transient(struct task_context *context,
                                         const struct practice_step *step)
{
    (void)context;
    return step_transient("%s", message_or(step, "transient failure requested"));
}

static struct step_result make_terminal(struct task_context *context,
                                        const struct practice_step *step)
{
    (void)context;
    return step_terminal("%s", message_or(step, "permanent failure requested"));
}

static struct step_result make_crash(struct task_context *context, const struct practice_step *step)
{
    (void)context;
    (void)step;
    raise(SIGSEGV);
    abort();
}

static struct step_result make_exit(struct task_context *context, const struct practice_step *step)
{
    (void)context;
    (void)step;
    _exit(EXIT_OF_PRACTICE);
}

static struct step_result make_garbage(struct task_context *context,
                                       const struct practice_step *step)
{
    static const char garbage[] = "\xff\xfe this is no report {\n";
    (void)step;
    context->report_bytes(context, garbage, sizeof(garbage) - 1);
    return step_succeeded();
}

static struct step_result make_flood(struct task_context *context, const struct practice_step *step)
{
    char text[FLOOD_TEXT_LENGTH + 1];
    (void)step;
    memset(text, 'x', FLOOD_TEXT_LENGTH);
    text[FLOOD_TEXT_LENGTH] = '\0';
    for (int sent = 0; sent <= REPORT_TOTAL_MAXIMUM; sent += FLOOD_TEXT_LENGTH)
        task_report_status(context, "%s", text);
    return step_succeeded();
}

static _Noreturn void hang(struct task_context *context)
{
    signal(SIGTERM, SIG_IGN);
    for (;;)
        context->sleep_milliseconds(context, HOUR_MILLISECONDS);
}

static struct step_result make_hang(struct task_context *context, const struct practice_step *step)
{
    (void)step;
    hang(context);
}

/* Address space alone is what the limit counts; the pages are never touched, so that a worker
 * without a limit does not take the machine down. */
static struct step_result make_oom(struct task_context *context, const struct practice_step *step)
{
    (void)step;
    for (int64_t taken = 0; taken < MEMORY_MAXIMUM; taken += MEMORY_CHUNK)
        if (mmap(NULL, (size_t)MEMORY_CHUNK, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
            _exit(EXIT_WORKER_MEMORY);
    set_result_message(context, "the sandbox did not stop it: could allocate 128 GiB");
    return step_succeeded();
}

/* uname(2) because it harms nobody where it is allowed. */
static struct step_result make_forbidden(struct task_context *context,
                                         const struct practice_step *step)
{
    struct utsname name;
    (void)step;
    if (uname(&name) < 0)
        return step_terminal("forbidden: uname: %s", strerror(errno));
    set_result_message(context, "the sandbox did not stop it: uname was allowed");
    return step_succeeded();
}

static struct step_result make_open(struct task_context *context, const struct practice_step *step)
{
    const char *paths[] = {
        "/etc/shadow",
        document_string(context->job->settings, "storePath", NULL),
    };
    char refusals[512] = "";
    (void)step;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && paths[i]; i++) {
        cleanup_fd int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            snprintf(context->result_message, sizeof(context->result_message),
                     "the sandbox did not stop it: %s could be opened", paths[i]);
            return step_succeeded();
        }
        size_t length = strlen(refusals);
        snprintf(refusals + length, sizeof(refusals) - length, "%s%s: %s", i ? "; " : "", paths[i],
                 strerror(errno));
    }
    return step_terminal("forbidden: %s", refusals);
}

/* Whatever another than the kernel's own denial comes back, the packet got out. */
static struct step_result make_connect(struct task_context *context,
                                       const struct practice_step *step)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)step->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    cleanup_fd int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        return step_terminal("forbidden: socket: %s", strerror(errno));
    int failure = 0;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        failure = errno;
    if (failure == EACCES || failure == EPERM)
        return step_terminal("forbidden: 127.0.0.1 port %d: %s", (int)step->port,
                             strerror(failure));
    snprintf(context->result_message, sizeof(context->result_message),
             "the sandbox did not stop it: 127.0.0.1 port %d: %s", (int)step->port,
             failure ? strerror(failure) : "connected");
    return step_succeeded();
}

static const struct practice_trouble troubles[] = {
    {"ok", make_ok},
    {"transient", make_transient},
    {"terminal", make_terminal},
    {"crash", make_crash},
    {"exit", make_exit},
    {"garbage", make_garbage},
    {"flood", make_flood},
    {"hang", make_hang},
    {"oom", make_oom},
    {"forbidden", make_forbidden},
    {"open", make_open},
    {"connect", make_connect},
};

enum { TROUBLE_COUNT = sizeof(troubles) / sizeof(troubles[0]) };

const struct practice_trouble *practice_find_trouble(const char *word)
{
    for (size_t i = 0; i < TROUBLE_COUNT; i++)
        if (strcmp(troubles[i].word, word) == 0)
            return &troubles[i];
    return NULL;
}

void practice_list_troubles(char *buffer, size_t size)
{
    size_t length = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < TROUBLE_COUNT && length < size; i++)
        length += (size_t)snprintf(buffer + length, size - length, "%s%s", i ? ", " : "",
                                   troubles[i].word);
}
