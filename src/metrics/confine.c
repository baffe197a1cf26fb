/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.c - system calls and files of mimo-metrics after its start.
 *
 * It starts no program, signals no process and writes no file. It makes sockets only for the
 * connection to the statsd agent, and reads files only to look up the agent's name.
 */
#include "metrics/confine.h"

#include "mimo/confinement.h"
#include "mimo/confinement_calls.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* clang-format off */
static const struct confinement_call calls[] = {
    CONFINEMENT_BASE
    CONFINEMENT_LOOP
    CONFINEMENT_SOCKETS /* channel, statsd, connections of the page */
};

/* An agent on a UNIX socket may be restarted, and then needs a new connection. */
static const struct confinement_call local_calls[] = {
    CONFINEMENT_SOCKET(AF_UNIX, SOCK_STREAM, 0),
    CONFINEMENT_SOCKET(AF_UNIX, SOCK_DGRAM, 0),
    {SCMP_SYS(connect)},
};

static const struct confinement_call udp_calls[] = {
    CONFINEMENT_SOCKET(AF_INET, SOCK_DGRAM, 0),
    CONFINEMENT_SOCKET(AF_INET6, SOCK_DGRAM, 0),
    {SCMP_SYS(connect)},
};

static const struct confinement_call name_calls[] = {
    CONFINEMENT_THREADS
    CONFINEMENT_FILES        /* hosts, resolv.conf, nsswitch.conf */
    CONFINEMENT_LOCAL_CLIENT /* the C library connects to a name service cache first */
    CONFINEMENT_NAMES
};
/* clang-format on */

static const uint16_t name_ports[] = {53};

static void add_calls(struct confinement *confinement, const struct confinement_call *more,
                      size_t count)
{
    confinement->more_calls = more;
    confinement->more_call_count = count;
}

int confine_helper(const struct statsd *statsd, struct error *error)
{
    cleanup_confinement_places struct confinement_places places = {.count = 0};
    struct confinement confinement = {
        .calls = calls,
        .call_count = COUNT(calls),
        .domain = {.limit_connect = true, .deny_bind = true, .scoped = true},
    };
    if (statsd_needs_names(statsd)) {
        if (confinement_place_names(&places, error) < 0)
            return -1;
        confinement.domain.paths = places.paths;
        confinement.domain.path_count = places.count;
        confinement.domain.ports = name_ports;
        confinement.domain.port_count = COUNT(name_ports);
        add_calls(&confinement, name_calls, COUNT(name_calls));
    } else if (statsd->kind == STATSD_LOCAL) {
        add_calls(&confinement, local_calls, COUNT(local_calls));
    } else if (statsd->kind == STATSD_UDP) {
        add_calls(&confinement, udp_calls, COUNT(udp_calls));
    }
    return confinement_enter(&confinement, CONFINEMENT_ABI_MAXIMUM, error);
}
