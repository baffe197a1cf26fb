/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupt.h - Ctrl-C: ends with status 130 and says what may have happened.
 */
#ifndef MIMO_CTL_CLIENT_INTERRUPT_H
#define MIMO_CTL_CLIENT_INTERRUPT_H

#include <stdbool.h>
#include <termios.h>

/* Installs the handler of SIGINT. */
void interrupt_install(void);

/* Told before and after each request that changes something. */
void interrupt_change_begins(bool changing);

/* Shows the terminal's second screen, without a cursor. From here on the terminal is given back in
 * the state `before` however mimoctl ends: by interrupt_screen_ends(), SIGINT, SIGTERM or SIGHUP.
 */
void interrupt_screen_begins(const struct termios *before);
void interrupt_screen_ends(void);

/* Told while a line stands on the terminal that has no newline yet. */
void interrupt_line_is_open(bool open);

#endif
