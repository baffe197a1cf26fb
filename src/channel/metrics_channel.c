/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_channel.c - the table of metrics, and the channel on which the supervisor tells the
 * helper.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "mimo/metrics.h"

#define DESCRIBE_COUNTER(constant, name, help) [constant] = {name, METRIC_KIND_COUNTER, help},
#define DESCRIBE_GAUGE(constant, name, help)   [constant] = {name, METRIC_KIND_GAUGE, help},

const struct metric_description metric_descriptions[METRIC_COUNT] = {
    METRICS(DESCRIBE_COUNTER, DESCRIBE_GAUGE)};

static_assert(sizeof(struct metrics_message) == 8 + 8 * METRIC_COUNT + METRICS_REASON_SIZE,
              "a packet has no padding");
static_assert(sizeof(struct metrics_notice) == 16, "a packet has no padding");
static_assert(METRIC_COUNT <= 32, "a bit of `emit` for each metric");

#define METRICS_EMIT_ALL (METRIC_COUNT == 32 ? UINT32_MAX : (UINT32_C(1) << METRIC_COUNT) - 1)

static int send_packet(int socket, const void *packet, size_t size, const char *peer,
                       struct error *error)
{
    if (send(socket, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 0;
    if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
        return error_set(error, ERROR_BUSY, "%s does not read fast enough: a message is lost",
                         peer);
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN || errno == ECONNREFUSED)
        return error_set(error, ERROR_UNAVAILABLE, "%s has ended", peer);
    return error_set_system(error, errno, "cannot send to %s", peer);
}

/* 1: a packet of `size` bytes is in the buffer. 0: none now. */
static int receive_packet(int socket, void *buffer, size_t size, const char *peer,
                          struct error *error)
{
    ssize_t length;

    do
        length = recv(socket, buffer, size, MSG_DONTWAIT | MSG_TRUNC);
    while (length < 0 && errno == EINTR);
    if (length < 0 && errno == EAGAIN)
        return 0;
    if (length == 0 || (length < 0 && errno == ECONNRESET))
        return error_set(error, ERROR_UNAVAILABLE, "%s has ended", peer);
    if (length < 0)
        return error_set_system(error, errno, "cannot receive from %s", peer);
    if ((size_t)length != size)
        return error_set(error, ERROR_INVALID, "metrics message of %zd bytes, expected %zu", length,
                         size);
    return 1;
}

static int check_version(uint32_t version, struct error *error)
{
    if (version != METRICS_CHANNEL_VERSION)
        return error_set(error, ERROR_INVALID, "metrics message of version %u, expected %d",
                         version, METRICS_CHANNEL_VERSION);
    return 0;
}

int metrics_channel_send(int socket, const struct metrics_message *message, struct error *error)
{
    struct metrics_message packet = *message;

    packet.version = METRICS_CHANNEL_VERSION;
    return send_packet(socket, &packet, sizeof(packet), "the metrics helper", error);
}

int metrics_channel_receive(int socket, struct metrics_message *ret_message, struct error *error)
{
    struct metrics_message packet = {0};
    int status = receive_packet(socket, &packet, sizeof(packet), "the supervisor", error);

    if (status <= 0)
        return status;
    if (check_version(packet.version, error) < 0)
        return -1;
    if (packet.emit & ~METRICS_EMIT_ALL)
        return error_set(error, ERROR_INVALID,
                         "metrics message names a metric that does not exist");
    if (memchr(packet.not_ready, '\0', sizeof(packet.not_ready)) == NULL)
        return error_set(error, ERROR_INVALID, "metrics message with an unterminated text");
    *ret_message = packet;
    return 1;
}

int metrics_channel_notify(int socket, const struct metrics_notice *notice, struct error *error)
{
    struct metrics_notice packet = *notice;

    packet.version = METRICS_CHANNEL_VERSION;
    return send_packet(socket, &packet, sizeof(packet), "the supervisor", error);
}

int metrics_channel_receive_notice(int socket, struct metrics_notice *ret_notice,
                                   struct error *error)
{
    struct metrics_notice packet = {0};
    int status = receive_packet(socket, &packet, sizeof(packet), "the metrics helper", error);

    if (status <= 0)
        return status;
    if (check_version(packet.version, error) < 0)
        return -1;
    if (packet.pid < 0)
        return error_set(error, ERROR_INVALID, "metrics notice with a negative pid");
    *ret_notice = packet;
    return 1;
}
