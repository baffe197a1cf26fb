/* SPDX-License-Identifier: Apache-2.0 */
/* children.c - which workers there are. */
#include <assert.h>
#include <errno.h>
#include <signal.h>

#include "launcher/children.h"

struct child *children_by_token(struct children *children, uint64_t token)
{
    for (size_t i = 0; i < children->count; i++)
        if (children->table[i].token == token)
            return &children->table[i];
    return NULL;
}

struct child *children_by_pid(struct children *children, pid_t pid)
{
    for (size_t i = 0; i < children->count; i++)
        if (children->table[i].pid == pid)
            return &children->table[i];
    return NULL;
}

struct child *children_add(struct children *children, uint64_t token, pid_t pid)
{
    assert(children->count < CHILDREN_MAXIMUM);
    struct child *child = &children->table[children->count++];
    *child = (struct child){.token = token, .pid = pid};
    return child;
}

void children_remove(struct children *children, struct child *child)
{
    *child = children->table[--children->count];
}

/* The guard is not in the group and ends when the group is empty, unless it is stopped. */
int child_signal(const struct child *child, int signal)
{
    if (child->has_ended)
        return 0;
    int result = kill(-child->pid, signal);
    if ((result < 0 && errno == ESRCH) || (child->runs_programs && signal == SIGKILL))
        result = kill(child->pid, signal);
    return result;
}

/* The kernel gives no process a pid that is in use as a process group ID, so while the group exists
 * it is the child's. Once it is empty, another group may get the number; that only delays the end
 * of the attempt, because signal 0 has no effect. */
bool child_has_group(const struct child *child)
{
    return kill(-child->pid, 0) == 0 || errno == EPERM;
}
