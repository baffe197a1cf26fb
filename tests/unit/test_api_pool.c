/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_pool.c - handler threads: every job is served, the queue is bounded, stopping drains it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "api/http/pool.h"

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
    assert_true(pool_submit(pool, &job));
    sem_wait(&arrived); /* one runs, two may wait */
    assert_true(pool_submit(pool, &job));
    assert_true(pool_submit(pool, &job));
    assert_false(pool_submit(pool, &job));
    open_the_gate(1);
    sem_wait(&arrived);
    assert_true(pool_submit(pool, &job));
    open_the_gate(3);
    assert_true(pool_stop(pool, PATIENCE));
}

static void stopping_serves_what_is_queued(void **state)
{
    (void)state;
    struct pool *pool;
    struct error error;
    int job;
    assert_int_equal(pool_start(3, 100, wait_at_the_gate, &pool, &error), 0);
    for (int i = 0; i < 50; i++)
        assert_true(pool_submit(pool, &job));
    open_the_gate(50);
    assert_true(pool_stop(pool, PATIENCE));
    assert_int_equal(atomic_load(&served), 50);
}

static void a_job_that_is_stuck_is_told(void **state)
{
    (void)state;
    struct pool *pool;
    struct error error;
    int job;
    assert_int_equal(pool_start(2, 2, wait_at_the_gate, &pool, &error), 0);
    assert_true(pool_submit(pool, &job));
    sem_wait(&arrived);
    assert_false(pool_stop(pool, 10));
    open_the_gate(1);
    assert_true(pool_stop(pool, PATIENCE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_full_queue_refuses, set_up),
        cmocka_unit_test_setup(stopping_serves_what_is_queued, set_up),
        cmocka_unit_test_setup(a_job_that_is_stuck_is_told, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
