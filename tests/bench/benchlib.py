# SPDX-License-Identifier: Apache-2.0
"""A system under measurement, and figures of it."""

import datetime
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from mimolocal import control, envfile, listing
from mimolocal.adminapi import AdminApi

TOP = Path(__file__).resolve().parents[2]
PRACTICE = "00000000-0000-4000-8000-000000000001"
PATIENCE = 300
STARTED = re.compile(r"^(\S+Z) .* runs as worker \d+", re.MULTILINE)
ENDED = re.compile(r"^(\S+Z) .*: attempt \d+ \S+ after \d+ ms: now ", re.MULTILINE)


class Ports:
    """A UDP socket that takes the place of the statsd server."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(30)
        self.statsd = self.socket.getsockname()[1]

    def wait_for(self, line):
        """Return when a datagram with this line arrives."""
        while line not in self.socket.recv(65536).decode().splitlines():
            pass


def resource_id(number):
    return ("/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/bench/providers/"
            f"microsoft.redhatopenshift/openshiftclusters/bench-{number}")


def write_fleet(path, clusters, manifests, queues=None):
    """A dump with clusters, and manifests of the practice task that do nothing, for the first `queues` clusters."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(clusters):
            document = {"id": f"00000000-0000-4000-9000-{number:012d}", "key": resource_id(number),
                        "openShiftCluster": {"id": resource_id(number),
                                             "properties": {"provisioningState": "Succeeded"}}}
            file.write(json.dumps({"container": "OpenShiftClusters", "document": document}) + "\n")
        for number in range(manifests):
            document = {"id": f"00000000-0000-4000-a000-{number:012d}", "dequeues": 0, "createdAt": 1700000000,
                        "clusterResourceID": resource_id(number % (queues or clusters)),
                        "maintenanceManifest": {"state": "Pending", "maintenanceTaskID": PRACTICE, "priority": 0,
                                                "runAfter": 1700000000, "runBefore": 4000000000}}
            file.write(json.dumps({"container": "MaintenanceManifests", "document": document}) + "\n")


class System:
    """`up` with a fleet made for measuring; a context manager."""

    def __init__(self, build, directory, *, clusters, manifests, settings, queues=None):
        directory.mkdir(mode=0o755)
        self.directory = directory
        fleet = directory / "fleet.jsonl"
        write_fleet(fleet, clusters, manifests, queues)
        settings = {"log.format": "text", **settings}
        self._log = open(directory / "bench-up.log", "wb")
        self.process = subprocess.Popen(
            [sys.executable, "-B", TOP / "contrib/local/up.py", "--build", build, "--instances", "1", "--clusters", "0",
             "--load", fleet, *(f"--set={key}={value}" for key, value in settings.items()), directory / "up"],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True)
        self._wait(lambda: (directory / "up" / "env").exists() or self.process.poll() is not None, "up")
        if self.process.poll() is not None:
            sys.exit((directory / "bench-up.log").read_text())
        self.env = envfile.read(directory / "up" / "env")
        self.api = AdminApi(self.env["MIMO_URL"], self.env["MIMO_TOKEN"], self.env["MIMO_CACERT"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self._log.close()

    def _wait(self, condition, what, pause=0.05):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                sys.exit(f"timed out after {PATIENCE} s waiting for {what}")
            time.sleep(pause)

    def _actuator_log(self):
        return (self.directory / "up" / "log" / "actuator-0.log").read_text(errors="replace")

    def _figure(self, name):
        """A value of the actuator's metrics page."""
        with urllib.request.urlopen(self.env["MIMO_METRICS_URL"] + "/metrics", timeout=30) as page:
            found = re.search(rf"^{name}(?:{{[^}}]*}})? (\d+)", page.read().decode(), re.MULTILINE)
        return int(found[1]) if found else 0

    # ---- throughput ----

    def wait_until_done(self, count):
        # Looks seldom, and at little: what is measured shares the machine with who measures it.
        self._wait(lambda: self._figure("mimo_actuator_attempts_succeeded_total") >= count, f"{count} manifests", 0.25)
        self._wait(lambda: len(ENDED.findall(self._actuator_log())) >= count, "their lines in the log", 0.25)
        states = {manifest["state"] for manifest in self.api.manifests(limit=1000)}
        if states != {"Completed"}:
            sys.exit(f"not all manifests completed: {states}")

    def span_of_work(self):
        """Seconds since the epoch of the first worker's start and of the last result."""
        log = self._actuator_log()
        return _seconds(STARTED.search(log).group(1)), _seconds(ENDED.findall(log)[-1])

    def wait_until_some_are_done(self, count):
        self._wait(lambda: len(ENDED.findall(self._actuator_log())) >= count, f"{count} manifests")

    @property
    def store(self):
        return self.directory / "up" / "store" / "mimo.db"

    @property
    def supervisor(self):
        return int(self.env["MIMO_PID_ACTUATOR_0"])

    def delays_beside_a_queue(self, cluster, count):
        """Seconds from the 201 of a create for this cluster until its worker runs, others at work meanwhile."""
        for _ in range(count):
            created = self.api.create_manifest(resource_id(cluster), PRACTICE)
            known = time.time()
            started = re.compile(rf"^(\S+Z) .*manifest {created['id']}: attempt 1 .* runs as worker", re.MULTILINE)
            self._wait(lambda: started.search(self._actuator_log()), "the worker")
            yield _seconds(started.search(self._actuator_log()).group(1)) - known

    # ---- pick-up ----

    def measure_pickup(self, ports, count):
        url = self.env["MIMO_URL"].removeprefix("https://")
        context = ssl.create_default_context(cafile=self.env["MIMO_CACERT"])
        connection = http.client.HTTPSConnection(url, context=context, timeout=30)
        headers = {"Authorization": f"Bearer {self.env['MIMO_TOKEN']}", "Content-Type": "application/json"}
        body = json.dumps({"maintenanceTaskID": PRACTICE})
        path = f"/admin{resource_id(0)}/maintenanceManifests?api-version=admin"
        for _ in range(count):
            connection.request("PUT", path, body, headers)
            response = connection.getresponse()
            created = time.monotonic()
            if response.status != 201:
                sys.exit(f"create answered {response.status}: {response.read().decode()}")
            response.read()
            ports.wait_for("mimo.actuator.workers.active.count:1|g")
            yield time.monotonic() - created
            ports.wait_for("mimo.actuator.workers.active.count:0|g")
            self._wait(lambda: not control.ask(self.directory / "up" / "run", 0, "ps")["workers"], "the worker's end")

    # ---- memory ----

    def start_sleepers(self, count):
        for number in range(count):
            self.api.create_manifest(resource_id(number), PRACTICE,
                                     parameters={"steps": [{"name": "rest", "sleepMs": 3600000}]})
        self._wait(lambda: sum(worker["step"] == 1 for worker in self._workers()) == count, "workers in their step")

    def _workers(self):
        return control.ask(self.directory / "up" / "run", 0, "ps")["workers"]

    def family(self):
        """[(name, pid)] of the product's processes, one worker among them."""
        actuator = int(self.env["MIMO_PID_ACTUATOR_0"])
        found = [("mimo-api", int(self.env["MIMO_PID_API"])), ("mimod", actuator)]
        seen_worker = False
        for process in listing.descendants(actuator):
            name = os.path.basename(process.title.split()[0]).rstrip(":")
            if name == "mimo-worker":
                if seen_worker:
                    continue
                seen_worker, name = True, "worker, idle in a step"
            found.append((name, process.pid))
        return found


def _seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def resident(pid):
    """(RSS, private dirty) of a process in KiB, from /proc/PID/smaps_rollup."""
    fields = dict(re.findall(r"^(\w+):\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE))
    return int(fields["Rss"]), int(fields["Private_Dirty"])


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


def table(title, head, rows):
    rows = [head, *rows]
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(head))]
    print(f"\n{title}")
    for row in rows:
        print("  " + "  ".join(f"{cell!s:>{width}}" for cell, width in zip(row, widths)))
    print(flush=True)
