/* SPDX-License-Identifier: Apache-2.0 */
/* launcher_fixture.c - plays the supervisor of a real mimo-launcher. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endpoint_fixture.h"
#include "launcher_fixture.h"
#include "mimo/cgroup.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/job.h"
#include "mimo/seal.h"
#include "patience.h"

#define PRACTICE_TASK "00000000-0000-4000-8000-000000000001"
#define SOME_UUID     "12345678-1234-4234-8234-123456789abc"
#define SOME_CLUSTER                                                                               \
    "/subscriptions/" SOME_UUID "/resourcegroups/r/providers/"                                     \
    "microsoft.redhatopenshift/openshiftclusters/c1"

bool launcher_can_be_root(void)
{
    return geteuid() == 0;
}

void launcher_path(char *buffer, size_t size)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(length > 0);
    self[length] = '\0'; /* BUILD/tests/unit/test_launcher */
    snprintf(buffer, size, "%s/mimo-launcher", dirname(dirname(dirname(self))));
    if (access(buffer, X_OK) != 0)
        fail_msg("%s is missing: build it first", buffer);
}

/* --- Start and end --- */

static void write_config(const struct launcher_process *launcher, const char *path)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file,
            "[actuator]\nlauncher_user = %d\nworker_user = %d\n"
            "[clusters]\nseal_certificate = %s/seal.crt\nseal_key = %s/seal.key\n"
            "[log]\nformat = text\n",
            FIXTURE_LAUNCHER_USER, FIXTURE_WORKER_USER, launcher->folder, launcher->folder);
    assert_int_equal(fclose(file), 0);
}

static void make_seal(const struct launcher_process *launcher, bool ordinary_user)
{
    char certificate[96], key[96];
    struct error error;
    int made;
    gid_t owner = ordinary_user ? FIXTURE_ORDINARY_USER : FIXTURE_LAUNCHER_USER;
    if (!launcher_can_be_root())
        owner = (gid_t)-1;
    snprintf(certificate, sizeof(certificate), "%s/seal.crt", launcher->folder);
    snprintf(key, sizeof(key), "%s/seal.key", launcher->folder);
    if (seal_make_pair(certificate, key, owner, owner, &made, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(chmod(certificate, 0644), 0);
}

/* --- A machine that makes no user namespaces: one namespace in which no more can be made --- */

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (write(fd, text, strlen(text)) < 0)
        fail_msg("%s: %s", path, strerror(errno));
    close(fd);
}

/* All users are who they were; an ordinary user can map nobody but itself. */
static void write_maps(pid_t pid)
{
    char path[64], map[64] = "0 0 4294967295";
    if (!launcher_can_be_root()) {
        snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
        write_text(path, "deny");
        snprintf(map, sizeof(map), "%u %u 1", (unsigned)getuid(), (unsigned)getuid());
    }
    snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
    write_text(path, map);
    if (!launcher_can_be_root())
        snprintf(map, sizeof(map), "%u %u 1", (unsigned)getgid(), (unsigned)getgid());
    snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
    write_text(path, map);
}

static void map_when_asked(pid_t pid, int socket)
{
    char byte;
    assert_int_equal(read(socket, &byte, 1), 1);
    if (byte == 'm')
        write_maps(pid);
    assert_int_equal(write(socket, "!", 1), 1);
}

/* In the child. */
static void forbid_namespaces(int socket)
{
    char byte = unshare(CLONE_NEWUSER) == 0 ? 'm' : '-'; /* else this machine is such a one */
    bool made = byte == 'm';
    if (write(socket, &byte, 1) != 1 || read(socket, &byte, 1) != 1)
        _exit(126);
    int fd = made ? open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC) : -1;
    if (made && (fd < 0 || write(fd, "0", 1) != 1))
        _exit(126);
}

/* In the child: to the place that mimod gives the launcher. */
static void enter_cgroup(int place)
{
    struct error error;
    int own;
    if (cgroup_make(place, "launcher", (gid_t)-1, &own, &error) < 0 ||
        cgroup_enter(own, &error) < 0)
        _exit(126);
}

/* In the child. */
static _Noreturn void become_launcher(char **argv, int channel, int log, int cgroup,
                                      const struct launcher_options *options, int socket)
{
    const gid_t id = FIXTURE_ORDINARY_USER;
    bool ordinary_user = options->ordinary_user;
    if (cgroup >= 0)
        enter_cgroup(cgroup);
    if (options->without_namespaces)
        forbid_namespaces(socket);
    /* By way of numbers that are nobody's place. */
    log = fcntl(log, F_DUPFD_CLOEXEC, 100);
    channel = fcntl(channel, F_DUPFD_CLOEXEC, 100);
    cgroup = cgroup < 0 ? -1 : fcntl(cgroup, F_DUPFD_CLOEXEC, 100);
    if (cgroup >= 0 && dup2(cgroup, 5) < 0)
        _exit(126);
    if ((options->lock && dup2(options->lock, 4) < 0) || dup2(log, STDERR_FILENO) < 0 ||
        dup2(channel, 3) < 0)
        _exit(126);
    if (ordinary_user && geteuid() == 0 &&
        (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0))
        _exit(126);
    execv(argv[0], argv);
    _exit(127);
}

static pid_t spawn(const struct launcher_process *launcher, const struct launcher_options *options,
                   int channel, int log)
{
    char path[PATH_MAX], config[96];
    char channel_option[] = "--channel", number[] = "3", config_option[] = "--config";
    char lock_option[] = "--lock", lock_number[] = "4";
    char cgroup_option[] = "--cgroup", cgroup_number[] = "5";
    char *argv[20] = {path, channel_option, number, config_option, config};
    int sockets[2];
    size_t count = 5;
    launcher_path(path, sizeof(path));
    snprintf(config, sizeof(config), "%s/mimo.conf", launcher->folder);
    write_config(launcher, config);
    for (size_t i = 0; options->arguments && options->arguments[i]; i++) {
        assert_true(count < 17);
        argv[count++] = (char *)(uintptr_t)options->arguments[i];
    }
    if (options->lock) {
        argv[count++] = lock_option;
        argv[count++] = lock_number;
        assert_true(count < 20);
    }
    if (launcher->cgroup.place >= 0) {
        argv[count++] = cgroup_option;
        argv[count++] = cgroup_number;
        assert_true(count < 20);
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        become_launcher(argv, channel, log, launcher->cgroup.place, options, sockets[1]);
    if (options->without_namespaces)
        map_when_asked(pid, sockets[0]);
    close(sockets[0]);
    close(sockets[1]);
    return pid;
}

void launcher_start(struct launcher_process *launcher, const struct launcher_options *options)
{
    int channel[2], log[2];
    struct launcher_message message;
    *launcher = (struct launcher_process){.folder = "/tmp/mimo-test-launcher-XXXXXX"};
    assert_non_null(mkdtemp(launcher->folder));
    assert_int_equal(chmod(launcher->folder, 0755), 0);
    if (options->with_key)
        make_seal(launcher, options->ordinary_user);
    /* Workers whose launcher was killed become children of the test, which can wait for them. */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), 0);
    assert_int_equal(pipe2(log, O_CLOEXEC), 0);
    launcher->cgroup.parent = launcher->cgroup.place = -1;
    if (options->with_cgroup)
        cgroup_fixture_open(&launcher->cgroup,
                            options->ordinary_user ? FIXTURE_ORDINARY_USER : FIXTURE_LAUNCHER_USER);
    launcher->pid = spawn(launcher, options, channel[1], log[1]);
    close(channel[1]);
    close(log[1]);
    launcher->channel = channel[0];
    launcher->log = log[0];
    if (options->expect_failure)
        return;
    launcher_expect(launcher, LAUNCHER_READY, &message);
    launcher->ready = message.ready;
}

static void await_readable(int fd, const char *what)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&readable, 1, patient_milliseconds(FIXTURE_DEADLINE));
    while (ready < 0 && errno == EINTR);
    if (ready != 1)
        fail_msg("nothing came of %s", what);
}

static void read_log(struct launcher_process *launcher, char *log, size_t size)
{
    char scratch[4096];
    size_t length = 0;
    for (;;) {
        await_readable(launcher->log, "the launcher's log");
        ssize_t got = read(launcher->log, scratch, sizeof(scratch));
        assert_true(got >= 0);
        if (got == 0)
            break;
        for (ssize_t i = 0; i < got && length + 1 < size; i++)
            log[length++] = scratch[i];
    }
    if (size > 0)
        log[length] = '\0';
}

int fixture_reap(pid_t pid)
{
    int status;
    int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(handle >= 0);
    await_readable(handle, "a process that was to end");
    close(handle);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void remove_folder(const char *folder)
{
    static const char *const names[] = {"mimo.conf", "seal.crt", "seal.key"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

int launcher_wait(struct launcher_process *launcher, char *log, size_t size)
{
    read_log(launcher, log, size);
    int status = fixture_reap(launcher->pid);
    close(launcher->log);
    if (launcher->channel >= 0)
        close(take_fd(&launcher->channel));
    remove_folder(launcher->folder);
    cgroup_fixture_close(&launcher->cgroup);
    return status;
}

int launcher_stop(struct launcher_process *launcher)
{
    close(take_fd(&launcher->channel));
    return launcher_wait(launcher, NULL, 0);
}

/* --- Messages --- */

void launcher_send(struct launcher_process *launcher, const struct launcher_message *message)
{
    struct error error;
    while (launcher_channel_send(launcher->channel, message, &error) < 0) {
        if (error.kind != ERROR_BUSY)
            fail_msg("%s", error.message);
        struct pollfd writable = {.fd = launcher->channel, .events = POLLOUT};
        assert_int_equal(poll(&writable, 1, patient_milliseconds(FIXTURE_DEADLINE)), 1);
    }
}

void launcher_signal(struct launcher_process *launcher, const struct attempt *attempt, int signal)
{
    struct launcher_message message = {
        .type = LAUNCHER_SIGNAL,
        .signal = {.token = attempt->token, .signal = (uint32_t)signal},
        .job_fd = -1,
        .report_fd = -1,
    };
    launcher_send(launcher, &message);
}

void launcher_receive(struct launcher_process *launcher, struct launcher_message *ret_message)
{
    struct error error;
    int received;
    do {
        await_readable(launcher->channel, "the launcher");
        received = launcher_channel_receive(launcher->channel, LAUNCHER_SIDE_LAUNCHER,
                                            &launcher->state, ret_message, &error);
    } while (received == 0);
    if (received < 0)
        fail_msg("%s", error.message);
}

void launcher_expect(struct launcher_process *launcher, enum launcher_message_type type,
                     struct launcher_message *ret_message)
{
    launcher_receive(launcher, ret_message);
    assert_int_equal(ret_message->type, type);
}

/* --- Attempts --- */

/* The job's JSON; the caller frees it. */
static char *make_job(const struct attempt_request *request)
{
    struct error error;
    cleanup_json struct json_object *parameters = NULL;
    cleanup_json struct json_object *cluster =
        document_pack("{s:s, s:{}}", "id", SOME_CLUSTER, "properties");
    cleanup_json struct json_object *endpoints =
        request->host ? endpoints_of(request->host, request->host_port, "127.0.0.1")
                      : json_object_new_array();
    if (request->parameters)
        parameters = document_parse(request->parameters, strlen(request->parameters), &error);
    if (request->parameters && !parameters)
        fail_msg("%s: %s", request->parameters, error.message);
    if (request->cluster_url)
        document_set(cluster, "properties.apiserverProfile.url",
                     document_new_string(request->cluster_url));
    cleanup_json struct json_object *job =
        job_build(SOME_UUID, request->task ? request->task : PRACTICE_TASK, SOME_CLUSTER, 1,
                  SOME_UUID, parameters, cluster, endpoints, NULL);
    char *text = document_format(job);
    assert_non_null(text);
    return text;
}

/* Job and sealed credentials, one behind the other. */
static int make_document(const struct attempt_request *request, struct launcher_launch *order)
{
    struct error error;
    cleanup_free char *text = make_job(request);
    size_t length = strlen(text);
    cleanup_free char *both = malloc(length + request->sealed_length);
    assert_non_null(both);
    memcpy(both, text, length);
    if (request->sealed_length > 0)
        memcpy(both + length, request->sealed, request->sealed_length);
    order->job_length = (uint32_t)length;
    order->sealed_length = (uint32_t)request->sealed_length;
    int fd = io_sealed_memory("job", both, length + request->sealed_length, &error);
    assert_true(fd >= 0);
    return fd;
}

void attempt_send(struct launcher_process *launcher, const struct attempt_request *request,
                  struct attempt *ret_attempt)
{
    int ends[2];
    *ret_attempt = (struct attempt){.token = ++launcher->last_token};
    struct launcher_message message = {
        .type = LAUNCHER_LAUNCH,
        .launch = {.token = ret_attempt->token,
                   .memory = request->memory ? request->memory : UINT64_C(256) << 20,
                   .attempt_memory =
                       request->attempt_memory ? request->attempt_memory : UINT64_C(1) << 30,
                   .slot = request->slot,
                   .alarm_seconds = request->alarm_seconds ? request->alarm_seconds : 60,
                   .cpu_seconds = 60,
                   .open_files = 64,
                   .title = "mimo-worker: Practice c1 12345678"},
    };
    if (request->port) {
        message.launch.port_count = 1;
        message.launch.ports[0] = request->port;
    }
    cleanup_fd int document = make_document(request, &message.launch);
    if (request->change)
        request->change(&message.launch, &document);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    message.job_fd = document;
    message.report_fd = ends[1];
    launcher_send(launcher, &message);
    close(ends[1]);
    ret_attempt->pipe = ends[0];
}

void attempt_launch(struct launcher_process *launcher, const struct attempt_request *request,
                    struct attempt *ret_attempt)
{
    struct launcher_message message;
    attempt_send(launcher, request, ret_attempt);
    launcher_expect(launcher, LAUNCHER_STARTED, &message);
    assert_int_equal(message.started.token, ret_attempt->token);
    ret_attempt->pid = message.started.pid;
}

static void take_result(const struct report *report, void *context)
{
    struct attempt *attempt = context;
    if (report->type != REPORT_RESULT)
        return;
    attempt->has_result = true;
    attempt->result = report->outcome;
    snprintf(attempt->message, sizeof(attempt->message), "%s", report->text);
}

/* Reads once from the pipe; false at its end. */
static bool read_report(struct attempt *attempt)
{
    char scratch[4096];
    await_readable(attempt->pipe, "the report pipe");
    ssize_t got = read(attempt->pipe, scratch, sizeof(scratch));
    assert_true(got >= 0);
    report_reader_feed(&attempt->reader, scratch, (size_t)got, take_result, attempt);
    for (ssize_t i = 0; i < got; i++)
        if (attempt->reported_length++ < ATTEMPT_REPORTED_SIZE - 1)
            attempt->reported[attempt->reported_length - 1] = scratch[i];
    return got > 0;
}

void attempt_await_report(struct attempt *attempt, const char *text)
{
    while (!strstr(attempt->reported, text))
        if (!read_report(attempt))
            fail_msg("\"%s\" was not reported, but: %s", text, attempt->reported);
}

void attempt_abandon(struct attempt *attempt)
{
    close(attempt->pipe);
    report_reader_free(&attempt->reader);
}

void attempt_finish(struct launcher_process *launcher, struct attempt *attempt)
{
    struct launcher_message message;
    while (read_report(attempt))
        ;
    attempt_abandon(attempt);
    launcher_expect(launcher, LAUNCHER_ENDED, &message);
    assert_int_equal(message.ended.token, attempt->token);
    attempt->ended = message.ended;
    attempt->wait_status = message.ended.wait_status;
}

void attempt_run(struct launcher_process *launcher, const struct attempt_request *request,
                 struct attempt *ret_attempt)
{
    attempt_launch(launcher, request, ret_attempt);
    attempt_finish(launcher, ret_attempt);
}
