/* SPDX-License-Identifier: Apache-2.0 */
/* confinement_places.c - the files that a confined daemon may still reach. */
#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/confinement.h"

static const char switch_path[] = "/etc/nsswitch.conf";
static const char resolver_path[] = "/etc/resolv.conf";

int confinement_place(struct confinement_places *places, const char *path, unsigned access,
                      struct error *error)
{
    if (places->count == CONFINEMENT_PLACES_MAXIMUM)
        return error_set(error, ERROR_TOO_LARGE, "too many places to allow, from %s on", path);
    char *copy = strdup(path);
    if (!copy)
        return error_set_system(error, ENOMEM, "cannot keep the path %s", path);
    places->owned[places->count] = copy;
    places->paths[places->count++] =
        (struct confinement_path){.path = copy, .descriptor = -1, .access = access};
    return 0;
}

static int place_directory_of(struct confinement_places *places, const char *file, unsigned access,
                              struct error *error)
{
    cleanup_free char *copy = strdup(file);
    if (!copy)
        return error_set_system(error, ENOMEM, "cannot keep the path %s", file);
    return confinement_place(places, dirname(copy), access, error);
}

int confinement_place_of(struct confinement_places *places, const char *file, unsigned access,
                         struct error *error)
{
    if (file[0] == '\0')
        return 0;
    if (place_directory_of(places, file, access, error) < 0)
        return -1;
    cleanup_free char *resolved = realpath(file, NULL);
    return resolved ? place_directory_of(places, resolved, access, error) : 0;
}

/* Keeps a name service of the C library loaded. One that is not installed is what nsswitch.conf
 * often names; the C library passes over it as well. */
static void load_service(const char *name)
{
    char file[64];
    int length = snprintf(file, sizeof(file), "libnss_%s.so.2", name);
    if (length > 0 && (size_t)length < sizeof(file))
        (void)dlopen(file, RTLD_NOW | RTLD_NODELETE);
}

/* The services of the line "hosts:", without the parts in brackets, "[NOTFOUND=return]". */
static void load_services(void)
{
    static const char wanted[] = "hosts:";
    cleanup_file FILE *file = fopen(switch_path, "re");
    char line[512];
    while (file && fgets(line, sizeof(line), file)) {
        char *rest = line + strspn(line, " \t");
        if (strncmp(rest, wanted, sizeof(wanted) - 1) != 0)
            continue;
        rest[strcspn(rest, "#\n")] = '\0';
        rest += sizeof(wanted) - 1;
        for (char *word; (word = strsep(&rest, " \t"));)
            if (*word && !strpbrk(word, "[]=/"))
                load_service(word);
    }
}

int confinement_place_names(struct confinement_places *places, struct error *error)
{
    load_services();
    /* All of /etc: resolv.conf, hosts and what is beside them are replaced by renaming. What is
     * secret there is kept by its owner and mode. */
    if (confinement_place(places, "/etc", CONFINEMENT_READ, error) < 0 ||
        confinement_place(places, "/usr", CONFINEMENT_READ | CONFINEMENT_LIST, error) < 0)
        return -1;
    return confinement_place_of(places, resolver_path, CONFINEMENT_READ, error);
}

void confinement_places_free(struct confinement_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        free(places->owned[i]);
    places->count = 0;
}
