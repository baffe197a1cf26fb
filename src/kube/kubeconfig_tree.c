/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig_tree.c - finds the parts of a kubeconfig that a context names.
 */
#include "kube/kubeconfig_tree.h"

#include <stdio.h>
#include <string.h>

#include "kube/yaml_tree.h"
#include "mimo/document.h"
#include "mimo/outcome.h"

struct json_object *kubeconfig_find_member(const struct place *place, const char *member)
{
    return document_member(place->mapping, member);
}

int kubeconfig_read_text(const struct place *place, const char *member, const char **ret_text,
                         struct error *error)
{
    const struct json_object *value = kubeconfig_find_member(place, member);
    *ret_text = NULL;
    if (value && !document_is_string(value))
        return error_set(error, ERROR_INVALID, "%s: %s is not a text", place->words, member);
    if (value && json_object_get_string_len(value) > 0)
        *ret_text = document_text(value);
    return 0;
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* The words are those of YAML 1.1, which kubectl reads: https://yaml.org/type/bool.html */
int kubeconfig_read_boolean(const struct place *place, const char *member, bool *ret_value,
                            struct error *error)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                      "on",   "On",   "ON",   "y",   "Y",   NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no", "No", "NO",
                                     "off",   "Off",   "OFF",   "n",  "N",  NULL};
    const char *text;
    *ret_value = false;
    if (kubeconfig_read_text(place, member, &text, error) < 0)
        return -1;
    *ret_value = text && is_one_of(text, yes);
    if (!text || *ret_value || is_one_of(text, no))
        return 0;
    return error_set(error, ERROR_INVALID, "%s: %s must be true or false", place->words, member);
}

/* True for the entry `wanted` of a list. Others may be null, or anything else: only the parts that
 * the context names are checked. */
static bool is_entry(const struct json_object *entry, const char *wanted)
{
    const char *name = document_text(document_member(entry, "name"));
    return name && strcmp(name, wanted) == 0;
}

/* Finds the mapping `kind` in the entry of `list` whose name is `wanted`. `words`
 * (KUBECONFIG_WORDS_SIZE bytes) is filled with its name for errors. */
static int find_entry(const struct place *root, const char *list, const char *kind,
                      const char *wanted, char *words, struct place *ret_entry, struct error *error)
{
    char shown[KUBECONFIG_WORDS_SIZE - 32];
    status_text_copy(shown, sizeof(shown), wanted);
    snprintf(words, KUBECONFIG_WORDS_SIZE, "%s \"%s\"", kind, shown);
    const struct json_object *entries = kubeconfig_find_member(root, list);
    if (!document_is_array(entries))
        return error_set(error, ERROR_INVALID, "missing list %s", list);
    *ret_entry = (struct place){NULL, words};
    for (size_t i = 0; i < document_length(entries); i++) {
        struct place entry = {document_item(entries, i), list};
        if (!is_entry(entry.mapping, wanted))
            continue;
        if (ret_entry->mapping)
            return error_set(error, ERROR_INVALID, "%s is defined twice", words);
        if (yaml_tree_check_keys(entry.mapping, error) < 0)
            return -1;
        ret_entry->mapping = kubeconfig_find_member(&entry, kind);
        if (!document_is_object(ret_entry->mapping))
            return error_set(error, ERROR_INVALID, "%s is empty", words);
    }
    return ret_entry->mapping ? 0 : error_set(error, ERROR_INVALID, "there is no %s", words);
}

int kubeconfig_read_required(const struct place *place, const char *member, const char *lack,
                             const char **ret_text, struct error *error)
{
    if (kubeconfig_read_text(place, member, ret_text, error) < 0)
        return -1;
    return *ret_text ? 0 : error_set(error, ERROR_INVALID, "%s names no %s", place->words, lack);
}

int kubeconfig_find_parts(const struct json_object *tree, const char *context,
                          struct kubeconfig_parts *ret_parts, struct error *error)
{
    struct place root = {tree, "top level"};
    struct place context_place;
    struct place cluster;
    struct place user;
    char context_words[KUBECONFIG_WORDS_SIZE];
    const char *kind;
    if (yaml_tree_check_own_keys(tree, error) < 0 ||
        kubeconfig_read_text(&root, "kind", &kind, error) < 0)
        return -1;
    if (kind && strcmp(kind, "Config") != 0)
        return error_set(error, ERROR_INVALID, "kind must be Config");
    if (!context && kubeconfig_read_text(&root, "current-context", &context, error) < 0)
        return -1;
    if (!context)
        return error_set(error, ERROR_INVALID,
                         "no current-context; set it with: kubectl config use-context NAME");
    ret_parts->context_name = context;
    if (find_entry(&root, "contexts", "context", context, context_words, &context_place, error) <
            0 ||
        kubeconfig_read_required(&context_place, "cluster", "cluster", &ret_parts->cluster_name,
                                 error) < 0 ||
        kubeconfig_read_required(&context_place, "user", "user", &ret_parts->user_name, error) <
            0 ||
        find_entry(&root, "clusters", "cluster", ret_parts->cluster_name, ret_parts->cluster_words,
                   &cluster, error) < 0 ||
        find_entry(&root, "users", "user", ret_parts->user_name, ret_parts->user_words, &user,
                   error) < 0)
        return -1;
    ret_parts->cluster = cluster.mapping;
    ret_parts->user = user.mapping;
    return 0;
}
