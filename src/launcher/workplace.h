/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workplace.h - what the launcher prepares once, before its first fork, because a worker cannot.
 *
 * A worker can open no file and load no library: keys, CA bundle, time zone, OpenSSL's
 * configuration and the compiled filter must be in memory by then. The same call drops the
 * launcher's own privileges. Afterwards the process has one thread, CAP_SETUID, CAP_SETGID and
 * CAP_KILL (if root started it), and no access to files or other programs.
 */
#ifndef MIMO_LAUNCHER_WORKPLACE_H
#define MIMO_LAUNCHER_WORKPLACE_H

#include "launcher/worker.h"
#include "mimo/config.h"
#include "mimo/error.h"

/* `landlock_abi` is the newest ABI to use (CONFINEMENT_ABI_MAXIMUM, or less to act like an older
 * kernel). `lock` is a descriptor that each worker holds until its end, or -1; `cgroup` is the
 * directory for cgroups of attempts, or -1. The workplace owns both. Logs which protections this
 * machine lacks. Cannot be undone: call it in a process of its own. */
int workplace_prepare(struct workplace *workplace, const struct config *config, int landlock_abi,
                      int lock, int cgroup, struct error *error);

#endif
