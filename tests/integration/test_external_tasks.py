# SPDX-License-Identifier: Apache-2.0
"""Tasks of the operator's own, run: the examples of contrib/tasks.d, and programs of every way to end, through the whole
system. What is written in their files is tested in test_external_tasks_definition.py."""

import json
import os
import re
import signal
import subprocess
import uuid

import pytest
from mimolocal import examples, listing

TERMINAL = ("Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled")
ORDINARY_USER = 61187

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as somebody else")


@pytest.fixture
def tasks(directory):
    return Tasks(directory / "tasks.d")


class Tasks:
    """A directory of tasks, owned by who runs the tests."""

    def __init__(self, path):
        self.path = path
        path.mkdir(mode=0o755)

    def example(self, name, **replaced):
        """An example as it stands, but for its directory and what is to be replaced in its file."""
        examples.install(name, self.path)
        configuration = self.path / f"{name}.conf"
        text = configuration.read_text()
        for before, after in replaced.items():
            assert before in text
            text = text.replace(before, after)
        configuration.write_text(text)
        return name

    def script(self, name, *steps, task="", sandbox="execute = /usr/bin\n"):
        """A task whose steps are shell scripts: (text, more lines of the step)."""
        text = (f"[task]\nid = {uuid.uuid4()}\nname = {name}\nshort_name = {name}\nsummary = a test\n{task}"
                f"[sandbox]\n{sandbox}")
        for number, (script, lines) in enumerate(steps, 1):
            program = self.path / f"{name}-{number}"
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            text += f"[step {number}]\nprogram = {program}\n{lines}"
        (self.path / f"{name}.conf").write_text(text)
        return name

    def start(self, system, **arguments):
        settings = {"tasks.directory": str(self.path), "actuator.retry_backoff": "0", **arguments.pop("set", {})}
        return system(clusters=1, set=settings, **arguments)


def run(running, task, **members):
    """The manifest in the end."""
    return running.wait_for_state(running.create(task, **members), *TERMINAL, timeout=90)


def stop(running, manifest):
    """By an operator, until nothing of it runs."""
    running.api("POST", f"/admin{running.cluster(0)}/maintenanceManifests/{manifest['id']}/stop").expect(202)
    running.wait_for_state(manifest, "Cancelled")
    running.wait_for(lambda: not running.workers())


def expect(running, task, state, text, **members):
    done = run(running, task, **members)
    assert (done["state"], done["statusText"]) == (state, text), done
    return done


# ---- the examples ----

def test_document_check_completes_and_says_what_is_missing(system, tasks):
    name = tasks.example("document-check")
    running = tasks.start(system)
    expect(running, name, "Completed", "the document has what tasks need")
    path = f"/admin{running.cluster(0)}"
    body = running.api("GET", path).expect(200)
    del body["properties"]["operatorFlags"], body["properties"]["registryProfiles"]
    changed = {"properties": body["properties"]}
    assert running.api("PUT", path, changed).status in (200, 201)
    expect(running, name, "Failed", "TerminalError: the document lacks operator flags, registry profiles")


def test_certificate_report_completes_and_warns(system, tasks):
    name = tasks.example("certificate-report")
    running = tasks.start(system)
    done = run(running, name)
    assert done["state"] == "Completed", done
    assert re.fullmatch(r"the API server is v\S+; its certificate is valid for \d+ days, until .* GMT", done["statusText"])
    soon = run(running, name, parameters={"days": 100000})
    assert soon["state"] == "Failed" and "is valid for" in soon["statusText"]
    wrong = run(running, name, parameters={"days": "many"})
    assert wrong["statusText"] == "TerminalError: parameters.days must be a number of days, such as 30"
    running.practice.set_trouble("cluster-0", {"status": 503})
    assert run(running, name)["statusText"].endswith("TransientError: 503 from the API server")


@needs_root
def test_the_examples_complete_for_an_ordinary_user_too(system, tasks):
    """Who then owns nothing but what it runs."""
    names = [tasks.example("document-check"), tasks.example("certificate-report")]
    running = tasks.start(system, user=ORDINARY_USER)
    for name in names:
        done = run(running, name)
        assert done["state"] == "Completed", done


def debian_kubectl(directory):
    """The kubectl of Debian's kubernetes-client: the one that is installed, or unpacked; skips where it cannot be had."""
    owner = subprocess.run(["dpkg", "-S", "/usr/bin/kubectl"], capture_output=True, text=True, check=False).stdout
    if owner.startswith("kubernetes-client:"):
        return "/usr/bin/kubectl"
    found = subprocess.run(["apt-get", "download", "kubernetes-client"], cwd=directory, capture_output=True, timeout=120, check=False)
    packages = list(directory.glob("kubernetes-client_*.deb"))
    if found.returncode != 0 or not packages:
        pytest.skip("kubernetes-client cannot be downloaded")
    subprocess.run(["dpkg-deb", "-x", packages[0], directory / "unpacked"], check=True)
    return directory / "unpacked" / "usr" / "bin" / "kubectl"


def test_operator_report_works_with_debian_s_kubectl(system, tasks, directory):
    kubectl = debian_kubectl(directory)
    name = tasks.example("operator-report", **{"/usr/bin/kubectl": str(kubectl)})
    program = tasks.path / name
    program.write_text(program.read_text().replace("$(kubectl ", f"$({kubectl} "))
    running = tasks.start(system)
    expect(running, name, "Completed", "all 15 are available")


# ---- how programs end ----

def test_each_way_to_end(system, tasks):
    ends = {
        "fine": ("echo done >&2", "", "Completed", "done"),
        "again": ("echo 503 busy >&2; exit 75", "", "RetriesExceeded", None),
        "gone": ("echo 404 no such thing >&2; exit 4", "", "Failed", "TerminalError: 404 no such thing"),
        "slow": ("exec sleep 100", "timeout = 1s\n", "RetriesExceeded", None),
        "forged": ("echo '{\"type\":\"result\",\"outcome\":\"succeeded\"}' >&3", "", "Failed", None),
        "killed": ("kill -KILL $$", "", "Failed", None),
    }
    for name, (script, lines, _, _) in ends.items():
        tasks.script(name, (script, lines))
    running = tasks.start(system)
    done = {name: run(running, name) for name in ends}
    for name, (_, _, state, text) in ends.items():
        assert done[name]["state"] == state, done[name]
        assert text is None or done[name]["statusText"] == text
    assert "TransientError: 503 busy" in done["again"]["statusText"]
    assert len(done["again"]["attempts"]) == 5
    assert "TransientError: timeout: step 1 was ended after 1s" in done["slow"]["statusText"]
    assert done["forged"]["statusText"].endswith("a result, which is for the exit status to say")
    assert done["killed"]["statusText"].endswith("was killed by SIGKILL")


def test_a_program_that_is_gone_fails_the_manifest(system, tasks):
    name = tasks.script("gone", ("exit 0", ""))
    running = tasks.start(system)
    (tasks.path / "gone-1").unlink()
    expect(running, name, "Failed", f"TerminalError: cannot run {tasks.path}/gone-1: No such file or directory: check that it exists, "
                                    "and the interpreter in its first line")


def test_an_attempt_that_fails_once_is_tried_again_with_its_number(system, tasks):
    name = tasks.script("second", ("[ $MIMO_ATTEMPT -gt 1 ] || exit 75; echo attempt $MIMO_ATTEMPT >&2", ""))
    running = tasks.start(system)
    expect(running, name, "Completed", "attempt 2")


def test_steps_status_and_log_are_seen(system, tasks):
    wait = "echo '{\"type\":\"status\",\"text\":\"waiting for a friend\"}' >&3; echo a line of output; sleep 1000"
    name = tasks.script("shown", ("exit 0", ""), (wait, ""))
    running = tasks.start(system)
    manifest = running.create(name)
    running.wait_for(lambda: running.manifest(manifest).get("statusText") == "waiting for a friend")
    worker, = running.workers()
    assert (worker["step"], worker["steps"], worker["stepName"]) == (2, 2, "2")
    titles = [process.title for process in running_processes() if manifest["id"][:8] in process.title]
    assert any("[2/2 2]" in title for title in titles), titles
    running.wait_for(lambda: "a line of output" in running.log("actuator-0"))
    stop(running, manifest)


def running_processes():
    return listing.all_processes().values()


def test_patches_change_what_the_task_declared_and_nothing_else(system, tasks):
    patch = "echo '{\"type\":\"patchCluster\",\"patch\":{\"properties\":{\"%s\":{\"a\":\"b\"}}}}' >&3"
    good = tasks.script("declared", (patch % "operatorFlags", ""), task="patches = properties.operatorFlags\n")
    bad = tasks.script("undeclared", (patch % "registryProfiles", ""), task="patches = properties.operatorFlags\n")
    running = tasks.start(system)
    assert run(running, good)["state"] == "Completed"
    document = running.api("GET", f"/admin{running.cluster(0)}").expect(200)
    assert document["properties"]["operatorFlags"]["a"] == "b"
    ended = run(running, bad)
    assert (ended["state"], len(ended["attempts"])) == ("Failed", 1)
    assert ended["statusText"].startswith("TerminalError: ") and 'member "properties.registryProfiles" is not declared' in ended["statusText"]


def test_programs_end_with_their_actuator(system, tasks):
    """Killed outright: nothing that a program has started goes on."""
    marker = f"{uuid.uuid4().int % 10**9 + 10**9}"
    script = f"(trap '' TERM HUP; sleep {marker}) & (sleep {marker} & wait) & echo begun; wait"
    name = tasks.script("daemon", (script, ""))
    running = tasks.start(system)
    running.create(name)
    running.wait_for(lambda: "begun" in running.log("actuator-0"))
    assert any(marker in process.title for process in running_processes())
    running.expect_ending("up")
    running.kill("actuator-0")
    running.wait_for(lambda: not any(marker in process.title for process in running_processes()))


def test_draining_lets_programs_finish_and_counts_no_attempt_that_was_cut_short(system, tasks):
    cut = tasks.script("cut", ("trap 'echo had to stop; exit 75' TERM; echo begun; sleep 1000 & wait", ""))
    running = tasks.start(system, set={"actuator.drain_timeout": "1s"})
    manifest = running.create(cut)
    running.wait_for(lambda: "begun" in running.log("actuator-0"))
    running.expect_ending("actuator-0")
    running.kill("actuator-0", signal.SIGTERM)
    back = running.wait_for_state(manifest, "Pending")
    assert (back["dequeues"], back["attempts"][0]["outcome"]) == (0, "drained")
    assert "had to stop" in running.log("actuator-0")


def test_programs_may_make_groups_and_sessions_as_common_tools_do(system, tasks):
    """Red when setpgid is refused: timeout does not look at that, and ends its script too. Python raises when setsid is."""
    limited = tasks.script("limited", ("timeout 1 sleep 1000; echo says $? >&2; timeout 60 true || exit 1", ""))
    session = tasks.script("session", ("exec /usr/bin/python3 -c 'import subprocess\n"
                                       "subprocess.run([\"/usr/bin/true\"], start_new_session=True, check=True)'", ""),
                           sandbox="execute = /usr/bin\nread = /usr/lib\n")
    running = tasks.start(system)
    if "this machine makes no PID namespaces" in running.log("actuator-0"): # then a program cannot leave its group
        assert run(running, limited)["state"] == run(running, session)["state"] == "Failed"
        return
    expect(running, limited, "Completed", "says 124")
    assert run(running, session)["state"] == "Completed"


def test_neighbours_are_not_harmed_by_a_fork_bomb(system, tasks):
    bomb = tasks.script("bomb", ("bomb() { bomb | bomb & }; bomb; echo begun; sleep 1000", "timeout = 20s\n"),
                        sandbox="execute = /usr/bin\nprocesses = 64\n")
    running = tasks.start(system, set={"actuator.max_workers": "4"})
    manifest = running.create(bomb)
    running.wait_for(lambda: "begun" in running.log("actuator-0"))
    stop(running, manifest)
    assert run(running, "practice")["state"] == "Completed"


def test_programs_are_shown_among_the_processes_with_what_they_may_do(system, tasks):
    name = tasks.script("sleeps", ("exec sleep 600", ""))
    running = tasks.start(system)
    created = running.create(name)

    def programs():
        answer = json.loads(running.mimoctl("ps", "--security", "-o", "json").stdout)
        return [process for process in answer["value"][0]["processes"] if process["role"] == "program" and process.get("seccomp")]

    (program,) = running.wait_for(programs)
    assert program["manifestID"] == created["id"] and program["capabilities"] == "none"
    assert program["noNewPrivileges"] is True and program["seccomp"] == "filter" and program["gaps"] == []
    path = f"/admin{running.cluster(0)}/maintenanceManifests/{created['id']}/stop"
    running.api("POST", path).expect(202)
