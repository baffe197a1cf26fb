/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_on_cluster.c - runs a task as a worker does, against a practice cluster.
 */
#include "task_on_cluster.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "kube/kube_private.h"

static void do_not_wait(void *context, long milliseconds)
{
    (void)context;
    (void)milliseconds;
}

struct step_result task_on_cluster(const struct task_run *run)
{
    struct task_double context;
    task_double_initialize(&context, run->task, run->job);
    memcpy(context.certificates, run->certificates, sizeof(context.certificates));
    context.context.kube = practice_server_client(run->practice, "");
    kube_client_set_pause(context.context.kube, do_not_wait, NULL);
    if (run->timeout)
        kube_client_set_timeouts(context.context.kube, run->timeout, run->timeout);
    struct step_result result = task_run(&context.context);
    int is_as_told = !run->reports || strcmp(run->reports, context.reports) == 0;
    if (!is_as_told)
        fprintf(stderr, "reported:\n%s", context.reports);
    assert(is_as_told);
    kube_client_free(context.context.kube);
    task_double_free(&context);
    return result;
}
