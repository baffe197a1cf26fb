/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_landlock.c - Landlock domains of launcher and workers.
 *
 * The kernel refuses rights, members and sizes that it does not know, so everything is cut to the
 * negotiated ABI. Rights and structs are declared here because the headers of the build machine may
 * be older than the kernel it runs on. Source: https://docs.kernel.org/userspace-api/landlock.html
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/sandbox.h"
#include "mimo/cleanup.h"

enum { CREATE_RULESET_VERSION = 1 << 0 };
enum { RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2 };

#define ACCESS_FS_READ_FILE        (UINT64_C(1) << 2)
#define ACCESS_NET_BIND_TCP        (UINT64_C(1) << 0)
#define ACCESS_NET_CONNECT_TCP     (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL               (UINT64_C(1) << 1)

/* Members were added at the end; the size passed is that of the ABI in use. */
struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* ABI 4 */
    uint64_t scoped;             /* ABI 6 */
};

struct path_beneath_rule {
    uint64_t allowed_access;
    int32_t directory;
} __attribute__((packed));

struct net_port_rule {
    uint64_t allowed_access;
    uint64_t port;
};

#define NO_SCOPES "only seccomp keeps workers from signalling others"
#define NO_PORTS  "workers may connect to any TCP port; " NO_SCOPES
#define NO_DOMAIN NO_PORTS " and from files"

/* What each ABI brought, and what a worker could do without it. */
static const struct {
    uint64_t files; /* all file system rights known to this ABI */
    size_t size;    /* of struct ruleset */
    const char *gaps;
} abis[SANDBOX_LANDLOCK_ABI_MAXIMUM + 1] = {
    [0] = {0, 0, NO_DOMAIN},
    [1] = {(1 << 13) - 1, 8, NO_PORTS},
    [2] = {(1 << 14) - 1, 8, NO_PORTS}, /* refer */
    [3] = {(1 << 15) - 1, 8, NO_PORTS}, /* truncate */
    [4] = {(1 << 15) - 1, 16, NO_SCOPES},
    [5] = {(1 << 16) - 1, 16, NO_SCOPES}, /* ioctl_dev */
    [6] = {(1 << 16) - 1, 24, NULL},
    [7] = {(1 << 16) - 1, 24, NULL}, /* choices of what is logged */
};

int sandbox_landlock_abi(int maximum)
{
    if (maximum > SANDBOX_LANDLOCK_ABI_MAXIMUM)
        maximum = SANDBOX_LANDLOCK_ABI_MAXIMUM;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    if (abi < 0)
        return 0;
    return abi < maximum ? (int)abi : maximum;
}

const char *sandbox_landlock_gaps(int abi)
{
    return abis[abi].gaps;
}

static int create_ruleset(int abi, const struct ruleset *ruleset, struct error *error)
{
    int fd = (int)syscall(SYS_landlock_create_ruleset, ruleset, abis[abi].size, 0);
    if (fd < 0)
        return error_set_system(error, errno, "cannot create a Landlock ruleset (ABI %d)", abi);
    return fd;
}

static int restrict_self(int fd, struct error *error)
{
    if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        return error_set_system(error, errno, "cannot enter the Landlock domain");
    return 0;
}

int sandbox_deny_other_files(int abi, int directory, struct error *error)
{
    if (abi == 0)
        return 0;
    struct ruleset ruleset = {.handled_access_fs = abis[abi].files};
    struct path_beneath_rule rule = {.allowed_access = ACCESS_FS_READ_FILE, .directory = directory};
    cleanup_fd int fd = create_ruleset(abi, &ruleset, error);
    if (fd < 0)
        return -1;
    if (directory >= 0 && syscall(SYS_landlock_add_rule, fd, RULE_PATH_BENEATH, &rule, 0) < 0)
        return error_set_system(error, errno, "cannot allow the directory of tasks.certificates");
    return restrict_self(fd, error);
}

int sandbox_deny_files(int abi, struct error *error)
{
    return sandbox_deny_other_files(abi, -1, error);
}

int sandbox_enter_domain(int abi, const uint16_t *ports, size_t port_count, struct error *error)
{
    if (abi == 0)
        return 0;
    struct ruleset ruleset = {
        .handled_access_fs = abis[abi].files,
        .handled_access_net = ACCESS_NET_BIND_TCP | ACCESS_NET_CONNECT_TCP,
        .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL,
    };
    cleanup_fd int fd = create_ruleset(abi, &ruleset, error);
    if (fd < 0)
        return -1;
    bool knows_ports = abis[abi].size > offsetof(struct ruleset, handled_access_net);
    for (size_t i = 0; knows_ports && i < port_count; i++) {
        struct net_port_rule rule = {.allowed_access = ACCESS_NET_CONNECT_TCP, .port = ports[i]};
        if (syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &rule, 0) < 0)
            return error_set_system(error, errno, "cannot allow TCP port %u", (unsigned)ports[i]);
    }
    return restrict_self(fd, error);
}
