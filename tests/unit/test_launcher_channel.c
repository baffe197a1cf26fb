/* SPDX-License-Identifier: Apache-2.0 */
/* test_launcher_channel.c - the privileged surface: what keeps to the table passes, all else is
 * refused and leaks nothing. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "launcher_channel_fixture.h"

static void send_good(const struct launcher_message *message)
{
    struct error error;

    expect_success(launcher_channel_send(fixture.near, message, &error), &error);
}

static void every_message_arrives_as_it_was_sent(void **state)
{
    (void)state;
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        struct launcher_message sent = messages[i].make();
        struct launcher_message received;
        enum launcher_channel_state channel = messages[i].when;
        struct error error;

        send_good(&sent);
        int result =
            launcher_channel_receive(fixture.far, messages[i].from, &channel, &received, &error);
        if (result != 1)
            fail_msg("message %d: %s", (int)sent.type, result < 0 ? error.message : "nothing");
        assert_int_equal(received.type, sent.type);
        assert_memory_equal(&received.launch, &sent.launch, messages[i].size);
        assert_int_equal(channel, LAUNCHER_CHANNEL_READY);
        if (sent.type == LAUNCHER_LAUNCH) {
            struct stat status;

            assert_true(fcntl(received.job_fd, F_GETFD) & FD_CLOEXEC);
            assert_true(fcntl(received.report_fd, F_GETFD) & FD_CLOEXEC);
            assert_int_equal(fstat(received.job_fd, &status), 0);
            assert_true(S_ISCHR(status.st_mode));
            close(received.job_fd);
            close(received.report_fd);
        } else {
            assert_int_equal(received.job_fd, -1);
            assert_int_equal(received.report_fd, -1);
        }
    }
}

static void the_two_descriptors_keep_their_order(void **state)
{
    struct launcher_message sent = launch_message(), received;
    enum launcher_channel_state channel = LAUNCHER_CHANNEL_READY;
    struct stat job, report, expected;
    struct error error;

    (void)state;
    sent.report_fd = fixture.near;
    send_good(&sent);
    assert_int_equal(launcher_channel_receive(fixture.far, LAUNCHER_SIDE_SUPERVISOR, &channel,
                                              &received, &error),
                     1);
    fstat(received.job_fd, &job);
    fstat(received.report_fd, &report);
    fstat(fixture.near, &expected);
    assert_true(S_ISCHR(job.st_mode));
    assert_int_equal(report.st_ino, expected.st_ino);
    close(received.job_fd);
    close(received.report_fd);
}

static void every_wait_status_and_a_root_less_start_can_be_told(void **state)
{
    struct launcher_message ended = ended_message(), ready = ready_message(), received;
    enum launcher_channel_state channel = LAUNCHER_CHANNEL_STARTING;
    struct error error;

    (void)state;
    ready.ready = (struct launcher_ready){0};
    ended.ended.wait_status = -1;
    ended.ended.max_rss_kib = 0;
    send_good(&ready);
    send_good(&ended);
    assert_int_equal(
        launcher_channel_receive(fixture.far, LAUNCHER_SIDE_LAUNCHER, &channel, &received, &error),
        1);
    assert_int_equal(
        launcher_channel_receive(fixture.far, LAUNCHER_SIDE_LAUNCHER, &channel, &received, &error),
        1);
    assert_int_equal(received.ended.wait_status, -1);
}

static void nothing_there_is_not_an_error(void **state)
{
    enum launcher_channel_state channel = LAUNCHER_CHANNEL_READY;
    struct launcher_message received;
    struct error error;

    (void)state;
    assert_int_equal(
        launcher_channel_receive(fixture.far, LAUNCHER_SIDE_LAUNCHER, &channel, &received, &error),
        0);
}

static void the_end_of_the_peer_is_told_apart(void **state)
{
    enum launcher_channel_state channel = LAUNCHER_CHANNEL_READY;
    struct launcher_message sent = signal_message(), received;
    struct error error;

    (void)state;
    close(fixture.near);
    expect_failure(
        launcher_channel_receive(fixture.far, LAUNCHER_SIDE_LAUNCHER, &channel, &received, &error),
        &error, ERROR_UNAVAILABLE, "peer disconnected");
    expect_failure(launcher_channel_send(fixture.far, &sent, &error), &error, ERROR_UNAVAILABLE,
                   "peer disconnected");
    fixture.near = dup(fixture.null);
}

static void a_peer_that_dies_with_unread_messages_is_gone_too(void **state)
{
    enum launcher_channel_state channel = LAUNCHER_CHANNEL_READY;
    struct launcher_message sent = signal_message(), received;
    struct error error;

    (void)state;
    expect_success(launcher_channel_send(fixture.far, &sent, &error), &error);
    close(fixture.near); /* resets the connection: something was unread */
    expect_failure(
        launcher_channel_receive(fixture.far, LAUNCHER_SIDE_LAUNCHER, &channel, &received, &error),
        &error, ERROR_UNAVAILABLE, "peer disconnected");
    fixture.near = dup(fixture.null);
}

static void a_full_channel_does_not_wait(void **state)
{
    struct launcher_message sent = signal_message();
    struct error error;
    int result = 0;

    (void)state;
    alarm(patient_seconds(20)); /* so that waiting fails instead of hanging */
    for (int i = 0; i < 100000 && result == 0; i++)
        result = launcher_channel_send(fixture.near, &sent, &error);
    alarm(0);
    expect_failure(result, &error, ERROR_BUSY, "launcher channel is full");
}

/* Hostile packets, made by hand. */

struct packet {
    uint32_t version;
    uint32_t type;
    char body[2048];
};

static struct packet packet_of(const struct launcher_message *message, size_t size)
{
    struct packet packet = {.version = LAUNCHER_CHANNEL_VERSION, .type = (uint32_t)message->type};

    memcpy(packet.body, &message->launch, size);
    return packet;
}

static void send_raw(const void *data, size_t length, int descriptor_count)
{
    union {
        char buffer[CMSG_SPACE(64 * sizeof(int))];
        struct cmsghdr alignment;
    } control = {0};
    struct iovec part = {(void *)(uintptr_t)data, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (descriptor_count > 0) {
        message.msg_control = control.buffer;
        message.msg_controllen = CMSG_SPACE((size_t)descriptor_count * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN((size_t)descriptor_count * sizeof(int));
        for (int i = 0; i < descriptor_count; i++)
            memcpy(CMSG_DATA(head) + (size_t)i * sizeof(int), &fixture.null, sizeof(int));
    }
    assert_int_equal(sendmsg(fixture.near, &message, 0), length);
}

static void expect_refused(enum launcher_side from, enum launcher_channel_state when,
                           const char *part)
{
    enum launcher_channel_state channel = when;
    struct launcher_message received;
    struct error error;

    expect_failure(launcher_channel_receive(fixture.far, from, &channel, &received, &error), &error,
                   ERROR_INVALID, part);
    assert_int_equal(channel, when);
    assert_int_equal(count_descriptors(), fixture.descriptors);
}

static int descriptors_of(size_t i)
{
    return messages[i].make == launch_message ? 2 : 0;
}

static void every_other_length_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        struct launcher_message message = messages[i].make();
        struct packet packet = packet_of(&message, messages[i].size);
        size_t right = 8 + messages[i].size;

        for (size_t length = 1; length <= 8 + sizeof(struct launcher_launch) + 40; length++) {
            if (length == right)
                continue;
            send_raw(&packet, length, descriptors_of(i));
            expect_refused(messages[i].from, messages[i].when,
                           length < 8                                    ? "shorter than a header"
                           : length > 8 + sizeof(struct launcher_launch) ? "longer than any message"
                                                                         : "wrong length");
        }
    }
}

static void every_other_number_of_descriptors_is_refused(void **state)
{
    static const int counts[] = {0, 1, 2, 3, 8, 9, 64};

    (void)state;
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        struct launcher_message message = messages[i].make();
        struct packet packet = packet_of(&message, messages[i].size);

        for (size_t j = 0; j < sizeof(counts) / sizeof(counts[0]); j++) {
            if (counts[j] == descriptors_of(i))
                continue;
            send_raw(&packet, 8 + messages[i].size, counts[j]);
            expect_refused(messages[i].from, messages[i].when,
                           counts[j] > 8 ? "longer than any message"
                                         : "wrong number of descriptors");
        }
    }
}

static void another_version_or_type_is_refused(void **state)
{
    struct launcher_message message = signal_message();
    struct packet packet = packet_of(&message, sizeof(struct launcher_signal));

    (void)state;
    packet.version = LAUNCHER_CHANNEL_VERSION + 1;
    send_raw(&packet, 8 + sizeof(struct launcher_signal), 0);
    expect_refused(LAUNCHER_SIDE_SUPERVISOR, LAUNCHER_CHANNEL_READY,
                   "message 2 (SIGNAL): wrong version: both programs must be of one build");
    packet.version = LAUNCHER_CHANNEL_VERSION;
    for (uint32_t type = 0; type < 300; type++) {
        if ((type >= 1 && type <= 2) || (type >= 64 && type <= 67))
            continue;
        packet.type = type;
        send_raw(&packet, 8 + sizeof(struct launcher_signal), 0);
        expect_refused(LAUNCHER_SIDE_SUPERVISOR, LAUNCHER_CHANNEL_READY, "unknown type");
    }
}

static void what_the_table_does_not_allow_now_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        struct launcher_message message = messages[i].make();
        enum launcher_channel_state other = messages[i].when == LAUNCHER_CHANNEL_READY
                                                ? LAUNCHER_CHANNEL_STARTING
                                                : LAUNCHER_CHANNEL_READY;
        enum launcher_side wrong_side = messages[i].from == LAUNCHER_SIDE_LAUNCHER
                                            ? LAUNCHER_SIDE_SUPERVISOR
                                            : LAUNCHER_SIDE_LAUNCHER;

        send_good(&message);
        expect_refused(messages[i].from, other, "out of turn");
        send_good(&message);
        expect_refused(wrong_side, messages[i].when, "comes from the wrong side");
    }
}

/* Each field out of its bounds is refused by who receives it, and by who would send it. */
#define WITH(maker, change, problem)                                                               \
    do {                                                                                           \
        struct launcher_message message = maker##_message();                                       \
        struct error error;                                                                        \
        message.change;                                                                            \
        struct packet packet = packet_of(&message, sizeof(message.maker));                         \
        send_raw(&packet, 8 + sizeof(message.maker), message.type == LAUNCHER_LAUNCH ? 2 : 0);     \
        bool up = message.type < LAUNCHER_READY;                                                   \
        expect_refused(up ? LAUNCHER_SIDE_SUPERVISOR : LAUNCHER_SIDE_LAUNCHER,                     \
                       message.type == LAUNCHER_READY ? LAUNCHER_CHANNEL_STARTING                  \
                                                      : LAUNCHER_CHANNEL_READY,                    \
                       problem);                                                                   \
        expect_failure(launcher_channel_send(fixture.near, &message, &error), &error,              \
                       ERROR_INVALID, problem);                                                    \
    } while (0)

static void refuse_external(const char *task, uint32_t processes, const char *problem)
{
    struct launcher_message message = launch_message();
    struct error error;

    memcpy(message.launch.external_task, task, LAUNCH_TASK_SIZE);
    message.launch.processes = processes;
    struct packet packet = packet_of(&message, sizeof(message.launch));
    send_raw(&packet, 8 + sizeof(message.launch), 2);
    expect_refused(LAUNCHER_SIDE_SUPERVISOR, LAUNCHER_CHANNEL_READY, problem);
    expect_failure(launcher_channel_send(fixture.near, &message, &error), &error, ERROR_INVALID,
                   problem);
}

static void a_task_of_the_operators_own_is_a_uuid_with_processes(void **state)
{
    static const char none[LAUNCH_TASK_SIZE];
    static const char good[LAUNCH_TASK_SIZE] = TASK_ID;
    static const char wrong[LAUNCH_TASK_SIZE] = "x";
    static const char surplus[LAUNCH_TASK_SIZE] = TASK_ID "\0x";
    char endless[LAUNCH_TASK_SIZE];
    struct launcher_message sent = launch_message();

    (void)state;
    memset(endless, 'a', sizeof(endless));
    refuse_external(none, 1, "processes are for tasks that are not built in");
    refuse_external(good, 0, "number of processes is out of range");
    refuse_external(good, LAUNCH_PROCESSES_MAXIMUM + 1, "number of processes is out of range");
    refuse_external(wrong, 1, "task is not a UUID");
    refuse_external(endless, 1, "task is not a UUID");
    refuse_external(surplus, 1, "data after the task's UUID");

    memcpy(sent.launch.external_task, good, sizeof(good));
    sent.launch.processes = LAUNCH_PROCESSES_MAXIMUM;
    send_good(&sent);
}

static void every_field_has_its_bounds(void **state)
{
    (void)state;
    WITH(launch, launch.token = 0, "token is zero");
    WITH(launch, launch.memory = 0, "memory is zero");
    WITH(launch, launch.attempt_memory = message.launch.memory - 1,
         "memory of the attempt is less than that of a process");
    WITH(launch, launch.slot = 1000, "slot is out of range");
    WITH(launch, launch.alarm_seconds = 0, "alarm is out of range");
    WITH(launch, launch.alarm_seconds = 86401, "alarm is out of range");
    WITH(launch, launch.cpu_seconds = 0, "processor time is zero");
    WITH(launch, launch.open_files = 0, "open files are zero");
    WITH(launch, launch.job_length = 0, "job length is out of range");
    WITH(launch, launch.job_length = 1024 * 1024 + 1, "job length is out of range");
    WITH(launch, launch.sealed_length = 512 * 1024 + 1,
         "length of the sealed credentials is out of range");
    WITH(launch, launch.port_count = 17, "too many ports");
    WITH(launch, launch.port_count = 3, "ports do not match their count");
    WITH(launch, launch.port_count = 1, "ports do not match their count");
    WITH(launch, launch.reserved = 1, "reserved is not zero");
    WITH(launch, launch.certificate_count = 3, "too many certificates");
    WITH(launch, launch.certificate_count = 0, "names of certificates do not match");
    WITH(launch, launch.certificate_count = 2, "names of certificates do not match");
    WITH(launch, launch.certificates[0][1] = '/', "names of certificates do not match");
    WITH(launch, launch.certificates[0][0] = '.', "names of certificates do not match");
    WITH(launch, launch.slot = 0;
         memset(message.launch.certificates[1], 'x', LAUNCH_CERTIFICATE_SIZE),
         "name of a certificate is not terminated");
    WITH(launch, launch.title[0] = (memset(message.launch.title, 'x', LAUNCH_TITLE_SIZE), 'x'),
         "title is not terminated");
    WITH(signal, signal.token = 0, "token is zero");
    WITH(signal, signal.signal = SIGHUP, "signal is neither SIGTERM nor SIGKILL");
    WITH(signal, signal.signal = 0, "signal is neither SIGTERM nor SIGKILL");
    WITH(signal, signal.reserved = 1, "reserved is not zero");
    WITH(ready, ready.privileged = 2, "privileged is neither 0 nor 1");
    WITH(started, started.token = 0, "token is zero");
    WITH(started, started.pid = 0, "pid is not positive");
    WITH(started, started.pid = -1, "pid is not positive");
    WITH(started, started.reserved = 1, "reserved is not zero");
    WITH(ended, ended.token = 0, "token is zero");
    WITH(ended, ended.max_rss_kib = UINT64_MAX, "usage is out of range");
    WITH(ended, ended.cpu_milliseconds = UINT64_MAX, "usage is out of range");
    WITH(ended, ended.reached = LAUNCHER_CGROUP_USED, "reached limits are out of range");
    WITH(failed, failed.token = 0, "token is zero");
    WITH(failed, failed.error_number = 0, "errno is zero");
    WITH(failed, failed.reserved = 1, "reserved is not zero");
}

static void bounds_themselves_are_allowed(void **state)
{
    struct launcher_message message = launch_message(), received;
    enum launcher_channel_state channel = LAUNCHER_CHANNEL_READY;
    struct error error;

    (void)state;
    message.launch.slot = LAUNCH_SLOTS_MAXIMUM - 1;
    message.launch.alarm_seconds = LAUNCH_SECONDS_MAXIMUM;
    message.launch.job_length = LAUNCH_JOB_MAXIMUM;
    message.launch.sealed_length = LAUNCH_SEALED_MAXIMUM;
    message.launch.port_count = LAUNCH_PORTS_MAXIMUM;
    for (int i = 0; i < LAUNCH_PORTS_MAXIMUM; i++)
        message.launch.ports[i] = 65535;
    send_good(&message);
    assert_int_equal(launcher_channel_receive(fixture.far, LAUNCHER_SIDE_SUPERVISOR, &channel,
                                              &received, &error),
                     1);
    close(received.job_fd);
    close(received.report_fd);
}

static void what_is_no_message_is_not_sent(void **state)
{
    struct launcher_message message = launch_message();
    struct error error;

    (void)state;
    message.job_fd = -1;
    expect_failure(launcher_channel_send(fixture.near, &message, &error), &error, ERROR_INVALID,
                   "LAUNCH: descriptors are missing");
    message.job_fd = fixture.null;
    message.report_fd = -1;
    expect_failure(launcher_channel_send(fixture.near, &message, &error), &error, ERROR_INVALID,
                   "LAUNCH: descriptors are missing");
    message.type = (enum launcher_message_type)9;
    expect_failure(launcher_channel_send(fixture.near, &message, &error), &error, ERROR_INVALID,
                   "unknown message 9");
}

static void a_socket_that_is_none_is_a_system_error(void **state)
{
    struct launcher_message message = signal_message();
    enum launcher_channel_state channel = LAUNCHER_CHANNEL_READY;
    struct error error;

    (void)state;
    expect_failure(launcher_channel_send(fixture.null, &message, &error), &error, ERROR_SYSTEM,
                   "cannot send SIGNAL");
    expect_failure(
        launcher_channel_receive(fixture.null, LAUNCHER_SIDE_LAUNCHER, &channel, &message, &error),
        &error, ERROR_SYSTEM, "cannot receive");
}

static void random_packets_are_refused_and_leak_nothing(void **state)
{
    unsigned seed = (unsigned)getpid();

    (void)state;
    for (int round = 0; round < 5000; round++) {
        size_t chosen = (size_t)rand_r(&seed) % MESSAGE_COUNT;
        struct launcher_message message = messages[chosen].make();
        struct packet packet = packet_of(&message, messages[chosen].size);
        size_t length = 8 + messages[chosen].size;
        enum launcher_channel_state channel = messages[chosen].when;
        struct launcher_message received;
        struct error error;

        for (int i = rand_r(&seed) % 3; i >= 0; i--)
            ((char *)&packet)[(size_t)rand_r(&seed) % length] = (char)rand_r(&seed);
        send_raw(&packet, length, rand_r(&seed) % 4);
        int result = launcher_channel_receive(fixture.far, messages[chosen].from, &channel,
                                              &received, &error);
        if (result == 1 && received.type == LAUNCHER_LAUNCH) {
            close(received.job_fd);
            close(received.report_fd);
        }
        if (result == 0 || (result < 0 && error.kind != ERROR_INVALID))
            fail_msg("pid %d as seed, round %d", (int)getpid(), round);
    }
    assert_int_equal(count_descriptors(), fixture.descriptors);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAIR(every_message_arrives_as_it_was_sent),
        WITH_PAIR(the_two_descriptors_keep_their_order),
        WITH_PAIR(every_wait_status_and_a_root_less_start_can_be_told),
        WITH_PAIR(nothing_there_is_not_an_error),
        WITH_PAIR(the_end_of_the_peer_is_told_apart),
        WITH_PAIR(a_peer_that_dies_with_unread_messages_is_gone_too),
        WITH_PAIR(a_full_channel_does_not_wait),
        WITH_PAIR(every_other_length_is_refused),
        WITH_PAIR(every_other_number_of_descriptors_is_refused),
        WITH_PAIR(another_version_or_type_is_refused),
        WITH_PAIR(what_the_table_does_not_allow_now_is_refused),
        WITH_PAIR(every_field_has_its_bounds),
        WITH_PAIR(a_task_of_the_operators_own_is_a_uuid_with_processes),
        WITH_PAIR(bounds_themselves_are_allowed),
        WITH_PAIR(what_is_no_message_is_not_sent),
        WITH_PAIR(a_socket_that_is_none_is_a_system_error),
        WITH_PAIR(random_packets_are_refused_and_leak_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
