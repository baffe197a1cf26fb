/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handlers.h - the functions of the commands, by file. Each is a row in commands.c.
 * Each returns 0 or another exit status, or -1 with the error filled in.
 */
#ifndef MIMO_CTL_COMMANDS_HANDLERS_H
#define MIMO_CTL_COMMANDS_HANDLERS_H

#include "ctl/ctl.h"

typedef int ctl_handler(struct ctl *ctl, struct error *error);

/* manifest_create.c */
ctl_handler ctl_manifest_create;

/* manifest.c */
ctl_handler ctl_manifest_list;
ctl_handler ctl_manifest_show;

/* manifest_change.c */
ctl_handler ctl_manifest_cancel;
ctl_handler ctl_manifest_stop;
ctl_handler ctl_manifest_delete;

/* manifest_recreate.c, manifest_cleanup.c, manifest_logs.c, explain.c */
ctl_handler ctl_manifest_recreate;
ctl_handler ctl_manifest_cleanup;
ctl_handler ctl_manifest_logs;
ctl_handler ctl_manifest_explain;

/* follow.c */
ctl_handler ctl_manifest_watch;
ctl_handler ctl_manifest_wait;

/* queue.c, health.c, audit.c */
ctl_handler ctl_queue;
ctl_handler ctl_health;
ctl_handler ctl_audit;

/* cluster.c */
ctl_handler ctl_cluster_list;
ctl_handler ctl_cluster_remove;

/* cluster_register.c */
ctl_handler ctl_cluster_register;

/* cluster_show.c */
ctl_handler ctl_cluster_show;

/* task.c */
ctl_handler ctl_task_list;
ctl_handler ctl_task_show;

/* actuator.c */
ctl_handler ctl_actuator_list;

/* ps.c, top.c */
ctl_handler ctl_ps;
ctl_handler ctl_top;

/* hold.c */
ctl_handler ctl_pause;
ctl_handler ctl_drain;
ctl_handler ctl_resume;

#endif
