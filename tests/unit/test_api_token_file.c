/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_token_file.c - the file of tokens, and the judgement over credentials. */
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
#include "api/auth/token_file.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/trusted_path.h"

/* SHA-256 of "secret" and of "other", by sha256sum(1) */
#define SECRET "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
#define OTHER  "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"

static struct token_table *parse(const char *text, struct error *error)
{
    struct token_table *table = NULL;
    error->message[0] = '\0';
    return token_table_parse(text, strlen(text), "tokens", &table, error) == 0 ? table : NULL;
}

static void a_token_is_found_by_its_digest(void **state)
{
    (void)state;
    struct error error;
    struct actor actor = {0};
    struct token_table *table = parse(
        "\xef\xbb\xbf# who may\n\n  ci.bot@x-1:reader:" SECRET "\r\n\tops:operator:" OTHER, &error);
    assert_non_null(table);
    assert_int_equal(token_table_count(table), 2);
    assert_true(token_table_find(table, "secret", &actor));
    assert_string_equal(actor.name, "ci.bot@x-1");
    assert_int_equal(actor.role, ROLE_READER);
    assert_true(token_table_find(table, "other", &actor));
    assert_int_equal(actor.role, ROLE_OPERATOR);
    assert_false(token_table_find(table, "Secret", &actor));
    assert_false(token_table_find(table, "", &actor));
    assert_false(token_table_find(table, SECRET, &actor));
    token_table_free(table);
}

static void a_line_that_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"a:reader\n", "tokens:1: a line is name:role:SHA-256"},
        {"# x\n\na:reader:" SECRET ":x\n", "tokens:3: after the role"},
        {"a:root:" SECRET "\n", "tokens:1: the role of \"a\" must be reader, operator or admin"},
        {"a:Reader:" SECRET "\n", "the role of"},
        {"a b:reader:" SECRET "\n", "a name is 1 to 64"},
        {":reader:" SECRET "\n", "a name is 1 to 64"},
        {"a:reader:secret\n", "64 hexadecimal digits"},
        {"a:reader:" SECRET "00\n", "64 hexadecimal digits"},
        {"a:reader:" SECRET "\na:admin:" OTHER "\n", "tokens:2: duplicate name \"a\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error;
        assert_null(parse(cases[i].text, &error));
        print_message("%s\n", error.message);
        assert_non_null(strstr(error.message, cases[i].message));
        assert_null(strstr(error.message, SECRET));
    }
}

static void a_nul_byte_is_refused(void **state)
{
    (void)state;
    static const char text[] = "a:reader:" SECRET "\n\0b:admin:" OTHER "\n";
    struct error error;
    struct token_table *table;
    assert_int_equal(token_table_parse(text, sizeof(text) - 1, "tokens", &table, &error), -1);
    assert_non_null(strstr(error.message, "NUL"));
}

/* A configuration whose token file is in a directory of its own. */
struct fixture {
    char directory[64];
    char path[128];
    char user[8];
    struct config config;
    struct answer answer;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    strcpy(fixture->directory, "/tmp/mimo-tokens-XXXXXX");
    if (!mkdtemp(fixture->directory))
        return -1;
    snprintf(fixture->path, sizeof(fixture->path), "%s/tokens", fixture->directory);
    fixture->config.api_token_file = fixture->path;
    fixture->config.api_auth = AUTH_TOKEN_FILE;
    strcpy(fixture->user, "root");
    fixture->config.api_user = fixture->user;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char clear[128];
    snprintf(clear, sizeof(clear), "%s/admin.token", fixture->directory);
    unlink(clear);
    unlink(fixture->path);
    rmdir(fixture->directory);
    answer_free(&fixture->answer);
    free(fixture);
    return 0;
}

static void the_first_start_makes_a_token_for_its_owner_alone(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct stat status;
    struct actor actor = {0};
    struct token_table *table;
    bool made;
    char *clear = token_file_clear_path(fixture->path);
    char *token = NULL;

    assert_int_equal(token_file_prepare(fixture->path, NULL, &made, &error), 0);
    assert_true(made);
    assert_int_equal(stat(clear, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(io_read_file(clear, 1000, &token, NULL, &error), 0);
    token[strcspn(token, "\n")] = '\0';
    assert_int_equal(strlen(token), 64);

    assert_int_equal(token_table_load(fixture->path, TRUSTED_PATH_NO_USER, &table, &error), 0);
    assert_true(token_table_find(table, token, &actor));
    assert_int_equal(actor.role, ROLE_ADMIN);
    token_table_free(table);

    assert_int_equal(token_file_prepare(fixture->path, NULL, &made, &error), 0);
    assert_false(made);
    free(token);
    free(clear);
}

static void write_tokens(const struct fixture *fixture, const char *text, mode_t mode)
{
    struct error error;
    assert_int_equal(io_replace_file(fixture->path, text, strlen(text), mode, &error), 0);
}

static void a_file_that_others_can_write_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct token_table *table;
    write_tokens(fixture, "a:reader:" SECRET "\n", 0600);
    assert_int_equal(chmod(fixture->path, 0620), 0);
    assert_int_equal(token_table_load(fixture->path, TRUSTED_PATH_NO_USER, &table, &error), -1);
    assert_non_null(strstr(error.message, "chmod go-w"));
}

static void a_file_of_a_stranger_is_refused(void **state)
{
    enum { STRANGER = 4711 };
    struct fixture *fixture = *state;
    struct error error;
    struct token_table *table;
    if (geteuid() != 0)
        skip();
    write_tokens(fixture, "a:reader:" SECRET "\n", 0600);
    assert_int_equal(chown(fixture->path, STRANGER, STRANGER), 0);
    assert_int_equal(token_table_load(fixture->path, TRUSTED_PATH_NO_USER, &table, &error), -1);
    assert_int_equal(error.kind, ERROR_DENIED);
    assert_non_null(strstr(error.message, "cannot read token file: "));
    assert_non_null(strstr(error.message, "belongs to user 4711"));
    assert_int_equal(token_table_load(fixture->path, STRANGER, &table, &error), 0);
    token_table_free(table);
}

static int check(struct fixture *fixture, struct auth *auth, const char *authorization,
                 enum role needed)
{
    struct actor actor = {0};
    answer_free(&fixture->answer);
    const struct credentials credentials = {.authorization = authorization, .request_id = "id"};
    return auth_check(auth, &credentials, needed, &actor, &fixture->answer) == 0
               ? 0
               : fixture->answer.status;
}

static void roles_are_ordered_and_named(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct auth *auth;
    write_tokens(fixture, "r:reader:" SECRET "\no:operator:" OTHER "\n", 0600);
    assert_int_equal(auth_open(&fixture->config, &auth, &error), 0);
    assert_int_equal(check(fixture, auth, "Bearer secret", ROLE_READER), 0);
    assert_int_equal(check(fixture, auth, "bearer other  ", ROLE_READER), 0);
    assert_int_equal(check(fixture, auth, NULL, ROLE_NONE), 0);
    assert_int_equal(check(fixture, auth, "Bearer secret", ROLE_OPERATOR), 403);
    assert_string_equal(document_string(fixture->answer.body, "error.message", ""),
                        "r (role reader) needs the role operator");
    assert_int_equal(check(fixture, auth, "Bearer other", ROLE_ADMIN), 403);
    auth_close(auth);
}

static void what_is_no_known_token_is_401_without_a_reason(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct auth *auth;
    write_tokens(fixture, "r:reader:" SECRET "\n", 0600);
    assert_int_equal(auth_open(&fixture->config, &auth, &error), 0);
    assert_int_equal(check(fixture, auth, NULL, ROLE_READER), 401);
    assert_string_equal(fixture->answer.challenge, "Bearer");
    static const char *const wrong[] = {"Bearer wrong",    "Bearer ",         "Bearer",
                                        "Basic secret",    "secret",          "Bearer  secret",
                                        "Bearer secret x", "Bearer sec\"ret", ""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        print_message("%s\n", wrong[i]);
        assert_int_equal(check(fixture, auth, wrong[i], ROLE_READER), 401);
        assert_non_null(strstr(fixture->answer.challenge, "error=\"invalid_token\""));
    }
    char *endless = malloc(AUTH_TOKEN_MAXIMUM + 100);
    memset(endless, 'a', AUTH_TOKEN_MAXIMUM + 50);
    memcpy(endless, "Bearer ", 7);
    endless[AUTH_TOKEN_MAXIMUM + 50] = '\0';
    assert_int_equal(check(fixture, auth, endless, ROLE_READER), 401);
    free(endless);
    auth_close(auth);
}

static void a_reload_takes_the_new_file_or_keeps_the_old(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct auth *auth;
    write_tokens(fixture, "r:reader:" SECRET "\n", 0600);
    assert_int_equal(auth_open(&fixture->config, &auth, &error), 0);
    write_tokens(fixture, "nonsense\n", 0600);
    assert_int_equal(auth_reload(auth, &error), -1);
    assert_int_equal(check(fixture, auth, "Bearer secret", ROLE_READER), 0);
    write_tokens(fixture, "o:operator:" OTHER "\n", 0600);
    assert_int_equal(auth_reload(auth, &error), 0);
    assert_int_equal(check(fixture, auth, "Bearer secret", ROLE_READER), 401);
    assert_int_equal(check(fixture, auth, "Bearer other", ROLE_OPERATOR), 0);
    auth_close(auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_found_by_its_digest),
        cmocka_unit_test(a_line_that_is_wrong_is_named),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test_setup_teardown(the_first_start_makes_a_token_for_its_owner_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_others_can_write_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_a_stranger_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(roles_are_ordered_and_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_known_token_is_401_without_a_reason, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reload_takes_the_new_file_or_keeps_the_old, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
