/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_certificate.c - client certificates: authorities, subjects, and the check of a chain.
 */
#include "api/auth/client_certificate.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth/role_lines.h"
#include "mimo/cleanup.h"
#include "mimo/text.h"
#include "mimo/trusted_path.h"

#define ACTOR_PREFIX "cert:"

enum { CA_SIZE_MAXIMUM = 4 * 1024 * 1024, OID_SIZE = 128 };

struct client_table {
    gnutls_x509_trust_list_t authorities;
    size_t count;
    size_t capacity;
    struct actor *actors; /* names with the prefix in front of the subject */
};

/* The certificates of one client. */
struct chain {
    unsigned int count;
    gnutls_x509_crt_t certificates[CLIENT_CHAIN_MAXIMUM];
};

void client_table_free(struct client_table *table)
{
    if (!table)
        return;
    if (table->authorities)
        gnutls_x509_trust_list_deinit(table->authorities, 1);
    free(table->actors);
    free(table);
}

static void cleanup_table_function(struct client_table **table)
{
    client_table_free(*table);
}
#define cleanup_table __attribute__((cleanup(cleanup_table_function)))

static void cleanup_chain_function(struct chain *chain)
{
    for (unsigned int i = 0; i < chain->count; i++)
        gnutls_x509_crt_deinit(chain->certificates[i]);
}
#define cleanup_chain __attribute__((cleanup(cleanup_chain_function)))

void client_certificate_request(gnutls_session_t session)
{
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    gnutls_certificate_send_x509_rdn_sequence(session, 1); /* 1: do not send them */
}

size_t client_table_count(const struct client_table *table)
{
    return table->count;
}

/* ---- files ---- */

static const struct actor *find_subject(const struct client_table *table, const char *subject)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->actors[i].name + strlen(ACTOR_PREFIX), subject) == 0)
            return &table->actors[i];
    return NULL;
}

static struct actor *new_actor(struct client_table *table)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 8;
        struct actor *actors = reallocarray(table->actors, capacity, sizeof(*actors));
        if (!actors)
            return NULL;
        table->actors = actors;
        table->capacity = capacity;
    }
    return &table->actors[table->count];
}

/* role_line_f: takes in "role:subject". */
static int take_line(void *context, char *line, struct error *error)
{
    struct client_table *table = context;
    struct actor *actor = new_actor(table);
    if (!actor)
        return error_set_memory(error);
    char *subject = line;
    const char *role = strsep(&subject, ":");
    if (!subject)
        return error_set(error, ERROR_INVALID,
                         "a line is role:subject, such as operator:CN=deploy,O=Example");
    if (!role_parse(role, &actor->role))
        return error_set(error, ERROR_INVALID,
                         "the text before the first colon must be reader, operator or admin");
    if (strlen(subject) > CLIENT_SUBJECT_MAXIMUM || !strchr(subject, '=') ||
        !text_is_clean(subject))
        return error_set(
            error, ERROR_INVALID,
            "\"%.64s\" is not a subject of at most %d bytes: openssl x509 -noout -subject "
            "-nameopt RFC2253 -in FILE",
            subject, CLIENT_SUBJECT_MAXIMUM);
    if (find_subject(table, subject))
        return error_set(error, ERROR_INVALID, "duplicate subject \"%s\"", subject);
    snprintf(actor->name, sizeof(actor->name), ACTOR_PREFIX "%s", subject);
    table->count++;
    return 0;
}

static int load_authorities(struct client_table *table, const char *path, uid_t user,
                            struct error *error)
{
    cleanup_free char *text = NULL;
    size_t length;
    if (trusted_path_read(path, user, CA_SIZE_MAXIMUM, &text, &length, error) < 0)
        return error_prefix(error, "cannot read the authorities of client certificates "
                                   "(api.client_ca)");
    gnutls_datum_t data = {.data = (unsigned char *)text, .size = (unsigned int)length};
    int status = gnutls_x509_trust_list_init(&table->authorities, 0);
    if (status == 0)
        status = gnutls_x509_trust_list_add_trust_mem(table->authorities, &data, NULL,
                                                      GNUTLS_X509_FMT_PEM, 0, 0);
    if (status < 0)
        return error_set(error, ERROR_INVALID, "api.client_ca: %s: %s", path,
                         gnutls_strerror(status));
    if (status == 0)
        return error_set(error, ERROR_INVALID, "api.client_ca: %s holds no certificate", path);
    return 0;
}

int client_table_load(const char *ca_path, const char *file_path, uid_t user,
                      struct client_table **ret_table, struct error *error)
{
    cleanup_table struct client_table *table = calloc(1, sizeof(*table));
    cleanup_free char *text = NULL;
    size_t length;
    if (!table)
        return error_set_memory(error);
    if (load_authorities(table, ca_path, user, error) < 0 ||
        role_file_read(file_path, "the roles of client certificates (api.client_file)", user, &text,
                       &length, error) < 0 ||
        role_lines_parse(text, length, file_path, take_line, table, error) < 0)
        return -1;
    *ret_table = take_pointer(&table);
    return 0;
}

/* ---- check ---- */

static int import_chain(struct chain *chain, const gnutls_datum_t *certificates, unsigned int count,
                        struct error *reason)
{
    if (count == 0 || count > CLIENT_CHAIN_MAXIMUM)
        return error_set(reason, ERROR_DENIED, "%u certificates were shown; 1 to %d are allowed",
                         count, CLIENT_CHAIN_MAXIMUM);
    for (unsigned int i = 0; i < count; i++) {
        gnutls_x509_crt_t *certificate = &chain->certificates[i];
        int status = gnutls_x509_crt_init(certificate);
        chain->count += status == 0;
        if (status == 0)
            status = gnutls_x509_crt_import(*certificate, &certificates[i], GNUTLS_X509_FMT_DER);
        if (status < 0)
            return error_set(reason, ERROR_DENIED, "a certificate cannot be read: %s",
                             gnutls_strerror(status));
    }
    return 0;
}

/* The subject, written as in RFC 4514. */
static int read_subject(gnutls_x509_crt_t certificate, char *subject, size_t size,
                        struct error *reason)
{
    gnutls_datum_t text = {0};
    int status = gnutls_x509_crt_get_dn3(certificate, &text, 0);
    if (status < 0)
        return error_set(reason, ERROR_DENIED, "its subject cannot be read: %s",
                         gnutls_strerror(status));
    bool fits = text.size > 0 && text.size < size && strlen((char *)text.data) == text.size;
    if (fits)
        memcpy(subject, text.data, text.size + 1);
    gnutls_free(text.data);
    return fits ? 0
                : error_set(reason, ERROR_DENIED, "its subject is empty or longer than %zu bytes",
                            size - 1);
}

/* True if the extended key usage includes TLS clients. A certificate without the extension is
 * refused, because it is valid for any purpose. */
static bool is_for_clients(gnutls_x509_crt_t certificate)
{
    char purpose[OID_SIZE];
    for (unsigned int i = 0;; i++) {
        size_t size = sizeof(purpose);
        int status = gnutls_x509_crt_get_key_purpose_oid(certificate, i, purpose, &size, NULL);
        if (status == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue; /* too long to be clientAuth */
        if (status < 0)
            return false;
        if (strcmp(purpose, GNUTLS_KP_TLS_WWW_CLIENT) == 0)
            return true;
    }
}

static int verify(const struct client_table *table, struct chain *chain, struct error *reason)
{
    unsigned int found = 0;
    unsigned int flags = (unsigned int)GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM);
    gnutls_datum_t text = {0};
    int status = gnutls_x509_trust_list_verify_crt2(table->authorities, chain->certificates,
                                                    chain->count, NULL, 0, flags, &found, NULL);
    if (status < 0)
        return error_set(reason, ERROR_DENIED, "its chain cannot be verified: %s",
                         gnutls_strerror(status));
    if (found == 0)
        return 0;
    if (gnutls_certificate_verification_status_print(found, GNUTLS_CRT_X509, &text, 0) < 0)
        return error_set(reason, ERROR_DENIED, "its chain does not verify (%#x)", found);
    error_set(reason, ERROR_DENIED, "%s", (char *)text.data);
    gnutls_free(text.data);
    return -1;
}

int client_table_find(const struct client_table *table, const gnutls_datum_t *certificates,
                      unsigned int count, struct actor *ret_actor, struct error *reason)
{
    cleanup_chain struct chain chain = {0};
    char subject[CLIENT_SUBJECT_MAXIMUM + 1];
    if (import_chain(&chain, certificates, count, reason) < 0)
        return -1;
    gnutls_x509_crt_t own = chain.certificates[0];
    if (read_subject(own, subject, sizeof(subject), reason) < 0)
        return -1;
    if (verify(table, &chain, reason) < 0)
        return error_prefix(reason, "\"%s\"", subject);
    if (!is_for_clients(own))
        return error_set(reason, ERROR_DENIED,
                         "\"%s\": its extended key usage does not name TLS clients (clientAuth)",
                         subject);
    if (gnutls_x509_crt_get_ca_status(own, NULL) > 0)
        return error_set(reason, ERROR_DENIED, "\"%s\" is an authority, not a client", subject);
    const struct actor *actor = find_subject(table, subject);
    if (!actor)
        return error_set(reason, ERROR_DENIED, "\"%s\" is not in api.client_file", subject);
    *ret_actor = *actor;
    return 0;
}
