/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - mimo-store, the administrator's tool for the store, with verbs to create, check, dump,
 * load, back up and reseal it.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/command_line.h"
#include "mimo/program.h"
#include "store-tool/tool.h"

static const char *arg_store;
static const char *arg_replace;
static const char *arg_force;
static const char *arg_old_key;
static const char *arg_new_key;
static const char *arg_new_certificate;

static const struct verb {
    const char *name;
    int (*run)(const struct tool *tool);
    int operands_needed;
    int operands_allowed;
} verbs[] = {
    {"init", tool_init, 0, 0}, {"check", tool_check, 0, 0},   {"dump", tool_dump, 0, 0},
    {"load", tool_load, 0, 1}, {"backup", tool_backup, 1, 1}, {"reseal", tool_reseal, 0, 0},
};
enum { VERB_COUNT = sizeof(verbs) / sizeof(verbs[0]) };

static const struct program_option options[] = {
    {"store", "URI", "the store, instead of store.uri: sqlite:PATH", &arg_store},
    {"replace", NULL, "load: overwrite existing documents", &arg_replace},
    {"force", NULL, "load: even if actuators are running on the store", &arg_force},
    {"old-key", "FILE", "reseal: file with the current key or keys, instead of clusters.seal_key",
     &arg_old_key},
    {"new-certificate", "FILE", "reseal: the new certificate, instead of clusters.seal_certificate",
     &arg_new_certificate},
    {"new-key", "FILE", "reseal: its key, instead of clusters.seal_key", &arg_new_key},
    {NULL},
};

/* Options that one verb alone takes. */
static const struct {
    const char *option;
    const char *verb;
    const char **value;
} bound_options[] = {
    {"replace", "load", &arg_replace},   {"force", "load", &arg_force},
    {"old-key", "reseal", &arg_old_key}, {"new-certificate", "reseal", &arg_new_certificate},
    {"new-key", "reseal", &arg_new_key},
};

static const struct program program = {
    .name = "mimo-store",
    .summary = "create, check, dump, load, back up and reseal the MIMO store",
    .operands = "init|check|dump|load [FILE]|backup FILE|reseal",
    .options = options,
    .details = "  init         create the store and the key pair for cluster credentials if\n"
               "               they are missing\n"
               "  check        look for damage and broken rules; exit status 1 if there are any\n"
               "  dump         write all documents to standard output, one line of JSON each\n"
               "  load [FILE]  read such lines, from standard input by default\n"
               "  backup FILE  copy the store into a new file while it is in use\n"
               "  reseal       seal the credentials of all clusters under another certificate",
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    program_usage_error(&program, "unknown command \"%s\"; known: %s", name, program.operands);
}

static const struct verb *parse_operands(int count, char **operands)
{
    if (count == 0)
        program_usage_error(&program, "missing command: %s", program.operands);
    const struct verb *verb = find_verb(operands[0]);
    if (count - 1 < verb->operands_needed)
        program_usage_error(&program, "%s needs a FILE", verb->name);
    if (count - 1 > verb->operands_allowed)
        program_usage_error(&program, "unexpected operand \"%s\"",
                            operands[1 + verb->operands_allowed]);
    for (size_t i = 0; i < sizeof(bound_options) / sizeof(bound_options[0]); i++)
        if (*bound_options[i].value && strcmp(bound_options[i].verb, verb->name) != 0)
            program_usage_error(&program, "--%s is for %s only", bound_options[i].option,
                                bound_options[i].verb);
    return verb;
}

int tool_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    command_line_say(program.name, format, arguments);
    va_end(arguments);
    return EXIT_FAILURE;
}

int tool_fail(const struct error *error)
{
    return tool_complain("%s", error->message);
}

int main(int argc, char **argv)
{
    struct config config;
    int count = program_start(&program, argc, argv, &config);
    const struct verb *verb = parse_operands(count, argv + 1);
    const struct tool tool = {
        .config = &config,
        .uri = arg_store ? arg_store : config.store_uri,
        .operand = argv[2], /* NULL behind the last */
        .replace = arg_replace != NULL,
        .force = arg_force != NULL,
        .old_key = arg_old_key,
        .new_key = arg_new_key,
        .new_certificate = arg_new_certificate,
    };

    signal(SIGPIPE, SIG_IGN); /* told by write(2) */
    int status = command_line_finish(program.name, verb->run(&tool));
    config_free(&config);
    return status;
}
