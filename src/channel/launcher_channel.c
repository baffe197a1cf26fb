/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher_channel.c - what supervisor and launcher say to each other: one table of messages
 * drives both directions.
 */
#include "mimo/launcher_channel.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mimo/uuid.h"

struct header {
    uint32_t version;
    uint32_t type;
};

/* Sizes are spelled out so that a change of a struct which would bring padding, and with it bytes
 * of our memory, into a packet does not compile. */
static_assert(sizeof(struct header) == 8, "no padding");
static_assert(sizeof(struct launcher_launch) ==
                  5 * 8 + 7 * 4 + 2 * LAUNCH_PORTS_MAXIMUM + LAUNCH_TITLE_SIZE + 4 +
                      LAUNCH_CERTIFICATES_MAXIMUM * LAUNCH_CERTIFICATE_SIZE + LAUNCH_TASK_SIZE +
                      2 * 4,
              "no padding");
static_assert(sizeof(struct launcher_signal) == 8 + 2 * 4, "no padding");
static_assert(sizeof(struct launcher_ready) == 4 * 4, "no padding");
static_assert(sizeof(struct launcher_started) == 8 + 2 * 4, "no padding");
static_assert(sizeof(struct launcher_ended) == 8 + 2 * 4 + 2 * 8, "no padding");
static_assert(sizeof(struct launcher_failed) == 8 + 2 * 4, "no padding");

bool launch_certificate_is_valid(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    size_t length = strspn(name, allowed);

    return length > 0 && length < LAUNCH_CERTIFICATE_SIZE && name[length] == '\0' && name[0] != '.';
}

/* Each answers what is wrong with a body, or NULL. */

static const char *check_certificates(const struct launcher_launch *launch)
{
    if (launch->certificate_count > LAUNCH_CERTIFICATES_MAXIMUM)
        return "too many certificates";
    for (uint32_t i = 0; i < LAUNCH_CERTIFICATES_MAXIMUM; i++) {
        const char *name = launch->certificates[i];

        if (!memchr(name, '\0', LAUNCH_CERTIFICATE_SIZE))
            return "name of a certificate is not terminated";
        if (i < launch->certificate_count ? !launch_certificate_is_valid(name) : *name != '\0')
            return "names of certificates do not match their count and form";
    }
    return NULL;
}

static const char *check_external_task(const struct launcher_launch *launch)
{
    static const char zeros[LAUNCH_TASK_SIZE];
    const char *task = launch->external_task;
    size_t length = strnlen(task, LAUNCH_TASK_SIZE);

    if (memcmp(task + length, zeros, LAUNCH_TASK_SIZE - length) != 0)
        return "data after the task's UUID";
    if (length == 0)
        return launch->processes != 0 ? "processes are for tasks that are not built in" : NULL;
    if (length == LAUNCH_TASK_SIZE || !uuid_is_valid(task))
        return "task is not a UUID";
    if (launch->processes == 0 || launch->processes > LAUNCH_PROCESSES_MAXIMUM)
        return "number of processes is out of range";
    return NULL;
}

static const char *check_launch(const struct launcher_message *message)
{
    const struct launcher_launch *launch = &message->launch;
    const char *problem = check_external_task(launch);

    if (problem)
        return problem;
    if (launch->token == 0)
        return "token is zero";
    if (launch->memory == 0)
        return "memory is zero";
    if (launch->attempt_memory < launch->memory)
        return "memory of the attempt is less than that of a process";
    if (launch->slot >= LAUNCH_SLOTS_MAXIMUM)
        return "slot is out of range";
    if (launch->alarm_seconds == 0 || launch->alarm_seconds > LAUNCH_SECONDS_MAXIMUM)
        return "alarm is out of range";
    if (launch->cpu_seconds == 0)
        return "processor time is zero";
    if (launch->open_files == 0)
        return "open files are zero";
    if (launch->job_length == 0 || launch->job_length > LAUNCH_JOB_MAXIMUM)
        return "job length is out of range";
    if (launch->sealed_length > LAUNCH_SEALED_MAXIMUM)
        return "length of the sealed credentials is out of range";
    if (launch->port_count > LAUNCH_PORTS_MAXIMUM)
        return "too many ports";
    for (uint32_t i = 0; i < LAUNCH_PORTS_MAXIMUM; i++) {
        if ((launch->ports[i] != 0) != (i < launch->port_count))
            return "ports do not match their count";
    }
    if (!memchr(launch->title, '\0', sizeof(launch->title)))
        return "title is not terminated";
    if (launch->reserved != 0)
        return "reserved is not zero";
    return check_certificates(launch);
}

static const char *check_signal(const struct launcher_message *message)
{
    if (message->signal.token == 0)
        return "token is zero";
    if (message->signal.signal != SIGTERM && message->signal.signal != SIGKILL)
        return "signal is neither SIGTERM nor SIGKILL";
    return message->signal.reserved != 0 ? "reserved is not zero" : NULL;
}

static const char *check_ready(const struct launcher_message *message)
{
    if (message->ready.privileged > 1)
        return "privileged is neither 0 nor 1";
    if (message->ready.programs > LAUNCHER_PROGRAMS_IN_GROUP)
        return "programs is out of range";
    return message->ready.cgroup > LAUNCHER_CGROUP_ALL ? "cgroup is out of range" : NULL;
}

static const char *check_started(const struct launcher_message *message)
{
    if (message->started.token == 0)
        return "token is zero";
    if (message->started.pid <= 0)
        return "pid is not positive";
    return message->started.reserved != 0 ? "reserved is not zero" : NULL;
}

static const char *check_ended(const struct launcher_message *message)
{
    if (message->ended.token == 0)
        return "token is zero";
    if (message->ended.max_rss_kib > INT64_MAX || message->ended.cpu_milliseconds > INT64_MAX)
        return "usage is out of range";
    if (message->ended.reached & ~(uint32_t)(LAUNCHER_CGROUP_MEMORY | LAUNCHER_CGROUP_PROCESSES))
        return "reached limits are out of range";
    return NULL;
}

static const char *check_failed(const struct launcher_message *message)
{
    if (message->failed.token == 0)
        return "token is zero";
    if (message->failed.error_number == 0)
        return "errno is zero";
    return message->failed.reserved != 0 ? "reserved is not zero" : NULL;
}

enum { LAUNCH_DESCRIPTORS = 2 };

/* The table: who may say what, when, how long it is, and with how many descriptors. */
static const struct message_kind {
    enum launcher_message_type type;
    const char *name;
    enum launcher_side from;
    enum launcher_channel_state when;
    enum launcher_channel_state then;
    size_t size;
    int descriptors;
    const char *(*check)(const struct launcher_message *message);
} kinds[] = {
#define SUPERVISOR LAUNCHER_SIDE_SUPERVISOR
#define LAUNCHER   LAUNCHER_SIDE_LAUNCHER
#define STARTING   LAUNCHER_CHANNEL_STARTING
#define READY      LAUNCHER_CHANNEL_READY
#define BODY(name) sizeof(struct launcher_##name)
    /* clang-format off */
    {LAUNCHER_LAUNCH,  "LAUNCH",  SUPERVISOR, READY,    READY, BODY(launch),  LAUNCH_DESCRIPTORS, check_launch},
    {LAUNCHER_SIGNAL,  "SIGNAL",  SUPERVISOR, READY,    READY, BODY(signal),  0, check_signal},
    {LAUNCHER_READY,   "READY",   LAUNCHER,   STARTING, READY, BODY(ready),   0, check_ready},
    {LAUNCHER_STARTED, "STARTED", LAUNCHER,   READY,    READY, BODY(started), 0, check_started},
    {LAUNCHER_ENDED,   "ENDED",   LAUNCHER,   READY,    READY, BODY(ended),   0, check_ended},
    {LAUNCHER_FAILED,  "FAILED",  LAUNCHER,   READY,    READY, BODY(failed),  0, check_failed},
    /* clang-format on */
};

/* Bodies are members of one union: all begin where the first does. */
static void *body_of(struct launcher_message *message)
{
    return &message->launch;
}

static const struct message_kind *find_kind(uint32_t type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if ((uint32_t)kinds[i].type == type)
            return &kinds[i];
    }
    return NULL;
}

/* Room for more descriptors than any message has, so that surplus ones are seen and closed. */
union control {
    char buffer[CMSG_SPACE(8 * sizeof(int))];
    struct cmsghdr alignment;
};

static void attach_descriptors(struct msghdr *packet, union control *control,
                               const int descriptors[LAUNCH_DESCRIPTORS])
{
    struct cmsghdr *head;

    packet->msg_control = control->buffer;
    packet->msg_controllen = CMSG_SPACE(LAUNCH_DESCRIPTORS * sizeof(int));
    head = CMSG_FIRSTHDR(packet);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(LAUNCH_DESCRIPTORS * sizeof(int));
    memcpy(CMSG_DATA(head), descriptors, LAUNCH_DESCRIPTORS * sizeof(int));
}

int launcher_channel_send(int socket, const struct launcher_message *message, struct error *error)
{
    const struct message_kind *kind = find_kind((uint32_t)message->type);
    struct launcher_message copy = *message;
    const int descriptors[LAUNCH_DESCRIPTORS] = {message->job_fd, message->report_fd};
    const char *problem;
    union control control = {0};
    struct header header;

    if (!kind)
        return error_set(error, ERROR_INVALID, "launcher channel: unknown message %d",
                         (int)message->type);
    problem = kind->check(message);
    if (!problem && kind->descriptors > 0 && (descriptors[0] < 0 || descriptors[1] < 0))
        problem = "descriptors are missing";
    if (problem)
        return error_set(error, ERROR_INVALID, "launcher channel: %s: %s", kind->name, problem);

    header = (struct header){.version = LAUNCHER_CHANNEL_VERSION, .type = (uint32_t)kind->type};
    struct iovec parts[2] = {{&header, sizeof(header)}, {body_of(&copy), kind->size}};
    struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2};
    if (kind->descriptors > 0)
        attach_descriptors(&packet, &control, descriptors);
    if (sendmsg(socket, &packet, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 0;
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ETOOMANYREFS)
        return error_set(error, ERROR_BUSY, "launcher channel is full");
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
        return error_set(error, ERROR_UNAVAILABLE, "launcher channel: peer disconnected");
    return error_set_system(error, errno, "launcher channel: cannot send %s", kind->name);
}

/* Descriptors of one packet, until somebody takes them over. */
struct received {
    int descriptors[8];
    int count;
    bool foreign; /* something else than descriptors came along */
};

static void collect_descriptors(struct msghdr *packet, struct received *received)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(packet); head; head = CMSG_NXTHDR(packet, head)) {
        size_t bytes = head->cmsg_len - CMSG_LEN(0);

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
            received->foreign = true;
            continue;
        }
        for (size_t i = 0; i < bytes / sizeof(int); i++)
            memcpy(&received->descriptors[received->count++], CMSG_DATA(head) + i * sizeof(int),
                   sizeof(int));
    }
}

/* Checks a packet against its row of the table; what is wrong, or NULL. */
static const char *check_packet(const struct message_kind *kind, const struct header *header,
                                size_t length, const struct received *received,
                                enum launcher_side from, enum launcher_channel_state state,
                                const struct launcher_message *message)
{
    if (header->version != LAUNCHER_CHANNEL_VERSION)
        return "wrong version: both programs must be of one build";
    if (!kind)
        return "unknown type";
    if (kind->from != from)
        return "comes from the wrong side";
    if (kind->when != state)
        return "out of turn";
    if (length != sizeof(*header) + kind->size)
        return "wrong length";
    if (received->foreign || received->count != kind->descriptors)
        return "wrong number of descriptors";
    return kind->check(message);
}

int launcher_channel_receive(int socket, enum launcher_side from,
                             enum launcher_channel_state *state,
                             struct launcher_message *ret_message, struct error *error)
{
    struct launcher_message message = {.job_fd = -1, .report_fd = -1};
    struct received received = {.count = 0};
    const struct message_kind *kind;
    union control control = {0};
    struct header header = {0};
    struct iovec parts[2] = {{&header, sizeof(header)},
                             {body_of(&message), sizeof(struct launcher_launch)}};
    struct msghdr packet = {.msg_iov = parts,
                            .msg_iovlen = 2,
                            .msg_control = control.buffer,
                            .msg_controllen = sizeof(control.buffer)};
    const char *problem;
    ssize_t length;

    do
        length = recvmsg(socket, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (length < 0 && errno == EINTR);
    if (length < 0 && errno == EAGAIN)
        return 0;
    if (length < 0 && errno != ECONNRESET)
        return error_set_system(error, errno, "launcher channel: cannot receive");
    if (length > 0)
        collect_descriptors(&packet, &received);
    else
        return error_set(error, ERROR_UNAVAILABLE, "launcher channel: peer disconnected");

    kind = find_kind(header.type);
    if ((size_t)length < sizeof(header))
        problem = "shorter than a header";
    else if (packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        problem = "longer than any message";
    else
        problem = check_packet(kind, &header, (size_t)length, &received, from, *state, &message);
    if (problem) {
        for (int i = 0; i < received.count; i++)
            close(received.descriptors[i]);
        return error_set(error, ERROR_INVALID, "launcher channel: message %u (%s): %s", header.type,
                         kind ? kind->name : "unknown", problem);
    }
    message.type = kind->type;
    if (kind->descriptors > 0) {
        message.job_fd = received.descriptors[0];
        message.report_fd = received.descriptors[1];
    }
    *state = kind->then;
    *ret_message = message;
    return 1;
}
