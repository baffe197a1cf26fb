# SPDX-License-Identifier: Apache-2.0
"""Tasks of the operator's own: what their files say, as Admin API, mimoctl and --check-config show it."""

import json
import os
import re
import signal
import subprocess

import pytest

REPORT = "3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11"
OTHER = "8f1d5f0e-6a3b-4c58-9a6e-1f2a7f0a5b22"


@pytest.fixture
def tasks(directory):
    return Tasks(directory)


class Tasks:
    """A directory of tasks with a program for their steps."""

    def __init__(self, directory):
        self.path = directory / "own-tasks"
        self.path.mkdir()
        self.path.chmod(0o755) # whatever the umask: what a group may write is not trusted
        self.program = self.path / "run.sh"
        self.program.write_text("#!/bin/sh\nexit 0\n")
        self.program.chmod(0o755)
        self.setting = f"tasks.directory={self.path}"

    def write(self, name="report.conf", identifier=REPORT, short_name="node-report", more="", steps=None):
        text = (f"[task]\nid = {identifier}\nname = Node Report\nshort_name = {short_name}\n"
                f"summary = reports nodes\n{more}\n")
        text += steps if steps is not None else f"[step look at nodes]\nprogram = {self.program} --all\n"
        (self.path / name).write_text(text)
        (self.path / name).chmod(0o644)
        return self.path / name

    def start(self, system, **arguments):
        return system(set={"tasks.directory": str(self.path)}, clusters=1, **arguments)


# Users that every machine has.
SETTINGS = [f"--set={key}=61184" for key in ("actuator.user", "actuator.launcher_user", "actuator.metrics_user", "api.user")]


def check(build_dir, tasks, program="mimod"):
    return subprocess.run([build_dir / program, "--check-config", *SETTINGS, "--set", tasks.setting], text=True, capture_output=True,
                          timeout=60, check=False)


# ---- Admin API and mimoctl ----

def test_admin_api_and_mimoctl_show_what_the_file_says(system, tasks):
    path = tasks.write(more="cluster = yes\npatches = properties.a properties.b.c\ntimeout = 90s",
                       steps=f"[step one]\nprogram = {tasks.program}\n[step two]\nprogram = /bin/true\npoll = 1s\n")
    running = tasks.start(system)
    listed = {task["shortName"]: task for task in running.api("GET", "/admin/tasks").expect(200)["value"]}
    assert listed["node-report"] == {
        "id": REPORT, "name": "Node Report", "shortName": "node-report", "summary": "reports nodes", "takesParameters": False,
        "practice": False, "external": True, "cluster": True, "steps": ["one", "two"],
        "patches": ["properties.a", "properties.b.c"], "timeout": 90, "file": str(path)}
    assert listed["operator-flags-update"]["external"] is False and "file" not in listed["operator-flags-update"]
    assert list(listed)[-1] == "node-report"

    assert "node-report" in running.mimoctl("task", "list").stdout
    wide = running.mimoctl("task", "list", "-o", "wide").stdout
    assert re.search(r"^node-report .* external +no +reports nodes$", wide, re.MULTILINE), wide
    assert re.search(r"^acr-token-checker .* built in ", wide, re.MULTILINE), wide
    text = running.mimoctl("task", "show", "node-report").stdout
    for line in ("Name: +node-report", f"ID: +{REPORT}", "Parameters: +no", "Connects: +to the cluster", "Steps: +one, two",
                 "Changes: +properties.a, properties.b.c", "Timeout: +1m30s", f"Origin: +external, {path}"):
        assert re.search(f"^{line}$", text, re.MULTILINE), text
    assert running.mimoctl("task", "show", REPORT).stdout == text
    assert json.loads(running.mimoctl("task", "show", REPORT, "-o", "json").stdout) == listed["node-report"]
    assert re.search("^Origin: +built in$", running.mimoctl("task", "show", "acr-token-checker").stdout, re.MULTILINE)
    candidates = running.mimoctl("__complete", "task", "show", "node").stdout
    assert [line.split("\t")[0] for line in candidates.splitlines()] == ["node-report"]


def test_parameters_are_for_tasks_that_take_some(system, tasks):
    tasks.write()
    tasks.write("other.conf", OTHER, "with-parameters", "parameters = yes")
    running = tasks.start(system)
    path = f"/admin{running.cluster(0)}/maintenanceManifests"
    later = 4102444800 # nothing runs here
    body = {"runAfter": later, "runBefore": later + 60, "parameters": {"depth": 3}}
    refused = running.api("PUT", path, {**body, "maintenanceTaskID": "node-report"})
    assert refused.status == 400 and refused.document["error"]["target"] == "parameters"
    assert refused.document["error"]["message"] == "task node-report takes no parameters"
    made = running.api("PUT", path, {**body, "maintenanceTaskID": "with-parameters"}).expect(201)
    assert made["maintenanceTaskID"] == OTHER and made["parameters"] == {"depth": 3}
    plain = {**body, "maintenanceTaskID": REPORT.upper(), "parameters": {}}
    assert running.api("PUT", path, plain).expect(201)["maintenanceTaskID"] == REPORT
    unknown = running.api("PUT", path, {"maintenanceTaskID": "none-such"}).document["error"]["message"]
    assert f"{OTHER} (with-parameters)" in unknown and unknown.endswith(", and 1 more that /admin/tasks lists")
    counted = running.api("GET", "/admin/maintenanceManifests/summary").expect(200)["byTask"]
    assert {task["shortName"] for task in counted} == {"node-report", "with-parameters"}


def test_an_actuator_that_lacks_the_task_says_so_and_what_to_do(system, tasks):
    path = tasks.write()
    running = tasks.start(system, restart=True)
    path.unlink()
    before = running.pid("actuator-0")
    running.kill("actuator-0")
    running.wait_for(lambda: running.pid("actuator-0") != before, 60, "another actuator")
    manifest = running.create("node-report") # the Admin API has read the file
    failed = running.wait_for_state(manifest, "Failed", timeout=60)
    assert failed["statusText"] == (
        f"task ID not registered: actuator 0 has no task {REPORT}; if it is a task of your own, put its "
        "file into tasks.directory of every actuator and restart mimod")


def test_sighup_tells_of_files_that_need_a_restart(system, tasks):
    tasks.write()
    running = tasks.start(system)
    said = "SIGHUP: files in tasks.directory have changed, which needs a restart"
    os.kill(running.pid("actuator-0"), signal.SIGHUP)
    os.kill(running.pid("api"), signal.SIGHUP)
    running.wait_for(lambda: running.log("actuator-0").count("SIGHUP: configuration read") == 1)
    running.wait_for(lambda: "the TLS certificate has not changed" in running.log("api"))
    assert said not in running.log("actuator-0")
    tasks.write("other.conf", OTHER, "other")
    os.kill(running.pid("actuator-0"), signal.SIGHUP)
    running.wait_for(lambda: running.log("actuator-0").count("SIGHUP: configuration read") == 2)
    assert said in running.log("actuator-0")
    assert "files in tasks.directory" not in running.log("api")
    os.kill(running.pid("api"), signal.SIGHUP)
    running.wait_for(lambda: "files in tasks.directory have changed, which needs a restart" in running.log("api"))
    listed = running.api("GET", "/admin/tasks").expect(200)["value"]
    assert OTHER not in {task["id"] for task in listed}


def test_a_timeout_beyond_the_lease_is_told_of(system, tasks):
    tasks.write(more="timeout = 61m")
    running = tasks.start(system)
    assert "task node-report: its timeout is longer than actuator.lease_ttl" in running.log("actuator-0")


# ---- --check-config ----


@pytest.mark.parametrize("program, setting, reason", [
    ("mimod", "store.uri=postgres://x", 'store.uri: store URI "postgres://x" has an unknown scheme'),
    ("mimo-api", "store.uri=sqlite:", 'store.uri: store URI "sqlite:" is incomplete'),
    ("mimod", "actuator.user=nosuch", 'actuator.user: there is no user "nosuch"'),
    ("mimod", "actuator.launcher_user=nosuch", 'actuator.launcher_user: there is no user "nosuch"'),
    ("mimod", "actuator.metrics_user=nosuch", 'actuator.metrics_user: there is no user "nosuch"'),
    ("mimo-api", "api.user=nosuch", 'api.user: there is no user "nosuch"'),
])
def test_check_config_finds_what_a_start_refuses(build_dir, program, setting, reason):
    if "user" in setting and os.geteuid() != 0:
        pytest.skip("only who can change users looks them up")
    done = subprocess.run([build_dir / program, "--check-config", *SETTINGS, "--set", setting], text=True, capture_output=True,
                          timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr

@pytest.mark.parametrize("program", ["mimod", "mimo-launcher", "mimo-api"])
def test_check_config_lists_the_tasks_it_found(build_dir, tasks, program):
    one, two = tasks.write(), tasks.write("a.conf", OTHER, "other")
    done = check(build_dir, tasks, program)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"task other ({OTHER}), 1 step: {two}\ntask node-report ({REPORT}), 1 step: {one}\nok\n"


@pytest.mark.parametrize("program", ["mimod", "mimo-launcher", "mimo-api"])
def test_check_config_names_file_line_and_key(build_dir, tasks, program):
    path = tasks.write(more="timeout = soon")
    done = check(build_dir, tasks, program)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"{program}: {path}:6: [task] timeout: \"soon\" is not a duration from 1s to 1d, in ms, s, m, h or d\n")


def test_a_directory_that_is_missing_is_no_task(build_dir, tasks):
    tasks.setting = "tasks.directory=/nowhere/tasks.d"
    assert check(build_dir, tasks).stdout == "ok\n"


def test_two_tasks_with_one_short_name_are_both_named(build_dir, tasks):
    one, two = tasks.write("a.conf"), tasks.write("b.conf", OTHER)
    done = check(build_dir, tasks)
    assert done.stderr == f"mimod: {two}: short_name node-report is already used by {one}: each task needs its own\n"


@pytest.mark.parametrize("program", ["mimod", "mimo-api"])
def test_a_wrong_file_keeps_a_program_from_starting(build_dir, tasks, program):
    path = tasks.write(steps="")
    done = subprocess.run([build_dir / program, "--set", tasks.setting], text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == f"{program}: {path}: there is no section [step NAME]: a task has at least one\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_program_of_somebody_else_is_not_trusted(build_dir, tasks):
    path = tasks.write()
    os.chown(tasks.program, 4711, 4711)
    assert f"{path}:8: [step look at nodes] program: {tasks.program} belongs to user 4711" in check(build_dir, tasks).stderr
