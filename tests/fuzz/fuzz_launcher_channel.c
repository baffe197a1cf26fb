/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_launcher_channel.c - a packet on the channel between supervisor and launcher, with any
 * number of descriptors.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mimo/launcher_channel.h"

enum { DESCRIPTORS_MAXIMUM = 4 };

static void send_packet(int socket, const uint8_t *data, size_t size, size_t descriptors)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int[DESCRIPTORS_MAXIMUM]))];
    } control = {0};
    struct iovec part = {.iov_base = fuzz_copy(data, size), .iov_len = size};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptors > 0) {
        packet.msg_control = &control;
        packet.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
        for (size_t i = 0; i < descriptors; i++)
            memcpy(CMSG_DATA(header) + i * sizeof(int), &(int){STDIN_FILENO}, sizeof(int));
    }
    PROMISE(sendmsg(socket, &packet, 0) == (ssize_t)size);
    free(part.iov_base);
}

/* The lowest number that is free: the same before and after, unless something stays open. */
static int next_descriptor(void)
{
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    PROMISE(fd >= 0);
    close(fd);
    return fd;
}

static void check_launch(const struct launcher_launch *launch)
{
    PROMISE(launch->token != 0 && launch->slot < LAUNCH_SLOTS_MAXIMUM);
    PROMISE(launch->alarm_seconds >= 1 && launch->alarm_seconds <= LAUNCH_SECONDS_MAXIMUM);
    PROMISE(launch->job_length >= 1 && launch->job_length <= LAUNCH_JOB_MAXIMUM);
    PROMISE(launch->sealed_length <= LAUNCH_SEALED_MAXIMUM);
    PROMISE(launch->port_count <= LAUNCH_PORTS_MAXIMUM);
    PROMISE(memchr(launch->title, '\0', sizeof(launch->title)));
    PROMISE(launch->certificate_count <= LAUNCH_CERTIFICATES_MAXIMUM);
    PROMISE(memchr(launch->external_task, '\0', sizeof(launch->external_task)));
    PROMISE(launch->processes <= LAUNCH_PROCESSES_MAXIMUM);
    for (uint32_t i = 0; i < launch->certificate_count; i++)
        PROMISE(launch_certificate_is_valid(launch->certificates[i]));
}

/* The first byte says who listens, in which state, and how many descriptors come along. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2];
    if (size < 2)
        return 0;
    enum launcher_side from = data[0] & 1 ? LAUNCHER_SIDE_LAUNCHER : LAUNCHER_SIDE_SUPERVISOR;
    enum launcher_channel_state state =
        data[0] & 2 ? LAUNCHER_CHANNEL_READY : LAUNCHER_CHANNEL_STARTING;
    size_t descriptors = data[0] >> 2 & 3;
    PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    send_packet(pair[0], data + 1, size - 1, descriptors);

    struct launcher_message message = {.job_fd = -1, .report_fd = -1};
    struct error error;
    int before = next_descriptor();
    int received = launcher_channel_receive(pair[1], from, &state, &message, &error);
    PROMISE(received != 0);
    if (received < 0) {
        promise_error(&error);
        PROMISE(next_descriptor() == before);
    } else {
        PROMISE((message.type == LAUNCHER_LAUNCH) == (message.job_fd >= 0));
        PROMISE((message.type == LAUNCHER_LAUNCH) == (message.report_fd >= 0));
        PROMISE((message.type < LAUNCHER_READY) == (from == LAUNCHER_SIDE_SUPERVISOR));
        if (message.type == LAUNCHER_LAUNCH)
            check_launch(&message.launch);
        /* What was taken is what would be sent. */
        PROMISE(launcher_channel_send(pair[1], &message, &error) == 0);
        char sent[8192];
        PROMISE(recv(pair[0], sent, sizeof(sent), MSG_DONTWAIT) == (ssize_t)size - 1);
        PROMISE(memcmp(sent, data + 1, size - 1) == 0);
        if (message.type == LAUNCHER_LAUNCH) {
            close(message.job_fd);
            close(message.report_fd);
        }
    }
    close(pair[0]);
    close(pair[1]);
    return 0;
}
