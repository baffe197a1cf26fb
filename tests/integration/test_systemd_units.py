# SPDX-License-Identifier: Apache-2.0
"""The units of contrib/systemd expose no more than they have to, and name what exists."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import TOP
from mimolocal import listing

SUPERVISOR = 61184 # the numeric user that `up` gives the supervisor

UNITS = TOP / "contrib" / "systemd"

# Users that every machine has: units are checked where nothing is installed.
USERS = [f"--set={key}=61184" for key in ("actuator.user", "actuator.launcher_user", "actuator.metrics_user", "api.user")]


def exposure(directory, unit, *drop_ins):
    """The score that systemd-analyze gives a unit with its drop-ins."""
    place = directory / "etc" / "systemd" / "system"
    extra = place / f"{unit}.d"
    extra.mkdir(parents=True)
    shutil.copy(UNITS / unit, place)
    for number, name in enumerate(drop_ins):
        shutil.copy(UNITS / name, extra / f"{number}-{name}")
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--root={directory}", unit],
                          capture_output=True, text=True, check=False, timeout=60)
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert score, done.stdout + done.stderr
    return float(score[1])


@pytest.mark.parametrize("ceiling, unit, drop_ins", [
    # User and PID namespaces, for programs of tasks, cost 0.3.
    (2.2, "mimod.service", ["mimo-hardening.conf"]),
    (0.3, "mimo-api.service", ["mimo-hardening.conf"]),
    (3.0, "mimo-init.service", []),
    (1.1, "mimo-api.service", ["mimo-hardening.conf", "mimo-api-own-listener.conf"]),
    (1.2, "mimo-api.service", ["mimo-hardening.conf", "mimo-api-entra.conf"]),
    (0.3, "mimo-api.service", ["mimo-hardening.conf", "mimo-api-credentials.conf"]),
    (2.2, "mimod.service", ["mimo-hardening.conf", "mimod-credentials.conf"]),
])
def test_a_unit_stays_below_its_ceiling(tmp_path, ceiling, unit, drop_ins):
    assert exposure(tmp_path, unit, *drop_ins) <= ceiling


def test_units_hold_no_unknown_directive(tmp_path):
    for unit in UNITS.glob("*.service"):
        shutil.copy(unit, tmp_path)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / unit.name], capture_output=True,
                              text=True, check=False, timeout=60)
        assert "Unknown" not in done.stderr and "Invalid" not in done.stderr, done.stderr


@pytest.mark.parametrize("unit, drop_in", [("mimo-api", "mimo-api-credentials.conf"), ("mimod", "mimod-credentials.conf")])
def test_drop_ins_with_credentials_hold_no_unknown_directive_and_start_with_known_keys(tmp_path, build_dir, unit, drop_in):
    extra = tmp_path / f"{unit}.service.d"
    extra.mkdir()
    shutil.copy(UNITS / f"{unit}.service", tmp_path)
    shutil.copy(UNITS / drop_in, extra)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / f"{unit}.service"], capture_output=True,
                          text=True, check=False, timeout=60)
    assert "Unknown" not in done.stderr and "Invalid" not in done.stderr, done.stderr
    text = (UNITS / drop_in).read_text()
    (start,) = re.findall(r"^ExecStart=(/.+)", text, re.MULTILINE)
    (empty := tmp_path / "mimo.conf").touch()
    program, *arguments = start.replace("%d", str(tmp_path)).split()
    done = subprocess.run([build_dir / Path(program).name, f"--config={empty}", *arguments, *USERS, "--check-config"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = set(re.findall(r"^LoadCredential=([^:]+):", text, re.MULTILINE))
    assert loaded == set(re.findall(r"%d/(\S+)", start))


def test_the_supervisor_is_never_given_what_the_launcher_alone_may_have():
    """LoadCredential= makes a file readable by the unit's user: in mimod.service that is the supervisor's."""
    for name in ("mimod.service", "mimod-credentials.conf", "mimo-hardening.conf"):
        assert not re.search(r"^(Load|Set)Credential", (UNITS / name).read_text(), re.MULTILINE)
    rules = (UNITS / "mimo.tmpfiles").read_text()
    assert re.search(r"^d /etc/mimo/certificates +0750 root mimo-launcher -$", rules, re.MULTILINE)
    assert re.search(r"^z /etc/mimo/seal.key +0400 mimo-launcher mimo-launcher -$", rules, re.MULTILINE)


def test_users_of_the_units_are_made_by_sysusers():
    made = set(re.findall(r"^u (\S+)", (UNITS / "mimo.sysusers").read_text(), re.MULTILINE))
    for unit in UNITS.glob("*.service"):
        users = re.findall(r"^User=(\S+)", unit.read_text(), re.MULTILINE)
        assert users or unit.name == "mimo-init.service" # which runs as root and gives its files away
        assert set(users) <= made
    defaults = re.findall(r"^#(?:\w+_)?user = (\S+)", (TOP / "etc" / "mimo.conf").read_text(), re.MULTILINE)
    assert set(defaults) <= made


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give capabilities away")
def test_the_actuator_needs_no_root_but_the_capabilities_of_its_unit(system, build_dir):
    running = system(instances=0)
    unit = (UNITS / "mimod.service").read_text()
    (granted,) = re.findall(r"^AmbientCapabilities=(.+)", unit, re.MULTILINE)
    capabilities = ",".join("+" + name.removeprefix("CAP_").lower() for name in granted.split())
    state = running.directory / "state-of-the-unit"
    state.mkdir(mode=0o700)
    os.chown(state, SUPERVISOR, SUPERVISOR)
    created = running.create("operator-flags-update")
    with open(running.directory / "log" / "unit.log", "wb") as log:
        actuator = subprocess.Popen(
            ["setpriv", f"--reuid={SUPERVISOR}", f"--regid={SUPERVISOR}", "--clear-groups", f"--inh-caps={capabilities}",
             f"--ambient-caps={capabilities}", f"--bounding-set=-all,{capabilities}", build_dir / "mimod", "--config",
             running.config, f"--set=actuator.state_directory={state}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        assert running.wait_for_state(created, "Completed", "Failed")["state"] == "Completed"
        family = [actuator.pid] + [process.pid for process in listing.descendants(actuator.pid)]
        assert len(family) == 4 # launcher, keeper, metrics helper
        for pid in family:
            status = Path(f"/proc/{pid}/status").read_text()
            assert not re.search(r"^Uid:.*\b0\b", status, re.MULTILINE)
            assert re.search(r"^NoNewPrivs:\s1$", status, re.MULTILINE)
        assert re.search(r"^CapPrm:\s0+$", Path(f"/proc/{actuator.pid}/status").read_text(), re.MULTILINE)
    finally:
        actuator.terminate()
        assert actuator.wait(30) == 0


def test_no_unit_gives_up_and_none_depends_on_what_a_drop_in_cannot_take_back():
    for unit in ("mimod.service", "mimo-api.service", "mimo-init.service"):
        text = (UNITS / unit).read_text()
        assert re.search(r"^StartLimitIntervalSec=0$", text, re.MULTILINE), unit
        assert re.search(r"^Restart=(always|on-failure)$", text, re.MULTILINE), unit
        assert not re.search(r"^(Requires|BindsTo|Requisite)=", text, re.MULTILINE), unit
    assert "TriggerLimitIntervalSec=0" in (UNITS / "mimo-api.socket").read_text()


def test_secrets_are_made_once_before_the_services_start(build_dir, directory):
    """What mimo-init.service runs: a second run leaves everything as it is."""
    names = {"store.uri": "sqlite:mimo.db", "clusters.seal_certificate": "seal.crt", "clusters.seal_key": "seal.key",
             "api.tls_certificate": "api.crt", "api.tls_key": "api.key", "api.token_file": "tokens"}
    values = [f"--set={key}=" + (f"sqlite:{directory}/mimo.db" if key == "store.uri" else f"{directory}/{name}")
              for key, name in names.items()]
    user = ["setpriv", "--reuid=61190", "--regid=61190", "--clear-groups"] if os.geteuid() == 0 else []
    os.chown(directory, 61190, 61190) if user else None
    (directory / "empty").touch(0o644)
    files = None
    for _ in range(2):
        for command in (["mimo-store", f"--store=sqlite:{directory}/mimo.db"], ["mimo-api", "--prepare"]):
            program, *options = command
            words = [*user, build_dir / program, f"--config={directory}/empty", *values[1 if program == "mimo-store" else 0:], *options]
            done = subprocess.run([*words, "init"] if program == "mimo-store" else words, capture_output=True, text=True,
                                  check=False, timeout=60, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
            assert done.returncode == 0, done.stderr
        now = {name: (directory / name).read_bytes() for name in ("seal.key", "api.crt", "api.key", "tokens", "admin.token")}
        assert files in (None, now)
        files = now


def test_installed_units_and_pages_name_what_is_installed(build_dir, directory):
    """Whatever the prefix: programs and configuration are where the units look for them."""
    done = subprocess.run(["make", "--no-print-directory", "install", f"DESTDIR={directory}"],
                          cwd=build_dir, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    (folder,) = directory.glob("**/systemd/system")
    assert {unit.name for unit in folder.glob("*.service")} == {"mimod.service", "mimo-api.service", "mimo-init.service"}
    for unit in folder.glob("*.service"):
        for program in re.findall(r"^Exec\w+=(/\S*mimo\S*)", unit.read_text(), re.MULTILINE):
            assert Path(f"{directory}{program}").exists(), f"{unit.name} starts {program}"
    (configuration,) = directory.glob("**/mimo/mimoctl.conf")
    place = str(configuration.parent).removeprefix(str(directory))
    assert f"cacert = {place}/api.crt" in configuration.read_text()
    (page,) = directory.glob("**/mimo-api.8")
    assert f"{place}/api.crt" in page.read_text()
