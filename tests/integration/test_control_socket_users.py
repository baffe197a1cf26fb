# SPDX-License-Identifier: Apache-2.0
"""Who may use an actuator's sockets and its state directory, tried with real users: root alone can start this."""

import json
import os
import stat
import subprocess

import pytest

from mimolocal import identities

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs several users, so root")

OPERATORS = identities.FIRST + 6
OPERATOR = identities.Identity(identities.FIRST + 7, identities.FIRST + 7)
STRANGER = identities.Identity(identities.FIRST + 8, identities.FIRST + 8)

ASK = """
import socket, sys
connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connection.connect(sys.argv[1])
connection.sendall(b'{"command":"' + sys.argv[2].encode() + b'"}\\n')
print(connection.makefile().readline(), end="")
"""
WAKE = """
import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"look", sys.argv[1])
"""
READ = "import sys; print(open(sys.argv[1]).read(), end='')"
LIST = "import os, sys; print(os.listdir(sys.argv[1]))"
RENAME = "import os, sys; os.rename(sys.argv[1], sys.argv[1] + '.gone')"


def run_as(identity, program, *arguments, groups=()):
    """A small Python program under this user; the CompletedProcess."""
    return subprocess.run(["/usr/bin/python3", "-I", "-c", program, *map(str, arguments)], user=identity.uid,
                          group=identity.gid, extra_groups=list(groups), capture_output=True, text=True, check=False, timeout=60)


def sockets_of(running):
    return running.directory / "run" / "actuator-0.control", running.directory / "run" / "actuator-0.wake"


def assert_denied(done):
    assert done.returncode == 1 and "PermissionError" in done.stderr, done


@pytest.fixture
def running(system):
    return system(clusters=1, set={"actuator.operators_group": str(OPERATORS)})


def test_members_of_the_group_may_use_the_control_socket(running):
    control, _ = sockets_of(running)
    status = control.stat()
    assert (status.st_uid, status.st_gid) == (identities.SUPERVISOR.uid, OPERATORS)
    assert stat.S_IMODE(status.st_mode) == 0o660
    for command, mode in (("pause", "paused"), ("resume", "working")):
        done = run_as(OPERATOR, ASK, control, command, groups=[STRANGER.gid, OPERATORS])
        assert done.returncode == 0 and json.loads(done.stdout)["actuator"]["mode"] == mode, done
    primary = identities.Identity(OPERATOR.uid, OPERATORS)
    assert json.loads(run_as(primary, ASK, control, "status").stdout)["ok"] is True
    assert json.loads(run_as(identities.SUPERVISOR, ASK, control, "status").stdout)["ok"] is True


def test_nobody_else_may(running):
    control, wake = sockets_of(running)
    for identity in (identities.API, STRANGER, identities.LAUNCHER, identities.METRICS):
        for command in ("status", "pause", "drain"):
            assert_denied(run_as(identity, ASK, control, command))
    for identity in (STRANGER, identities.LAUNCHER, identities.METRICS):
        assert_denied(run_as(identity, WAKE, wake))
    assert running.control()["actuator"]["mode"] == "working"


def test_a_file_mode_that_is_too_wide_lets_nobody_in(running):
    """What the kernel says of the peer counts, whatever became of the file."""
    control, _ = sockets_of(running)
    control.chmod(0o666)
    for identity in (identities.API, STRANGER):
        done = run_as(identity, ASK, control, "pause")
        answer = json.loads(done.stdout)
        assert answer["ok"] is False
        assert answer["error"].startswith(f"user {identity.uid} may not use the control socket: root, "), answer
    assert json.loads(run_as(OPERATOR, ASK, control, "status", groups=[OPERATORS]).stdout)["ok"] is True
    assert running.control()["actuator"]["mode"] == "working"


def test_the_admin_api_wakes_the_actuator_and_reaches_nothing_else_of_it(running):
    _, wake = sockets_of(running)
    done = run_as(identities.API, WAKE, wake)
    assert done.returncode == 0, done
    state = running.directory / "state" / "0"
    for program, path in ((READ, state / "actuator.id"), (READ, state / "actuator.lock"), (LIST, state), (RENAME, state)):
        assert_denied(run_as(identities.API, program, path))


def test_without_the_group_root_and_the_user_of_the_actuator_are_served(system):
    running = system(clusters=1, set={"actuator.operators_group": "no-such-group"})
    control, _ = sockets_of(running)
    assert stat.S_IMODE(control.stat().st_mode) == 0o600
    assert 'actuator.operators_group: there is no group "no-such-group"' in running.log("actuator-0")
    assert running.control()["actuator"]["mode"] == "working"
    assert_denied(run_as(identities.API, ASK, control, "pause"))
