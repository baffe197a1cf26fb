# SPDX-License-Identifier: Apache-2.0
"""What systemd hears from an actuator and from the Admin API (sd_notify(3)), confined as they are by then."""

import contextlib
import os
import signal
import socket
import time

import pytest

from conftest import STRETCH
from mimolocal.slowness import in_time

# A message every half of it.
WATCHDOG_USEC = int(10_000_000 * STRETCH)


@pytest.fixture
def manager(build_dir, directory):
    """The socket on which a service manager listens."""
    assert "#define HAVE_SYSTEMD 1" in (build_dir / "config.h").read_text(), "built without libsystemd-dev"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(directory / "notify"))
        (directory / "notify").chmod(0o666) # the programs have users of their own
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        listener.settimeout(30 * STRETCH)
        yield listener


def receive(manager):
    """The next message: the process that sent it, and its text."""
    data, ancillary, _, _ = manager.recvmsg(4096, socket.CMSG_SPACE(12))
    return int.from_bytes(ancillary[0][2][:4], "little"), data.decode()


def hear(manager, pid):
    """The next message of this process; those of others are dropped."""
    began = time.monotonic()
    while in_time(time.monotonic() - began, 60):
        sender, text = receive(manager)
        if sender == pid:
            return text
    raise AssertionError(f"process {pid} says nothing")


def hear_ready(manager, *pids):
    """Until each of these has said that it is ready, in whatever order."""
    missing, began = set(pids), time.monotonic()
    while missing:
        assert in_time(time.monotonic() - began, 60), f"not ready: {missing}"
        sender, text = receive(manager)
        if text.startswith("READY=1"):
            missing.discard(sender)


def hear_until(manager, pid, wanted):
    """Messages of this process up to the one that begins so, without those of the watchdog."""
    heard = []
    while not (heard and heard[-1].startswith(wanted)):
        message = hear(manager, pid)
        if message != "WATCHDOG=1" or wanted == "WATCHDOG=1":
            heard.append(message)
    return heard


def test_an_actuator_tells_when_it_is_ready_alive_reloads_and_stops(system, manager):
    running = system(clusters=1, environment={"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": str(WATCHDOG_USEC)})
    actuator, api = running.pid("actuator-0"), running.pid("api")
    assert hear_until(manager, actuator, "READY=1") == ["READY=1"]
    assert hear_until(manager, actuator, "WATCHDOG=1") == ["WATCHDOG=1"]
    os.kill(actuator, signal.SIGHUP)
    reloading, ready = hear_until(manager, actuator, "READY=1")
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=") and ready == "READY=1"
    running.wait_for_state(running.create("practice"), "Completed") # neither of them was ended by what it told
    running.expect_ending("actuator-0")
    running.kill("actuator-0", signal.SIGTERM)
    assert hear_until(manager, actuator, "STOPPING=1") == ["STOPPING=1"]
    os.kill(api, 0)


def fill(manager):
    """Until nothing fits into its socket any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.sendto(b"X=1", manager.getsockname())


def test_a_service_manager_that_does_not_read_holds_nobody_up(system, manager):
    """And it is told what it has missed as soon as it reads."""
    fill(manager)
    running = system(clusters=1, environment={"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "200000"})
    actuator, api = running.pid("actuator-0"), running.pid("api")
    running.wait_for_state(running.create("practice"), "Completed")
    os.kill(api, signal.SIGHUP)
    running.wait_for(lambda: "credentials were reloaded" in running.log("api"), what="the Admin API to reload")
    hear_ready(manager, actuator, api)
    fill(manager)
    os.kill(actuator, signal.SIGHUP)
    running.wait_for(lambda: "SIGHUP: configuration read" in running.log("actuator-0"), what="the actuator to reload")
    running.wait_for_state(running.create("practice"), "Completed")
