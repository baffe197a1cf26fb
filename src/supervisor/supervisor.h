/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor.h - the one process that decides which manifests run here and what became of them.
 *
 * supervisor.c brings the parts up and down and joins them; no part knows the supervisor. All of it
 * runs on one libuv loop in one thread. What blocks (store, name look-ups) runs on libuv's thread
 * pool and shares nothing with the loop meanwhile.
 *
 *     poller --claims--> attempts --orders--> mimo-launcher --> worker
 *       ^                 |  ^  |                                 |
 *       '---free slot-----'  |  '---result--> writer --> store    |
 *                            '------------- result pipe ----------'
 *     feed --figures--> mimo-metrics      sockets <--commands-- mimoctl      probe --> clusters
 *     status: a snapshot of all of it, for sockets, feed and log
 */
#ifndef MIMO_SUPERVISOR_SUPERVISOR_H
#define MIMO_SUPERVISOR_SUPERVISOR_H

#include "mimo/config.h"
#include "mimo/store.h"
#include "mimo/task.h"
#include "supervisor/family.h"
#include "supervisor/listeners.h"
#include "supervisor/membership.h"

/* Runs until it is told to stop or something that it needs is gone; returns the exit status. SIGHUP
 * changes `config`. All arguments are borrowed. */
int supervisor_run(struct config *config, struct task_list *tasks, struct store *store,
                   struct family *family, struct listeners *listeners,
                   const struct membership *membership);

#endif
