/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics_page.c - the Prometheus page: its text, its HTTP, and that docs/metrics.md tells the
 * same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/page.h"
#include "mimo/clock.h"
#include "mimo/io.h"

static struct page_figures figures_of_a_busy_actuator(void)
{
    struct page_figures figures = {
        .heard = true,
        .silence_milliseconds = 4999,
        .stale_after_milliseconds = 180000,
        .statsd_sent = 12,
        .statsd_dropped = 3,
        .statsd_lookup_failures = 2,
    };
    figures.values[METRIC_HEARTBEAT] = 7;
    figures.values[METRIC_QUEUE_LENGTH] = 512;
    figures.values[METRIC_WORKERS_ACTIVE] = 10;
    figures.values[METRIC_READY] = 1;
    return figures;
}

static void page_has_help_type_and_value_of_each_metric(void **state)
{
    (void)state;
    struct page_figures figures = figures_of_a_busy_actuator();
    size_t length;
    char *text = page_text_metrics(&figures, &length);
    assert_non_null(text);
    assert_int_equal(length, strlen(text));

    static const char *const expected[] = {
        "# HELP actuator_heartbeat_total heartbeats sent; one per interval while the actuator "
        "is ready\n# TYPE actuator_heartbeat_total counter\nactuator_heartbeat_total 7\n",
        "# TYPE database_maintenancemanifests_queue_length gauge\n"
        "database_maintenancemanifests_queue_length 512\n",
        "\nmimo_actuator_workers_active 10\n",
        "\nmimo_actuator_ready 1\n",
        "\nmimo_metrics_statsd_lines_sent_total 12\n",
        "\nmimo_metrics_statsd_lines_dropped_total 3\n",
        "\nmimo_metrics_statsd_lookups_failed_total 2\n",
        "\nmimo_metrics_supervisor_silence_seconds 4\n",
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        if (!strstr(text, expected[i]))
            fail_msg("missing on the page:\n%s\npage:\n%s", expected[i], text);

    int lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 3 * (METRIC_COUNT + HELPER_METRIC_COUNT));
    free(text);
}

static void nothing_is_invented_before_the_supervisor_spoke(void **state)
{
    (void)state;
    struct page_figures figures = {.heard = false};
    size_t length;
    char *text = page_text_metrics(&figures, &length);
    assert_non_null(text);
    assert_null(strstr(text, "actuator_heartbeat"));
    assert_non_null(strstr(text, "mimo_metrics_statsd_lines_sent_total 0\n"));
    free(text);
}

static void health_needs_a_ready_supervisor_that_was_heard_of_lately(void **state)
{
    (void)state;
    char text[PAGE_HEALTH_SIZE];
    struct page_figures figures = figures_of_a_busy_actuator();
    assert_true(page_text_health(&figures, text));
    assert_string_equal(text, "ready\n");

    figures.silence_milliseconds = 180000;
    assert_true(page_text_health(&figures, text));
    figures.silence_milliseconds = 180001;
    assert_false(page_text_health(&figures, text));
    assert_non_null(strstr(text, "silent"));

    figures = figures_of_a_busy_actuator();
    figures.values[METRIC_READY] = 0;
    strcpy(figures.not_ready, "the store does not work: disk is full");
    assert_false(page_text_health(&figures, text));
    assert_string_equal(text, "not ready: the store does not work: disk is full\n");

    figures.heard = false;
    assert_false(page_text_health(&figures, text));
    assert_non_null(strstr(text, "not reported yet"));
}

/* The page under test and what it is to show. */
struct served {
    struct page *page;
    struct page_figures figures;
};

static void give_figures(void *context, struct page_figures *ret_figures)
{
    *ret_figures = ((struct served *)context)->figures;
}

static int serve(void **state)
{
    struct served *served = calloc(1, sizeof(*served));
    struct error error;
    assert_non_null(served);
    served->figures = figures_of_a_busy_actuator();
    assert_int_equal(page_open("127.0.0.1:0", give_figures, served, &served->page, &error), 0);
    *state = served;
    return 0;
}

static int stop_serving(void **state)
{
    struct served *served = *state;
    page_close(served->page);
    free(served);
    return 0;
}

/* Runs the page's loop until the client has the whole answer (the server closes), at most 10 s. */
static void ask(struct served *served, const char *request, char *answer, size_t size)
{
    const struct address *address = page_address(served->page);
    int client = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(client >= 0);
    assert_int_equal(connect(client, (const struct sockaddr *)&address->socket, address->length),
                     0);
    assert_int_equal(send(client, request, strlen(request), MSG_NOSIGNAL), strlen(request));

    struct monotonic start = clock_monotonic();
    size_t used = 0;
    for (bool open = true; open;) {
        assert_true(clock_elapsed(start) < 10000);
        struct pollfd watched[] = {{.fd = client, .events = POLLIN},
                                   {.fd = page_descriptor(served->page), .events = POLLIN}};
        poll(watched, 2, 100);
        page_run(served->page);
        ssize_t length = recv(client, answer + used, size - 1 - used, MSG_DONTWAIT);
        open = length != 0;
        used += length > 0 ? (size_t)length : 0;
    }
    answer[used] = '\0';
    close(client);
}

static void expect_answer(struct served *served, const char *method_and_path, const char *status,
                          const char *content)
{
    char request[256];
    char answer[16384];
    snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             method_and_path);
    ask(served, request, answer, sizeof(answer));
    if (strncmp(answer, status, strlen(status)) != 0 || !strstr(answer, content))
        fail_msg("%s: expected \"%s\" and \"%s\" in:\n%s", method_and_path, status, content,
                 answer);
}

static void http_answers_the_two_paths_and_nothing_else(void **state)
{
    struct served *served = *state;
    expect_answer(served, "GET /metrics", "HTTP/1.1 200",
                  "Content-Type: text/plain; version=0.0.4; charset=utf-8");
    expect_answer(served, "GET /metrics", "HTTP/1.1 200", "\nactuator_heartbeat_total 7\n");
    expect_answer(served, "GET /healthz", "HTTP/1.1 200", "\r\n\r\nready\n");
    expect_answer(served, "GET /", "HTTP/1.1 404", "/metrics and /healthz");
    expect_answer(served, "GET /metrics/", "HTTP/1.1 404", "/metrics and /healthz");
    expect_answer(served, "POST /metrics", "HTTP/1.1 405", "Allow: GET, HEAD");
    expect_answer(served, "DELETE /healthz", "HTTP/1.1 405", "Allow: GET, HEAD");

    served->figures.values[METRIC_READY] = 0;
    expect_answer(served, "GET /healthz", "HTTP/1.1 503", "not ready");
}

static void head_has_no_body(void **state)
{
    struct served *served = *state;
    char answer[16384];
    ask(served, "HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer,
        sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void port_in_use_is_refused_with_a_way_out(void **state)
{
    struct served *served = *state;
    char taken[ADDRESS_TEXT_SIZE];
    struct page *page;
    struct error error;
    address_format(page_address(served->page), taken);
    assert_int_equal(page_open(taken, give_figures, served, &page, &error), -1);
    assert_non_null(strstr(error.message, taken));
    assert_non_null(strstr(error.message, "Address already in use"));
    assert_non_null(strstr(error.message, "choose another port"));
}

static void loopback_addresses_are_told_from_others(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool loopback;
    } cases[] = {{"127.0.0.1:1", true}, {"127.8.8.8:1", true}, {"[::1]:1", true},
                 {"0.0.0.0:1", false},  {"[::]:1", false},     {"192.0.2.1:1", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address;
        struct error error;
        char text[ADDRESS_TEXT_SIZE];
        assert_int_equal(address_resolve(cases[i].text, &address, &error), 0);
        assert_int_equal(address_is_loopback(&address), cases[i].loopback);
        assert_string_equal(address_format(&address, text), cases[i].text);
    }
}

/* The table row of docs/metrics.md for a metric. */
static void expect_documented(const char *document, const struct metric_description *metric)
{
    char row[512];
    snprintf(row, sizeof(row), "| `%s` | %s | %s |", metric->name,
             metric->kind == METRIC_KIND_COUNTER ? "counter" : "gauge", metric->help);
    if (!strstr(document, row))
        fail_msg("docs/metrics.md has no row\n%s", row);
}

static void manual_has_a_row_for_each_metric_and_no_other(void **state)
{
    (void)state;
    char path[1024];
    char *document;
    struct error error;
    const char *source = getenv("MIMO_SOURCE");
    snprintf(path, sizeof(path), "%s/docs/metrics.md", source ? source : ".");
    if (io_read_file(path, 1 << 20, &document, NULL, &error) < 0)
        fail_msg("%s", error.message);

    for (int i = 0; i < METRIC_COUNT; i++)
        expect_documented(document, &metric_descriptions[i]);
    for (int i = 0; i < HELPER_METRIC_COUNT; i++)
        expect_documented(document, &helper_metric_descriptions[i]);

    int rows = 0;
    for (const char *row = document; (row = strstr(row, "\n| `")); row++)
        rows++;
    assert_int_equal(rows, METRIC_COUNT + HELPER_METRIC_COUNT);
    free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_has_help_type_and_value_of_each_metric),
        cmocka_unit_test(nothing_is_invented_before_the_supervisor_spoke),
        cmocka_unit_test(health_needs_a_ready_supervisor_that_was_heard_of_lately),
        cmocka_unit_test_setup_teardown(http_answers_the_two_paths_and_nothing_else, serve,
                                        stop_serving),
        cmocka_unit_test_setup_teardown(head_has_no_body, serve, stop_serving),
        cmocka_unit_test_setup_teardown(port_in_use_is_refused_with_a_way_out, serve, stop_serving),
        cmocka_unit_test(loopback_addresses_are_told_from_others),
        cmocka_unit_test(manual_has_a_row_for_each_metric_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
