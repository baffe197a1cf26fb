/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupt.h - Ctrl-C: ends with status 130 and says what may have happened.
 */
#ifndef MIMO_CTL_INTERRUPT_H
#define MIMO_CTL_INTERRUPT_H

#include <stdbool.h>

/* Installs the handler of SIGINT. */
void interrupt_install(void);

/* Told before and after each request that changes something. */
void interrupt_change_begins(bool changing);

/* Told while a line stands on the terminal that has no newline yet. */
void interrupt_line_is_open(bool open);

#endif
