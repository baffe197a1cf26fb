/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c - one event is one line, whatever is in it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <sys/stat.h>

#include "expect.h"
#include "mimo/log.h"

/* Standard error goes into a pipe while a test runs. */
static struct {
    int saved;
    int read;
} capture;

static int begin_capture(void **state)
{
    int ends[2];

    (void)state;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[0], F_SETPIPE_SZ, 1024 * 1024);
    capture.saved = dup(STDERR_FILENO);
    capture.read = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    return 0;
}

static int end_capture(void **state)
{
    (void)state;
    dup2(capture.saved, STDERR_FILENO);
    close(capture.saved);
    close(capture.read);
    unsetenv("JOURNAL_STREAM");
    return 0;
}

/* What was written since the last call. */
static const char *captured(void)
{
    static char text[512 * 1024];
    size_t length = 0;
    ssize_t count;

    while ((count = read(capture.read, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)count;
    text[length] = '\0';
    return text;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    bool result;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    result = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return result;
}

static void a_text_line_has_time_program_pid_and_level(void **state)
{
    char pattern[256];

    (void)state;
    log_open("mimod", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_info("claimed %s", "m1");
    snprintf(
        pattern, sizeof(pattern),
        "^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z mimod\\[%d\\] info: "
        "claimed m1\n$",
        (int)getpid());
    assert_true(matches(captured(), pattern));
}

static void the_journal_gets_priorities_and_nothing_else(void **state)
{
    (void)state;
    log_open("mimod", LOG_LEVEL_DEBUG, LOG_FORMAT_JOURNAL);
    log_error("a");
    log_warning("b");
    log_notice("c");
    log_info("d");
    log_debug("e");
    assert_string_equal(captured(), "<3>a\n<4>b\n<5>c\n<6>d\n<7>e\n");
}

static void what_is_less_grave_than_the_level_is_left_out(void **state)
{
    (void)state;
    log_open("mimod", LOG_LEVEL_WARNING, LOG_FORMAT_JOURNAL);
    log_notice("c");
    log_info("d");
    log_debug("e");
    assert_string_equal(captured(), "");
    log_warning("b");
    assert_string_equal(captured(), "<4>b\n");
}

static void automatic_means_the_journal_only_where_it_is_our_standard_error(void **state)
{
    struct stat status;
    char stream[64];

    (void)state;
    assert_int_equal(fstat(STDERR_FILENO, &status), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("mimod", LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
    log_info("a");
    assert_string_equal(captured(), "<6>a\n");

    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("mimod", LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
    log_info("a");
    assert_true(matches(captured(), "^20.* info: a\n$"));

    setenv("JOURNAL_STREAM", "nonsense", 1);
    log_open("mimod", LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
    log_info("a");
    assert_true(matches(captured(), "^20.* info: a\n$"));
}

static void no_input_forges_a_line(void **state)
{
    (void)state;
    log_open("mimod", LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
    log_info("name %s", "x\n<0>forged\r\x1b[2J\x7f\xff\xc2\x85 gr\u00fc\u00df");
    assert_string_equal(
        captured(), "<6>name x\\x0a<0>forged\\x0d\\x1b[2J\\x7f\\xff\\xc2\\x85 gr\u00fc\u00df\n");
}

static void a_long_line_is_cut_and_ends_in_dots(void **state)
{
    char text[3 * LOG_LINE_SIZE];
    const char *line;

    (void)state;
    log_open("mimod", LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_info("%s", text);
    line = captured();
    assert_true(strlen(line) <= LOG_LINE_SIZE);
    assert_true(strlen(line) > LOG_LINE_SIZE - 16);
    assert_string_equal(line + strlen(line) - 5, "x...\n");

    memset(text, '\n', LOG_LINE_SIZE / 2);
    text[LOG_LINE_SIZE / 2] = '\0';
    log_info("%s", text);
    line = captured();
    assert_true(strlen(line) <= LOG_LINE_SIZE);
    assert_string_equal(line + strlen(line) - 8, "\\x0a...\n");
}

static void errno_is_untouched(void **state)
{
    (void)state;
    log_open("mimod", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    close(STDERR_FILENO);
    errno = ENOSPC;
    log_info("nobody reads this");
    assert_int_equal(errno, ENOSPC);
}

static int child_logs(void *context)
{
    log_refresh_pid();
    log_info("child");
    (void)context;
    return 0;
}

static int child_logs_without_refresh(void *context)
{
    log_info("child");
    (void)context;
    return 0;
}

static void a_child_shows_its_own_pid_when_it_asked_for_it(void **state)
{
    char parent[32];

    (void)state;
    snprintf(parent, sizeof(parent), "mimod[%d]", (int)getpid());
    log_open("mimod", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    expect_child_succeeds(child_logs_without_refresh, NULL);
    assert_non_null(strstr(captured(), parent));
    expect_child_succeeds(child_logs, NULL);
    assert_null(strstr(captured(), parent));
}

enum { THREADS = 4, LINES = 200 };

static void *write_lines(void *argument)
{
    for (int i = 0; i < LINES; i++)
        log_info("%s", (const char *)argument);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    static char texts[THREADS][100];
    pthread_t threads[THREADS];
    size_t count = 0;
    char *copy, *line, *rest;

    (void)state;
    log_open("mimod", LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
    for (int i = 0; i < THREADS; i++) {
        memset(texts[i], 'a' + i, sizeof(texts[i]) - 1);
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, texts[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    copy = rest = strdup(captured());
    while ((line = strsep(&rest, "\n")) && *line) {
        assert_int_equal(strlen(line), 3 + sizeof(texts[0]) - 1);
        assert_string_equal(line + 3, texts[line[3] - 'a']);
        count++;
    }
    assert_int_equal(count, THREADS * LINES);
    free(copy);
}

static void escaped_text_fits_its_buffer(void **state)
{
    char buffer[8];

    (void)state;
    assert_ptr_equal(log_escape(buffer, sizeof(buffer), "ab\ncd"), buffer);
    assert_string_equal(buffer, "ab\\x0ac");
    assert_string_equal(log_escape(buffer, sizeof(buffer), "abcd\n"), "abcd");
    assert_string_equal(log_escape(buffer, sizeof(buffer), "\u202ea"), "\\u202ea");
    assert_string_equal(log_escape(buffer, sizeof(buffer), "\xc2\x85"), "\\xc2");
    assert_string_equal(log_escape(buffer, 1, "abcd"), "");
}

#define CAPTURING(test) cmocka_unit_test_setup_teardown(test, begin_capture, end_capture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURING(a_text_line_has_time_program_pid_and_level),
        CAPTURING(the_journal_gets_priorities_and_nothing_else),
        CAPTURING(what_is_less_grave_than_the_level_is_left_out),
        CAPTURING(automatic_means_the_journal_only_where_it_is_our_standard_error),
        CAPTURING(no_input_forges_a_line),
        CAPTURING(a_long_line_is_cut_and_ends_in_dots),
        CAPTURING(errno_is_untouched),
        CAPTURING(a_child_shows_its_own_pid_when_it_asked_for_it),
        CAPTURING(lines_of_threads_do_not_mix),
        cmocka_unit_test(escaped_text_fits_its_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
