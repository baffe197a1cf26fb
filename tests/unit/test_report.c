/* SPDX-License-Identifier: Apache-2.0 */
/* test_report.c - what workers report is believed only line by line, within bounds, and to the
 * letter. */
#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/log.h"
#include "mimo/report.h"

static void every_type_is_written_and_read_back(void **state)
{
    static const struct {
        struct report report;
        const char *line;
    } cases[] = {
        {{.type = REPORT_STEP, .step = 2, .steps = 3, .text = "API server is up"},
         "{\"type\":\"step\",\"step\":2,\"steps\":3,\"name\":\"API server is up\"}\n"},
        {{.type = REPORT_STATUS, .text = "waiting \"here\""},
         "{\"type\":\"status\",\"text\":\"waiting \\\"here\\\"\"}\n"},
        {{.type = REPORT_LOG, .level = LOG_LEVEL_INFO, .text = "x"},
         "{\"type\":\"log\",\"level\":\"info\",\"text\":\"x\"}\n"},
        {{.type = REPORT_LOG, .level = LOG_LEVEL_ERROR, .text = ""},
         "{\"type\":\"log\",\"level\":\"error\",\"text\":\"\"}\n"},
        {{.type = REPORT_FORBIDDEN, .text = "openat"},
         "{\"type\":\"forbidden\",\"systemCall\":\"openat\"}\n"},
        {{.type = REPORT_RESULT, .outcome = OUTCOME_SUCCEEDED, .text = "done"},
         "{\"type\":\"result\",\"outcome\":\"succeeded\",\"message\":\"done\"}\n"},
        {{.type = REPORT_RESULT, .outcome = OUTCOME_TRANSIENT, .text = NULL},
         "{\"type\":\"result\",\"outcome\":\"transient\",\"message\":\"\"}\n"},
        {{.type = REPORT_RESULT, .outcome = OUTCOME_TRANSIENT, .text = "429", .retry_after = 3600},
         "{\"type\":\"result\",\"outcome\":\"transient\",\"message\":\"429\",\"retryAfter\":3600}\n"},
        {{.type = REPORT_RESULT, .outcome = OUTCOME_TERMINAL, .text = "404"},
         "{\"type\":\"result\",\"outcome\":\"terminal\",\"message\":\"404\"}\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct report *sent = &cases[i].report;
        cleanup_free char *line = report_format(sent);
        struct report read;
        struct error error;

        assert_string_equal(line, cases[i].line);
        expect_success(report_parse(line, strlen(line) - 1, &read, &error), &error);
        assert_int_equal(read.type, sent->type);
        assert_int_equal(read.step, sent->step);
        assert_int_equal(read.steps, sent->steps);
        assert_int_equal(read.level, sent->level);
        assert_int_equal(read.outcome, sent->outcome);
        assert_string_equal(read.text, sent->text ? sent->text : "");
        assert_int_equal(read.retry_after, sent->retry_after);
        assert_null(read.patch);
        report_free(&read);
    }
}

static void a_patch_is_carried_whole(void **state)
{
    cleanup_json struct json_object *patch =
        document_pack("{s:{s:s, s:n}}", "properties", "a", "b", "c");
    struct report report = {.type = REPORT_PATCH_CLUSTER, .patch = patch}, read;
    cleanup_free char *line = report_format(&report);
    struct error error;

    (void)state;
    assert_string_equal(
        line, "{\"type\":\"patchCluster\",\"patch\":{\"properties\":{\"a\":\"b\",\"c\":null}}}\n");
    expect_success(report_parse(line, strlen(line) - 1, &read, &error), &error);
    assert_true(document_equal(read.patch, patch));
    report_free(&read);
    report_free(&read); /* harmless */
}

static void texts_are_cut_so_that_their_line_fits(void **state)
{
    static char text[REPORT_LINE_MAXIMUM];
    struct report report = {.type = REPORT_RESULT, .outcome = OUTCOME_TERMINAL, .text = text}, read;
    struct error error;

    (void)state;
    memset(text, '"', sizeof(text) - 1);
    cleanup_free char *line = report_format(&report);
    assert_true(strlen(line) < REPORT_LINE_MAXIMUM);
    expect_success(report_parse(line, strlen(line) - 1, &read, &error), &error);
    assert_int_equal(strlen(read.text), STATUS_TEXT_SIZE - 1);
    report_free(&read);

    memset(text, '\x01', sizeof(text) - 1);
    cleanup_free char *cleaned = report_format(&report);
    expect_success(report_parse(cleaned, strlen(cleaned) - 1, &read, &error), &error);
    assert_int_equal(strspn(read.text, "?"), STATUS_TEXT_SIZE - 1);
    report_free(&read);
}

static void a_patch_too_large_for_a_line_is_not_written(void **state)
{
    static char text[REPORT_LINE_MAXIMUM];
    cleanup_json struct json_object *patch = NULL;
    struct report report = {.type = REPORT_PATCH_CLUSTER};

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    patch = document_pack("{s:s}", "a", text);
    report.patch = patch;
    assert_null(report_format(&report));
}

/* A line of the largest length, and one byte more. */
static void a_line_has_its_longest(void **state)
{
    static char text[REPORT_LINE_MAXIMUM];
    size_t frame = strlen("{\"type\":\"patchCluster\",\"patch\":{\"a\":\"\"}}\n");
    struct report report = {.type = REPORT_PATCH_CLUSTER};

    (void)state;
    for (size_t more = 0; more < 2; more++) {
        size_t length = REPORT_LINE_MAXIMUM - frame + more;

        memset(text, 'x', length);
        text[length] = '\0';
        cleanup_json struct json_object *patch = document_pack("{s:s}", "a", text);
        report.patch = patch;
        cleanup_free char *line = report_format(&report);
        if (more == 0)
            assert_int_equal(strlen(line), REPORT_LINE_MAXIMUM);
        else
            assert_null(line);
    }
}

static const struct {
    const char *line;
    const char *part;
} broken[] = {
    {"", "report: line 1"},
    {"x", "report: line 1"},
    {"[]", "report: document is not a JSON object"},
    {"{}", "report: member \"type\" must be a string"},
    {"{\"type\":7}", "member \"type\" must be a string"},
    {"{\"type\":\"exit\\n\"}", "unknown type \"exit\\x0a\""},
    {"{\"type\":\"step\",\"type\":\"step\"}", "duplicate member"},
    {"{\"type\":\"status\"}", "member \"text\" is missing"},
    {"{\"type\":\"status\",\"text\":null}", "member \"text\" must be a string"},
    {"{\"type\":\"status\",\"text\":1}", "member \"text\" must be a string"},
    {"{\"type\":\"status\",\"text\":\"\",\"more\":1}", "unexpected member"},
    {"{\"type\":\"status\",\"text\":\"\",\"level\":\"info\"}", "unexpected member"},
    {"{\"type\":\"step\",\"step\":1,\"steps\":3}", "member \"name\" is missing"},
    {"{\"type\":\"step\",\"steps\":3,\"name\":\"x\"}", "\"step\""},
    {"{\"type\":\"step\",\"step\":1,\"name\":\"x\"}", "\"steps\""},
    {"{\"type\":\"log\",\"text\":\"x\"}", "\"level\""},
    {"{\"type\":\"log\",\"level\":\"info\"}", "\"text\""},
    {"{\"type\":\"patchCluster\"}", "\"patch\""},
    {"{\"type\":\"forbidden\"}", "\"systemCall\""},
    {"{\"type\":\"step\",\"step\":0,\"steps\":3,\"name\":\"x\"}",
     "member \"step\" must be an integer from 1"},
    {"{\"type\":\"step\",\"step\":1.0,\"steps\":3,\"name\":\"x\"}",
     "member \"step\" must be an integer from 1"},
    {"{\"type\":\"step\",\"step\":1,\"steps\":1001,\"name\":\"x\"}",
     "member \"steps\" must be an integer from 1 to 1000"},
    {"{\"type\":\"step\",\"step\":4,\"steps\":3,\"name\":\"x\"}", "step 4 is after the last, 3"},
    {"{\"type\":\"log\",\"level\":\"debug\",\"text\":\"x\"}",
     "member \"level\" must be error, warning, notice or info"},
    {"{\"type\":\"log\",\"level\":6,\"text\":\"x\"}", "member \"level\" must be error"},
    {"{\"type\":\"patchCluster\",\"patch\":[]}", "member \"patch\" must be an object"},
    {"{\"type\":\"patchCluster\",\"patch\":null}", "member \"patch\" must be an object"},
    {"{\"type\":\"forbidden\",\"systemCall\":\"\"}",
     "member \"systemCall\" must be the name of a system call"},
    {"{\"type\":\"forbidden\",\"systemCall\":\"open at\"}", "must be the name of a system call"},
    {"{\"type\":\"forbidden\",\"systemCall\":\"a23456789012345678901234567890123\"}",
     "must be the name of a system call"},
    {"{\"type\":\"forbidden\",\"systemCall\":7}", "must be the name of a system call"},
    {"{\"type\":\"result\",\"outcome\":\"timeout\"}",
     "member \"outcome\" must be succeeded, transient or terminal"},
    {"{\"type\":\"result\",\"outcome\":0}", "member \"outcome\" must be"},
    {"{\"type\":\"result\",\"message\":\"\"}", "member \"outcome\" is missing"},
    {"{\"type\":\"result\",\"outcome\":\"transient\",\"retryAfter\":0}",
     "member \"retryAfter\" must be an integer from 1 to 3600"},
    {"{\"type\":\"result\",\"outcome\":\"transient\",\"retryAfter\":3601}",
     "member \"retryAfter\" must be an integer from 1 to 3600"},
    {"{\"type\":\"result\",\"outcome\":\"transient\",\"retryAfter\":\"1\"}",
     "member \"retryAfter\" must be an integer from 1 to 3600"},
    {"{\"type\":\"result\",\"outcome\":\"succeeded\",\"message\":{}}",
     "member \"message\" must be a string"},
};

static void what_breaks_the_rules_is_refused_by_name(void **state)
{
    struct report report;
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        expect_failure(report_parse(broken[i].line, strlen(broken[i].line), &report, &error),
                       &error, ERROR_INVALID, broken[i].part);
    static char line[REPORT_LINE_MAXIMUM];
    expect_failure(report_parse(line, sizeof(line), &report, &error), &error, ERROR_TOO_LARGE,
                   "report of 65536 bytes is too long");
}

static void what_is_at_its_bound_is_taken(void **state)
{
    static const char *const lines[] = {
        "{\"type\":\"step\",\"step\":1,\"steps\":1,\"name\":\"\"}",
        "{\"type\":\"step\",\"step\":1000,\"steps\":1000,\"name\":\"\"}",
        "{\"type\":\"forbidden\",\"systemCall\":\"a2345678901234567890123456789012\"}",
        "{\"type\":\"result\",\"outcome\":\"transient\",\"retryAfter\":1}",
        "{\"type\":\"result\",\"outcome\":\"transient\",\"retryAfter\":3600}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct report report;
        struct error error;

        expect_success(report_parse(lines[i], strlen(lines[i]), &report, &error), &error);
        report_free(&report);
    }
}

/* Streams */

struct heard {
    char types[32];
    int count;
};

static void hear(const struct report *report, void *context)
{
    struct heard *heard = context;

    if (heard->count < (int)sizeof(heard->types) - 1)
        heard->types[heard->count] = (char)('0' + (int)report->type);
    heard->count++;
}

static const char stream[] = "{\"type\":\"step\",\"step\":1,\"steps\":1,\"name\":\"x\"}\n"
                             "{\"type\":\"status\",\"text\":\"x\"}\n"
                             "{\"type\":\"result\",\"outcome\":\"succeeded\"}\n";

static void a_stream_may_come_in_any_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= sizeof(stream) - 1; piece++) {
        struct report_reader reader;
        struct heard heard = {.count = 0};

        report_reader_initialize(&reader);
        for (size_t at = 0; at < sizeof(stream) - 1; at += piece) {
            size_t rest = sizeof(stream) - 1 - at;

            assert_false(reader.has_result);
            assert_true(report_reader_feed(&reader, stream + at, rest < piece ? rest : piece, hear,
                                           &heard));
        }
        assert_true(report_reader_finish(&reader));
        assert_true(reader.has_result);
        assert_string_equal(heard.types, "015");
        report_reader_free(&reader);
    }
}

/* Feeds one text; the problem it must end in, and how many reports were handed on before it. */
static void expect_problem(const char *text, int reports, const char *part)
{
    for (size_t piece = 1; piece < 100; piece += 13) {
        struct report_reader reader;
        struct heard heard = {.count = 0};
        bool sound = true;

        report_reader_initialize(&reader);
        for (size_t at = 0; at < strlen(text); at += piece) {
            size_t rest = strlen(text) - at;

            sound =
                report_reader_feed(&reader, text + at, rest < piece ? rest : piece, hear, &heard);
        }
        assert_int_equal(sound, reader.problem.kind == ERROR_NONE);
        assert_false(report_reader_finish(&reader));
        assert_non_null(strstr(reader.problem.message, part));
        assert_int_equal(heard.count, reports);
        report_reader_free(&reader);
    }
}

static void a_bad_line_ends_the_trust_for_good(void **state)
{
    (void)state;
    expect_problem(
        "{\"type\":\"status\",\"text\":\"x\"}\nnonsense\n{\"type\":\"status\",\"text\":\"y\"}\n", 1,
        "report: line 1");
    expect_problem("\n", 0, "report: line 1");
    expect_problem(
        "{\"type\":\"result\",\"outcome\":\"succeeded\"}\n{\"type\":\"status\",\"text\":\"y\"}\n",
        1, "data after the result");
    expect_problem("{\"type\":\"result\",\"outcome\":\"succeeded\"}\n\n", 1,
                   "data after the result");
    expect_problem("{\"type\":\"status\",\"text\":\"x\"}", 0, "the last line is not finished");
    expect_problem("{", 0, "the last line is not finished");
}

static void a_line_without_end_is_cut_off_early(void **state)
{
    static char text[REPORT_LINE_MAXIMUM + 10];
    struct report_reader reader;
    struct heard heard = {.count = 0};

    (void)state;
    memset(text, ' ', sizeof(text));
    report_reader_initialize(&reader);
    assert_true(report_reader_feed(&reader, text, REPORT_LINE_MAXIMUM - 1, hear, &heard));
    assert_false(report_reader_feed(&reader, text, 1, hear, &heard));
    assert_int_equal(reader.problem.kind, ERROR_TOO_LARGE);
    assert_non_null(strstr(reader.problem.message, "a line is longer than 65536 bytes"));
    assert_true(reader.capacity <= REPORT_LINE_MAXIMUM);
    report_reader_free(&reader);
}

static void an_attempt_may_not_report_without_end(void **state)
{
    static const char line[] =
        "{\"type\":\"status\",\"text\":\"012345678901234567890123456789012345\"}\n"; /* 64 bytes */
    const int allowed = REPORT_TOTAL_MAXIMUM / 64;
    struct report_reader reader;
    struct heard heard = {.count = 0};

    (void)state;
    assert_int_equal(strlen(line), 64);
    report_reader_initialize(&reader);
    for (int i = 0; i < allowed; i++)
        assert_true(report_reader_feed(&reader, line, 64, hear, &heard));
    assert_int_equal(heard.count, allowed);
    assert_false(report_reader_feed(&reader, line, 64, hear, &heard));
    assert_int_equal(heard.count, allowed);
    assert_int_equal(reader.problem.kind, ERROR_TOO_LARGE);
    assert_non_null(strstr(reader.problem.message, "reports of more than 1048576 bytes"));
    assert_false(report_reader_finish(&reader));
    report_reader_free(&reader);

    report_reader_initialize(&reader); /* an unfinished line counts as well */
    for (int i = 1; i < allowed; i++)
        assert_true(report_reader_feed(&reader, line, 64, hear, &heard));
    assert_true(report_reader_feed(&reader, line, 10, hear, &heard));
    assert_false(report_reader_feed(&reader, line, 63, hear, &heard));
    assert_int_equal(reader.problem.kind, ERROR_TOO_LARGE);
    report_reader_free(&reader);
}

static void random_streams_never_do_harm(void **state)
{
    unsigned seed = (unsigned)getpid();

    (void)state;
    for (int round = 0; round < 3000; round++) {
        char text[sizeof(stream)];
        struct report_reader reader;
        struct heard heard = {.count = 0};

        memcpy(text, stream, sizeof(stream));
        for (int i = rand_r(&seed) % 4; i > 0; i--)
            text[(size_t)rand_r(&seed) % (sizeof(stream) - 1)] = (char)rand_r(&seed);
        report_reader_initialize(&reader);
        report_reader_feed(&reader, text, sizeof(stream) - 1, hear, &heard);
        bool sound = report_reader_finish(&reader);
        if (sound != (reader.problem.kind == ERROR_NONE) || heard.count > 3)
            fail_msg("pid %d as seed, round %d", (int)getpid(), round);
        report_reader_free(&reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_written_and_read_back),
        cmocka_unit_test(a_patch_is_carried_whole),
        cmocka_unit_test(texts_are_cut_so_that_their_line_fits),
        cmocka_unit_test(a_patch_too_large_for_a_line_is_not_written),
        cmocka_unit_test(a_line_has_its_longest),
        cmocka_unit_test(what_breaks_the_rules_is_refused_by_name),
        cmocka_unit_test(what_is_at_its_bound_is_taken),
        cmocka_unit_test(a_stream_may_come_in_any_pieces),
        cmocka_unit_test(a_bad_line_ends_the_trust_for_good),
        cmocka_unit_test(a_line_without_end_is_cut_off_early),
        cmocka_unit_test(an_attempt_may_not_report_without_end),
        cmocka_unit_test(random_streams_never_do_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
