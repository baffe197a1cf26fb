/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_pool.c - handler threads: every job is served, the queue is bounded and fair, stopping
 * drains it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "api/http/pool.h"
#include "patience.h"

enum { PATIENCE = 10000 };

static sem_t gate;    /* a job waits here */
static sem_t arrived; /* a job has begun */
static atomic_int served;

static void wait_at_the_gate(void *job)
{
    (void)job;
    sem_post(&arrived);
    sem_wait(&gate);
    atomic_fetch_add(&served, 1);
}

static int set_up(void **state)
{
    (void)state;
    sem_init(&gate, 0, 0);
    sem_init(&arrived, 0, 0);
    atomic_store(&served, 0);
    return 0;
}

static void open_the_gate(int times)
{
    for (int i = 0; i < times; i++)
        sem_post(&gate);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    struct pool *pool;
    struct error error;
    int job;
    assert_int_equal(pool_start(1, 2, wait_at_the_gate, &pool, &error), 0);
    assert_true(pool_submit(pool, "ann", &job));
    sem_wait(&arrived); /* one runs, two may wait */
    assert_true(pool_submit(pool, "ann", &job));
    assert_true(pool_submit(pool, "bob", &job));
    assert_false(pool_submit(pool, "cid", &job));
    open_the_gate(1);
    sem_wait(&arrived);
    assert_true(pool_submit(pool, "cid", &job));
    open_the_gate(3);
    assert_true(pool_stop(pool, patient_milliseconds(PATIENCE)));
    assert_int_equal(atomic_load(&served), 4);
}

static void one_owner_fills_half_of_the_queue(void **state)
{
    (void)state;
    struct pool *pool;
    struct error error;
    int job;
    assert_int_equal(pool_start(1, 4, wait_at_the_gate, &pool, &error), 0);
    assert_true(pool_submit(pool, "ann", &job));
    sem_wait(&arrived);
    assert_true(pool_submit(pool, "ann", &job));
    assert_true(pool_submit(pool, "ann", &job));
    assert_false(pool_submit(pool, "ann", &job));
    assert_true(pool_submit(pool, "bob", &job));
    assert_true(pool_submit(pool, "bob", &job));
    assert_false(pool_submit(pool, "bob", &job));
    open_the_gate(5);
    assert_true(pool_stop(pool, patient_milliseconds(PATIENCE)));
    assert_int_equal(atomic_load(&served), 5);
}

static void one_owner_never_has_all_threads(void **state)
{
    (void)state;
    struct pool *pool;
    struct error error;
    int job;
    enum { THREADS = 16, KEPT = 2, JOBS = 30 };
    assert_int_equal(pool_start(THREADS, 100, wait_at_the_gate, &pool, &error), 0);
    for (int i = 0; i < JOBS; i++)
        assert_true(pool_submit(pool, "ann", &job));
    for (int i = 0; i < THREADS - KEPT; i++)
        sem_wait(&arrived);
    for (int i = 0; i < KEPT; i++) {
        assert_true(pool_submit(pool, "bob", &job)); /* is served beside all that ann waits for */
        sem_wait(&arrived);
    }
    assert_int_equal(sem_trywait(&arrived), -1);
    open_the_gate(JOBS + KEPT);
    assert_true(
        pool_stop(pool, patient_milliseconds(PATIENCE))); /* the others are served as well */
    assert_int_equal(atomic_load(&served), JOBS + KEPT);
}

static const char *order[8];
static atomic_int ordered;

static void note_order(void *job)
{
    sem_post(&arrived);
    sem_wait(&gate);
    order[atomic_fetch_add(&ordered, 1)] = job;
}

static void owners_are_served_in_turn(void **state)
{
    (void)state;
    struct pool *pool;
    struct error error;
    char jobs[][4] = {"a1", "a2", "a3", "b1", "c1", "b2"};
    const char expected[][4] = {"a1", "b1", "c1", "a2", "b2", "a3"};
    atomic_store(&ordered, 0);
    assert_int_equal(pool_start(1, 20, note_order, &pool, &error), 0);
    assert_true(pool_submit(pool, "ann", jobs[0]));
    sem_wait(&arrived); /* the one thread is busy while the others come */
    for (int i = 1; i < 6; i++)
        assert_true(pool_submit(pool,
                                jobs[i][0] == 'a'   ? "ann"
                                : jobs[i][0] == 'b' ? "bob"
                                                    : "cid",
                                jobs[i]));
    open_the_gate(6);
    assert_true(pool_stop(pool, patient_milliseconds(PATIENCE)));
    for (int i = 0; i < 6; i++)
        assert_string_equal(order[i], expected[i]);
}

static void stopping_serves_what_is_queued(void **state)
{
    (void)state;
    struct pool *pool;
    struct error error;
    int job;
    assert_int_equal(pool_start(3, 100, wait_at_the_gate, &pool, &error), 0);
    for (int i = 0; i < 50; i++)
        assert_true(pool_submit(pool, "ann", &job));
    open_the_gate(50);
    assert_true(pool_stop(pool, patient_milliseconds(PATIENCE)));
    assert_int_equal(atomic_load(&served), 50);
}

static void a_job_that_is_stuck_is_told(void **state)
{
    (void)state;
    struct pool *pool;
    struct error error;
    int job;
    assert_int_equal(pool_start(2, 4, wait_at_the_gate, &pool, &error), 0);
    assert_true(pool_submit(pool, "ann", &job));
    sem_wait(&arrived);
    assert_false(pool_stop(pool, 10));
    open_the_gate(1);
    assert_true(pool_stop(pool, patient_milliseconds(PATIENCE)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_full_queue_refuses, set_up),
        cmocka_unit_test_setup(one_owner_fills_half_of_the_queue, set_up),
        cmocka_unit_test_setup(one_owner_never_has_all_threads, set_up),
        cmocka_unit_test_setup(owners_are_served_in_turn, set_up),
        cmocka_unit_test_setup(stopping_serves_what_is_queued, set_up),
        cmocka_unit_test_setup(a_job_that_is_stuck_is_told, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
