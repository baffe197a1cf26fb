/* SPDX-License-Identifier: Apache-2.0 */
/* worker_users.c - as whom workers run. */
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/worker_users.h"

/* Threads of processes that made themselves undumpable: /proc shows root as their owner. */
enum { HIDDEN_PROCESSES = 256 };

/* No worker may run as the launcher's user, which can read the seal key, or as root. */
static int check(const struct worker_users *users, const char *key, struct error *error)
{
    uint32_t count = users->count > 0 ? users->count : 1;
    if (users->launcher.uid == 0)
        return error_set(error, ERROR_INVALID,
                         "actuator.launcher_user must not be root: name a user of its own");
    if (users->first.uid == 0 || users->first.gid == 0)
        return error_set(error, ERROR_INVALID,
                         "actuator.%s must not be root: name a user of its own", key);
    if (users->launcher.uid >= users->first.uid && users->launcher.uid - users->first.uid < count)
        return error_set(error, ERROR_INVALID,
                         "actuator.%s and actuator.launcher_user are both %u: workers need users "
                         "of their own, the launcher's can read clusters.seal_key",
                         key, (unsigned)users->launcher.uid);
    return 0;
}

int worker_users_find(const struct config *config, struct worker_users *ret_users,
                      struct error *error)
{
    struct worker_users users = {.privileged = privileges_can_change()};
    uint32_t first, last;
    if (!users.privileged) {
        users.launcher = (struct identity){.uid = getuid(), .gid = getgid()};
        users.first = users.launcher;
        *ret_users = users;
        return 0;
    }
    if (privileges_find_user(config->actuator_launcher_user, &users.launcher, error) < 0)
        return error_prefix(error, "actuator.launcher_user");
    const char *key = "worker_user";
    if (config_worker_uids(config, &first, &last)) {
        key = "worker_uids";
        users.first = (struct identity){.uid = first, .gid = first};
        users.count = last - first + 1;
    } else if (privileges_find_user(config->actuator_worker_user, &users.first, error) < 0) {
        return error_prefix(error, "actuator.worker_user");
    }
    if (check(&users, key, error) < 0)
        return -1;
    *ret_users = users;
    return 0;
}

bool worker_users_of_slot(const struct worker_users *users, uint32_t slot,
                          struct identity *ret_identity)
{
    *ret_identity = users->first;
    if (users->count == 0)
        return true;
    ret_identity->uid += slot;
    ret_identity->gid += slot;
    return slot < users->count;
}

/* The launcher is not root, so its capabilities outlived the change of user. By system call, as
 * capset(2) shows: libcap's many allocations would be copied pages in every worker. */
int worker_drop_capabilities(struct worker *worker, struct error *error)
{
    (void)worker;
    struct __user_cap_header_struct self = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        syscall(SYS_capset, &self, none) < 0)
        return error_set_system(error, errno, "cannot drop capabilities");
    return 0;
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}
#define cleanup_directory __attribute__((cleanup(close_directory)))

/* A process has one link more in its task directory for each thread, beside two of its own. */
static uint32_t count_threads(const char *process)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%.20s/task", process);
    if (stat(path, &status) < 0 || status.st_uid != geteuid() || status.st_nlink <= 2)
        return 0;
    return (uint32_t)status.st_nlink - 2;
}

int worker_users_count_processes(uint32_t *ret_count, struct error *error)
{
    cleanup_directory DIR *processes = opendir("/proc");
    if (!processes)
        return error_set_system(error, errno, "cannot count processes in /proc");
    *ret_count = HIDDEN_PROCESSES;
    for (const struct dirent *entry; (entry = readdir(processes));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            *ret_count += count_threads(entry->d_name);
    return 0;
}
