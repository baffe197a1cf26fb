/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - what the programs of the family share about being processes.
 */
#ifndef MIMO_PROCESS_H
#define MIMO_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "mimo/error.h"

/* Remembers the argument area so that process_set_title() can use it. First thing in main(). */
void process_title_initialize(int argc, char **argv);

/* Sets what ps(1) shows, cut to the argument and environment area: "mimo-worker: ...". What stands
 * before the first colon or blank becomes the process's name too (ps -o comm, killall). */
void process_set_title(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Finds a program of the family: beside the running executable, else in the package's libexec
 * directory. Writes the path to `buffer`. */
int process_find_sibling(const char *name, char *buffer, size_t size, struct error *error);

/* Resident memory of a process in KiB (proc(5), statm); 0 when it is gone, or hidden from us. */
int64_t process_resident_kib(int64_t pid);

/* Closes every descriptor above standard error but `keep` (sorted or not). */
void process_close_descriptors(const int *keep, size_t count);

/* SIGKILL when the parent ends (PR_SET_PDEATHSIG, prctl(2)); call it after the last change of
 * credentials. Fails when `expected_parent` is gone already. */
int process_die_with_parent(pid_t expected_parent, struct error *error);

#endif
