/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_sockets.c - wake and control socket: files, peers, requests and their bounds. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "supervisor/listeners.h"
#include "supervisor/sockets.h"

enum { PATIENCE = 60 };

static char directory[64];
static uv_loop_t loop;
static struct listeners listeners;
static struct sockets sockets;
static int woken, asked;

static void on_wake(void *context)
{
    (void)context;
    woken++;
}

static struct json_object *on_control(void *context, struct json_object *request)
{
    (void)context;
    asked++;
    return document_pack("{s:b, s:O}", "ok", 1, "echo", request);
}

static const struct sockets_handlers handlers = {on_wake, on_control};

static void open_in(const char *group)
{
    struct error problem, error;
    if (listeners_open(&listeners, directory, 4, group, NULL, &problem, &error) < 0)
        fail_msg("%s", error.message);
}

static int make_directory(void **state)
{
    (void)state;
    alarm(PATIENCE);
    strcpy(directory, "/tmp/mimo-unit-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    alarm(0);
    return rmdir(directory); /* fails when a socket is left */
}

static int open_sockets(void **state)
{
    struct error error;
    if (make_directory(state) < 0)
        return -1;
    woken = asked = 0;
    uv_loop_init(&loop);
    open_in("");
    return sockets_open(&sockets, &loop, &listeners, &handlers, NULL, &error);
}

static int close_sockets(void **state)
{
    sockets_close(&sockets);
    sockets_close(&sockets); /* harmless */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return remove_directory(state);
}

static int connect_to(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int connect_control(void)
{
    return connect_to(listeners.control_path, SOCK_STREAM);
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The next line without its newline; "" at the end of the connection. */
static const char *hear(int fd)
{
    static char line[8192];
    size_t length = 0;
    for (;;) {
        ssize_t got = recv(fd, line + length, 1, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) {
            uv_run(&loop, UV_RUN_ONCE);
            continue;
        }
        if (got <= 0)
            break;
        if (line[length] == '\n')
            break;
        length++;
    }
    line[length] = '\0';
    return line;
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static void files_have_the_names_and_modes_of_their_users(void **state)
{
    (void)state;
    char group[16];
    struct error problem, error;
    open_in("");
    assert_non_null(strstr(listeners.wake_path, "/actuator-4.wake"));
    assert_non_null(strstr(listeners.control_path, "/actuator-4.control"));
    assert_int_equal(mode_of(listeners.wake_path), 0660);
    assert_int_equal(mode_of(listeners.control_path), 0600);
    listeners_close(&listeners);
    assert_int_equal(access(listeners.wake_path, F_OK), -1);
    assert_int_equal(access(listeners.control_path, F_OK), -1);
    listeners_close(&listeners); /* harmless */

    snprintf(group, sizeof(group), "%u", getegid());
    assert_int_equal(listeners_open(&listeners, directory, 4, group, NULL, &problem, &error), 0);
    assert_int_equal(problem.kind, ERROR_NONE);
    assert_true(listeners.has_operators);
    assert_int_equal(listeners.operators, getegid());
    assert_int_equal(mode_of(listeners.control_path), 0660);
    listeners_close(&listeners);
}

static void a_group_by_name_is_found(void **state)
{
    (void)state;
    struct error problem, error;
    const struct group *own = getgrgid(getegid());
    if (!own)
        skip();
    assert_int_equal(listeners_open(&listeners, directory, 4, own->gr_name, NULL, &problem, &error),
                     0);
    assert_int_equal(listeners.operators, getegid());
    listeners_close(&listeners);
}

static void a_group_that_is_none_leaves_the_socket_to_its_user(void **state)
{
    (void)state;
    static const struct {
        const char *group;
        const char *problem;
    } rows[] = {
        {"no-such-group", "there is no group \"no-such-group\""},
        {"12x", "\"12x\" is neither a group's name nor its number"},
        {"99999999999999999999",
         "\"99999999999999999999\" is neither a group's name nor its number"},
        {"4294967295", "\"4294967295\" is neither a group's name nor its number"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error problem, error;
        assert_int_equal(
            listeners_open(&listeners, directory, 4, rows[i].group, NULL, &problem, &error), 0);
        assert_string_equal(problem.message, rows[i].problem);
        assert_false(listeners.has_operators);
        assert_int_equal(mode_of(listeners.control_path), 0600);
        listeners_close(&listeners);
    }
}

static void a_directory_that_is_missing_is_an_error(void **state)
{
    (void)state;
    struct error problem, error;
    assert_int_equal(
        listeners_open(&listeners, "/no/such/directory", 4, "", NULL, &problem, &error), -1);
    assert_int_equal(listeners.wake, -1);
    assert_int_equal(listeners.control, -1);
}

static void the_sockets_of_another_that_runs_are_not_taken(void **state)
{
    (void)state;
    struct listeners second;
    struct error problem, error;
    open_in("");
    assert_int_equal(listeners_open(&second, directory, 4, "", NULL, &problem, &error), -1);
    assert_int_equal(error.kind, ERROR_CONFLICT);
    listeners_close(&listeners);
}

static void our_own_user_may_use_the_control_socket(void **state)
{
    (void)state;
    int pair[2];
    struct error error;
    open_in("");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(listeners_check_peer(&listeners, pair[0], &error), 0);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(listeners_check_peer(&listeners, -1, &error), -1);
    listeners_close(&listeners);
}

static void requests_are_answered_in_order(void **state)
{
    (void)state;
    cleanup_fd int fd = connect_control();
    say(fd, "{\"command\":\"one\"}\n{\"command\":\"two\"}\n{\"command\":");
    assert_string_equal(hear(fd), "{\"ok\":true,\"echo\":{\"command\":\"one\"}}");
    assert_string_equal(hear(fd), "{\"ok\":true,\"echo\":{\"command\":\"two\"}}");
    say(fd, "\"three\"}\n");
    assert_string_equal(hear(fd), "{\"ok\":true,\"echo\":{\"command\":\"three\"}}");
    assert_int_equal(asked, 3);
}

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    cleanup_fd int fd = connect_control();
    say(fd, "hello\n");
    assert_int_equal(strncmp(hear(fd), "{\"ok\":false,\"error\":\"", 21), 0);
    say(fd, "{}\n");
    assert_string_equal(hear(fd), "{\"ok\":true,\"echo\":{}}");
    assert_int_equal(asked, 1);
}

static void a_request_that_is_too_long_ends_the_connection(void **state)
{
    (void)state;
    char request[SOCKETS_REQUEST_MAXIMUM + 1];
    memset(request, ' ', sizeof(request) - 1);
    request[sizeof(request) - 1] = '\0';
    cleanup_fd int fd = connect_control();
    say(fd, request);
    assert_string_equal(hear(fd), "");
    assert_int_equal(asked, 0);
    memcpy(request, "{}", 2);
    request[SOCKETS_REQUEST_MAXIMUM - 1] = '\n'; /* just fits */
    cleanup_fd int other = connect_control();
    say(other, request);
    assert_string_equal(hear(other), "{\"ok\":true,\"echo\":{}}");
}

static void more_connections_than_there_is_room_for_are_ended(void **state)
{
    (void)state;
    int fds[SOCKETS_CONNECTIONS_MAXIMUM];
    for (int i = 0; i < SOCKETS_CONNECTIONS_MAXIMUM; i++) {
        fds[i] = connect_control();
        say(fds[i], "{}\n");
        assert_string_equal(hear(fds[i]), "{\"ok\":true,\"echo\":{}}");
    }
    int more[3];
    for (int i = 0; i < 3; i++)
        more[i] = connect_control(); /* all at once */
    for (int i = 0; i < 3; i++) {
        assert_string_equal(hear(more[i]), "");
        close(more[i]);
    }
    for (int i = 0; i < SOCKETS_CONNECTIONS_MAXIMUM; i++)
        close(fds[i]);
    while (sockets.connections > 0)
        uv_run(&loop, UV_RUN_ONCE);
    cleanup_fd int fd = connect_control();
    say(fd, "{}\n");
    assert_string_equal(hear(fd), "{\"ok\":true,\"echo\":{}}");
}

static void a_connection_that_ends_within_a_request_is_forgotten(void **state)
{
    (void)state;
    int first = connect_control();
    int second = connect_control();
    int third = connect_control();
    say(second, "{\"comm");
    while (sockets.connections < 3)
        uv_run(&loop, UV_RUN_ONCE);
    close(second); /* the one in the middle of the list */
    while (sockets.connections > 2)
        uv_run(&loop, UV_RUN_ONCE);
    close(third);
    close(first);
    while (sockets.connections > 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_null(sockets.first);
}

static void datagrams_wake_once_however_many_there_are(void **state)
{
    (void)state;
    cleanup_fd int fd = connect_to(listeners.wake_path, SOCK_DGRAM);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(woken, 0);
    for (int i = 0; i < 3; i++)
        say(fd, "look");
    while (!woken)
        uv_run(&loop, UV_RUN_ONCE);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(woken, 1);
    send(fd, "", 0, 0);
    while (woken < 2)
        uv_run(&loop, UV_RUN_ONCE);
}

static void a_refusal_is_told_for_each_request(void **state)
{
    (void)state;
    const struct error error = {.kind = ERROR_DENIED, .message = "no"};
    cleanup_json struct json_object *refusal = sockets_refusal(&error);
    cleanup_free char *text = document_format(refusal);
    assert_string_equal(text, "{\"ok\":false,\"error\":\"no\"}");
}

#define WITH_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
#define WITH_SOCKETS(name)   cmocka_unit_test_setup_teardown(name, open_sockets, close_sockets)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(files_have_the_names_and_modes_of_their_users),
        WITH_DIRECTORY(a_group_by_name_is_found),
        WITH_DIRECTORY(a_group_that_is_none_leaves_the_socket_to_its_user),
        WITH_DIRECTORY(a_directory_that_is_missing_is_an_error),
        WITH_DIRECTORY(the_sockets_of_another_that_runs_are_not_taken),
        WITH_DIRECTORY(our_own_user_may_use_the_control_socket),
        WITH_SOCKETS(requests_are_answered_in_order),
        WITH_SOCKETS(what_is_no_request_is_refused),
        WITH_SOCKETS(a_request_that_is_too_long_ends_the_connection),
        WITH_SOCKETS(more_connections_than_there_is_room_for_are_ended),
        WITH_SOCKETS(a_connection_that_ends_within_a_request_is_forgotten),
        WITH_SOCKETS(datagrams_wake_once_however_many_there_are),
        cmocka_unit_test(a_refusal_is_told_for_each_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
