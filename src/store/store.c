/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - the store's interface: builders, checks for all backends, and the choice of the
 * backend. */
#include "mimo/store.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/document.h"
#include "mimo/resource_id.h"
#include "store/backend.h"

/* All kinds of stores. */
static const struct store_backend *const backends[] = {&sqlite_backend};
enum { BACKEND_COUNT = sizeof(backends) / sizeof(backends[0]) };

struct container {
    const char *name;
    const char *partition; /* member that holds the partition key */
};

#define STORE_CONTAINER_ROW(constant, name, partition) [constant] = {(name), (partition)},
static const struct container containers[] = {STORE_CONTAINERS(STORE_CONTAINER_ROW)};

const char *store_container_name(enum store_container container)
{
    return containers[container].name;
}

bool store_container_parse(const char *name, enum store_container *ret_container)
{
    for (int i = 0; i < STORE_CONTAINER_COUNT; i++) {
        if (strcmp(containers[i].name, name) == 0) {
            *ret_container = (enum store_container)i;
            return true;
        }
    }
    return false;
}

struct store_operation store_get(enum store_container container, const char *partition,
                                 const char *id)
{
    return (struct store_operation){
        .verb = STORE_GET, .target = {.container = container, .partition = partition, .id = id}};
}

struct store_operation store_create(enum store_container container, struct json_object *document)
{
    return (struct store_operation){.verb = STORE_CREATE,
                                    .target = {.container = container, .document = document}};
}

struct store_operation store_replace(enum store_container container, const char *etag,
                                     struct json_object *document)
{
    return (struct store_operation){
        .verb = STORE_REPLACE,
        .target = {.container = container, .etag = etag, .document = document}};
}

struct store_operation store_delete(enum store_container container, const char *partition,
                                    const char *id, const char *etag)
{
    return (struct store_operation){
        .verb = STORE_DELETE,
        .target = {.container = container, .partition = partition, .id = id, .etag = etag}};
}

struct store_operation store_pair(struct store_operation first, struct store_operation second)
{
    return (struct store_operation){
        .verb = STORE_PAIR, .target = first.target, .second = second.target};
}

struct store_operation store_query(const struct store_query *query)
{
    return (struct store_operation){.verb = STORE_QUERY, .query = *query};
}

/* Finds the backend of `uri`, and the part after its scheme. */
static const struct store_backend *find_backend(const char *uri, const char **ret_location,
                                                struct error *error)
{
    for (size_t i = 0; i < BACKEND_COUNT; i++) {
        size_t length = strlen(backends[i]->scheme);
        if (strncmp(uri, backends[i]->scheme, length) != 0 || uri[length] != ':')
            continue;
        *ret_location = uri + length + 1;
        if (**ret_location != '\0')
            return backends[i];
        error_set(error, ERROR_INVALID, "store URI \"%s\" is incomplete: write %s:%s", uri,
                  backends[i]->scheme, backends[i]->location);
        return NULL;
    }
    error_set(error, ERROR_INVALID, "store URI \"%s\" has an unknown scheme: write %s:%s", uri,
              backends[0]->scheme, backends[0]->location);
    return NULL;
}

int store_open(const char *uri, struct store **ret_store, struct error *error)
{
    const char *location;
    const struct store_backend *backend = find_backend(uri, &location, error);
    return backend ? backend->open(location, ret_store, error) : -1;
}

int store_check_uri(const char *uri, struct error *error)
{
    const char *location;
    return find_backend(uri, &location, error) ? 0 : -1;
}

const char *store_file(const char *uri)
{
    struct error ignored;
    const char *location;
    return find_backend(uri, &location, &ignored) == &sqlite_backend ? location : NULL;
}

int store_initialize(const char *uri, struct error *error)
{
    const char *location;
    const struct store_backend *backend = find_backend(uri, &location, error);
    return backend ? backend->initialize(location, error) : -1;
}

void store_close(struct store *store)
{
    if (store)
        store->backend->close(store);
}

static int read_name_member(const struct json_object *document, const char *member,
                            const char **ret_value, struct error *error)
{
    if (document_read_string(document, member, NULL, ret_value, error) < 0)
        return -1;
    if (!*ret_value || **ret_value == '\0')
        return error_set(error, ERROR_INVALID, "member \"%s\" is missing", member);
    if (strlen(*ret_value) >= RESOURCE_ID_SIZE)
        return error_set(error, ERROR_TOO_LARGE, "member \"%s\" is longer than %d bytes", member,
                         RESOURCE_ID_SIZE - 1);
    return 0;
}

int store_name_of_document(enum store_container container, const struct json_object *document,
                           struct store_name *ret_name, struct error *error)
{
    const char *identity = container == STORE_CLUSTERS ? "key" : "id";
    if (!document_is_object(document))
        return error_set(error, ERROR_INVALID, "a document must be a JSON object");
    /* A cluster has both: `key`, which names it here, and `id`, which every document has. */
    if (read_name_member(document, "id", &ret_name->id, error) < 0 ||
        read_name_member(document, identity, &ret_name->id, error) < 0 ||
        read_name_member(document, containers[container].partition, &ret_name->partition, error) <
            0)
        return error_prefix(error, "%s", containers[container].name);
    return 0;
}

int store_format_document(const struct json_object *document, char **ret_text, size_t *ret_length,
                          struct error *error)
{
    char *text = document_format(document);
    if (!text)
        return error_set(error, ERROR_MEMORY, "out of memory while writing a document as text");
    size_t length = strlen(text);
    if (length > STORE_DOCUMENT_SIZE_MAXIMUM) {
        free(text);
        return error_set(error, ERROR_TOO_LARGE,
                         "the document has %zu bytes; at most %d are allowed", length,
                         STORE_DOCUMENT_SIZE_MAXIMUM);
    }
    *ret_text = text;
    *ret_length = length;
    return 0;
}

void store_refuse(struct store_operation *operation, const struct error *error)
{
    operation->result.status = STORE_REFUSED;
    operation->result.error = *error;
}

static void free_item(struct store_item *item)
{
    free(item->etag);
    json_object_put(item->document);
    free(item->text);
}

int store_result_add(struct store_result *result, struct store_item item, struct error *error)
{
    size_t count = result->count;
    struct store_item *items = result->items;
    if ((count & (count - 1)) == 0) /* full at every power of two */
        items = reallocarray(items, count ? 2 * count : 1, sizeof(*items));
    if (!items || !item.etag || (!item.document && !item.text)) {
        result->items = items ? items : result->items;
        free_item(&item);
        return error_set(error, ERROR_MEMORY, "out of memory while reading from the store");
    }
    items[count] = item;
    result->items = items;
    result->count = count + 1;
    return 0;
}

/* The partition is derived from the id, except for manifests. */
static int check_name(const struct store_target *target, struct error *error)
{
    if (!target->id || *target->id == '\0')
        return error_set(error, ERROR_INVALID, "no document is named");
    if (!target->partition && target->container == STORE_MANIFESTS)
        return error_set(
            error, ERROR_INVALID,
            "manifest %s: its cluster is not named; STORE_QUERY_MANIFEST_BY_ID finds a "
            "manifest without it",
            target->id);
    return 0;
}

/* A caller has no document only if there was no memory for it: that is no refusal. */
static int check_document(const struct store_target *target, bool needs_etag, struct error *error)
{
    struct store_name name;
    if (!target->document)
        return error_set_memory(error);
    if (store_name_of_document(target->container, target->document, &name, error) < 0)
        return -1;
    if (needs_etag && !target->etag)
        return error_set(error, ERROR_INVALID,
                         "%s %s: a replacement needs the etag of what it replaces",
                         containers[target->container].name, name.id);
    return 0;
}

static int check_pair(const struct store_operation *operation, struct error *error)
{
    struct store_name first;
    struct store_name second;
    if (check_document(&operation->target, false, error) < 0 ||
        check_document(&operation->second, false, error) < 0 ||
        store_name_of_document(operation->target.container, operation->target.document, &first,
                               error) < 0 ||
        store_name_of_document(operation->second.container, operation->second.document, &second,
                               error) < 0)
        return -1;
    if (operation->target.container == operation->second.container &&
        strcmp(first.id, second.id) == 0)
        return error_set(error, ERROR_INVALID, "%s %s: a pair must be of two documents",
                         containers[operation->target.container].name, first.id);
    return 0;
}

static int check_query(const struct store_query *query, struct error *error)
{
    if (query->kind > STORE_QUERY_DOCUMENTS)
        return error_set(error, ERROR_INVALID, "query %d is not known", (int)query->kind);
    if (query->kind == STORE_QUERY_QUEUE_LENGTH || query->kind == STORE_QUERY_NEXT_DUE)
        return 0;
    if (query->kind == STORE_QUERY_MANIFEST_BY_ID) {
        if (!query->id)
            return error_set(error, ERROR_INVALID, "no manifest is named");
        return 0;
    }
    if (query->kind == STORE_QUERY_MANIFESTS_BY_PREFIX && !query->id)
        return error_set(error, ERROR_INVALID, "no beginning of an id is named");
    if (query->kind == STORE_QUERY_CLUSTERS_BY_NAME && !query->id)
        return error_set(error, ERROR_INVALID, "no name is given");
    if (query->limit < 1 || query->limit > STORE_PAGE_MAXIMUM)
        return error_set(error, ERROR_INVALID, "limit must be from 1 to %d", STORE_PAGE_MAXIMUM);
    return 0;
}

static int check_operation(const struct store_operation *operation, struct error *error)
{
    switch (operation->verb) {
    case STORE_GET:
    case STORE_DELETE:
        return check_name(&operation->target, error);
    case STORE_CREATE:
        return check_document(&operation->target, false, error);
    case STORE_REPLACE:
        return check_document(&operation->target, true, error);
    case STORE_PAIR:
        return check_pair(operation, error);
    case STORE_QUERY:
        return check_query(&operation->query, error);
    }
    return error_set(error, ERROR_INVALID, "operation %d is not known", (int)operation->verb);
}

/* Refuses those that are wrong. */
static int check_operations(struct store_operation *operations, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct error refused;
        if (check_operation(&operations[i], &refused) == 0)
            continue;
        if (error_may_pass(refused.kind)) {
            *error = refused;
            return -1;
        }
        store_refuse(&operations[i], &refused);
    }
    return 0;
}

int store_run(struct store *store, struct store_operation *operations, size_t count,
              struct error *error)
{
    for (size_t i = 0; i < count; i++)
        operations[i].result = (struct store_result){.total = -1};
    if (check_operations(operations, count, error) == 0 &&
        store->backend->run(store, operations, count, error) == 0)
        return 0;
    store_release(operations, count); /* return no incomplete result */
    return -1;
}

void store_release(struct store_operation *operations, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct store_result *result = &operations[i].result;
        for (size_t j = 0; j < result->count; j++)
            free_item(&result->items[j]);
        free(result->items);
        free(result->continuation);
        free(result->etag);
        free(result->second_etag);
        *result = (struct store_result){.total = -1};
    }
}

int store_identify(struct store *store, char *ret_id, struct error *error)
{
    return store->backend->identify(store, ret_id, error);
}

int store_verify_integrity(struct store *store, bool *ret_sound, struct error *error)
{
    return store->backend->verify_integrity(store, ret_sound, error);
}

int store_backup(struct store *store, const char *path, struct error *error)
{
    return store->backend->backup(store, path, error);
}
