/* SPDX-License-Identifier: Apache-2.0 */
/* program_files.c - which files the programs of a task may read and run. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/program_files.h"
#include "mimo/cleanup.h"
#include "mimo/log.h"
#include "mimo/trusted_path.h"

/* A script's interpreter may be a script too, up to the depth that the kernel allows. */
enum { INTERPRETERS_MAXIMUM = 5, FIRST_LINE_SIZE = 256, SEGMENTS_MAXIMUM = 128 };

static const unsigned readable = CONFINEMENT_READ | CONFINEMENT_LIST;
static const unsigned executable = CONFINEMENT_READ | CONFINEMENT_LIST | CONFINEMENT_EXECUTE;

/* --- Lists of open paths, each file once --- */

struct path_list {
    struct confinement_path *paths;
    size_t count;
    size_t capacity;
};

static void free_paths(struct path_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        close(list->paths[i].descriptor);
    free(list->paths);
    *list = (struct path_list){0};
}
#define cleanup_paths __attribute__((cleanup(free_paths)))

static bool is_same_file(int one, int other)
{
    struct stat left, right;
    return fstat(one, &left) == 0 && fstat(other, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

/* Takes the descriptor over. */
static int add_path(struct path_list *list, int *descriptor, unsigned access, struct error *error)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_same_file(list->paths[i].descriptor, *descriptor)) {
            list->paths[i].access |= access;
            return 0;
        }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        struct confinement_path *paths = reallocarray(list->paths, capacity, sizeof(*list->paths));
        if (!paths)
            return error_set_system(error, ENOMEM, "cannot keep the files of tasks");
        list->paths = paths;
        list->capacity = capacity;
    }
    list->paths[list->count++] =
        (struct confinement_path){.descriptor = take_fd(descriptor), .access = access};
    return 0;
}

/* --- Finding what a task needs --- */

struct search {
    const struct external_task *task;
    struct path_list list;
};

/* Open as a place, not for its content: 0, or -1 with what is missing in the log and no error. */
static int open_path(const struct search *search, const char *path, int *ret_descriptor)
{
    *ret_descriptor = open(path, O_PATH | O_CLOEXEC);
    if (*ret_descriptor >= 0)
        return 0;
    log_warning("%s: %s: %m: the task's programs will not reach it; when it is there, restart "
                "mimod",
                search->task->file, path);
    return -1;
}

/* The same for a file that is to be executed, with every directory and link on the way judged. */
static int open_trusted(const struct search *search, const char *path, int *ret_descriptor)
{
    struct error problem;
    if (trusted_path_open(path, ret_descriptor, &problem) == 0)
        return 0;
    log_warning("%s: %s will not be executed: %s; then restart mimod", search->task->file, path,
                problem.message);
    return -1;
}

static int allow(struct search *search, const char *path, unsigned access, struct error *error)
{
    cleanup_fd int descriptor = -1;
    if (open_path(search, path, &descriptor) < 0)
        return 0;
    return add_path(&search->list, &descriptor, access, error);
}

/* The path behind "#!", and the one word behind that, if any; both "" for what is not a script. */
static void read_first_line(int file, char *interpreter, char *argument)
{
    char line[FIRST_LINE_SIZE + 1];
    ssize_t length = pread(file, line, FIRST_LINE_SIZE, 0);
    *interpreter = *argument = '\0';
    if (length < 2 || line[0] != '#' || line[1] != '!')
        return;
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line + 2, "%255s %255s", interpreter, argument) < 1)
        *interpreter = *argument = '\0';
}

/* "#!/usr/bin/env python3": env looks for its argument in PATH. */
static bool find_for_env(const char *interpreter, const char *argument, char *path, size_t size)
{
    static const char *const directories[] = {PROGRAM_DIRECTORIES};
    const char *name = strrchr(interpreter, '/');
    if (!name || strcmp(name, "/env") != 0 || !*argument || strpbrk(argument, "-=/"))
        return false;
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        snprintf(path, size, "%s/%s", directories[i], argument);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

/* The loader that an ELF program names (PT_INTERP); "" if it names none. */
static void read_loader(int file, char *loader, size_t size)
{
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    *loader = '\0';
    if (pread(file, &header, sizeof(header), 0) != sizeof(header) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_phentsize != sizeof(segment))
        return;
    for (unsigned i = 0; i < header.e_phnum && i < SEGMENTS_MAXIMUM; i++) {
        off_t offset = (off_t)(header.e_phoff + i * sizeof(segment));
        if (pread(file, &segment, sizeof(segment), offset) != sizeof(segment))
            return;
        if (segment.p_type != PT_INTERP || segment.p_filesz == 0 || segment.p_filesz >= size)
            continue;
        if (pread(file, loader, segment.p_filesz, (off_t)segment.p_offset) !=
            (ssize_t)segment.p_filesz)
            *loader = '\0';
        loader[segment.p_filesz] = '\0';
        return;
    }
}

static int allow_execution(struct search *search, const char *path, int depth, struct error *error);

/* What the kernel, and env, will open to run the file. */
static int allow_helpers(struct search *search, int descriptor, int depth, struct error *error)
{
    char interpreter[FIRST_LINE_SIZE], argument[FIRST_LINE_SIZE], path[PATH_MAX];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
    cleanup_fd int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return 0;
    read_loader(file, path, sizeof(path));
    if (*path)
        return allow_execution(search, path, depth + 1, error);
    read_first_line(file, interpreter, argument);
    if (*interpreter && allow_execution(search, interpreter, depth + 1, error) < 0)
        return -1;
    if (*interpreter && find_for_env(interpreter, argument, path, sizeof(path)))
        return allow_execution(search, path, depth + 1, error);
    return 0;
}

static int allow_usual_loader(struct search *search, int depth, struct error *error)
{
    char loader[PATH_MAX];
    cleanup_fd int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (own < 0)
        return error_set_system(error, errno, "cannot stat the launcher's own program");
    read_loader(own, loader, sizeof(loader));
    return *loader ? allow_execution(search, loader, depth, error) : 0;
}

/* A directory, too: then everything in it, which may need the usual loader. */
static int allow_execution(struct search *search, const char *path, int depth, struct error *error)
{
    cleanup_fd int descriptor = -1;
    struct stat status;
    if (depth >= INTERPRETERS_MAXIMUM || open_trusted(search, path, &descriptor) < 0)
        return 0;
    if (fstat(descriptor, &status) < 0)
        return error_set_system(error, errno, "cannot stat %s", path);
    if (S_ISDIR(status.st_mode)) {
        if (allow_usual_loader(search, depth + 1, error) < 0)
            return -1;
    } else if (allow_helpers(search, descriptor, depth, error) < 0) {
        return -1;
    }
    return add_path(&search->list, &descriptor, executable, error);
}

static int find_files(struct search *search, struct error *error)
{
    const struct external_task *task = search->task;
    if (allow(search, "/dev/null", CONFINEMENT_READ | CONFINEMENT_PUT, error) < 0 ||
        allow(search, "/dev/zero", CONFINEMENT_READ, error) < 0 ||
        allow(search, "/dev/random", CONFINEMENT_READ, error) < 0 ||
        allow(search, "/dev/urandom", CONFINEMENT_READ, error) < 0)
        return -1;
    for (char **path = task->read; path && *path; path++)
        if (allow(search, *path, readable, error) < 0)
            return -1;
    for (char **path = task->execute; path && *path; path++)
        if (allow_execution(search, *path, 0, error) < 0)
            return -1;
    for (size_t i = 0; i < task->step_count; i++)
        if (allow_execution(search, task->steps[i].arguments[0], 0, error) < 0)
            return -1;
    return 0;
}

/* --- All tasks --- */

static int prepare_task(const struct external_task *task, int abi, struct path_list *all,
                        struct program_domain *ret_domain, struct error *error)
{
    struct search search = {.task = task};
    cleanup_paths struct path_list paths = {0};
    int result = find_files(&search, error);
    paths = search.list;
    const struct confinement_domain domain = {.paths = paths.paths, .path_count = paths.count};
    *ret_domain = (struct program_domain){.task = task, .descriptor = -1};
    if (result < 0 ||
        (abi > 0 && confinement_make_domain(abi, &domain, &ret_domain->descriptor, error) < 0))
        return -1;
    for (size_t i = 0; i < paths.count; i++) {
        cleanup_fd int copy = fcntl(paths.paths[i].descriptor, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return error_set_system(error, errno, "cannot hold the files of tasks open");
        if (add_path(all, &copy, paths.paths[i].access, error) < 0)
            return -1;
    }
    return 0;
}

static void close_domains(struct program_domain *domains, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (domains[i].descriptor >= 0)
            close(domains[i].descriptor);
    free(domains);
}

int program_files_open(const struct task_list *tasks, int landlock_abi,
                       struct program_files *ret_files, struct error *error)
{
    cleanup_paths struct path_list all = {0};
    struct program_domain *domains = NULL;
    size_t count = 0;
    const struct task *task;
    for (size_t i = 0; (task = task_list_at(tasks, i)); i++) {
        if (!task->external)
            continue;
        struct program_domain *more = reallocarray(domains, count + 1, sizeof(*domains));
        if (!more) {
            close_domains(domains, count);
            return error_set_system(error, ENOMEM, "cannot keep the files of tasks");
        }
        domains = more;
        if (prepare_task(task->external, landlock_abi, &all, &domains[count++], error) < 0) {
            close_domains(domains, count);
            return error_prefix(error, "%s", task->external->file);
        }
    }
    *ret_files = (struct program_files){
        .domains = domains,
        .domain_count = count,
        .paths = take_pointer(&all.paths),
        .path_count = all.count,
    };
    all.count = 0;
    return 0;
}

void program_files_close_paths(struct program_files *files)
{
    struct path_list list = {.paths = files->paths, .count = files->path_count};
    free_paths(&list);
    files->paths = NULL;
    files->path_count = 0;
}

const struct program_domain *program_files_find(const struct program_files *files,
                                                const char *task_id)
{
    for (size_t i = 0; i < files->domain_count; i++)
        if (strcasecmp(files->domains[i].task->task.id, task_id) == 0)
            return &files->domains[i];
    return NULL;
}
