/* SPDX-License-Identifier: Apache-2.0 */
/* wake.c - datagrams to the wake sockets. */
#include "api/endpoints/wake.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "mimo/control.h"
#include "mimo/io.h"
#include "mimo/log.h"

static bool is_wake_socket(const char *name)
{
    size_t length = strlen(name);
    size_t suffix = strlen(CONTROL_WAKE_SUFFIX);
    return length > suffix && strcmp(name + length - suffix, CONTROL_WAKE_SUFFIX) == 0;
}

int wake_actuators(const char *directory)
{
    DIR *folder = opendir(directory);
    if (!folder)
        return 0;
    int reached = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        char path[PATH_MAX];
        struct error error;
        if (!is_wake_socket(entry->d_name))
            continue;
        int length = snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof(path))
            continue;
        if (io_poke_unix(path, "", 1, &error) == 0)
            reached++;
        else
            log_debug("%s", error.message);
    }
    closedir(folder);
    return reached;
}
