/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_metrics_channel.c - a packet from the supervisor to the metrics helper. */
#include "fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#include "mimo/metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2];
    struct metrics_message message = {0};
    struct error error;
    if (size == 0) /* would be the end of the channel */
        return 0;
    PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    cleanup_free char *copy = fuzz_copy(data, size);
    PROMISE(send(pair[0], copy, size, 0) == (ssize_t)size);
    int received = metrics_channel_receive(pair[1], &message, &error);
    PROMISE(received != 0);
    if (received < 0) {
        promise_error(&error);
        PROMISE(error.kind == ERROR_INVALID);
    } else {
        /* What was taken is what would be sent. */
        char sent[4096];
        PROMISE(metrics_channel_send(pair[1], &message, &error) >= 0);
        PROMISE(recv(pair[0], sent, sizeof(sent), MSG_DONTWAIT) == (ssize_t)size);
        PROMISE(memcmp(sent, data, size) == 0);
    }
    close(pair[0]);
    close(pair[1]);
    return 0;
}
