/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confinement.h - what a process may still ask of the kernel: Landlock and seccomp.
 *
 * Nothing of it can be taken back; all of it holds for threads and children too. Two layers:
 *
 * 1. confinement_enter() is for a daemon that is up and has a table of what it needs from then on.
 * Usage, once, after the last change of user and before the first thread:
 *
 *        confinement_enter(&(struct confinement){.calls = calls, .call_count = COUNT, .domain =
 * {...}}, CONFINEMENT_ABI_MAXIMUM, &error); confinement_describe(text, sizeof(text));        "user
 * 997, no capabilities, ..."
 *
 * 2. The pieces it is made of, for the launcher, which prepares once what many workers enter.
 *
 * A call that is in no table ends the process by SIGSYS, after a handler has said which call it
 * was. Nothing is refused with an errno unless a library has a way to go on from there: one that
 * does not expect a refusal may hang, which is worse than an end.
 *
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

enum { CONFINEMENT_ABI_MAXIMUM = 7 }; /* newest ABI whose rights this program knows */

/* What may be done with the files beneath a path. */
enum confinement_access {
    CONFINEMENT_READ = 1,   /* regular files */
    CONFINEMENT_LIST = 2,   /* directories */
    CONFINEMENT_WRITE = 4,  /* change and make regular files */
    CONFINEMENT_REMOVE = 8, /* files and sockets */
    CONFINEMENT_EXECUTE = 16,
    CONFINEMENT_PUT = 32, /* write to what is there: a device */
};

struct confinement_path {
    const char *path; /* one that does not exist is left out; NULL: `descriptor` is meant */
    int descriptor;   /* open directory or file, O_PATH is enough; -1 for none */
    unsigned access;  /* of enum confinement_access */
};

/* All files are denied but for `paths`; the rest only where it is asked for. */
struct confinement_domain {
    const struct confinement_path *paths;
    size_t path_count;
    const uint16_t *ports; /* TCP connections to these only, with `limit_connect` */
    size_t port_count;
    bool limit_connect;
    bool deny_bind; /* TCP */
    bool scoped;    /* signals and abstract sockets only within the domain */
    bool any_file;  /* nothing is said about files: another domain does */
};

/* The ABI of this kernel, at most `maximum`; 0: Landlock is missing or switched off. */
int confinement_landlock_abi(int maximum);

/* Enters the domain, as much of it as `abi` knows. Needs no_new_privs. Holds for the calling thread
 * and what it starts later. No-op with ABI 0. */
int confinement_enter_domain(int abi, const struct confinement_domain *domain, struct error *error);

/* The same in two steps: makes the domain, for as many processes as inherit its descriptor
 * (close-on-exec), and enters it. Not with ABI 0. */
int confinement_make_domain(int abi, const struct confinement_domain *domain, int *ret_descriptor,
                            struct error *error);
int confinement_enter_made_domain(int descriptor, struct error *error);

/* --- seccomp (confinement_filter.c) --- */

/* A call that is allowed when each condition holds; a call may have several rows. */
struct confinement_call {
    int call;
    unsigned condition_count;
    struct scmp_arg_cmp conditions[3];
    int refusal; /* errno that it is answered with in place of being allowed; 0: it is allowed */
};

/* clang-format off */
#define CONFINEMENT_ARGUMENT(number, comparison, ...)                                              \
    {.arg = (number), .op = (comparison), .datum_a = __VA_ARGS__}
/* clang-format on */

#define CONFINEMENT_IS(number, value) CONFINEMENT_ARGUMENT(number, SCMP_CMP_EQ, (uint64_t)(value))

/* None of `bits`, all of `bits`. */
#define CONFINEMENT_LACKS(number, bits)                                                            \
    CONFINEMENT_ARGUMENT(number, SCMP_CMP_MASKED_EQ, (uint64_t)(bits), .datum_b = 0)
#define CONFINEMENT_HAS(number, bits)                                                              \
    CONFINEMENT_ARGUMENT(number, SCMP_CMP_MASKED_EQ, (uint64_t)(bits), .datum_b = (uint64_t)(bits))

/* `value`, whatever the bits of `ignored` are. */
#define CONFINEMENT_IS_BUT(number, value, ignored)                                                 \
    CONFINEMENT_ARGUMENT(number, SCMP_CMP_MASKED_EQ, ~(uint64_t)(ignored), .datum_b = (value))

/* Stands for the pid of the process that loads the filter, in a few rows of a table at most. */
enum { CONFINEMENT_OWN_PID = 0x6d696d6f, CONFINEMENT_OWN_PID_MAXIMUM = 8 };

/* What no process of the family may ever ask for once it is confined: nothing that they do can
 * lead here but code of somebody else's. Ends with 0 entries left, see confinement_never_count. */
extern const int confinement_never[];
extern const size_t confinement_never_count;

/* A compiled filter. */
struct confinement_filter {
    struct sock_filter *instructions; /* owned */
    unsigned short count;
    /* Those that compare with CONFINEMENT_OWN_PID. */
    unsigned short pid_instructions[CONFINEMENT_OWN_PID_MAXIMUM];
    unsigned pid_count;
};

/* Starts a filter that answers all calls with `otherwise` (an action of libseccomp), those of other
 * architectures by killing. Release with seccomp_release(). */
int confinement_start(scmp_filter_ctx *ret_context, uint32_t otherwise, struct error *error);

int confinement_allow(scmp_filter_ctx context, const struct confinement_call *calls, size_t count,
                      struct error *error);

/* At once, and unnamed. Calls that this architecture does not have are left out. */
int confinement_kill(scmp_filter_ctx context, const int *calls, size_t count, struct error *error);

int confinement_compile(scmp_filter_ctx context, struct confinement_filter *ret_filter,
                        struct error *error);

/* Writes this process's pid into the filter and loads it. Needs no_new_privs. */
int confinement_load(struct confinement_filter *filter, struct error *error);

void confinement_free(struct confinement_filter *filter);

/* --- The name of a forbidden call (confinement_trap.c) --- */

/* Fills the table of system call names. Once, before confinement_report(). */
int confinement_prepare_names(struct error *error);

/* From here on a denied system call writes `start`, its name and `end` to `fd`, then ends the
 * process by SIGSYS. The texts are borrowed for good. */
int confinement_report(int fd, const char *start, const char *end, struct error *error);

/* --- A daemon as a whole (confinement.c) --- */

struct confinement {
    const struct confinement_call *calls; /* its table */
    size_t call_count;
    const struct confinement_call *more_calls; /* what is known at run time only; may be NULL */
    size_t more_call_count;
    struct confinement_domain domain;
};

/* Denies everything that `confinement` does not allow, with no newer Landlock ABI than `abi`. No
 * new privileges first, if that was not done yet. Fails when there is more than one thread: those
 * would stay outside of the domain. */
int confinement_enter(const struct confinement *confinement, int abi, struct error *error);

/* What is in force, for the line that a program logs once: "user 997, group 997, no capabilities,
 * no new privileges, 61 system calls, Landlock ABI 7"; "not confined" before
 * confinement_enter(). */
const char *confinement_describe(void);

/* The Landlock ABI that confinement_enter() made use of; 0: none, or not yet. */
int confinement_abi(void);

/* --- The places of a domain, collected (confinement_places.c) --- */

enum { CONFINEMENT_PLACES_MAXIMUM = 32 };

struct confinement_places {
    struct confinement_path paths[CONFINEMENT_PLACES_MAXIMUM];
    char *owned[CONFINEMENT_PLACES_MAXIMUM];
    size_t count;
};

/* What is beneath `path`. Copied. */
int confinement_place(struct confinement_places *places, const char *path, unsigned access,
                      struct error *error);

/* What is in the directory of `file`, and in that of what it is a link to: a rule for the file
 * itself would end when it is replaced by renaming. "" for none. */
int confinement_place_of(struct confinement_places *places, const char *file, unsigned access,
                         struct error *error);

/* What looking up names and verifying certificates of servers reads: /etc, /usr, where resolv.conf
 * really is. Loads the name services of nsswitch.conf too, for afterwards no code can be loaded. */
int confinement_place_names(struct confinement_places *places, struct error *error);

void confinement_places_free(struct confinement_places *places);
#define cleanup_confinement_places __attribute__((cleanup(confinement_places_free)))

#endif
