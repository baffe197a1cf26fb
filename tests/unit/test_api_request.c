/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_request.c - query parameters, tickets, and links to next pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/endpoints/listing.h"
#include "api/http/request.h"
#include "mimo/document.h"
#include "mimo/manifest_state.h"

#define ALL_PARAMETERS ((1u << QUERY_COUNT) - 1)

struct fixture {
    struct request request;
    struct answer answer;
};

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    request_free(&fixture->request);
    answer_free(&fixture->answer);
    free(fixture);
    return 0;
}

static int parse(struct fixture *fixture, const char *target, unsigned known)
{
    request_free(&fixture->request);
    answer_free(&fixture->answer);
    fixture->request.target = strdup(target);
    return request_parse_query(&fixture->request, known, &fixture->answer);
}

static void check_refused(struct fixture *fixture, const char *target_of_error)
{
    assert_int_equal(fixture->answer.status, 400);
    assert_string_equal(document_string(fixture->answer.body, "error.code", ""),
                        "InvalidParameter");
    assert_string_equal(document_string(fixture->answer.body, "error.target", ""), target_of_error);
}

static void parameters_are_decoded_and_compared_without_case(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        parse(fixture, "/x?API-Version=admin&%24skiptoken=a%2Db&icm=1+2&limit", ALL_PARAMETERS), 0);
    assert_string_equal(fixture->request.query[QUERY_API_VERSION], "admin");
    assert_string_equal(fixture->request.query[QUERY_SKIP_TOKEN], "a-b");
    assert_string_equal(fixture->request.query[QUERY_ICM], "1 2");
    assert_string_equal(fixture->request.query[QUERY_LIMIT], "");
    assert_null(fixture->request.query[QUERY_STATE]);
}

static void a_known_parameter_twice_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "/x?limit=1&LIMIT=1", ALL_PARAMETERS), -1);
    check_refused(fixture, "limit");
}

static void unknown_parameters_are_ignored(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        parse(fixture, "/x?foo=1&foo=2&&=&limit=7", ALL_PARAMETERS & ~QUERY_BIT(QUERY_LIMIT)), 0);
    assert_null(fixture->request.query[QUERY_LIMIT]);
}

static void parameters_are_clean_text(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "/x?icm=%ff", ALL_PARAMETERS), -1);
    check_refused(fixture, "icm");
    assert_int_equal(parse(fixture, "/x?icm=a%0ab", ALL_PARAMETERS), -1);
    check_refused(fixture, "icm");
}

static void api_version_must_be_admin(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = {"/x", "/x?",
                                        "/x?api-version=", "/x?api-version=2023-01-01"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(parse(fixture, wrong[i], ALL_PARAMETERS), 0);
        assert_int_equal(request_check_api_version(&fixture->request, &fixture->answer), -1);
        assert_string_equal(document_string(fixture->answer.body, "error.code", ""),
                            "InvalidApiVersionParameter");
    }
    assert_int_equal(parse(fixture, "/x?api-version=admin", ALL_PARAMETERS), 0);
    assert_int_equal(request_check_api_version(&fixture->request, &fixture->answer), 0);
}

static void limit_is_from_1_to_1000(void **state)
{
    struct fixture *fixture = *state;
    size_t limit = 0;
    static const char *const wrong[] = {
        "/x?limit=0",  "/x?limit=1001", "/x?limit=-1", "/x?limit=",
        "/x?limit=+5", "/x?limit=%205", "/x?limit=5x", "/x?limit=99999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(parse(fixture, wrong[i], ALL_PARAMETERS), 0);
        assert_int_equal(request_limit(&fixture->request, &limit, &fixture->answer), -1);
        check_refused(fixture, "limit");
    }
    assert_int_equal(parse(fixture, "/x?limit=1000", ALL_PARAMETERS), 0);
    assert_int_equal(request_limit(&fixture->request, &limit, &fixture->answer), 0);
    assert_int_equal(limit, 1000);
    assert_int_equal(parse(fixture, "/x", ALL_PARAMETERS), 0);
    assert_int_equal(request_limit(&fixture->request, &limit, &fixture->answer), 0);
    assert_int_equal(limit, 100);
}

static void states_are_a_list_of_names(void **state)
{
    struct fixture *fixture = *state;
    unsigned states;
    assert_int_equal(parse(fixture, "/x?state=Pending,TimedOut", ALL_PARAMETERS), 0);
    assert_int_equal(request_states(&fixture->request, &states, &fixture->answer), 0);
    assert_int_equal(states,
                     MANIFEST_STATE_BIT(MANIFEST_PENDING) | MANIFEST_STATE_BIT(MANIFEST_TIMED_OUT));
    static const char *const wrong[] = {"/x?state=pending", "/x?state=", "/x?state=Pending,",
                                        "/x?state=PendingPendingPendingPendingPending"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(parse(fixture, wrong[i], ALL_PARAMETERS), 0);
        assert_int_equal(request_states(&fixture->request, &states, &fixture->answer), -1);
        check_refused(fixture, "state");
    }
}

static void flags_are_true_or_false(void **state)
{
    struct fixture *fixture = *state;
    bool flag;
    assert_int_equal(parse(fixture, "/x?force=True", ALL_PARAMETERS), 0);
    assert_int_equal(request_flag(&fixture->request, QUERY_FORCE, &flag, &fixture->answer), 0);
    assert_true(flag);
    assert_int_equal(parse(fixture, "/x?force=1", ALL_PARAMETERS), 0);
    assert_int_equal(request_flag(&fixture->request, QUERY_FORCE, &flag, &fixture->answer), -1);
    check_refused(fixture, "force");
}

static void the_ticket_comes_from_body_query_or_header(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture, "/x?icm=2", ALL_PARAMETERS), 0);
    fixture->request.body = document_pack("{s:i}", "icm", 691536013);
    assert_int_equal(request_find_icm(&fixture->request, "3", &fixture->answer), 0);
    assert_string_equal(fixture->request.icm, "691536013");

    assert_int_equal(parse(fixture, "/x?icm=2", ALL_PARAMETERS), 0);
    assert_int_equal(request_find_icm(&fixture->request, "3", &fixture->answer), 0);
    assert_string_equal(fixture->request.icm, "2");

    assert_int_equal(parse(fixture, "/x", ALL_PARAMETERS), 0);
    assert_int_equal(request_find_icm(&fixture->request, "3", &fixture->answer), 0);
    assert_string_equal(fixture->request.icm, "3");

    assert_int_equal(parse(fixture, "/x", ALL_PARAMETERS), 0);
    fixture->request.body = document_pack("{s:b}", "icm", 1);
    assert_int_equal(request_find_icm(&fixture->request, NULL, &fixture->answer), -1);
    check_refused(fixture, "icm");
}

static void skip_tokens_come_back_as_they_were(void **state)
{
    (void)state;
    static const char *const texts[] = {"a", "ab", "abc", "6:1764460800:0:2b65ac7b-cbf5?>~"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *token = listing_encode_token(texts[i]);
        assert_null(strpbrk(token, "+/=&?"));
        char *text = listing_decode_token(token);
        assert_string_equal(text, texts[i]);
        free(token);
        free(text);
    }
    static const char *const wrong[] = {"", "a", "a+b=", "####", "AAA", "abcde"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_null(listing_decode_token(wrong[i]));
}

static void next_link_is_the_same_request_with_another_token(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(parse(fixture,
                           "/admin/x?api-version=admin&%24SKIPtoken=old&&state=Pending%2CFailed",
                           ALL_PARAMETERS),
                     0);
    strcpy(fixture->request.host, "localhost:8443");
    fixture->request.scheme = "https";
    char *link = listing_next_link(&fixture->request, "new");
    assert_string_equal(link, "https://localhost:8443/admin/"
                              "x?api-version=admin&state=Pending%2CFailed&$skipToken=new");
    free(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parameters_are_decoded_and_compared_without_case, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_known_parameter_twice_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_parameters_are_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parameters_are_clean_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(api_version_must_be_admin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limit_is_from_1_to_1000, set_up, tear_down),
        cmocka_unit_test_setup_teardown(states_are_a_list_of_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flags_are_true_or_false, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ticket_comes_from_body_query_or_header, set_up,
                                        tear_down),
        cmocka_unit_test(skip_tokens_come_back_as_they_were),
        cmocka_unit_test_setup_teardown(next_link_is_the_same_request_with_another_token, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
