/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_codes.h - why a worker ended before it could report a result.
 *
 * The exit code of a worker shows which step of its set-up failed, without any channel. The table
 * has one row for each code; the launcher, the supervisor's messages and docs/processes.md all use
 * it. Numbers are never reused: a retired code keeps its row. 0 to 63 are for tasks and programs.
 */
#ifndef MIMO_EXIT_CODES_H
#define MIMO_EXIT_CODES_H

#define EXIT_CODES(CODE)                                                                           \
    CODE(100, WORKER_SIGNALS, "cannot reset signals")                                              \
    CODE(101, WORKER_SESSION, "cannot start a session")                                            \
    CODE(102, WORKER_ALARM, "cannot set the alarm")                                                \
    CODE(103, WORKER_DESCRIPTORS, "cannot arrange descriptors")                                    \
    CODE(104, WORKER_ENVIRONMENT, "cannot clean the environment")                                  \
    CODE(105, WORKER_KEYRING, "cannot leave the session keyring")                                  \
    CODE(106, WORKER_LIMITS, "cannot set resource limits")                                         \
    CODE(107, WORKER_USER, "cannot change the user permanently")                                   \
    CODE(108, WORKER_CAPABILITIES, "cannot drop capabilities")                                     \
    CODE(109, WORKER_UNSEAL, "cannot open the sealed credentials of the cluster")                  \
    CODE(110, WORKER_PARENT, "the launcher has ended")                                             \
    CODE(111, WORKER_DUMPABLE, "cannot become undumpable")                                         \
    CODE(112, WORKER_NO_NEW_PRIVILEGES, "cannot set no-new-privileges")                            \
    CODE(113, WORKER_LANDLOCK, "cannot enter the Landlock domain")                                 \
    CODE(114, WORKER_SECCOMP, "cannot load the system call filter")                                \
    CODE(115, WORKER_JOB, "cannot read the job")                                                   \
    CODE(116, WORKER_REPORT, "cannot write the report")                                            \
    CODE(117, WORKER_TASK, "the task is not known to the worker")                                  \
    CODE(118, WORKER_MEMORY, "out of memory")                                                      \
    CODE(119, WORKER_GUARD, "cannot keep programs in a place where all of them can be ended")      \
    CODE(120, WORKER_STOPPED, "was told to stop")

#define EXIT_CODE_CONSTANT(number, name, text) EXIT_##name = (number),
enum exit_code { EXIT_CODES(EXIT_CODE_CONSTANT) };
#undef EXIT_CODE_CONSTANT

/* The text of a row, or NULL for a code that is not in the table. */
const char *exit_code_text(int code);

#endif
