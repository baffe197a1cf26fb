/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confinement_landlock.c - Landlock domains.
 *
 * The kernel refuses rights, members and sizes that it does not know, so everything is cut to the
 * negotiated ABI. Rights and structs are declared here because the headers of the build machine may
 * be older than the kernel it runs on. Source: https://docs.kernel.org/userspace-api/landlock.html
 */
#include "mimo/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mimo/cleanup.h"

enum { CREATE_RULESET_VERSION = 1 << 0 };
enum { RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2 };

#define ACCESS_FS_EXECUTE          (UINT64_C(1) << 0)
#define ACCESS_FS_WRITE_FILE       (UINT64_C(1) << 1)
#define ACCESS_FS_READ_FILE        (UINT64_C(1) << 2)
#define ACCESS_FS_READ_DIR         (UINT64_C(1) << 3)
#define ACCESS_FS_REMOVE_DIR       (UINT64_C(1) << 4)
#define ACCESS_FS_REMOVE_FILE      (UINT64_C(1) << 5)
#define ACCESS_FS_MAKE_DIR         (UINT64_C(1) << 7)
#define ACCESS_FS_MAKE_REG         (UINT64_C(1) << 8)
#define ACCESS_FS_TRUNCATE         (UINT64_C(1) << 14)
#define ACCESS_FS_IOCTL_DEV        (UINT64_C(1) << 15)
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

/* The rights that each ABI added. */
static const struct {
    uint64_t files; /* all file system rights known to this ABI */
    size_t size;    /* of struct ruleset */
} abis[CONFINEMENT_ABI_MAXIMUM + 1] = {
    [0] = {0, 0},
    [1] = {(1 << 13) - 1, 8},
    [2] = {(1 << 14) - 1, 8}, /* refer */
    [3] = {(1 << 15) - 1, 8}, /* truncate */
    [4] = {(1 << 15) - 1, 16},
    [5] = {(1 << 16) - 1, 16}, /* ioctl_dev */
    [6] = {(1 << 16) - 1, 24},
    [7] = {(1 << 16) - 1, 24}, /* choices of what is logged */
};

static const struct {
    enum confinement_access access;
    uint64_t rights;
} access_rights[] = {
    {CONFINEMENT_READ, ACCESS_FS_READ_FILE},
    {CONFINEMENT_LIST, ACCESS_FS_READ_DIR},
    {CONFINEMENT_WRITE, ACCESS_FS_WRITE_FILE | ACCESS_FS_MAKE_REG | ACCESS_FS_TRUNCATE},
    {CONFINEMENT_REMOVE, ACCESS_FS_REMOVE_FILE},
    {CONFINEMENT_EXECUTE, ACCESS_FS_EXECUTE},
    {CONFINEMENT_PUT, ACCESS_FS_WRITE_FILE},
    {CONFINEMENT_DIRECTORIES, ACCESS_FS_MAKE_DIR | ACCESS_FS_REMOVE_DIR},
};

/* Rights that a rule for a file that is not a directory may give. */
#define FILE_RIGHTS                                                                                \
    (ACCESS_FS_EXECUTE | ACCESS_FS_WRITE_FILE | ACCESS_FS_READ_FILE | ACCESS_FS_TRUNCATE |         \
     ACCESS_FS_IOCTL_DEV)

int confinement_landlock_abi(int maximum)
{
    if (maximum > CONFINEMENT_ABI_MAXIMUM)
        maximum = CONFINEMENT_ABI_MAXIMUM;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    if (abi < 0)
        return 0;
    return abi < maximum ? (int)abi : maximum;
}

static int allow_path(int ruleset, int abi, const struct confinement_path *path,
                      struct error *error)
{
    struct path_beneath_rule rule = {.directory = path->descriptor};
    cleanup_fd int opened = -1;
    if (path->path) {
        opened = open(path->path, O_PATH | O_CLOEXEC);
        if (opened < 0 && errno == ENOENT)
            return 0;
        if (opened < 0)
            return error_set_system(error, errno, "cannot open %s to allow it", path->path);
        rule.directory = opened;
    }
    if (rule.directory < 0)
        return 0;
    for (size_t i = 0; i < sizeof(access_rights) / sizeof(*access_rights); i++)
        if (path->access & access_rights[i].access)
            rule.allowed_access |= access_rights[i].rights & abis[abi].files;
    struct stat status;
    if (fstat(rule.directory, &status) < 0)
        return error_set_system(error, errno, "cannot stat %s",
                                path->path ? path->path : "what is to be allowed");
    if (!S_ISDIR(status.st_mode))
        rule.allowed_access &= FILE_RIGHTS;
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
        return error_set_system(error, errno, "cannot allow files in %s",
                                path->path ? path->path : "an open directory");
    return 0;
}

static int allow_ports(int ruleset, const struct confinement_domain *domain, struct error *error)
{
    for (size_t i = 0; i < domain->port_count; i++) {
        struct net_port_rule rule = {
            .allowed_access = ACCESS_NET_CONNECT_TCP,
            .port = domain->ports[i],
        };
        if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0)
            return error_set_system(error, errno, "cannot allow TCP port %u",
                                    (unsigned)domain->ports[i]);
    }
    return 0;
}

int confinement_make_domain(int abi, const struct confinement_domain *domain, int *ret_descriptor,
                            struct error *error)
{
    struct ruleset ruleset = {
        .handled_access_fs = domain->any_file ? 0 : abis[abi].files,
        .handled_access_net = (domain->deny_bind ? ACCESS_NET_BIND_TCP : 0) |
                              (domain->limit_connect ? ACCESS_NET_CONNECT_TCP : 0),
        .scoped = domain->scoped ? SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL : 0,
    };
    bool knows_ports = abis[abi].size > offsetof(struct ruleset, handled_access_net);
    cleanup_fd int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, abis[abi].size, 0);
    if (fd < 0)
        return error_set_system(error, errno, "cannot create a Landlock ruleset (ABI %d)", abi);
    for (size_t i = 0; i < domain->path_count; i++)
        if (allow_path(fd, abi, &domain->paths[i], error) < 0)
            return -1;
    if (knows_ports && domain->limit_connect && allow_ports(fd, domain, error) < 0)
        return -1;
    *ret_descriptor = take_fd(&fd);
    return 0;
}

int confinement_enter_made_domain(int descriptor, struct error *error)
{
    if (syscall(SYS_landlock_restrict_self, descriptor, 0) < 0)
        return error_set_system(error, errno, "cannot enter the Landlock domain");
    return 0;
}

int confinement_enter_domain(int abi, const struct confinement_domain *domain, struct error *error)
{
    cleanup_fd int fd = -1;
    /* Without files it may be that nothing is left to be limited. */
    if (abi == 0 || (domain->any_file && abis[abi].size == sizeof(uint64_t)))
        return 0;
    if (confinement_make_domain(abi, domain, &fd, error) < 0)
        return -1;
    return confinement_enter_made_domain(fd, error);
}
