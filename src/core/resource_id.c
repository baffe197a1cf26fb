/* SPDX-License-Identifier: Apache-2.0 */
/* resource_id.c - Azure resource IDs of clusters. */
#include "mimo/resource_id.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "mimo/log.h"
#include "mimo/uuid.h"

static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.()";
    size_t length = strlen(name);

    return length > 0 && length < RESOURCE_NAME_SIZE && strspn(name, letters) == length &&
           name[length - 1] != '.';
}

/* What may stand between two slashes: this word, or what the check accepts. */
static const struct segment {
    const char *word;
    bool (*check)(const char *text);
    const char *problem;
} segments[] = {
    {"subscriptions", NULL, NULL},     {NULL, uuid_is_valid, "the subscription is not a UUID"},
    {"resourcegroups", NULL, NULL},    {NULL, is_name, "the resource group's name is not valid"},
    {"providers", NULL, NULL},         {"microsoft.redhatopenshift", NULL, NULL},
    {"openshiftclusters", NULL, NULL}, {NULL, is_name, "the cluster's name is not valid"},
};

enum { SEGMENT_COUNT = sizeof(segments) / sizeof(segments[0]) };

static const char form_problem[] =
    "the form is /subscriptions/{id}/resourceGroups/{name}/providers/Microsoft.RedHatOpenShift/"
    "openShiftClusters/{name}";

/* Lower-case, for ASCII only, whatever the locale. False when it does not fit. */
static bool lower(char *buffer, const char *text)
{
    size_t length = strlen(text);

    if (length >= RESOURCE_ID_SIZE)
        return false;
    for (size_t i = 0; i <= length; i++)
        buffer[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    return true;
}

/* What is wrong with a lower-cased ID, or NULL. */
static const char *find_problem(const char *id)
{
    char copy[RESOURCE_ID_SIZE];
    char *rest = copy;

    memcpy(copy, id, strlen(id) + 1);
    if (*rest++ != '/')
        return form_problem;
    for (size_t i = 0; i < SEGMENT_COUNT; i++) {
        char *text = strsep(&rest, "/");

        if (!text || (segments[i].word && strcmp(text, segments[i].word) != 0))
            return form_problem;
        if (segments[i].check && !segments[i].check(text))
            return segments[i].problem;
    }
    return rest ? form_problem : NULL;
}

int resource_id_normalize(const char *text, char *buffer, struct error *error)
{
    char lowered[RESOURCE_ID_SIZE];
    char shown[256];
    const char *problem = lower(lowered, text) ? find_problem(lowered) : "it is too long";

    if (problem)
        return error_set(error, ERROR_INVALID, "\"%s\" is not the resource ID of a cluster: %s",
                         log_escape(shown, sizeof(shown), text), problem);
    memcpy(buffer, lowered, strlen(lowered) + 1);
    return 0;
}

const char *resource_id_name(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? slash + 1 : id;
}

void resource_id_subscription(const char *id, char *buffer)
{
    static const char prefix[] = "/subscriptions/";

    assert(strncmp(id, prefix, sizeof(prefix) - 1) == 0);
    memcpy(buffer, id + sizeof(prefix) - 1, UUID_SIZE - 1);
    buffer[UUID_SIZE - 1] = '\0';
}
