/* SPDX-License-Identifier: Apache-2.0 */
/* confinement.c - a daemon that is up takes from itself what it will not need any more. */
#include "mimo/confinement.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/log.h"

/* What is in force in this process, as read back from the kernel where possible. */
#define NOTHING "not confined"
static char description[160] = NOTHING;
static int abi_in_force;

const char *confinement_describe(void)
{
    return description;
}

int confinement_abi(void)
{
    return abi_in_force;
}

#ifdef WITH_SANITIZERS
/* LeakSanitizer calls it when the program ends. Its search for leaks traces the process, and the
 * filter would kill it. */
extern int __lsan_is_turned_off(void);
__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
    return strcmp(description, NOTHING) != 0;
}
#endif

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

/* A thread that is there already would stay outside of the domain (landlock(7)). */
static int check_single_thread(struct error *error)
{
    __attribute__((cleanup(close_directory))) DIR *tasks = opendir("/proc/self/task");
    size_t count = 0;
    if (!tasks)
        return error_set_system(error, errno, "cannot count threads in /proc/self/task");
    for (const struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    if (count != 1)
        return error_set(error, ERROR_SYSTEM,
                         "%zu threads are there already: they would not be confined", count);
    return 0;
}

static size_t count_calls(const struct confinement *confinement)
{
    size_t count = 0;
    for (size_t i = 0; i < confinement->call_count; i++)
        count += i == 0 || confinement->calls[i].call != confinement->calls[i - 1].call;
    return count;
}

static bool has_capabilities(void)
{
    cap_t caps = cap_get_proc();
    cap_t none = cap_init();
    bool any = !caps || !none || cap_compare(caps, none) != 0;
    if (caps)
        cap_free(caps);
    if (none)
        cap_free(none);
    return any;
}

/* Before the filter: it allows none of the questions asked here. */
static void describe(const struct confinement *confinement, int abi)
{
    char landlock[32] = "no Landlock in this kernel";
    if (abi > 0)
        snprintf(landlock, sizeof(landlock), "Landlock ABI %d", abi);
    snprintf(description, sizeof(description),
             "user %u, group %u, %s, %s new privileges, %zu system calls, %s", (unsigned)geteuid(),
             (unsigned)getegid(), has_capabilities() ? "with capabilities" : "no capabilities",
             prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? "no" : "with", count_calls(confinement),
             landlock);
}

static void release(scmp_filter_ctx *context)
{
    seccomp_release(*context);
}
#define cleanup_context __attribute__((cleanup(release)))

static int build_filter(const struct confinement *confinement,
                        struct confinement_filter *ret_filter, struct error *error)
{
    cleanup_context scmp_filter_ctx context = NULL;
    if (confinement_start(&context, SCMP_ACT_TRAP, error) < 0 ||
        confinement_allow(context, confinement->calls, confinement->call_count, error) < 0 ||
        confinement_allow(context, confinement->more_calls, confinement->more_call_count, error) <
            0 ||
        confinement_kill(context, confinement_never, confinement_never_count, error) < 0)
        return -1;
    return confinement_compile(context, ret_filter, error);
}

static int report_to_log(struct error *error)
{
    static char start[96];
    size_t length = log_static_head(start, sizeof(start), LOG_LEVEL_ERROR);
    snprintf(start + length, sizeof(start) - length, "ended after the forbidden system call ");
    return confinement_report(STDERR_FILENO, start, ": a bug or an attack, see SECURITY.md\n",
                              error);
}

int confinement_enter(const struct confinement *confinement, int abi, struct error *error)
{
    struct confinement_filter filter;
    abi = confinement_landlock_abi(abi);
    if (check_single_thread(error) < 0)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set_system(error, errno, "cannot set no-new-privileges");
    if (confinement_prepare_names(error) < 0 || build_filter(confinement, &filter, error) < 0)
        return -1;
    describe(confinement, abi);
    int result = confinement_enter_domain(abi, &confinement->domain, error);
    if (result == 0)
        abi_in_force = abi;
    if (result == 0)
        result = report_to_log(error);
    if (result == 0)
        result = confinement_load(&filter, error);
    confinement_free(&filter);
    return result;
}
