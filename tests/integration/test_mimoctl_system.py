# SPDX-License-Identifier: Apache-2.0
"""mimoctl against a running system: what its commands say is what happens."""

import json
import os
import re
import signal
import subprocess

LONG_TASK = json.dumps({"steps": [{"name": "look around"}, {"name": "wait for the test", "sleepMs": 60000,
                                                            "status": "half way"}]})
FAILING = json.dumps({"steps": [{"name": "give up", "then": "terminal", "message": "nothing to be done"}]})


def create(running, *arguments, **options):
    return running.mimoctl("manifest", "create", "-t", "practice", *arguments, **options)


def test_manifest_from_creation_to_deletion(system):
    running = system()
    done = create(running, "-c", "cluster-0", "--icm", "691536013", "--watch")
    assert "Completed" in done.stdout.splitlines()[-1]
    (identifier,) = running.mimoctl("manifest", "list", "-c", "cluster-0", "-o", "id").stdout.split()

    shown = running.mimoctl("manifest", "show", identifier[:8]).stdout
    assert re.search(r"^State: +Completed$", shown, re.MULTILINE)
    assert re.search(r"^1 +\S+ ago +\d+s +succeeded", shown, re.MULTILINE) or "now" in shown
    assert json.loads(running.mimoctl("manifest", "show", identifier, "-o", "json").stdout)["state"] == "Completed"
    done = running.mimoctl("manifest", "cancel", identifier, check=False)
    assert done.returncode == 1
    assert "cannot cancel task in state Completed" in done.stderr

    assert f"deleted {identifier}" in running.mimoctl("manifest", "delete", identifier).stderr
    done = running.mimoctl("manifest", "show", identifier, check=False)
    assert done.returncode == 1
    assert "manifest not found" in done.stderr


def test_manifest_that_fails_is_4_and_is_found_by_its_state(system):
    running = system()
    done = create(running, "-c", "cluster-1", "--parameters", FAILING, "--watch", check=False)
    assert done.returncode == 4
    assert "ended as Failed: TerminalError: nothing to be done" in done.stderr
    create(running, "-c", "cluster-1", "--watch")
    failed = running.mimoctl("manifest", "list", "--state", "failed", "-t", "practice", "-o", "json").stdout
    assert [one["state"] for one in json.loads(failed)["value"]] == ["Failed"]
    shown = running.mimoctl("cluster", "show", "cluster-1").stdout
    assert "2: 1 Completed, 1 Failed" in shown
    assert "nothing to be done" in shown


def test_planned_manifest_is_waited_for_and_cancelled(system):
    running = system()
    identifier = create(running, "-c", running.cluster(0), "--run-after", "+90m", "-o", "id").stdout.strip()
    again = create(running, "-c", "cluster-0", "--if-open", "skip", "-o", "id")
    assert again.stdout.strip() == identifier
    assert "none was created" in again.stderr
    done = create(running, "-c", "cluster-0", "--if-open", "fail", check=False)
    assert done.returncode == 1
    assert identifier in done.stderr

    assert re.search(r" in 1h(30|29)m ", running.mimoctl("manifest", "list").stdout)
    done = running.mimoctl("manifest", "wait", identifier, "--timeout", "200ms", check=False)
    assert done.returncode == 5
    assert "Cancelled" in running.mimoctl("manifest", "cancel", identifier).stdout
    assert running.mimoctl("manifest", "wait", identifier, check=False).returncode == 4
    done = running.mimoctl("manifest", "wait", identifier, "--for", "cancelled", "-o", "id")
    assert done.stdout.strip() == identifier


def test_ps_shows_the_worker_that_runs(system):
    running = system(set={"actuator.drain_timeout": "0"})
    identifier = create(running, "-c", "cluster-2", "--parameters", LONG_TASK, "-o", "id").stdout.strip()
    running.mimoctl("manifest", "wait", identifier, "--for", "InProgress", "--timeout", "30s")

    def worker():
        lines = running.mimoctl("ps").stdout.splitlines()
        return lines[1] if len(lines) > 1 and "2/2 wait for the test" in lines[1] else None

    line = running.wait_for(worker)
    (seen,) = running.workers()
    assert re.match(rf"{seen['pid']} +\d+ +Practice +cluster-2 +2/2 wait for the test +\d+s +[\d.]+M +1 +"
                    rf"{identifier[:8]}$", line)
    wide = running.mimoctl("ps", "-o", "wide").stdout
    assert re.search(r"^Actuator 0: .*: ready; buckets 0-255; 1 of 10 workers$", wide, re.MULTILINE)
    assert "half way" in wide

    done = running.mimoctl("manifest", "cancel", identifier, check=False)
    assert done.returncode == 1
    assert "force" in done.stderr
    assert "Cancelled" in running.mimoctl("manifest", "cancel", identifier, "--force").stdout


# Red when mimoctl does not look at the member `running`.
def test_a_worker_that_runs_on_is_seen_until_it_is_stopped(system):
    running = system(clusters=1, set={"actuator.drain_timeout": "0"})
    identifier = create(running, "-c", "cluster-0", "--parameters", LONG_TASK, "-o", "id").stdout.strip()
    running.mimoctl("manifest", "wait", identifier, "--for", "InProgress", "--timeout", "30s")
    waiting = create(running, "-c", "cluster-0", "-o", "id").stdout.strip()
    running.mimoctl("manifest", "cancel", identifier, "--force")
    for command in (["manifest", "show", identifier[:8]], ["manifest", "explain", identifier], ["manifest", "logs", identifier],
                    ["manifest", "explain", waiting], ["cluster", "show", "cluster-0"], ["ps"]):
        assert running.mimoctl(*command).stderr.endswith(f"mimoctl: next: mimoctl manifest stop {identifier[:8]}\n"), command
    done = running.mimoctl("manifest", "wait", identifier, "--for", "Cancelled", "--timeout", "200ms", check=False)
    assert done.stderr.endswith(f"mimoctl: next: mimoctl manifest stop {identifier[:8]}\n")
    running.mimoctl("manifest", "stop", identifier)
    running.mimoctl("manifest", "wait", identifier, "--for", "Cancelled", "--timeout", "30s")
    assert "still runs" not in running.mimoctl("manifest", "show", identifier).stdout


def test_cluster_is_registered_listed_and_removed(system):
    running = system(clusters=1)
    resource_id = re.sub("[^/]+$", "Brand-New", running.cluster(0))
    kubeconfig = running.directory / "practice" / "cluster-0.kubeconfig"
    done = running.mimoctl("cluster", "register", resource_id, "--kubeconfig", kubeconfig,
                           "--operator-flags", '{"aro.alertwebhook.enabled": "true"}')
    assert "cluster Brand-New is registered" in done.stderr
    cluster = json.loads(running.mimoctl("cluster", "show", "brand-new", "-o", "json").stdout)
    assert cluster["properties"]["operatorFlags"] == {"aro.alertwebhook.enabled": "true"}
    assert "sealedKubeconfig" not in json.dumps(cluster)
    done = running.mimoctl("cluster", "register", resource_id, "--operator-flags", "{}", check=False)
    assert done.returncode == 1
    assert running.mimoctl("cluster", "list", "-o", "id").stdout.count("\n") == 2
    running.mimoctl("cluster", "remove", "Brand-New")
    assert "Brand-New" not in running.mimoctl("cluster", "list").stdout


def test_a_cluster_whose_kubeconfig_keeps_its_keys_in_files_is_worked_on(system):
    running = system(clusters=1)
    resource_id = re.sub("[^/]+$", "By-Files", running.cluster(0))
    kubeconfig = running.directory / "practice" / "cluster-0-files.kubeconfig"
    assert "client-key:" in kubeconfig.read_text()
    refused = running.api("PUT", f"/admin{resource_id}", {"kubeconfig": kubeconfig.read_text()})
    assert refused.status == 400 and "mimoctl cluster register embeds them" in refused.text
    running.mimoctl("cluster", "register", resource_id, "--kubeconfig", kubeconfig, "--operator-flags", '{"a": "b"}')
    done = running.wait_for_state(running.create("operator-flags-update", cluster=resource_id), "Completed", "Failed")
    assert done["state"] == "Completed", done


def test_tasks_and_actuators_are_those_that_run(system):
    running = system(instances=2)
    assert {"operator-flags-update", "practice"} <= set(
        line.split()[0] for line in running.mimoctl("task", "list").stdout.splitlines())

    def rows():
        """Index, state and buckets of each; they are announced once a membership_interval."""
        lines = running.mimoctl("actuator", "list").stdout.splitlines()[1:]
        cells = [re.split("  +", line) for line in lines]
        return [[cell[0], cell[2], cell[3]] for cell in cells]

    running.wait_for(lambda: rows() == [["0", "alive", "0-127"], ["1", "alive", "128-255"]])


def run_as(running, variables, *arguments):
    """mimoctl with other variables than those of the system; None takes one away."""
    environment = {**os.environ, **running.env, **variables}
    return subprocess.run([running.build / "mimoctl", *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False,
                          env={name: str(value) for name, value in environment.items() if value is not None})


def test_who_cannot_log_in_is_told_why(system):
    running = system(instances=0, clusters=0)
    for variables, message in (({"MIMO_TOKEN": "wrong"}, "does not accept the token of MIMO_TOKEN"),
                               ({"MIMO_TOKEN": None}, "no token to log in at https://"),
                               ({"MIMO_CACERT": None}, "name the file of its CA with --cacert or MIMO_CACERT")):
        done = run_as(running, variables, "task", "list")
        assert (done.returncode, done.stdout) == (3, "")
        assert message in done.stderr


def test_reader_may_look_and_not_touch(system):
    running = system(instances=0)
    reader = {"MIMO_TOKEN": running.env["MIMO_TOKEN_READER"]}
    assert "cluster-0" in run_as(running, reader, "cluster", "list").stdout
    done = run_as(running, reader, "manifest", "create", "-t", "practice", "-c", "cluster-0")
    assert done.returncode == 1
    assert "logged in with the token of MIMO_TOKEN" in done.stderr
    assert running.mimoctl("manifest", "list", "-o", "id").stdout == ""


def test_admin_api_that_is_gone_is_3(system):
    running = system(instances=0, clusters=0)
    running.kill("api")

    def refused(): # at first it may be there still, and hang up
        done = running.mimoctl("task", "list", check=False)
        return done if "check that mimo-api runs there" in done.stderr else None

    assert running.wait_for(refused).returncode == 3


def test_failed_manifest_is_read_recreated_and_cleaned_up(system):
    running = system()
    old = create(running, "-c", "cluster-1", "--parameters", FAILING, "--priority", "7", "-o", "id").stdout.strip()
    running.mimoctl("manifest", "wait", old, "--for", "Failed", "--timeout", "30s")
    logs = running.mimoctl("manifest", "logs", old[:8]).stdout
    for line in ("Attempt: +1", "Outcome: +terminal", "Message: +.*nothing to be done", r"CPU: +\d+ ms"):
        assert re.search(f"^{line}$", logs, re.MULTILINE), f"{line} not in\n{logs}"

    done = running.mimoctl("manifest", "recreate", old, "--icm", "5", "-o", "json")
    (new,) = json.loads(done.stdout)["value"]
    assert f"created {new['id']} in its place, with the same parameters" in done.stderr
    assert (new["priority"], new["parameters"]) == (7, json.loads(FAILING))
    running.mimoctl("manifest", "wait", new["id"], "--for", "Failed", "--timeout", "30s")

    planned = create(running, "-c", "cluster-1", "--run-after", "+1h", "-o", "id").stdout.strip()
    again = running.mimoctl("manifest", "recreate", old, check=False)
    assert again.returncode == 1 and planned in again.stderr
    running.mimoctl("manifest", "cancel", planned)
    assert running.mimoctl("manifest", "cleanup", "--dry-run", "-o", "id").stdout.split() == [planned]
    deleted = running.mimoctl("manifest", "cleanup", "--failed", "--yes", "-c", "cluster-1", "-o", "id").stdout.split()
    assert sorted(deleted) == sorted([old, new["id"], planned])
    assert running.mimoctl("manifest", "list", "-o", "id").stdout == ""


def test_actuator_is_paused_drained_and_works_again(system):
    running = system(set={"actuator.drain_timeout": "0"})
    assert " paused " in running.mimoctl("pause").stdout
    held = create(running, "-c", "cluster-0", "-o", "id").stdout.strip()
    assert running.mimoctl("manifest", "wait", held, "--timeout", "500ms", check=False).returncode == 5
    assert " working " in running.mimoctl("resume", "0").stdout
    running.mimoctl("manifest", "wait", held, "--timeout", "30s")

    long = create(running, "-c", "cluster-1", "--parameters", LONG_TASK, "-o", "id").stdout.strip()
    running.mimoctl("manifest", "wait", long, "--for", "InProgress", "--timeout", "30s")
    done = running.mimoctl("drain", "--wait", "--timeout", "300ms", check=False)
    assert done.returncode == 5 and "1 worker still runs" in done.stderr
    os.kill(running.workers()[0]["pid"], signal.SIGKILL)
    done = running.mimoctl("drain", "--wait", "--timeout", "30s", "-o", "json")
    assert [one["actuator"]["mode"] for one in json.loads(done.stdout)["value"]] == ["drained"]
    assert "not ready: drained; no buckets; 0 of 10 workers" in " ".join(running.mimoctl("ps").stdout.split())
    listed = running.mimoctl("actuator", "list")
    assert listed.stdout.split("\n")[1].split()[2:4] == ["drained", "none"] and "mimoctl resume 0" in listed.stderr
    failing = running.mimoctl("health", "-o", "json", check=False)
    assert {"id": "taking work", "status": "critical", "value": "0 of 1, drained"}.items() <= {
        one["id"]: one for one in json.loads(failing.stdout)["checks"]}["taking work"].items()
    waiting = create(running, "-c", "cluster-0", "-o", "id").stdout.strip()
    assert "is drained: run mimoctl resume there" in running.mimoctl("manifest", "explain", waiting).stdout
    running.mimoctl("resume")
    running.mimoctl("manifest", "wait", waiting, "--timeout", "30s")


def test_queue_and_health_of_a_system_that_works(system):
    running = system()
    create(running, "-c", "cluster-0", "--watch")
    create(running, "-c", "cluster-0", "--run-after", "+1h")
    queue = running.mimoctl("queue").stdout
    for line in ("Queue: +1", r"Pending: +1 \(0 due\)", "Completed: +1", "Total: +2"):
        assert re.search(f"^{line}$", queue, re.MULTILINE), f"{line} not in\n{queue}"
    assert running.mimoctl("health").stdout.split()[1] == "healthy"
    create(running, "-c", "cluster-1", "--parameters", FAILING, "--watch", check=False)
    done = running.mimoctl("health", "-o", "id", check=False)
    assert (done.returncode, done.stdout) == (2, "failed\n")
