/* SPDX-License-Identifier: Apache-2.0 */
/* confine_fixture.c - attempts inside what a daemon confined itself to. */
#include "confine_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/confinement.h"
#include "mimo/log.h"
#include "mimo/privileges.h"
#include "mimo/program.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { ORDINARY_USER = 61186, SAID_SIZE = 4096, CONFINE_FAILED = 100, NOT_GRANTED = 101 };

static char directory[64];

const char *confine_path(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void make_file(const char *name, const char *text)
{
    cleanup_file FILE *file = fopen(confine_path(name), "we");
    assert_non_null(file);
    fputs(text, file);
}

static void give_to(uid_t user, const char *name)
{
    if (geteuid() == 0)
        assert_int_equal(chown(confine_path(name), user, user), 0);
}

static void give(const char *name)
{
    give_to(ORDINARY_USER, name);
}

/* The configuration is root's while it is read, as it must be. Afterwards it is the daemon's, so
 * that the confinement alone keeps the daemon from changing it. */
static void give_configuration_to(uid_t user)
{
    give_to(user, "etc");
    give_to(user, "etc/mimo.conf");
}

int confine_fixture_set_up(void **state)
{
    static const char *const folders[] = {"store", "etc", "run", "other"};
    static const char *const files[] = {"store/mimo.db", "etc/mimo.conf", "other/file"};
    (void)state;
    strcpy(directory, "/tmp/mimo-confine-XXXXXX");
    if (!mkdtemp(directory) || chmod(directory, 0755) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        assert_int_equal(mkdir(confine_path(folders[i]), 0755), 0);
        give(folders[i]);
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        make_file(files[i], "");
        give(files[i]);
    }
    return 0;
}

int confine_fixture_tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command) == 0 ? 0 : -1;
}

/* As main() of a daemon would: options, configuration, another user. */
static void load_config(struct config *config)
{
    static char options[6][320];
    static char name[] = "confine", set[] = "--set";
    snprintf(options[0], sizeof(options[0]), "--config=%s", confine_path("etc/mimo.conf"));
    snprintf(options[1], sizeof(options[1]), "store.uri=sqlite:%s", confine_path("store/mimo.db"));
    snprintf(options[2], sizeof(options[2]), "actuator.runtime_directory=%s", confine_path("run"));
    snprintf(options[3], sizeof(options[3]), "api.token_file=%s", confine_path("etc/tokens"));
    snprintf(options[4], sizeof(options[4]), "api.tls_certificate=%s", confine_path("etc/api.crt"));
    snprintf(options[5], sizeof(options[5]), "api.tls_key=%s", confine_path("etc/api.key"));
    char *arguments[] = {name, options[0], set, options[1], set, options[2], set, options[3],
                         set,  options[4], set, options[5], NULL};
    static const struct program program = {.name = "confine", .summary = ""};
    program_start(&program, sizeof(arguments) / sizeof(arguments[0]) - 1, arguments, config);
    give_configuration_to(ORDINARY_USER);
    const gid_t id = ORDINARY_USER;
    if (geteuid() == 0 &&
        (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0))
        abort();
}

static _Noreturn void be_daemon(confine_f *confine, const struct attempt *attempt)
{
    struct config config;
    struct error error;
    load_config(&config);
    if (confine(&config, &error) < 0) {
        dprintf(STDERR_FILENO, "cannot confine: %s\n", error.message);
        _exit(CONFINE_FAILED);
    }
    errno = 0;
    int result = attempt->attempt();
    _exit(result == 0 ? 0 : errno > 0 && errno < CONFINE_FAILED ? errno : NOT_GRANTED);
}

int confine_run(confine_f *confine, const struct attempt *attempt, char *said, size_t size)
{
    int output[2], status;
    make_file("etc/mimo.conf", attempt->configuration ? attempt->configuration : "");
    give_configuration_to(0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(output[1], STDERR_FILENO);
        be_daemon(confine, attempt);
    }
    close(output[1]);
    size_t length = 0;
    ssize_t taken;
    while ((taken = read(output[0], said + length, size - 1 - length)) > 0)
        length += (size_t)taken;
    said[length] = '\0';
    close(output[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static bool has_hosts; /* looked at before the confinement */

static bool ended_as_expected(const struct attempt *attempt, int status, const char *said)
{
    char line[96];
    switch (attempt->expected) {
    case GRANTED:
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    case REFUSED:
        return WIFEXITED(status) && WEXITSTATUS(status) == attempt->error_number;
    case NAMED:
        snprintf(line, sizeof(line), "ended after the forbidden system call %s: a bug",
                 attempt->call);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS && strstr(said, line);
    case KILLED:
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS && !strstr(said, "it called");
    }
    return false;
}

void confine_check(confine_f *confine, const struct attempt *attempts, size_t count)
{
    int bad = 0;
    has_hosts = access("/etc/hosts", R_OK) == 0;
    for (size_t i = 0; i < count; i++) {
        char said[SAID_SIZE];
        if (attempts[i].needs_landlock && confinement_landlock_abi(CONFINEMENT_ABI_MAXIMUM) < 1)
            continue;
        int status = confine_run(confine, &attempts[i], said, sizeof(said));
        if (ended_as_expected(&attempts[i], status, said))
            continue;
        print_error("%s: wait status %#x%s%s\n", attempts[i].name, (unsigned)status,
                    *said ? ", said: " : "", said);
        bad++;
    }
    assert_int_equal(bad, 0);
}

/* ---- attempts ---- */

static int attempt_exec(void)
{
    char name[] = "true";
    char *arguments[] = {name, NULL};
    return execv("/bin/true", arguments);
}

static int attempt_trace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int attempt_fork(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child < 0 ? -1 : 0;
}

static int attempt_namespace(void)
{
    return unshare(CLONE_NEWUSER);
}

static int attempt_io_uring(void)
{
    return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int attempt_bpf(void)
{
    return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int attempt_become_root(void)
{
    return setuid(0);
}

static int attempt_kill_parent(void)
{
    return kill(getppid(), SIGCONT);
}

static int attempt_become_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int attempt_socket(int family, int type, int protocol)
{
    return socket(family, type, protocol) < 0 ? -1 : 0;
}

static int attempt_packet_socket(void)
{
    return attempt_socket(AF_PACKET, SOCK_RAW, 0);
}

int attempt_multipath_socket(void)
{
    return attempt_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

int attempt_tcp_socket(void)
{
    return attempt_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int attempt_local_socket(void)
{
    return attempt_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int attempt_listen(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET};
    return bind(STDIN_FILENO, (const struct sockaddr *)&any, sizeof(any));
}

static int attempt_change_mode(void)
{
    return chmod(confine_path("store/mimo.db"), 0666);
}

static int attempt_rename(void)
{
    return rename("/nonexistent", "/tmp/nonexistent");
}

static int attempt_run_written_memory(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? -1 : 0;
}

#ifndef WITH_SANITIZERS
static int attempt_another_handler(void)
{
    return signal(SIGSYS, SIG_IGN) == SIG_ERR ? -1 : 0;
}
#endif

static void *do_nothing(void *argument)
{
    return argument;
}

int attempt_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, do_nothing, NULL) != 0)
        return -1;
    return pthread_join(thread, NULL) == 0 ? 0 : -1;
}

/* A bare root has no /etc/hosts, and then nobody may know localhost: that the lookup returns shows
 * that it was not forbidden. */
int attempt_look_up_name(void)
{
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    if (getaddrinfo("localhost", NULL, &hints, &found) != 0)
        return has_hosts ? -1 : 0;
    freeaddrinfo(found);
    return 0;
}

static int attempt_open(const char *path, int flags)
{
    return open(path, flags | O_CLOEXEC, 0600) < 0 ? -1 : 0;
}

static int attempt_read_shadow(void)
{
    return attempt_open("/etc/shadow", O_RDONLY);
}

int attempt_read_other_file(void)
{
    return attempt_open(confine_path("other/file"), O_RDONLY);
}

static int attempt_list_other_directory(void)
{
    return attempt_open("/var", O_RDONLY | O_DIRECTORY);
}

int attempt_read_configuration(void)
{
    return attempt_open(confine_path("etc/mimo.conf"), O_RDONLY);
}

static int attempt_change_configuration(void)
{
    return attempt_open(confine_path("etc/mimo.conf"), O_RDWR);
}

int attempt_change_store(void)
{
    return attempt_open(confine_path("store/mimo.db"), O_RDWR);
}

int attempt_make_file_beside_store(void)
{
    const char *path = confine_path("store/mimo.db-wal");
    return attempt_open(path, O_RDWR | O_CREAT) < 0 ? -1 : unlink(path);
}

/* ---- what is the same for all ---- */

void confine_check_hostile(confine_f *confine)
{
    static const struct attempt attempts[] = {
        {.name = "exec", .attempt = attempt_exec, .expected = KILLED},
        {.name = "trace", .attempt = attempt_trace, .expected = KILLED},
        {.name = "namespace", .attempt = attempt_namespace, .expected = KILLED},
        {.name = "io_uring", .attempt = attempt_io_uring, .expected = KILLED},
        {.name = "bpf", .attempt = attempt_bpf, .expected = KILLED},
        {.name = "fork", .attempt = attempt_fork, .expected = NAMED, .call = "clone"},
        {.name = "root", .attempt = attempt_become_root, .expected = NAMED, .call = "setuid"},
        {.name = "signal", .attempt = attempt_kill_parent, .expected = NAMED, .call = "kill"},
        {.name = "dumpable",
         .attempt = attempt_become_dumpable,
         .expected = NAMED,
         .call = "prctl"},
        {.name = "packets", .attempt = attempt_packet_socket, .expected = NAMED, .call = "socket"},
        {.name = "MPTCP", .attempt = attempt_multipath_socket, .expected = NAMED, .call = "socket"},
        {.name = "listen", .attempt = attempt_listen, .expected = NAMED, .call = "bind"},
        {.name = "change a mode",
         .attempt = attempt_change_mode,
         .expected = NAMED,
         .call = "chmod"},
        {.name = "rename", .attempt = attempt_rename, .expected = NAMED, .call = "rename"},
        {.name = "run written memory",
         .attempt = attempt_run_written_memory,
         .expected = REFUSED,
         .error_number = EACCES},
#ifndef WITH_SANITIZERS /* which install handlers of their own */
        {.name = "another handler",
         .attempt = attempt_another_handler,
         .expected = NAMED,
         .call = "rt_sigaction"},
#endif
    };
    confine_check(confine, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

void confine_check_starter(confine_f *confine)
{
    static const struct attempt attempts[] = {
        {.name = "exec", .attempt = attempt_exec},
        {.name = "fork", .attempt = attempt_fork},
        {.name = "trace", .attempt = attempt_trace, .expected = KILLED},
        {.name = "namespace", .attempt = attempt_namespace, .expected = KILLED},
        {.name = "io_uring", .attempt = attempt_io_uring, .expected = KILLED},
        {.name = "bpf", .attempt = attempt_bpf, .expected = KILLED},
        {"root", attempt_become_root, REFUSED, ENOSYS, NULL, false, NULL},
        {"signal", attempt_kill_parent, REFUSED, ENOSYS, NULL, false, NULL},
        {"dumpable", attempt_become_dumpable, REFUSED, ENOSYS, NULL, false, NULL},
        {"packets", attempt_packet_socket, REFUSED, ENOSYS, NULL, false, NULL},
        {"MPTCP", attempt_multipath_socket, REFUSED, ENOSYS, NULL, false, NULL},
        {"change a mode", attempt_change_mode, REFUSED, ENOSYS, NULL, false, NULL},
        {"rename", attempt_rename, REFUSED, ENOSYS, NULL, false, NULL},
        {"run written memory", attempt_run_written_memory, REFUSED, ENOSYS, NULL, false, NULL},
        {"change a file", attempt_change_store, REFUSED, EACCES, NULL, true, NULL},
        {"make a file", attempt_make_file_beside_store, REFUSED, EACCES, NULL, true, NULL},
    };
    confine_check(confine, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

void confine_check_files(confine_f *confine)
{
    static const struct attempt attempts[] = {
        {"/etc/shadow", attempt_read_shadow, REFUSED, EACCES, NULL, false, NULL},
        {"another file", attempt_read_other_file, REFUSED, EACCES, NULL, true, NULL},
        {"another directory", attempt_list_other_directory, REFUSED, EACCES, NULL, true, NULL},
        {"change what is read", attempt_change_configuration, REFUSED, EACCES, NULL, true, NULL},
    };
    confine_check(confine, attempts, sizeof(attempts) / sizeof(attempts[0]));
}
