/* SPDX-License-Identifier: Apache-2.0 */
/* test_manifest_state.c - every state with every event, against the table written down a second
 * time. */
#include "expect.h"
#include "mimo/manifest_state.h"

/* Rows: states. Columns: claim, succeed, fail, retry, retry without attempts left, drain, expire,
 * cancel. */
static const struct {
    const char *name;
    const char *next[8];
} expected[MANIFEST_STATE_COUNT] = {
    {"Pending", {"InProgress", "-", "-", "-", "-", "-", "TimedOut", "Cancelled"}},
    {"InProgress",
     {"-", "Completed", "Failed", "Pending", "RetriesExceeded", "Pending", "-", "Cancelled"}},
    {"Completed", {"-", "-", "-", "-", "-", "-", "-", "-"}},
    {"Failed", {"-", "-", "-", "-", "-", "-", "-", "-"}},
    {"RetriesExceeded", {"-", "-", "-", "-", "-", "-", "-", "-"}},
    {"TimedOut", {"-", "-", "-", "-", "-", "-", "-", "-"}},
    {"Cancelled", {"-", "-", "-", "-", "-", "-", "-", "-"}},
};

static const struct {
    enum manifest_event event;
    const char *name;
    bool attempts_left;
} columns[8] = {
    {MANIFEST_CLAIM, "claim", true},   {MANIFEST_SUCCEED, "succeed", false},
    {MANIFEST_FAIL, "fail", true},     {MANIFEST_RETRY, "retry", true},
    {MANIFEST_RETRY, "retry", false},  {MANIFEST_DRAIN, "drain", false},
    {MANIFEST_EXPIRE, "expire", true}, {MANIFEST_CANCEL, "cancel", true},
};

static void every_state_answers_every_event_as_written_down(void **state)
{
    (void)state;
    for (size_t row = 0; row < MANIFEST_STATE_COUNT; row++) {
        for (size_t column = 0; column < 8; column++) {
            enum manifest_state next = (enum manifest_state)99;
            bool allowed = manifest_state_next((enum manifest_state)row, columns[column].event,
                                               columns[column].attempts_left, &next);
            const char *name = allowed ? manifest_state_name(next) : "-";

            if (strcmp(name, expected[row].next[column]) != 0)
                fail_msg("%s, %s: %s in place of %s", expected[row].name, columns[column].name,
                         name, expected[row].next[column]);
            if (!allowed)
                assert_int_equal(next, 99);
        }
    }
}

static void only_a_retry_asks_whether_attempts_are_left(void **state)
{
    (void)state;
    for (int from = 0; from < MANIFEST_STATE_COUNT; from++) {
        for (int event = 0; event < MANIFEST_EVENT_COUNT; event++) {
            enum manifest_state with = MANIFEST_PENDING, without = MANIFEST_PENDING;
            bool one = manifest_state_next((enum manifest_state)from, (enum manifest_event)event,
                                           true, &with);
            bool other = manifest_state_next((enum manifest_state)from, (enum manifest_event)event,
                                             false, &without);

            assert_int_equal(one, other);
            if (event != MANIFEST_RETRY)
                assert_int_equal(with, without);
        }
    }
}

static void names_are_read_back_in_exactly_their_spelling(void **state)
{
    static const char *const wrong[] = {"",         "pending",     "PENDING",
                                        "Pending ", "In Progress", "Pend"};
    enum manifest_state found = MANIFEST_FAILED;

    (void)state;
    for (int i = 0; i < MANIFEST_STATE_COUNT; i++) {
        assert_string_equal(manifest_state_name((enum manifest_state)i), expected[i].name);
        assert_true(manifest_state_parse(expected[i].name, &found));
        assert_int_equal(found, i);
    }
    found = MANIFEST_FAILED;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(manifest_state_parse(wrong[i], &found));
    assert_int_equal(found, MANIFEST_FAILED);
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(manifest_event_name(columns[i].event), columns[i].name);
}

static void all_but_pending_and_in_progress_are_terminal(void **state)
{
    (void)state;
    for (int i = 0; i < MANIFEST_STATE_COUNT; i++)
        assert_int_equal(manifest_state_is_terminal((enum manifest_state)i), i >= 2);
    assert_int_equal(MANIFEST_STATES_OPEN, 3);
    assert_int_equal(MANIFEST_STATES_ALL, 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_answers_every_event_as_written_down),
        cmocka_unit_test(only_a_retry_asks_whether_attempts_are_left),
        cmocka_unit_test(names_are_read_back_in_exactly_their_spelling),
        cmocka_unit_test(all_but_pending_and_in_progress_are_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
