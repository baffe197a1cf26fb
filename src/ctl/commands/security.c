/* SPDX-License-Identifier: Apache-2.0 */
/*
 * security.c - mimoctl ps --security: privileges of the actuators' processes on this machine.
 *
 * The list of processes comes from the actuators, everything else from the kernel. A privilege that
 * a process does not need is reported as a gap.
 */
#include <dirent.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "ctl/commands/handlers.h"
#include "ctl/commands/machine.h"
#include "ctl/commands/next.h"
#include "ctl/commands/security.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/process_security.h"

/* Privileges that each kind of process may keep. */
#define BIT(capability) (UINT64_C(1) << (capability))
#define OF_LAUNCHER     (BIT(CAP_KILL) | BIT(CAP_SETGID) | BIT(CAP_SETUID))

static const char role_api[] = "Admin API";
static const char role_launcher[] = "launcher";
static const char role_supervisor[] = "supervisor";
static const char role_worker[] = "worker";
static const char role_program[] = "program"; /* that a worker runs */

enum { ANCESTORS_MAXIMUM = 64 };

static uint64_t capabilities_of_role(const char *role)
{
    return strcmp(role, role_launcher) == 0 ? OF_LAUNCHER : 0;
}

/* --- Gaps: more privileges than a process needs --- */

static void add_gap(struct json_object *process, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_gap(struct json_object *process, const char *format, ...)
{
    char text[PROCESS_CAPABILITIES_SIZE + 128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    document_append(document_member(process, "gaps"), document_new_string(text));
}

static void find_gaps(struct json_object *process, const struct process_security *security)
{
    const char *role = document_string(process, "role", "");
    uint64_t surplus = (security->permitted | security->ambient) & ~capabilities_of_role(role);
    char names[PROCESS_CAPABILITIES_SIZE];
    if (security->users[0] == 0 || security->users[1] == 0 || security->users[2] == 0)
        add_gap(process, "runs as root: give it a user of its own");
    if (surplus)
        add_gap(process, "has capabilities that it does not need: %s",
                process_capabilities_text(surplus, names));
    if (!security->no_new_privileges)
        add_gap(process, "may gain privileges by running programs (no_new_privs is off)");
    if (security->seccomp_mode != 2)
        add_gap(process, "may make any system call (no seccomp filter)");
    /* exec makes every program dumpable; the Landlock domain of its worker still confines it. */
    if (security->dumpable == PROCESS_DUMPABLE && strcmp(role, role_program) != 0)
        add_gap(process, "other processes of its user may trace it and read its memory (dumpable)");
    const char *of_landlock = landlock_gaps((int)document_integer(process, "landlockAbi", -1));
    if (strcmp(role, role_launcher) == 0 && of_landlock)
        add_gap(process, "Landlock ABI %" PRId64 ": %s",
                document_integer(process, "landlockAbi", 0), of_landlock);
    if (json_object_get_boolean(document_get(process, "withoutNamespaces")))
        add_gap(process, "no PID namespaces, because this machine forbids user namespaces: "
                         "programs of tasks are kept together by their process group instead "
                         "(docs/security.md)");
}

/* --- Facts from the kernel --- */

static struct json_object *user_text(unsigned id)
{
    const struct passwd *entry = getpwuid(id);
    char number[16];
    snprintf(number, sizeof(number), "%u", id);
    return document_new_string(entry ? entry->pw_name : number);
}

static struct json_object *group_text(unsigned id)
{
    const struct group *entry = getgrgid(id);
    char number[16];
    snprintf(number, sizeof(number), "%u", id);
    return document_new_string(entry ? entry->gr_name : number);
}

static struct json_object *capability_text(uint64_t capabilities)
{
    char names[PROCESS_CAPABILITIES_SIZE];
    return document_new_string(process_capabilities_text(capabilities, names));
}

static struct json_object *seccomp_text(const struct process_security *security)
{
    static const char *const modes[] = {"off", "strict", "filter"};
    return document_new_string(security->seccomp_mode < 3 ? modes[security->seccomp_mode]
                                                          : "unknown");
}

static struct json_object *dumpable_text(const struct process_security *security)
{
    switch (security->dumpable) {
    case PROCESS_DUMPABLE:
        return json_object_new_boolean(true);
    case PROCESS_NOT_DUMPABLE:
        return json_object_new_boolean(false);
    case PROCESS_DUMPABLE_UNKNOWN:
        break;
    }
    return NULL;
}

/* Adds the kernel's facts about a process, and its gaps. A process that has ended meanwhile keeps
 * its pid alone. */
static void fill_in(struct json_object *process)
{
    struct process_security security;
    struct error error;
    document_add(process, "gaps", json_object_new_array());
    if (process_security_read(document_integer(process, "pid", 0), &security, &error) < 0) {
        document_add(process, "unknown", document_new_string(error.message));
        return;
    }
    const char *name;
    struct json_object *value;
    struct json_object *facts = document_pack(
        "{s:o, s:i, s:o, s:i, s:i, s:o, s:o, s:o, s:b, s:o, s:i, s:o?}", "user",
        user_text(security.users[1]), "uid", (int)security.users[1], "group",
        group_text(security.groups[1]), "gid", (int)security.groups[1], "supplementaryGroups",
        (int)security.supplementary_groups, "capabilities", capability_text(security.effective),
        "permitted", capability_text(security.permitted), "bounding",
        capability_text(security.bounding), "noNewPrivileges", (int)security.no_new_privileges,
        "seccomp", seccomp_text(&security), "seccompFilters", (int)security.seccomp_filters,
        "dumpable", dumpable_text(&security));
    document_foreach_member(facts, name, value)
        document_add(process, name, json_object_get(value));
    json_object_put(facts);
    find_gaps(process, &security);
}

/* --- The Admin API, which no actuator lists --- */

/* Found by its name, which any process can take, and by its executable where we may read that. The
 * user is shown, so that a reader can tell a false one. */
static bool is_admin_api(const char *pid)
{
    static const char program[] = "mimo-api";
    char path[64], executable[4096];
    cleanup_free char *name = NULL;
    struct error error;
    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    if (io_read_file(path, 64, &name, NULL, &error) < 0)
        return false;
    name[strcspn(name, "\n")] = '\0';
    if (strcmp(name, program) != 0)
        return false;
    snprintf(path, sizeof(path), "/proc/%.20s/exe", pid);
    ssize_t length = readlink(path, executable, sizeof(executable) - 1);
    if (length < 0)
        return true;
    executable[length] = '\0';
    const char *last = strrchr(executable, '/');
    return last && strncmp(last + 1, program, sizeof(program) - 1) == 0;
}

/* Calls `visit` with each process of the machine that can be seen. */
static void visit_processes(void (*visit)(const char *pid, void *context), void *context)
{
    DIR *directory = opendir("/proc");
    for (const struct dirent *entry; directory && (entry = readdir(directory));)
        if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name))
            visit(entry->d_name, context);
    if (directory)
        closedir(directory);
}

static void add_admin_api(const char *pid, void *context)
{
    struct json_object *found = context;
    if (!is_admin_api(pid))
        return;
    struct json_object *process =
        document_pack("{s:s, s:I}", "role", role_api, "pid", (int64_t)strtoll(pid, NULL, 10));
    fill_in(process);
    document_append(found, process);
}

static struct json_object *find_admin_apis(void)
{
    struct json_object *found = json_object_new_array();
    visit_processes(add_admin_api, found);
    return found;
}

/* --- Programs of workers --- */

/* 0 when the process is gone. */
static int64_t parent_of(int64_t pid)
{
    struct process_security security;
    return process_security_read(pid, &security, NULL) < 0 ? 0 : security.parent;
}

static const struct json_object *find_worker(const struct json_object *processes, int64_t pid)
{
    size_t position;
    struct json_object *process;
    document_foreach_item(processes, position, process) {
        if (strcmp(document_string(process, "role", ""), role_worker) == 0 &&
            document_integer(process, "pid", 0) == pid)
            return process;
    }
    return NULL;
}

/* A program descends from a worker, but is not its child: the child is the init of the PID
 * namespace, or the leader of the process group, of the worker's programs. */
static void add_program(const char *pid, void *context)
{
    struct json_object *processes = context;
    const struct json_object *worker = NULL;
    int64_t number = strtoll(pid, NULL, 10);
    int64_t ancestor = parent_of(number);
    for (int depth = 0; !worker && ancestor > 1 && depth < ANCESTORS_MAXIMUM; depth++) {
        ancestor = parent_of(ancestor);
        worker = find_worker(processes, ancestor);
    }
    if (!worker)
        return;
    struct json_object *process = document_copy(worker);
    document_set_string(process, "role", role_program);
    document_set(process, "pid", json_object_new_int64(number));
    document_append(processes, process);
}

/* --- Gaps of the actuator as a whole --- */

static struct json_object *first_of_role(const struct json_object *processes, const char *role)
{
    size_t position;
    struct json_object *process;
    document_foreach_item(processes, position, process) {
        if (strcmp(document_string(process, "role", ""), role) == 0)
            return process;
    }
    return NULL;
}

static void find_shared_user(const struct json_object *processes)
{
    struct json_object *launcher = first_of_role(processes, role_launcher);
    const struct json_object *supervisor = first_of_role(processes, role_supervisor);
    int64_t user = document_integer(launcher, "uid", -1);
    if (launcher && user >= 0 && user == document_integer(supervisor, "uid", -2))
        add_gap(launcher,
                "supervisor, launcher and workers share one user: start mimod as root, or by its "
                "systemd unit");
}

static void fill_in_all(struct json_object *answers)
{
    size_t position;
    struct json_object *answer;
    document_foreach_item(answers, position, answer) {
        struct json_object *processes = document_member(answer, "processes");
        size_t place;
        struct json_object *process;
        visit_processes(add_program, processes);
        document_foreach_item(processes, place, process)
            fill_in(process);
        find_shared_user(processes);
    }
}

/* --- For people --- */

static void fill_landlock(const struct output *output, const struct json_object *process,
                          const void *context, struct cell *cell)
{
    (void)output, (void)context;
    int64_t abi = document_integer(process, "landlockAbi", -1);
    if (abi < 0) /* not asked */
        snprintf(cell->text, sizeof(cell->text), "?");
    else if (abi == 0)
        snprintf(cell->text, sizeof(cell->text), "no");
    else
        snprintf(cell->text, sizeof(cell->text), "ABI %" PRId64, abi);
}

static void fill_seccomp(const struct output *output, const struct json_object *process,
                         const void *context, struct cell *cell)
{
    (void)output, (void)context;
    int64_t filters = document_integer(process, "seccompFilters", 0);
    const char *mode = document_string(process, "seccomp", "");
    if (filters > 0)
        snprintf(cell->text, sizeof(cell->text), "%s (%" PRId64 ")", mode, filters);
    else
        snprintf(cell->text, sizeof(cell->text), "%s", mode);
    if (strcmp(mode, "off") == 0)
        cell->colour = COLOUR_YELLOW;
}

static void fill_truth(const struct json_object *value, const char *yes, const char *no, bool good,
                       struct cell *cell)
{
    bool is = document_is_true(value);
    if (!document_is_boolean(value))
        return;
    snprintf(cell->text, sizeof(cell->text), "%s", is ? yes : no);
    if (is != good)
        cell->colour = COLOUR_YELLOW;
}

static void fill_new_privileges(const struct output *output, const struct json_object *process,
                                const void *context, struct cell *cell)
{
    (void)output, (void)context;
    fill_truth(document_get(process, "noNewPrivileges"), "no", "yes", true, cell);
}

static void fill_dumpable(const struct output *output, const struct json_object *process,
                          const void *context, struct cell *cell)
{
    (void)output, (void)context;
    fill_truth(document_get(process, "dumpable"), "yes", "no", false, cell);
}

static void fill_gap_count(const struct output *output, const struct json_object *process,
                           const void *context, struct cell *cell)
{
    (void)output, (void)context;
    size_t count = document_length(document_get(process, "gaps"));
    snprintf(cell->text, sizeof(cell->text), "%s", document_string(process, "unknown", ""));
    if (cell->text[0] == '\0')
        snprintf(cell->text, sizeof(cell->text), "%zu", count);
    cell->colour = count > 0 ? COLOUR_YELLOW : COLOUR_NONE;
}

static const struct column columns[] = {
    {"PROCESS", IN_BOTH, "role", NULL},
    {"PID", IN_BOTH, "pid", NULL},
    {"USER", IN_BOTH, "user", NULL},
    {"GROUP", IN_WIDE, "group", NULL},
    {"CAPABILITIES", IN_BOTH, "capabilities", NULL},
    {"BOUNDING", IN_WIDE, "bounding", NULL},
    {"NEW PRIVILEGES", IN_WIDE, NULL, fill_new_privileges},
    {"SECCOMP", IN_BOTH, NULL, fill_seccomp},
    {"LANDLOCK", IN_BOTH, NULL, fill_landlock},
    {"DUMPABLE", IN_WIDE, NULL, fill_dumpable},
    {"MANIFEST", IN_WIDE, "manifestID", NULL},
    {"GAPS", IN_BOTH, NULL, fill_gap_count},
};

static const struct listing process_listing = {
    .columns = columns,
    .column_count = sizeof(columns) / sizeof(columns[0]),
    .nothing = "no process",
};

static void write_gaps(const struct json_object *processes)
{
    size_t position;
    struct json_object *process;
    document_foreach_item(processes, position, process) {
        size_t place;
        struct json_object *gap;
        document_foreach_item(document_get(process, "gaps"), place, gap)
            printf("%s %" PRId64 ": %s\n", document_string(process, "role", "?"),
                   document_integer(process, "pid", 0), document_text(gap));
    }
}

/* A line for each launcher: by which means the kernel ends an attempt, and limits it as a whole. */
static void write_means(const struct json_object *processes)
{
    size_t position;
    struct json_object *process;
    document_foreach_item(processes, position, process) {
        const struct json_object *attempts = document_get(process, "attempts");
        if (!attempts)
            continue;
        const char *programs = document_string(attempts, "programs", "none");
        bool memory = document_is_true(document_get(attempts, "memoryLimit"));
        bool count = document_is_true(document_get(attempts, "processLimit"));
        printf("%s %" PRId64 ": attempts are ended by timers%s%s; %s\n",
               document_string(process, "role", "?"), document_integer(process, "pid", 0),
               strcmp(programs, "pidNamespace") == 0   ? ", PID namespaces"
               : strcmp(programs, "processGroup") == 0 ? ", process groups"
                                                       : "",
               document_is_true(document_get(attempts, "cgroup")) ? ", cgroups" : " (no cgroups)",
               memory && count ? "limits of an attempt as a whole: memory and processes"
               : memory        ? "limits of an attempt as a whole: memory"
               : count         ? "limits of an attempt as a whole: processes"
                               : "no limits for an attempt as a whole (no cgroup controllers)");
    }
}

/* One table of all, a line for the means of each launcher, and a line for each gap. */
static void write_text(const struct output *output, const struct json_object *answers,
                       const struct json_object *apis)
{
    cleanup_json struct json_object *all = json_object_new_array();
    size_t position;
    struct json_object *answer;
    document_foreach_item(answers, position, answer)
        document_append_all(all, document_member(answer, "processes"));
    document_append_all(all, apis);
    output_table(output, &process_listing, all);
    write_means(all);
    write_gaps(all);
}

static void write_pids(const struct json_object *processes)
{
    size_t position;
    struct json_object *process;
    document_foreach_item(processes, position, process)
        printf("%" PRId64 "\n", document_integer(process, "pid", 0));
}

static void write_all(const struct output *output, const struct json_object *answers,
                      struct json_object *apis)
{
    size_t position;
    struct json_object *answer;
    switch (output->form) {
    case OUTPUT_JSON: {
        cleanup_json struct json_object *all =
            document_pack("{s:O, s:O}", "value", answers, "adminApi", apis);
        output_json(all);
        break;
    }
    case OUTPUT_ID:
        document_foreach_item(answers, position, answer)
            write_pids(document_get(answer, "processes"));
        write_pids(apis);
        break;
    case OUTPUT_TABLE:
    case OUTPUT_WIDE:
        write_text(output, answers, apis);
        next_say(output, NULL, "mimoctl ps");
        break;
    }
}

int security_show(struct ctl *ctl, struct error *error)
{
    struct machine_question question = {.command = "security"};
    cleanup_json struct json_object *answers = NULL;
    int status = machine_ask(ctl, &question, &answers, error);
    if (status < 0)
        return -1;
    fill_in_all(answers);
    cleanup_json struct json_object *apis = find_admin_apis();
    write_all(&ctl->output, answers, apis);
    return status;
}
