/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupt.c - Ctrl-C: ends mimoctl with status 130, and warns if a change may have been made.
 *
 * The handler restores the terminal and ends the process at once.
 */
#include "ctl/client/interrupt.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ctl/exit_status.h"

static volatile sig_atomic_t changing;
static volatile sig_atomic_t line_open;
static volatile sig_atomic_t screen_taken;
static struct termios terminal_before; /* set before screen_taken is */

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored; /* a failure cannot be reported here */
}

/* Async-signal-safe. */
static void give_terminal_back(void)
{
    static const char leave[] = "\033[?25h\033[?1049l";
    if (!screen_taken)
        return;
    screen_taken = false;
    ssize_t ignored = write(STDOUT_FILENO, leave, strlen(leave));
    (void)ignored;
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
}

static void handle_end(int number)
{
    give_terminal_back();
    raise(number); /* SA_RESETHAND: the default action ends the process */
}

static void handle_interrupt(int number)
{
    (void)number;
    give_terminal_back();
    if (line_open)
        say("\n");
    if (changing)
        say("mimoctl: interrupted; the change may have been made: look before you try again\n");
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

void interrupt_screen_begins(const struct termios *before)
{
    static const char enter[] = "\033[?1049h\033[?25l";
    struct sigaction action = {.sa_handler = handle_end, .sa_flags = (int)SA_RESETHAND};
    terminal_before = *before;
    screen_taken = true;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    ssize_t ignored = write(STDOUT_FILENO, enter, strlen(enter));
    (void)ignored;
}

void interrupt_screen_ends(void)
{
    give_terminal_back();
}

void interrupt_line_is_open(bool open)
{
    line_open = open;
}
