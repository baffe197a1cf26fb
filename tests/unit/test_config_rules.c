/* SPDX-License-Identifier: Apache-2.0 */
/* test_config_rules.c - rules over several keys, and what a running program may take over. */
#include "config_fixture.h"

static const struct {
    const char *content;
    const char *message; /* NULL: good */
} rules[] = {
    {"[actuator]\ntask_timeout = 61m",
     ": actuator.task_timeout: must not be longer than "
     "actuator.lease_ttl: a worker must end before its lease expires"},
    {"[actuator]\ntask_timeout = 61m\nlease_ttl = 61m", NULL},
    {"[actuator]\nassignment = static\nindex = 3\ncount = 3",
     ": actuator.index: 3 must be less than actuator.count, which is 3, when actuator.assignment "
     "is static"},
    {"[actuator]\nassignment = static\nindex = 2\ncount = 3", NULL},
    {"[actuator]\nassignment = auto\nindex = 3\ncount = 3", NULL},
    {"[actuator]\nmembership_ttl = 29s",
     ": actuator.membership_ttl: must be at least three times actuator.membership_interval: "
     "one missed heartbeat must not count as a failure"},
    {"[actuator]\nmembership_ttl = 30s", NULL},
    {"[clusters]\nmark_state = Succeeded",
     ": clusters.mark_state: \"Succeeded\" is a normal state; clusters under maintenance need a "
     "different one"},
    {"[clusters]\nmark_state = Failed",
     ": clusters.mark_state: \"Failed\" is a normal state; clusters under maintenance need a "
     "different one"},
    {"[clusters]\nmark_state =", NULL},
    {"[actuator]\nworker_uids = 61200-61299", NULL},
    {"[actuator]\nworker_uids = 61200-61209", NULL},
    {"[actuator]\nworker_uids = 61200-61208",
     ": actuator.worker_uids: 9 users are too few for actuator.max_workers, which is 10"},
    {"[actuator]\nworker_uids = 61200",
     ": actuator.worker_uids: \"61200\" is not a range of user numbers such as 61200-61299"},
    {"[actuator]\nworker_uids = 0-100",
     ": actuator.worker_uids: \"0-100\" is not a range of user numbers such as 61200-61299"},
    {"[actuator]\nworker_uids = 61299-61200", ": actuator.worker_uids: \"61299-61200\" is not "
                                              "a range of user numbers such as 61200-61299"},
    {"[actuator]\nworker_uids = 1-4294967295",
     ": actuator.worker_uids: \"1-4294967295\" is not a range of user numbers such as "
     "61200-61299"},
    {"[actuator]\nworker_uids = 61200-61299x",
     ": actuator.worker_uids: \"61200-61299x\" is not a range of user numbers such as "
     "61200-61299"},
    {"[api]\nlisten = 8443",
     ": api.listen: \"8443\" is not an address such as 127.0.0.1:8443 or [::1]:8443"},
    {"[api]\nlisten = ::1:8443",
     ": api.listen: \"::1:8443\" is not an address such as 127.0.0.1:8443 or [::1]:8443"},
    {"[api]\nlisten = localhost:65536", ": api.listen: \"localhost:65536\" is not an address "
                                        "such as 127.0.0.1:8443 or [::1]:8443"},
    {"[api]\nlisten = localhost:",
     ": api.listen: \"localhost:\" is not an address such as 127.0.0.1:8443 or "
     "[::1]:8443"},
    {"[api]\nlisten = [::1]:8443", NULL},
    {"[api]\nlisten = 127.0.0.1:0", NULL},
    {"[metrics]\nlisten =", NULL},
    {"[metrics]\nlisten = x",
     ": metrics.listen: \"x\" is not an address such as 127.0.0.1:8443 or [::1]:8443"},
    {"[tasks]\ndirectory = tasks.d", ": tasks.directory: \"tasks.d\" is not an absolute path"},
    {"[tasks]\ndirectory =", NULL},
    {"[tasks]\ncertificates = /x", ": tasks.certificates: \"/x\" is neither dir:PATH with an "
                                   "absolute path nor keyvault:https://NAME.vault.azure.net"},
    {"[tasks]\ncertificates = dir:x",
     ": tasks.certificates: \"dir:x\" is neither dir:PATH with an absolute path nor "
     "keyvault:https://NAME.vault.azure.net"},
    {"[tasks]\ncertificates = dir:/x\nmdsd_secret = Geneva-2.logs", NULL},
    {"[tasks]\ncertificates = keyvault:https://n.vault.azure.net", NULL},
    {"[tasks]\ncertificates = keyvault:https://localhost:8443", NULL},
    {"[tasks]\ncertificates = keyvault:http://n.vault.azure.net",
     ": tasks.certificates: \"keyvault:http://n.vault.azure.net\" is neither dir:PATH with an "
     "absolute path nor keyvault:https://NAME.vault.azure.net"},
    {"[tasks]\ncertificates = keyvault:https://n.vault.azure.net/x",
     ": tasks.certificates: \"keyvault:https://n.vault.azure.net/x\" is neither dir:PATH with "
     "an absolute path nor keyvault:https://NAME.vault.azure.net"},
    {"[azure]\nauthority = https://login.microsoftonline.us", NULL},
    {"[azure]\nauthority = login.microsoftonline.us",
     ": azure.authority: \"login.microsoftonline.us\" is not https://HOST"},
    {"[azure]\nidentity_endpoint = http://169.254.169.254/metadata/identity/oauth2/token", NULL},
    {"[azure]\nidentity_endpoint = http://127.0.0.1:40342/metadata", NULL},
    {"[azure]\nidentity_endpoint = https://identity.test/token", NULL},
    {"[azure]\nidentity_endpoint = http://10.0.0.1/x",
     ": azure.identity_endpoint: \"http://10.0.0.1/x\" is neither an https URL nor http to an "
     "address in 127.0.0.0/8 or 169.254.0.0/16"},
    {"[azure]\nidentity_endpoint = http://127.evil.test/x",
     ": azure.identity_endpoint: \"http://127.evil.test/x\" is neither an https URL nor http "
     "to an address in 127.0.0.0/8 or 169.254.0.0/16"},
    {"[azure]\nidentity_endpoint = http://169.254.1.1@evil.test/x",
     ": azure.identity_endpoint: \"http://169.254.1.1@evil.test/x\" is neither an https URL "
     "nor http to an address in 127.0.0.0/8 or 169.254.0.0/16"},
    {"[azure]\nidentity_endpoint = http://127.0.0.1:0/x",
     ": azure.identity_endpoint: \"http://127.0.0.1:0/x\" is neither an https URL nor http to "
     "an address in 127.0.0.0/8 or 169.254.0.0/16"},
    {"[azure]\nvault_audience = x", ": azure.vault_audience: \"x\" is not https://HOST"},
    {"[azure]\ntenant = a/b\nclient_id = c\nclient_secret_file = /f",
     ": azure.tenant: \"a/b\" is neither a UUID nor a domain"},
    {"[azure]\ntenant = t",
     ": azure.tenant: needs azure.client_id and azure.client_secret_file (an absolute path) "
     "too: an application logs in with all three"},
    {"[azure]\ntenant = t\nclient_id = c\nclient_secret_file = /f", NULL},
    {"[azure]\nclient_secret_file = /f",
     ": azure.client_secret_file: needs azure.tenant and azure.client_id too: an application "
     "logs in with all three"},
    {"[api]\nauth = entra\nentra_tenant = 0f0e0d0c-0b0a-4908-8706-050403020100\n"
     "entra_audience = api://mimo",
     NULL},
    {"[api]\nauth = token-file, entra", ": api.entra_tenant: must be set when api.auth has "
                                        "entra: the tenant whose users may log in, by UUID"},
    {"[api]\nauth = entra\nentra_tenant = 0f0e0d0c-0b0a-4908-8706-050403020100",
     ": api.entra_audience: must be set when api.auth has entra: the client ID of the "
     "application registration that tokens are for"},
    {"[api]\nentra_tenant = contoso.com",
     ": api.entra_tenant: \"contoso.com\" is not a UUID; `az account show --query tenantId` "
     "prints it"},
    {"[api]\nentra_authority = http://login.test",
     ": api.entra_authority: \"http://login.test\" is not https://HOST"},
    {"[api]\nentra_authority = https://login.test/x",
     ": api.entra_authority: \"https://login.test/x\" is not https://HOST"},
    {"[api]\nauth = client-cert\nclient_ca = /ca.pem", NULL},
    {"[api]\ntls = off", NULL},
    {"[api]\ntls = off\nlisten = 127.9.9.9:1", NULL},
    {"[api]\ntls = off\nlisten = [::1]:1", NULL},
    {"[api]\ntls = off\nlisten = localhost:1", NULL},
    {"[api]\ntls = off\nlisten = 0.0.0.0:8443",
     ": api.listen: other machines can reach 0.0.0.0:8443, and with api.tls = off tokens would "
     "cross the network in clear: let it be 127.0.0.1:PORT or [::1]:PORT, or remove api.tls"},
    {"[api]\ntls = off\nlisten = [::]:8443",
     ": api.listen: other machines can reach [::]:8443, and with api.tls = off tokens would "
     "cross the network in clear: let it be 127.0.0.1:PORT or [::1]:PORT, or remove api.tls"},
    {"[api]\ntls = off\nauth = client-cert\nclient_ca = /ca.pem",
     ": api.tls: must be on where api.auth has client-cert: certificates are shown in the TLS "
     "handshake"},
    {"[api]\nauth = client-cert",
     ": api.client_ca: must be the absolute path of a PEM file where api.auth has client-cert: "
     "the authorities that client certificates come from"},
    {"[api]\nauth = client-cert\nclient_ca = /ca.pem\nclient_file = clients",
     ": api.client_file: must be an absolute path when api.auth has client-cert: the file "
     "with "
     "lines role:subject"},
    {"[tasks]\nmdsd_secret = ../x",
     ": tasks.mdsd_secret: \"../x\" is not the name of a certificate: letters, digits, \"-\" "
     "and \".\", fewer than 128"},
    {"[tasks]\nmdsd_secret =", ": tasks.mdsd_secret: \"\" is not the name of a certificate: "
                               "letters, digits, \"-\" and \".\", fewer than 128"},
    {"[metrics]\nstatsd = off", NULL},
    {"[metrics]\nstatsd = udp:localhost:8125", NULL},
    {"[metrics]\nstatsd = unix:/x", NULL},
    {"[metrics]\nstatsd = unix:",
     ": metrics.statsd: \"unix:\" is not unix:PATH, udp:HOST:PORT or off"},
    {"[metrics]\nprefix = mimo.vm-0_a.", NULL},
    {"[metrics]\nprefix = mimo:", ": metrics.prefix: \"mimo:\" must consist of letters, digits and "
                                  "the characters . _ -"},
    {"[metrics]\nstatsd = udp:8125",
     ": metrics.statsd: \"udp:8125\" is not unix:PATH, udp:HOST:PORT or off"},
    {"[metrics]\nstatsd = /x", ": metrics.statsd: \"/x\" is not unix:PATH, udp:HOST:PORT or off"},
};

static void rules_over_several_keys_are_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct config config;

        if (rules[i].message) {
            expect_wrong(rules[i].content, rules[i].message);
        } else {
            load(&config, rules[i].content);
            config_free(&config);
        }
    }
}

static void the_range_of_worker_users_is_given_as_numbers(void **state)
{
    struct config config;
    uint32_t first = 0, last = 0;

    (void)state;
    load(&config, "");
    assert_false(config_worker_uids(&config, &first, &last));
    config_free(&config);
    load(&config, "[actuator]\nworker_uids = 61200-61299");
    assert_true(config_worker_uids(&config, &first, &last));
    assert_int_equal(first, 61200);
    assert_int_equal(last, 61299);
    config_free(&config);
}

struct changes {
    int taken;
    int left;
};

static void note_change(void *context, const char *section, const char *key, bool taken)
{
    struct changes *changes = context;

    assert_non_null(section);
    assert_non_null(key);
    if (taken)
        changes->taken++;
    else
        changes->left++;
}

static void a_running_program_takes_over_what_it_may(void **state)
{
    struct config live, fresh;
    struct changes changes = {0};

    (void)state;
    load(&live, "[clusters]\nmark_state = One\n[actuator]\nindex = 0\n");
    load(&fresh, "[clusters]\nmark_state = Two\n[actuator]\nindex = 3\nretry_backoff = 5s\n"
                 "practice_tasks = yes\n");
    config_take_over(&live, &fresh, note_change, &changes);
    assert_int_equal(changes.taken, 3);
    assert_int_equal(changes.left, 1);
    assert_string_equal(live.clusters_mark_state, "Two");
    assert_string_equal(fresh.clusters_mark_state, "One");
    assert_int_equal(live.actuator_retry_backoff, 5000);
    assert_true(live.actuator_practice_tasks);
    assert_int_equal(live.actuator_index, 0);
    config_free(&fresh);
    config_free(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(rules_over_several_keys_are_kept),
        WITH_FOLDER(the_range_of_worker_users_is_given_as_numbers),
        WITH_FOLDER(a_running_program_takes_over_what_it_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
