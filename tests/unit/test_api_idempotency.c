/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_idempotency.c - Idempotency-Key: the same request with the same key has the same answer,
 * anything else does not. */
#include "store_fixture.h"

#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/endpoints/idempotency.h"
#include "api/http/routes.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"

#define BODY "{\"maintenanceTaskID\":\"practice\",\"priority\":3}"

/* The linker puts the first in front of OpenSSL's. */
int __wrap_EVP_Q_digest(OSSL_LIB_CTX *library, const char *name, const char *properties,
                        const void *data, size_t length, unsigned char *digest, size_t *size);
int __real_EVP_Q_digest(OSSL_LIB_CTX *library, const char *name, const char *properties,
                        const void *data, size_t length, unsigned char *digest, size_t *size);

static int hashes_left = INT_MAX;

int __wrap_EVP_Q_digest(OSSL_LIB_CTX *library, const char *name, const char *properties,
                        const void *data, size_t length, unsigned char *digest, size_t *size)
{
    return hashes_left-- > 0
               ? __real_EVP_Q_digest(library, name, properties, data, length, digest, size)
               : 0;
}

static const struct route creating = {.action = "manifest.create"};
static const struct route deleting = {.action = "manifest.delete"};

struct caller {
    struct api api;
    struct request request;
    struct idempotency repeat;
    struct answer answer;
};

static struct json_object *parse(const char *text)
{
    struct error error;
    struct json_object *value = document_parse(text, strlen(text), &error);
    assert_non_null(value);
    return value;
}

static struct caller make_caller(struct store_fixture *fixture, const char *actor, const char *key,
                                 const char *body)
{
    struct caller caller = {.api = {.store = fixture->store},
                            .request = {.route = &creating, .body = parse(body)}};
    snprintf(caller.request.actor.name, sizeof(caller.request.actor.name), "%s", actor);
    snprintf(caller.request.idempotency_key, sizeof(caller.request.idempotency_key), "%s", key);
    snprintf(caller.request.cluster, sizeof(caller.request.cluster), "/cluster/one");
    return caller;
}

static void free_caller(struct caller *caller)
{
    idempotency_end(&caller->repeat);
    answer_free(&caller->answer);
    json_object_put(caller->request.body);
}

static int begin(struct caller *caller)
{
    return idempotency_begin(&caller->api, &caller->request, &caller->repeat, &caller->answer);
}

/* Serves a request whose answer is `text`, in the way that manifests are created. */
static enum store_status serve(struct caller *caller, int id, const char *text)
{
    char name[UUID_SIZE];
    struct error error;
    cleanup_json struct json_object *body = parse(text);
    cleanup_json struct json_object *member =
        document_pack("{s:s, s:i}", "id", fixture_id(name, id), "index", id);
    struct store_operation creation = store_create(STORE_MEMBERS, member);
    assert_int_equal(idempotency_join(&caller->repeat, &creation, 201, body, &caller->answer), 0);
    assert_int_equal(store_run(caller->api.store, &creation, 1, &error), 0);
    enum store_status status = creation.result.status;
    store_release(&creation, 1);
    return status;
}

/* A whole request; returns 0 when it was served, else the status that it was answered with. */
static int ask(struct store_fixture *fixture, const char *actor, const char *key, const char *body,
               int id)
{
    struct caller caller = make_caller(fixture, actor, key, body);
    int status = 0;
    if (begin(&caller) == 0)
        assert_int_equal(serve(&caller, id, "{\"id\":\"first\"}"), STORE_DONE);
    else
        status = caller.answer.status;
    assert_int_equal(status == 201, caller.answer.replayed);
    free_caller(&caller);
    return status;
}

static void without_a_key_everything_passes(void **state)
{
    struct store_fixture *fixture = *state;
    for (int i = 1; i <= 2; i++)
        assert_int_equal(ask(fixture, "ann", "", BODY, i), 0);
    struct caller caller = make_caller(fixture, "ann", "", BODY);
    assert_int_equal(begin(&caller), 0);
    assert_false(caller.repeat.wanted);
    idempotency_keep(&caller.api, &caller.repeat, &caller.answer);
    assert_int_equal(caller.answer.status, 0);
    free_caller(&caller);
}

static void a_repetition_gets_the_answer_of_the_first(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(ask(fixture, "ann", "k", BODY, 1), 0);
    struct caller caller = make_caller(fixture, "ann", "k", BODY);
    assert_int_equal(begin(&caller), -1);
    assert_int_equal(caller.answer.status, 201);
    assert_true(caller.answer.replayed);
    assert_string_equal(document_string(caller.answer.body, "id", ""), "first");
    free_caller(&caller);
    assert_int_equal(
        ask(fixture, "ann", "k", "{ \"priority\":3,\"maintenanceTaskID\":\"practice\"}", 2), 201);
}

static void keys_of_one_character_are_as_good_as_any(void **state)
{
    struct store_fixture *fixture = *state;
    char longest[REQUEST_KEY_SIZE];
    memset(longest, 'k', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    const char *const keys[] = {"a", "b", "aa", longest, longest + 1};
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(fixture, "ann", keys[i], BODY, i + 1), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(fixture, "ann", keys[i], BODY, i + 1), 201);
}

static void nobody_meets_the_keys_of_others(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(ask(fixture, "a", "b:c", BODY, 1), 0);
    assert_int_equal(ask(fixture, "a:b", "c", BODY, 2), 0);
    assert_int_equal(ask(fixture, "b", "b:c", BODY, 3), 0);
    assert_int_equal(ask(fixture, "a", "b:c", BODY, 4), 201);
}

static void the_last_character_of_the_longest_name_and_key_counts(void **state)
{
    struct store_fixture *fixture = *state;
    char name[ACTOR_NAME_SIZE], key[REQUEST_KEY_SIZE];
    memset(name, 'n', sizeof(name));
    memset(key, 'k', sizeof(key));
    name[sizeof(name) - 1] = key[sizeof(key) - 1] = '\0';
    assert_int_equal(ask(fixture, name, key, BODY, 1), 0);
    assert_int_equal(ask(fixture, name, key, BODY, 2), 201);
    key[sizeof(key) - 2] = 'l';
    assert_int_equal(ask(fixture, name, key, BODY, 2), 0);
}

static void another_request_with_the_key_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(ask(fixture, "ann", "k", BODY, 1), 0);
    for (int difference = 0; difference < 6; difference++) {
        struct caller caller = make_caller(fixture, "ann", "k", BODY);
        if (difference == 0)
            caller.request.route = &deleting;
        else if (difference == 1)
            strcpy(caller.request.cluster, "/cluster/two");
        else if (difference == 2)
            strcpy(caller.request.id, "x");
        else if (difference == 3)
            caller.request.query[QUERY_IF_OPEN] = "skip";
        else if (difference == 4)
            caller.request.query[QUERY_COUNT - 1] = "";
        else
            assert_int_equal(document_set(caller.request.body, "priority", json_object_new_int(4)),
                             0);
        assert_int_equal(begin(&caller), -1);
        assert_int_equal(caller.answer.status, 422);
        assert_string_equal(document_string(caller.answer.body, "error.code", ""),
                            "IdempotencyKeyReused");
        assert_string_equal(document_string(caller.answer.body, "error.target", ""),
                            "Idempotency-Key");
        assert_false(caller.answer.replayed);
        free_caller(&caller);
    }
}

/* Changes a member of the one answer that is kept. */
static void spoil(struct store_fixture *fixture, const char *member, struct json_object *value)
{
    struct error error;
    struct store_query query = {
        .kind = STORE_QUERY_DOCUMENTS, .container = STORE_ANSWERS, .limit = 10};
    struct store_operation read = store_query(&query);
    assert_int_equal(store_run(fixture->store, &read, 1, &error), 0);
    assert_int_equal(read.result.count, 1);
    struct store_item *item = &read.result.items[0];
    assert_int_equal(document_set(item->document, member, value), 0);
    struct store_operation write = store_replace(STORE_ANSWERS, item->etag, item->document);
    assert_int_equal(store_run(fixture->store, &write, 1, &error), 0);
    assert_int_equal(write.result.status, STORE_DONE);
    store_release(&read, 1);
    store_release(&write, 1);
}

static void a_damaged_answer_is_not_given(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(ask(fixture, "ann", "k", BODY, 1), 0);
    const int wrong[] = {199, 300, 0, -201};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        spoil(fixture, "status", json_object_new_int(wrong[i]));
        assert_int_equal(ask(fixture, "ann", "k", BODY, 1), 500);
    }
    spoil(fixture, "status", json_object_new_int(299));
    spoil(fixture, "answer", document_new_string("text"));
    assert_int_equal(ask(fixture, "ann", "k", BODY, 1), 500);
    spoil(fixture, "answer", json_object_new_object());
    struct caller caller = make_caller(fixture, "ann", "k", BODY);
    assert_int_equal(begin(&caller), -1);
    assert_int_equal(caller.answer.status, 299);
    free_caller(&caller);
    spoil(fixture, "status", json_object_new_int(200));
    caller = make_caller(fixture, "ann", "k", BODY);
    assert_int_equal(begin(&caller), -1);
    assert_int_equal(caller.answer.status, 200);
    free_caller(&caller);
}

static void an_expired_answer_makes_room_for_the_next(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(ask(fixture, "ann", "k", BODY, 1), 0);
    spoil(fixture, "expiresAt", json_object_new_int64(clock_unix_seconds() - 1));
    struct caller caller = make_caller(fixture, "ann", "k", "{\"maintenanceTaskID\":\"x\"}");
    assert_int_equal(begin(&caller), 0);
    assert_int_equal(serve(&caller, 2, "{\"id\":\"second\"}"), STORE_DONE);
    free_caller(&caller);
    caller = make_caller(fixture, "ann", "k", "{\"maintenanceTaskID\":\"x\"}");
    assert_int_equal(begin(&caller), -1);
    assert_string_equal(document_string(caller.answer.body, "id", ""), "second");
    free_caller(&caller);
}

/* As in a store that removes nothing by itself: the column, by which SQLite does, stays. */
static void an_expired_answer_that_is_still_there_is_replaced(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(ask(fixture, "ann", "k", BODY, 1), 0);
    fixture_sql(fixture, "UPDATE answers SET document = json_set(document, '$.expiresAt', 1)");
    assert_int_equal(ask(fixture, "ann", "k", BODY, 2), 0);
    assert_int_equal(ask(fixture, "ann", "k", BODY, 3), 201);
}

static void an_answer_without_a_change_is_kept(void **state)
{
    struct store_fixture *fixture = *state;
    struct caller caller = make_caller(fixture, "ann", "k", BODY);
    assert_int_equal(begin(&caller), 0);
    answer_set(&caller.answer, 200, parse("{\"id\":\"open\"}"));
    idempotency_keep(&caller.api, &caller.repeat, &caller.answer);
    assert_int_equal(caller.answer.status, 200);
    free_caller(&caller);
    caller = make_caller(fixture, "ann", "k", BODY);
    assert_int_equal(begin(&caller), -1);
    assert_int_equal(caller.answer.status, 200);
    assert_string_equal(document_string(caller.answer.body, "id", ""), "open");
    free_caller(&caller);
}

static void without_a_hash_the_request_is_not_served(void **state)
{
    for (int hashes = 0; hashes < 2; hashes++) { /* of the key, of the request */
        struct caller caller = make_caller(*state, "ann", "k", BODY);
        hashes_left = hashes;
        assert_int_equal(begin(&caller), -1);
        assert_int_equal(caller.answer.status, 503);
        assert_false(caller.repeat.wanted);
        hashes_left = INT_MAX;
        free_caller(&caller);
    }
}

/* As another mimo-api on the same store does: past the list of those that are served here. */
static void the_later_of_two_servers_is_told_to_ask_again(void **state)
{
    struct store_fixture *fixture = *state;
    struct caller caller = make_caller(fixture, "ann", "k", BODY);
    assert_int_equal(begin(&caller), 0);
    struct error error;
    cleanup_json struct json_object *other =
        document_pack("{s:s, s:s, s:I}", "id", caller.repeat.id, "request", caller.repeat.request,
                      "expiresAt", clock_unix_seconds() + 60);
    struct store_operation first = store_create(STORE_ANSWERS, other);
    assert_int_equal(store_run(fixture->store, &first, 1, &error), 0);
    store_release(&first, 1);
    assert_int_equal(serve(&caller, 1, "{}"), STORE_CONFLICT);
    answer_set(&caller.answer, 200, parse("{}"));
    idempotency_keep(&caller.api, &caller.repeat, &caller.answer);
    assert_int_equal(caller.answer.status, 409);
    assert_true(caller.answer.retry_later);
    free_caller(&caller);
}

static atomic_bool second_began;
static atomic_bool second_served;

static void *ask_second(void *context)
{
    atomic_store(&second_began, true);
    assert_int_equal(ask(context, "ann", "k", BODY, 2), 201);
    atomic_store(&second_served, true);
    return NULL;
}

static void a_repetition_waits_for_the_first(void **state)
{
    struct store_fixture *fixture = *state;
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    struct caller caller = make_caller(fixture, "ann", "k", BODY);
    pthread_t thread;
    assert_int_equal(begin(&caller), 0);
    assert_int_equal(pthread_create(&thread, NULL, ask_second, fixture), 0);
    while (!atomic_load(&second_began))
        nanosleep(&pause, NULL);
    nanosleep(&pause, NULL); /* it could have been served by now */
    assert_false(atomic_load(&second_served));
    assert_int_equal(ask(fixture, "ann", "another", BODY, 3), 0); /* others do not wait */
    assert_int_equal(serve(&caller, 1, "{\"id\":\"first\"}"), STORE_DONE);
    free_caller(&caller);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&second_served));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STORE(without_a_key_everything_passes),
        ON_STORE(a_repetition_gets_the_answer_of_the_first),
        ON_STORE(keys_of_one_character_are_as_good_as_any),
        ON_STORE(nobody_meets_the_keys_of_others),
        ON_STORE(the_last_character_of_the_longest_name_and_key_counts),
        ON_STORE(another_request_with_the_key_is_refused),
        ON_STORE(a_damaged_answer_is_not_given),
        ON_STORE(an_expired_answer_makes_room_for_the_next),
        ON_STORE(an_expired_answer_that_is_still_there_is_replaced),
        ON_STORE(an_answer_without_a_change_is_kept),
        ON_STORE(without_a_hash_the_request_is_not_served),
        ON_STORE(the_later_of_two_servers_is_told_to_ask_again),
        ON_STORE(a_repetition_waits_for_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
