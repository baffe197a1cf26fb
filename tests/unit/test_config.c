/* SPDX-License-Identifier: Apache-2.0 */
/* test_config.c - every key is read, bounded and written alike, and errors tell the operator where
 * and what. */
#include <sys/stat.h>

#include "config_fixture.h"
#include "mimo/log.h"

static void write_drop_in(const char *name, const char *content)
{
    char path[128];

    mkdir(fixture.drop_ins, 0700);
    snprintf(path, sizeof(path), "%s/%s", fixture.drop_ins, name);
    write_file(path, content);
}

/* Reading */

static void without_any_key_the_defaults_apply(void **state)
{
    struct config config;

    (void)state;
    load(&config, "");
    assert_string_equal(config.store_uri, "sqlite:" LOCALSTATEDIR "/lib/mimo/mimo.db");
    assert_int_equal(config.actuator_assignment, ASSIGNMENT_AUTO);
    assert_int_equal(config.actuator_max_workers, 10);
    assert_int_equal(config.actuator_poll_interval, 1000);
    assert_int_equal(config.actuator_task_timeout, 3600000);
    assert_false(config.actuator_practice_tasks);
    assert_string_equal(config.actuator_worker_uids, "");
    assert_int_equal(config.sandbox_memory, 256 * 1024 * 1024);
    assert_string_equal(config.metrics_account, "*");
    assert_int_equal(config.metrics_statsd_format, STATSD_FORMAT_MDM);
    assert_int_equal(config.api_auth, AUTH_TOKEN_FILE);
    assert_int_equal(config.log_level + LOG_LEVEL_ERROR, LOG_LEVEL_INFO);
    assert_int_equal(config.log_format, LOG_FORMAT_AUTO);
    config_free(&config);
}

static void every_kind_of_value_is_read(void **state)
{
    struct config config;

    (void)state;
    load(&config, "\xef\xbb\xbf# a byte order mark, comments, blanks and CRs do no harm\r\n"
                  "[store]\n"
                  "uri = sqlite:/tmp/x = y.db\r\n"
                  "\n"
                  "  [actuator] ; what runs\n"
                  "   max_workers = 1000 ; as many as there can be\n"
                  "\tpoll_interval:250ms\n"
                  "assignment=static\n"
                  "practice_tasks = yes\n"
                  "; a comment\n"
                  "[sandbox]\n"
                  "memory = 1G\n"
                  "file_size = 64K\n"
                  "[log]\n"
                  "level = debug\n"
                  "[metrics]\n"
                  "environment =\n"
                  "[actuator]\n"
                  "index = 0");
    assert_string_equal(config.store_uri, "sqlite:/tmp/x = y.db");
    assert_int_equal(config.actuator_max_workers, 1000);
    assert_int_equal(config.actuator_poll_interval, 250);
    assert_int_equal(config.actuator_assignment, ASSIGNMENT_STATIC);
    assert_true(config.actuator_practice_tasks);
    assert_int_equal(config.sandbox_memory, 1024 * 1024 * 1024);
    assert_int_equal(config.sandbox_file_size, 65536);
    assert_int_equal(config.log_level + LOG_LEVEL_ERROR, LOG_LEVEL_DEBUG);
    assert_string_equal(config.metrics_environment, "");
    config_free(&config);
}

static void a_wrong_value_is_named_with_what_is_allowed(void **state)
{
    static const struct {
        const char *content;
        const char *message;
    } cases[] = {
        {"[actuator]\nmax_workers = many",
         ":2: actuator.max_workers: \"many\" is not a whole number from 1 to 1000"},
        {"[actuator]\nmax_workers = 0",
         ":2: actuator.max_workers: \"0\" is not a whole number from 1 to 1000"},
        {"[actuator]\nmax_workers = 1001",
         ":2: actuator.max_workers: \"1001\" is not a whole number from 1 to 1000"},
        {"[actuator]\n\n#x\nmax_workers = 10 # ten",
         ":4: actuator.max_workers: \"10 # ten\" is not a whole number from 1 to 1000"},
        {"[actuator]\nmax_workers =",
         ":2: actuator.max_workers: \"\" is not a whole number from 1 to 1000"},
        {"[actuator]\nindex = -1",
         ":2: actuator.index: \"-1\" is not a whole number from 0 to 255"},
        {"[actuator]\nindex = 99999999999999999999",
         ":2: actuator.index: \"99999999999999999999\" is not a whole number from 0 to 255"},
        {"[actuator]\npoll_interval = 1w",
         ":2: actuator.poll_interval: \"1w\" is not a duration from 10ms to "
         "10m, in ms, s, m, h or d"},
        {"[actuator]\npoll_interval = 9ms",
         ":2: actuator.poll_interval: \"9ms\" is not a duration from 10ms to "
         "10m, in ms, s, m, h or d"},
        {"[sandbox]\nmemory = 256MB",
         ":2: sandbox.memory: \"256MB\" is not a size from 32M to 64G, such as "
         "4096, 64K, 256M or 1G"},
        {"[sandbox]\nmemory = 99999999999G",
         ":2: sandbox.memory: \"99999999999G\" is not a size from 32M to "
         "64G, such as 4096, 64K, 256M or 1G"},
        {"[actuator]\npractice_tasks = true",
         ":2: actuator.practice_tasks: \"true\" is not yes or no"},
        {"[log]\nlevel = loud",
         ":2: log.level: \"loud\" is not error, warning, notice, info or debug"},
        {"[log]\nlevel = inf",
         ":2: log.level: \"inf\" is not error, warning, notice, info or debug"},
        {"[actuator]\nassignment = auto static",
         ":2: actuator.assignment: \"auto static\" is not auto or static"},
        {"[api]\nauth = token-file, magic", ":2: api.auth: \"token-file, magic\" is not one or "
                                            "more of token-file, entra, client-cert"},
        {"[api]\nauth = ,",
         ":2: api.auth: \",\" is not one or more of token-file, entra, client-cert"},
        {"[metrics]\nlocation = a\x1b[2Jb", ":2: metrics.location: \"a\\x1b[2Jb\" is not a text of "
                                            "one line without control characters, \" ;\", "
                                            "or blanks at its ends"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_wrong(cases[i].content, cases[i].message);
}

static void an_unknown_key_is_named_with_what_was_meant(void **state)
{
    static const struct {
        const char *content;
        const char *message;
    } cases[] = {
        {"[actuator]\nmax_worker = 3",
         ":2: unknown key actuator.max_worker; did you mean actuator.max_workers?"},
        {"[api]\nlocation = x", ":2: unknown key api.location; did you mean metrics.location?"},
        {"[log]\ncolour = red", ":2: unknown key log.colour; mimo.conf(5) lists all"},
        {"max_workers = 3", ":1: unknown key .max_workers; did you mean actuator.max_workers?"},
        {"colour = red", ":1: key \"colour\" comes before any [section]"},
        {"[log]\n\xff\x01 = x", ":2: unknown key log.\\xff\\x01; mimo.conf(5) lists all"},
        {"[log]\nthis_name_is_far_too_long_to_be_compared_with_any_other_one = x",
         ":2: unknown key log.this_name_is_far_too_long_to_be_compared_with_any_other_one; "
         "mimo.conf(5) lists all"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_wrong(cases[i].content, cases[i].message);
}

static void an_unknown_section_is_named_with_those_there_are(void **state)
{
    struct config config;
    struct error error;

    (void)state;
    write_file(fixture.path, "[actuators]\ncolour = red");
    expect_failure(config_load(&config, fixture.path, NULL, &error), &error, ERROR_INVALID,
                   ":2: unknown section \"actuators\"; there are: store, actuator, sandbox, ");
    assert_string_equal(error.message + strlen(error.message) - 10, ", api, log");
}

static void a_line_that_is_none_is_named(void **state)
{
    static const char form[] = ": neither a [section], a key = value, nor a comment";
    char expected[128];

    (void)state;
    snprintf(expected, sizeof(expected), ":3%s", form);
    expect_wrong("[log]\nlevel = info\nlevel\nformat = text", expected);
    snprintf(expected, sizeof(expected), ":2%s", form);
    expect_wrong("[log]\nlevel\nformat = wrong too", expected);
    expect_wrong("[log\nlevel = info", ":1: the section has no closing ]");
    expect_wrong("[log] level = info",
                 ":1: text after the closing ] of the section: keys go on separate lines");
    expect_wrong("\n[log]\nlevel = nothing\nno line at all",
                 ":3: log.level: \"nothing\" is not error, warning, notice, info or debug");
}

static void a_key_stands_once_in_a_file(void **state)
{
    (void)state;
    expect_wrong("[log]\nlevel = info\n[store]\n[log]\nlevel = info",
                 ":5: log.level is set twice in this file: remove one of the two");
}

static void a_line_has_its_longest(void **state)
{
    char content[400], expected[128];
    struct config config;

    (void)state;
    snprintf(content, sizeof(content), "[metrics]\nlocation = %0186d", 0); /* 197 characters */
    load(&config, content);
    assert_int_equal(strlen(config.metrics_location), 186);
    config_free(&config);

    snprintf(content, sizeof(content), "[metrics]\n   location = %0187d\n", 0);
    snprintf(expected, sizeof(expected), ":2: line is too long: 198 characters, allowed are 197");
    expect_wrong(content, expected);
}

static void what_is_no_text_file_is_refused(void **state)
{
    struct config config;
    struct error error;
    char part[128];
    FILE *file = fopen(fixture.path, "w");

    (void)state;
    fwrite("[log]\n\0level = info", 1, 19, file);
    fclose(file);
    snprintf(part, sizeof(part), "%s is not a text file: it holds NUL bytes", fixture.path);
    expect_failure(config_load(&config, fixture.path, NULL, &error), &error, ERROR_INVALID, part);
    snprintf(part, sizeof(part), "cannot read the configuration: %s is a directory",
             fixture.folder);
    expect_failure(config_load(&config, fixture.folder, NULL, &error), &error, ERROR_INVALID, part);

    file = fopen(fixture.path, "w");
    for (int i = 0; i < 1024 * 1024 / 16 + 1; i++)
        fputs("# a comment ...\n", file);
    fclose(file);
    expect_failure(config_load(&config, fixture.path, NULL, &error), &error, ERROR_TOO_LARGE,
                   "larger than the 1048576 bytes allowed");
}

static void random_bytes_never_do_harm(void **state)
{
    unsigned seed = (unsigned)getpid();
    static const char alphabet[] = "[]=:;# \t\n\r\"\\azlevelog.\xff\xc3\x01";
    char content[300];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct config config;
        struct error error;
        size_t length = (size_t)rand_r(&seed) % (sizeof(content) - 1);

        for (size_t i = 0; i < length; i++)
            content[i] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
        content[length] = '\0';
        write_file(fixture.path, content);
        if (config_load(&config, fixture.path, NULL, &error) < 0) {
            if (error.kind != ERROR_INVALID || error.message[0] != '/')
                fail_msg("pid %d as seed, round %d: %s", (int)getpid(), round, error.message);
        } else {
            config_free(&config);
        }
    }
}

/* Which files */

static void a_named_file_must_exist(void **state)
{
    struct config config;
    struct error error;

    (void)state;
    expect_failure(config_load(&config, fixture.path, NULL, &error), &error, ERROR_NOT_FOUND,
                   "cannot read the configuration: cannot open");
}

/* A file or directory of a stranger could name another directory of tasks, or another user. */
static void what_strangers_can_change_is_refused(void **state)
{
    struct config config;
    struct error error;
    char drop_in[sizeof(fixture.drop_ins) + 16];

    (void)state;
    snprintf(drop_in, sizeof(drop_in), "%s/own.conf", fixture.drop_ins);
    write_file(fixture.path, "[log]\nlevel = debug\n");
    assert_int_equal(chmod(fixture.path, 0664), 0);
    expect_failure(config_load(&config, fixture.path, NULL, &error), &error, ERROR_DENIED,
                   "mimo.conf is writable by users other than its owner: chmod go-w /");
    assert_int_equal(chmod(fixture.path, 0644), 0);
    assert_int_equal(mkdir(fixture.drop_ins, 0755), 0);
    write_file(drop_in, "[log]\nlevel = info\n");
    assert_int_equal(chmod(fixture.drop_ins, 0775), 0);
    expect_failure(config_load(&config, fixture.path, NULL, &error), &error, ERROR_DENIED,
                   "mimo.conf.d is writable by users other than its owner: chmod go-w /");
    assert_int_equal(chmod(fixture.drop_ins, 0755), 0);
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(drop_in, 4711, 4711), 0);
    expect_failure(config_load(&config, fixture.path, NULL, &error), &error, ERROR_DENIED,
                   "own.conf belongs to user 4711 and could be changed by them: chown root /");
    assert_int_equal(chown(drop_in, 0, 0), 0);
    assert_int_equal(chown(fixture.folder, 4711, 4711), 0);
    expect_failure(config_load(&config, fixture.path, NULL, &error), &error, ERROR_DENIED,
                   "cannot read the configuration: /tmp/mimo-test.");
}

static void without_a_default_file_the_defaults_apply(void **state)
{
    struct config config;
    struct error error;

    (void)state;
    if (access(CONFIG_DEFAULT_PATH, F_OK) == 0 || access(CONFIG_DEFAULT_PATH ".d", F_OK) == 0)
        skip(); /* MIMO is installed here */
    expect_success(config_load(&config, CONFIG_DEFAULT_PATH, NULL, &error), &error);
    assert_int_equal(config.actuator_max_workers, 10);
    config_free(&config);
    expect_success(config_load(&config, NULL, NULL, &error), &error);
    config_free(&config);
}

static void drop_ins_override_in_the_order_of_their_names(void **state)
{
    struct config config;

    (void)state;
    write_drop_in("20-b.conf", "[actuator]\nmax_workers = 20\n");
    write_drop_in("10-a.conf", "[actuator]\nmax_workers = 15\nindex = 3\n");
    write_drop_in("30-c.conf.off", "[actuator]\nmax_workers = 30\n");
    write_drop_in(".hidden.conf", "[actuator]\nmax_workers = 31\n");
    write_drop_in("README", "no configuration at all");
    load(&config, "[actuator]\nmax_workers = 5\n");
    assert_int_equal(config.actuator_max_workers, 20);
    assert_int_equal(config.actuator_index, 3);
    config_free(&config);
}

static void an_error_in_a_drop_in_names_that_file(void **state)
{
    struct config config;
    struct error error;

    (void)state;
    write_drop_in("10-a.conf", "[log]\nlevel = x\n");
    write_file(fixture.path, "");
    expect_failure(config_load(&config, fixture.path, NULL, &error), &error, ERROR_INVALID,
                   "mimo.conf.d/10-a.conf:2: log.level: \"x\"");
}

static void a_drop_in_folder_that_is_none_is_an_error(void **state)
{
    struct config config;
    struct error error;

    (void)state;
    write_file(fixture.path, "");
    write_file(fixture.drop_ins, "");
    expect_failure(config_load(&config, fixture.path, NULL, &error), &error, ERROR_SYSTEM,
                   "mimo.conf.d: Not a directory");
}

/* Overrides */

static void overrides_come_last_and_each_may_be_given_again(void **state)
{
    static const char *const overrides[] = {"actuator.max_workers=7", "log.level=debug",
                                            "actuator.max_workers=8", "metrics.location=a=b.c",
                                            NULL};
    struct config config;
    struct error error;

    (void)state;
    write_file(fixture.path, "[actuator]\nmax_workers = 5\n");
    expect_success(config_load(&config, fixture.path, overrides, &error), &error);
    assert_int_equal(config.actuator_max_workers, 8);
    assert_int_equal(config.log_level + LOG_LEVEL_ERROR, LOG_LEVEL_DEBUG);
    assert_string_equal(config.metrics_location, "a=b.c");
    config_free(&config);
}

static void a_wrong_override_is_shown(void **state)
{
    static const struct {
        const char *override;
        const char *message;
    } cases[] = {
        {"actuator.max_workers=many",
         "--set actuator.max_workers=many: actuator.max_workers: \"many\" is not a "
         "whole number from 1 to 1000"},
        {"actuator.max_worker=1",
         "--set actuator.max_worker=1: unknown key actuator.max_worker; did you mean "
         "actuator.max_workers?"},
        {"max_workers=1", "--set max_workers=1: must be section.key=value"},
        {"actuator.max_workers", "--set actuator.max_workers: must be section.key=value"},
        {"store=a.b", "--set store=a.b: must be section.key=value"},
        {"", "--set : must be section.key=value"},
        {"store.uri=x ;y",
         "--set store.uri=x ;y: store.uri: \"x ;y\" is not a text of one line without control "
         "characters, \" ;\", or blanks at its ends"},
        {"store.uri=x\ny",
         "--set store.uri=x\\x0ay: store.uri: \"x\\x0ay\" is not a text of one line without "
         "control characters, \" ;\", or blanks at its ends"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const overrides[] = {cases[i].override, NULL};
        struct config config;
        struct error error;

        assert_int_equal(config_load(&config, NULL, overrides, &error), -1);
        assert_string_equal(error.message, cases[i].message);
    }
}

static void what_the_file_would_not_give_back_is_no_text(void **state)
{
    static const char *const wrong[] = {"store.uri=;x", "store.uri= x", "store.uri=x ",
                                        "store.uri=x\t;y"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *const overrides[] = {wrong[i], NULL};
        struct config config;
        struct error error;

        expect_failure(config_load(&config, NULL, overrides, &error), &error, ERROR_INVALID,
                       "is not a text of one line");
    }
}

static void freeing_nothing_is_allowed(void **state)
{
    struct config config = {0};

    (void)state;
    config_free(&config);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(without_any_key_the_defaults_apply),
        WITH_FOLDER(every_kind_of_value_is_read),
        WITH_FOLDER(a_wrong_value_is_named_with_what_is_allowed),
        WITH_FOLDER(an_unknown_key_is_named_with_what_was_meant),
        WITH_FOLDER(an_unknown_section_is_named_with_those_there_are),
        WITH_FOLDER(a_line_that_is_none_is_named),
        WITH_FOLDER(a_key_stands_once_in_a_file),
        WITH_FOLDER(a_line_has_its_longest),
        WITH_FOLDER(what_is_no_text_file_is_refused),
        WITH_FOLDER(random_bytes_never_do_harm),
        WITH_FOLDER(a_named_file_must_exist),
        WITH_FOLDER(what_strangers_can_change_is_refused),
        WITH_FOLDER(without_a_default_file_the_defaults_apply),
        WITH_FOLDER(drop_ins_override_in_the_order_of_their_names),
        WITH_FOLDER(an_error_in_a_drop_in_names_that_file),
        WITH_FOLDER(a_drop_in_folder_that_is_none_is_an_error),
        WITH_FOLDER(overrides_come_last_and_each_may_be_given_again),
        WITH_FOLDER(a_wrong_override_is_shown),
        WITH_FOLDER(what_the_file_would_not_give_back_is_no_text),
        WITH_FOLDER(freeing_nothing_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
