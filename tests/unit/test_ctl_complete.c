/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctl_complete.c - completion has an opinion on every placeholder of the tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ctl/commands.h"
#include "ctl/complete.h"

static void every_value_of_an_option_is_completed_or_known_not_to_be(void **state)
{
    (void)state;
    for (int id = 0; id < OPTION_COUNT; id++) {
        const char *placeholder = option_descriptions[id].argument;
        if (placeholder && !complete_knows(placeholder))
            fail_msg("complete.c has no row for %s of --%s", placeholder,
                     option_descriptions[id].name);
    }
}

static void every_operand_of_a_command_is_completed_or_known_not_to_be(void **state)
{
    (void)state;
    const struct command *command;
    for (size_t i = 0; (command = command_at(i)); i++) {
        char name[64];
        if (!complete_knows(command->operands))
            fail_msg("complete.c has no row for %s of mimoctl %s", command->operands,
                     command_name(command, name, sizeof(name)));
    }
}

static void what_is_in_no_table_is_not_known(void **state)
{
    (void)state;
    assert_false(complete_knows("SOMETHING"));
    assert_true(complete_knows("CLUSTER..."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_of_an_option_is_completed_or_known_not_to_be),
        cmocka_unit_test(every_operand_of_a_command_is_completed_or_known_not_to_be),
        cmocka_unit_test(what_is_in_no_table_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
