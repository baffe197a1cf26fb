/* SPDX-License-Identifier: Apache-2.0 */
/* workplace.c - what the launcher prepares once, before its first fork. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/attempt_cgroup.h"
#include "launcher/worker_guard.h"
#include "launcher/workplace.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/external_task.h"
#include "mimo/job.h"
#include "mimo/kube.h"
#include "mimo/log.h"
#include "mimo/privileges.h"
#include "mimo/process_security.h"
#include "mimo/report.h"
#include "mimo/seal.h"
#include "mimo/task.h"
#include "mimo/trusted_path.h"

/* What a worker needs beside what it inherits: stack, the heap of a task, the libraries' buffers.
 */
enum { WORKER_HEAP = 16 * 1024 * 1024 };

/* The Landlock ABI that brought scopes. */
enum { SCOPES_ABI = 6 };

/* All that is left of the environment. Wiped, not only forgotten: workers inherit the memory. */
static int clean_environment(struct error *error)
{
    static char time_zone[] = "TZ=UTC";
    static char *clean[] = {time_zone, NULL};
    if (environ == clean)
        return 0;
    for (char **variable = environ; variable && *variable; variable++)
        explicit_bzero(*variable, strlen(*variable));
    environ = clean;
    if (!getenv("TZ"))
        return error_set(error, ERROR_SYSTEM, "cannot clean the environment");
    return 0;
}

/*
 * All signals blocked permanently: none ends the launcher but SIGKILL. The end of the channel does,
 * and the supervisor decides about that; SIGTERM of a service manager and Ctrl-C of a terminal mean
 * the supervisor. Workers unblock them, and find every signal at its default but two, which would
 * kill where a failed write is the better answer: SIGPIPE (a peer that resets) and SIGXFSZ (a log
 * that is a file).
 */
static int settle_signals(struct error *error)
{
    sigset_t all;
    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
        return error_set_system(error, errno, "cannot block signals");
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        if (number == SIGPIPE || number == SIGXFSZ)
            action.sa_handler = SIG_IGN;
        /* Not to be changed: SIGKILL, SIGSTOP, and two that the C library keeps for itself. */
        if (sigaction(number, &action, NULL) < 0 && errno != EINVAL)
            return error_set_system(error, errno, "cannot reset signal %d", number);
    }
    return 0;
}

/* Standard input and output of launcher and workers. */
static int silence_streams(struct error *error)
{
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return error_set_system(error, errno, "cannot open /dev/null");
    for (int stream = STDIN_FILENO; stream <= STDOUT_FILENO; stream++)
        if (dup2(null, stream) < 0)
            return error_set_system(error, errno, "cannot redirect descriptor %d", stream);
    if (null <= STDERR_FILENO)
        take_fd(&null);
    return 0;
}

/*
 * Goes once through what every worker does with texts, on texts of its own: symbols that the
 * dynamic linker resolves at their first use, and memory that is allocated then, are ready for all
 * of them.
 */
static int rehearse(struct error *error)
{
    static const char nobody[] = "00000000-0000-4000-8000-000000000000";
    static const char nothing[] =
        "/subscriptions/00000000-0000-4000-8000-000000000000/resourcegroups/r"
        "/providers/microsoft.redhatopenshift/openshiftclusters/c";
    struct report report = {.type = REPORT_STEP, .step = 1, .steps = 1, .text = "rehearse"};
    struct job job = {0};
    cleanup_json struct json_object *cluster = json_object_new_object();
    cleanup_json struct json_object *document =
        job_build(nobody, nobody, nothing, 1, nobody, NULL, cluster, NULL, NULL);
    cleanup_free char *text = document ? document_format(document) : NULL;
    cleanup_free char *line = report_format(&report);
    if (!text || !line)
        return error_set_system(error, ENOMEM, "cannot run a test job");
    if (job_parse(text, strlen(text), &job, error) < 0)
        return error_prefix(error, "cannot run a test job");
    job_free(&job);
    return 0;
}

/* A missing key leaves tasks that need no credentials; a bad one is an error. */
static int load_key(struct workplace *workplace, const struct config *config, struct error *error)
{
    const char *path = config->clusters_seal_key;
    if (access(path, F_OK) < 0 && errno == ENOENT) {
        log_warning("%s (clusters.seal_key) does not exist: attempts on clusters with a kubeconfig "
                    "will fail until it is made and mimod restarted",
                    path);
        return 0;
    }
    return seal_key_load(config->clusters_seal_certificate, path, TRUSTED_PATH_NO_USER,
                         &workplace->key, error);
}

/* A file that a stranger put there would be brought to clusters: so no sticky directory either. */
static int open_trusted_directory(const char *path, int *ret_descriptor, struct error *error)
{
    cleanup_fd int directory = -1;
    struct stat status;
    if (trusted_path_open(path, &directory, error) < 0)
        return -1;
    if (fstat(directory, &status) < 0)
        return error_set_system(error, errno, "cannot stat %s", path);
    if (!S_ISDIR(status.st_mode))
        return error_set(error, ERROR_INVALID, "%s is not a directory", path);
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(error, ERROR_DENIED,
                         "%s is writable by users other than its owner: chmod go-w %s", path, path);
    *ret_descriptor = take_fd(&directory);
    return 0;
}

/* Like a missing key a missing directory leaves the tasks that do not need it. */
static int open_certificates(struct workplace *workplace, const struct config *config,
                             struct error *error)
{
    const char *path = config_certificate_directory(config);
    if (!path)
        return azure_secrets_load(config, &workplace->azure, error);
    workplace->certificate_directory = strdup(path);
    if (!workplace->certificate_directory)
        return error_set_system(error, ENOMEM, "cannot keep the path of tasks.certificates");
    if (open_trusted_directory(path, &workplace->certificates, error) == 0)
        return 0;
    if (error->kind != ERROR_NOT_FOUND)
        return error_prefix(error, "tasks.certificates");
    log_notice("%s (tasks.certificates) does not exist: tasks that need a certificate will fail "
               "until it is made and mimod restarted",
               path);
    return 0;
}

/* What is meant for workers counts what they inherit. */
static int check_memory(const struct workplace *workplace, const struct config *config,
                        struct error *error)
{
#ifdef WITH_SANITIZERS
    (void)workplace;
    (void)config;
    (void)error;
#else
    unsigned long long pages;
    cleanup_file FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%llu", &pages) != 1)
        return error_set_system(error, errno, "cannot read /proc/self/statm");
    long long needed = (long long)pages * sysconf(_SC_PAGESIZE) + WORKER_HEAP;
    if (config->sandbox_memory < needed)
        return error_set(error, ERROR_INVALID,
                         "sandbox.memory is too small for any worker: at least %lldM are needed",
                         needed / (1024 * 1024) + 1);
    const struct task *task;
    for (size_t i = 0; (task = task_list_at(workplace->tasks, i)); i++)
        if (task->external && task->external->limits.memory > 0 &&
            task->external->limits.memory < needed)
            return error_set(error, ERROR_INVALID,
                             "%s: [sandbox] memory is too small for any worker: at least %lldM are "
                             "needed",
                             task->external->file, needed / (1024 * 1024) + 1);
#endif
    return 0;
}

/* One empty session keyring for launcher and workers that grants nothing to anybody; see
 * check_keyring() in worker.c. */
static int close_keyring(struct workplace *workplace, struct error *error)
{
    long keyring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    if (keyring < 0) {
        log_notice("session keyring kept (%s): only seccomp keeps workers from it",
                   strerror(errno));
        return 0;
    }
    if (syscall(SYS_keyctl, KEYCTL_SETPERM, (int)keyring, 0) < 0)
        return error_set_system(error, errno, "cannot close the session keyring");
    workplace->closed_keyring = true;
    return 0;
}

/* Users first: what follows may depend on who the launcher is. */
static int give_up_privileges(struct workplace *workplace, struct error *error)
{
    const int kept[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};
    if (!workplace->users.privileged)
        log_notice("not started as root: launcher and workers share one user");
    if (privileges_drop(&workplace->users.launcher, kept, sizeof(kept) / sizeof(*kept), error) < 0)
        return -1;
    return privileges_harden(error);
}

/* Certificates, the cgroups of attempts, and what workers of the operator's own tasks may reach: what
 * this process gives up, none of them could get back. */
static int deny_files(struct workplace *workplace, struct error *error)
{
    struct program_files *files = &workplace->files;
    enum { OWN = 2 };
    cleanup_free struct confinement_path *paths = calloc(files->path_count + OWN, sizeof(*paths));
    if (!paths)
        return error_set_system(error, ENOMEM, "cannot list the files of workers");
    paths[0] = (struct confinement_path){.descriptor = workplace->certificates,
                                         .access = CONFINEMENT_READ};
    paths[1] = (struct confinement_path){.descriptor = workplace->cgroup,
                                         .access = CONFINEMENT_READ | CONFINEMENT_PUT |
                                                   CONFINEMENT_DIRECTORIES};
    for (size_t i = 0; i < files->path_count; i++)
        paths[i + OWN] = files->paths[i];
    int result =
        sandbox_deny_other_files(workplace->landlock_abi, paths, files->path_count + OWN, error);
    program_files_close_paths(files);
    return result;
}

static int confine(struct workplace *workplace, struct error *error)
{
    const char *gaps = landlock_gaps(workplace->landlock_abi);
    if (gaps)
        log_warning("this kernel's Landlock ABI is %d, %d is needed for full isolation: %s",
                    workplace->landlock_abi, CONFINEMENT_ABI_MAXIMUM, gaps);
    if (deny_files(workplace, error) < 0)
        return -1;
    struct confinement_filter own;
    if (sandbox_build_launcher_filter(workplace->files.domain_count > 0, &own, error) < 0)
        return -1;
    int result = confinement_load(&own, error);
    confinement_free(&own);
    return result;
}

/* Whether practice tasks count is for the supervisor to decide. */
static int load_tasks(struct workplace *workplace, const struct config *config, struct error *error)
{
    if (task_list_load(config, &workplace->tasks, error) < 0)
        return -1;
    task_list_set_practice(workplace->tasks, true);
    return 0;
}

/* What workers that share one user may have together, so that none of them fails for the others. */
static uint32_t count_neighbours(const struct workplace *workplace, const struct config *config)
{
    int64_t most = 0;
    for (size_t i = 0; i < workplace->files.domain_count; i++) {
        int64_t processes = workplace->files.domains[i].task->limits.processes;
        most = processes > most ? processes : most;
    }
    return (uint32_t)(config->actuator_max_workers * (most + 2));
}

/* How far the signals of programs reach, and with what all of them can be ended. */
static void find_containment(struct workplace *workplace)
{
    const struct worker_users *users = &workplace->users;
    int refused = worker_guard_try_namespace(users->privileged ? &users->first : NULL);
    workplace->has_namespaces = refused == 0;
    workplace->is_contained = refused == 0 || workplace->landlock_abi >= SCOPES_ABI;
    if (refused)
        log_notice("this machine makes no PID namespaces for workers (%s): programs of tasks are "
                   "kept together by their process group, see docs/security.md",
                   strerror(refused));
}

/* While the launcher is who it was started as: its files need not be those of its later user. Where
 * that stays the same, processes of others count against the limit of its workers. */
static int prepare_programs(struct workplace *workplace, const struct config *config,
                            struct error *error)
{
    if (program_files_open(workplace->tasks, workplace->landlock_abi, &workplace->files, error) < 0)
        return -1;
    if (workplace->files.domain_count == 0)
        return 0;
    const struct worker_users *users = &workplace->users;
    find_containment(workplace);
    if (!users->privileged && worker_users_count_processes(&workplace->neighbours, error) < 0)
        return -1;
    if (users->count == 0)
        workplace->neighbours += count_neighbours(workplace, config);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return error_set_system(error, errno, "cannot become the reaper of orphaned processes");
    if (workplace->landlock_abi == 0)
        log_warning(
            "tasks of tasks.directory will fail: their programs do not run without Landlock");
    if (worker_guard_build_filter(&workplace->guard_filter, error) < 0)
        return -1;
    return sandbox_build_program_filters(workplace->has_namespaces ? SANDBOX_REACH_NAMESPACE
                                         : workplace->is_contained ? SANDBOX_REACH_DESCENDANTS
                                                                   : SANDBOX_REACH_GROUP,
                                         &workplace->program_filters, error);
}

int workplace_prepare(struct workplace *workplace, const struct config *config, int landlock_abi,
                      int lock, int cgroup, struct error *error)
{
    *workplace = (struct workplace){
        .launcher = getpid(),
        .lock = lock,
        .cgroup = cgroup,
        .certificates = -1,
        .landlock_abi = confinement_landlock_abi(landlock_abi),
    };
    if (setsid() < 0 && errno != EPERM) /* EPERM: leads one already */
        return error_set_system(error, errno, "cannot start a session");
    workplace->launcher_group = getpgrp();
    umask(077);
    if (load_tasks(workplace, config, error) < 0 || settle_signals(error) < 0 ||
        silence_streams(error) < 0 ||
        azure_secrets_take_environment(config, &workplace->azure, error) < 0 ||
        clean_environment(error) < 0 || worker_users_find(config, &workplace->users, error) < 0 ||
        kube_warm_up(error) < 0 || rehearse(error) < 0 || confinement_prepare_names(error) < 0 ||
        sandbox_build_worker_filter(&workplace->filter, error) < 0 ||
        prepare_programs(workplace, config, error) < 0 || close_keyring(workplace, error) < 0)
        return -1;
    malloc_trim(0); /* the smaller, the faster to fork */
    if (check_memory(workplace, config, error) < 0)
        return -1;
    if (chdir("/") < 0)
        return error_set_system(error, errno, "cannot go to /");
    /* As the launcher's own user: the key belongs to it, and nobody else needs to be able to read
     * it. */
    if (give_up_privileges(workplace, error) < 0 || load_key(workplace, config, error) < 0 ||
        open_certificates(workplace, config, error) < 0)
        return -1;
    if (confine(workplace, error) < 0)
        return -1;
    attempt_cgroup_try(workplace);
    return 0;
}
