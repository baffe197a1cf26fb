/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.c - completion of command lines, for shells: mimoctl __complete WORD...
 */
#include "ctl/complete.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/client/api.h"
#include "ctl/client/control_client.h"
#include "ctl/client/regions.h"
#include "ctl/commands.h"
#include "ctl/commands/machine.h"
#include "ctl/output/states.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/outcome.h"
#include "mimo/resource_id.h"

enum { CANDIDATES_MAXIMUM = 200 };

struct completion {
    struct ctl *ctl;   /* options and operands of the words before are in ctl->options */
    const char *whole; /* the last word, as far as it is typed */
    size_t kept;       /* bytes of it that stay as they are: "--state=", "Failed," */
    int pending;       /* the option whose value the word is, or COMMAND_NO_OPTION */
    const struct command *command; /* NULL until its words are read */
};

/* Writes a candidate if it begins with the word. */
static void offer(const struct completion *completion, const char *text, const char *description)
{
    const char *typed = completion->whole + completion->kept;
    char clean[256];
    if (strncasecmp(text, typed, strlen(typed)) != 0)
        return;
    status_text_copy(clean, sizeof(clean), description);
    printf("%.*s%s\t%s\n", (int)completion->kept, completion->whole, text, clean);
}

/* ---- values ---- */

static void offer_states(struct completion *completion)
{
    const char *comma = strrchr(completion->whole + completion->kept, ',');
    if (comma)
        completion->kept = (size_t)(comma + 1 - completion->whole);
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++)
        offer(completion, manifest_state_name((enum manifest_state)state), "");
}

static void offer_each(const struct completion *completion, const char *path, const char *member,
                       const char *description)
{
    const struct api_listing listing = {.path = path, .limit = CANDIDATES_MAXIMUM};
    struct error ignored;
    cleanup_json struct json_object *items = NULL;
    size_t position;
    struct json_object *item;
    if (api_list(completion->ctl, &listing, &items, NULL, &ignored) < 0)
        return;
    document_foreach_item(items, position, item)
        offer(completion, document_string(item, member, ""),
              document_string(item, description, ""));
}

static void offer_tasks(struct completion *completion)
{
    offer_each(completion, "/admin/tasks", "shortName", "summary");
}

static void offer_clusters(struct completion *completion)
{
    bool full = completion->whole[completion->kept] == '/';
    offer_each(completion, "/admin/clusters", full ? "id" : "name", full ? "name" : "id");
}

/* The states of manifests that a command applies to. */
static unsigned states_for(const struct command *command)
{
    static const struct {
        const char *verb;
        unsigned states;
    } wanted[] = {
        {"explain", MANIFEST_STATE_BIT(MANIFEST_PENDING)},
        {"watch", MANIFEST_STATES_OPEN},
        {"wait", MANIFEST_STATES_OPEN},
        {"cancel", MANIFEST_STATES_OPEN},
        {"stop", MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS)},
        {"recreate",
         MANIFEST_STATE_BIT(MANIFEST_FAILED) | MANIFEST_STATE_BIT(MANIFEST_RETRIES_EXCEEDED) |
             MANIFEST_STATE_BIT(MANIFEST_TIMED_OUT) | MANIFEST_STATE_BIT(MANIFEST_CANCELLED)},
    };
    for (size_t i = 0; command->verb && i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (strcmp(command->verb, wanted[i].verb) == 0)
            return wanted[i].states;
    return MANIFEST_STATES_ALL;
}

static void offer_manifests(struct completion *completion)
{
    cleanup_query struct query query = {0};
    cleanup_json struct json_object *manifests = NULL;
    char names[STATES_TEXT_SIZE];
    struct error ignored;
    size_t position;
    struct json_object *manifest;
    query_add(&query, "state", states_format(names, states_for(completion->command)));
    const struct api_listing listing = {
        .path = "/admin/maintenanceManifests", .query = &query, .limit = CANDIDATES_MAXIMUM};
    if (api_list(completion->ctl, &listing, &manifests, NULL, &ignored) < 0)
        return;
    document_foreach_item(manifests, position, manifest) {
        char description[256];
        snprintf(description, sizeof(description), "%s on %s",
                 document_string(manifest, "state", ""),
                 resource_id_name(document_string(manifest, "clusterResourceID", "")));
        offer(completion, document_string(manifest, "id", ""), description);
    }
}

static void offer_forms(struct completion *completion)
{
    for (int form = OUTPUT_TABLE; form <= OUTPUT_ID; form++)
        offer(completion, output_form_name((enum output_form)form), "");
}

static void offer_regions(struct completion *completion)
{
    struct regions regions;
    struct error ignored;
    if (regions_read(&regions, regions_path(), &ignored) < 0)
        return;
    for (size_t i = 0; i < regions.count; i++)
        offer(completion, regions.items[i].name, regions.items[i].url);
    regions_free(&regions);
}

/* "actuator-3.control" is "3". */
static void offer_indexes(struct completion *completion)
{
    cleanup_json struct json_object *names = NULL;
    struct error ignored;
    size_t position;
    struct json_object *name;
    if (control_find(machine_directory(completion->ctl), &names, &ignored) < 0)
        return;
    document_foreach_item(names, position, name) {
        int index;
        char text[16];
        if (sscanf(document_text(name), "actuator-%5d.", &index) != 1)
            continue;
        snprintf(text, sizeof(text), "%d", index);
        offer(completion, text, document_text(name));
    }
}

static void offer_if_open(struct completion *completion)
{
    offer(completion, "skip", "show the one that is open");
    offer(completion, "fail", "fail when one is open");
}

static void offer_files(struct completion *completion)
{
    (void)completion;
    puts(":files");
}

static void offer_directories(struct completion *completion)
{
    (void)completion;
    puts(":directories");
}

static void offer_nothing(struct completion *completion)
{
    (void)completion;
}

/* All placeholders of the tables of commands and options. */
static const struct {
    const char *placeholder;
    void (*offer)(struct completion *completion);
} values[] = {
    {"STATE,...", offer_states},
    {"TASK", offer_tasks},
    {"CLUSTER", offer_clusters},
    {"CLUSTER...", offer_clusters},
    {"ID", offer_manifests},
    {"ID...", offer_manifests},
    {"[INDEX...]", offer_indexes},
    {"FORM", offer_forms},
    {"NAME", offer_regions},
    {"skip|fail", offer_if_open},
    {"FILE", offer_files},
    {"DIR", offer_directories},
    {"", offer_nothing},
    {"N", offer_nothing},
    {"TICKET", offer_nothing},
    {"WORD", offer_nothing},
    {"TIME", offer_nothing},
    {"DURATION", offer_nothing},
    {"URL", offer_nothing},
    {"JSON|@FILE", offer_nothing},
    {"RESOURCE-ID", offer_nothing},
};
enum { VALUE_COUNT = sizeof(values) / sizeof(values[0]) };

static void offer_value(struct completion *completion, const char *placeholder)
{
    size_t i = 0;
    while (i < VALUE_COUNT && strcmp(values[i].placeholder, placeholder) != 0)
        i++;
    assert(i < VALUE_COUNT); /* every placeholder of the tables has a row */
    values[i].offer(completion);
}

/* ---- words before the last ---- */

/* Skips words that are wrong: completion reports no errors. */
static void take_words(struct completion *completion, char **words, int count)
{
    struct options *options = &completion->ctl->options;
    struct command_line line = options_line(words, count);
    struct error ignored;
    const char *value;
    int id;
    while ((id = command_line_next(&line, &value, &ignored)) != COMMAND_LINE_END)
        if (id >= 0)
            options->values[id] = value;
        else
            completion->pending = line.unfinished;
    options->operands = words + 1;
    options->operand_count = line.operand_count;
    if (options->operand_count > 0 && strcmp(options->operands[0], "help") == 0)
        options_shift(options, 1);
}

/* bash splits --name=VALUE into three words. Returns how many are left without the "=". */
static int drop_equal_signs(char **words, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], "=") != 0)
            words[kept++] = words[i];
    return kept;
}

/* ---- the last word ---- */

static void offer_options(const struct completion *completion)
{
    uint64_t options = completion->command ? command_options(completion->command)
                                           : OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION);
    for (int id = 0; id < OPTION_COUNT; id++) {
        char name[64];
        snprintf(name, sizeof(name), "--%s", option_descriptions[id].name);
        if ((options & OPTION_BIT(id)) && !completion->ctl->options.values[id])
            offer(completion, name, option_descriptions[id].help);
    }
}

/* Offers groups, or the verbs of one. The rows of a group are adjacent. */
static void offer_commands(const struct completion *completion, const char *group)
{
    const struct command *command;
    const char *before = "";
    for (size_t i = 0; (command = command_at(i)); i++) {
        if (group && command->verb && strcmp(command->group, group) == 0)
            offer(completion, command->verb, command->help);
        else if (!group && strcmp(command->group, before) != 0)
            offer(completion, command->group, command->verb ? "" : command->help);
        before = command->group;
    }
    if (!group)
        offer(completion, "help", "shows help for a command");
}

static void offer_operand(struct completion *completion)
{
    const struct options *options = &completion->ctl->options;
    const struct command *command = completion->command;
    if (command && (command->operands_maximum == OPERANDS_UNLIMITED ||
                    options->operand_count < command->operands_maximum))
        offer_value(completion, command->operands);
    else if (!command && options->operand_count <= 1)
        offer_commands(completion, options->operand_count == 1 ? options->operands[0] : NULL);
}

/* "--state=Fai": keeps "--state=" and leaves "Fai" to be completed as the value of the option. */
static void split_word(struct completion *completion)
{
    size_t length = strcspn(completion->whole, "=");
    if (completion->pending != COMMAND_NO_OPTION || strncmp(completion->whole, "--", 2) != 0 ||
        completion->whole[length] == '\0')
        return;
    completion->pending =
        command_line_find(option_descriptions, OPTION_COUNT, completion->whole + 2, length - 2);
    completion->kept = length + 1;
}

static void find_command(struct completion *completion)
{
    struct options *options = &completion->ctl->options;
    struct error ignored;
    int words;
    if (command_find(options->operands, options->operand_count, &completion->command, &words,
                     &ignored) == 0)
        options_shift(options, words);
}

void complete(struct ctl *ctl, char **words, int count)
{
    struct completion completion = {.ctl = ctl, .pending = COMMAND_NO_OPTION};
    ctl->hurried = true;
    if (count < 2)
        return;
    const char *last = words[count - 1];
    completion.whole = strcmp(last, "=") == 0 ? "" : last;
    take_words(&completion, words, drop_equal_signs(words, count - 1));
    find_command(&completion);
    split_word(&completion);
    if (completion.pending != COMMAND_NO_OPTION) {
        const char *placeholder = option_descriptions[completion.pending].argument;
        offer_value(&completion, placeholder ? placeholder : "");
    } else if (completion.whole[0] == '-') {
        offer_options(&completion);
    } else {
        offer_operand(&completion);
    }
}
