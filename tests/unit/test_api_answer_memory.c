/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_api_answer_memory.c - whichever allocation fails, an answer has its whole body or none, and
 * never one that says something else. Without a body the client is told 503 (exchange.c).
 *
 * json-c is linked statically, so that its allocations fail as well.
 */
#include "api/http/answer.h"
#include "out_of_memory.h"

/* -1 for an answer without body. */
static int check(struct answer *answer, int status, const char *text)
{
    remaining = -1;
    assert_int_equal(answer->status, status);
    char *body = answer->body ? document_format(answer->body) : NULL;
    if (body)
        assert_string_equal(body, text);
    int result = body ? 0 : -1;
    free(body);
    answer_free(answer);
    return result;
}

static int refuse(void)
{
    struct answer answer = {0};
    assert_int_equal(answer_refuse(&answer, API_NOT_FOUND, "name", "no %s", "cluster"), -1);
    assert_false(answer.retry_later);
    return check(&answer, 404,
                 "{\"error\":{\"code\":\"NotFound\",\"message\":\"no cluster\",\"target\":"
                 "\"name\"}}");
}

static int refuse_without_target(void)
{
    struct answer answer = {0};
    assert_int_equal(answer_refuse(&answer, API_CONFLICT, NULL, "busy"), -1);
    return check(&answer, 409, "{\"error\":{\"code\":\"Conflict\",\"message\":\"busy\"}}");
}

static int lack_memory(void)
{
    struct answer answer = {0};
    assert_int_equal(answer_no_memory(&answer), -1);
    assert_true(answer.retry_later);
    return check(&answer, 503,
                 "{\"error\":{\"code\":\"ServiceUnavailable\",\"message\":\"out of memory; try "
                 "again in a few seconds\"}}");
}

/* A request that could not be judged is not called wrong. */
static int fail_for_memory(void)
{
    struct answer answer = {0};
    struct error error;
    error_set_memory(&error);
    assert_int_equal(answer_error(&answer, API_INVALID_CONTENT, "name", &error), -1);
    assert_true(answer.retry_later);
    remaining = -1;
    assert_int_equal(answer.status, 503);
    answer_internal(&answer, "it", &error);
    assert_int_equal(answer.status, 503);
    answer_free(&answer);
    return 0;
}

static int write_text(void)
{
    struct answer answer = {0};
    struct text_buffer text = {0};
    for (int i = 0; i < 1000; i++)
        text_buffer_add(&text, "0123456789");
    answer_set_text(&answer, 200, &text);
    remaining = -1;
    assert_null(text.text);
    bool whole = answer.status == 200;
    if (whole)
        assert_int_equal(answer.text.length, 10000);
    else
        assert_true(answer.status == 503 && answer.retry_later && !answer.text.text);
    answer_free(&answer);
    return whole ? 0 : -1;
}

static int show_view(void)
{
    struct answer answer = {0};
    answer_set_view(&answer, 200, document_pack("{s:s}", "a", "b"));
    remaining = -1;
    bool whole = answer.status == 200;
    assert_true(whole ? answer.body != NULL : answer.status == 503 && answer.retry_later);
    answer_free(&answer);
    return whole ? 0 : -1;
}

static void an_answer_is_whole_or_says_that_there_is_no_memory(void **state)
{
    (void)state;
    exhaust(refuse, 5);
    fail_each(refuse, 5);
    exhaust(refuse_without_target, 5);
    fail_each(refuse_without_target, 5);
    exhaust(lack_memory, 5);
    fail_each(lack_memory, 5);
    exhaust(fail_for_memory, 0);
    fail_each(fail_for_memory, 0);
    exhaust(write_text, 1);
    fail_each(write_text, 1);
    exhaust(show_view, 2);
    fail_each(show_view, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_whole_or_says_that_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
