/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_keys.h - every configuration key, once.
 *
 * One row per key: section, name, kind, default (as an operator would write it), smallest and
 * largest allowed value, help. struct config, the parser, --check-config, --dump-config, the manual
 * page mimo.conf(5) and etc/mimo.conf are generated from these rows, so they always agree. Every
 * row is read by some program.
 *
 * Kinds, and the field of struct config each makes (named section_key):
 *   TEXT      char *      any text
 *   INTEGER   int64_t     a whole number, smallest..largest
 *   DURATION  int64_t     milliseconds; written 90s, 15m, 2h, 250ms; bounds in milliseconds
 *   BYTES     int64_t     written 4096, 64K, 256M, 1G
 *   BOOLEAN   bool        yes or no
 *   CHOICE    int         one word of the list in the row before the default
 *   CHOICES   unsigned    one or more words of the list, separated by spaces or commas: a bit set
 *
 * SYSCONFDIR, LOCALSTATEDIR and RUNSTATEDIR are the values given to configure: /etc, /var and /run
 * by default.
 */
#ifndef MIMO_CONFIG_KEYS_H
#define MIMO_CONFIG_KEYS_H

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define KIB    INT64_C(1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)

/* Keys that a running mimod takes over on SIGHUP; a change of any other needs a restart. */
#define CONFIG_KEYS_TAKEN_OVER(KEY)                                                                \
    KEY(actuator, poll_interval)                                                                   \
    KEY(actuator, membership_interval)                                                             \
    KEY(actuator, lease_ttl)                                                                       \
    KEY(actuator, task_timeout)                                                                    \
    KEY(actuator, retry_backoff)                                                                   \
    KEY(actuator, retry_backoff_max)                                                               \
    KEY(actuator, drain_timeout)                                                                   \
    KEY(actuator, readiness_delay)                                                                 \
    KEY(actuator, practice_tasks)                                                                  \
    KEY(sandbox, memory)                                                                           \
    KEY(sandbox, attempt_memory)                                                                   \
    KEY(sandbox, open_files)                                                                       \
    KEY(sandbox, cpu)                                                                              \
    KEY(sandbox, file_size)                                                                        \
    KEY(clusters, mark_state)                                                                      \
    KEY(tasks, acr_domain)                                                                         \
    KEY(tasks, managed_domain)                                                                     \
    KEY(tasks, signed_certificates)                                                                \
    KEY(tasks, mdsd_secret)                                                                        \
    KEY(log, level)

/* Words of CHOICE and CHOICES keys, in the order of their numbers. */
#define CONFIG_WORDS_ASSIGNMENT    "auto static"
#define CONFIG_WORDS_STATSD_FORMAT "mdm plain"
#define CONFIG_WORDS_HEARTBEAT     "counter gauge"
#define CONFIG_WORDS_AUTH          "token-file entra client-cert"
#define CONFIG_WORDS_TLS           "on off"
#define CONFIG_WORDS_LOG_LEVEL     "error warning notice info debug"
#define CONFIG_WORDS_LOG_FORMAT    "auto text journal"

enum config_assignment { ASSIGNMENT_AUTO, ASSIGNMENT_STATIC };
enum config_statsd_format { STATSD_FORMAT_MDM, STATSD_FORMAT_PLAIN };
enum config_heartbeat_type { HEARTBEAT_COUNTER, HEARTBEAT_GAUGE };
enum config_tls { API_TLS_ON, API_TLS_OFF };
enum config_auth { AUTH_TOKEN_FILE = 1 << 0, AUTH_ENTRA = 1 << 1, AUTH_CLIENT_CERT = 1 << 2 };

/* clang-format off */
#define CONFIG_KEYS(TEXT, INTEGER, DURATION, BYTES, BOOLEAN, CHOICE, CHOICES)                                            \
  TEXT    (store, uri, "sqlite:" LOCALSTATEDIR "/lib/mimo/mimo.db", "the store: sqlite:PATH")                         \
                                                                                                                       \
  TEXT    (actuator, state_directory, LOCALSTATEDIR "/lib/mimo-actuator", "directory of the actuator's UUID and lock; only actuator.user may access it") \
  TEXT    (actuator, runtime_directory, RUNSTATEDIR "/mimo", "directory of the control socket and of the socket on which the Admin API wakes the actuator") \
  CHOICE  (actuator, assignment, CONFIG_WORDS_ASSIGNMENT, "auto", "how the 256 buckets are divided: among live actuators, or by index and count") \
  INTEGER (actuator, index, "0", 0, 255, "position of this actuator among all actuators, from 0")                            \
  INTEGER (actuator, count, "1", 1, 256, "number of actuators, for static assignment")                                 \
  INTEGER (actuator, max_workers, "10", 1, 1000, "attempts that run at once")                                          \
  DURATION(actuator, poll_interval, "1s", 10, 10 * MINUTE, "longest time between two polls of the store")      \
  DURATION(actuator, membership_interval, "10s", 50, 10 * MINUTE, "how often this actuator writes its membership record")        \
  DURATION(actuator, membership_ttl, "60s", 150, HOUR, "an actuator whose membership record has not changed for this long is considered dead")               \
  DURATION(actuator, lease_ttl, "60m", 2 * SECOND, DAY, "how long the lease of a manifest and its cluster lasts")    \
  DURATION(actuator, task_timeout, "60m", SECOND, DAY, "time limit of an attempt; never longer than the lease")               \
  DURATION(actuator, retry_backoff, "90s", 0, DAY, "pause before a second attempt, doubled for each further one; 0 retries at once") \
  DURATION(actuator, retry_backoff_max, "15m", 0, 7 * DAY, "longest pause between attempts")                                       \
  DURATION(actuator, drain_timeout, "15m", 0, DAY, "how long a stopping actuator waits for running attempts")          \
  DURATION(actuator, readiness_delay, "120s", 0, HOUR, "time after the start before the actuator can become ready and send heartbeats")          \
  BOOLEAN (actuator, practice_tasks, "no", "register the practice task: for tests and learning, never in production")  \
  TEXT    (actuator, user, "mimo", "user of the supervisor: a name, UID or UID:GID; ignored unless started as root") \
  TEXT    (actuator, operators_group, "mimo-operators", "group whose members may use the control socket (mimoctl ps, pause, drain), in addition to root and actuator.user: a name or GID; empty for none") \
  TEXT    (actuator, launcher_user, "mimo-launcher", "user of the launcher")                                           \
  TEXT    (actuator, worker_user, "mimo-worker", "user of the workers")                                                \
  TEXT    (actuator, metrics_user, "mimo-metrics", "user of the metrics helper")                                       \
  TEXT    (actuator, worker_uids, "", "a range such as 61200-61299: one user for each worker slot, instead of worker_user") \
                                                                                                                       \
  BYTES   (sandbox, memory, "256M", 32 * MIB, 64 * GIB, "address space of a worker, and of each program that it runs")   \
  BYTES   (sandbox, attempt_memory, "1G", 32 * MIB, 64 * GIB, "memory of an attempt as a whole, programs included, never less than one process may have; only where mimod has a delegated cgroup") \
  INTEGER (sandbox, open_files, "64", 16, 4096, "descriptors of a worker")                                             \
  DURATION(sandbox, cpu, "0", 0, DAY, "processor time of a worker; 0 means task_timeout")                              \
  BYTES   (sandbox, file_size, "0", 0, GIB, "size limit of files that a worker writes")                                         \
                                                                                                                       \
  TEXT    (clusters, seal_certificate, SYSCONFDIR "/mimo/seal.crt", "certificate that seals cluster credentials") \
  TEXT    (clusters, seal_key, SYSCONFDIR "/mimo/seal.key", "key of clusters.seal_certificate; only the launcher reads it")                            \
  TEXT    (clusters, mark_state, "AdminUpdating", "provisioningState of a cluster under maintenance; empty for no change") \
                                                                                                                       \
  TEXT    (tasks, acr_domain, "", "domain of the container registry whose tokens the ACR Token Checker checks")      \
  TEXT    (tasks, certificates, "dir:" SYSCONFDIR "/mimo/certificates", "source of the certificates and keys that tasks install: dir:PATH, a directory of PEM files NAME.pem that the launcher's user can read, or keyvault:https://NAME.vault.azure.net") \
  TEXT    (tasks, directory, SYSCONFDIR "/mimo/tasks.d", "directory of external tasks, one in each NAME.conf, see mimo-task(5); the same for actuators and Admin API; empty for none") \
  TEXT    (tasks, managed_domain, "", "domain of managed clusters, which get certificates for their names in it; empty for none") \
  BOOLEAN (tasks, signed_certificates, "yes", "whether clusters in tasks.managed_domain get certificates") \
  TEXT    (tasks, mdsd_secret, "mdsd", "name of the logging certificate in tasks.certificates")                                   \
                                                                                                                       \
  TEXT    (azure, client_id, "", "client ID of the identity that reads the vault of tasks.certificates: a user-assigned managed identity or, with azure.tenant, an application; empty for the machine's own identity") \
  TEXT    (azure, tenant, "", "tenant of the application azure.client_id, a UUID or domain; empty for a managed identity") \
  TEXT    (azure, client_secret_file, "", "file with the secret of the application azure.client_id; only the launcher reads it")          \
  TEXT    (azure, authority, "https://login.microsoftonline.com", "server at which applications log in; another one in sovereign clouds and tests") \
  TEXT    (azure, identity_endpoint, "", "server that issues tokens to managed identities; empty for IDENTITY_ENDPOINT of the environment, or else the metadata service at 169.254.169.254") \
  TEXT    (azure, vault_audience, "", "audience of tokens for the vault; empty for the domain of the vault, https://vault.azure.net") \
  TEXT    (azure, ca_file, "", "CA certificates (PEM) that verify these services; empty for those of the system")    \
                                                                                                                       \
  TEXT    (metrics, statsd, "unix:/var/etw/mdm_statsd.socket", "statsd agent: unix:PATH, udp:HOST:PORT or off")    \
  CHOICE  (metrics, statsd_format, CONFIG_WORDS_STATSD_FORMAT, "mdm", "form of statsd lines: mdm, with JSON names for MDM, or plain")         \
  CHOICE  (metrics, heartbeat_type, CONFIG_WORDS_HEARTBEAT, "counter", "statsd type of the heartbeat: a counter, or a gauge of 1") \
  TEXT    (metrics, prefix, "auto", "plain form: text before each metric name; auto is mimo.HOST.INDEX., so that each actuator has its own") \
  DURATION(metrics, interval, "60s", 50, HOUR, "how often heartbeat and queue length are sent")                        \
  TEXT    (metrics, account, "*", "Account of the MDM form")                                                           \
  TEXT    (metrics, namespace, "*", "Namespace of the MDM form")                                                       \
  TEXT    (metrics, service, "mimo", "dimension service of the MDM form")                                               \
  TEXT    (metrics, location, "", "dimension location, usually the region")                                            \
  TEXT    (metrics, environment, "", "dimension environment")                                                          \
  TEXT    (metrics, listen, "127.0.0.1:9464", "address of the Prometheus page; empty for none")                        \
                                                                                                                       \
  TEXT    (api, listen, "127.0.0.1:8443", "address and port of the Admin API")                                         \
  CHOICE  (api, tls, CONFIG_WORDS_TLS, "on", "whether the Admin API uses TLS; off: plain HTTP on a loopback address, for a TLS proxy on this machine") \
  TEXT    (api, trusted_proxies, "", "addresses and networks, separated by commas, of proxies whose header fields X-Forwarded-For, -Host and -Proto or Forwarded are trusted") \
  TEXT    (api, tls_certificate, SYSCONFDIR "/mimo/api.crt", "TLS certificate of the Admin API (PEM, with chain); created at the first start if missing")     \
  TEXT    (api, tls_key, SYSCONFDIR "/mimo/api.key", "key of api.tls_certificate")                                               \
  CHOICES (api, auth, CONFIG_WORDS_AUTH, "token-file", "accepted authentication methods")                \
  TEXT    (api, token_file, SYSCONFDIR "/mimo/tokens", "lines name:role:SHA-256 of the token; created at the first start if missing") \
  TEXT    (api, entra_tenant, "", "with auth entra: the tenant of Microsoft Entra ID, by UUID")                        \
  TEXT    (api, entra_audience, "", "with auth entra: the application registration of this API, the aud of its tokens: a UUID, or an api:// URI") \
  TEXT    (api, entra_authority, "https://login.microsoftonline.com", "with auth entra: server that issues the tokens; another one in sovereign clouds and tests; verified with azure.ca_file") \
  TEXT    (api, client_ca, "", "with auth client-cert: certificates (PEM) of the authorities that issue client certificates") \
  TEXT    (api, client_file, SYSCONFDIR "/mimo/clients", "with auth client-cert: lines role:subject, the subject of a certificate as RFC 4514 writes it") \
  TEXT    (api, user, "mimo-api", "user of the Admin API; its group must be that of actuator.user, because both use the store")         \
  INTEGER (api, max_connections, "1000", 1, 100000, "limit of open connections; further ones wait")                                       \
  INTEGER (api, max_connections_per_address, "100", 1, 100000, "limit of open connections of one address; further ones are closed")              \
  INTEGER (api, threads, "16", 1, 256, "requests handled at the same time; those that write share a commit")                    \
                                                                                                                       \
  CHOICE  (log, level, CONFIG_WORDS_LOG_LEVEL, "info", "messages of this level and of more severe ones are logged")                   \
  CHOICE  (log, format, CONFIG_WORDS_LOG_FORMAT, "auto", "form of log lines: text has time and pid, journal has priorities, auto is journal under systemd")
/* clang-format on */

#endif
