/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_rules.c - rules over several keys of the configuration, and the form of texts that have
 * one.
 */
#include <ctype.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_table.h"
#include "mimo/launcher_channel.h"
#include "mimo/network.h"
#include "mimo/uuid.h"

static int wrong(struct error *error, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int wrong(struct error *error, const char *key, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    error_set_arguments(error, ERROR_INVALID, format, arguments);
    va_end(arguments);
    return error_prefix(error, "%s", key);
}

static int check_lease(const struct config *config, struct error *error)
{
    if (config->actuator_task_timeout <= config->actuator_lease_ttl)
        return 0;
    return wrong(
        error, "actuator.task_timeout",
        "must not be longer than actuator.lease_ttl: a worker must end before its lease expires");
}

static int check_place(const struct config *config, struct error *error)
{
    if (config->actuator_assignment != ASSIGNMENT_STATIC ||
        config->actuator_index < config->actuator_count)
        return 0;
    return wrong(error, "actuator.index",
                 "%" PRId64 " must be less than actuator.count, which is %" PRId64
                 ", when actuator.assignment is static",
                 config->actuator_index, config->actuator_count);
}

static int check_membership(const struct config *config, struct error *error)
{
    if (config->actuator_membership_ttl >= 3 * config->actuator_membership_interval)
        return 0;
    return wrong(
        error, "actuator.membership_ttl",
        "must be at least three times actuator.membership_interval: one missed heartbeat must not "
        "count as a failure");
}

static int check_mark(const struct config *config, struct error *error)
{
    if (strcmp(config->clusters_mark_state, "Succeeded") != 0 &&
        strcmp(config->clusters_mark_state, "Failed") != 0)
        return 0;
    return wrong(error, "clusters.mark_state",
                 "\"%s\" is a normal state; clusters under maintenance need a different one",
                 config->clusters_mark_state);
}

static bool read_uid(const char **text, int64_t *ret_uid)
{
    int64_t uid = 0;
    const char *start = *text;

    for (; isdigit((unsigned char)**text) && uid < UINT32_MAX; (*text)++)
        uid = uid * 10 + (**text - '0');
    *ret_uid = uid;
    return *text > start && uid > 0 && uid < UINT32_MAX;
}

bool config_worker_uids(const struct config *config, uint32_t *ret_first, uint32_t *ret_last)
{
    const char *text = config->actuator_worker_uids;
    int64_t first, last;

    if (!read_uid(&text, &first) || *text++ != '-' || !read_uid(&text, &last) || *text != '\0' ||
        first > last)
        return false;
    *ret_first = (uint32_t)first;
    *ret_last = (uint32_t)last;
    return true;
}

static int check_worker_uids(const struct config *config, struct error *error)
{
    uint32_t first, last;

    if (*config->actuator_worker_uids == '\0')
        return 0;
    if (!config_worker_uids(config, &first, &last))
        return wrong(error, "actuator.worker_uids",
                     "\"%.64s\" is not a range of user numbers such as 61200-61299",
                     config->actuator_worker_uids);
    if ((int64_t)last - first + 1 < config->actuator_max_workers)
        return wrong(error, "actuator.worker_uids",
                     "%" PRId64 " users are too few for actuator.max_workers, which is %" PRId64,
                     (int64_t)last - first + 1, config->actuator_max_workers);
    return 0;
}

/* "host:port", "[::1]:port": only the form; whether there is such an address shows when it is
 * used. */
static bool is_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end;
    unsigned long port;

    if (!colon || colon == text || !isdigit((unsigned char)colon[1]))
        return false;
    port = strtoul(colon + 1, &end, 10);
    return *end == '\0' && port <= 65535 &&
           (*text == '[' ? colon[-1] == ']' : memchr(text, ':', (size_t)(colon - text)) == NULL);
}

static int check_addresses(const struct config *config, struct error *error)
{
    static const char form[] = "\"%.64s\" is not an address such as 127.0.0.1:8443 or [::1]:8443";
    const char *statsd = config->metrics_statsd;

    if (!is_address(config->api_listen))
        return wrong(error, "api.listen", form, config->api_listen);
    if (*config->metrics_listen && !is_address(config->metrics_listen))
        return wrong(error, "metrics.listen", form, config->metrics_listen);
    if (strcmp(statsd, "off") != 0 && (strncmp(statsd, "unix:", 5) != 0 || statsd[5] == '\0') &&
        (strncmp(statsd, "udp:", 4) != 0 || !is_address(statsd + 4)))
        return wrong(error, "metrics.statsd", "\"%.64s\" is not unix:PATH, udp:HOST:PORT or off",
                     statsd);
    return 0;
}

/* True for a numeric address that other machines can reach. The address of a name is known only
 * when mimo-api starts, which checks it again. */
static bool is_reachable(const char *address)
{
    const char *host = *address == '[' ? address + 1 : address;
    size_t length = (size_t)(strrchr(address, ':') - host) - (*address == '[');
    struct in6_addr found;

    if (!network_address_parse(host, length, &found))
        return false;
    if (IN6_IS_ADDR_V4MAPPED(&found))
        return found.s6_addr[12] != IN_LOOPBACKNET;
    return !IN6_IS_ADDR_LOOPBACK(&found);
}

/* Tokens in clear stay within this machine. */
static int check_clear_text(const struct config *config, struct error *error)
{
    if (config->api_tls == API_TLS_ON || !is_reachable(config->api_listen))
        return 0;
    return wrong(error, "api.listen",
                 "other machines can reach %.64s, and with api.tls = off tokens would cross the "
                 "network in clear: let it be 127.0.0.1:PORT or [::1]:PORT, or remove api.tls",
                 config->api_listen);
}

static int check_metric_prefix(const struct config *config, struct error *error)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *prefix = config->metrics_prefix;

    if (prefix[strspn(prefix, allowed)] == '\0')
        return 0;
    return wrong(error, "metrics.prefix",
                 "\"%.64s\" must consist of letters, digits and the characters . _ -", prefix);
}

static int check_proxies(const struct config *config, struct error *error)
{
    struct network_list list;
    struct error reason;

    if (network_list_parse(config->api_trusted_proxies, &list, &reason) < 0)
        return wrong(error, "api.trusted_proxies", "%s", reason.message);
    return 0;
}

const char *config_certificate_directory(const struct config *config)
{
    static const char scheme[] = "dir:";
    const char *text = config->tasks_certificates;

    return strncmp(text, scheme, strlen(scheme)) == 0 ? text + strlen(scheme) : NULL;
}

const char *config_certificate_vault(const struct config *config)
{
    static const char scheme[] = "keyvault:";
    const char *text = config->tasks_certificates;

    return strncmp(text, scheme, strlen(scheme)) == 0 ? text + strlen(scheme) : NULL;
}

/* "https://host", "https://host:port", each with the path "" or, where allowed, any. */
static bool is_https(const char *text, bool with_path)
{
    static const char scheme[] = "https://", plain[] = "0123456789.-abcdefghijklmnopqrstuvwxyz"
                                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t length;

    if (strncmp(text, scheme, strlen(scheme)) != 0)
        return false;
    text += strlen(scheme);
    length = strspn(text, plain);
    if (length == 0)
        return false;
    text += length;
    if (*text == ':') {
        length = strspn(text + 1, "0123456789");
        if (length == 0 || length > 5 || strtoul(text + 1, NULL, 10) - 1 >= 65535)
            return false;
        text += length + 1;
    }
    return *text == '\0' || (with_path && *text == '/' && !strpbrk(text, "?# "));
}

/* Moves on past a number of an address, 0 to 255. */
static bool skip_byte(const char **text)
{
    char *end;
    unsigned long number = isdigit((unsigned char)**text) ? strtoul(*text, &end, 10) : 256;

    if (number > 255)
        return false;
    *text = end;
    return true;
}

static bool is_of_this_machine(const char *text)
{
    static const char *const prefixes[] = {"http://127.", "http://169.254."};

    for (int i = 0; i < 2; i++) {
        const char *rest = text + strlen(prefixes[i]);
        bool good = strncmp(text, prefixes[i], strlen(prefixes[i])) == 0;

        for (int left = i == 0 ? 3 : 2; good && left > 0; left--)
            good = skip_byte(&rest) && (left == 1 || *rest++ == '.');
        if (good && *rest == ':')
            good = isdigit((unsigned char)rest[1]) && strtoul(rest + 1, NULL, 10) - 1 < 65535 &&
                   (rest += 1 + strspn(rest + 1, "0123456789"));
        if (good && *rest == '/' && !strpbrk(rest, "?# "))
            return true;
    }
    return false;
}

bool config_is_identity_endpoint(const char *url)
{
    return is_https(url, true) || is_of_this_machine(url);
}

static bool is_chosen(const struct config *config, enum config_auth way)
{
    return config->api_auth & (unsigned)way;
}

/* What logging in with tokens of Entra ID takes. */
static int check_entra(const struct config *config, struct error *error)
{
    if (!is_https(config->api_entra_authority, false))
        return wrong(error, "api.entra_authority", "\"%.64s\" is not https://HOST",
                     config->api_entra_authority);
    if (*config->api_entra_tenant && !uuid_is_valid(config->api_entra_tenant))
        return wrong(error, "api.entra_tenant",
                     "\"%.64s\" is not a UUID; `az account show --query tenantId` prints it",
                     config->api_entra_tenant);
    if (is_chosen(config, AUTH_ENTRA) && !*config->api_entra_tenant)
        return wrong(error, "api.entra_tenant",
                     "must be set when api.auth has entra: the tenant whose users may log in, by "
                     "UUID");
    if (is_chosen(config, AUTH_ENTRA) && !*config->api_entra_audience)
        return wrong(error, "api.entra_audience",
                     "must be set when api.auth has entra: the client ID of the application "
                     "registration that tokens are for");
    return 0;
}

static int check_client_certificates(const struct config *config, struct error *error)
{
    if (!is_chosen(config, AUTH_CLIENT_CERT))
        return 0;
    if (config->api_tls == API_TLS_OFF)
        return wrong(error, "api.tls",
                     "must be on where api.auth has client-cert: certificates are shown in the TLS "
                     "handshake");
    if (*config->api_client_ca != '/')
        return wrong(error, "api.client_ca",
                     "must be the absolute path of a PEM file where api.auth has client-cert: the "
                     "authorities that client certificates come from");
    if (*config->api_client_file != '/')
        return wrong(error, "api.client_file",
                     "must be an absolute path when api.auth has client-cert: the file with lines "
                     "role:subject");
    return 0;
}

/* What reading from a vault takes. */
static int check_azure(const struct config *config, struct error *error)
{
    const char *endpoint = config->azure_identity_endpoint;

    if (!is_https(config->azure_authority, false))
        return wrong(error, "azure.authority", "\"%.64s\" is not https://HOST",
                     config->azure_authority);
    if (*endpoint && !config_is_identity_endpoint(endpoint))
        return wrong(error, "azure.identity_endpoint",
                     "\"%.64s\" is neither an https URL nor http to an address in 127.0.0.0/8 or "
                     "169.254.0.0/16",
                     endpoint);
    if (*config->azure_vault_audience && !is_https(config->azure_vault_audience, false))
        return wrong(error, "azure.vault_audience", "\"%.64s\" is not https://HOST",
                     config->azure_vault_audience);
    if (strspn(config->azure_tenant, "0123456789.-abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(config->azure_tenant))
        return wrong(error, "azure.tenant", "\"%.64s\" is neither a UUID nor a domain",
                     config->azure_tenant);
    if (*config->azure_tenant &&
        (!*config->azure_client_id || *config->azure_client_secret_file != '/'))
        return wrong(error, "azure.tenant",
                     "needs azure.client_id and azure.client_secret_file (an absolute path) too: "
                     "an application logs in with all three");
    if (!*config->azure_tenant && *config->azure_client_secret_file)
        return wrong(error, "azure.client_secret_file",
                     "needs azure.tenant and azure.client_id too: an application logs in with all "
                     "three");
    return 0;
}

static int check_tasks_directory(const struct config *config, struct error *error)
{
    if (*config->tasks_directory == '\0' || *config->tasks_directory == '/')
        return 0;
    return wrong(error, "tasks.directory", "\"%.64s\" is not an absolute path",
                 config->tasks_directory);
}

static int check_tasks(const struct config *config, struct error *error)
{
    const char *directory = config_certificate_directory(config);
    const char *vault = config_certificate_vault(config);

    if ((!directory || *directory != '/') && (!vault || !is_https(vault, false)))
        return wrong(error, "tasks.certificates",
                     "\"%.64s\" is neither dir:PATH with an absolute path nor "
                     "keyvault:https://NAME.vault.azure.net",
                     config->tasks_certificates);
    if (!launch_certificate_is_valid(config->tasks_mdsd_secret))
        return wrong(error, "tasks.mdsd_secret",
                     "\"%.64s\" is not the name of a certificate: letters, digits, \"-\" and "
                     "\".\", fewer than %d",
                     config->tasks_mdsd_secret, LAUNCH_CERTIFICATE_SIZE);
    return check_tasks_directory(config, error);
}

int config_check_rules(const struct config *config, struct error *error)
{
    static int (*const rules[])(const struct config *, struct error *) = {
        check_lease,       check_place,     check_membership,          check_mark,
        check_worker_uids, check_addresses, check_metric_prefix,       check_tasks,
        check_azure,       check_entra,     check_client_certificates, check_proxies,
        check_clear_text,
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i](config, error) < 0)
            return -1;
    }
    return 0;
}
