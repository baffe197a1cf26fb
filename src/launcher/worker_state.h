/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_state.h - what a worker is given and finds on its way, from step to step of worker.h.
 *
 * Descriptors of a worker inside its sandbox:
 *
 *     0, 1, 2  /dev/null        3  the report pipe (write end)
 *     5        the lock of the actuator's state directory, open to read: while any process of an
 *              attempt has it, no other mimod starts there
 *
 * A worker that runs programs also has two sealed memfds with their input (worker_programs.h).
 *
 * Ownership: the launcher owns the workplace and the order. A worker is a copy of that process, and
 * what it takes from them goes with its end. Nothing is shared: a worker has one thread.
 */
#ifndef MIMO_LAUNCHER_WORKER_STATE_H
#define MIMO_LAUNCHER_WORKER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "launcher/program_files.h"
#include "launcher/sandbox.h"
#include "launcher/worker_users.h"
#include "mimo/azure.h"
#include "mimo/certificate.h"
#include "mimo/error.h"
#include "mimo/launcher_channel.h"

struct seal_key;
struct task_list;

enum { WORKER_REPORT_FD = 3, WORKER_JOB_FD, WORKER_LOCK_FD, WORKER_FD_END };

/* Further descriptors of a worker that runs programs. The first is closed when its domain is
 * entered. */
enum {
    WORKER_DOMAIN_FD = WORKER_FD_END,
    WORKER_INPUT_FD,
    WORKER_KUBECONFIG_FD,
    WORKER_PROGRAMS_FD_END
};

/* What all workers share: the launcher makes it once (workplace.h), and fork copies it to each. */
struct workplace {
    struct task_list *tasks;
    struct worker_users users;
    pid_t launcher;              /* parent of every worker */
    pid_t launcher_group;        /* its process group */
    int lock;                    /* descriptor that workers hold until their end, or -1 */
    struct seal_key *key;        /* NULL: sealed credentials cannot be opened */
    int certificates;            /* the open directory of tasks.certificates (O_PATH), or -1 */
    char *certificate_directory; /* its path, for messages; NULL: certificates are in a Key Vault */
    struct azure_secrets azure;  /* secrets to read from the Key Vault */
    bool closed_keyring;         /* the session keyring is empty and cannot be used */
    int landlock_abi;
    struct confinement_filter filter;
    struct program_files files; /* files that external tasks may read and run */
    /* Filters of their workers, if there are external tasks. */
    struct sandbox_program_filters program_filters;
    struct confinement_filter guard_filter;
    int cgroup; /* directory in which attempts get cgroups of their own, or -1 (attempt_cgroup.h) */
    unsigned cgroup_limits; /* controllers that these have: set of enum cgroup_controller */
    bool has_namespaces;    /* programs run in a PID namespace (worker_guard.h) */
    bool is_contained;      /* a worker's signals reach only its descendants */
    uint32_t neighbours;    /* processes that a worker's user may have outside the attempt */
};

/* A certificate of the order, or the reason why it could not be read. */
struct worker_certificate {
    struct certificate_data data;
    struct error error;
};

/* One worker. The launcher sets the first members; the steps fill in the rest. */
struct worker {
    struct workplace *workplace;
    const struct launcher_launch *order;
    int job_fd, report_fd; /* as the launcher received them; consumed by the descriptors step */
    const char *document;  /* the job: order->job_length bytes of JSON, not checked yet */
    unsigned char *credentials; /* the opened kubeconfig, or NULL; wiped as soon as it is parsed */
    size_t credentials_length;
    struct worker_certificate certificates[LAUNCH_CERTIFICATES_MAXIMUM];
    /* Set for an external task, NULL for a built-in one. The descriptors below are valid only if it is set. */
    const struct program_domain *programs;
    int domain_fd, input_fd, kubeconfig_fd;
    int lock_fd; /* workplace.lock; -1: none */
    /* Only in a runner (worker_guard.h). */
    bool is_init; /* it has a PID namespace of its own */
    pid_t parent; /* its guard, as from getppid(2): 0 in a namespace */
    int leash;    /* end of file when the guard has ended */
};

#endif
