/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics_helper.c - the helper's loop between a supervisor and a statsd agent, both played by
 * the test. helper_run() returns when the supervisor's end is closed, so messages are queued first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "metrics/helper.h"
#include "mimo/log.h"

struct scene {
    char folder[64];
    char path[96];
    char address[112];
    int supervisor;
    int agent;
    struct helper helper;
};

static int start_agent(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int set_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    struct error error;
    int ends[2];
    assert_non_null(scene);
    strcpy(scene->folder, "/tmp/mimo-test-helper-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof(scene->path), "%s/agent", scene->folder);
    snprintf(scene->address, sizeof(scene->address), "unix:%s", scene->path);
    scene->agent = start_agent(scene->path);

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    scene->supervisor = ends[0];
    scene->helper = (struct helper){
        .channel = ends[1],
        .interval = 60000,
        .labels = {.format = STATSD_FORMAT_PLAIN, .prefix = ""},
    };
    assert_int_equal(statsd_open(&scene->helper.statsd, scene->address, 60000, &error), 0);
    *state = scene;
    return 0;
}

static int clear_scene(void **state)
{
    struct scene *scene = *state;
    statsd_close(&scene->helper.statsd);
    page_close(scene->helper.page);
    close(scene->helper.channel);
    if (scene->supervisor >= 0)
        close(scene->supervisor);
    close(scene->agent);
    unlink(scene->path);
    rmdir(scene->folder);
    free(scene);
    return 0;
}

static void tell(struct scene *scene, const struct metrics_message *message)
{
    struct error error;
    assert_int_equal(metrics_channel_send(scene->supervisor, message, &error), 0);
}

static void end_of_supervisor(struct scene *scene)
{
    close(scene->supervisor);
    scene->supervisor = -1;
}

static void expect_lines(struct scene *scene, const char *const *lines, size_t count)
{
    char buffer[512];
    for (size_t i = 0; i < count; i++) {
        ssize_t length = recv(scene->agent, buffer, sizeof(buffer) - 1, MSG_DONTWAIT);
        assert_true(length >= 0);
        buffer[length] = '\0';
        assert_string_equal(buffer, lines[i]);
    }
    assert_int_equal(recv(scene->agent, buffer, sizeof(buffer), MSG_DONTWAIT), -1);
}

static void only_marked_metrics_are_sent_and_counters_as_increments(void **state)
{
    struct scene *scene = *state;
    struct error error;
    struct metrics_message message = {.version = METRICS_CHANNEL_VERSION};

    message.values[METRIC_WORKERS_ACTIVE] = 2;
    message.values[METRIC_ATTEMPTS_STARTED] = 2;
    message.emit = 1u << METRIC_WORKERS_ACTIVE;
    tell(scene, &message);

    message.values[METRIC_HEARTBEAT] = 1;
    message.values[METRIC_QUEUE_LENGTH] = 40;
    message.emit = 1u << METRIC_HEARTBEAT | 1u << METRIC_QUEUE_LENGTH;
    tell(scene, &message);

    message.values[METRIC_HEARTBEAT] = 2;
    message.values[METRIC_QUEUE_LENGTH] = 0;
    tell(scene, &message);

    message.values[METRIC_ATTEMPTS_STARTED] = 5;
    message.emit = 1u << METRIC_HEARTBEAT | 1u << METRIC_ATTEMPTS_STARTED;
    tell(scene, &message); /* no heartbeat was counted since, so none is sent */

    message.emit = 0;
    tell(scene, &message);
    end_of_supervisor(scene);

    assert_int_equal(helper_run(&scene->helper, &error), 0);
    static const char *const expected[] = {
        "mimo.actuator.workers.active.count:2|g",          "actuator.heartbeat:1|c",
        "database.maintenancemanifests.queue.length:40|g", "actuator.heartbeat:1|c",
        "database.maintenancemanifests.queue.length:0|g",  "mimo.actuator.attempts.started:3|c",
    };
    expect_lines(scene, expected, sizeof(expected) / sizeof(expected[0]));
}

/* A helper that is started again must not count what the one before it has sent. */
static void a_helper_that_comes_late_counts_from_its_first_message(void **state)
{
    struct scene *scene = *state;
    struct error error;
    struct metrics_message message = {.version = METRICS_CHANNEL_VERSION,
                                      .emit = 1u << METRIC_HEARTBEAT};
    message.values[METRIC_HEARTBEAT] = 500;
    tell(scene, &message);
    message.values[METRIC_HEARTBEAT] = 501;
    tell(scene, &message);
    end_of_supervisor(scene);

    assert_int_equal(helper_run(&scene->helper, &error), 0);
    static const char *const expected[] = {"actuator.heartbeat:1|c", "actuator.heartbeat:1|c"};
    expect_lines(scene, expected, sizeof(expected) / sizeof(expected[0]));
}

static void heartbeat_of_type_gauge_is_always_1(void **state)
{
    struct scene *scene = *state;
    struct error error;
    struct metrics_message message = {.version = METRICS_CHANNEL_VERSION,
                                      .emit = 1u << METRIC_HEARTBEAT};
    scene->helper.labels.heartbeat_is_gauge = true;
    message.values[METRIC_HEARTBEAT] = 3;
    tell(scene, &message);
    tell(scene, &message); /* no heartbeat since */
    message.values[METRIC_HEARTBEAT] = 5;
    tell(scene, &message);
    end_of_supervisor(scene);

    assert_int_equal(helper_run(&scene->helper, &error), 0);
    static const char *const expected[] = {"actuator.heartbeat:1|g", "actuator.heartbeat:1|g"};
    expect_lines(scene, expected, 2);
}

static void end_of_the_channel_ends_the_helper_well(void **state)
{
    struct scene *scene = *state;
    struct error error;
    end_of_supervisor(scene);
    assert_int_equal(helper_run(&scene->helper, &error), 0);
    assert_false(scene->helper.heard);
}

static void packet_of_another_version_ends_the_helper(void **state)
{
    struct scene *scene = *state;
    struct error error;
    struct metrics_message message = {.version = METRICS_CHANNEL_VERSION + 1};
    assert_int_equal(send(scene->supervisor, &message, sizeof(message), 0), sizeof(message));
    assert_int_equal(helper_run(&scene->helper, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
}

static void packet_of_another_size_ends_the_helper(void **state)
{
    struct scene *scene = *state;
    struct error error;
    char packet[sizeof(struct metrics_message) + 8] = {METRICS_CHANNEL_VERSION};
    assert_int_equal(send(scene->supervisor, packet, sizeof(packet), 0), sizeof(packet));
    assert_int_equal(helper_run(&scene->helper, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
}

static void metric_that_does_not_exist_ends_the_helper(void **state)
{
    struct scene *scene = *state;
    struct error error;
    struct metrics_message message = {.version = METRICS_CHANNEL_VERSION,
                                      .emit = 1u << METRIC_COUNT};
    assert_int_equal(send(scene->supervisor, &message, sizeof(message), 0), sizeof(message));
    assert_int_equal(helper_run(&scene->helper, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
}

/* Standard error into a file while helper_run() runs; what came into it. The caller frees. */
static char *log_of_run(struct scene *scene)
{
    struct error error;
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    assert_non_null(file);
    assert_true(saved >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    int result = helper_run(&scene->helper, &error);
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(result, 0);

    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)length + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)length, file), length);
    fclose(file);
    return text;
}

static int occurrences(const char *text, const char *needle)
{
    int count = 0;
    for (; (text = strstr(text, needle)); text++)
        count++;
    return count;
}

static void trouble_with_the_agent_is_logged_once_and_its_end_once(void **state)
{
    struct scene *scene = *state;
    struct metrics_message message = {.version = METRICS_CHANNEL_VERSION,
                                      .emit = 1u << METRIC_QUEUE_LENGTH};
    log_open("test", LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);

    char hidden[128];
    snprintf(hidden, sizeof(hidden), "%s.hidden", scene->path);
    assert_int_equal(rename(scene->path, hidden), 0);
    for (int i = 0; i < 3; i++)
        tell(scene, &message);
    end_of_supervisor(scene);
    char *log = log_of_run(scene);
    assert_int_equal(occurrences(log, "warning"), 1);
    assert_int_equal(occurrences(log, scene->path), 2); /* one line names it twice */
    assert_int_equal(scene->helper.statsd.dropped, 3);
    free(log);

    /* The agent is back; the same helper gets another supervisor's end to go on with. */
    int ends[2];
    assert_int_equal(rename(hidden, scene->path), 0);
    close(scene->helper.channel);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    scene->supervisor = ends[0];
    scene->helper.channel = ends[1];
    tell(scene, &message);
    tell(scene, &message);
    end_of_supervisor(scene);
    log = log_of_run(scene);
    assert_int_equal(occurrences(log, "accepts metrics again; lines dropped meanwhile: 3"), 1);
    assert_int_equal(occurrences(log, "\n"), 1);
    free(log);
}

static void figures_of_the_page_are_the_latest_message(void **state)
{
    struct scene *scene = *state;
    struct error error;
    struct page_figures figures;
    struct metrics_message message = {.version = METRICS_CHANNEL_VERSION};
    message.values[METRIC_BUCKETS_OWNED] = 86;
    message.values[METRIC_READY] = 1;
    tell(scene, &message);
    end_of_supervisor(scene);
    assert_int_equal(helper_run(&scene->helper, &error), 0);

    helper_figures(&scene->helper, &figures);
    assert_true(figures.heard);
    assert_int_equal(figures.values[METRIC_BUCKETS_OWNED], 86);
    assert_int_equal(figures.stale_after_milliseconds, 180000);
    assert_true(figures.silence_milliseconds < 60000);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_scene, clear_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(only_marked_metrics_are_sent_and_counters_as_increments),
        SCENE_TEST(a_helper_that_comes_late_counts_from_its_first_message),
        SCENE_TEST(heartbeat_of_type_gauge_is_always_1),
        SCENE_TEST(end_of_the_channel_ends_the_helper_well),
        SCENE_TEST(packet_of_another_version_ends_the_helper),
        SCENE_TEST(packet_of_another_size_ends_the_helper),
        SCENE_TEST(metric_that_does_not_exist_ends_the_helper),
        SCENE_TEST(trouble_with_the_agent_is_logged_once_and_its_end_once),
        SCENE_TEST(figures_of_the_page_are_the_latest_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
