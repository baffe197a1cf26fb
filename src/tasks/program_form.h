/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_form.h - checks whether the kernel can run a file as a program.
 */
#ifndef MIMO_TASKS_PROGRAM_FORM_H
#define MIMO_TASKS_PROGRAM_FORM_H

#include "mimo/error.h"

/* Accepts an ELF program, or a script whose first line names an existing interpreter. `descriptor`
 * may be opened with O_PATH. ERROR_INVALID says what is wrong and what to do. Also returns 0 if
 * this process cannot read the file. */
int program_form_check(int descriptor, const char *path, struct error *error);

#endif
