# SPDX-License-Identifier: Apache-2.0
"""Fixtures that integration tests share.

    def test_something(system):
        running = system(instances=2, set={"actuator.retry_backoff": "0"})
        manifest = running.create("practice", cluster=0)
        running.wait_for_state(manifest, "Completed")

`system` starts what `./bootstrap up` starts, with the programs of MIMO_BUILD. After the test it stops everything
and makes sure of what must hold whatever a test did: the store is sound, all programs ended well (but those that
the test killed), no process is left, no sanitizer has complained. Files of a failed test are kept.
"""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "contrib" / "local"))

from mimolocal import certificates, control, envfile, listing  # noqa: E402 (found by the line above)
from mimolocal.adminapi import AdminApi  # noqa: E402
from mimolocal.logs import whole_lines  # noqa: E402
from mimolocal.practice import Practice  # noqa: E402
from mimolocal.slowness import VARIABLE, in_time, slowness  # noqa: E402

os.umask(0o022) # what a group may write is not trusted
SLOWNESS = slowness() # every deadline is multiplied by it
os.environ[VARIABLE] = f"{SLOWNESS:.1f}" # for the programs of tests, and for in_time()
STRETCH = min(SLOWNESS, 6.0) # ... and by this what a test must see while it lasts: nobody waits for ever for a lease to end
START_SECONDS = 90.0
STOP_PATIENCE = 60.0 * SLOWNESS
PATIENCE = 30.0 * SLOWNESS
PR_SET_PDEATHSIG = 1
SANITIZER = re.compile(r"ERROR: (?:Address|Leak)Sanitizer.*|.*runtime error: .*")
# The search for leaks at a program's end traces it, which daemons that made themselves undumpable forbid.
DAEMON_OPTIONS = {"ASAN_OPTIONS": "detect_leaks=0"}
BAD_ENDING = re.compile(r"^up: (\S+) (ended with exit status [1-9].*|was killed by .*);", re.MULTILINE)


class PatientPopen(subprocess.Popen):
    """The time limits of commands are in seconds of a quiet machine as well."""

    def wait(self, timeout=None):
        return _patiently(super().wait, timeout)

    def communicate(self, input=None, timeout=None): # pylint: disable=redefined-builtin
        return _patiently(lambda timeout: super(PatientPopen, self).communicate(input, timeout), timeout)


def _patiently(wait, timeout):
    began = time.monotonic()
    while True:
        try:
            return wait(timeout)
        except subprocess.TimeoutExpired:
            if not in_time(time.monotonic() - began, timeout):
                raise


subprocess.Popen = PatientPopen


@pytest.fixture(scope="session")
def build_dir():
    """The directory of the programs under test."""
    return Path(os.environ.get("MIMO_BUILD", TOP / "build")).resolve()


def is_sanitized(build):
    """Whether the programs were built with sanitizers."""
    return "#define WITH_SANITIZERS 1" in (build / "config.h").read_text()


def skip_with_sanitizers(build, why):
    if is_sanitized(build):
        pytest.skip(f"sanitizers {why}") # ./bootstrap check knows the word


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets fixtures know whether the test failed."""
    report = (yield).get_result()
    if report.when == "call":
        item.failed = report.failed


@pytest.fixture
def directory(request):
    """A directory that programs under any user can pass through (pytest's own cannot), with a short path."""
    path = Path(tempfile.mkdtemp(prefix="mimo-test-"))
    path.chmod(0o755)
    yield path
    if getattr(request.node, "failed", True):
        print(f"files of this test: {path}")
    else:
        shutil.rmtree(path)


@pytest.fixture
def system(build_dir, directory, request):
    """A function that starts a system; see RunningSystem for its arguments. May be called several times."""
    started = []

    def start(**arguments):
        running = RunningSystem(build_dir, directory / f"system-{len(started)}", **arguments)
        started.append(running)
        return running.wait_until_it_answers()

    yield start
    for running in started:
        running.stop()
    problems = [problem for running in started for problem in running.end()]
    if problems:
        request.node.failed = True # keeps the files
    if getattr(request.node, "failed", True):
        for running in started:
            running.show_logs()
    assert not problems, "\n".join(problems)


class RunningSystem:
    """What `up` started.

    set           configuration keys, {"section.key": value}
    user          numeric user to run everything as; default: that of the tests
    sound         False for a test that spoils the store on purpose
    environment   more variables for `up`; it passes on those that sanitizers read, of service managers and of platforms
    others        options of `up` of the same name
    """

    def __init__(self, build, directory, *, instances=1, clusters=3, set=None, load=None, store=None, restart=False,
                 user=None, sound=True, environment=None):
        self.build, self.directory, self._sound = build, directory, sound
        self._user, self._killed, self._ended = user, [], False
        self._log = directory / "log" / "up.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-B", TOP / "contrib/local/up.py", "--build", build, "--instances", str(instances),
                   "--clusters", str(clusters), *(f"--set={key}={value}" for key, value in (set or {}).items())]
        command += ["--load", load] if load else []
        command += ["--store", store] if store else []
        command += ["--restart"] if restart else []
        if user is not None:
            for path in (directory, self._log.parent):
                os.chown(path, user, user)
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen([*self._as_user(), *command, directory], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True,
                                            env={**os.environ, **DAEMON_OPTIONS, **(environment or {})}, preexec_fn=_end_with_parent)

    def _as_user(self):
        if self._user is None:
            return []
        return ["setpriv", f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups", "--pdeathsig=TERM"]

    def wait_until_it_answers(self):
        self.wait_for(lambda: self._env_path.exists() or self.process.poll() is not None, START_SECONDS,
                      "DIR/env to appear")
        assert self._env_path.exists(), f"up ended with {self.process.returncode}:\n{self.log('up')}"
        self.pids_at_start = {name: int(value) for name, value in self.env.items() if name.startswith("MIMO_PID_")}
        return self

    # ---- where things are ----

    @property
    def _env_path(self):
        return self.directory / "env"

    @property
    def env(self):
        """The variables of DIR/env as they are now."""
        return envfile.read(self._env_path)

    @property
    def store_uri(self):
        return self.env["MIMO_STORE"]

    @property
    def config(self):
        return self.directory / "mimo.conf"

    @property
    def practice(self):
        """The practice clusters: mimolocal.practice.Practice."""
        return Practice(self.directory / "practice")

    @property
    def certificates(self):
        """What tasks bring to the clusters: mimolocal.certificates.Directory."""
        return certificates.Directory(self.directory / "certificates")

    def cluster(self, number):
        """The resource ID of a practice cluster."""
        return self.env[f"MIMO_CLUSTER_{number}"]

    def pid(self, name):
        """The process ID of a program as DIR/log names it: api, actuator-0, practice, statsd."""
        return int(self.env[f"MIMO_PID_{name.upper().replace('-', '_')}"])

    def log(self, name):
        """What a program has said so far."""
        return whole_lines(self.directory / "log" / f"{name}.log")

    def statsd_lines(self):
        """The metrics that were sent so far."""
        return (self.directory / "statsd.log").read_text(errors="replace").splitlines()

    # ---- doing things ----

    @property
    def api(self):
        """A client with all rights: api(method, path, body=None, query=None, headers=None)."""
        return self.api_as("admin")

    def api_as(self, role):
        """A client with the token of a role (admin, operator, reader), or with none (None)."""
        env = self.env
        names = {"admin": "MIMO_TOKEN", "operator": "MIMO_TOKEN_OPERATOR", "reader": "MIMO_TOKEN_READER"}
        return AdminApi(env["MIMO_URL"], env[names[role]] if role else None, env["MIMO_CACERT"])

    def create(self, task, cluster=0, **members):
        """Create a manifest for practice cluster number `cluster`, or for a resource ID; returns it."""
        resource_id = cluster if isinstance(cluster, str) else self.cluster(cluster)
        return self.api.create_manifest(resource_id, task, **members)

    def manifest(self, manifest):
        """A manifest (or its ID) as it is now."""
        identifier = manifest if isinstance(manifest, str) else manifest["id"]
        return self.api("GET", f"/admin/maintenanceManifests/{identifier}").expect(200)

    def control(self, command="status", index=0):
        """The answer of an actuator's control socket."""
        return control.ask(self.directory / "run", index, command)

    def workers(self, index=0):
        """The workers of an actuator, as `mimoctl ps` shows them."""
        return self.control("ps", index)["workers"]

    def mimoctl(self, *arguments, check=True, **options):
        """Run mimoctl; returns the CompletedProcess with its texts."""
        return self._run("mimoctl", *arguments, check=check, **options)

    def mimo_store(self, *arguments, check=True, **options):
        return self._run("mimo-store", "--config", self.config, *arguments, check=check, **options)

    def _run(self, program, *arguments, check, **options):
        environment = {**os.environ, **(self.env if self._env_path.exists() else {})}
        done = subprocess.run([*self._as_user(), self.build / program, *arguments], env=environment, text=True,
                              **{"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 120, **options},
                              check=False)
        if check:
            assert done.returncode == 0, f"{program} {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def kill(self, name, number=signal.SIGKILL):
        """Send a signal to a program; that it ends by it is then no failure of the test."""
        self._killed.append(name)
        os.kill(self.pid(name), number)

    def stop_outside_transaction(self, name):
        """SIGSTOP, at a moment at which the program does not write to the store: whoever is stopped in the middle of a
        transaction keeps SQLite's lock, and then nobody else can take anything over."""
        self._killed.append(name)

        def stopped():
            os.kill(self.pid(name), signal.SIGSTOP)
            with contextlib.closing(sqlite3.connect(self.store_uri.removeprefix("sqlite:"), isolation_level=None, timeout=2 * SLOWNESS)) as store:
                try:
                    store.execute("BEGIN IMMEDIATE")
                    store.execute("ROLLBACK")
                    return True
                except sqlite3.OperationalError:
                    os.kill(self.pid(name), signal.SIGCONT)
                    return False

        self.wait_for(stopped, what=f"{name} between two transactions")

    def expect_ending(self, name):
        """The test makes this program (or "up") end in some other way."""
        self._killed.append(name)

    # ---- waiting ----

    def wait_for(self, predicate, timeout=30.0, what="a condition"):
        """Wait until predicate() is true, and return what it returned; `timeout` is in seconds of a quiet machine."""
        began = time.monotonic()
        while True:
            value = predicate()
            if value:
                return value
            assert in_time(time.monotonic() - began, timeout), f"timed out after {time.monotonic() - began:.0f} s waiting for {what}"
            time.sleep(0.02)

    def wait_for_state(self, manifest, *states, timeout=30.0):
        """Wait until a manifest is in one of these states, and return it."""
        latest = {}

        def reached():
            latest.clear() # what is absent now must not stay from before
            latest.update(self.manifest(manifest))
            return latest["state"] in states

        try:
            self.wait_for(reached, timeout, "a state")
        except AssertionError as error:
            raise AssertionError(f"{error}: {' or '.join(states)}; it is {latest}") from None
        return dict(latest)

    # ---- ending ----

    def stop(self):
        """Stop everything; returns the exit status of `up`."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill() # its guard ends the programs
            self.process.wait()
            return None

    def end(self):
        """Stop, and return a list of what is not as it must be after any test."""
        if self._ended:
            return []
        self._ended = True
        status = self.stop()
        problems = [] if status == 0 or "up" in self._killed else [f"up ended with {status} when it was stopped:\n{self.log('up')}"]
        problems += [f"{name} {how}" for name, how in BAD_ENDING.findall(self.log("up")) if name not in self._killed]
        problems += [f"left behind: {process.pid} {process.title}" for process in self.processes()]
        problems += self._complaints_of_sanitizers()
        if self._sound and self.config.exists():
            check = self.mimo_store("check", check=False)
            if check.returncode != 0:
                problems.append(f"mimo-store check: exit {check.returncode}\n{check.stdout}{check.stderr}")
        return problems

    def processes(self):
        """Running processes that have this system's directory in their arguments."""
        return [process for process in listing.all_processes().values() if str(self.directory) in process.title]

    def _complaints_of_sanitizers(self):
        return [f"{path}: {match.group()}" for path in sorted((self.directory / "log").glob("*.log"))
                for match in SANITIZER.finditer(path.read_text(errors="replace"))]

    def show_logs(self, count=30):
        for path in sorted((self.directory / "log").glob("*.log")):
            print(f"--- {path}, its end:")
            print("\n".join(path.read_text(errors="replace").splitlines()[-count:]))


def _end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
