/* SPDX-License-Identifier: Apache-2.0 */
/* program_run.c - runs one program of a task, listens to it, and leaves nothing of it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher/program_run.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/exit_codes.h"
#include "mimo/external_task.h"

enum { FIRST_OWN_FD = EXTERNAL_KUBECONFIG_FD + 1, READ_SIZE = 16384 };

/* State of this process, which its signal handler uses too. */
static struct {
    struct program_place place;
    sigset_t waiting; /* the signal mask in which it waits: SIGCHLD and SIGTERM come through */
    volatile sig_atomic_t is_stopped;
} self;

/* --- Signals --- */

/* To all programs: within a PID namespace kill(-1) reaches everybody but this process. */
static void tell_programs(int number)
{
    kill(self.place.is_init ? -1 : 0, number);
}

/* SIGTERM that this process sends to its own group means the programs in it alone. */
static void take_termination(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)context;
    if (getppid() != self.place.parent)
        kill(0, SIGKILL);
    if (information->si_pid != self.place.stopper)
        return;
    self.is_stopped = 1;
    if (self.place.is_init) /* the launcher's signal reached this process alone */
        tell_programs(SIGTERM);
}

static void wake_up(int number)
{
    (void)number;
}

int program_run_prepare(const struct program_place *place, struct error *error)
{
    struct sigaction termination = {.sa_sigaction = take_termination, .sa_flags = SA_SIGINFO};
    struct sigaction child = {.sa_handler = wake_up};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigaddset(&blocked, SIGTERM);
    self.place = *place;
    if (sigprocmask(SIG_BLOCK, &blocked, &self.waiting) < 0 ||
        sigaction(SIGTERM, &termination, NULL) < 0 || sigaction(SIGCHLD, &child, NULL) < 0 ||
        prctl(PR_SET_PDEATHSIG, place->is_init ? SIGKILL : SIGTERM) < 0)
        return error_set_system(error, errno, "cannot prepare for programs");
    sigdelset(&self.waiting, SIGCHLD);
    sigdelset(&self.waiting, SIGTERM);
    if (getppid() != place->parent)
        return error_set(error, ERROR_UNAVAILABLE, "the guard has ended");
    return 0;
}

/* To be told to stop ends as by SIGTERM, of which the supervisor knows why it was sent. */
static _Noreturn void stop(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    if (self.place.is_init)
        _exit(EXIT_WORKER_STOPPED);
    sigaction(SIGTERM, &usual, NULL);
    kill(0, SIGTERM);
    sigsuspend(&self.waiting);
    _exit(EXIT_FAILURE); /* not reached */
}

/* A signal that came while there were events to be waited for is pending still. */
static bool is_told_to_stop(void)
{
    sigset_t before;
    sigprocmask(SIG_SETMASK, &self.waiting, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return self.is_stopped;
}

/* Waits for events, for a signal, or until `deadline`. */
static int wait_for(struct pollfd *sources, nfds_t count, int64_t deadline)
{
    int64_t left = deadline - clock_monotonic().milliseconds;
    struct timespec time = {.tv_sec = (time_t)(left / 1000), .tv_nsec = left % 1000 * 1000000};
    if (left <= 0)
        time = (struct timespec){0};
    return ppoll(sources, count, deadline == INT64_MAX ? NULL : &time, &self.waiting);
}

void program_sleep(int64_t milliseconds)
{
    int64_t deadline = clock_monotonic().milliseconds + milliseconds;
    while (!is_told_to_stop() && clock_monotonic().milliseconds < deadline)
        wait_for(NULL, 0, deadline);
    if (is_told_to_stop())
        stop();
}

/* --- The child --- */

enum { END_READ, END_WRITE };

/* Both ends above the descriptors that programs get. */
static int make_pipe(int ends[2])
{
    int low[2];
    if (pipe2(low, O_CLOEXEC) < 0)
        return -1;
    ends[END_READ] = fcntl(low[END_READ], F_DUPFD_CLOEXEC, FIRST_OWN_FD);
    ends[END_WRITE] = fcntl(low[END_WRITE], F_DUPFD_CLOEXEC, FIRST_OWN_FD);
    int problem = errno;
    close(low[END_READ]);
    close(low[END_WRITE]);
    if (ends[END_READ] < 0 || ends[END_WRITE] < 0 ||
        fcntl(ends[END_READ], F_SETFL, O_NONBLOCK) < 0) {
        errno = problem;
        return -1;
    }
    return 0;
}

/* What a program says, and whether it could be started. */
enum { PIPE_OUTPUT, PIPE_ERRORS, PIPE_REPORTS, PIPE_START, PIPE_COUNT };

struct pipes {
    int ends[PIPE_COUNT][2]; /* -1 when closed */
};

static void close_end(struct pipes *pipes, int number, int end)
{
    if (pipes->ends[number][end] >= 0)
        close(take_fd(&pipes->ends[number][end]));
}

static void close_pipes(struct pipes *pipes)
{
    for (int number = 0; number < PIPE_COUNT; number++) {
        close_end(pipes, number, END_READ);
        close_end(pipes, number, END_WRITE);
    }
}

/* Descriptors 0 to 4 as the contract has them (external_task.h), and no other. */
static int arrange_child(const struct program_order *order, const struct pipes *pipes)
{
    if (dup2(order->input, STDIN_FILENO) < 0 ||
        dup2(pipes->ends[PIPE_OUTPUT][END_WRITE], STDOUT_FILENO) < 0 ||
        dup2(pipes->ends[PIPE_ERRORS][END_WRITE], STDERR_FILENO) < 0 ||
        dup2(pipes->ends[PIPE_REPORTS][END_WRITE], EXTERNAL_REPORT_FD) < 0)
        return -1;
    if (order->kubeconfig >= 0 && dup2(order->kubeconfig, EXTERNAL_KUBECONFIG_FD) < 0)
        return -1;
    if (order->kubeconfig < 0)
        close(EXTERNAL_KUBECONFIG_FD);
    return close_range(FIRST_OWN_FD, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* Restores the default actions that programs expect. SIGTERM's must be restored before it is
 * unblocked: otherwise the handler would conclude, in the child, that the launcher has ended. */
static int settle_child(pid_t parent)
{
    static const int changed[] = {SIGTERM, SIGCHLD, SIGPIPE, SIGXFSZ};
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    for (size_t i = 0; i < sizeof(changed) / sizeof(*changed); i++)
        if (sigaction(changed[i], &usual, NULL) < 0)
            return -1;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        return -1;
    if (self.place.is_init && setsid() < 0)
        return -1;
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void be_program(const struct program_order *order, const struct pipes *pipes,
                                 pid_t parent)
{
    if (settle_child(parent) == 0 && arrange_child(order, pipes) == 0)
        execve(order->arguments[0], order->arguments, order->environment);
    int problem = errno;
    ssize_t written = write(pipes->ends[PIPE_START][END_WRITE], &problem, sizeof(problem));
    (void)written; /* then the exit status says that much */
    _exit(EXIT_FAILURE);
}

/* --- What it says --- */

struct line {
    size_t length; /* of what is kept */
    char text[STATUS_TEXT_SIZE];
};

struct run {
    const struct program_listener *listener;
    struct program_end *end;
    struct pipes pipes;
    struct report_reader reader;
    struct line lines[PIPE_REPORTS]; /* of PIPE_OUTPUT and PIPE_ERRORS */
    pid_t pid;
    bool has_ended;
    int64_t deadline;    /* when it gets SIGTERM, later: SIGKILL */
    bool is_terminating; /* it has had SIGTERM */
    bool is_hopeless;    /* it cannot be ended from here */
};

/* Behind a control sequence of a terminal (ECMA-48: ESC [ parameters final), such as a change of
 * colour. */
static const char *skip_sequence(const char *text)
{
    if (text[0] != '\033' || text[1] != '[')
        return text + 1;
    text += 2;
    text += strspn(text, "0123456789:;<=>? !\"#$%&'()*+,-./");
    return *text ? text + 1 : text;
}

/* False for what shows nothing: a blank line, a carriage return, a reset of the colour. */
static bool has_words(const char *text)
{
    while (*text) {
        if ((unsigned char)*text > ' ' && *text != 0x7f)
            return true;
        text = skip_sequence(text);
    }
    return false;
}

static void end_line(struct run *run, int number)
{
    struct line *line = &run->lines[number];
    if (line->length == 0)
        return;
    line->text[line->length] = '\0';
    line->length = 0;
    if (number == PIPE_ERRORS && has_words(line->text))
        status_text_copy(run->end->last_line, sizeof(run->end->last_line), line->text);
    run->listener->line(run->listener->context,
                        number == PIPE_ERRORS ? STDERR_FILENO : STDOUT_FILENO, line->text);
}

static void take_text(struct run *run, int number, const char *data, size_t length)
{
    struct line *line = &run->lines[number];
    for (size_t i = 0; i < length; i++) {
        if (data[i] == '\n')
            end_line(run, number);
        else if (line->length < sizeof(line->text) - 1)
            line->text[line->length++] = data[i] ? data[i] : '?';
    }
}

/* Only the first is told of. */
static void misreported(struct run *run, const char *what)
{
    if (run->end->fate == PROGRAM_MISREPORTED)
        return;
    run->end->fate = PROGRAM_MISREPORTED;
    status_text_copy(run->end->problem, sizeof(run->end->problem), what);
}

static void take_report(const struct report *report, void *context)
{
    static const char *const others[] = {
        [REPORT_STEP] = "a step, which is for the worker to report",
        [REPORT_FORBIDDEN] = "a forbidden call, which is for the worker to report",
        [REPORT_RESULT] = "a result, which is for the exit status to say",
    };
    struct run *run = context;
    bool is_theirs = report->type == REPORT_STATUS || report->type == REPORT_LOG ||
                     report->type == REPORT_PATCH_CLUSTER;
    if (!is_theirs)
        misreported(run, others[report->type]);
    else if (run->end->fate != PROGRAM_MISREPORTED)
        run->listener->report(report, run->listener->context);
}

/* Reads once; false when there is nothing to be read now. */
static bool read_pipe(struct run *run, int number)
{
    char data[READ_SIZE];
    ssize_t length = read(run->pipes.ends[number][END_READ], data, sizeof(data));
    if (length < 0)
        return errno == EINTR;
    if (length == 0) {
        close_end(&run->pipes, number, END_READ);
    } else if (number == PIPE_START) {
        run->end->fate = PROGRAM_NOT_STARTED;
        memcpy(&run->end->error_number, data, sizeof(run->end->error_number));
    } else if (number != PIPE_REPORTS) {
        take_text(run, number, data, (size_t)length);
    } else if (!report_reader_feed(&run->reader, data, (size_t)length, take_report, run)) {
        misreported(run, run->reader.problem.message);
    }
    return length > 0;
}

/* --- Its end --- */

/* All that this process has started, in a way that no fork can outrun. */
static void kill_all(struct run *run)
{
    if (self.place.contained)
        kill(-1, SIGKILL);
    else
        run->is_hopeless = true;
}

static void reap(struct run *run)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != run->pid)
            continue;
        run->has_ended = true;
        run->end->wait_status = status;
    }
}

/* What the program has started and left. Orphans among them are children of this process. */
static void end_leftovers(struct run *run)
{
    if (self.place.contained) {
        kill(-1, SIGKILL);
        while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
            ;
        return;
    }
    reap(run);
    run->end->left_processes = waitpid(-1, NULL, WNOHANG) == 0;
}

static void watch_time(struct run *run)
{
    if (clock_monotonic().milliseconds < run->deadline)
        return;
    if (run->end->fate == PROGRAM_ENDED)
        run->end->fate = PROGRAM_TIMED_OUT;
    if (run->is_terminating) {
        kill_all(run);
        return;
    }
    tell_programs(SIGTERM);
    run->is_terminating = true;
    run->deadline = clock_monotonic().milliseconds + PROGRAM_GRACE;
}

static void listen_to_all(struct run *run)
{
    struct pollfd sources[PIPE_COUNT];
    for (int number = 0; number < PIPE_COUNT; number++)
        sources[number] =
            (struct pollfd){.fd = run->pipes.ends[number][END_READ], .events = POLLIN};
    if (wait_for(sources, PIPE_COUNT, run->deadline) <= 0)
        return;
    for (int number = 0; number < PIPE_COUNT; number++)
        if (sources[number].revents)
            read_pipe(run, number);
}

/* To the end of each pipe, or as far as those that are left have written: no further than a pipe
 * holds, whoever still writes. */
static void drain(struct run *run)
{
    enum { READS_MAXIMUM = 1024 * 1024 / READ_SIZE };
    for (int number = 0; number < PIPE_COUNT; number++)
        for (int i = 0; i < READS_MAXIMUM && run->pipes.ends[number][END_READ] >= 0; i++)
            if (!read_pipe(run, number))
                break;
    end_line(run, PIPE_OUTPUT);
    end_line(run, PIPE_ERRORS);
    if (!report_reader_finish(&run->reader) && run->end->fate == PROGRAM_ENDED)
        misreported(run, run->reader.problem.message);
}

static void watch(struct run *run)
{
    while (!run->has_ended && !run->is_hopeless) {
        listen_to_all(run);
        reap(run);
        if (run->has_ended)
            break;
        if (run->end->fate == PROGRAM_MISREPORTED)
            kill_all(run);
        watch_time(run);
    }
    if (run->is_hopeless)
        run->end->left_processes = true;
    else
        end_leftovers(run);
    drain(run);
}

static int start(struct run *run, const struct program_order *order)
{
    if (lseek(order->input, 0, SEEK_SET) < 0 ||
        (order->kubeconfig >= 0 && lseek(order->kubeconfig, 0, SEEK_SET) < 0))
        return -1;
    for (int number = 0; number < PIPE_COUNT; number++)
        if (make_pipe(run->pipes.ends[number]) < 0)
            return -1;
    pid_t parent = getpid();
    run->pid = _Fork();
    if (run->pid == 0)
        be_program(order, &run->pipes, parent);
    if (run->pid < 0)
        return -1;
    for (int number = 0; number < PIPE_COUNT; number++)
        close_end(&run->pipes, number, END_WRITE);
    return 0;
}

void program_run(const struct program_order *order, const struct program_listener *listener,
                 struct program_end *ret_end)
{
    struct run run = {.listener = listener, .end = ret_end, .deadline = order->deadline};
    memset(run.pipes.ends, 0xff, sizeof(run.pipes.ends));
    *ret_end = (struct program_end){.fate = PROGRAM_ENDED};
    report_reader_initialize(&run.reader);
    if (start(&run, order) < 0) {
        ret_end->fate = PROGRAM_NOT_STARTED;
        ret_end->error_number = errno;
    } else {
        watch(&run);
    }
    report_reader_free(&run.reader);
    close_pipes(&run.pipes);
    if (is_told_to_stop())
        stop();
}
