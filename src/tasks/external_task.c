/* SPDX-License-Identifier: Apache-2.0 */
/* external_task.c - reading the file of a task of the operator's own. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/external_task.h"
#include "mimo/ini_file.h"
#include "mimo/io.h"
#include "mimo/launcher_channel.h"
#include "mimo/log.h"
#include "mimo/privileges.h"
#include "mimo/text.h"
#include "mimo/trusted_path.h"
#include "mimo/uuid.h"
#include "tasks/program_form.h"
#include "tasks/words.h"

enum {
    NAME_MAXIMUM = 60, /* what a title of a process has room for */
    SHORT_NAME_MAXIMUM = 40,
    SUMMARY_MAXIMUM = 160,
    PATCHES_MAXIMUM = 16,
    PROCESSES_DEFAULT = 32,
};

struct reading;

/* One key that a file may have. `offset` is the place of the value in struct external_task, or, of
 * a key of a step, in struct external_step. */
struct key {
    const char *section;
    const char *name;
    int (*set)(struct reading *reading, const struct key *key, const char *value,
               struct error *error);
    size_t offset;
    enum config_value kind; /* of numbers, with their bounds */
    int64_t smallest;
    int64_t largest;
    const char *needed; /* what it says, where there has to be one */
    bool often;         /* may be given several times, each adding to the list */
};

enum section { SECTION_NONE, SECTION_TASK, SECTION_SANDBOX, SECTION_STEP };
static const char *const section_names[] = {"", "task", "sandbox", "step"};

enum { KEYS_MAXIMUM = 32 };

/* One file while it is read. */
struct reading {
    struct external_task *task;
    enum section section;
    int lines[SECTION_STEP]; /* where each began; 0: nowhere */
    bool seen[KEYS_MAXIMUM]; /* in the order of the table; of the steps in the latest */
    int step_lines[EXTERNAL_STEPS_MAXIMUM];
};

static void *place_of(const struct reading *reading, const struct key *key)
{
    struct external_task *task = reading->task;
    bool step = strcmp(key->section, "step") == 0;

    return (step ? (char *)&task->steps[task->step_count - 1] : (char *)task) + key->offset;
}

static int set_number(struct reading *reading, const struct key *key, const char *value,
                      struct error *error)
{
    return config_parse_value(key->kind, value, key->smallest, key->largest, place_of(reading, key),
                              error);
}

/* cluster and parameters: members of struct task stand for them. */

static int set_cluster(struct reading *reading, const struct key *key, const char *value,
                       struct error *error)
{
    int64_t yes;

    if (config_parse_value(key->kind, value, 0, 1, &yes, error) < 0)
        return -1;
    reading->task->task.flags = yes ? TASK_NEEDS_CLUSTER : 0;
    return 0;
}

/* What parameters there are is for the task's programs to know. */
static int accept_parameters(struct json_object *parameters, struct error *error)
{
    (void)parameters;
    (void)error;
    return 0;
}

static int set_parameters(struct reading *reading, const struct key *key, const char *value,
                          struct error *error)
{
    int64_t yes;

    if (config_parse_value(key->kind, value, 0, 1, &yes, error) < 0)
        return -1;
    reading->task->task.check_parameters = yes ? accept_parameters : NULL;
    return 0;
}

static int keep_text(const char **place, const char *value, struct error *error)
{
    *place = strdup(value);
    return *place ? 0 : error_set_system(error, ENOMEM, "cannot keep it");
}

static int refuse(const char *value, const char *allowed, struct error *error)
{
    char shown[64];

    return error_set(error, ERROR_INVALID, "\"%s\" is not %s",
                     log_escape(shown, sizeof(shown), value), allowed);
}

static int set_id(struct reading *reading, const struct key *key, const char *value,
                  struct error *error)
{
    char id[UUID_SIZE];

    if (!uuid_is_valid(value))
        return refuse(value, "a UUID; uuidgen makes one", error);
    for (size_t i = 0; i < sizeof(id); i++)
        id[i] = (char)tolower((unsigned char)value[i]);
    return keep_text(place_of(reading, key), id, error);
}

static int set_name(struct reading *reading, const struct key *key, const char *value,
                    struct error *error)
{
    if (!*value || strlen(value) > NAME_MAXIMUM)
        return refuse(value, "a name of 1 to 60 bytes, such as Node Report", error);
    return keep_text(place_of(reading, key), value, error);
}

static int set_short_name(struct reading *reading, const struct key *key, const char *value,
                          struct error *error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t length = strlen(value);

    if (length == 0 || length > SHORT_NAME_MAXIMUM || strspn(value, letters) != length ||
        !islower((unsigned char)*value) || uuid_is_valid(value))
        return refuse(value,
                      "a short name: at most 40 of a-z, 0-9 and \"-\", a letter first, no UUID",
                      error);
    return keep_text(place_of(reading, key), value, error);
}

static int set_summary(struct reading *reading, const struct key *key, const char *value,
                       struct error *error)
{
    if (!*value || strlen(value) > SUMMARY_MAXIMUM)
        return refuse(value, "a summary of 1 to 160 bytes", error);
    return keep_text(place_of(reading, key), value, error);
}

static int check_absolute(const char *path, struct error *error)
{
    return *path == '/' ? 0 : refuse(path, "an absolute path, which begins with /", error);
}

static int check_readable(const char *path, struct error *error)
{
    struct stat status;

    if (check_absolute(path, error) < 0)
        return -1;
    if (stat(path, &status) == 0)
        return 0;
    return errno == ENOENT || errno == ENOTDIR
               ? error_set(error, ERROR_INVALID, "there is no %s", path)
               : error_set_system(error, errno, "cannot stat %s", path);
}

static int check_executable(const char *path, struct error *error)
{
    if (check_readable(path, error) < 0 || trusted_path_check(path, error) < 0)
        return -1;
    return 0;
}

static int set_read(struct reading *reading, const struct key *key, const char *value,
                    struct error *error)
{
    return words_add(place_of(reading, key), value, EXTERNAL_PATHS_MAXIMUM, check_readable, error);
}

static int set_execute(struct reading *reading, const struct key *key, const char *value,
                       struct error *error)
{
    return words_add(place_of(reading, key), value, EXTERNAL_PATHS_MAXIMUM, check_executable,
                     error);
}

/* Names joined by dots, as patch_is_declared() of the supervisor puts them together. */
static int check_patch(const char *path, struct error *error)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    static const char within[] = "properties.";
    size_t length = strlen(path);

    if (strncmp(path, within, strlen(within)) != 0 || strspn(path, allowed) != length ||
        path[length - 1] == '.' || strstr(path, "..") || length > 255)
        return refuse(path,
                      "a path of the cluster document such as properties.operatorFlags, names "
                      "joined by dots",
                      error);
    return 0;
}

static int set_patches(struct reading *reading, const struct key *key, const char *value,
                       struct error *error)
{
    char **words = (char **)(uintptr_t)reading->task->task.patches;
    int result = words_add(&words, value, PATCHES_MAXIMUM, check_patch, error);

    (void)key;
    reading->task->task.patches = (const char *const *)words;
    return result;
}

/* Workers have users of their own, unless all of MIMO runs as the one that started it. */
static int check_program(const char *path, struct error *error)
{
    const bool one_user = !privileges_can_change();
    cleanup_fd int program = -1;
    struct stat status;

    if (check_readable(path, error) < 0 || trusted_path_open(path, &program, error) < 0)
        return -1;
    if (fstat(program, &status) < 0)
        return error_set_system(error, errno, "cannot stat %s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_INVALID, "%s is not a file", path);
    if (!(status.st_mode & (one_user && status.st_uid == geteuid() ? S_IXUSR : S_IXOTH)))
        return error_set(error, ERROR_INVALID,
                         "%s cannot be executed by the users of workers: chmod a+rx %s", path,
                         path);
    return program_form_check(program, path, error);
}

static int set_program(struct reading *reading, const struct key *key, const char *value,
                       struct error *error)
{
    char ***arguments = place_of(reading, key);

    if (words_count(*arguments) > 0)
        return error_set(error, ERROR_INVALID, "must come before arguments");
    if (words_add(arguments, value, EXTERNAL_ARGUMENTS_MAXIMUM, NULL, error) < 0)
        return -1;
    return check_program(**arguments ? **arguments : "", error);
}

static int set_arguments(struct reading *reading, const struct key *key, const char *value,
                         struct error *error)
{
    char ***arguments = place_of(reading, key);

    if (words_count(*arguments) == 0)
        return error_set(error, ERROR_INVALID, "must come after program");
    return words_add(arguments, value, EXTERNAL_ARGUMENTS_MAXIMUM, NULL, error);
}

#define TASK(member)            offsetof(struct external_task, member)
#define STEP(member)            offsetof(struct external_step, member)
#define NUMBER(of, least, most) .kind = CONFIG_VALUE_##of, .smallest = (least), .largest = (most)

/* clang-format off */
static const struct key keys[] = {
    {"task", "id", set_id, TASK(task.id), .needed = "a UUID that never changes; uuidgen makes one"},
    {"task", "name", set_name, TASK(task.name), .needed = "such as Node Report"},
    {"task", "short_name", set_short_name, TASK(task.short_name), .needed = "such as node-report"},
    {"task", "summary", set_summary, TASK(task.summary), .needed = "one line for the list of tasks"},
    {"task", "cluster", set_cluster, .kind = CONFIG_VALUE_BOOLEAN},
    {"task", "parameters", set_parameters, .kind = CONFIG_VALUE_BOOLEAN},
    {"task", "patches", set_patches, .often = true},
    {"task", "timeout", set_number, TASK(timeout_milliseconds), NUMBER(DURATION, SECOND, DAY)},
    {"sandbox", "read", set_read, TASK(read), .often = true},
    {"sandbox", "execute", set_execute, TASK(execute), .often = true},
    {"sandbox", "memory", set_number, TASK(limits.memory), NUMBER(BYTES, 32 * MIB, 64 * GIB)},
    {"sandbox", "open_files", set_number, TASK(limits.open_files), NUMBER(INTEGER, 16, 4096)},
    {"sandbox", "cpu", set_number, TASK(limits.cpu_milliseconds), NUMBER(DURATION, 0, DAY)},
    {"sandbox", "file_size", set_number, TASK(limits.file_size), NUMBER(BYTES, 0, GIB)},
    {"sandbox", "processes", set_number, TASK(limits.processes), NUMBER(INTEGER, 1, LAUNCH_PROCESSES_MAXIMUM)},
    {"step", "program", set_program, STEP(arguments)},
    {"step", "arguments", set_arguments, STEP(arguments), .often = true},
    {"step", "timeout", set_number, STEP(timeout_milliseconds), NUMBER(DURATION, 0, DAY)},
    {"step", "poll", set_number, STEP(poll_milliseconds), NUMBER(DURATION, 0, HOUR)},
};
/* clang-format on */

enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]) };
static_assert((int)KEY_COUNT <= (int)KEYS_MAXIMUM, "each key has its mark");

/* "id, name, ...": the keys of a section. */
static void list_keys(const char *section, char *buffer, size_t size)
{
    size_t used = 0;

    *buffer = '\0';
    for (size_t i = 0; i < KEY_COUNT && used < size; i++)
        if (strcmp(keys[i].section, section) == 0)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? ", " : "",
                                     keys[i].name);
}

/* The number of a key in the table, or -1. */
static int find_key(const struct reading *reading, const char *section, const char *name,
                    struct error *error)
{
    char shown[64], known[256];

    if (reading->section == SECTION_NONE)
        return error_set(error, ERROR_INVALID, "key \"%s\" comes before any [section]",
                         log_escape(shown, sizeof(shown), name));
    for (int i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].section, section_names[reading->section]) == 0 &&
            strcmp(keys[i].name, name) == 0)
            return i;
    list_keys(section_names[reading->section], known, sizeof(known));
    return error_set(error, ERROR_INVALID, "[%s] there is no key \"%s\" here; there are: %s",
                     section, log_escape(shown, sizeof(shown), name), known);
}

static int take_key(void *context, const char *section, const char *name, const char *value,
                    int line, struct error *error)
{
    struct reading *reading = context;
    int number = find_key(reading, section, name, error);

    (void)line;
    if (number < 0)
        return -1;
    if (reading->seen[number] && !keys[number].often)
        return error_set(error, ERROR_INVALID, "[%s] %s is set twice: remove one of the two",
                         section, name);
    reading->seen[number] = true;
    if (!text_is_clean(value))
        return error_set(error, ERROR_INVALID,
                         "[%s] %s: must be a text of one line without control characters", section,
                         name);
    if (keys[number].set(reading, &keys[number], value, error) < 0)
        return error_prefix(error, "[%s] %s", section, name);
    return 0;
}

static int add_step(struct reading *reading, const char *name, struct error *error)
{
    struct external_task *task = reading->task;
    struct external_step *longer;

    if (!*name || *name == ' ' || name[strlen(name) - 1] == ' ' || !text_is_clean(name))
        return error_set(error, ERROR_INVALID,
                         "a step has a name, as in [step look at nodes], one blank before it");
    for (size_t i = 0; i < task->step_count; i++)
        if (strcmp(task->steps[i].name, name) == 0)
            return error_set(error, ERROR_INVALID, "there is a step \"%s\" already", name);
    if (task->step_count == EXTERNAL_STEPS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "these are more than %d steps, which is the most",
                         EXTERNAL_STEPS_MAXIMUM);
    longer = reallocarray(task->steps, task->step_count + 1, sizeof(*longer));
    if (!longer)
        return error_set_system(error, ENOMEM, "cannot keep the step");
    task->steps = longer;
    longer[task->step_count] = (struct external_step){.name = strdup(name)};
    if (!longer[task->step_count].name)
        return error_set_system(error, ENOMEM, "cannot keep the step");
    task->step_count++;
    return 0;
}

static enum section section_of(const char *name)
{
    for (int i = SECTION_TASK; i < SECTION_STEP; i++)
        if (strcmp(section_names[i], name) == 0)
            return (enum section)i;
    return strncmp(name, "step", 4) == 0 && (name[4] == ' ' || name[4] == '\0') ? SECTION_STEP
                                                                                : SECTION_NONE;
}

static int begin_step(struct reading *reading, const char *name, int line, struct error *error)
{
    if (add_step(reading, name, error) < 0)
        return -1;
    reading->step_lines[reading->task->step_count - 1] = line;
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].section, "step") == 0)
            reading->seen[i] = false;
    return 0;
}

static int take_section(void *context, const char *name, int line, struct error *error)
{
    struct reading *reading = context;
    enum section section = section_of(name);
    char shown[64];

    reading->section = section;
    if (section == SECTION_STEP)
        return begin_step(reading, name[4] ? name + 5 : "", line, error);
    if (section == SECTION_NONE)
        return error_set(error, ERROR_INVALID,
                         "there is no section [%s]; there are: [task], [sandbox], [step NAME]",
                         log_escape(shown, sizeof(shown), name));
    if (reading->lines[section] > 0)
        return error_set(error, ERROR_INVALID, "section [%s] began in line %d already", name,
                         reading->lines[section]);
    reading->lines[section] = line;
    return 0;
}

static int check_task(const struct reading *reading, const char *path, struct error *error)
{
    int line = reading->lines[SECTION_TASK];

    if (line == 0)
        return error_set(error, ERROR_INVALID, "%s: there is no section [task]", path);
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].section, "task") == 0 && keys[i].needed && !reading->seen[i])
            return error_set(error, ERROR_INVALID, "%s:%d: [task] %s is missing: %s", path, line,
                             keys[i].name, keys[i].needed);
    return 0;
}

static int check_steps(const struct reading *reading, const char *path, struct error *error)
{
    const struct external_task *task = reading->task;

    if (task->step_count == 0)
        return error_set(error, ERROR_INVALID,
                         "%s: there is no section [step NAME]: a task has at least one", path);
    for (size_t i = 0; i < task->step_count; i++) {
        const struct external_step *step = &task->steps[i];

        if (!step->arguments)
            return error_set(error, ERROR_INVALID,
                             "%s:%d: [step %s] program is missing: the absolute path of a program, "
                             "with its arguments",
                             path, reading->step_lines[i], step->name);
        if (task->timeout_milliseconds > 0 &&
            step->timeout_milliseconds > task->timeout_milliseconds)
            return error_set(error, ERROR_INVALID,
                             "%s:%d: [step %s] timeout: must not be longer than the timeout of "
                             "[task], whose alarm would end it first",
                             path, reading->step_lines[i], step->name);
    }
    return 0;
}

/* What the file does not say. */
static int fill_in(struct external_task *task, struct error *error)
{
    static const char *const readable[] = {"/usr", "/lib", "/lib64", "/etc/ssl"};

    if (task->limits.processes == 0)
        task->limits.processes = PROCESSES_DEFAULT;
    if (words_add(&task->execute, "", EXTERNAL_PATHS_MAXIMUM, NULL, error) < 0)
        return -1;
    if (task->read)
        return 0;
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
        if (check_readable(readable[i], NULL) == 0 &&
            words_add(&task->read, readable[i], EXTERNAL_PATHS_MAXIMUM, NULL, error) < 0)
            return -1;
    return words_add(&task->read, "", EXTERNAL_PATHS_MAXIMUM, NULL, error);
}

static int read_file(const char *path, struct external_task *task, struct error *error)
{
    static const struct ini_handlers handlers = {take_section, take_key};
    struct reading reading = {.task = task};
    cleanup_free char *text = NULL;
    size_t length;

    if (*path != '/')
        return error_set(error, ERROR_INVALID, "cannot read %s: the path must begin with /", path);
    if (trusted_path_read(path, TRUSTED_PATH_NO_USER, INI_FILE_SIZE_MAXIMUM, &text, &length,
                          error) < 0)
        return error->kind == ERROR_DENIED ? error_prefix(error, "cannot trust %s", path)
                                           : error_prefix(error, "cannot read the task's file");
    task->file = strdup(path);
    if (!task->file)
        return error_set_system(error, ENOMEM, "cannot read %s", path);
    if (ini_file_parse(path, text, length, &handlers, &reading, error) < 0 ||
        check_task(&reading, path, error) < 0 || check_steps(&reading, path, error) < 0)
        return -1;
    return fill_in(task, error);
}

int external_task_read(const char *path, struct external_task **ret_task, struct error *error)
{
    struct external_task *task = calloc(1, sizeof(*task));

    if (!task)
        return error_set_system(error, ENOMEM, "cannot read %s", path);
    task->task.external = task;
    if (read_file(path, task, error) < 0) {
        external_task_free(task);
        return -1;
    }
    *ret_task = task;
    return 0;
}

/* The texts of struct task are const for its users, but this module owns them. */
static void free_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

void external_task_free(struct external_task *task)
{
    if (!task)
        return;
    free_text(task->task.id);
    free_text(task->task.name);
    free_text(task->task.short_name);
    free_text(task->task.summary);
    words_free((char **)(uintptr_t)task->task.patches);
    free(task->file);
    words_free(task->read);
    words_free(task->execute);
    for (size_t i = 0; i < task->step_count; i++) {
        free(task->steps[i].name);
        words_free(task->steps[i].arguments);
    }
    free(task->steps);
    free(task);
}
