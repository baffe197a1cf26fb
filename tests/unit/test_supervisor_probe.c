/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_probe.c - does any cluster of ours answer? Asked of servers of the test. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mimo/bucket.h"
#include "mimo/cleanup.h"
#include "supervisor/probe.h"
#include "supervisor_store.h"

enum { PATIENCE = 60 };

static struct test_store *store;
static uv_loop_t loop;
static struct probe probe;
static struct bucket_range buckets;
static int failing_runs, runs;

int __real_store_run(struct store *handle, struct store_operation *operations, size_t count,
                     struct error *error);
int __wrap_store_run(struct store *handle, struct store_operation *operations, size_t count,
                     struct error *error);

int __wrap_store_run(struct store *handle, struct store_operation *operations, size_t count,
                     struct error *error)
{
    runs++;
    if (failing_runs > 0) {
        failing_runs--;
        return error_set(error, ERROR_UNAVAILABLE, "the disk is full");
    }
    return __real_store_run(handle, operations, count, error);
}

static int set_up(void **state)
{
    if (test_store_setup(state) < 0)
        return -1;
    alarm(PATIENCE);
    store = *state;
    failing_runs = 0;
    buckets = (struct bucket_range){0, BUCKET_COUNT - 1};
    uv_loop_init(&loop);
    return 0;
}

static int tear_down(void **state)
{
    alarm(0);
    probe_close(&probe);
    uv_run(&loop, UV_RUN_DEFAULT);
    probe_free(&probe);
    assert_int_equal(uv_loop_close(&loop), 0);
    return test_store_teardown(state);
}

static void add_cluster(int number, const char *url)
{
    struct error error;
    struct cluster cluster;
    cleanup_json struct json_object *properties = document_pack(
        "{s:s, s:{s:s}}", "provisioningState", "Succeeded", "apiserverProfile", "url", url);
    if (cluster_create(&cluster, test_cluster_id(number), properties, NULL, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(test_run(store, store_create(STORE_CLUSTERS, cluster_document(&cluster))),
                     STORE_DONE);
    cluster_free(&cluster);
}

/* A port of this machine; listens on it if asked to, else nobody does. */
static int open_port(bool listening, uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    if (listening)
        assert_int_equal(listen(fd, 8), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void run_a_round(void)
{
    struct error error;
    assert_int_equal(probe_open(&probe, &loop, store->store, &buckets, &error), 0);
    runs = 0;
    while (!runs || probe.running)
        uv_run(&loop, UV_RUN_ONCE);
}

static void no_cluster_of_ours_is_well(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(probe_open(&probe, &loop, store->store, &buckets, &error), 0);
    assert_false(probe_is_satisfied(&probe)); /* it does not know yet */
    while (!probe_is_satisfied(&probe))
        uv_run(&loop, UV_RUN_ONCE);
    assert_true(probe.owns_none);
    assert_false(probe.answered);
}

static void a_cluster_that_answers_is_well_for_five_minutes(void **state)
{
    (void)state;
    uint16_t port;
    char url[64];
    cleanup_fd int server = open_port(true, &port);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
    add_cluster(1, url);
    run_a_round();
    assert_true(probe_is_satisfied(&probe));
    assert_false(probe.owns_none);
    probe.last_answer.milliseconds -= 5 * 60 * 1000 - 5000;
    assert_true(probe_is_satisfied(&probe));
    probe.last_answer.milliseconds -= 6000;
    assert_false(probe_is_satisfied(&probe));
    probe_note_answer(&probe); /* a worker got through */
    assert_true(probe_is_satisfied(&probe));
}

static void a_cluster_that_does_not_answer_is_not_well(void **state)
{
    (void)state;
    uint16_t port;
    char url[64];
    cleanup_fd int nobody = open_port(false, &port);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
    add_cluster(1, url);
    add_cluster(2, "https://no-such-host.invalid:6443");
    add_cluster(3, "http://not.https");
    run_a_round();
    assert_false(probe_is_satisfied(&probe));
    assert_int_equal(probe.next, probe.count);
}

static void one_that_answers_is_enough(void **state)
{
    (void)state;
    uint16_t closed, open;
    char url[64];
    cleanup_fd int nobody = open_port(false, &closed);
    cleanup_fd int server = open_port(true, &open);
    for (int i = 0; i < 3; i++) {
        snprintf(url, sizeof(url), "https://127.0.0.1:%u", i == 2 ? open : closed);
        add_cluster(i, url);
    }
    run_a_round();
    assert_true(probe.answered);
}

static void clusters_of_others_are_not_tried(void **state)
{
    (void)state;
    uint16_t port;
    char url[64];
    cleanup_fd int server = open_port(true, &port);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
    add_cluster(1, url);
    buckets = (struct bucket_range){0, -1};
    run_a_round();
    assert_false(probe.answered);
    assert_int_equal(probe.count, 0);
    assert_true(probe.owns_none);
}

static void a_store_that_fails_says_nothing_about_clusters(void **state)
{
    (void)state;
    failing_runs = 1;
    run_a_round();
    assert_false(probe.owns_none);
    assert_false(probe_is_satisfied(&probe));
}

static void no_more_than_the_candidates_are_tried_in_a_round(void **state)
{
    (void)state;
    for (int i = 0; i < PROBE_CANDIDATES + 2; i++)
        add_cluster(i, "http://not.https");
    run_a_round();
    assert_int_equal(probe.count, PROBE_CANDIDATES);
    assert_false(probe.owns_none);
}

#define WITH_PROBE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PROBE(no_cluster_of_ours_is_well),
        WITH_PROBE(a_cluster_that_answers_is_well_for_five_minutes),
        WITH_PROBE(a_cluster_that_does_not_answer_is_not_well),
        WITH_PROBE(one_that_answers_is_enough),
        WITH_PROBE(clusters_of_others_are_not_tried),
        WITH_PROBE(a_store_that_fails_says_nothing_about_clusters),
        WITH_PROBE(no_more_than_the_candidates_are_tried_in_a_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
