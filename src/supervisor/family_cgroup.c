/* SPDX-License-Identifier: Apache-2.0 */
/* family_cgroup.c - making and clearing the cgroups of the family. */
#include "supervisor/family_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cgroup.h"
#include "mimo/cleanup.h"

#define SUPERVISOR "supervisor"
#define LAUNCHER   "launcher"

enum {
    HOME_SIZE = 64,
    LEFTOVER_PATIENCE = 10 * 1000, /* milliseconds until killed processes have to be gone */
};

/* --- Places --- */

static void name_home(const struct stat *lock, char *buffer)
{
    snprintf(buffer, HOME_SIZE, "mimo-%llx-%llu", (unsigned long long)lock->st_dev,
             (unsigned long long)lock->st_ino);
}

/* Opens the delegated directory; -1 if none is delegated. */
static int open_delegated(struct error *error)
{
    char path[PATH_MAX];
    if (cgroup_find_own(path, sizeof(path), error) < 0)
        return -1;
    if (!cgroup_is_delegated(path))
        return error_set(error, ERROR_NOT_FOUND,
                         "%.256s is not delegated: start mimod by its systemd unit (Delegate=)",
                         path);
    int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return directory < 0 ? error_set_system(error, errno, "cannot open %.256s", path) : directory;
}

/* --- Making --- */

/* This process leaves the delegated cgroup, so that this may give controllers. */
static int make_own(int home, struct error *error)
{
    int own;
    if (cgroup_make(home, SUPERVISOR, (gid_t)-1, &own, error) < 0)
        return -1;
    int result = cgroup_enter(own, error);
    close(own);
    return result;
}

static int make_cgroups(int delegated, int home, gid_t manager, struct family_cgroup *cgroup,
                        struct error *error)
{
    if (make_own(home, error) < 0 ||
        cgroup_make(home, LAUNCHER, manager, &cgroup->place, error) < 0 ||
        cgroup_make(cgroup->place, LAUNCHER, (gid_t)-1, &cgroup->launcher, error) < 0)
        return -1;
    unsigned controllers = cgroup_enable(delegated, CGROUP_MEMORY | CGROUP_PIDS);
    cgroup_enable(cgroup->place, cgroup_enable(home, controllers));
    cgroup->kill = openat(cgroup->place, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    return 0;
}

static void make(int delegated, const char *name, gid_t manager, struct family_cgroup *cgroup,
                 struct error *reason)
{
    cleanup_fd int home = -1;
    if (cgroup_make(delegated, name, (gid_t)-1, &home, reason) < 0 ||
        make_cgroups(delegated, home, manager, cgroup, reason) < 0)
        family_cgroup_close(cgroup);
    else
        reason->kind = ERROR_NONE;
}

int family_cgroup_open(int lock, gid_t manager, struct family_cgroup *ret_cgroup,
                       struct error *ret_reason, struct error *error)
{
    struct stat status;
    char name[HOME_SIZE];
    *ret_cgroup = (struct family_cgroup){.place = -1, .launcher = -1, .kill = -1};
    cleanup_fd int delegated = open_delegated(ret_reason);
    if (delegated < 0)
        return 0;
    if (fstat(lock, &status) < 0)
        return error_set_system(error, errno, "cannot stat the lock");
    name_home(&status, name);
    if (cgroup_remove(delegated, name, LEFTOVER_PATIENCE, error) < 0)
        return error_prefix(error, "an earlier life of this actuator");
    make(delegated, name, manager, ret_cgroup, ret_reason);
    return 0;
}

void family_cgroup_close(struct family_cgroup *cgroup)
{
    int *const descriptors[] = {&cgroup->place, &cgroup->launcher, &cgroup->kill};
    for (size_t i = 0; i < sizeof(descriptors) / sizeof(*descriptors); i++)
        if (*descriptors[i] >= 0)
            close(take_fd(descriptors[i]));
}

/* --- Ending --- */

static bool has_processes(int home, const char *name)
{
    cleanup_fd int directory = openat(home, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return directory >= 0 && !cgroup_is_empty(directory);
}

bool family_cgroup_end_leftovers(const char *state_directory)
{
    struct error ignored;
    struct stat status;
    char path[PATH_MAX], name[HOME_SIZE];
    snprintf(path, sizeof(path), "%s/actuator.lock", state_directory);
    cleanup_fd int delegated = open_delegated(&ignored);
    if (delegated < 0 || stat(path, &status) < 0)
        return false;
    name_home(&status, name);
    cleanup_fd int home = openat(delegated, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (home < 0 || has_processes(home, SUPERVISOR) || !has_processes(home, LAUNCHER))
        return false;
    return cgroup_remove(home, LAUNCHER, LEFTOVER_PATIENCE, &ignored) == 0;
}

bool family_cgroup_kill(const struct family_cgroup *cgroup)
{
    return cgroup->kill >= 0 && write(cgroup->kill, "1", 1) == 1;
}
