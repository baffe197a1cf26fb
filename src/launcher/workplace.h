/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workplace.h - what the launcher prepares once, before its first fork, so that a worker need not
 * and cannot.
 *
 * A worker may open no file and load no library: keys, CA bundle, time zone, OpenSSL's
 * configuration and the compiled filter are all in memory by then. The same call gives up the
 * launcher's own privileges; the process that comes out of it holds CAP_SETUID, CAP_SETGID and
 * CAP_KILL (when started as root), no way to a file or to another program, and one thread.
 */
#ifndef MIMO_LAUNCHER_WORKPLACE_H
#define MIMO_LAUNCHER_WORKPLACE_H

#include "launcher/worker.h"
#include "mimo/config.h"
#include "mimo/error.h"

/* `landlock_abi` is the newest ABI to use (CONFINEMENT_ABI_MAXIMUM, or less to act like an
 * older kernel). `lock` is a descriptor that each worker holds until its end, or -1. Logs what this machine cannot give. Not to be taken back: call it in a process of
 * its own. */
int workplace_prepare(struct workplace *workplace, const struct config *config, int landlock_abi,
                      int lock, struct error *error);

#endif
