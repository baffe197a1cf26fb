/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store_commit.c - many writers at once: shared commits, several processes, and processes
 * that are killed; what a batch and a pair may be.
 */
#include "store_fixture.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"

enum { THREADS = 8, EACH = 100, KILLS = 20, DEADLINE_MILLISECONDS = 60000 };

static int64_t count_documents(struct store_fixture *fixture, enum store_container container)
{
    cleanup_free char *continuation = NULL;
    int64_t count = 0;
    do {
        struct store_query query = {
            .kind = STORE_QUERY_DOCUMENTS, .container = container, .continuation = continuation};
        struct store_operation page = fixture_query(fixture, query);
        count += (int64_t)page.result.count;
        free(continuation);
        continuation = take_pointer(&page.result.continuation);
        store_release(&page, 1);
    } while (continuation);
    return count;
}

struct writer {
    struct store_fixture *fixture;
    pthread_barrier_t *start;
    int number;
    int done;
    int conflicts;
};

static void *create_some(void *argument)
{
    struct writer *writer = argument;
    pthread_barrier_wait(writer->start);
    for (int i = 0; i < EACH; i++) {
        struct fixture_manifest wanted = {.id = writer->number * EACH + i, .cluster = i};
        struct error error;
        struct json_object *document = fixture_manifest_document(&wanted);
        struct store_operation create = store_create(STORE_MANIFESTS, document);
        if (store_run(writer->fixture->store, &create, 1, &error) == 0 &&
            create.result.status == STORE_DONE)
            writer->done++;
        store_release(&create, 1);
        json_object_put(document);
    }
    return NULL;
}

/* Adds one to a number that all share; who was not first reads again. */
static void *count_up(void *argument)
{
    struct writer *writer = argument;
    struct error error;
    pthread_barrier_wait(writer->start);
    while (writer->done < EACH) {
        struct store_operation read = store_get(STORE_AUDIT, NULL, "counter");
        if (store_run(writer->fixture->store, &read, 1, &error) < 0)
            return NULL;
        struct store_item *item = &read.result.items[0];
        document_set(item->document, "count",
                     json_object_new_int64(document_integer(item->document, "count", 0) + 1));
        struct store_operation write = store_replace(STORE_AUDIT, item->etag, item->document);
        if (store_run(writer->fixture->store, &write, 1, &error) < 0)
            return NULL;
        if (write.result.status == STORE_DONE)
            writer->done++;
        else
            writer->conflicts++;
        store_release(&write, 1);
        store_release(&read, 1);
    }
    return NULL;
}

static void run_threads(struct store_fixture *fixture, void *(*run)(void *),
                        struct writer writers[THREADS])
{
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.fixture = fixture, .start = &start, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
}

static void writers_at_once_share_commits(void **state)
{
    struct store_fixture *fixture = *state;
    struct writer writers[THREADS];
    struct store_query length = {.kind = STORE_QUERY_QUEUE_LENGTH};
    run_threads(fixture, create_some, writers);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(writers[i].done, EACH);
    struct store_operation operation = fixture_query(fixture, length);
    assert_int_equal(operation.result.total, THREADS * EACH);
    assert_int_equal(count_documents(fixture, STORE_MANIFESTS), THREADS * EACH);
    struct sqlite_statistics statistics = fixture_statistics(fixture);
    print_message("%llu batches in %llu commits\n", (unsigned long long)statistics.jobs,
                  (unsigned long long)statistics.commits);
    assert_int_equal(statistics.jobs, THREADS * EACH);
    assert_in_range(statistics.commits, 1, THREADS * EACH - 1);
    fixture_expect_sound(fixture);
}

static void of_writers_with_the_same_etag_one_wins(void **state)
{
    struct store_fixture *fixture = *state;
    struct writer writers[THREADS];
    int conflicts = 0;
    fixture_add(fixture, STORE_AUDIT, document_pack("{s:s, s:i}", "id", "counter", "count", 0));
    run_threads(fixture, count_up, writers);
    for (int i = 0; i < THREADS; i++)
        conflicts += writers[i].conflicts;
    struct store_operation read = store_get(STORE_AUDIT, NULL, "counter");
    fixture_run(fixture, &read);
    assert_int_equal(document_integer(read.result.items[0].document, "count", 0), THREADS * EACH);
    assert_true(conflicts > 0);
    store_release(&read, 1);
}

static void a_batch_larger_than_a_commit_is_written_whole(void **state)
{
    struct store_fixture *fixture = *state;
    enum { MANY = 3000 };
    static struct store_operation batch[MANY];
    struct error error;
    for (int i = 0; i < MANY; i++) {
        struct fixture_manifest wanted = {.id = i};
        batch[i] = store_create(STORE_MANIFESTS, fixture_manifest_document(&wanted));
    }
    assert_int_equal(store_run(fixture->store, batch, MANY, &error), 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(batch[i].result.status, STORE_DONE);
        json_object_put(batch[i].target.document);
    }
    store_release(batch, MANY);
    assert_int_equal(fixture_statistics(fixture).commits, 1);
    assert_int_equal(count_documents(fixture, STORE_MANIFESTS), MANY);
}

static void a_batch_that_changes_nothing_commits_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    cleanup_json struct json_object *document =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1});
    assert_int_equal(fixture_status(fixture, store_replace(STORE_MANIFESTS, "1", document)),
                     STORE_NOT_FOUND);
    assert_int_equal(fixture_statistics(fixture).commits, 0);
}

/* In a child: writes audit records first, first + 1, ... with a handle of its own, and sends the
 * number of each that was acknowledged. */
static _Noreturn void write_and_tell(const char *uri, int first, int count, int fd)
{
    struct store *store;
    struct error error;
    if (store_open(uri, &store, &error) < 0)
        _exit(1);
    for (int i = first; i < first + count; i++) {
        char id[UUID_SIZE];
        struct json_object *document =
            document_pack("{s:s, s:i}", "id", fixture_id(id, i), "number", i);
        struct store_operation create = store_create(STORE_AUDIT, document);
        if (store_run(store, &create, 1, &error) < 0 || create.result.status != STORE_DONE ||
            write(fd, &i, sizeof(i)) != sizeof(i))
            _exit(2);
        store_release(&create, 1);
        json_object_put(document);
    }
    store_close(store);
    _exit(0);
}

struct child {
    pid_t pid;
    int acknowledgements;
};

static struct child start_writer(struct store_fixture *fixture, int first, int count)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        write_and_tell(fixture->uri, first, count, ends[1]);
    }
    close(ends[1]);
    return (struct child){.pid = pid, .acknowledgements = ends[0]};
}

/* The next acknowledged number, or -1 at the end. */
static int read_acknowledgement(const struct child *child)
{
    int number;
    struct pollfd readable = {.fd = child->acknowledgements, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, DEADLINE_MILLISECONDS), 1);
    ssize_t got = read(child->acknowledgements, &number, sizeof(number));
    return got == sizeof(number) ? number : -1;
}

static int end_writer(const struct child *child)
{
    int status;
    close(child->acknowledgements);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return status;
}

static void two_processes_write_to_one_file(void **state)
{
    struct store_fixture *fixture = *state;
    struct child children[2];
    for (int i = 0; i < 2; i++)
        children[i] = start_writer(fixture, 1000 * i, EACH);
    for (int i = 0; i < EACH; i++)
        fixture_add(fixture, STORE_AUDIT,
                    document_pack("{s:o}", "id", document_new_string_format("own-%d", i)));
    for (int i = 0; i < 2; i++) {
        while (read_acknowledgement(&children[i]) >= 0)
            ;
        assert_int_equal(end_writer(&children[i]), 0);
    }
    assert_int_equal(count_documents(fixture, STORE_AUDIT), 3 * EACH);
    fixture_expect_sound(fixture);
}

static void what_was_acknowledged_outlives_a_killed_process(void **state)
{
    struct store_fixture *fixture = *state;
    unsigned random = fixture_seed();
    int next = 0;
    for (int round = 0; round < KILLS; round++) {
        struct child child = start_writer(fixture, next, 1000000);
        int wanted = rand_r(&random) % 40;
        int last = -1;
        for (int i = 0; i <= wanted; i++)
            last = read_acknowledgement(&child);
        kill(child.pid, SIGKILL);
        for (int more = read_acknowledgement(&child); more >= 0;
             more = read_acknowledgement(&child))
            last = more;
        int status = end_writer(&child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_true(last >= next);

        /* All up to the last acknowledged one, and at most the one it was about to acknowledge. */
        int64_t count = count_documents(fixture, STORE_AUDIT);
        assert_in_range(count, last + 1, last + 2);
        next = (int)count;
    }
    fixture_expect_sound(fixture);
    fixture_reopen(fixture);
    assert_int_equal(count_documents(fixture, STORE_AUDIT), next);
}

static void documents_of_a_pair_may_share_a_container_or_an_id(void **state)
{
    struct store_fixture *fixture = *state;
    char id[UUID_SIZE];
    cleanup_json struct json_object *first =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 1});
    cleanup_json struct json_object *second =
        fixture_manifest_document(&(struct fixture_manifest){.id = 2, .cluster = 1});
    cleanup_json struct json_object *third =
        fixture_manifest_document(&(struct fixture_manifest){.id = 3, .cluster = 1});
    cleanup_json struct json_object *answer =
        document_pack("{s:s, s:I}", "id", fixture_id(id, 3), "expiresAt", CLOCK_MAXIMUM);
    struct store_operation pair =
        store_pair(store_create(STORE_MANIFESTS, first), store_create(STORE_MANIFESTS, second));
    assert_int_equal(fixture_status(fixture, pair), STORE_DONE);
    pair = store_pair(store_create(STORE_MANIFESTS, third), store_create(STORE_ANSWERS, answer));
    assert_int_equal(fixture_status(fixture, pair), STORE_DONE);
}

static void a_pair_of_one_document_is_named(void **state)
{
    struct store_fixture *fixture = *state;
    char id[UUID_SIZE], name[96];
    cleanup_json struct json_object *document =
        fixture_manifest_document(&(struct fixture_manifest){.id = 1, .cluster = 1});
    struct store_operation pair = store_pair(store_create(STORE_MANIFESTS, document),
                                             store_create(STORE_MANIFESTS, document));
    fixture_run(fixture, &pair);
    assert_int_equal(pair.result.status, STORE_REFUSED);
    snprintf(name, sizeof(name), "%s %s", store_container_name(STORE_MANIFESTS), fixture_id(id, 1));
    assert_non_null(strstr(pair.result.error.message, name));
    store_release(&pair, 1);
}

static void every_operation_of_a_batch_begins_without_a_result(void **state)
{
    struct store_fixture *fixture = *state;
    struct error error;
    struct store_operation reads[2] = {store_get(STORE_ANSWERS, NULL, "a"),
                                       store_get(STORE_ANSWERS, NULL, "b")};
    reads[0].result.total = reads[1].result.total = 7;
    assert_int_equal(store_run(fixture->store, reads, 2, &error), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(reads[i].result.status, STORE_NOT_FOUND);
        assert_int_equal(reads[i].result.total, -1);
    }
    store_release(reads, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STORE(writers_at_once_share_commits),
        ON_STORE(of_writers_with_the_same_etag_one_wins),
        ON_STORE(a_batch_larger_than_a_commit_is_written_whole),
        ON_STORE(a_batch_that_changes_nothing_commits_nothing),
        ON_STORE(documents_of_a_pair_may_share_a_container_or_an_id),
        ON_STORE(a_pair_of_one_document_is_named),
        ON_STORE(every_operation_of_a_batch_begins_without_a_result),
        ON_STORE(two_processes_write_to_one_file),
        ON_STORE(what_was_acknowledged_outlives_a_killed_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
