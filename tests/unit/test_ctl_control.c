/* SPDX-License-Identifier: Apache-2.0 */
/* test_ctl_control.c - requests to a supervisor on this machine, which the test plays. */
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "ctl/client/control_client.h"
#include "expect.h"
#include "mimo/control.h"
#include "mimo/document.h"

static char folder[PRIVATE_PATH_SIZE];

static int set_up(void **state)
{
    (void)state;
    make_private_folder(folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_private_folder(folder);
    return 0;
}

/* A supervisor for one connection: takes one line, gives `answer` back, and closes. */
struct supervisor {
    int listener;
    const char *answer;
    size_t length;
    char request[128];
    pthread_t thread;
};

static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder, name);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static void *serve(void *context)
{
    struct supervisor *supervisor = context;
    int fd = accept(supervisor->listener, NULL, NULL);
    size_t length = 0;
    while (length + 1 < sizeof(supervisor->request) && !memchr(supervisor->request, '\n', length)) {
        ssize_t got =
            recv(fd, supervisor->request + length, sizeof(supervisor->request) - 1 - length, 0);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    /* In two pieces, so that an answer need not come at once. */
    size_t half = supervisor->length / 2;
    if (send(fd, supervisor->answer, half, MSG_NOSIGNAL) == (ssize_t)half)
        for (size_t sent = half; sent < supervisor->length;) {
            ssize_t more =
                send(fd, supervisor->answer + sent, supervisor->length - sent, MSG_NOSIGNAL);
            if (more <= 0)
                break;
            sent += (size_t)more;
        }
    close(fd);
    return NULL;
}

/* Asks a supervisor that answers in this way. */
static int ask(const char *answer, size_t length, struct json_object **ret_answer,
               struct error *error)
{
    struct supervisor supervisor = {
        .listener = listen_at("actuator-3.control"), .answer = answer, .length = length};
    assert_int_equal(pthread_create(&supervisor.thread, NULL, serve, &supervisor), 0);
    int result = control_ask(folder, "actuator-3.control", "ps", ret_answer, error);
    pthread_join(supervisor.thread, NULL);
    assert_string_equal(supervisor.request, "{\"command\":\"ps\"}\n");
    close(supervisor.listener);
    char path[64];
    snprintf(path, sizeof(path), "%s/actuator-3.control", folder);
    unlink(path);
    return result;
}

static void an_answer_is_read_up_to_its_newline(void **state)
{
    (void)state;
    static const char line[] = "{\"ok\":true,\"workers\":[]}\nand more";
    struct json_object *answer = NULL;
    struct error error;
    expect_success(ask(line, sizeof(line) - 1, &answer, &error), &error);
    assert_non_null(document_get(answer, "workers"));
    json_object_put(answer);
}

static void answers_that_are_none_are_named_with_their_socket(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum error_kind kind;
        const char *message;
    } cases[] = {
        {"", ERROR_UNAVAILABLE, "closed the connection without an answer"},
        {"{\"ok\":true}", ERROR_UNAVAILABLE, "closed the connection without an answer"},
        {"{\"ok\":tru\n", ERROR_INVALID, "actuator-3.control"},
        {"{\"ok\":false,\"error\":\"not now\"}\n", ERROR_DENIED, "actuator-3.control: not now"},
        {"{\"ok\":false}\n", ERROR_DENIED, "actuator-3.control: refused"},
        {"{}\n", ERROR_DENIED, "actuator-3.control: refused"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_object *answer = NULL;
        struct error error;
        expect_failure(ask(cases[i].answer, strlen(cases[i].answer), &answer, &error), &error,
                       cases[i].kind, cases[i].message);
        assert_int_equal(strncmp(error.message, folder, strlen(folder)), 0);
        assert_null(answer);
    }
}

static void an_answer_without_an_end_is_given_up(void **state)
{
    (void)state;
    size_t size = CONTROL_LINE_MAXIMUM + 1;
    char *endless = malloc(size);
    struct json_object *answer = NULL;
    struct error error;
    assert_non_null(endless);
    memset(endless, ' ', size);
    expect_failure(ask(endless, size, &answer, &error), &error, ERROR_UNAVAILABLE,
                   "answers with a line of more than 1048576 bytes");
    /* One that just fits is an answer. */
    static const char object[] = "{\"ok\":true}";
    memcpy(endless, object, sizeof(object) - 1);
    endless[CONTROL_LINE_MAXIMUM - 1] = '\n';
    expect_success(ask(endless, CONTROL_LINE_MAXIMUM, &answer, &error), &error);
    json_object_put(answer);
    free(endless);
}

static int ask_as_nobody(void *context)
{
    struct error error;
    struct json_object *answer;
    (void)context;
    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        return 2;
    if (control_ask(folder, "actuator-0.control", "ps", &answer, &error) == 0)
        return 3;
    return error.kind == ERROR_DENIED && strstr(error.message, "use sudo") ? 0 : 4;
}

static void sockets_without_a_supervisor_are_told_apart(void **state)
{
    (void)state;
    struct json_object *answer;
    struct error error;
    char path[64], name[160];
    expect_failure(control_ask(folder, "actuator-0.control", "ps", &answer, &error), &error,
                   ERROR_UNAVAILABLE, "there is no such actuator on this machine");
    close(listen_at("actuator-0.control"));
    expect_failure(control_ask(folder, "actuator-0.control", "ps", &answer, &error), &error,
                   ERROR_NOT_FOUND,
                   "actuator-0.control is left over from an actuator that does not run");
    snprintf(path, sizeof(path), "%s/actuator-0.control", folder);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chmod(folder, geteuid() == 0 ? 0755 : 0), 0);
    int status = wait_status_of(ask_as_nobody, NULL);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    expect_failure(control_ask(folder, name, "ps", &answer, &error), &error, ERROR_UNAVAILABLE,
                   "too long");
}

static void sockets_are_found_in_the_order_of_their_numbers(void **state)
{
    (void)state;
    static const char *const names[] = {"actuator-10.control", "actuator-9.control",
                                        "actuator-0.wake", ".control", "control"};
    struct json_object *found = NULL;
    struct error error;
    expect_failure(control_find(folder, &found, &error), &error, ERROR_UNAVAILABLE,
                   "no actuator has a control socket in ");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
    }
    expect_success(control_find(folder, &found, &error), &error);
    assert_int_equal(document_length(found), 2);
    assert_string_equal(document_text(document_item(found, 0)), "actuator-9.control");
    assert_string_equal(document_text(document_item(found, 1)), "actuator-10.control");
    json_object_put(found);
    expect_failure(control_find("/nonexistent", &found, &error), &error, ERROR_UNAVAILABLE,
                   "cannot look for actuators in /nonexistent (--runtime-directory)");
}

#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(an_answer_is_read_up_to_its_newline),
        IN_FOLDER(answers_that_are_none_are_named_with_their_socket),
        IN_FOLDER(an_answer_without_an_end_is_given_up),
        IN_FOLDER(sockets_without_a_supervisor_are_told_apart),
        IN_FOLDER(sockets_are_found_in_the_order_of_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
