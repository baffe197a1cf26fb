/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confinement.h - confines a process to a list of system calls, files and ports: seccomp and
 * Landlock.
 *
 * A confinement cannot be undone, and holds for threads and children too. There are two layers:
 *
 * 1. confinement_enter() confines a daemon to its table (struct confinement). Call it once, after
 * the last change of user and before the first thread; then log confinement_describe().
 *
 * 2. The functions that it is made of. The launcher calls them itself, to prepare once the filter
 * and the domains that many workers enter.
 *
 * A system call that is in no table ends the process by SIGSYS, after a handler has reported the
 * call. A call is refused with an errno only if the calling library is known to handle that: a
 * library that does not expect the error may hang, which is worse.
 *
 * Ownership: texts and tables are borrowed; confinement_free() and confinement_places_free()
 * release
 * what is compiled and collected.
 * Threads: call these functions before the first thread.
 * Errors: each failure must end the program: it would run unconfined.
 * Sources: seccomp(2), landlock(7), docs.kernel.org/userspace-api/landlock.html
 */
#ifndef MIMO_CONFINEMENT_H
#define MIMO_CONFINEMENT_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"

/* --- Landlock (confinement_landlock.c) --- */

enum { CONFINEMENT_ABI_MAXIMUM = 7 }; /* the newest ABI whose rights are used */

/* Rights on the files beneath a path. */
enum confinement_access {
    CONFINEMENT_READ = 1,   /* regular files */
    CONFINEMENT_LIST = 2,   /* directories */
    CONFINEMENT_WRITE = 4,  /* change and create regular files */
    CONFINEMENT_REMOVE = 8, /* files and sockets */
    CONFINEMENT_EXECUTE = 16,
    CONFINEMENT_PUT = 32,         /* write to an existing file: a device, a file of a cgroup */
    CONFINEMENT_DIRECTORIES = 64, /* make and remove directories */
};

struct confinement_path {
    const char *path; /* ignored if it does not exist; NULL: use `descriptor` */
    int descriptor;   /* open directory or file, O_PATH is enough; -1: unused */
    unsigned access;  /* set of enum confinement_access */
};

/* Denies all files except `paths`, and whatever the flags below deny. */
struct confinement_domain {
    const struct confinement_path *paths;
    size_t path_count;
    const uint16_t *ports; /* with `limit_connect`: the only ports for TCP connections */
    size_t port_count;
    bool limit_connect;
    bool deny_bind; /* TCP */
    bool scoped;    /* signals and abstract sockets only within the domain */
    bool any_file;  /* this domain does not limit files; another one does */
};

/* The ABI of this kernel, at most `maximum`; 0: Landlock is missing or switched off. */
int confinement_landlock_abi(int maximum);

/* Enters the domain, as far as `abi` supports it. Requires no_new_privs. Applies to the calling
 * thread and to threads and processes that it starts later. Does nothing with ABI 0. */
int confinement_enter_domain(int abi, const struct confinement_domain *domain, struct error *error);

/* The same in two steps: makes a domain, which any number of processes can enter that inherit its
 * descriptor (close-on-exec), and enters it. Not allowed with ABI 0. */
int confinement_make_domain(int abi, const struct confinement_domain *domain, int *ret_descriptor,
                            struct error *error);
int confinement_enter_made_domain(int descriptor, struct error *error);

/* --- seccomp (confinement_filter.c) --- */

/* A call that is allowed when each condition holds; a call may have several rows. */
struct confinement_call {
    int call;
    unsigned condition_count;
    struct scmp_arg_cmp conditions[3];
    int refusal; /* errno to refuse the call with; 0: the call is allowed */
};

/* clang-format off */
#define CONFINEMENT_ARGUMENT(number, comparison, ...)                                              \
    {.arg = (number), .op = (comparison), .datum_a = __VA_ARGS__}
/* clang-format on */

#define CONFINEMENT_IS(number, value) CONFINEMENT_ARGUMENT(number, SCMP_CMP_EQ, (uint64_t)(value))

/* The argument has none of `bits`, or all of `bits`. */
#define CONFINEMENT_LACKS(number, bits)                                                            \
    CONFINEMENT_ARGUMENT(number, SCMP_CMP_MASKED_EQ, (uint64_t)(bits), .datum_b = 0)
#define CONFINEMENT_HAS(number, bits)                                                              \
    CONFINEMENT_ARGUMENT(number, SCMP_CMP_MASKED_EQ, (uint64_t)(bits), .datum_b = (uint64_t)(bits))

/* The argument is `value`, apart from the bits in `ignored`. */
#define CONFINEMENT_IS_BUT(number, value, ignored)                                                 \
    CONFINEMENT_ARGUMENT(number, SCMP_CMP_MASKED_EQ, ~(uint64_t)(ignored), .datum_b = (value))

/* A placeholder for the pid of the process that loads the filter; a table may use it a few
 * times. */
enum { CONFINEMENT_OWN_PID = 0x6d696d6f, CONFINEMENT_OWN_PID_MAXIMUM = 8 };

/* System calls that no confined process of the family ever makes: only injected code would. They
 * kill the process at once. */
extern const int confinement_never[];
extern const size_t confinement_never_count;

/* A compiled filter. */
struct confinement_filter {
    struct sock_filter *instructions; /* owned */
    unsigned short count;
    /* The instructions that compare with CONFINEMENT_OWN_PID. */
    unsigned short pid_instructions[CONFINEMENT_OWN_PID_MAXIMUM];
    unsigned pid_count;
};

/* Starts a filter. Its default action is `otherwise` (of libseccomp); calls of other architectures
 * kill the process. Release with seccomp_release(). */
int confinement_start(scmp_filter_ctx *ret_context, uint32_t otherwise, struct error *error);

int confinement_allow(scmp_filter_ctx context, const struct confinement_call *calls, size_t count,
                      struct error *error);

/* Adds calls that kill the process at once, without a report. Ignores calls that this architecture
 * does not have. */
int confinement_kill(scmp_filter_ctx context, const int *calls, size_t count, struct error *error);

/* Adds those of confinement_never except execve, for a process that starts programs. */
int confinement_kill_all_but_execution(scmp_filter_ctx context, struct error *error);

int confinement_compile(scmp_filter_ctx context, struct confinement_filter *ret_filter,
                        struct error *error);

/* Writes this process's pid into the filter and loads it. Requires no_new_privs. */
int confinement_load(struct confinement_filter *filter, struct error *error);

void confinement_free(struct confinement_filter *filter);

/* --- The name of a forbidden call (confinement_trap.c) --- */

/* Fills the table of system call names. Call it once, before confinement_report(). */
int confinement_prepare_names(struct error *error);

/* Installs the SIGSYS handler: a denied system call writes `start`, its name and `end` to `fd` and
 * ends the process. Both texts must stay valid until the process ends. */
int confinement_report(int fd, const char *start, const char *end, struct error *error);

/* --- A daemon as a whole (confinement.c) --- */

struct confinement {
    const struct confinement_call *calls; /* its table */
    size_t call_count;
    const struct confinement_call *more_calls; /* known only at run time; may be NULL */
    size_t more_call_count;
    struct confinement_domain domain;
};

/* Denies everything that `confinement` does not allow, with a Landlock ABI of at most `abi`. Sets
 * no_new_privs first if it is not set. Fails if the process has more than one thread, because the
 * others would stay outside the domain. */
int confinement_enter(const struct confinement *confinement, int abi, struct error *error);

/* Describes what is in force, for a line that the program logs once: "user 997, group 997, no
 * capabilities, no new privileges, 61 system calls, Landlock ABI 7"; "not confined" before
 * confinement_enter(). */
const char *confinement_describe(void);

/* The Landlock ABI that confinement_enter() used; 0: none, or not confined yet. */
int confinement_abi(void);

/* --- The places of a domain, collected (confinement_places.c) --- */

enum { CONFINEMENT_PLACES_MAXIMUM = 32 };

struct confinement_places {
    struct confinement_path paths[CONFINEMENT_PLACES_MAXIMUM];
    char *owned[CONFINEMENT_PLACES_MAXIMUM];
    size_t count;
};

/* Adds `path` and everything beneath it. Copies the path. */
int confinement_place(struct confinement_places *places, const char *path, unsigned access,
                      struct error *error);

/* Adds the directory of `file`, and that of its target if it is a link: a rule for the file itself
 * would stop to apply when the file is replaced by rename(2). Does nothing for "". */
int confinement_place_of(struct confinement_places *places, const char *file, unsigned access,
                         struct error *error);

/* Adds what name look-ups and the verification of server certificates read: /etc, /usr, the real
 * directory of resolv.conf. Also loads the name services of nsswitch.conf, because no code can be
 * loaded later. */
int confinement_place_names(struct confinement_places *places, struct error *error);

void confinement_places_free(struct confinement_places *places);
#define cleanup_confinement_places __attribute__((cleanup(confinement_places_free)))

#endif
