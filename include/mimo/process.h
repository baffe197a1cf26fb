/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - helpers for processes of the family: titles, siblings, descriptors, the parent's
 * death.
 *
 * Threads: process_title_initialize() and process_set_title() are for the main thread; the others
 * may
 * be called from any.
 */
#ifndef MIMO_PROCESS_H
#define MIMO_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "mimo/error.h"

/* Keeps the argument area for process_set_title(). Call it first in main(). */
void process_title_initialize(int argc, char **argv);

/* Sets what ps(1) shows, cut to the argument and environment area: "mimo-worker: ...". The text
 * before the first colon or blank also becomes the process's name (ps -o comm, killall). */
void process_set_title(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes the path of a program of the family into `buffer`: it is looked for beside the running
 * executable, then in the package's libexec directory. */
int process_find_sibling(const char *name, char *buffer, size_t size, struct error *error);

/* Resident memory of a process in KiB (proc(5), statm); 0 when it has ended, or is hidden from this
 * process. */
int64_t process_resident_kib(int64_t pid);

/* Closes all descriptors above standard error except `keep` (in any order). */
void process_close_descriptors(const int *keep, size_t count);

/* Makes the kernel kill this process when its parent ends (PR_SET_PDEATHSIG, prctl(2)). Call it
 * after the last change of credentials, which would clear it. Fails if `expected_parent` has
 * ended. */
int process_die_with_parent(pid_t expected_parent, struct error *error);

#endif
