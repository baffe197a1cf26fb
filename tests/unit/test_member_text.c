/* SPDX-License-Identifier: Apache-2.0 */
/* test_member_text.c - members of text become fields and are shown again, or are left to the strict
 * reader. */
#include "core/member.h"
#include "expect.h"
#include "mimo/clock.h"
#include "mimo/uuid.h"

#define ID "11111111-1111-4111-8111-111111111111"

struct thing {
    char id[UUID_SIZE];
    char name[8];
    int64_t when;
    int64_t number;
    int small;
    char beyond[8]; /* of a row that no test uses */
};

#define PLACE(field) offsetof(struct thing, field)

static const struct member rows[] = {
    {"id", "id", MEMBER_UUID, PLACE(id), .required = true},
    {"name", "title", MEMBER_TEXT, PLACE(name), sizeof(((struct thing *)NULL)->name)},
    {"when", "when", MEMBER_TIME, PLACE(when)},
    {"inner.number", "number", MEMBER_INTEGER, PLACE(number), .smallest = 2, .largest = 9,
     .otherwise = -3},
    {"small", "small", MEMBER_INT, PLACE(small), .smallest = -5, .largest = 5, .otherwise = -7},
    {"beyond", "beyond", MEMBER_TEXT, PLACE(beyond), 8, .required = true},
};

enum { COUNT = sizeof(rows) / sizeof(rows[0]) - 1 };

static struct thing thing;

/* Everything in it is something else than what a reader must find. */
static struct member_text begin(void)
{
    memset(&thing, 'Z', sizeof(thing));
    return member_text_begin(rows, COUNT, &thing);
}

static struct json_piece string(const char *text)
{
    return (struct json_piece){
        .kind = JSON_PIECE_STRING, .text = text, .length = strcspn(text, "|")};
}

static struct json_piece integer(int64_t number)
{
    return (struct json_piece){.kind = JSON_PIECE_INTEGER, .integer = number};
}

/* The first member of a text; "|" ends names and strings, so that what is behind them is seen if it
 * is read. */
static bool take(const char *prefix, const char *name, struct json_piece value)
{
    struct member_text text = begin();
    struct json_piece piece = string(name);
    return member_text_take(&text, prefix, &piece, &value);
}

static void what_is_absent_is_told_by_its_field(void **state)
{
    (void)state;
    struct member_text text = begin();
    assert_string_equal(thing.id, "");
    assert_string_equal(thing.name, "");
    assert_int_equal(thing.when, 0);
    assert_int_equal(thing.number, -3);
    assert_int_equal(thing.small, -7);
    assert_int_equal(thing.beyond[0], 'Z');
    assert_false(member_text_is_complete(&text));
}

static void members_are_taken_in_any_order_and_once(void **state)
{
    (void)state;
    struct member_text text = begin();
    static const struct {
        const char *prefix, *name;
    } order[] = {{"", "small|er"}, {"inner.", "number"}, {"", "id"}, {"", "when"}, {"", "name"}};
    const struct json_piece values[] = {integer(-5), integer(9), string(ID "|"),
                                        integer(CLOCK_MAXIMUM), string("seventh|")};
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < COUNT; i++) {
            struct json_piece name = string(order[i].name);
            assert_int_equal(member_text_take(&text, order[i].prefix, &name, &values[i]),
                             round == 0);
        }
    assert_string_equal(thing.id, ID);
    assert_string_equal(thing.name, "seventh");
    assert_int_equal(thing.when, CLOCK_MAXIMUM);
    assert_int_equal(thing.number, 9);
    assert_int_equal(thing.small, -5);
    assert_true(member_text_is_complete(&text));
}

static void values_out_of_bounds_are_left_to_the_strict_reader(void **state)
{
    (void)state;
    struct json_piece escaped = string("a");
    escaped.escaped = true;
    assert_false(take("", "name", escaped));
    assert_false(take("", "name", string("eighth--")));
    assert_false(take("", "name", integer(1)));
    assert_false(take("", "id", string("1")));
    assert_true(take("", "id", string("")));
    assert_false(take("", "when", integer(-1)));
    assert_true(take("", "when", integer(0)));
    assert_false(take("", "when", integer(CLOCK_MAXIMUM + 1)));
    assert_false(take("", "when", string("1")));
    assert_false(take("inner.", "number", integer(1)));
    assert_true(take("inner.", "number", integer(2)));
    assert_false(take("inner.", "number", integer(10)));
    assert_false(take("", "small", integer(6)));
}

static void names_that_no_row_has_are_nothing(void **state)
{
    (void)state;
    assert_true(take("", "number", integer(1)));
    assert_true(take("inner.", "small", integer(99)));
    assert_true(take("", "inner.number", integer(1))); /* a dot in a name is no path */
    assert_true(take("", "beyond", integer(1)));
    assert_int_equal(thing.number, -3);
    assert_int_equal(thing.small, -7);
}

static void what_is_present_is_shown(void **state)
{
    (void)state;
    struct text_buffer view = {0};
    begin();
    member_text_show_all(rows, COUNT, &thing, &view);
    assert_int_equal(view.length, 0);
    thing = (struct thing){.id = ID, .name = "n", .when = 7, .number = 8, .small = -5};
    strcpy(thing.beyond, "b");
    member_text_show_all(rows, COUNT, &thing, &view);
    text_buffer_add(&view, "");
    assert_string_equal(view.text,
                        ",\"id\":\"" ID "\",\"title\":\"n\",\"when\":7,\"number\":8,\"small\":-5");
    free(view.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_absent_is_told_by_its_field),
        cmocka_unit_test(members_are_taken_in_any_order_and_once),
        cmocka_unit_test(values_out_of_bounds_are_left_to_the_strict_reader),
        cmocka_unit_test(names_that_no_row_has_are_nothing),
        cmocka_unit_test(what_is_present_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
