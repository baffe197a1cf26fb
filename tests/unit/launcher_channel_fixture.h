/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher_channel_fixture.h - a launcher channel between two sockets of one process, and a good
 * message of each type.
 */
#ifndef MIMO_TEST_LAUNCHER_CHANNEL_FIXTURE_H
#define MIMO_TEST_LAUNCHER_CHANNEL_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "expect.h"
#include "mimo/launcher_channel.h"

#define TASK_ID "3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11"

static struct {
    int near; /* the end that sends */
    int far;  /* the end that receives */
    int null;
    int descriptors;
} fixture;

static inline int set_up(void **state)
{
    int ends[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    fixture.near = ends[0];
    fixture.far = ends[1];
    fixture.null = open("/dev/null", O_RDWR | O_CLOEXEC);
    fixture.descriptors = count_descriptors();
    return 0;
}

/* No test, and no hostile packet, may leave a descriptor behind. */
static inline int tear_down(void **state)
{
    int leaked = count_descriptors() - fixture.descriptors;

    (void)state;
    close(fixture.near);
    close(fixture.far);
    close(fixture.null);
    return leaked == 0 ? 0 : -1;
}

static inline struct launcher_message launch_message(void)
{
    return (struct launcher_message){
        .type = LAUNCHER_LAUNCH,
        .launch = {.token = 7,
                   .memory = 1 << 28,
                   .attempt_memory = 1 << 30,
                   .file_size = 0,
                   .slot = 3,
                   .alarm_seconds = 60,
                   .cpu_seconds = 30,
                   .open_files = 64,
                   .job_length = 100,
                   .sealed_length = 50,
                   .port_count = 2,
                   .ports = {6443, 443},
                   .title = "Operator Flags Update my-cluster",
                   .certificate_count = 1,
                   .certificates = {"mdsd"}},
        .job_fd = fixture.null,
        .report_fd = fixture.null,
    };
}

static inline struct launcher_message signal_message(void)
{
    return (struct launcher_message){.type = LAUNCHER_SIGNAL,
                                     .signal = {.token = 7, .signal = SIGTERM},
                                     .job_fd = -1,
                                     .report_fd = -1};
}

static inline struct launcher_message ready_message(void)
{
    return (struct launcher_message){.type = LAUNCHER_READY,
                                     .ready = {.landlock_abi = 6, .privileged = 1},
                                     .job_fd = -1,
                                     .report_fd = -1};
}

static inline struct launcher_message started_message(void)
{
    return (struct launcher_message){.type = LAUNCHER_STARTED,
                                     .started = {.token = 7, .pid = 4711},
                                     .job_fd = -1,
                                     .report_fd = -1};
}

static inline struct launcher_message ended_message(void)
{
    return (struct launcher_message){
        .type = LAUNCHER_ENDED,
        .ended = {.token = 7, .wait_status = 11, .max_rss_kib = 5000, .cpu_milliseconds = 250},
        .job_fd = -1,
        .report_fd = -1};
}

static inline struct launcher_message failed_message(void)
{
    return (struct launcher_message){.type = LAUNCHER_FAILED,
                                     .failed = {.token = 7, .error_number = EAGAIN},
                                     .job_fd = -1,
                                     .report_fd = -1};
}

/* Every message with the side it comes from, the state it may come in, and the size of its body. */
static const struct {
    struct launcher_message (*make)(void);
    enum launcher_side from;
    enum launcher_channel_state when;
    size_t size;
} messages[] = {
    {launch_message, LAUNCHER_SIDE_SUPERVISOR, LAUNCHER_CHANNEL_READY,
     sizeof(struct launcher_launch)},
    {signal_message, LAUNCHER_SIDE_SUPERVISOR, LAUNCHER_CHANNEL_READY,
     sizeof(struct launcher_signal)},
    {ready_message, LAUNCHER_SIDE_LAUNCHER, LAUNCHER_CHANNEL_STARTING,
     sizeof(struct launcher_ready)},
    {started_message, LAUNCHER_SIDE_LAUNCHER, LAUNCHER_CHANNEL_READY,
     sizeof(struct launcher_started)},
    {ended_message, LAUNCHER_SIDE_LAUNCHER, LAUNCHER_CHANNEL_READY, sizeof(struct launcher_ended)},
    {failed_message, LAUNCHER_SIDE_LAUNCHER, LAUNCHER_CHANNEL_READY,
     sizeof(struct launcher_failed)},
};

enum { MESSAGE_COUNT = sizeof(messages) / sizeof(messages[0]) };

#endif
