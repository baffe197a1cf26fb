/* SPDX-License-Identifier: Apache-2.0 */
/* test_step.c - steps say how they ended in a form that may be stored and shown. */
#include "expect.h"
#include "mimo/step.h"

static void each_way_to_end_is_told_apart(void **state)
{
    struct step_result succeeded = step_succeeded();
    struct step_result transient = step_transient("%d Service Unavailable", 503);
    struct step_result terminal = step_terminal("404 %s not found", "secret");
    struct step_result wait = step_wait("waiting for %s", "nodes");

    (void)state;
    assert_int_equal(succeeded.outcome, OUTCOME_SUCCEEDED);
    assert_false(succeeded.again);
    assert_string_equal(succeeded.message, "");
    assert_int_equal(transient.outcome, OUTCOME_TRANSIENT);
    assert_false(transient.again);
    assert_string_equal(transient.message, "503 Service Unavailable");
    assert_int_equal(terminal.outcome, OUTCOME_TERMINAL);
    assert_false(terminal.again);
    assert_string_equal(terminal.message, "404 secret not found");
    assert_int_equal(wait.outcome, OUTCOME_TRANSIENT);
    assert_true(wait.again);
    assert_string_equal(wait.message, "waiting for nodes");
}

static void what_may_pass_is_transient(void **state)
{
    (void)state;
    for (int kind = ERROR_INVALID; kind <= ERROR_SYSTEM; kind++) {
        struct step_result result = step_failed((enum error_kind)kind, "kind %d", kind);
        bool passes = error_may_pass((enum error_kind)kind);
        assert_int_equal(result.outcome, passes ? OUTCOME_TRANSIENT : OUTCOME_TERMINAL);
        assert_false(result.again);
        assert_int_equal(strncmp(result.message, "kind ", 5), 0);
    }
}

static void messages_are_cleaned_and_cut(void **state)
{
    char text[2 * STATUS_TEXT_SIZE];
    struct step_result result = step_terminal("a\nb\xff");

    (void)state;
    assert_string_equal(result.message, "a?b?");
    for (size_t i = 0; i + 3 < sizeof(text); i += 3)
        memcpy(text + i, "\u20ac", 4);
    result = step_terminal("%s", text);
    assert_int_equal(strlen(result.message), (STATUS_TEXT_SIZE - 1) / 3 * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_to_end_is_told_apart),
        cmocka_unit_test(what_may_pass_is_transient),
        cmocka_unit_test(messages_are_cleaned_and_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
