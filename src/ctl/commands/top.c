/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top.c - mimoctl top: shows the workers of this machine on a terminal, updated every second.
 *
 * Draws on the terminal's alternate screen; interrupt.h restores the normal one however the program
 * ends. Lines are cut at the edge of the window.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/client/interrupt.h"
#include "ctl/commands/handlers.h"
#include "ctl/commands/machine.h"
#include "ctl/output/times.h"
#include "ctl/output/workers_text.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"

enum { REFRESH_MILLISECONDS = 1000 };

#define CLEAR "\033[H\033[2J"

/* ---- drawing ---- */

/* The number of bytes of `line` that fit into `columns`; colour sequences take no column. */
static size_t cut(const char *line, size_t columns)
{
    size_t at = 0;
    size_t width = 0;
    while (line[at] && width < columns) {
        if (line[at] == '\033') {
            at += strcspn(line + at, "m") + 1;
            continue;
        }
        size_t length = output_fit(line + at, 1);
        size_t of_character = 1;
        if (length == 0) { /* a character two columns wide, with one column left */
            length = output_fit(line + at, 2);
            of_character = 2;
        }
        if (length == 0 || width + of_character > columns)
            break;
        at += length;
        width += of_character;
    }
    return at;
}

/* The tables as one text of complete lines; the caller frees it. NULL when out of memory. */
static char *render(const struct output *output, const struct json_object *answers)
{
    char *text = NULL;
    size_t size;
    FILE *screen = open_memstream(&text, &size);
    if (!screen)
        return NULL;
    FILE *terminal = stdout;
    stdout = screen; /* the output functions write to stdout */
    workers_text_write(output, answers);
    stdout = terminal;
    if (fclose(screen) == 0)
        return text;
    free(text);
    return NULL;
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; (text = strchr(text, '\n')); text++)
        lines++;
    return lines;
}

static void write_line(const struct output *output, const char *line)
{
    printf("\n%.*s%s", (int)cut(line, (size_t)output->width), line,
           output->colour ? "\033[0m" : "");
}

/* Draws a title and as many lines as fit. The last line gets no newline, because that would
 * scroll. */
static void draw(struct ctl *ctl, const struct json_object *answers)
{
    char clock[TIMES_TEXT_SIZE], title[160];
    size_t lines = (size_t)output_measure(&ctl->output);
    ctl->output.now = clock_unix_seconds();
    cleanup_free char *text = render(&ctl->output, answers);
    size_t count = text ? count_lines(text) : 0;
    size_t shown = count < lines ? count : lines - 1;
    times_format_clock(clock, ctl->output.now);
    snprintf(title, sizeof(title), "%s  q ends  %s", clock,
             document_length(answers) > 0 ? "workers of this machine" : "no actuator answers");
    if (shown < count)
        snprintf(title, sizeof(title), "%s  q ends  %zu more lines below", clock, count - shown);
    fputs(CLEAR, stdout);
    printf("%.*s", (int)cut(title, (size_t)ctl->output.width), title);
    char *rest = text;
    for (size_t i = 0; i < shown; i++)
        write_line(&ctl->output, strsep(&rest, "\n"));
    fflush(stdout);
}

/* ---- the terminal ---- */

/* Does nothing; the signal interrupts poll(2). */
static void handle_resize(int number)
{
    (void)number;
}

static void follow_size(void)
{
    struct sigaction action = {.sa_handler = handle_resize};
    sigemptyset(&action.sa_mask);
    sigaction(SIGWINCH, &action, NULL);
}

/* Waits for a second, a key, or a new size of the window. Returns false for "q" and at the end of
 * input. */
static bool goes_on(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;
    int ready = poll(&input, 1, REFRESH_MILLISECONDS);
    if (ready <= 0)
        return true;
    return read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q';
}

/* Switches off line editing and echo, and Ctrl-Z: a stopped process would leave the terminal in
 * this state. */
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
                         "top needs a terminal; use mimoctl ps, which shows the workers once");
    if (ctl->output.form != OUTPUT_TABLE && ctl->output.form != OUTPUT_WIDE)
        return error_set(error, ERROR_INVALID, "top has no --output for programs; use mimoctl ps");
    cleanup_json struct json_object *answers = NULL;
    if (machine_ask(ctl, &question, &answers, error) < 0 || take_terminal(error) < 0)
        return -1;
    question.quiet = true;
    ctl->output.screen = true;
    follow_size();
    do {
        struct error ignored; /* an actuator that is restarted answers again later */
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
