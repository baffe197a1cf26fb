/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_auth.c - the judgement over credentials: who is let in, and what the others are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/auth/auth.h"
#include "api/auth/entra.h"
#include "mimo/document.h"
#include "mimo/io.h"

/* SHA-256 of "secret" and of "other", by sha256sum(1) */
#define SECRET "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
#define OTHER  "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"

/* Entra ID, without a tenant: the linker puts these in front of entra.c's. */
static struct {
    int opened, started, reloaded, closed;
    int next_status; /* of open, start and reload */
    enum entra_verdict verdict;
    enum role role; /* of whom it knows */
} tenant;

int __wrap_entra_open(const struct config *config, uid_t user, struct entra **ret_entra,
                      struct error *error);
int __wrap_entra_start(struct entra *entra, struct error *error);
int __wrap_entra_reload(struct entra *entra, struct error *error);
void __wrap_entra_close(struct entra *entra);
enum entra_verdict __wrap_entra_check(struct entra *entra, const char *token,
                                      struct actor *ret_actor, struct error *reason);

static int answer_of_tenant(struct error *error)
{
    return tenant.next_status == 0 ? 0 : error_set(error, ERROR_UNAVAILABLE, "the tenant fails");
}

int __wrap_entra_open(const struct config *config, uid_t user, struct entra **ret_entra,
                      struct error *error)
{
    (void)config, (void)user;
    tenant.opened++;
    *ret_entra = (struct entra *)&tenant;
    return answer_of_tenant(error);
}

int __wrap_entra_start(struct entra *entra, struct error *error)
{
    assert_ptr_equal(entra, &tenant);
    tenant.started++;
    return answer_of_tenant(error);
}

int __wrap_entra_reload(struct entra *entra, struct error *error)
{
    assert_ptr_equal(entra, &tenant);
    tenant.reloaded++;
    return answer_of_tenant(error);
}

void __wrap_entra_close(struct entra *entra)
{
    assert_ptr_equal(entra, &tenant);
    tenant.closed++;
}

enum entra_verdict __wrap_entra_check(struct entra *entra, const char *token,
                                      struct actor *ret_actor, struct error *reason)
{
    assert_ptr_equal(entra, &tenant);
    assert_string_equal(token, "a.b.c");
    error_set(reason, ERROR_DENIED, "the tenant refuses");
    *ret_actor = (struct actor){.name = "eve", .role = tenant.role};
    return tenant.verdict;
}

struct fixture {
    char directory[32];
    char path[64];
    char user[8];
    struct config config;
    struct auth *auth;
    struct actor actor;
    struct answer answer;
};

static void write_tokens(const struct fixture *fixture, const char *text)
{
    struct error error;
    assert_int_equal(io_replace_file(fixture->path, text, strlen(text), 0600, &error), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct error error;
    strcpy(fixture->directory, "/tmp/mimo-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->path, sizeof(fixture->path), "%s/tokens", fixture->directory);
    strcpy(fixture->user, "root");
    fixture->config = (struct config){
        .api_user = fixture->user, .api_auth = AUTH_TOKEN_FILE, .api_token_file = fixture->path};
    write_tokens(fixture, "ann:operator:" SECRET "\n");
    assert_int_equal(auth_open(&fixture->config, &fixture->auth, &error), 0);
    assert_int_equal(auth_start(fixture->auth, &error), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    auth_close(fixture->auth);
    answer_free(&fixture->answer);
    unlink(fixture->path);
    rmdir(fixture->directory);
    free(fixture);
    return 0;
}

/* The status of the answer; 0 when the request is let in. */
static int check(struct fixture *fixture, const char *authorization, enum role needed)
{
    const struct credentials credentials = {.authorization = authorization, .request_id = "r"};
    answer_free(&fixture->answer);
    fixture->actor = (struct actor){.role = ROLE_NONE};
    int result = auth_check(fixture->auth, &credentials, needed, &fixture->actor, &fixture->answer);
    assert_int_equal(result, fixture->answer.status == 0 ? 0 : -1);
    return fixture->answer.status;
}

static void roles_have_names_and_an_order(void **state)
{
    (void)state;
    enum role role = ROLE_NONE;
    assert_true(role_parse("reader", &role) && role == ROLE_READER);
    assert_true(role_parse("operator", &role) && role == ROLE_OPERATOR);
    assert_true(role_parse("admin", &role) && role == ROLE_ADMIN);
    assert_false(role_parse("nobody", &role));
    assert_false(role_parse("Admin", &role));
    assert_false(role_parse("", &role));
    assert_int_equal(role, ROLE_ADMIN);
    assert_string_equal(role_name(ROLE_NONE), "nobody");
    assert_string_equal(role_name(ROLE_ADMIN), "admin");
    assert_true(ROLE_NONE < ROLE_READER && ROLE_READER < ROLE_OPERATOR &&
                ROLE_OPERATOR < ROLE_ADMIN);
}

static void a_known_token_is_let_in_up_to_its_role(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(check(fixture, "Bearer secret", ROLE_READER), 0);
    assert_string_equal(fixture->actor.name, "ann");
    assert_int_equal(fixture->actor.role, ROLE_OPERATOR);
    assert_int_equal(check(fixture, "bearer secret \t", ROLE_OPERATOR), 0);
    assert_int_equal(check(fixture, "Bearer secret", ROLE_ADMIN), 403);
    const char *message = document_string(fixture->answer.body, "error.message", "");
    assert_string_equal(message, "ann (role operator) needs the role admin");
    assert_string_equal(fixture->actor.name, "ann"); /* for the log */
}

static void open_routes_ask_nobody(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(check(fixture, NULL, ROLE_NONE), 0);
    assert_int_equal(check(fixture, "Bearer wrong", ROLE_NONE), 0);
    assert_string_equal(fixture->actor.name, "");
}

static void all_others_are_told_the_same(void **state)
{
    struct fixture *fixture = *state;
    char longest[AUTH_TOKEN_MAXIMUM + 16] = "Bearer ";
    memset(longest + 7, 'a', AUTH_TOKEN_MAXIMUM + 1);
    const char *const wrong[] = {"Bearer wrong",
                                 "Bearer ",
                                 "Bearer",
                                 "",
                                 "Basic secret",
                                 "Bearer  secret",
                                 "Bearer secret x",
                                 "Bearersecret",
                                 "Bearer sec\"ret",
                                 "Bearer " SECRET,
                                 longest};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(check(fixture, wrong[i], ROLE_READER), 401);
        assert_string_equal(
            fixture->answer.challenge,
            "Bearer error=\"invalid_token\", error_description=\"the token is not valid\"");
        assert_string_equal(document_string(fixture->answer.body, "error.message", ""),
                            "the token is not valid");
        assert_string_equal(fixture->actor.name, "");
    }
    assert_int_equal(check(fixture, NULL, ROLE_READER), 401);
    assert_string_equal(fixture->answer.challenge, "Bearer");
    assert_null(strstr(document_string(fixture->answer.body, "error.message", ""), "certificate"));
}

static void a_token_of_the_largest_size_is_looked_at(void **state)
{
    struct fixture *fixture = *state;
    char longest[AUTH_TOKEN_MAXIMUM + 8] = "Bearer ";
    memset(longest + 7, 'a', AUTH_TOKEN_MAXIMUM);
    /* SHA-256 of 16384 times "a", by sha256sum(1) */
    write_tokens(fixture, "big:reader:"
                          "f3336bea752b5a28743033dd2c844a4a63fba08871aaee2586a2bf2d69be83a2\n");
    struct error error;
    assert_int_equal(auth_reload(fixture->auth, &error), 0);
    assert_int_equal(check(fixture, longest, ROLE_READER), 0);
}

static void a_token_of_one_character_is_looked_at(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    /* SHA-256 of "a", by sha256sum(1) */
    write_tokens(fixture, "small:reader:"
                          "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\n");
    assert_int_equal(auth_reload(fixture->auth, &error), 0);
    assert_int_equal(check(fixture, "Bearer a", ROLE_READER), 0);
}

static void a_reload_takes_what_is_right_and_keeps_the_rest(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    write_tokens(fixture, "bob:reader:" OTHER "\n");
    assert_int_equal(check(fixture, "Bearer other", ROLE_READER), 401);
    assert_int_equal(auth_reload(fixture->auth, &error), 0);
    assert_int_equal(check(fixture, "Bearer other", ROLE_READER), 0);
    assert_int_equal(check(fixture, "Bearer secret", ROLE_READER), 401);
    write_tokens(fixture, "bob:root:" OTHER "\n");
    assert_int_equal(auth_reload(fixture->auth, &error), -1);
    assert_non_null(strstr(error.message, "the role of \"bob\""));
    assert_int_equal(check(fixture, "Bearer other", ROLE_READER), 0);
    unlink(fixture->path);
    assert_int_equal(auth_reload(fixture->auth, &error), -1);
    assert_int_equal(check(fixture, "Bearer other", ROLE_READER), 0);
}

/* Both methods, in place of the token file alone. */
static void open_with_entra(struct fixture *fixture)
{
    struct error error;
    memset(&tenant, 0, sizeof(tenant));
    auth_close(fixture->auth);
    fixture->auth = NULL;
    fixture->config.api_auth = AUTH_TOKEN_FILE | AUTH_ENTRA;
    assert_int_equal(auth_prepare(&fixture->config, NULL, &error), 0);
    assert_int_equal(auth_open(&fixture->config, &fixture->auth, &error), 0);
    assert_int_equal(auth_start(fixture->auth, &error), 0);
}

static void tokens_of_entra_are_judged_by_it_alone(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum entra_verdict verdict;
        enum role role;
        int status; /* where an operator is needed */
    } rows[] = {
        {ENTRA_VALID, ROLE_OPERATOR, 0}, {ENTRA_VALID, ROLE_READER, 403},
        {ENTRA_VALID, ROLE_NONE, 403},   {ENTRA_REFUSED, ROLE_ADMIN, 401},
        {ENTRA_LATER, ROLE_ADMIN, 503},
    };
    open_with_entra(fixture);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tenant.verdict = rows[i].verdict;
        tenant.role = rows[i].role;
        assert_int_equal(check(fixture, "Bearer a.b.c", ROLE_OPERATOR), rows[i].status);
        assert_string_equal(fixture->actor.name, rows[i].verdict == ENTRA_VALID ? "eve" : "");
        const char *message = document_string(fixture->answer.body, "error.message", "");
        assert_null(strstr(message, role_name(ROLE_NONE)));
        assert_null(strstr(message, "role )"));
    }
    assert_int_equal(check(fixture, "Bearer secret", ROLE_OPERATOR), 0);
    assert_string_equal(fixture->actor.name, "ann");
    assert_int_equal(check(fixture, "Bearer no.form", ROLE_OPERATOR), 401);
}

/* It has the keys that were fetched, and the thread that fetches them. */
static void entra_is_opened_once_and_reloaded_in_place(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    open_with_entra(fixture);
    assert_int_equal(auth_reload(fixture->auth, &error), 0);
    assert_int_equal(auth_reload(fixture->auth, &error), 0);
    auth_close(fixture->auth);
    fixture->auth = NULL;
    assert_int_equal(tenant.opened, 1);
    assert_int_equal(tenant.started, 1);
    assert_int_equal(tenant.reloaded, 2);
    assert_int_equal(tenant.closed, 1);
}

static void the_first_error_is_told_and_the_other_method_loaded(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {0};
    open_with_entra(fixture);
    tenant.next_status = -1;
    assert_int_equal(auth_reload(fixture->auth, &error), -1);
    assert_int_equal(error.kind, ERROR_UNAVAILABLE);
    write_tokens(fixture, "bob:root:" OTHER "\n");
    assert_int_equal(auth_reload(fixture->auth, &error), -1);
    assert_non_null(strstr(error.message, "bob"));
    assert_int_equal(tenant.reloaded, 2);
    assert_int_equal(auth_start(fixture->auth, &error), -1);
    assert_int_equal(error.kind, ERROR_UNAVAILABLE);
}

static void a_certificate_counts_only_where_it_is_a_way_to_log_in(void **state)
{
    struct fixture *fixture = *state;
    unsigned char der[] = "no certificate";
    const gnutls_datum_t certificate = {der, sizeof(der)};
    const struct credentials credentials = {
        .certificates = &certificate, .certificate_count = 1, .request_id = "r"};
    assert_int_equal(
        auth_check(fixture->auth, &credentials, ROLE_READER, &fixture->actor, &fixture->answer),
        -1);
    assert_int_equal(fixture->answer.status, 401);
    assert_string_equal(fixture->answer.challenge, "Bearer");
    assert_string_equal(document_string(fixture->answer.body, "error.message", ""),
                        "the client certificate is not accepted");
}

static void a_missing_file_keeps_it_from_starting(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct auth *auth = NULL;
    unlink(fixture->path);
    assert_int_equal(auth_open(&fixture->config, &auth, &error), -1);
    assert_null(auth);
    assert_int_equal(auth_prepare(&fixture->config, NULL, &error),
                     0); /* the first start makes it */
    assert_int_equal(auth_open(&fixture->config, &auth, &error), 0);
    auth_close(auth);
    char clear[80];
    snprintf(clear, sizeof(clear), "%s/admin.token", fixture->directory);
    assert_int_equal(unlink(clear), 0);
    auth_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_have_names_and_an_order),
        cmocka_unit_test_setup_teardown(a_known_token_is_let_in_up_to_its_role, set_up, tear_down),
        cmocka_unit_test_setup_teardown(open_routes_ask_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_others_are_told_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_of_the_largest_size_is_looked_at, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_token_of_one_character_is_looked_at, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reload_takes_what_is_right_and_keeps_the_rest, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tokens_of_entra_are_judged_by_it_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(entra_is_opened_once_and_reloaded_in_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_first_error_is_told_and_the_other_method_loaded, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_certificate_counts_only_where_it_is_a_way_to_log_in,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_keeps_it_from_starting, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
