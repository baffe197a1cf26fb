# SPDX-License-Identifier: Apache-2.0
"""A whole system: what starts in which order, how it is known to answer, and how it ends."""

import os
import shlex
import sys
import time

from . import certificates, control, envfile
from .adminapi import AdminApi
from .layout import Layout
from .ports import Reservations
from .practice import PROGRAM as PRACTICE_CLUSTER
from .practice import Practice
from .processes import Failure, Family
from .settings import TOP

STATSD_LISTENER = TOP / "contrib" / "local" / "statsd-listener"
RESTART_DELAY = 0.1
DRAIN_PATIENCE = 2.0 # seconds that running attempts get when the system stops


def say(text):
    print(f"up: {text}", file=sys.stderr, flush=True)


class System:
    def __init__(self, options):
        os.umask(0o022) # what a group may write is not trusted
        self.options = options
        self.layout = Layout(options.directory)
        self.practice = Practice(self.layout.practice)
        self.certificates = certificates.Directory(self.layout.certificates)
        self.overrides = dict(text.split("=", 1) for text in options.overrides)
        self.ports = Reservations()
        self.family = self.lock = None
        self.programs = {} # by name, in the order of starting
        self.starts = {}   # what to start again: {name: function}
        self.restart_at = {}

    # ---- starting ----

    def start(self):
        options = self.options
        self.lock = self.layout.take()
        self.layout.make(options.instances)
        self.layout.env.unlink(missing_ok=True)
        self.family = Family()
        self._configure()
        self._make_certificates()
        self._start_helpers()
        self._prepare_store()
        self._keep("api", self._start_api)
        self._wait_for_api()
        if options.clusters and not (options.load or options.store):
            self._register_practice_clusters()
        # After that: work may be queued already, and a cluster that is being worked on cannot be registered.
        self._start_actuators()
        self._wait_for_actuators()
        self._write_env()

    def _configure(self):
        options = self.options
        self.store = options.store or f"sqlite:{self.layout.database}"
        self.api_port = self.ports.take()
        self.metrics_ports = [self.ports.take() for _ in range(options.instances)]
        self.tokens = self.layout.write_tokens()
        values = self.layout.values(self.store, self.metrics_ports, self.api_port)
        self.layout.write_configuration(values, self.overrides)

    def _make_certificates(self):
        self.certificates.make()
        self.issuer = certificates.Issuer()
        self.certificates.put_missing(self.issuer, certificates.LOGGING)

    def _start_helpers(self):
        """What is no part of the product: the practice clusters, and whoever takes the metrics."""
        self.layout.statsd_socket.unlink(missing_ok=True)
        with open(self.layout.statsd_log, "ab") as lines:
            self._spawn("statsd", sys.executable, "-B", STATSD_LISTENER, self.layout.statsd_socket, stdout=lines)
        if self.options.clusters:
            (self.layout.practice / "ready").unlink(missing_ok=True)
            self._spawn("practice", sys.executable, "-B", PRACTICE_CLUSTER, "--directory", self.layout.practice,
                        "--clusters", self.options.clusters)
        self.family.wait_for("the statsd listener", self.layout.statsd_socket.exists, self.programs.values())

    def _prepare_store(self):
        """`mimo-store` is an administrator's tool: it runs as whoever started `up`, and its files are handed over."""
        self._run_store_tool("init")
        if self.options.load:
            self._run_store_tool("load", self.options.load)
        self.layout.hand_over_store()

    def _run_store_tool(self, *verb):
        self.family.run("mimo-store", [self._program("mimo-store"), *self._common_arguments(), *verb],
                        self.layout.log_of("mimo-store"), umask=0o007)

    def _start_actuators(self):
        for index in range(self.options.instances):
            self._keep(f"actuator-{index}", lambda index=index: self._start_actuator(index))

    def _start_api(self):
        self._spawn("api", self._program("mimo-api"), *self._common_arguments())

    def _start_actuator(self, index):
        own = {"actuator.state_directory": self.layout.state_of(index),
               "metrics.listen": f"127.0.0.1:{self.metrics_ports[index]}", **self.overrides,
               "actuator.index": self._index_of(index)}
        arguments = [f"--set={key}={value}" for key, value in own.items()]
        self._spawn(f"actuator-{index}", self._program("mimod"), *self._common_arguments(), *arguments)

    def _index_of(self, position):
        """Actuators are numbered from actuator.index on, which is 0 unless --set gave another."""
        return int(self.overrides.get("actuator.index", 0)) + position

    def _common_arguments(self):
        return "--config", self.layout.configuration

    def _program(self, name):
        path = self.options.build / name
        if not path.exists():
            raise Failure(f"{path} is missing; ./bootstrap build makes it")
        return path

    def _spawn(self, name, *arguments, **options):
        self.programs[name] = self.family.spawn(name, arguments, self.layout.log_of(name), **options)

    def _keep(self, name, start):
        self.starts[name] = start
        start()

    # ---- until it answers ----

    def admin_api(self, role="admin"):
        return AdminApi(self.api_url(), self.tokens[role], self.layout.certificate if self.has_tls() else None)

    def _wait_for_api(self):
        api = self.admin_api()
        self.family.wait_for("the Admin API to answer", lambda: self._has_certificate() and api.is_ready(),
                             [self.programs["api"]])
        if self.options.clusters:
            self.family.wait_for("the practice clusters", self.practice.is_ready, [self.programs["practice"]])

    def _register_practice_clusters(self):
        api = self.admin_api()
        for name in self.practice.clusters():
            resource_id, body = self.practice.registration(name)
            answer = api("PUT", f"/admin{resource_id}", body)
            if answer.status == 409: # leased since actuators were killed: it stays as it was registered then
                answer = api("GET", f"/admin{resource_id}")
            cluster = answer.expect(200, 201)
            domain = body["properties"]["clusterProfile"]["domain"]
            self.certificates.put_missing_of_cluster(self.issuer, cluster["uuid"], domain)

    def _wait_for_actuators(self):
        """Until every actuator reaches the store and no two of them look after the same buckets."""
        actuators = [self.programs[f"actuator-{index}"] for index in range(self.options.instances)]
        self.family.wait_for("the actuators to divide the work", self._work_is_divided, actuators)

    def _work_is_divided(self):
        ranges = []
        for index in range(self.options.instances):
            try:
                actuator = control.ask(self.layout.run, self._index_of(index))["actuator"]
            except (OSError, ValueError):
                return False
            if not actuator["storeReachable"] or actuator["mode"] == "starting":
                return False
            ranges.append(actuator["buckets"])
        ranges.sort()
        return all(before[1] < after[0] for before, after in zip(ranges, ranges[1:]))

    def has_tls(self):
        return self.overrides.get("api.tls") != "off"

    def _has_certificate(self):
        return not self.has_tls() or self.layout.certificate.exists()

    def api_url(self):
        return f"{'https' if self.has_tls() else 'http'}://127.0.0.1:{self.api_port}"

    def _write_env(self):
        envfile.write(self.layout.env, self.variables())

    def variables(self):
        """What DIR/env says."""
        layout = self.layout
        metrics = [f"http://127.0.0.1:{port}" for port in self.metrics_ports]
        return {
            "MIMO_URL": self.api_url(),
            "MIMO_TOKEN": self.tokens["admin"],
            "MIMO_TOKEN_OPERATOR": self.tokens["operator"],
            "MIMO_TOKEN_READER": self.tokens["reader"],
            **({"MIMO_CACERT": layout.certificate} if self.has_tls() else {}),
            "MIMO_CONFIG": layout.configuration,
            "MIMO_STORE": self.store,
            "MIMO_RUNTIME_DIRECTORY": layout.run,
            "MIMO_STATSD_LOG": layout.statsd_log,
            "MIMO_CERTIFICATES": layout.certificates,
            "MIMO_TASKS": layout.tasks,
            "MIMO_PRACTICE_DIRECTORY": layout.practice,
            **{f"MIMO_CLUSTER_{number}": entry["resourceID"]
               for number, entry in enumerate(self.practice.clusters().values())},
            **{"MIMO_METRICS_URL" + (f"_{index}" if index else ""): url for index, url in enumerate(metrics)},
            **{f"MIMO_PID_{name.upper().replace('-', '_')}": program.pid for name, program in self.programs.items()},
            "MIMO_PID_UP": os.getpid(),
        }

    def advice(self):
        """What to type in another shell."""
        env, build = (shlex.quote(str(path)) for path in (self.layout.env, self.options.build))
        return f". {env}; PATH={build}:$PATH; mimoctl task list"

    # ---- running, and stopping ----

    def run(self):
        """Watch the programs until told to stop (processes.Stop)."""
        while True:
            self.family.pause(RESTART_DELAY / 4 if self.restart_at else 3600)
            self._report_ended()
            self._restart_due()

    def _report_ended(self):
        for name, program in self.programs.items():
            if not program.is_running and not program.reported:
                self._report(name, program)

    def _report(self, name, program):
        program.reported = True
        say(f"{name} {program.ending()}; the last lines of its log:\n{program.last_lines(5)}".rstrip())
        if self.options.restart and name in self.starts:
            self.restart_at[name] = time.monotonic() + RESTART_DELAY

    def _restart_due(self):
        for name, moment in list(self.restart_at.items()):
            if time.monotonic() >= moment:
                del self.restart_at[name]
                self.starts[name]()
                self._write_env()
                say(f"{name} started again, pid {self.programs[name].pid}")

    def stop(self):
        """End everything; False if something did not end by itself."""
        if self.family is None:
            return True
        clean = True
        self.options.restart = False
        self._report_ended()
        for names in (("actuator-", ), ("api", ), ("practice", "statsd")):
            chosen = [program for name, program in self.programs.items() if name.startswith(names)]
            for program in self.family.stop(chosen, DRAIN_PATIENCE):
                say(f"{program.name} did not end by itself and was killed; the last lines of its log:\n{program.last_lines()}")
                clean = False
        for pid, title in self.family.close().items():
            say(f"left behind by the programs, and killed: {pid} {title}")
            clean = False
        self.ports.close()
        self.layout.env.unlink(missing_ok=True)
        self.lock.close()
        return clean

