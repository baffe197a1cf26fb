# SPDX-License-Identifier: Apache-2.0
"""`./bootstrap up` itself: what it starts, what it says, and that it ends without leaving anything."""

import os
import stat
import subprocess
import sys
import urllib.request

import pytest

from conftest import SLOWNESS, TOP
from mimolocal import envfile, listing, ports

ORDINARY_USER = 61190
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes users, so it has to start as root")

PROMISED = ("MIMO_URL", "MIMO_TOKEN", "MIMO_CACERT", "MIMO_STORE", "MIMO_METRICS_URL", "MIMO_METRICS_URL_1",
            "MIMO_STATSD_LOG", "MIMO_RUNTIME_DIRECTORY", "MIMO_CONFIG", "MIMO_PRACTICE_DIRECTORY", "MIMO_PID_API",
            "MIMO_PID_ACTUATOR_0", "MIMO_PID_ACTUATOR_1", "MIMO_PID_PRACTICE", "MIMO_PID_STATSD")


LONG = {"steps": [{"name": "sleep", "sleepMs": 3600000}]}


def family(running):
    return listing.descendants(running.process.pid)


def up(*arguments):
    return subprocess.run([sys.executable, "-B", TOP / "contrib/local/up.py", *arguments], capture_output=True,
                          text=True, timeout=60, check=False)


def page(url):
    with urllib.request.urlopen(f"{url}/metrics", timeout=10 * SLOWNESS) as answer:
        return answer.read().decode()


def test_env_says_where_everything_is_and_everything_answers(system):
    running = system(instances=2)
    env = running.env
    said = (running.directory / "log" / "up.log").read_text()
    line = next(line for line in said.splitlines() if line.endswith("mimoctl task list"))
    assert "practice" in subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
    assert [name for name in PROMISED if not env.get(name)] == []
    assert running.api("GET", "/healthz/ready").status == 200
    assert [cluster["id"] for cluster in running.api("GET", "/admin/clusters").expect(200)["value"]]
    for name in ("MIMO_METRICS_URL", "MIMO_METRICS_URL_1"):
        running.wait_for(lambda url=env[name]: "mimo_actuator_ready 1" in page(url), what="the actuator to be ready")
    processes = listing.all_processes()
    for name, value in env.items():
        if name.startswith("MIMO_PID_"):
            assert int(value) in processes, name


def test_env_is_private_and_a_shell_can_read_it(system):
    running = system(instances=0, clusters=0)
    path = running.directory / "env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = subprocess.run(["sh", "-c", '. "$1"; env', "sh", path], capture_output=True, text=True, check=True).stdout
    for name, value in running.env.items():
        assert f"{name}={value}\n" in shown


def test_values_with_quotes_survive_the_env_file(tmp_path):
    variables = {"MIMO_A": "it's", "MIMO_B": "$(touch x) `id` \"\\ ;", "MIMO_C": ""}
    envfile.write(tmp_path / "env", variables)
    shown = subprocess.run(["sh", "-c", '. "$1"; printf "%s|%s|%s" "$MIMO_A" "$MIMO_B" "$MIMO_C"', "sh",
                            tmp_path / "env"], capture_output=True, text=True, check=True).stdout
    assert shown == "|".join(variables.values())
    assert envfile.read(tmp_path / "env") == variables


def test_two_systems_run_side_by_side_and_know_nothing_of_each_other(system):
    one, other = system(clusters=1), system(clusters=2)
    assert one.env["MIMO_URL"] != other.env["MIMO_URL"]
    manifest = one.create("practice")
    one.wait_for_state(manifest, "Completed")
    assert list(other.api.manifests()) == []
    assert one.stop() == 0
    assert other.api("GET", "/healthz/ready").status == 200
    other.wait_for_state(other.create("practice", cluster=1), "Completed")


def test_a_second_run_in_the_same_directory_goes_on_with_the_documents_of_the_first(system, directory):
    first = system(clusters=1)
    manifest = first.wait_for_state(first.create("practice"), "Completed")
    assert first.stop() == 0
    assert not (first.directory / "env").exists()
    second = type(first)(first.build, first.directory, clusters=1).wait_until_it_answers()
    try:
        assert second.manifest(manifest)["state"] == "Completed"
        assert second.control()["actuator"]["id"] in str(manifest["attempts"])
    finally:
        assert second.end() == []


# Red when DIR is not locked before anything in it is changed: env was gone, and mimo.conf had the ports of the second run.
def test_a_second_run_is_refused_while_the_first_runs_and_changes_nothing(system, build_dir):
    running = system(instances=0, clusters=0)
    directory = running.directory

    def files():
        return {path: path.read_bytes() for path in (directory / "env", directory / "mimo.conf", directory / "api" / "tokens")}

    before = files()
    done = up("--build", build_dir, "--instances", "0", "--clusters", "0", directory)
    assert done.returncode == 1
    assert done.stderr == (f"up: {directory} is in use by ./bootstrap up, pid {running.process.pid}: stop that one "
                           f"(kill {running.process.pid}), or choose another DIR\n")
    assert files() == before
    assert (directory / "statsd.sock").exists()


def test_a_second_run_starts_while_work_is_queued(system):
    """Its actuators take the work up at once, and a cluster that is being worked on cannot be registered."""
    slow = {"steps": [{"name": "a long one", "sleepMs": 5000}]}
    first = system(clusters=1)
    manifests = [first.create("practice", parameters=slow) for _ in range(3)]
    first.wait_for_state(manifests[0], "InProgress")
    assert first.stop() == 0
    second = type(first)(first.build, first.directory, clusters=1).wait_until_it_answers()
    try:
        for manifest in manifests:
            second.wait_for_state(manifest, "Completed")
    finally:
        assert second.end() == []


def test_a_dump_can_be_loaded_in_place_of_the_practice_fleet(system, directory):
    first = system(instances=0, clusters=2)
    manifest = first.create("practice", runAfter=4000000000, runBefore=4000000001)
    dump = directory / "dump"
    dump.write_text(first.mimo_store("dump").stdout)
    second = system(instances=0, clusters=1, load=dump)
    assert second.manifest(manifest)["runAfter"] == 4000000000
    assert len(second.api("GET", "/admin/clusters").expect(200)["value"]) == 2


def test_a_store_of_ones_own_is_used_as_it_is(system):
    first = system(instances=0, clusters=1)
    second = system(instances=0, clusters=1, store=first.store_uri)
    manifest = first.create("practice")
    assert second.manifest(manifest)["state"] == "Pending"
    assert not (second.directory / "store" / "mimo.db").exists()


def test_an_override_wins_over_what_up_chooses(system):
    running = system(clusters=0, set={"actuator.max_workers": "3", "actuator.index": "7",
                                      "log.level": "debug"})
    assert running.control(index=7)["actuator"]["maxWorkers"] == 3


def test_the_admin_api_may_do_without_tls(system, build_dir):
    running = system(instances=0, clusters=0, set={"api.tls": "off"})
    assert running.env["MIMO_URL"].startswith("http://127.0.0.1:") and "MIMO_CACERT" not in running.env
    done = subprocess.run([build_dir / "mimoctl", "task", "list", "-o", "id"], env={**os.environ, **running.env},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and len(done.stdout.splitlines()) >= 4, done.stderr


def test_stopping_ends_every_process_and_the_file_that_announced_them(system):
    running = system(instances=2)
    running.create("practice", parameters=LONG)
    running.wait_for(lambda: running.workers(0) or running.workers(1), what="a worker")
    processes = family(running)
    assert len(processes) >= 10 # two actuators of three processes and a worker, API, practice, statsd, guard
    assert running.stop() == 0
    assert [process for process in processes if process.is_alive()] == []
    assert not (running.directory / "env").exists()


def test_killing_up_itself_ends_every_process_too(system):
    running = system(instances=1)
    running.create("practice", parameters=LONG)
    running.wait_for(running.workers, what="a worker")
    processes = family(running)
    running.expect_ending("up")
    running.process.kill()
    running.process.wait()
    running.wait_for(lambda: not any(process.is_alive() for process in processes), what="all processes to end")


def test_an_actuator_that_is_killed_is_named_and_the_rest_goes_on(system):
    running = system(instances=1)
    actuator = listing.all_processes()[running.pid("actuator-0")]
    running.kill("actuator-0")
    running.wait_for(lambda: "actuator-0 was killed by SIGKILL" in running.log("up"), what="up to say so")
    assert not actuator.is_alive()
    assert running.api("GET", "/healthz/ready").status == 200


def test_with_restart_an_actuator_that_is_killed_comes_back(system):
    running = system(instances=1, restart=True)
    pid = running.pid("actuator-0")
    metrics = running.env["MIMO_METRICS_URL"]
    running.kill("actuator-0")
    running.wait_for(lambda: running.pid("actuator-0") != pid, what="a new process")
    running.wait_for_state(running.create("practice"), "Completed")
    assert running.env["MIMO_METRICS_URL"] == metrics


def test_a_program_that_cannot_start_is_named_with_its_last_words(build_dir, directory):
    done = up("--build", build_dir, "--set", "actuator.max_workers=many", directory / "up")
    assert done.returncode == 1
    assert "max_workers" in done.stderr and "many" in done.stderr
    assert not (directory / "up" / "env").exists()


def test_the_reason_of_a_failed_start_is_said_once_and_is_not_that_of_an_earlier_one(build_dir, directory):
    assert "unknown section" in up("--build", build_dir, "--set", "foo.bar=1", directory / "up").stderr
    done = up("--build", build_dir, "--store", "sqlite:/nonexistent/x", directory / "up")
    assert done.returncode == 1
    assert "unknown section" not in done.stderr and "/nonexistent" in done.stderr
    done = up("--build", build_dir, "--instances", "0", "--clusters", "0", "--set", "api.user=nosuch", directory / "up")
    assert done.stderr.count("nosuch") == 1


@pytest.mark.parametrize("path, reason", [("/etc/passwd", "File exists"), ("/proc/nosuch", "No such file or directory")])
def test_what_cannot_be_a_directory_is_named(path, reason):
    done = up(path)
    assert (done.returncode, done.stderr) == (1, f"up: {path} cannot be used as DIR: {reason}; choose another\n")


def test_programs_that_were_not_built_are_named(directory):
    done = up("--build", directory, directory / "up")
    assert done.returncode == 1
    assert "mimo-store is missing; ./bootstrap build makes it" in done.stderr


@pytest.mark.parametrize("arguments, complaint", [
    (["--instances", "-1"], "not a whole number from 0 to 32"),
    (["--set", "max_workers=3"], "not of the form section.key=value"),
    (["--load", "/nonexistent/dump"], "no such file: /nonexistent/dump"),
])
def test_wrong_options_are_refused(directory, arguments, complaint):
    done = up(*arguments, directory / "up")
    assert done.returncode == 2
    assert complaint in done.stderr
    assert not (directory / "up").exists()


def test_a_path_too_long_for_sockets_is_refused(directory):
    done = up(directory / ("x" * 80))
    assert done.returncode == 1
    assert "choose a shorter one" in done.stderr


@needs_root
def test_a_directory_that_other_users_cannot_pass_through_is_refused(directory):
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    done = up(closed / "up")
    assert done.returncode == 1
    assert f"chmod o+x {closed}" in done.stderr


@needs_root
def test_started_as_root_no_program_of_the_product_stays_root(system):
    running = system(instances=1)
    running.create("practice", parameters=LONG)
    users = running.wait_for(lambda: users_of_programs(running), what="a worker that has its title")
    assert users["mimod"] == {61184}
    assert users["mimo-api"] == {61185}
    assert 61186 in users["mimo-launcher"] # a worker that has just been forked still has this title
    assert users["mimo-metrics"] == {61187}
    assert users["mimo-worker"] <= set(range(61200, 61300))
    assert not any(0 in uids for uids in users.values())


def users_of_programs(running):
    """{program: users}, once a worker is among them."""
    users = {}
    for process in family(running):
        program = process.title.split()[0].rsplit("/", 1)[-1].rstrip(":")
        if "python" not in program:
            users.setdefault(program, set()).add(process.uid)
    return users if "mimo-worker" in users else None


@needs_root
def test_an_ordinary_user_can_run_all_of_it(system):
    running = system(instances=1, user=ORDINARY_USER)
    running.wait_for_state(running.create("practice"), "Completed")
    assert {process.uid for process in family(running)} == {ORDINARY_USER}


def test_a_reserved_port_is_given_to_nobody_but_who_asks_for_it():
    reservations = ports.Reservations()
    port = reservations.take()
    try:
        others = [ports.Reservations() for _ in range(200)]
        assert port not in [other.take() for other in others]
        server = "import socket; s = socket.create_server(('127.0.0.1', int(__import__('sys').argv[1])))"
        for _ in range(2): # and again, after the first one ended
            subprocess.run([sys.executable, "-c", server, str(port)], check=True)
    finally:
        for reservation in (reservations, *others):
            reservation.close()


FAMILY_OF_A_NEGLIGENT_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from mimolocal.processes import Family
family = Family()
family.run("negligent", ["sh", "-c", "exec 3>&-; (trap '' TERM; sleep 1000) & "], "/dev/null")
print(*family.close(patience=0.2).values(), sep="\\n")
"""


def test_what_a_program_leaves_behind_is_named_and_ended():
    done = subprocess.run([sys.executable, "-c", FAMILY_OF_A_NEGLIGENT_PROGRAM, TOP / "contrib/local"],
                          capture_output=True, text=True, timeout=60, check=True)
    assert "sleep 1000" in done.stdout
