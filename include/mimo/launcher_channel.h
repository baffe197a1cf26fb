/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher_channel.h - the messages between supervisor and launcher: the whole privileged surface.
 *
 * The channel is a SOCK_SEQPACKET pair that the supervisor makes before it starts the launcher. A
 * packet is one message of fixed size: a header and the body of its type, fixed-width fields, no
 * padding, native byte order (both ends are of one build, which the version confirms). Any other
 * packet (short or long, unknown type, wrong version, out of turn, missing or surplus descriptors)
 * is a failure of the peer: the launcher ends, and the supervisor exits with a non-zero status.
 *
 *   number  message  from        when      with
 *   1       LAUNCH   supervisor  ready     two descriptors: the job (a sealed memfd) and the
 *                                          result pipe's write end
 *   2       SIGNAL   supervisor  ready     signals the process group of one attempt
 *   64      READY    launcher    starting  once, when it has dropped its privileges and loaded
 *                                          what its libraries need
 *   65      STARTED  launcher    ready     the attempt's pid
 *   66      ENDED    launcher    ready     exit status and resource usage; the token is free again
 *   67      FAILED   launcher    ready     no worker could be made: errno; instead of STARTED
 *
 * The job is JSON (job.h) of job_length bytes, followed by sealed_length bytes of the cluster's
 * sealed credentials (DER). The launcher reads neither: its child opens the seal before it forgets
 * the key, and parses the JSON inside the sandbox.
 *
 * The child reads the certificates that the task declared while it still runs as the launcher's
 * user, before it parses the job. The message therefore names them: each is the file NAME.pem in
 * the directory of tasks.certificates. For the same reason the message names the external task
 * (external_task.h), if the attempt is of one: the launcher chooses the sandbox by this name and
 * ignores the job's.
 *
 * Ownership: a sender keeps its descriptors; a receiver owns those that it received.
 * Threads: one thread for each end; no function waits.
 * Errors: ERROR_INVALID for a message that breaks the rules, ERROR_BUSY when the socket is full,
 * ERROR_UNAVAILABLE when the peer has disconnected.
 */
#ifndef MIMO_LAUNCHER_CHANNEL_H
#define MIMO_LAUNCHER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "mimo/error.h"

enum {
    LAUNCHER_CHANNEL_VERSION = 5,
    LAUNCH_PORTS_MAXIMUM = 16,
    LAUNCH_CERTIFICATES_MAXIMUM = 2,
    LAUNCH_CERTIFICATE_SIZE = 128,
    LAUNCH_TITLE_SIZE = 192,
    LAUNCH_TASK_SIZE = 40, /* UUID_SIZE, padded so that the next field is aligned */
};

/* Bounds of fields; both ends refuse larger values. */
enum {
    LAUNCH_SLOTS_MAXIMUM = 1000,      /* slots 0..999: the most that actuator.max_workers allows */
    LAUNCH_SECONDS_MAXIMUM = 86400,   /* the longest alarm: the maximum of actuator.task_timeout */
    LAUNCH_JOB_MAXIMUM = 1024 * 1024, /* bytes of the job's JSON */
    LAUNCH_SEALED_MAXIMUM = 512 * 1024, /* bytes of sealed credentials */
    LAUNCH_PROCESSES_MAXIMUM = 4096,    /* for a worker that may start processes */
};

enum launcher_message_type {
    LAUNCHER_LAUNCH = 1,
    LAUNCHER_SIGNAL = 2,
    LAUNCHER_READY = 64,
    LAUNCHER_STARTED = 65,
    LAUNCHER_ENDED = 66,
    LAUNCHER_FAILED = 67,
};

/* One attempt to run. */
struct launcher_launch {
    uint64_t token;          /* the supervisor's name for the attempt: not zero, not in use */
    uint64_t memory;         /* RLIMIT_AS of each process, bytes; >= 1 */
    uint64_t attempt_memory; /* of all its processes together, bytes; >= memory */
    uint64_t file_size;      /* RLIMIT_FSIZE, bytes */
    /* The latest alarm, CLOCK_MONOTONIC in milliseconds, which bounds the worker's life even if the
     * launch is read late. 0: only alarm_seconds counts. */
    uint64_t not_after;
    uint32_t slot;          /* worker slot: chooses the user where a range is configured */
    uint32_t alarm_seconds; /* >= 1 */
    uint32_t cpu_seconds;   /* RLIMIT_CPU; >= 1 */
    uint32_t open_files;    /* RLIMIT_NOFILE; >= 1 */
    uint32_t job_length;    /* >= 1 */
    uint32_t sealed_length; /* 0: none */
    uint32_t port_count;
    /* TCP ports that the worker may connect to; unused ones are 0. */
    uint16_t ports[LAUNCH_PORTS_MAXIMUM];
    char title[LAUNCH_TITLE_SIZE]; /* for ps(1); terminated */
    uint32_t certificate_count;
    /* Names that launch_certificate_is_valid() accepts; unused ones are empty. */
    char certificates[LAUNCH_CERTIFICATES_MAXIMUM][LAUNCH_CERTIFICATE_SIZE];
    /* UUID of a task whose steps are programs, padded with zeros; "" for a built-in task. */
    char external_task[LAUNCH_TASK_SIZE];
    uint32_t processes; /* RLIMIT_NPROC of an external task, >= 1; 0 for a built-in task */
    uint32_t reserved;
};

struct launcher_signal {
    uint64_t token;
    uint32_t signal; /* SIGTERM or SIGKILL */
    uint32_t reserved;
};

/* How all programs of an attempt can be ended together. */
enum launcher_programs {
    LAUNCHER_PROGRAMS_NONE,         /* no task runs any */
    LAUNCHER_PROGRAMS_IN_NAMESPACE, /* a PID namespace: the kernel ends all of them at once */
    LAUNCHER_PROGRAMS_IN_GROUP,     /* a process group: this machine allows no user namespaces */
};

/* Each attempt has a cgroup, and what the cgroup limits: a set. */
enum launcher_cgroup {
    LAUNCHER_CGROUP_USED = 1,      /* the kernel ends an attempt as a whole, by its cgroup */
    LAUNCHER_CGROUP_MEMORY = 2,    /* attempt_memory is in force */
    LAUNCHER_CGROUP_PROCESSES = 4, /* processes are counted for the attempt, not for its user */
    LAUNCHER_CGROUP_ALL = 7,
};

struct launcher_ready {
    uint32_t landlock_abi; /* 0: the kernel has none */
    uint32_t privileged;   /* 1: workers get users of their own */
    uint32_t programs;     /* enum launcher_programs */
    uint32_t cgroup;       /* set of enum launcher_cgroup; 0: attempts have none */
};

struct launcher_started {
    uint64_t token;
    int32_t pid;
    uint32_t reserved;
};

struct launcher_ended {
    uint64_t token;
    int32_t wait_status; /* as waitpid(2) */
    uint32_t
        reached; /* limits of the attempt as a whole that stood in its way: LAUNCHER_CGROUP_MEMORY,
                            LAUNCHER_CGROUP_PROCESSES */
    uint64_t max_rss_kib;
    uint64_t cpu_milliseconds;
};

struct launcher_failed {
    uint64_t token;
    uint32_t error_number; /* errno */
    uint32_t reserved;
};

struct launcher_message {
    enum launcher_message_type type;
    union {
        struct launcher_launch launch;
        struct launcher_signal signal;
        struct launcher_ready ready;
        struct launcher_started started;
        struct launcher_ended ended;
        struct launcher_failed failed;
    };
    int job_fd;    /* of LAUNCH; -1 for other types. The receiver owns it */
    int report_fd; /* LAUNCH: -1 otherwise */
};

/* Letters, digits, "-" and ".", not beginning with ".", shorter than LAUNCH_CERTIFICATE_SIZE: a
 * name that is safe in a path and in a URL. */
bool launch_certificate_is_valid(const char *name);

/* Which side may send which message, and when. Each side keeps a state: receiving READY advances
 * the supervisor's; the launcher sets its own when it has sent READY. */
enum launcher_side { LAUNCHER_SIDE_SUPERVISOR, LAUNCHER_SIDE_LAUNCHER };
enum launcher_channel_state { LAUNCHER_CHANNEL_STARTING, LAUNCHER_CHANNEL_READY };

/* Sends one message without waiting; the sender keeps its descriptors. ERROR_INVALID: a field is
 * out of bounds, and nothing was sent. ERROR_BUSY: the socket is full; try again when it is
 * writable. ERROR_UNAVAILABLE: the peer has disconnected. */
int launcher_channel_send(int socket, const struct launcher_message *message, struct error *error);

/* Receives one message from `from`, checks it against the table and every field's bounds, and
 * advances *state. Never waits. Returns 1 with a message, 0 if no message has arrived yet, and -1 on
 * ERROR_UNAVAILABLE (end of file) or ERROR_INVALID (a message that breaks the rules); on failure no
 * descriptor is left open. */
int launcher_channel_receive(int socket, enum launcher_side from,
                             enum launcher_channel_state *state,
                             struct launcher_message *ret_message, struct error *error);

#endif
