/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handlers.h - the commands' functions, by the file they stand in. Each is a row in commands.c.
 *
 * 0 or another exit status; -1 with the error filled in.
 */
#ifndef MIMO_CTL_HANDLERS_H
#define MIMO_CTL_HANDLERS_H

#include "ctl/ctl.h"

typedef int ctl_handler(struct ctl *ctl, struct error *error);

/* manifest_create.c */
ctl_handler ctl_manifest_create;

/* manifest.c */
ctl_handler ctl_manifest_list;
ctl_handler ctl_manifest_show;
ctl_handler ctl_manifest_cancel;
ctl_handler ctl_manifest_delete;

/* follow.c */
ctl_handler ctl_manifest_watch;
ctl_handler ctl_manifest_wait;

/* cluster.c */
ctl_handler ctl_cluster_list;
ctl_handler ctl_cluster_remove;

/* cluster_register.c */
ctl_handler ctl_cluster_register;

/* cluster_show.c */
ctl_handler ctl_cluster_show;

/* task.c */
ctl_handler ctl_task_list;

/* actuator.c */
ctl_handler ctl_actuator_list;

/* ps.c */
ctl_handler ctl_ps;

#endif
