/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupt.c - Ctrl-C: ends with status 130 and says what may have happened.
 *
 * The handler ends the process at once: nothing that mimoctl holds needs tidying up.
 */
#include "ctl/interrupt.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

static volatile sig_atomic_t changing;
static volatile sig_atomic_t line_open;

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored; /* there is nobody left to tell */
}

static void handle_interrupt(int number)
{
    (void)number;
    if (line_open)
        say("\n");
    if (changing)
        say("mimoctl: interrupted; the change may have been made all the same: look before you try "
            "again\n");
    else
        say("mimoctl: interrupted\n");
    _exit(CTL_INTERRUPTED);
}

void interrupt_install(void)
{
    struct sigaction action = {.sa_handler = handle_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

void interrupt_change_begins(bool begins)
{
    changing = begins;
}

void interrupt_line_is_open(bool open)
{
    line_open = open;
}
