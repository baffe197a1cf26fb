/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctl_api.c - requests to the Admin API and what becomes of each kind of answer. The test
 * answers in place of http_perform().
 */
#include "ctl/client/api.h"
#include "ctl/client/http.h"
#include "expect.h"
#include "mimo/document.h"

enum { ANSWERS_MAXIMUM = 4 };

/* The answers to come, and the requests that were made. */
static struct {
    struct http_answer answers[ANSWERS_MAXIMUM];
    const char *bodies[ANSWERS_MAXIMUM];
    char targets[ANSWERS_MAXIMUM][512];
    char method[16], body[256], icm[64], key[64];
    int count;
    int opened;
    bool fails;
} server;

static struct ctl ctl;

int __wrap_http_perform(const struct connection *connection, const struct http_request *request,
                        struct http_answer *ret_answer, struct error *error);
int __wrap_connection_open(struct connection *connection, const struct connection_options *options,
                           struct error *error);

static void note(char *buffer, size_t size, const char *text)
{
    snprintf(buffer, size, "%s", text ? text : "none");
}

int __wrap_http_perform(const struct connection *connection, const struct http_request *request,
                        struct http_answer *ret_answer, struct error *error)
{
    int number = server.count++;
    (void)connection;
    assert_true(number < ANSWERS_MAXIMUM);
    note(server.targets[number], sizeof(server.targets[number]), request->target);
    note(server.method, sizeof(server.method), request->method);
    note(server.body, sizeof(server.body), request->body);
    note(server.icm, sizeof(server.icm), request->icm);
    note(server.key, sizeof(server.key), request->key);
    *ret_answer = (struct http_answer){0};
    if (server.fails)
        return error_set(error, ERROR_UNAVAILABLE, "nobody there");
    *ret_answer = server.answers[number];
    ret_answer->body = strdup(server.bodies[number]);
    ret_answer->length = strlen(server.bodies[number]);
    return 0;
}

int __wrap_connection_open(struct connection *connection, const struct connection_options *options,
                           struct error *error)
{
    (void)error;
    server.opened++;
    assert_string_equal(options->url, "https://mimo");
    assert_true(options->verbose && options->hurried);
    assert_null(options->cert);
    connection->http = (struct http *)&server; /* never followed */
    static char url[] = "https://mimo", from[] = "--url";
    connection->url = url;
    connection->url_from = from;
    return 0;
}

static int set_up(void **state)
{
    static char url[] = "https://mimo", from[] = "--url", token[] = "secret", of[] = "MIMO_TOKEN";
    (void)state;
    memset(&server, 0, sizeof(server));
    ctl = (struct ctl){.connection = {.url = url,
                                      .url_from = from,
                                      .token = token,
                                      .token_from = of,
                                      .http = (struct http *)&server}};
    return 0;
}

/* The next answer. */
static void will_answer(int number, long status, const char *body)
{
    server.answers[number].status = status;
    server.bodies[number] = body;
}

static void queries_are_escaped_and_skip_what_is_not_given(void **state)
{
    (void)state;
    cleanup_query struct query query = {0};
    query_add(&query, "a", NULL);
    assert_null(query.text);
    query_add(&query, "a", "x y&z/\xc3\xa9");
    query_add_number(&query, "n", -5);
    assert_string_equal(query.text, "&a=x%20y%26z%2F%C3%A9&n=-5");
    assert_false(query.failed);
}

static void a_request_carries_all_that_it_was_given(void **state)
{
    (void)state;
    struct error error;
    struct api_answer answer;
    cleanup_query struct query query = {0};
    cleanup_json struct json_object *body = document_pack("{s:i}", "a", 1);
    ctl.options.values[OPTION_ICM] = "12345";
    query_add(&query, "force", "true");
    will_answer(0, 201, "{\"id\":\"x\"}");
    strcpy(server.answers[0].replayed, "true");
    const struct api_request request = {
        .method = "POST", .path = "/admin/x", .query = &query, .body = body, .key = "k"};
    expect_success(api_call(&ctl, &request, &answer, &error), &error);
    cleanup_json struct json_object *answered = answer.body;
    assert_string_equal(server.method, "POST");
    assert_string_equal(server.targets[0], "/admin/x?api-version=admin&force=true");
    assert_string_equal(server.body, "{\"a\":1}");
    assert_string_equal(server.icm, "12345");
    assert_string_equal(server.key, "k");
    assert_int_equal(answer.status, 201);
    assert_true(answer.replayed);
    assert_string_equal(document_string(answered, "id", ""), "x");
    assert_string_equal(answer.refusal, "");
}

static void the_first_request_connects(void **state)
{
    (void)state;
    struct error error;
    struct json_object *object;
    ctl = (struct ctl){.hurried = true};
    ctl.options.values[OPTION_URL] = "https://mimo";
    ctl.options.values[OPTION_VERBOSE] = "verbose";
    for (int i = 0; i < 2; i++) {
        will_answer(i, 200, "{}");
        expect_success(api_get(&ctl, "/admin/x", NULL, &object, &error), &error);
        json_object_put(object);
        assert_string_equal(server.targets[i], "/admin/x?api-version=admin");
    }
    assert_int_equal(server.opened, 1);
    assert_string_equal(server.body, "none");
}

static void words_for_headers_are_checked_before_anything_is_sent(void **state)
{
    (void)state;
    static char longest[130];
    memset(longest, 'k', 129);
    const struct {
        const char *icm, *key, *message;
    } cases[] = {
        {"1 2", NULL, "--icm: \"1 2\" must be printable ASCII without blanks"},
        {"", NULL, "--icm: 1 to 128 characters"},
        {NULL, "a\nb", "--idempotency-key: \"a b\" must be printable"},
        {NULL, "\x7f", "--idempotency-key: "},
        {NULL, " ", "--idempotency-key: "},
        {NULL, "", "--idempotency-key: 1 to 128 characters"},
        {NULL, longest, "--idempotency-key: 1 to 128 characters"},
    };
    struct error error;
    struct api_answer answer;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ctl.options.values[OPTION_ICM] = cases[i].icm;
        const struct api_request request = {
            .method = "POST", .path = "/admin/x", .key = cases[i].key};
        expect_failure(api_call(&ctl, &request, &answer, &error), &error, ERROR_INVALID,
                       cases[i].message);
    }
    assert_int_equal(server.count, 0);
    longest[128] = '\0'; /* the longest, and characters at both ends of what is allowed */
    longest[0] = '!';
    longest[1] = '~';
    ctl.options.values[OPTION_ICM] = NULL;
    will_answer(0, 204, "");
    const struct api_request request = {.method = "POST", .path = "/admin/x", .key = longest};
    expect_success(api_call(&ctl, &request, &answer, &error), &error);
    assert_string_equal(server.icm, "none");
}

static void answers_without_a_body_are_told_from_those_with_one(void **state)
{
    (void)state;
    struct error error;
    struct api_answer answer;
    struct json_object *object = NULL;
    const struct api_request request = {.method = "DELETE", .path = "/admin/x"};
    will_answer(0, 204, "");
    will_answer(1, 202, "");
    will_answer(2, 202, "{\"a\":1}");
    for (int i = 0; i < 2; i++) {
        expect_success(api_call(&ctl, &request, &answer, &error), &error);
        assert_int_equal(answer.status, i == 0 ? 204 : 202);
        assert_null(answer.body);
    }
    expect_success(api_call(&ctl, &request, &answer, &error), &error);
    assert_non_null(answer.body);
    assert_false(answer.replayed);
    json_object_put(answer.body);
    will_answer(3, 204, "");
    expect_failure(api_get(&ctl, "/admin/x", NULL, &object, &error), &error, ERROR_UNAVAILABLE,
                   "/admin/x answers without a body");
    assert_null(object);
}

#define REFUSAL(code, target)                                                                      \
    "{\"error\":{\"code\":\"" code "\",\"message\":\"too bad\",\"target\":\"" target "\"}}"

static const struct api_request any_request = {.method = "GET", .path = "/admin/x"};

static void will_answer_alone(long status, const char *body)
{
    server.count = 0;
    will_answer(0, status, body);
}

/* Every branch that chooses the kind of an error or its words. */
static const struct {
    long status;
    const char *body;
    enum error_kind kind;
    const char *message;
    const char *refusal;
} refusals[] = {
    {400, REFUSAL("BadRequest", ""), ERROR_DENIED, "too bad", "too bad"},
    {400, REFUSAL("BadRequest", "priority"), ERROR_DENIED, "priority: too bad", "too bad"},
    {400, "{\"error\":{\"code\":\"BadRequest\"}}", ERROR_DENIED, "BadRequest", ""},
    {403, REFUSAL("Forbidden", "x"), ERROR_DENIED,
     "too bad; logged in with the token of MIMO_TOKEN", "too bad"},
    {404, REFUSAL("NotFound", ""), ERROR_NOT_FOUND, "too bad", "too bad"},
    {404, REFUSAL("NotFound", "manifest"), ERROR_NOT_FOUND, "manifest: too bad", "too bad"},
    {404, REFUSAL("NotFound", "endpoint"), ERROR_DENIED,
     "https://mimo (--url) does not support this: its mimo-api is older than this mimoctl (too "
     "bad); update mimo-api there",
     "too bad"},
    {400, REFUSAL("Other", "endpoint"), ERROR_DENIED, "endpoint: too bad", "too bad"},
    {405, REFUSAL("MethodNotAllowed", ""), ERROR_DENIED, "does not support this", "too bad"},
    {501, REFUSAL("NotImplemented", ""), ERROR_DENIED, "does not support this", "too bad"},
    {409, REFUSAL("Conflict", ""), ERROR_CONFLICT, "too bad", "too bad"},
    {412, REFUSAL("PreconditionFailed", ""), ERROR_CONFLICT, "too bad", "too bad"},
    {408, REFUSAL("Timeout", ""), ERROR_UNAVAILABLE,
     "https://mimo (--url) cannot answer now: 408 Timeout: too bad (request r1)", "too bad"},
    {429, REFUSAL("Busy", "x"), ERROR_UNAVAILABLE, "cannot answer now: 429", "too bad"},
    {499, REFUSAL("Other", ""), ERROR_DENIED, "too bad", "too bad"},
    {500, REFUSAL("Internal", "x"), ERROR_UNAVAILABLE, "cannot answer now: 500", "too bad"},
    {503, REFUSAL("Busy", ""), ERROR_UNAVAILABLE, "cannot answer now: 503", "too bad"},
    /* What is not an Admin API */
    {200, "<html>", ERROR_UNAVAILABLE, "answers 200 without the JSON of an Admin API (text/html)",
     ""},
    {404, "{\"oops\":1}", ERROR_UNAVAILABLE, "answers 404 without the JSON of an Admin API", ""},
    {302, "", ERROR_UNAVAILABLE, "redirects to https://elsewhere; mimoctl follows no", ""},
    {300, "{}", ERROR_UNAVAILABLE, "redirects to", ""},
    {399, "{}", ERROR_UNAVAILABLE, "redirects to", ""},
    {401, "{}", ERROR_UNAVAILABLE,
     "https://mimo (--url) does not accept the token of MIMO_TOKEN (it has expired); check", ""},
};

static void each_refusal_has_its_kind_and_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct error error;
        struct api_answer answer;
        will_answer_alone(refusals[i].status, refusals[i].body);
        strcpy(server.answers[0].request_id, "r1");
        strcpy(server.answers[0].content_type, "text/html");
        strcpy(server.answers[0].location, "https://elsewhere");
        strcpy(server.answers[0].challenge,
               "Bearer error=\"invalid_token\", error_description=\"it has expired\"");
        expect_failure(api_call(&ctl, &any_request, &answer, &error), &error, refusals[i].kind,
                       refusals[i].message);
        assert_int_equal(answer.status, refusals[i].status);
        assert_string_equal(answer.refusal, refusals[i].refusal);
        assert_null(answer.body);
    }
}

static void what_an_answer_does_not_say_is_not_made_up(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *body;
        const char *message;
    } cases[] = {
        {302, "", "redirects to nowhere"},
        {200, "x", "(no content type)"},
        {401, "", "does not accept the token of MIMO_TOKEN; check"},
        {503, REFUSAL("Busy", ""), "(request without id)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error;
        struct api_answer answer;
        will_answer_alone(cases[i].status, cases[i].body);
        expect_failure(api_call(&ctl, &any_request, &answer, &error), &error, ERROR_UNAVAILABLE,
                       cases[i].message);
    }
}

static void a_server_that_does_not_answer_leaves_no_status(void **state)
{
    (void)state;
    struct error error;
    struct api_answer answer;
    const struct api_request request = {.method = "GET", .path = "/admin/x"};
    server.fails = true;
    expect_failure(api_call(&ctl, &request, &answer, &error), &error, ERROR_UNAVAILABLE,
                   "nobody there");
    assert_int_equal(answer.status, 0);
}

/* ---- pages ---- */

static bool is_even(const struct json_object *item, const void *context)
{
    return document_number(item) % *(const int *)context == 0;
}

/* Lists with these answers, the last of which has no nextLink. */
static void expect_list(const struct api_listing *listing, size_t count, int64_t last, bool more,
                        int requests)
{
    struct json_object *items;
    struct error error;
    bool has_more;
    server.count = 0;
    expect_success(api_list(&ctl, listing, &items, &has_more, &error), &error);
    assert_int_equal(document_length(items), count);
    if (count > 0)
        assert_int_equal(document_number(document_item(items, count - 1)), last);
    assert_int_equal(has_more, more);
    assert_int_equal(server.count, requests);
    json_object_put(items);
}

static void pages_are_put_together_up_to_the_limit(void **state)
{
    (void)state;
    static const int two = 2;
    will_answer(0, 200, "{\"value\":[1,2,3],\"nextLink\":\"https://evil/admin/x?p=2\"}");
    will_answer(1, 200, "{\"value\":[4,5],\"nextLink\":\"/admin/x?p=3\"}");
    will_answer(2, 200, "{\"value\":[6]}");
    expect_list(&(struct api_listing){.path = "/admin/x"}, 6, 6, false, 3);
    assert_string_equal(server.targets[0], "/admin/x?api-version=admin&limit=200");
    assert_string_equal(server.targets[1], "/admin/x?p=2"); /* never another host */
    assert_string_equal(server.targets[2], "/admin/x?p=3");
    expect_list(&(struct api_listing){.path = "/admin/x", .limit = 6}, 6, 6, false, 3);
    expect_list(&(struct api_listing){.path = "/admin/x", .limit = 5}, 5, 5, true, 2);
    expect_list(&(struct api_listing){.path = "/admin/x", .limit = 4}, 4, 4, true, 2);
    expect_list(&(struct api_listing){.path = "/admin/x", .limit = 3}, 3, 3, true, 1);
    expect_list(&(struct api_listing){.path = "/admin/x", .limit = 2}, 2, 2, true, 1);
    assert_string_equal(server.targets[0], "/admin/x?api-version=admin&limit=2");
    expect_list(&(struct api_listing){.path = "/admin/x", .keep = is_even, .context = &two}, 3, 6,
                false, 3);
    expect_list(
        &(struct api_listing){.path = "/admin/x", .keep = is_even, .context = &two, .limit = 3}, 3,
        6, false, 3);
    expect_list(
        &(struct api_listing){.path = "/admin/x", .keep = is_even, .context = &two, .limit = 2}, 2,
        4, true, 3);
    assert_string_equal(server.targets[0], "/admin/x?api-version=admin&limit=200");
}

static void the_query_of_a_listing_goes_along_and_more_need_not_be_asked_for(void **state)
{
    (void)state;
    struct json_object *items;
    struct error error;
    cleanup_query struct query query = {0};
    query_add(&query, "state", "Failed");
    will_answer(0, 200, "{\"value\":[]}");
    const struct api_listing listing = {.path = "/admin/x", .query = &query, .limit = 200};
    expect_success(api_list(&ctl, &listing, &items, NULL, &error), &error);
    assert_int_equal(document_length(items), 0);
    json_object_put(items);
    assert_string_equal(server.targets[0], "/admin/x?api-version=admin&state=Failed&limit=200");
    assert_string_equal(query.text, "&state=Failed");
}

static void pages_that_are_none_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *message;
    } cases[] = {
        {"{}", "/admin/x answers without \"value\""},
        {"{\"value\":{}}", "/admin/x answers without \"value\""},
        {"{\"value\":[],\"nextLink\":\"elsewhere\"}", "invalid nextLink: elsewhere"},
        {"{\"value\":[],\"nextLink\":\"https://host\"}", "invalid nextLink: https://host"},
        {"{\"value\":[],\"nextLink\":\"/admin/x?api-version=admin&limit=200\"}",
         "invalid nextLink: /admin/x"}, /* itself: it would never end */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_object *items = NULL;
        struct error error;
        server.count = 0;
        will_answer(0, 200, cases[i].body);
        expect_failure(
            api_list(&ctl, &(struct api_listing){.path = "/admin/x"}, &items, NULL, &error), &error,
            ERROR_UNAVAILABLE, cases[i].message);
        assert_null(items);
    }
}

#define WITH_SERVER(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(queries_are_escaped_and_skip_what_is_not_given),
        WITH_SERVER(a_request_carries_all_that_it_was_given),
        WITH_SERVER(the_first_request_connects),
        WITH_SERVER(words_for_headers_are_checked_before_anything_is_sent),
        WITH_SERVER(answers_without_a_body_are_told_from_those_with_one),
        WITH_SERVER(each_refusal_has_its_kind_and_its_words),
        WITH_SERVER(what_an_answer_does_not_say_is_not_made_up),
        WITH_SERVER(a_server_that_does_not_answer_leaves_no_status),
        WITH_SERVER(pages_are_put_together_up_to_the_limit),
        WITH_SERVER(the_query_of_a_listing_goes_along_and_more_need_not_be_asked_for),
        WITH_SERVER(pages_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
