/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig_embed.c - one context of an operator's kubeconfig, with the files that it names
 * inside.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "kube/kubeconfig_tree.h"
#include "kube/yaml_tree.h"
#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/kube.h"

/* Members that name a file, and what its content goes into. Where both are there, the one counts
 * that counts for kubectl. */
static const struct reference {
    const char *file;
    const char *data;
    bool is_text; /* as it is, without blanks around it; else in base64 */
    bool file_wins;
} cluster_references[] =
    {
        {"certificate-authority", "certificate-authority-data", false, false},
        {NULL, NULL, false, false},
},
  user_references[] = {
      {"client-certificate", "client-certificate-data", false, false},
      {"client-key", "client-key-data", false, false},
      {"tokenFile", "token", true, true},
      {NULL, NULL, false, false},
};

/* Windows tools put it in front of a text. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static int out_of_memory(struct error *error)
{
    return error_set_memory(error);
}

static void wipe_text(char **text)
{
    if (*text)
        OPENSSL_cleanse(*text, strlen(*text));
    free(*text);
}
#define cleanup_secret __attribute__((cleanup(wipe_text)))

/* The content of a file as the member that holds it wants it; NULL on failure. */
static struct json_object *read_content(const struct reference *reference, const char *path,
                                        struct error *error)
{
    cleanup_secret char *content = NULL;
    cleanup_secret char *encoded = NULL;
    size_t length;
    if (io_read_file(path, CLUSTER_KUBECONFIG_SIZE_MAXIMUM, &content, &length, error) < 0)
        return NULL;
    size_t mark = strncmp(content, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0
                      ? strlen(BYTE_ORDER_MARK)
                      : 0;
    const char *plain = content + mark;
    if (!reference->is_text && base64_encode(plain, length - mark, &encoded, error) < 0)
        return NULL;
    const char *text = encoded ? encoded : plain + strspn(plain, " \t\r\n");
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t\r\n", text[size - 1]))
        size--;
    struct json_object *value = document_new_string_length(text, size);
    if (!value)
        error_set(error, ERROR_INVALID, "%s is not UTF-8 text", path);
    return value;
}

static int embed_one(struct json_object *mapping, const struct place *place,
                     const struct reference *reference, const char *directory, struct error *error)
{
    const char *file;
    const char *data;
    cleanup_free char *path = NULL;
    if (kubeconfig_read_text(place, reference->file, &file, error) < 0 ||
        kubeconfig_read_text(place, reference->data, &data, error) < 0)
        return -1;
    if (!file || (data && !reference->file_wins))
        return document_delete(mapping, reference->file), 0;
    bool is_absolute = file[0] == '/';
    if (asprintf(&path, "%s%s%s", is_absolute ? "" : directory, is_absolute ? "" : "/", file) < 0) {
        path = NULL;
        return out_of_memory(error);
    }
    struct json_object *value = read_content(reference, path, error);
    if (!value)
        return error_prefix(error, "%s: %s", place->words, reference->file);
    document_delete(mapping, reference->file);
    return document_add(mapping, reference->data, value) < 0 ? out_of_memory(error) : 0;
}

/* A copy of a mapping with what its files hold; NULL on failure. */
static struct json_object *embed(const struct json_object *mapping, const char *words,
                                 const struct reference *references, const char *directory,
                                 struct error *error)
{
    struct json_object *copy = document_copy(mapping);
    const struct place place = {mapping, words};
    if (!copy)
        out_of_memory(error);
    for (const struct reference *one = references; copy && one->file; one++) {
        if (embed_one(copy, &place, one, directory, error) == 0)
            continue;
        yaml_tree_wipe(copy);
        copy = NULL;
    }
    return copy;
}

/* Texts of the tree become booleans again, as kubectl expects them. */
static int set_booleans(struct json_object *cluster, const char *words, struct error *error)
{
    static const char member[] = "insecure-skip-tls-verify";
    const struct place place = {cluster, words};
    bool value;
    if (kubeconfig_read_boolean(&place, member, &value, error) < 0)
        return -1;
    document_delete(cluster, member);
    if (!value)
        return 0;
    return document_add(cluster, member, json_object_new_boolean(true)) < 0 ? out_of_memory(error)
                                                                            : 0;
}

/* The kubeconfig of these parts alone; takes both mappings over, also when it fails. */
static struct json_object *assemble(const struct kubeconfig_parts *parts,
                                    struct json_object *cluster, struct json_object *user)
{
    return document_pack("{s:s, s:s, s:s, s:[{s:s, s:{s:s, s:s}}], s:[{s:s, s:o}], s:[{s:s, s:o}]}",
                         "apiVersion", "v1", "kind", "Config", "current-context",
                         parts->context_name, "contexts", "name", parts->context_name, "context",
                         "cluster", parts->cluster_name, "user", parts->user_name, "clusters",
                         "name", parts->cluster_name, "cluster", cluster, "users", "name",
                         parts->user_name, "user", user);
}

static struct json_object *embed_parts(const struct json_object *tree, const char *context,
                                       const char *directory, struct error *error)
{
    struct kubeconfig_parts parts;
    if (kubeconfig_find_parts(tree, context, &parts, error) < 0)
        return NULL;
    struct json_object *cluster =
        embed(parts.cluster, parts.cluster_words, cluster_references, directory, error);
    if (!cluster)
        return NULL;
    struct json_object *user = NULL;
    if (set_booleans(cluster, parts.cluster_words, error) == 0)
        user = embed(parts.user, parts.user_words, user_references, directory, error);
    if (!user) {
        json_object_put(cluster);
        return NULL;
    }
    struct json_object *whole = assemble(&parts, cluster, user);
    if (!whole)
        out_of_memory(error);
    return whole;
}

int kubeconfig_embed(const char *text, size_t length, const char *context, const char *directory,
                     char **ret_text, struct error *error)
{
    struct kubeconfig checked;
    struct json_object *tree = yaml_tree_parse(text, length, error);
    if (!tree)
        return -1;
    struct json_object *whole = embed_parts(tree, context, directory, error);
    yaml_tree_wipe(tree);
    if (!whole)
        return -1;
    cleanup_secret char *embedded = document_format(whole);
    yaml_tree_wipe(whole);
    if (!embedded)
        return out_of_memory(error);
    if (kubeconfig_parse(embedded, strlen(embedded), &checked, error) < 0)
        return -1;
    kubeconfig_free(&checked);
    *ret_text = take_pointer(&embedded);
    return 0;
}
