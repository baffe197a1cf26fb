/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_program.c - the program of a step that does not want to end, for `./bootstrap chaos`.
 *
 *     hostile_program fork|session|stop|ignore|pipe|memory|descriptors|forge
 *
 * It leaves behind whatever the sandbox lets it make: processes in other sessions, stopped ones,
 * deaf ones, ones that hold memory and descriptors of the result pipe. They stay until they are
 * killed. In its first attempt the program stays too; later it ends by itself, and what it left
 * must not hold up the attempt.
 *
 * Its last words are "attempt N", by which the checker sees whose result was written. The observer
 * finds the processes by their environment (MIMO_MANIFEST_ID, MIMO_ATTEMPT).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    CHILDREN = 8,
    REPORTS = 3, /* the descriptor that takes reports */
    CHUNK = 8 * 1024 * 1024,
    CHUNKS = 24,
    SIGNALS = 64,
};

static void ignore_signals(void)
{
    for (int number = 1; number <= SIGNALS; number++)
        signal(number, SIG_IGN);
}

static _Noreturn void stay(void)
{
    for (;;)
        pause();
}

/* True in the child. Where no more processes are allowed there is no child. */
static bool make_child(void)
{
    return fork() == 0;
}

static void leave_children(void)
{
    for (int i = 0; i < CHILDREN; i++)
        if (make_child())
            stay();
}

/* In sessions of their own, without a parent, deaf. */
static void leave_sessions(void)
{
    for (int i = 0; i < CHILDREN; i++) {
        if (!make_child())
            continue;
        setsid();
        ignore_signals();
        if (make_child())
            stay();
        _exit(0);
    }
}

/* All of its group, whoever may be in it: worker and launcher, if they were. */
static void stop_all(void)
{
    leave_children();
    signal(SIGCONT, SIG_IGN);
    kill(0, SIGSTOP);
    raise(SIGSTOP);
    kill(getppid(), SIGSTOP);
    kill(-1, SIGTSTP);
}

static void fill_pipes(void)
{
    static const char line[] = "{\"type\":\"status\",\"text\":\"and on and on and on\"}\n";
    if (make_child())
        for (;;)
            if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
                stay();
    for (int i = 0; i < 1000; i++)
        if (write(REPORTS, line, sizeof(line) - 1) < 0)
            return;
}

static void hold_memory(void)
{
    for (int i = 0; i < CHUNKS; i++) {
        void *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (chunk == MAP_FAILED)
            break;
        memset(chunk, 1, CHUNK);
    }
    leave_children(); /* which share it */
}

/* Ends of the pipes, as many as there may be, held by processes that stay. */
static void hold_descriptors(void)
{
    while (dup(REPORTS) >= 0)
        continue;
    leave_children();
}

/* A result is the worker's to report, not a program's. */
static void forge_results(void)
{
    static const char line[] =
        "{\"type\":\"result\",\"outcome\":\"succeeded\",\"text\":\"forged\"}\n";
    if (write(REPORTS, line, sizeof(line) - 1) < 0)
        perror("forge");
}

static const struct {
    const char *name;
    void (*act)(void);
} acts[] = {
    {"fork", leave_children},          {"session", leave_sessions}, {"stop", stop_all},
    {"ignore", ignore_signals},        {"pipe", fill_pipes},        {"memory", hold_memory},
    {"descriptors", hold_descriptors}, {"forge", forge_results},
};

int main(int argc, char **argv)
{
    const char *attempt = getenv("MIMO_ATTEMPT");
    if (argc != 2 || !attempt)
        return EXIT_FAILURE;
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        if (strcmp(argv[1], acts[i].name) == 0)
            acts[i].act();
    dprintf(STDERR_FILENO, "attempt %s\n", attempt);
    if (atoi(attempt) == 1)
        stay();
    return EXIT_SUCCESS;
}
