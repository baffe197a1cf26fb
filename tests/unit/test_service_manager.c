/* SPDX-License-Identifier: Apache-2.0 */
/* test_service_manager.c - what a service manager hears, and that nobody waits for it. */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "expect.h"
#include "mimo/io.h"
#include "mimo/service_manager.h"

enum { TOO_MANY = 100000 };

static char folder[] = "/tmp/mimo-test-notify-XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/notify", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int listen_at_path(void)
{
    struct error error;
    int fd = io_listen_unix(path, SOCK_DGRAM, 0600, &error);
    expect_success(fd < 0 ? -1 : 0, &error);
    setenv("NOTIFY_SOCKET", path, 1);
    return fd;
}

static void expect_heard(int fd, const char *state)
{
    char heard[64];
    ssize_t length = recv(fd, heard, sizeof(heard) - 1, MSG_DONTWAIT);
    assert_true(length >= 0);
    heard[length] = '\0';
    assert_string_equal(heard, state);
}

static void a_state_is_one_datagram(void **state)
{
    (void)state;
    int fd = listen_at_path();
    assert_true(service_manager_tell("RELOADING=1\nMONOTONIC_USEC=7"));
    assert_true(service_manager_tell("READY=1"));
    expect_heard(fd, "RELOADING=1\nMONOTONIC_USEC=7");
    expect_heard(fd, "READY=1");
    close(fd);
}

static void a_name_that_is_no_file_is_found(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    int length =
        snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "mimo-test-%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)),
                     0);
    *address.sun_path = '@';
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    assert_true(service_manager_tell("READY=1"));
    expect_heard(fd, "READY=1");
    close(fd);
}

static void a_full_socket_is_told_and_not_waited_for(void **state)
{
    int told = 0;
    (void)state;
    int fd = listen_at_path();
    alarm(60); /* ends a test that waits */
    while (service_manager_tell("WATCHDOG=1"))
        assert_true(++told < TOO_MANY);
    alarm(0);
    assert_true(told > 0);
    expect_heard(fd, "WATCHDOG=1");
    assert_true(service_manager_tell("READY=1"));
    close(fd);
}

static void nobody_to_tell_is_no_reason_to_try_again(void **state)
{
    static const char *const names[] = {"", "/", "@", "relative", "/nonexistent/socket", NULL};
    char too_long[256];
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_true(service_manager_tell("READY=1"));
    for (size_t i = 0; names[i]; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        assert_true(service_manager_tell("READY=1"));
    }
    memset(too_long, '/', sizeof(too_long));
    too_long[sizeof(too_long) - 1] = '\0';
    setenv("NOTIFY_SOCKET", too_long, 1);
    assert_true(service_manager_tell("READY=1"));
    close(listen_at_path());
    assert_true(service_manager_tell("READY=1")); /* its file is there, and nobody reads */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_one_datagram),
        cmocka_unit_test(a_name_that_is_no_file_is_found),
        cmocka_unit_test(a_full_socket_is_told_and_not_waited_for),
        cmocka_unit_test(nobody_to_tell_is_no_reason_to_try_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
