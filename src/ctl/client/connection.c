/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.c - the address of the Admin API, the log-in, and the CA.
 */
#include "ctl/client/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/client/http.h"
#include "ctl/client/regions.h"
#include "ctl/output/output.h"
#include "mimo/cleanup.h"
#include "mimo/endpoint.h"
#include "mimo/io.h"
#include "mimo/text.h"

enum { TOKEN_SIZE_MAXIMUM = 16 * 1024 };

static void cleanup_regions_function(struct regions *regions)
{
    regions_free(regions);
}
#define cleanup_regions __attribute__((cleanup(cleanup_regions_function)))

/* The value of a variable; empty counts as not set. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] != '\0' ? value : NULL;
}

static int put(char **field, const char *value, struct error *error)
{
    *field = strdup(value);
    return *field ? 0 : error_set_system(error, ENOMEM, "connection");
}

/* ---- address ---- */

/* Checks an address and cuts it down to scheme, host and port. */
static int take_url(struct connection *connection, const char *text, struct error *error)
{
    struct endpoint endpoint;
    cleanup_free char *path = NULL;
    char name[ENDPOINT_NAME_SIZE];
    const char *from = connection->url_from;
    if (endpoint_parse(text, ENDPOINT_HTTPS_OR_HTTP, &endpoint, &path, error) < 0)
        return error_prefix(error, "%s", from);
    if (path[0] && strcmp(path, "/admin") != 0 && strcmp(path, "/admin/") != 0)
        return error_set(error, ERROR_INVALID,
                         "%s: \"%s\" must end after host and port, as in https://mimo.example.com",
                         from, text);
    if (endpoint.is_plain && !endpoint_is_loopback(&endpoint))
        return error_set(error, ERROR_INVALID,
                         "%s: \"%s\" is not https; mimoctl sends no token over a network "
                         "unencrypted",
                         from, text);
    bool is_usual_port = endpoint.port == (endpoint.is_plain ? 80 : 443);
    if (asprintf(&connection->url, "%s://%s", endpoint.is_plain ? "http" : "https",
                 is_usual_port ? endpoint_format_host(endpoint.host, name)
                               : endpoint_format(&endpoint, name)) < 0) {
        connection->url = NULL;
        return error_set_system(error, ENOMEM, "connection");
    }
    return 0;
}

/* Uses the address of a region and stores the region in *ret_region. */
static int take_region(struct connection *connection, const struct regions *regions,
                       const char *location, const struct region **ret_region, struct error *error)
{
    const char *path = regions->path ? regions->path : "~/.config/mimo/config";
    bool exists = regions->path && access(regions->path, F_OK) == 0;
    const char *missing = exists ? "" : ", which does not exist";
    const struct region *region = regions_find(regions, location);
    if (!region && location)
        return error_set(error, ERROR_INVALID, "--location: there is no [region %s] in %s%s",
                         location, path, missing);
    if (!region)
        return error_set(
            error, ERROR_INVALID,
            "no address of an Admin API: give --url, set MIMO_URL, or add a [region NAME] to %s%s%s",
            path, missing,
            regions->count > 1 ? " and choose with --location or default_location" : "");
    if (asprintf(&connection->url_from, "region %s of %s", region->name, path) < 0) {
        connection->url_from = NULL;
        return error_set_system(error, ENOMEM, "connection");
    }
    *ret_region = region;
    return take_url(connection, region->url, error);
}

static int choose_url(struct connection *connection, const struct connection_options *options,
                      const struct regions *regions, const struct region **ret_region,
                      struct error *error)
{
    const char *of_environment = variable("MIMO_URL");
    if (options->url && options->location)
        return error_set(error, ERROR_INVALID, "--url and --location exclude each other");
    if (options->url || (of_environment && !options->location)) {
        if (put(&connection->url_from, options->url ? "--url" : "MIMO_URL", error) < 0)
            return -1;
        return take_url(connection, options->url ? options->url : of_environment, error);
    }
    return take_region(connection, regions, options->location, ret_region, error);
}

/* ---- token ---- */

/* Removes a byte order mark and white space, and refuses characters that a header must not have. */
static int take_token(struct connection *connection, const char *text, struct error *error)
{
    size_t length = strlen(text);
    text = text_skip_mark(text, &length);
    text += strspn(text, " \t\r\n");
    length = strcspn(text, " \t\r\n");
    const char *from = connection->token_from;
    if (text[length + strspn(text + length, " \t\r\n")] != '\0')
        return error_set(error, ERROR_UNAVAILABLE, "%s: the token must be one word", from);
    if (length == 0)
        return error_set(error, ERROR_UNAVAILABLE, "%s: the token is empty", from);
    for (size_t i = 0; i < length; i++)
        if (text[i] < '!' || text[i] > '~')
            return error_set(error, ERROR_UNAVAILABLE, "%s: the token must be visible ASCII", from);
    connection->token = strndup(text, length);
    return connection->token ? 0 : error_set_system(error, ENOMEM, "connection");
}

static int read_token_file(struct connection *connection, const char *path, struct error *error)
{
    cleanup_free char *text = NULL;
    struct stat status;
    if (io_read_file(path, TOKEN_SIZE_MAXIMUM, &text, NULL, error) < 0) {
        error_prefix(error, "%s", connection->token_from);
        error->kind = ERROR_UNAVAILABLE;
        return -1;
    }
    /* A file that belongs to root may be readable by its group on purpose. */
    mode_t others = stat(path, &status) < 0 ? 0 : status.st_uid == 0 ? S_IRWXO : S_IRWXG | S_IRWXO;
    if (others && (status.st_mode & others))
        output_say("warning: other users can read the token in %s; run chmod 600 %s", path, path);
    int result = take_token(connection, text, error);
    explicit_bzero(text, strlen(text));
    return result;
}

static int run_token_command(struct connection *connection, const char *command,
                             struct error *error)
{
    char text[TOKEN_SIZE_MAXIMUM + 1];
    FILE *output = popen(command, "re");
    if (!output)
        return error_set(error, ERROR_UNAVAILABLE, "%s: cannot run \"%s\"", connection->token_from,
                         command);
    size_t length = fread(text, 1, sizeof(text) - 1, output);
    int status = pclose(output);
    text[length] = '\0';
    if (status != 0)
        return error_set(error, ERROR_UNAVAILABLE, "%s: \"%s\" failed (%s %d)",
                         connection->token_from, command,
                         WIFSIGNALED(status) ? "signal" : "exit status",
                         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    int result = take_token(connection, text, error);
    explicit_bzero(text, sizeof(text));
    return result;
}

static int set_token_from(struct connection *connection, const char *what, const char *value,
                          struct error *error)
{
    if (asprintf(&connection->token_from, "%s%s%s", what, value ? " " : "", value ? value : "") <
        0) {
        connection->token_from = NULL;
        return error_set_system(error, ENOMEM, "connection");
    }
    return 0;
}

static int take_region_token(struct connection *connection, const struct region *region,
                             struct error *error)
{
    char what[256];
    snprintf(what, sizeof(what), "token_%s of region %s", region->token_file ? "file" : "command",
             region->name);
    if (set_token_from(connection, what, region->token_file, error) < 0)
        return -1;
    return region->token_file ? read_token_file(connection, region->token_file, error)
                              : run_token_command(connection, region->token_command, error);
}

/* ---- client certificate ---- */

/* libcurl's own message for an unreadable file lacks its name and the reason. */
static int check_readable(const char *what, const char *path, const char *from, struct error *error)
{
    cleanup_free char *text = NULL;
    size_t length;
    if (io_read_file(path, 16 * 1024 * 1024, &text, &length, error) < 0) {
        error_prefix(error, "%s (%s)", what, from);
        error->kind = ERROR_INVALID;
        return -1;
    }
    explicit_bzero(text, length);
    return 0;
}

/* True for a PEM file with a private key of any kind; also for one that cannot be read: the reason
 * is found elsewhere. */
static bool has_key(const char *path)
{
    cleanup_free char *text = NULL;
    size_t length;
    struct error ignored;
    if (io_read_file(path, 16 * 1024 * 1024, &text, &length, &ignored) < 0)
        return true;
    bool found = memmem(text, length, "PRIVATE KEY-----", strlen("PRIVATE KEY-----")) != NULL;
    explicit_bzero(text, length);
    return found;
}

static int take_certificate(struct connection *connection, const char *cert, const char *key,
                            const char *from, struct error *error)
{
    struct stat status;
    if (check_readable("client certificate", cert, from, error) < 0 ||
        (key && check_readable("key of the client certificate", key, from, error) < 0))
        return -1;
    if (!key && !has_key(cert))
        return error_set(error, ERROR_INVALID,
                         "%s (%s) has no private key; name its file with --key or MIMO_CLIENT_KEY",
                         cert, from);
    key = key ? key : cert;
    if (stat(key, &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)))
        output_say("warning: other users can read the key in %s; run chmod 600 %s", key, key);
    return put(&connection->cert, cert, error) < 0 || put(&connection->key, key, error) < 0 ||
                   put(&connection->cert_from, from, error) < 0
               ? -1
               : 0;
}

/* ---- log-in ---- */

static int log_in_by_options(struct connection *connection,
                             const struct connection_options *options, struct error *error)
{
    if (options->cert &&
        take_certificate(connection, options->cert, options->key, "--cert", error) < 0)
        return -1;
    if (!options->token_file)
        return 0;
    return set_token_from(connection, "--token-file", options->token_file, error) < 0
               ? -1
               : read_token_file(connection, options->token_file, error);
}

static int log_in_by_environment(struct connection *connection, struct error *error)
{
    const char *token = variable("MIMO_TOKEN");
    const char *file = variable("MIMO_TOKEN_FILE");
    const char *cert = variable("MIMO_CLIENT_CERT");
    if (cert && take_certificate(connection, cert, variable("MIMO_CLIENT_KEY"), "MIMO_CLIENT_CERT",
                                 error) < 0)
        return -1;
    if (token)
        return set_token_from(connection, "MIMO_TOKEN", NULL, error) < 0
                   ? -1
                   : take_token(connection, token, error);
    if (!file)
        return 0;
    return set_token_from(connection, "MIMO_TOKEN_FILE", file, error) < 0
               ? -1
               : read_token_file(connection, file, error);
}

static int log_in_by_region(struct connection *connection, const struct region *region,
                            struct error *error)
{
    if (region->client_cert && take_certificate(connection, region->client_cert, region->client_key,
                                                connection->url_from, error) < 0)
        return -1;
    return region->token_file || region->token_command
               ? take_region_token(connection, region, error)
               : 0;
}

static bool has_login(const struct connection *connection)
{
    return connection->token || connection->cert;
}

/* Uses the first place that names a token or a certificate, and no other. */
static int choose_login(struct connection *connection, const struct connection_options *options,
                        const struct region *region, struct error *error)
{
    if (options->key && !options->cert)
        return error_set(error, ERROR_INVALID,
                         "--key needs --cert, the certificate that belongs to the key");
    if (log_in_by_options(connection, options, error) < 0)
        return -1;
    if (!has_login(connection) && log_in_by_environment(connection, error) < 0)
        return -1;
    if (!has_login(connection) && region && log_in_by_region(connection, region, error) < 0)
        return -1;
    if (has_login(connection))
        return 0;
    return error_set(error, ERROR_UNAVAILABLE,
                     "no token to log in at %s (%s): give --token-file, set MIMO_TOKEN or "
                     "MIMO_TOKEN_FILE, or set token_file or token_command of the region; or log "
                     "in with a client certificate: --cert, MIMO_CLIENT_CERT or client_cert",
                     connection->url, connection->url_from);
}

const char *connection_login(const struct connection *connection, char *buffer)
{
    if (connection->token)
        snprintf(buffer, CONNECTION_LOGIN_SIZE, "the token of %s", connection->token_from);
    else
        snprintf(buffer, CONNECTION_LOGIN_SIZE, "the client certificate %s (%s)", connection->cert,
                 connection->cert_from);
    return buffer;
}

/* ---- CA ---- */

static int choose_cacert(struct connection *connection, const struct connection_options *options,
                         const struct region *region, struct error *error)
{
    const char *of_environment = variable("MIMO_CACERT");
    const char *path = options->cacert ? options->cacert : of_environment;
    const char *from = options->cacert ? "--cacert" : "MIMO_CACERT";
    if (!path && region) {
        path = region->cacert;
        from = connection->url_from;
    }
    if (!path)
        return 0;
    if (check_readable("CA certificates", path, from, error) < 0)
        return -1;
    return put(&connection->cacert, path, error) < 0 ||
                   put(&connection->cacert_from, from, error) < 0
               ? -1
               : 0;
}

int connection_open(struct connection *connection, const struct connection_options *options,
                    struct error *error)
{
    cleanup_regions struct regions regions = {0};
    const struct region *region = NULL;
    *connection = (struct connection){.verbose = options->verbose, .hurried = options->hurried};
    if (regions_read(&regions, regions_path(), error) < 0 ||
        choose_url(connection, options, &regions, &region, error) < 0 ||
        choose_login(connection, options, region, error) < 0 ||
        choose_cacert(connection, options, region, error) < 0 ||
        http_open(connection, &connection->http, error) < 0) {
        connection_close(connection);
        return -1;
    }
    return 0;
}

void connection_close(struct connection *connection)
{
    if (connection->token)
        explicit_bzero(connection->token, strlen(connection->token));
    free(connection->url);
    free(connection->url_from);
    free(connection->token);
    free(connection->token_from);
    free(connection->cert);
    free(connection->key);
    free(connection->cert_from);
    free(connection->cacert);
    free(connection->cacert_from);
    http_close(connection->http);
    *connection = (struct connection){0};
}
