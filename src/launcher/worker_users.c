/* SPDX-License-Identifier: Apache-2.0 */
/* worker_users.c - as whom workers run. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/worker_users.h"

/* The upper half holds (uid_t)-1, which means "leave it" to setresuid(2). */
enum { UID_LARGEST = INT32_MAX };

static bool read_uid(const char *text, char **ret_end, uid_t *ret_uid)
{
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long value = strtoul(text, ret_end, 10);
    if (errno != 0 || value == 0 || value > UID_LARGEST)
        return false;
    *ret_uid = (uid_t)value;
    return true;
}

int worker_users_parse_range(const char *text, uid_t *ret_first, uint32_t *ret_count,
                             struct error *error)
{
    char *end;
    uid_t first, last;
    if (!read_uid(text, &end, &first) || *end != '-' || !read_uid(end + 1, &end, &last) ||
        *end != '\0' || last < first)
        return error_set(error, ERROR_INVALID,
                         "actuator.worker_uids: \"%s\" is no range of user IDs from 1 to %d, such "
                         "as 61200-61299",
                         text, UID_LARGEST);
    *ret_first = first;
    *ret_count = last - first + 1;
    return 0;
}

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

static int find_range(const struct config *config, struct worker_users *users, struct error *error)
{
    uid_t first;
    if (worker_users_parse_range(config->actuator_worker_uids, &first, &users->count, error) < 0)
        return -1;
    if (users->count < config->actuator_max_workers)
        return error_set(error, ERROR_INVALID,
                         "actuator.worker_uids: %s has %u users for %lld workers "
                         "(actuator.max_workers): widen the range",
                         config->actuator_worker_uids, (unsigned)users->count,
                         (long long)config->actuator_max_workers);
    users->first = (struct identity){.uid = first, .gid = first};
    return check(users, "worker_uids", error);
}

int worker_users_find(const struct config *config, struct worker_users *ret_users,
                      struct error *error)
{
    struct worker_users users = {.privileged = privileges_can_change()};
    if (!users.privileged) {
        users.launcher = (struct identity){.uid = getuid(), .gid = getgid()};
        users.first = users.launcher;
    } else {
        if (privileges_find_user(config->actuator_launcher_user, &users.launcher, error) < 0)
            return error_prefix(error, "actuator.launcher_user");
        if (*config->actuator_worker_uids != '\0') {
            if (find_range(config, &users, error) < 0)
                return -1;
        } else {
            if (privileges_find_user(config->actuator_worker_user, &users.first, error) < 0)
                return error_prefix(error, "actuator.worker_user");
            if (check(&users, "worker_user", error) < 0)
                return -1;
        }
    }
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
