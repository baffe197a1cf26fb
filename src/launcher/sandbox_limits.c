/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_limits.c - resource limits of a worker (setrlimit(2)). */
#include <errno.h>
#include <sys/resource.h>

#include "launcher/sandbox.h"

/* Processor time between SIGXCPU, which can be caught, and SIGKILL, which cannot. */
enum { CPU_GRACE_SECONDS = 5 };

struct limit {
    const char *name;
    __rlimit_resource_t resource;
    rlim_t soft;
    rlim_t hard;
};

int sandbox_limit_resources(const struct sandbox_limits *limits, struct error *error)
{
    const struct limit table[] = {
#ifndef WITH_SANITIZERS /* their shadow memory reserves terabytes of address space */
        {"RLIMIT_AS", RLIMIT_AS, limits->memory, limits->memory},
#endif
        {"RLIMIT_CPU", RLIMIT_CPU, limits->cpu_seconds,
         (rlim_t)limits->cpu_seconds + CPU_GRACE_SECONDS},
        {"RLIMIT_FSIZE", RLIMIT_FSIZE, limits->file_size, limits->file_size},
        /* Not below what poll(2) is asked for: it refuses more entries than this, open or not. */
        {"RLIMIT_NOFILE", RLIMIT_NOFILE, limits->open_files, limits->open_files},
        {"RLIMIT_NPROC", RLIMIT_NPROC, limits->processes, limits->processes},
        {"RLIMIT_CORE", RLIMIT_CORE, 0, 0}, /* a core would hold the cluster's credentials */
        {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK, 0, 0},
        {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE, 0, 0},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct rlimit limit = {.rlim_cur = table[i].soft, .rlim_max = table[i].hard};
        if (table[i].resource == RLIMIT_NPROC && limits->processes == SANDBOX_PROCESSES_LATER)
            continue;
        if (setrlimit(table[i].resource, &limit) < 0)
            return error_set_system(error, errno, "cannot set %s to %llu", table[i].name,
                                    (unsigned long long)table[i].soft);
    }
    return 0;
}
