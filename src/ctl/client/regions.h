/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regions.h - mimoctl's configuration file: the Admin APIs of the regions.
 *
 * An INI file, the first that exists: $MIMOCTL_CONFIG, $XDG_CONFIG_HOME/mimo/config or
 * ~/.config/mimo/config, REGIONS_SYSTEM_PATH. None has to exist.
 *
 *     default_location = eastus
 *
 *     [region eastus]
 *     url = https://mimo.eastus.example.com
 *     token_command = az account get-access-token --query accessToken -o tsv
 *     cacert = ~/.config/mimo/ca.crt
 *
 *     [region westus]
 *     url = https://mimo.westus.example.com
 *     token_file = ~/.config/mimo/westus.token
 */
#ifndef MIMO_CTL_CLIENT_REGIONS_H
#define MIMO_CTL_CLIENT_REGIONS_H

#include <stddef.h>

#include "mimo/error.h"

struct region {
    char *name;
    char *url;
    char *token_file; /* at most one of the two */
    char *token_command;
    char *cacert;
    char *client_cert;
    char *client_key; /* NULL: in the file of client_cert */
};

struct regions {
    char *path; /* of the file; NULL when there is no home directory */
    char *default_location;
    struct region *items;
    size_t count;
};

/* Read for users who have no file of their own. */
#define REGIONS_SYSTEM_PATH SYSCONFDIR "/mimo/mimoctl.conf"

/* Path of the file to read; if none exists yet, that of the user's own. The caller frees it. NULL
 * without a home directory. */
char *regions_path(void);

/* Reads the file at `path` (taken over; NULL and a missing file: no regions). ERROR_INVALID names
 * file and line. On failure nothing is owned. */
int regions_read(struct regions *regions, char *path, struct error *error);

void regions_free(struct regions *regions);

/* The region `name`; for NULL the default one, or the only one. NULL if it does not exist. Borrowed. */
const struct region *regions_find(const struct regions *regions, const char *name);

#endif
