/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupt.h - Ctrl-C: ends mimoctl with status 130, and warns if a change may have been made.
 */
#ifndef MIMO_CTL_CLIENT_INTERRUPT_H
#define MIMO_CTL_CLIENT_INTERRUPT_H

#include <stdbool.h>
#include <termios.h>

/* Installs the handler of SIGINT. */
void interrupt_install(void);

/* Call it before (true) and after (false) each request that changes something. */
void interrupt_change_begins(bool changing);

/* Shows the terminal's alternate screen, without a cursor. interrupt_screen_ends(), SIGINT, SIGTERM
 * and SIGHUP restore the normal screen and the state `before`. */
void interrupt_screen_begins(const struct termios *before);
void interrupt_screen_ends(void);

/* Call it with true when a line on the terminal has no newline yet, with false when it has one. */
void interrupt_line_is_open(bool open);

#endif
