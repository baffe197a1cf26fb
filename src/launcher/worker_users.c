/* SPDX-License-Identifier: Apache-2.0 */
/* worker_users.c - as whom workers run. */
#include "config.h"

#include <unistd.h>

#include "launcher/worker_users.h"

/* The launcher's user can read the seal's key, root everything: no worker may be either. */
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
