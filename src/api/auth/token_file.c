/* SPDX-License-Identifier: Apache-2.0 */
/* token_file.c - the token file: creation at first start, reading, look-up. */
#include "api/auth/token_file.h"

#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/auth/role_lines.h"
#include "api/http/file_give.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"

enum { TOKEN_BYTES = 32, TOKEN_TEXT_SIZE = 2 * TOKEN_BYTES + 1 };

struct token_entry {
    struct actor actor;
    unsigned char digest[SHA256_DIGEST_LENGTH];
};

struct token_table {
    size_t count;
    size_t capacity;
    struct token_entry *entries;
};

static void cleanup_table_function(struct token_table **table)
{
    token_table_free(*table);
}
#define cleanup_table __attribute__((cleanup(cleanup_table_function)))

static bool is_token_name(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("._@-", name[i]))
            return false;
    return length >= 1 && length <= TOKEN_NAME_MAXIMUM;
}

static bool parse_digest(const char *text, unsigned char *digest)
{
    size_t length = 0;
    return strlen(text) == 2 * SHA256_DIGEST_LENGTH &&
           strspn(text, "0123456789abcdefABCDEF") == 2 * SHA256_DIGEST_LENGTH &&
           OPENSSL_hexstr2buf_ex(digest, SHA256_DIGEST_LENGTH, &length, text, '\0') == 1 &&
           length == SHA256_DIGEST_LENGTH;
}

static bool has_name(const struct token_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->entries[i].actor.name, name) == 0)
            return true;
    return false;
}

/* Appends an empty entry. */
static struct token_entry *new_entry(struct token_table *table)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 8;
        struct token_entry *entries = reallocarray(table->entries, capacity, sizeof(*entries));
        if (!entries)
            return NULL;
        table->entries = entries;
        table->capacity = capacity;
    }
    struct token_entry *entry = &table->entries[table->count];
    *entry = (struct token_entry){0};
    return entry;
}

/* role_line_f: parses "name:role:digest"; modifies the line. */
static int take_line(void *context, char *line, struct error *error)
{
    struct token_table *table = context;
    struct token_entry *entry = new_entry(table);
    if (!entry)
        return error_set_memory(error);
    char *rest = line;
    const char *name = strsep(&rest, ":");
    const char *role = strsep(&rest, ":");
    if (!role || !rest)
        return error_set(error, ERROR_INVALID, "a line is name:role:SHA-256 of the token");
    if (!is_token_name(name))
        return error_set(error, ERROR_INVALID,
                         "a name is 1 to %d letters, digits, \".\", \"_\", \"@\" or \"-\"",
                         TOKEN_NAME_MAXIMUM);
    if (has_name(table, name))
        return error_set(error, ERROR_INVALID, "duplicate name \"%s\"", name);
    if (!role_parse(role, &entry->actor.role))
        return error_set(error, ERROR_INVALID,
                         "the role of \"%s\" must be reader, operator or admin", name);
    if (!parse_digest(rest, entry->digest))
        return error_set(error, ERROR_INVALID,
                         "after the role of \"%s\" there must be 64 hexadecimal digits: "
                         "printf %%s TOKEN | sha256sum",
                         name);
    snprintf(entry->actor.name, sizeof(entry->actor.name), "%s", name);
    table->count++;
    return 0;
}

int token_table_parse(const char *text, size_t length, const char *path,
                      struct token_table **ret_table, struct error *error)
{
    cleanup_table struct token_table *table = calloc(1, sizeof(*table));
    if (!table)
        return error_set_memory(error);
    if (role_lines_parse(text, length, path, take_line, table, error) < 0)
        return -1;
    *ret_table = take_pointer(&table);
    return 0;
}

int token_table_load(const char *path, uid_t user, struct token_table **ret_table,
                     struct error *error)
{
    cleanup_free char *text = NULL;
    size_t length;
    if (role_file_read(path, "token file", user, &text, &length, error) < 0)
        return -1;
    return token_table_parse(text, length, path, ret_table, error);
}

void token_table_free(struct token_table *table)
{
    if (!table)
        return;
    free(table->entries);
    free(table);
}

size_t token_table_count(const struct token_table *table)
{
    return table->count;
}

bool token_table_find(const struct token_table *table, const char *token, struct actor *ret_actor)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)token, strlen(token), digest);
    const struct token_entry *found = NULL;
    for (size_t i = 0; i < table->count; i++) /* compare all: the time must not reveal the entry */
        if (CRYPTO_memcmp(digest, table->entries[i].digest, sizeof(digest)) == 0)
            found = &table->entries[i];
    if (found)
        *ret_actor = found->actor;
    return found != NULL;
}

char *token_file_clear_path(const char *path)
{
    char *clear = NULL;
    cleanup_free char *copy = strdup(path);
    if (!copy || asprintf(&clear, "%s/admin.token", dirname(copy)) < 0)
        return NULL;
    return clear;
}

/* Random token and its digest, both in hexadecimal. */
static int make_token(char *token, char *digest, struct error *error)
{
    unsigned char bytes[TOKEN_BYTES];
    unsigned char hash[SHA256_DIGEST_LENGTH];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return error_set(error, ERROR_SYSTEM,
                         "cannot create a token: no random numbers are available");
    OPENSSL_buf2hexstr_ex(token, TOKEN_TEXT_SIZE, NULL, bytes, sizeof(bytes), '\0');
    for (char *at = token; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    SHA256((const unsigned char *)token, strlen(token), hash);
    OPENSSL_buf2hexstr_ex(digest, 2 * SHA256_DIGEST_LENGTH + 1, NULL, hash, sizeof(hash), '\0');
    for (char *at = digest; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return 0;
}

static int write_token_files(const char *path, const char *clear_path, struct error *error)
{
    char token[TOKEN_TEXT_SIZE + 1], digest[2 * SHA256_DIGEST_LENGTH + 1];
    if (make_token(token, digest, error) < 0)
        return -1;
    cleanup_free char *table = NULL;
    int length =
        asprintf(&table,
                 "# Who may use the Admin API: name:role:SHA-256 of the token, one a line.\n"
                 "# Roles: reader, operator, admin. After a change: systemctl reload mimo-api\n"
                 "admin:admin:%s\n",
                 digest);
    if (length < 0)
        return error_set_memory(error);
    /* The token itself is written first: without it, nobody could log in with the token file. */
    strcat(token, "\n");
    int status = io_replace_file(clear_path, token, strlen(token), 0600, error);
    if (status == 0)
        status = io_replace_file(path, table, (size_t)length, 0600, error);
    OPENSSL_cleanse(token, sizeof(token));
    return status;
}

int token_file_prepare(const char *path, const struct identity *owner, bool *ret_made,
                       struct error *error)
{
    *ret_made = false;
    if (access(path, F_OK) == 0 || errno != ENOENT)
        return 0; /* loading the file reports the error */
    cleanup_free char *clear_path = token_file_clear_path(path);
    if (!clear_path)
        return error_set_memory(error);
    if (write_token_files(path, clear_path, error) < 0)
        return error_prefix(error, "cannot create the token file (api.token_file)");
    if (owner && file_give(path, owner, error) < 0)
        return -1;
    *ret_made = true;
    return 0;
}
