/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top.c - mimoctl top: the workers of this machine, looked at every second, on a terminal.
 *
 * Draws on the terminal's second screen, which goes away with us: whatever was there before is
 * back afterwards, however we end (interrupt.h).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/client/interrupt.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/machine.h"
#include "ctl/output/times.h"
#include "ctl/output/workers_text.h"
#include "mimo/clock.h"
#include "mimo/document.h"

enum { REFRESH_MILLISECONDS = 1000, LINES_OF_AN_ACTUATOR = 3, LINES_OF_HEADER = 2 };

#define CLEAR "\033[H\033[2J"

/* Takes rows away until the rest fits into `lines`; returns how many went. */
static size_t fit(struct json_object *answers, int lines)
{
    size_t actuators = document_length(answers);
    size_t taken = 0;
    int left = lines - LINES_OF_HEADER - (int)actuators * LINES_OF_AN_ACTUATOR;
    size_t position;
    struct json_object *answer;
    document_foreach_item(answers, position, answer) {
        struct json_object *workers = document_get(answer, "workers");
        size_t room = left > 0 ? (size_t)left : 0;
        for (; document_length(workers) > room; taken++)
            document_remove_item(workers, document_length(workers) - 1);
        left -= (int)document_length(workers);
    }
    return taken;
}

static void draw(struct ctl *ctl, struct json_object *answers)
{
    char clock[TIMES_TEXT_SIZE];
    int lines = output_measure(&ctl->output);
    ctl->output.now = clock_unix_seconds();
    size_t taken = fit(answers, lines);
    printf(CLEAR "%s  %s, q ends", times_format_clock(clock, ctl->output.now),
           document_length(answers) > 0 ? "workers of this machine" : "no actuator answers");
    if (taken > 0)
        printf(", %zu more workers", taken);
    printf("\n\n");
    workers_text_write(&ctl->output, answers);
    fflush(stdout);
}

/* Waits for the next second, or a key. False when it was "q" or there are no more. */
static bool goes_on(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;
    int ready = poll(&input, 1, REFRESH_MILLISECONDS);
    if (ready <= 0)
        return true; /* a second passed, or the window has another size */
    return read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q';
}

/* Keys come one by one and are not shown; being stopped would leave the terminal so. */
static int take_terminal(struct error *error)
{
    struct termios before;
    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return error_set_system(error, errno, "cannot use this terminal");
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE;
    interrupt_screen_begins(&before);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0) {
        interrupt_screen_ends();
        return error_set_system(error, errno, "cannot use this terminal");
    }
    return 0;
}

int ctl_top(struct ctl *ctl, struct error *error)
{
    struct machine_question question = {.command = "ps"};
    if (!ctl->output.live || isatty(STDIN_FILENO) != 1)
        return error_set(error, ERROR_INVALID,
                         "top needs a terminal; mimoctl ps shows the same once");
    if (ctl->output.form != OUTPUT_TABLE && ctl->output.form != OUTPUT_WIDE)
        return error_set(error, ERROR_INVALID,
                         "top is for people; mimoctl ps has the forms for programs");
    cleanup_json struct json_object *answers = NULL;
    if (machine_ask(ctl, &question, &answers, error) < 0 || take_terminal(error) < 0)
        return -1;
    question.quiet = true;
    do {
        struct error ignored; /* an actuator that is restarted comes back */
        draw(ctl, answers);
        json_object_put(answers);
        answers = NULL;
        if (!goes_on())
            break;
        if (machine_ask(ctl, &question, &answers, &ignored) < 0)
            answers = json_object_new_array();
    } while (true);
    interrupt_screen_ends();
    return CTL_OK;
}
