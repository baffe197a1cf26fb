/* SPDX-License-Identifier: Apache-2.0 */
/* The table of metrics, and the channel on which the supervisor tells the helper. */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

#include "mimo/metrics.h"

#define DESCRIBE_COUNTER(constant, name, help) [constant] = {name, METRIC_KIND_COUNTER, help},
#define DESCRIBE_GAUGE(constant, name, help)   [constant] = {name, METRIC_KIND_GAUGE, help},

const struct metric_description metric_descriptions[METRIC_COUNT] = {
    METRICS(DESCRIBE_COUNTER, DESCRIBE_GAUGE)};

static_assert(sizeof(struct metrics_message) == 8 + 8 * METRIC_COUNT, "a packet has no padding");
static_assert(METRIC_COUNT <= 32, "a bit of `emit` for each metric");

#define METRICS_EMIT_ALL (METRIC_COUNT == 32 ? UINT32_MAX : (UINT32_C(1) << METRIC_COUNT) - 1)

int metrics_channel_send(int socket, const struct metrics_message *message, struct error *error)
{
    struct metrics_message packet = *message;

    packet.version = METRICS_CHANNEL_VERSION;
    if (send(socket, &packet, sizeof(packet), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 0;
    if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
        return error_set(error, ERROR_BUSY, "the metrics helper is behind, a message is lost");
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN || errno == ECONNREFUSED)
        return error_set(error, ERROR_UNAVAILABLE, "the metrics helper is gone");
    return error_set_system(error, errno, "cannot send to the metrics helper");
}

int metrics_channel_receive(int socket, struct metrics_message *ret_message, struct error *error)
{
    struct metrics_message packet = {0};
    ssize_t length;

    do
        length = recv(socket, &packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
    while (length < 0 && errno == EINTR);
    if (length < 0 && errno == EAGAIN)
        return 0;
    if (length == 0 || (length < 0 && errno == ECONNRESET))
        return error_set(error, ERROR_UNAVAILABLE, "the supervisor is gone");
    if (length < 0)
        return error_set_system(error, errno, "cannot receive from the supervisor");
    if ((size_t)length != sizeof(packet))
        return error_set(error, ERROR_INVALID, "metrics message of %zd bytes, expected %zu", length,
                         sizeof(packet));
    if (packet.version != METRICS_CHANNEL_VERSION)
        return error_set(error, ERROR_INVALID, "metrics message of version %u, expected %d",
                         packet.version, METRICS_CHANNEL_VERSION);
    if (packet.emit & ~METRICS_EMIT_ALL)
        return error_set(error, ERROR_INVALID,
                         "metrics message names a metric that does not exist");
    *ret_message = packet;
    return 1;
}
