/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_manifest_request.c - what the body of a request for a new manifest may say. */
#include "external_fixture.h"

#include "api/endpoints/manifest_create.h"
#include "mimo/document.h"

#define FLAGS_TASK "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
#define TASK       "\"maintenanceTaskID\":\"operator-flags-update\""

static char no_directory[] = "";
static char *tasks_directory = no_directory;

/* Reads a body; returns the answer's status, 0 when it was taken. */
static int read_body(const char *text, bool practice, struct manifest_request *request,
                     char *target, char *message)
{
    struct error error;
    struct answer answer = {0};
    struct config config = {.actuator_practice_tasks = practice,
                            .tasks_directory = tasks_directory};
    cleanup_task_list struct task_list *tasks = NULL;
    assert_int_equal(task_list_load(&config, &tasks, &error), 0);
    struct json_object *body = document_parse(text, strlen(text), &error);
    assert_non_null(body);
    int result = manifest_request_read(body, tasks, request, &answer);
    int status = answer.status;
    assert_int_equal(result, status == 0 ? 0 : -1);
    strcpy(target, document_string(answer.body, "error.target", ""));
    strcpy(message, document_string(answer.body, "error.message", ""));
    request->parameters = NULL; /* was borrowed */
    json_object_put(body);
    answer_free(&answer);
    return status;
}

static void check_taken(const char *text, struct manifest_request *request)
{
    char target[256], message[1024];
    print_message("%s\n", text);
    assert_int_equal(read_body(text, false, request, target, message), 0);
}

static void check_refused(const char *text, const char *expected_target, const char *part)
{
    struct manifest_request request;
    char target[256], message[1024];
    print_message("%s\n", text);
    assert_int_equal(read_body(text, false, &request, target, message), 400);
    assert_string_equal(target, expected_target);
    assert_non_null(strstr(message, part));
}

static void a_task_is_named_by_uuid_or_short_name(void **state)
{
    (void)state;
    struct manifest_request request;
    check_taken("{\"maintenanceTaskID\":\"" FLAGS_TASK "\"}", &request);
    assert_string_equal(request.task, FLAGS_TASK);
    check_taken("{" TASK "}", &request);
    assert_string_equal(request.task, FLAGS_TASK);
    assert_int_equal(request.priority, 0);
    assert_int_equal(request.run_after, 0);
    assert_int_equal(request.run_before, 0);
}

static void a_task_must_be_given_and_registered(void **state)
{
    (void)state;
    check_refused("{}", "maintenanceTaskID", "Must be provided");
    check_refused("{\"maintenanceTaskID\":null}", "maintenanceTaskID", "Must be provided");
    check_refused("{\"maintenanceTaskID\":\"\"}", "maintenanceTaskID", "Must be provided");
    check_refused("{\"maintenanceTaskID\":7}", "maintenanceTaskID", "must be a string");
    check_refused("{\"maintenanceTaskID\":\"nonsense\"}", "maintenanceTaskID",
                  FLAGS_TASK " (operator-flags-update)");
}

/* Bytes that refuse_task() needs for all tasks, and their number. */
static size_t measure_tasks(size_t *ret_count)
{
    struct error error;
    struct config config = {.tasks_directory = tasks_directory};
    cleanup_task_list struct task_list *tasks = NULL;
    assert_int_equal(task_list_load(&config, &tasks, &error), 0);
    const struct task *task;
    size_t used = 0;
    for (*ret_count = 0; (task = task_list_at(tasks, *ret_count)); ++*ret_count)
        used += strlen(", ID ()") - strlen("ID") + strlen(task->id) + strlen(task->short_name);
    return used - strlen(", ");
}

/* A task whose entry in the list of tasks takes `length` bytes. */
static void add_task(int number, size_t length)
{
    char path[PRIVATE_PATH_SIZE + 16], text[512], name[64];
    const size_t longest = 40, letters = length - strlen(", () " EXTERNAL_ID);
    assert_in_range(letters, 1, longest);
    memset(name, 'a' + number, letters);
    name[letters] = '\0';
    snprintf(path, sizeof(path), "%s/%d.conf", fixture.folder, number);
    snprintf(text, sizeof(text),
             "[task]\nid = 3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c%02d\nname = Task %d\n"
             "short_name = %s\nsummary = s\n" EXTERNAL_STEP,
             number, number, name);
    write_file(path, text);
}

/* The list has half of a message. One byte more is needed than it has; then it fits. */
static void tasks_for_which_there_is_no_room_are_counted(void **state)
{
    (void)state;
    struct manifest_request request;
    char target[256], message[1024];
    const char *const last = "7c02 (";
    size_t count;
    tasks_directory = fixture.folder;
    const size_t room = ERROR_MESSAGE_SIZE / 2 - measure_tasks(&count);
    add_task(1, room / 2);
    add_task(2, room - room / 2);
    assert_int_equal(measure_tasks(&count), ERROR_MESSAGE_SIZE / 2);
    const char *text = "{\"maintenanceTaskID\":\"nonsense\"}";
    assert_int_equal(read_body(text, false, &request, target, message), 400);
    assert_non_null(strstr(message, " 1 "));
    assert_null(strstr(message, last));

    add_task(2, room - room / 2 - 1);
    assert_int_equal(read_body(text, false, &request, target, message), 400);
    assert_null(strstr(message, " 1 "));
    assert_null(strstr(message, " 0 "));
    assert_non_null(strstr(message, last));
    tasks_directory = no_directory;
}

static void the_practice_task_is_there_only_when_configured(void **state)
{
    (void)state;
    struct manifest_request request;
    char target[256], message[1024];
    const char *text = "{\"maintenanceTaskID\":\"practice\"}";
    assert_int_equal(read_body(text, true, &request, target, message), 0);
    assert_int_equal(read_body(text, false, &request, target, message), 400);
    assert_null(strstr(message, "(practice)"));
}

static void times_are_seconds_or_rfc_3339(void **state)
{
    (void)state;
    struct manifest_request request;
    check_taken("{" TASK ",\"runAfter\":6990500560,\"runBefore\":\"2026-11-30T02:00:00+02:00\"}",
                &request);
    assert_int_equal(request.run_after, 6990500560);
    assert_int_equal(request.run_before, 1795996800);
    check_taken("{" TASK ",\"runAfter\":0,\"runBefore\":null}", &request);
    check_refused("{" TASK ",\"runBefore\":0}", "runBefore", "leave it out");
    check_refused("{" TASK ",\"runBefore\":\"1970-01-01T00:00:00Z\"}", "runBefore", "1970");
    check_refused("{" TASK ",\"runAfter\":-1}", "runAfter", "1970");
    check_refused("{" TASK ",\"runBefore\":253402300800}", "runBefore", "9999");
    check_refused("{" TASK ",\"runAfter\":1.5}", "runAfter", "Unix seconds");
    check_refused("{" TASK ",\"runBefore\":true}", "runBefore", "Unix seconds");
    check_refused("{" TASK ",\"runBefore\":\"tomorrow\"}", "runBefore", "runBefore");
    check_refused("{" TASK ",\"runAfter\":\"1764460800\"}", "runAfter", "runAfter");
}

static void priority_is_from_0_to_a_million(void **state)
{
    (void)state;
    struct manifest_request request;
    check_taken("{" TASK ",\"priority\":1000000}", &request);
    assert_int_equal(request.priority, 1000000);
    check_taken("{" TASK ",\"priority\":0}", &request);
    assert_int_equal(request.priority, 0);
    check_refused("{" TASK ",\"priority\":1000001}", "priority", "0 (first) to 1000000");
    check_refused("{" TASK ",\"priority\":-1}", "priority", "whole number");
    check_refused("{" TASK ",\"priority\":\"1\"}", "priority", "whole number");
    check_refused("{" TASK ",\"priority\":1e3}", "priority", "whole number");
}

static void parameters_are_for_tasks_that_take_them(void **state)
{
    (void)state;
    struct manifest_request request;
    check_taken("{" TASK ",\"parameters\":{}}", &request);
    check_refused("{" TASK ",\"parameters\":{\"a\":1}}", "parameters", "takes no parameters");
    check_refused("{" TASK ",\"parameters\":[]}", "parameters", "must be an object");
}

static void what_the_caller_may_not_set_is_ignored(void **state)
{
    (void)state;
    struct manifest_request request;
    check_taken(
        "{" TASK ",\"id\":\"x\",\"state\":\"Completed\",\"statusText\":5,\"dequeues\":9,"
        "\"leaseOwner\":\"x\",\"leaseExpiry\":1,\"createdAt\":1,\"attempts\":[],\"bucket\":1,"
        "\"clusterResourceID\":\"/x\",\"icm\":1}",
        &request);
}

static void unknown_members_are_named(void **state)
{
    (void)state;
    check_refused("{" TASK ",\"runafter\":1}", "runafter",
                  "there is no member \"runafter\"; members are");
    check_refused("{" TASK ",\"\":1}", "", "there is no member");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_is_named_by_uuid_or_short_name),
        cmocka_unit_test(a_task_must_be_given_and_registered),
        WITH_FOLDER(tasks_for_which_there_is_no_room_are_counted),
        cmocka_unit_test(the_practice_task_is_there_only_when_configured),
        cmocka_unit_test(times_are_seconds_or_rfc_3339),
        cmocka_unit_test(priority_is_from_0_to_a_million),
        cmocka_unit_test(parameters_are_for_tasks_that_take_them),
        cmocka_unit_test(what_the_caller_may_not_set_is_ignored),
        cmocka_unit_test(unknown_members_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
