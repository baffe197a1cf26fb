/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_form.h - whether the kernel could run a file as a program.
 */
#ifndef MIMO_TASKS_PROGRAM_FORM_H
#define MIMO_TASKS_PROGRAM_FORM_H

#include "mimo/error.h"

/* Looks at the beginning of a file that is open, O_PATH will do: an ELF program, or a script whose
 * first line names an interpreter that is there. ERROR_INVALID says what is wrong, and what to do.
 * 0 also where this process may not read the file. */
int program_form_check(int descriptor, const char *path, struct error *error);

#endif
