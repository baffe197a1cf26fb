/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - the configuration of all programs: files, drop-ins and overrides into struct
 * config.
 */
#include "mimo/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_table.h"
#include "mimo/cleanup.h"
#include "mimo/ini_file.h"
#include "mimo/log.h"
#include "mimo/trusted_path.h"

/* One file while it is read. */
struct reading {
    struct config *config;
    bool *seen; /* keys of this file, in the order of the table */
};

static int take_key(void *context, const char *section, const char *name, const char *value,
                    int line, struct error *error)
{
    struct reading *reading = context;
    const struct config_row *row = config_row_find(section, name, error);

    (void)line;
    if (!row)
        return -1;
    if (reading->seen[config_row_number(row)])
        return error_set(error, ERROR_INVALID,
                         "%s.%s is set twice in this file: remove one of the two", section, name);
    reading->seen[config_row_number(row)] = true;
    return config_row_set(row, reading->config, value, error);
}

static int load_file(struct config *config, const char *path, struct error *error)
{
    static const struct ini_handlers handlers = {.key = take_key};
    cleanup_free char *text = NULL;
    cleanup_free bool *seen = calloc(config_row_count(), sizeof(*seen));
    struct reading reading = {.config = config, .seen = seen};
    size_t length;

    if (!seen)
        return error_set_system(error, ENOMEM, "cannot read %s", path);
    if (trusted_path_read(path, TRUSTED_PATH_NO_USER, INI_FILE_SIZE_MAXIMUM, &text, &length,
                          error) < 0)
        return error_prefix(error, "cannot read the configuration");
    return ini_file_parse(path, text, length, &handlers, &reading, error);
}

static int load_drop_ins(struct config *config, const char *path, struct error *error)
{
    char folder[PATH_MAX];
    cleanup_ini_file_list char **files = NULL;

    if ((size_t)snprintf(folder, sizeof(folder), "%s.d", path) >= sizeof(folder))
        return error_set(error, ERROR_INVALID, "path of the configuration is too long");
    files = ini_file_list(folder, error);
    if (!files)
        return -1;
    for (char **file = files; *file; file++) {
        if (load_file(config, *file, error) < 0)
            return -1;
    }
    return 0;
}

static int load_override(struct config *config, const char *override, struct error *error)
{
    char section[64], name[64];
    char shown[160];
    const char *dot = strchr(override, '.');
    const char *equals = strchr(override, '=');
    const struct config_row *row;

    log_escape(shown, sizeof(shown), override);
    if (!dot || !equals || dot > equals || (size_t)(dot - override) >= sizeof(section) ||
        (size_t)(equals - dot) > sizeof(name))
        return error_set(error, ERROR_INVALID, "--set %s: must be section.key=value", shown);
    snprintf(section, sizeof(section), "%.*s", (int)(dot - override), override);
    snprintf(name, sizeof(name), "%.*s", (int)(equals - dot - 1), dot + 1);
    row = config_row_find(section, name, error);
    if (!row || config_row_set(row, config, equals + 1, error) < 0)
        return error_prefix(error, "--set %s", shown);
    return 0;
}

static int load_defaults(struct config *config, struct error *error)
{
    for (size_t i = 0; i < config_row_count(); i++) {
        const struct config_row *row = config_row_at(i);

        if (config_row_set(row, config, row->otherwise, error) < 0)
            return error_prefix(error, "default");
    }
    return 0;
}

static int load(struct config *config, const char *path, const char *const *overrides,
                struct error *error)
{
    const bool may_be_missing = !path || strcmp(path, CONFIG_DEFAULT_PATH) == 0;

    if (!path)
        path = CONFIG_DEFAULT_PATH;
    if (load_defaults(config, error) < 0)
        return -1;
    if (!(may_be_missing && access(path, F_OK) < 0 && errno == ENOENT) &&
        load_file(config, path, error) < 0)
        return -1;
    if (load_drop_ins(config, path, error) < 0)
        return -1;
    for (; overrides && *overrides; overrides++) {
        if (load_override(config, *overrides, error) < 0)
            return -1;
    }
    if (config_check_rules(config, error) < 0)
        return error_prefix(error, "%s", path);
    return 0;
}

int config_load(struct config *config, const char *path, const char *const *overrides,
                struct error *error)
{
    *config = (struct config){0};
    if (load(config, path, overrides, error) < 0) {
        config_free(config);
        return -1;
    }
    return 0;
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < config_row_count(); i++)
        config_row_free(config_row_at(i), config);
    *config = (struct config){0};
}
