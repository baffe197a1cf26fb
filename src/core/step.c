/* SPDX-License-Identifier: Apache-2.0 */
/* step.c - how one step of a task ended. */
#include "mimo/step.h"

#include <stdarg.h>
#include <stdio.h>

static void fill(struct step_result *result, const char *format, va_list arguments)
{
    char message[STATUS_TEXT_SIZE + 4]; /* room for a character that is cut in two */

    vsnprintf(message, sizeof(message), format, arguments);
    status_text_copy(result->message, sizeof(result->message), message);
}

struct step_result step_succeeded(void)
{
    return (struct step_result){.outcome = OUTCOME_SUCCEEDED};
}

struct step_result step_transient(const char *format, ...)
{
    struct step_result result = {.outcome = OUTCOME_TRANSIENT};
    va_list arguments;

    va_start(arguments, format);
    fill(&result, format, arguments);
    va_end(arguments);
    return result;
}

struct step_result step_terminal(const char *format, ...)
{
    struct step_result result = {.outcome = OUTCOME_TERMINAL};
    va_list arguments;

    va_start(arguments, format);
    fill(&result, format, arguments);
    va_end(arguments);
    return result;
}

struct step_result step_failed(enum error_kind kind, const char *format, ...)
{
    struct step_result result = {.outcome =
                                     error_may_pass(kind) ? OUTCOME_TRANSIENT : OUTCOME_TERMINAL};
    va_list arguments;

    va_start(arguments, format);
    fill(&result, format, arguments);
    va_end(arguments);
    return result;
}

struct step_result step_wait(const char *format, ...)
{
    struct step_result result = {.outcome = OUTCOME_TRANSIENT, .again = true};
    va_list arguments;

    va_start(arguments, format);
    fill(&result, format, arguments);
    va_end(arguments);
    return result;
}
