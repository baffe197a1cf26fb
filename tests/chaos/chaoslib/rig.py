# SPDX-License-Identifier: Apache-2.0
"""The system under test: `up` with several actuators that are started again when they end, and its observers."""

import contextlib
import ctypes
import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from mimolocal import control, envfile
from mimolocal.adminapi import AdminApi, Unexpected, skip_token

from . import TOP, fleet, logs
from .history import History
from .observer import DocumentObserver, ProcessObserver

START_PATIENCE, STOP_PATIENCE = 120.0, 90.0
API_PATIENCE = 10
PR_SET_PDEATHSIG = 1
TERMINAL = ("Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled")
LATE = re.compile(r"^mimo_actuator_results_late(?:_total)?(?:\{.*\})? (\d+)", re.MULTILINE)

# Short intervals, so that what takes an hour in production happens several times in a round.
LEASE_SECONDS = 4
SETTINGS = {
    "actuator.lease_ttl": f"{LEASE_SECONDS}s", "actuator.task_timeout": "2s", "actuator.poll_interval": "100ms",
    "actuator.membership_interval": "200ms", "actuator.membership_ttl": "2s", "actuator.retry_backoff": "0",
    "actuator.drain_timeout": "2s", "actuator.max_workers": "6", "metrics.interval": "500ms",
}


class Failure(Exception):
    """The round could not be run: no verdict about the system under test."""


class Api:
    """The Admin API as the observers and the client need it."""

    Refused = Unexpected

    def __init__(self, env):
        self.client = AdminApi(env["MIMO_URL"], env["MIMO_TOKEN"], env["MIMO_CACERT"], API_PATIENCE)

    def all(self, path):
        token = None
        while True:
            page = self.client("GET", path, query={"limit": 500, "$skipToken": token}).expect(200)
            yield from page["value"]
            token = skip_token(page.get("nextLink"))
            if token is None:
                return


class Rig:
    """A context manager; everything in `directory`."""

    def __init__(self, build, directory, *, clusters, actuators=3, settings=None, environment=None, prepare=None, programs=False):
        self.build, self.directory, self.actuators, self.programs = build, directory, actuators, programs
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        directory.chmod(0o755)
        self.system = directory / "up"
        self.system.mkdir(mode=0o755, exist_ok=True)
        if prepare:
            prepare(self)
        self.history = History(directory / "history.jsonl")
        self.clusters = clusters
        self._dump = directory / "clusters.jsonl"
        fleet.write_clusters(self._dump, clusters)
        self.settings = {**SETTINGS, **(settings or {})}
        self._environment = {"ASAN_OPTIONS": "detect_leaks=0", **(environment or {})}
        self._log = open(directory / "up.log", "ab")
        self.answering = threading.Event() # not while everything is stopped on purpose
        self._log_read = 0
        self._starter = ThreadPoolExecutor(1) # lives as long as this: to a child a thread that ends is a parent that ends
        self.process = self.observer = self.documents = None

    def __enter__(self):
        try:
            self._start("--load", self._dump)
            self.offset = time.monotonic() - time.time()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _start(self, *options):
        command = [sys.executable, "-B", TOP / "contrib/local/up.py", "--build", self.build, "--restart", "--clusters", "0",
                   "--instances", str(self.actuators), *options,
                   *(f"--set={key}={value}" for key, value in self.settings.items()), self.system]
        self.process = self._starter.submit(subprocess.Popen, command, stdin=subprocess.DEVNULL, stdout=self._log,
                                            stderr=self._log, start_new_session=True, preexec_fn=_end_with_parent,
                                            env={**os.environ, **self._environment}).result()
        self.wait_for(lambda: (self.system / "env").exists() or self.process.poll() is not None, START_PATIENCE, "DIR/env")
        if self.process.poll() is not None:
            raise Failure(f"up ended with {self.process.returncode}:\n{(self.directory / 'up.log').read_text()}")
        self.env = envfile.read(self.system / "env")
        self.api = Api(self.env)
        self.observer = ProcessObserver(self.history, self.process.pid, programs=self.programs)
        self.observer.start()
        self.watch_documents()
        self.answering.set()
        self.wait_for(lambda: len(self.observer.living("launcher")) >= self.actuators, START_PATIENCE, "the observer")

    def watch_documents(self):
        self.documents = DocumentObserver(self.history, self.api)
        self.documents.start()

    def start_again(self):
        """After stop()."""
        (self.system / "env").unlink(missing_ok=True)
        self._start()

    def stop(self):
        """Everything but the history ends."""
        self.answering.clear()
        self.documents.stop()
        self.observer.stop()
        self.check_observer()
        self._end()

    def check_observer(self):
        if self.observer.failure:
            raise Failure(f"the process observer ended: {self.observer.failure!r}")

    @staticmethod
    def wait_for(predicate, patience, what):
        deadline = time.monotonic() + patience
        while True:
            if value := predicate():
                return value
            if time.monotonic() > deadline:
                raise Failure(f"timed out after {patience:.0f} s waiting for {what}")
            time.sleep(0.02)

    # ---- the end of a round ----

    def open_manifests(self):
        """How many are not terminal; None when the Admin API did not answer."""
        try:
            return sum(manifest["state"] not in TERMINAL for manifest in self.api.all("/admin/maintenanceManifests"))
        except (OSError, http.client.HTTPException, LookupError, ValueError, Unexpected):
            return None

    def wait_until_terminal(self, patience):
        """Seconds until all was terminal, or None."""
        began = time.monotonic()
        while time.monotonic() < began + patience:
            if self.open_manifests() == 0 and not self.observer.living("worker"):
                return time.monotonic() - began
            time.sleep(0.2)
        return None

    def finish(self):
        """Last looks, then the orderly end."""
        self._wait_for_clusters()
        self.documents.stop()
        manifests, clusters = self.documents.look()
        self.history.add("final", manifests={document["id"]: document for document in manifests},
                         clusters={document["id"].lower(): document for document in clusters})
        self._count_late_results()
        self._settle_descriptors()
        check = subprocess.run([self.build / "mimo-store", "--config", self.system / "mimo.conf", "check"],
                               capture_output=True, text=True, timeout=120, check=False)
        self.history.add("store", status=check.returncode, text=(check.stdout + check.stderr)[-2000:])
        self.observer.stop()
        self.check_observer()
        if not self.documents.looks:
            raise Failure("the document observer saw nothing")
        self._end()
        for path in sorted((self.system / "log").glob("*.log")):
            logs.record(self.history, path, self.offset)

    def _wait_for_clusters(self):
        """A cancelled manifest's cluster is free when its worker has ended: that is a moment after the manifest's end."""
        deadline = time.monotonic() + 3 * LEASE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException, LookupError, ValueError, Unexpected):
                if not any(cluster.get("leaseOwner") for cluster in self.api.all("/admin/clusters")):
                    return
            time.sleep(0.2)

    def _count_late_results(self):
        """What each supervisor's metrics say, when they stand still."""
        for index in range(self.actuators):
            url = self.env["MIMO_METRICS_URL" + (f"_{index}" if index else "")] + "/metrics"
            with contextlib.suppress(OSError, ValueError, LookupError):
                pid = control.ask(self.system / "run", index)["actuator"]["pid"]
                previous = None
                for _ in range(10):
                    with urllib.request.urlopen(url, timeout=API_PATIENCE) as answer:
                        current = int(LATE.search(answer.read().decode()).group(1))
                    if current == previous:
                        break
                    previous = current
                    time.sleep(1.2)
                self.history.add("late", pid=pid, index=index, count=current)

    def _settle_descriptors(self):
        """Time for two more counts at rest."""
        time.sleep(1.2)

    def _end(self):
        self.process.terminate()
        try:
            status = self.process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            status = None
        text = (self.directory / "up.log").read_text(errors="replace")[self._log_read:]
        self._log_read += len(text)
        for pid, title in re.findall(r"left behind by the programs, and killed: (\d+) (.*)", text):
            self.history.add("left", pid=int(pid), title=title)
        if status is None:
            self.history.add("left", pid=self.process.pid, title="up itself did not end")

    def close(self):
        """Whatever happened: nothing is left behind."""
        for thread in (self.documents, self.observer):
            if thread and thread.is_alive():
                thread.stop()
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_PATIENCE)
            if self.process.poll() is None:
                self.process.kill() # its guard ends the programs
                self.process.wait()
        self._starter.shutdown()
        self.history.close()
        self._log.close()


def _end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
