/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confirm.c - questions to the user at a terminal.
 */
#include "ctl/commands/confirm.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ctl/client/interrupt.h"

bool confirm_is_possible(void)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

bool confirm(const char *question)
{
    char answer[16] = "";
    fflush(stdout); /* the question refers to this output */
    fprintf(stderr, "mimoctl: %s [y/N] ", question);
    interrupt_line_is_open(true);
    bool answered = fgets(answer, sizeof(answer), stdin) != NULL;
    interrupt_line_is_open(false);
    if (!answered)
        fputc('\n', stderr);
    answer[strcspn(answer, "\n")] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
