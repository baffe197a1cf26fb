/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_wake.c - after a change the actuators of this machine are told to look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/endpoints/wake.h"
#include "mimo/io.h"
#include "patience.h"

static void every_wake_socket_gets_a_datagram_and_nothing_else_does(void **state)
{
    (void)state;
    struct error error;
    char directory[] = "/tmp/mimo-wake-XXXXXX";
    char path[4][128];
    static const char *const names[4] = {"actuator-0.wake", "actuator-1.wake", "actuator-2.wake",
                                         "actuator-0.control"};
    int sockets[4];
    assert_non_null(mkdtemp(directory));
    for (int i = 0; i < 4; i++) {
        snprintf(path[i], sizeof(path[i]), "%s/%s", directory, names[i]);
        sockets[i] = io_listen_unix(path[i], SOCK_DGRAM, 0660, &error);
        assert_true(sockets[i] >= 0);
    }
    close(sockets[2]); /* its actuator crashed and left the file */

    assert_int_equal(wake_actuators(directory), 2);

    char byte;
    assert_true(recv(sockets[0], &byte, 1, MSG_DONTWAIT) >= 0);
    assert_true(recv(sockets[1], &byte, 1, MSG_DONTWAIT) >= 0);
    assert_int_equal(recv(sockets[3], &byte, 1, MSG_DONTWAIT), -1);
    for (int i = 0; i < 4; i++) {
        if (i != 2)
            close(sockets[i]);
        unlink(path[i]);
    }
    rmdir(directory);
}

static void an_actuator_that_does_not_read_is_not_waited_for(void **state)
{
    (void)state;
    struct error error;
    char directory[] = "/tmp/mimo-wake-XXXXXX";
    char path[128];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/actuator-0.wake", directory);
    int socket = io_listen_unix(path, SOCK_DGRAM, 0660, &error);
    int reached = 0;
    alarm(patient_seconds(60)); /* a call that waits ends the test */
    while (reached < 1000000 && wake_actuators(directory) == 1)
        reached++;
    alarm(0);
    assert_true(reached > 0 && reached < 1000000);
    close(socket);
    unlink(path);
    rmdir(directory);
}

static void a_folder_that_is_not_there_is_fine(void **state)
{
    (void)state;
    assert_int_equal(wake_actuators("/nonexistent/mimo"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wake_socket_gets_a_datagram_and_nothing_else_does),
        cmocka_unit_test(an_actuator_that_does_not_read_is_not_waited_for),
        cmocka_unit_test(a_folder_that_is_not_there_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
