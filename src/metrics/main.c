/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - mimo-metrics: sends the figures of the supervisor to statsd and serves them to
 * Prometheus.
 *
 * Start, in this order: ignore signals; read the configuration; take the channel; open the page,
 * which may need a low port; drop root; confine itself; loop. The program ends when the supervisor
 * closes the channel.
 */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metrics/confine.h"
#include "metrics/helper.h"
#include "mimo/cleanup.h"
#include "mimo/confinement.h"
#include "mimo/log.h"
#include "mimo/privileges.h"
#include "mimo/process.h"
#include "mimo/program.h"

static const char *arg_channel;

static const struct program_option options[] = {
    {"channel", "FD", "descriptor of the channel to the supervisor (required)", &arg_channel},
    {NULL},
};

static const struct program program = {
    .name = "mimo-metrics",
    .summary = "sends the metrics of a MIMO actuator to statsd and serves them to Prometheus",
    .details = "Started by mimod; do not start it by hand. Exits when mimod does; SIGTERM and\n"
               "SIGINT are ignored.",
    .options = options,
};

/* Signals to the whole group (a terminal's Ctrl-C, the service manager) are for the supervisor.
 * Metrics are needed until it has drained. */
static void ignore_signals(void)
{
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
}

/* Formats one line, so that invalid labels are reported at the start. */
static int check_labels(const struct metric_labels *labels, struct error *error)
{
    char *line = metric_line_format(labels, METRIC_HEARTBEAT, 1, 0, error);
    free(line);
    return line ? 0 : -1;
}

static int open_page(struct helper *helper, const struct config *config, struct error *error)
{
    if (config->metrics_listen[0] == '\0')
        return 0;
    if (page_open(config->metrics_listen, helper_figures, helper, &helper->page, error) < 0)
        return -1;

    char text[ADDRESS_TEXT_SIZE];
    const struct address *address = page_address(helper->page);
    log_info("Prometheus page at http://%s/metrics", address_format(address, text));
    if (!address_is_loopback(address))
        log_warning("other machines can read the Prometheus page, without authentication: "
                    "metrics.listen is %s",
                    config->metrics_listen);
    return 0;
}

static int open_all(struct helper *helper, const struct config *config, struct error *error)
{
    if (check_labels(&helper->labels, error) < 0 ||
        statsd_open(&helper->statsd, config->metrics_statsd, config->metrics_interval, error) < 0)
        return -1;
    return open_page(helper, config, error);
}

static int restrict_self(const struct config *config, const struct statsd *statsd,
                         struct error *error)
{
    struct identity identity;
    bool privileged = privileges_can_change();
    if (privileged && privileges_find_user(config->actuator_metrics_user, &identity, error) < 0)
        return error_prefix(error, "actuator.metrics_user");
    if (privileged && privileges_drop(&identity, NULL, 0, error) < 0)
        return -1;
    if (privileges_harden(error) < 0 || confine_helper(statsd, error) < 0)
        return -1;
    log_info("confined: %s", confinement_describe());
    return 0;
}

static struct metric_labels labels_of(const struct config *config, const char *hostname,
                                      const char *prefix)
{
    return (struct metric_labels){
        .format = (enum config_statsd_format)config->metrics_statsd_format,
        .account = config->metrics_account,
        .namespace = config->metrics_namespace,
        .hostname = hostname,
        .location = config->metrics_location,
        .environment = config->metrics_environment,
        .service = config->metrics_service,
        .version = PACKAGE_VERSION,
        .prefix = prefix,
        .heartbeat_is_gauge = config->metrics_heartbeat_type == HEARTBEAT_GAUGE,
    };
}

/* From the open channel to its end; returns the exit status. */
static int live(struct helper *helper, const struct config *config)
{
    struct error error;
    if (open_all(helper, config, &error) < 0) {
        log_error("%s", error.message);
        return error.kind == ERROR_INVALID ? EXIT_USAGE : EXIT_FAILURE;
    }
    if (restrict_self(config, &helper->statsd, &error) < 0 || helper_run(helper, &error) < 0) {
        log_error("%s", error.message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    process_title_initialize(argc, argv);
    ignore_signals();

    struct config config;
    program_start(&program, argc, argv, &config);
    if (!arg_channel)
        program_usage_error(&program, "--channel is missing: this program is started by mimod");
    char hostname[HOST_NAME_MAX + 1] = "";
    gethostname(hostname, sizeof(hostname) - 1);

    cleanup_free char *prefix =
        metric_line_prefix(config.metrics_prefix, hostname, (int)config.actuator_index);
    if (!prefix) {
        log_error("out of memory");
        return EXIT_FAILURE;
    }
    struct helper helper = {
        .channel = program_inherited_fd(&program, "channel", arg_channel),
        .statsd = {.socket = -1},
        .interval = config.metrics_interval,
        .labels = labels_of(&config, hostname, prefix),
    };
    int status = live(&helper, &config);

    page_close(helper.page);
    statsd_close(&helper.statsd);
    close(helper.channel);
    config_free(&config);
    return status;
}
