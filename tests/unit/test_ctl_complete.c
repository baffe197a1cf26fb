/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctl_complete.c - every placeholder of the tables has a row in the table of completions:
 * complete() ends the program otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ctl/commands.h"
#include "ctl/complete.h"

/* Nothing listens there, so values that the Admin API knows are left out at once. */
static int set_up(void **state)
{
    (void)state;
    return setenv("MIMO_URL", "http://127.0.0.1:1", 1);
}

static void complete_words(char **words, int count)
{
    struct ctl ctl = {0};
    complete(&ctl, words, count);
    connection_close(&ctl.connection);
}

static void every_value_of_an_option_is_completed_or_known_not_to_be(void **state)
{
    (void)state;
    char program[] = "mimoctl", value[] = "";
    for (int id = 0; id < OPTION_COUNT; id++) {
        char option[64];
        char *words[] = {program, option, value, NULL};
        snprintf(option, sizeof(option), "--%s", option_descriptions[id].name);
        complete_words(words, 3);
    }
}

static void every_operand_of_a_command_is_completed_or_known_not_to_be(void **state)
{
    (void)state;
    const struct command *command;
    char program[] = "mimoctl", value[] = "";
    for (size_t i = 0; (command = command_at(i)); i++) {
        char group[32], verb[32];
        char *words[] = {program, group, verb, value, NULL};
        snprintf(group, sizeof(group), "%s", command->group);
        snprintf(verb, sizeof(verb), "%s", command->verb ? command->verb : "");
        if (command->verb)
            complete_words(words, 4);
        else
            complete_words(words, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_of_an_option_is_completed_or_known_not_to_be),
        cmocka_unit_test(every_operand_of_a_command_is_completed_or_known_not_to_be),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
