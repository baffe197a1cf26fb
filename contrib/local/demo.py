#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""./bootstrap demo: runs MIMO on three practice clusters, shows what happens, and checks the results.

Exit status: 0 when every manifest ended as expected, 1 otherwise.
"""

import argparse
import ctypes
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mimolocal import envfile, examples, listing, story
from mimolocal.adminapi import AdminApi
from mimolocal.layout import Layout
from mimolocal.livetable import LiveTable, Screen
from mimolocal.practice import Practice
from mimolocal.settings import TOP
from mimolocal.slowness import slowness

PR_SET_PDEATHSIG = 1
SLOWNESS = slowness()
START_PATIENCE = 60.0 * SLOWNESS
STORY_PATIENCE = 90.0 * SLOWNESS
STOP_PATIENCE = 60.0 * SLOWNESS
COLUMNS = (("MANIFEST", 8, 8), ("CLUSTER", 9, 9), ("TASK", 21, 8), ("STATE", 10, 10), ("ATTEMPT", 7, 7),
           ("STEP", 28, 8), ("STATUS", 30, 8))
STATE_COLUMN = 3
RETRY_BACKOFF = "2s" # instead of 90 s, which is too long to watch
GUIDE_METRICS = ("actuator.heartbeat", "database.maintenancemanifests.queue.length",
                 "mimo.actuator.workers.active.count")


class Failure(Exception):
    """Why the demonstration ends early."""


def arguments():
    parser = argparse.ArgumentParser(prog="./bootstrap demo", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--keep", action="store_true", help="leave everything running, and print commands to try")
    parser.add_argument("--build", type=Path, default=TOP / "build", help=argparse.SUPPRESS)
    return parser.parse_args()


class Up:
    """`./bootstrap up` in a directory of its own."""

    def __init__(self, build, keep):
        self.directory = Path(tempfile.mkdtemp(prefix="mimo-demo-"))
        self.directory.chmod(0o755) # programs under other users pass through it
        self.layout = Layout(self.directory)
        self.layout.log.mkdir()
        self.layout.tasks.mkdir(mode=0o755)
        examples.install(story.REPORT, self.layout.tasks)
        self._keep = keep
        command = [sys.executable, "-B", TOP / "contrib/local/up.py", "--build", build, "--instances", "2",
                   f"--set=actuator.retry_backoff={RETRY_BACKOFF}", self.directory]
        with open(self.layout.log_of("up"), "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, preexec_fn=self._end_with_parent)

    def _end_with_parent(self):
        """Stops everything however the demonstration ends, unless --keep was given."""
        if not self._keep:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

    def wait_until_it_answers(self):
        deadline = time.monotonic() + START_PATIENCE
        while not self.layout.env.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"it does not start:\n{self.said()}")
            time.sleep(0.02)
        return envfile.read(self.layout.env)

    def said(self):
        return self.layout.log_of("up").read_text(errors="replace").rstrip()

    def stop(self):
        """True when everything ended cleanly."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            clean = self.process.wait(STOP_PATIENCE) == 0
        except subprocess.TimeoutExpired:
            self.process.kill() # its guard then ends everything
            self.process.wait()
            clean = False
        if clean:
            shutil.rmtree(self.directory)
        return clean


class Demonstration:
    def __init__(self, options, screen):
        self.options, self.screen = options, screen
        self.up = Up(options.build, options.keep)
        self.start = time.monotonic()
        self.manifests = {} # id: Act, in order of creation
        self.latest = {}    # id: manifest as last seen

    def run(self):
        """True if all results are as expected."""
        self._introduce()
        self.variables = self.up.wait_until_it_answers()
        self.api = AdminApi(self.variables["MIMO_URL"], self.variables["MIMO_TOKEN"], self.variables["MIMO_CACERT"])
        self.practice = Practice(Path(self.variables["MIMO_PRACTICE_DIRECTORY"]))
        self.screen.say(f"\n  Everything answers after {time.monotonic() - self.start:.1f} s.")
        self.flags_before = self.practice.operator_flags("cluster-0")
        self._create()
        self._follow()
        return self._summarise()

    def _introduce(self):
        self.screen.heading("MIMO on this machine")
        for name, text in (
                ("fleet", "3 practice clusters: servers that behave like the Kubernetes API of OpenShift clusters"),
                ("service", "an Admin API, a store, 2 actuators that share the clusters"),
                ("where", f"{self.up.directory}; loopback only")):
            self.screen.say(f"  {name:8} {text}")

    # ---- creating ----

    def _create(self):
        self.screen.heading("Work for the fleet: a manifest asks for one maintenance task on one cluster")
        for cluster in self.practice.clusters():
            refusal = [story.REFUSAL] if cluster == story.REFUSING_CLUSTER else []
            self.practice.set_trouble(cluster, *refusal, story.SLOWNESS)
        self._show_refusal()
        for act in story.ACTS:
            command = ["manifest", "create", "--task", act.task, "--cluster", act.cluster, *act.options]
            if act.parameters:
                command += ["--parameters", json.dumps(act.parameters)]
            identifier = self._mimoctl(*command, "--output", "id").strip()
            self.manifests[identifier] = act
            self.screen.say(f"  $ mimoctl {_shown(command)}")
            self.screen.say_wrapped(f"      {identifier[:8]}: ", act.shows)

    def _show_refusal(self):
        refusal = [word for key in ("method", "path", "status") for word in (f"--{key}", str(story.REFUSAL[key]))]
        self.screen.say(f"  $ practice-trouble {self.practice.directory} {story.REFUSING_CLUSTER} set {_shown(refusal)}")
        self.screen.say("      from now on this cluster refuses changes, to show a failure")

    def _mimoctl(self, *command):
        environment = {**os.environ, **self.variables}
        done = subprocess.run([self.options.build / "mimoctl", *command], env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise Failure(f"mimoctl {_shown(command)}: exit status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    # ---- following ----

    def _follow(self):
        self.screen.heading("The manifests as they change state")
        table = LiveTable(self.screen, COLUMNS, STATE_COLUMN)
        deadline = time.monotonic() + STORY_PATIENCE
        family_shown = False
        while True:
            self._look()
            table.show({identifier: self._row(identifier) for identifier in self.manifests})
            if not family_shown and self._show_family(table):
                family_shown = True
            if self._settled() >= len(self.manifests) - 1:
                self._cancel(table)
                return
            if time.monotonic() > deadline:
                raise Failure(f"not everything ended within {STORY_PATIENCE:.0f} s; the logs in {self.up.layout.log} "
                              "say why")
            time.sleep(0.1)

    def _look(self):
        for manifest in self.api.manifests():
            self.latest[manifest["id"]] = manifest

    def _settled(self):
        return sum(self.latest[identifier]["state"] in story.TERMINAL_STATES for identifier in self.manifests)

    def _row(self, identifier):
        manifest, act = self.latest[identifier], self.manifests[identifier]
        progress = manifest.get("progress") or {}
        step = f"{progress['step']}/{progress['steps']} {progress['name']}" if progress else ""
        attempts = str(manifest.get("dequeues") or "")
        return (identifier[:8], act.cluster, act.task, manifest["state"], attempts, step,
                manifest.get("statusText") or "")

    def _show_family(self, table):
        """Shows the processes once, while workers are running."""
        family = listing.descendants(self.up.process.pid)
        launchers = [process.pid for process in family if "mimo-launcher" in process.title]
        if sum(process.parent in launchers for process in family) < 2:
            return False
        table.leave()
        self.screen.heading("Meanwhile: the processes (each attempt is a process of its own, sandboxed)")
        product = [process for process in family if "python" not in process.title]
        for line in listing.lines(product, self.screen.width - 3):
            self.screen.say(f"  {line}")
        self.screen.say()
        return True

    def _cancel(self, table):
        """Cancels the manifest that is scheduled for later, the last one."""
        table.leave()
        for identifier, act in self.manifests.items():
            if act.cancel:
                self._show_command("manifest", "explain", identifier[:8])
                self._show_command("manifest", "cancel", identifier[:8])
        self._look()

    def _show_command(self, *command):
        """Shows a command as an operator would type it, and its output."""
        self.screen.say()
        self.screen.say(f"  $ mimoctl {_shown(command)}")
        for line in self._mimoctl(*command).splitlines():
            self.screen.say(f"      {line}".rstrip())

    # ---- in the end ----

    def _summarise(self):
        differences = self._compare()
        self._show_flags(differences)
        self._show_metrics(differences)
        if self.options.keep:
            self._explain_keep()
        self._conclude(differences)
        return not differences

    def _compare(self):
        differences = []
        self.screen.heading("How they ended")
        for identifier, act in self.manifests.items():
            manifest = self.latest[identifier]
            difference = act.differs(manifest)
            if difference:
                differences.append(f"{identifier[:8]} {difference}")
            attempts = manifest.get("dequeues", 0)
            tries = "never started" if not attempts else f"{attempts} attempt{'s' if attempts > 1 else ''}"
            self.screen.say_wrapped(f"  {identifier[:8]}  {manifest['state']:9}  {tries:13}  ", act.shows)
            if manifest["state"] != "Cancelled" and manifest.get("statusText"):
                self.screen.say_wrapped(f"  {'':36}", manifest["statusText"])
        return differences

    def _show_flags(self, differences):
        self.screen.heading("What changed on cluster-0: spec.operatorflags of clusters.aro.openshift.io/cluster")
        after = self.practice.operator_flags("cluster-0")
        changed = sorted(key for key in self.flags_before.keys() | after.keys()
                         if self.flags_before.get(key) != after.get(key))
        for key in changed:
            self.screen.say(f"  {key:32} {self.flags_before.get(key, '(none)'):>7}  →  {after.get(key, '(none)')}")
        if not changed:
            differences.append("the operator flags of cluster-0 did not change")

    def _show_metrics(self, differences):
        self.screen.heading("Metrics that were sent to statsd, the latest of each kind")
        log = Path(self.variables["MIMO_STATSD_LOG"])
        for metric in GUIDE_METRICS:
            line = self._latest_line(log, metric)
            if line is None:
                differences.append(f"no metric {metric} was sent")
            self.screen.say_wrapped("  ", line or f"{metric}: none")

    def _latest_line(self, log, metric):
        """The latest line of a metric; a heartbeat may still be under way."""
        deadline = time.monotonic() + 10
        while True:
            lines = [line for line in log.read_text(errors="replace").splitlines() if metric in line]
            if lines or time.monotonic() > deadline:
                return lines[-1] if lines else None
            time.sleep(0.05)

    def _explain_keep(self):
        directory = self.up.directory
        kubectl = [(f"kubectl --kubeconfig {directory}/practice/cluster-0.kubeconfig get clusteroperators",
                    "inspect a cluster")] if shutil.which("kubectl") else []
        self.screen.heading("It keeps running. To use it:")
        for command, text in (
                (f". {directory}/env; PATH={self.options.build}:$PATH", "in a shell, first"),
                ("mimoctl manifest list", "list all manifests; `manifest show ID` shows one in detail"),
                ("mimoctl manifest create -t practice -c cluster-2 --watch", "create another manifest and follow it"),
                ("mimoctl queue; mimoctl actuator list", "show the queue and the actuators"),
                *kubectl,
                ("kill -9 $MIMO_PID_ACTUATOR_0", "kill an actuator; the other one takes over within 10 s"),
                (f"contrib/practice-cluster/practice-trouble {self.practice.directory} cluster-1 clear",
                 "let cluster-1 accept changes again"),
                ("mimoctl manifest create -t operator-flags-update -c cluster-1", "then run its failed task again"),
                (f"kill {self.up.process.pid}", f"stop it; its files stay in {directory}")):
            self.screen.say(f"  $ {command}")
            self.screen.say_wrapped("      ", text)

    def _conclude(self, differences):
        self.screen.say()
        if differences:
            self.screen.say("Unexpected results:")
            for difference in differences:
                self.screen.say(f"  {difference}")
            return
        self.screen.say(f"Everything ended as expected, in {time.monotonic() - self.start:.0f} s."
                        + ("" if self.options.keep else
                           " ./bootstrap demo --keep leaves it running; docs/processes.md describes how it works."))


def _shown(command):
    """A command as people would type it; long parameters are left out."""
    return " ".join("'{...}'" if word.startswith("{") else shlex.quote(word) for word in command)


def main():
    options = arguments()
    options.build = options.build.absolute()
    screen = Screen(sys.stdout)
    demonstration = Demonstration(options, screen)
    good = False
    try:
        good = demonstration.run()
    except (Failure, OSError) as problem:
        screen.say(f"demo: {problem}")
    except KeyboardInterrupt:
        screen.say("demo: interrupted")
    if options.keep and good:
        return 0
    if not demonstration.up.stop():
        screen.say(f"demo: the system did not stop cleanly; its output (files: {demonstration.up.directory}):")
        screen.say(demonstration.up.said())
        good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
