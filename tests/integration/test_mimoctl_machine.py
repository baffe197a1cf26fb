# SPDX-License-Identifier: Apache-2.0
"""mimoctl on the actuators' machine: ps, top, pause, drain and resume, against control sockets that say what a test wants."""

import json
import re
import signal
import socket
import time

import pytest

from mimoctl_fixtures import (FLAGS, ID, ID2, R1, Terminal, WORKER, actuator_answer, actuators, api,  # noqa: F401
                              certificates, environment, home, mimoctl, rows)

# ---- ps ----

def test_ps_is_a_table_of_workers_and_needs_no_admin_api(mimoctl, actuators):
    run = actuators(actuator_answer(workers=[WORKER]))
    done = mimoctl("ps", "--runtime-directory", run, MIMO_URL=None, MIMO_TOKEN=None)
    assert rows(done.stdout) == [
        ["PID", "SLOT", "TASK", "CLUSTER", "STEP", "RUN", "RSS", "ATTEMPT", "MANIFEST"],
        ["4711", "3", "Operator Flags Update", "one", "1/3 look", "1m07s", "5.0M", "2", "2b65ac7b"]]
    assert mimoctl("ps", "-o", "id", MIMO_RUNTIME_DIRECTORY=str(run)).stdout == f"{ID}\n"


def test_ps_wide_begins_with_each_actuator(mimoctl, actuators):
    run = actuators(actuator_answer(0, [WORKER]),
                    actuator_answer(1, ready=False, notReady=["the store did not answer the latest polls"],
                                    mode="draining"))
    text = mimoctl("ps", "-o", "wide", "--runtime-directory", run).stdout
    assert re.search(r"^Actuator 0: +on vm0 \(mimod 0.1.0, pid 812, up 2h\): ready; buckets 0-255; 1 of 10 workers$",
                     text, re.MULTILINE)
    assert "Actuator 1:" in text and "not ready: the store did not answer the latest polls" in text
    assert "; draining" in text and ID in text and "looking" in text
    table = mimoctl("ps", "--runtime-directory", run).stdout
    assert "Actuator 1:" in table # of several it must be told whose workers they are


def test_ps_as_json_is_what_the_actuators_said(mimoctl, actuators):
    answers = [actuator_answer(0, [WORKER]), actuator_answer(1)]
    run = actuators(*answers)
    said = json.loads(mimoctl("ps", "-o", "json", "--runtime-directory", run).stdout)["value"]
    assert said == [{key: value for key, value in answer.items() if key != "ok"} for answer in answers]


def test_ps_without_workers_says_so(mimoctl, actuators):
    run = actuators(actuator_answer())
    done = mimoctl("ps", "--runtime-directory", run)
    assert (done.stdout, done.stderr) == ("", "mimoctl: no worker runs\nmimoctl: next: mimoctl queue\n")


@pytest.mark.parametrize("answer, message", [
    (b"nonsense\n", "actuator-1.control"),
    (b"", "closed the connection without an answer"),
    ({"ok": False, "error": "unknown command"}, "unknown command"),
])
def test_ps_with_an_actuator_that_does_not_answer_is_3_and_shows_the_others(mimoctl, actuators, answer, message):
    run = actuators(actuator_answer(0, [WORKER]), answer)
    done = mimoctl("ps", "--runtime-directory", run, status=3)
    assert "4711" in done.stdout
    assert message in done.stderr


def test_ps_with_a_socket_that_is_left_over_is_3(mimoctl, directory):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(directory / "actuator-0.control"))
    assert "is left over from an actuator that does not run" in mimoctl("ps", "--runtime-directory", directory, status=3).stderr


def test_a_socket_that_is_left_over_beside_one_that_answers_is_said_and_no_failure(mimoctl, actuators, monkeypatch):
    run = actuators(actuator_answer(0, [WORKER]))
    monkeypatch.chdir(run) # its path is longer than a socket's address has room for
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind("actuator-9.control")
    for command in (["ps"], ["pause"], ["drain"], ["resume"]):
        done = mimoctl(*command, "--runtime-directory", run)
        assert "actuator-9.control is left over" in done.stderr and done.stdout
    mimoctl("resume", "9", "--runtime-directory", run, status=3) # it was asked for


def test_ps_shows_that_an_actuator_takes_no_work(mimoctl, actuators):
    run = actuators(actuator_answer(0, [WORKER], mode="paused"))
    assert re.search(r"^Actuator 0: .* paused$", mimoctl("ps", "--runtime-directory", run).stdout, re.MULTILINE)


def test_ps_without_actuators_is_3_and_says_where_it_looked(mimoctl, directory):
    assert f"no actuator has a control socket in {directory}" in mimoctl(
        "ps", "--runtime-directory", directory, status=3).stderr
    assert "/no/such/directory" in mimoctl("ps", "--runtime-directory", "/no/such/directory", status=3).stderr


# ---- pause, drain, resume ----

@pytest.mark.parametrize("command, mode", [("pause", "paused"), ("drain", "draining"), ("resume", "working")])
def test_all_actuators_of_the_machine_are_told_and_shown(mimoctl, actuators, command, mode):
    run = actuators(actuator_answer(0, mode=mode, workersActive=2), actuator_answer(1, mode=mode, id=ID2))
    done = mimoctl(command, "--runtime-directory", run, MIMO_URL=None, MIMO_TOKEN=None)
    assert rows(done.stdout) == [["ACTUATOR", "HOST", "MODE", "WORKERS"], ["0", "vm0", mode, "2/10"],
                                 ["1", "vm0", mode, "0/10"]]
    assert [actuator.questions for actuator in actuators.started] == [[{"command": command}]] * 2
    assert mimoctl(command, "-o", "id", "--runtime-directory", run).stdout == f"{ID}\n{ID2}\n"
    said = json.loads(mimoctl(command, "-o", "json", "--runtime-directory", run).stdout)["value"]
    assert [one["actuator"]["mode"] for one in said] == [mode, mode]


def test_only_the_actuators_that_are_named_are_told(mimoctl, actuators):
    run = actuators(actuator_answer(0), actuator_answer(1, mode="paused"))
    assert rows(mimoctl("pause", "1", "--runtime-directory", run).stdout)[1:] == [["1", "vm0", "paused", "0/10"]]
    assert actuators.started[0].questions == []
    assert "not the index of an actuator" in mimoctl("pause", "vm0", "--runtime-directory", run, status=2).stderr
    assert "there is no such actuator on this machine; mimoctl ps -o wide shows those that run" in mimoctl("pause", "7", "--runtime-directory", run, status=3).stderr


def test_hold_without_actuators_is_3_and_an_old_actuator_refuses_it(mimoctl, actuators, directory):
    assert "no actuator has a control socket" in mimoctl("drain", "--runtime-directory", directory, status=3).stderr
    run = actuators(actuator_answer(0), {"ok": False, "error": "unknown command"})
    done = mimoctl("pause", "--runtime-directory", run, status=3)
    assert "unknown command" in done.stderr and rows(done.stdout)[1][0] == "0"


def test_drain_waits_for_the_last_attempt(mimoctl, actuators):
    drain = [actuator_answer(mode="draining", workersActive=workers) for workers in (2, 2, 1)]
    run = actuators([*drain, actuator_answer(mode="drained")])
    done = mimoctl("drain", "--wait", "--timeout", "30s", "--runtime-directory", run)
    assert done.stderr == ("mimoctl: 2 workers still run\nmimoctl: 1 worker still runs\n"
                           "mimoctl: next, so that it takes work again: mimoctl resume 0\n")
    assert rows(done.stdout)[1] == ["0", "vm0", "drained", "0/10"]
    assert [one["command"] for one in actuators.started[0].questions] == ["drain", "status", "status", "status"]


def test_drain_that_takes_too_long_is_5(mimoctl, actuators):
    run = actuators(actuator_answer(mode="draining", workersActive=1))
    start = time.monotonic()
    done = mimoctl("drain", "--wait", "--timeout", "300ms", "--runtime-directory", run, status=5)
    assert time.monotonic() - start >= 0.3
    assert "not drained after 300ms" in done.stderr
    assert rows(done.stdout)[1][2] == "draining"
    mimoctl("drain", "--wait", "--timeout", "0", "--runtime-directory", run, status=5)


def test_drain_that_somebody_took_back_is_4(mimoctl, actuators):
    run = actuators([actuator_answer(mode="draining", workersActive=1), actuator_answer(mode="working")])
    done = mimoctl("drain", "--wait", "--runtime-directory", run, status=4)
    assert "actuator 0 is working: another command changed its mode meanwhile" in done.stderr


def test_drain_of_an_actuator_that_goes_away_is_3(mimoctl, actuators):
    run = actuators([actuator_answer(mode="draining", workersActive=1), b""])
    done = mimoctl("drain", "--wait", "--runtime-directory", run, status=3)
    assert "closed the connection without an answer" in done.stderr


def test_drain_checks_its_options_first(mimoctl, actuators):
    run = actuators(actuator_answer())
    for arguments, message in ((["--timeout", "5m"], "--timeout needs --wait"),
                               (["--wait", "--timeout", "soon"], "--timeout: ")):
        assert message in mimoctl("drain", *arguments, "--runtime-directory", run, status=2).stderr
    assert actuators.started[0].questions == []


# ---- top ----

def top(build_dir, environment, run, *arguments, lines=24, columns=80):
    return Terminal([build_dir / "mimoctl", "top", "--runtime-directory", run, *arguments],
                    {**environment, "TERM": "xterm"}, lines=lines, columns=columns)


def test_top_shows_workers_again_and_again_until_q(build_dir, environment, actuators):
    run = actuators([actuator_answer(workers=[WORKER]), actuator_answer(workers=[{**WORKER, "stepName": "act"}])])
    with top(build_dir, environment, run) as terminal:
        terminal.wait_for("1/3 look")
        terminal.wait_for("1/3 act")
        terminal.type("x")
        terminal.wait_for("1/3 act", 2)
        terminal.type("q")
        assert terminal.end() == 0
    assert terminal.text.startswith("\x1b[?1049h") and terminal.text.endswith("\x1b[?25h\x1b[?1049l")
    assert terminal.after == terminal.before
    assert "q ends  workers of this machine" in terminal.text


@pytest.mark.parametrize("how, status", [("\x03", 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)])
def test_top_gives_the_terminal_back_however_it_ends(build_dir, environment, actuators, how, status):
    run = actuators(actuator_answer(workers=[WORKER]))
    with top(build_dir, environment, run) as terminal:
        terminal.wait_for("1/3 look")
        if isinstance(how, str):
            terminal.type(how)
        else:
            terminal.process.send_signal(how)
        assert terminal.end() == status
    assert "\x1b[?25h\x1b[?1049l" in terminal.text
    assert terminal.after == terminal.before


def test_top_shows_what_fits_and_says_what_does_not(build_dir, environment, actuators):
    run = actuators(actuator_answer(workers=[{**WORKER, "pid": 1000 + i} for i in range(30)]))
    with top(build_dir, environment, run, lines=12) as terminal:
        terminal.wait_for("1000")
        terminal.type("q")
        assert terminal.end() == 0
    assert "20 more lines below" in terminal.text
    frame = terminal.text.split("\x1b[2J")[1]
    assert frame.count("\n") == 11 and "1009" in frame and "1010" not in frame


def frame_of(text, number):
    frame = text.split("\x1b[2J")[number].split("\x1b[?25h")[0]
    return [re.sub(r"\x1b\[\d*m", "", line) for line in frame.replace("\r", "").split("\n")]


def test_top_fits_into_five_lines_of_forty_columns(build_dir, environment, actuators):
    worker = {**WORKER, "stepName": "wait for the cluster operators", "task": "Operator Flags Update"}
    run = actuators(actuator_answer(workers=[{**worker, "pid": 1000 + i} for i in range(30)]))
    with top(build_dir, environment, run, lines=5, columns=40) as terminal:
        terminal.wait_for("1002")
        terminal.type("q")
        assert terminal.end() == 0
    frame = frame_of(terminal.text, 1)
    assert len(frame) == 5 and max(map(len, frame)) <= 40
    assert "27 more lines below" in frame[0] and "PID" in frame[1] and frame[4].startswith("1002")


def test_top_follows_the_size_of_the_terminal(build_dir, environment, actuators):
    run = actuators(actuator_answer(workers=[{**WORKER, "pid": 1000 + i} for i in range(30)]))
    with top(build_dir, environment, run, lines=40) as terminal:
        terminal.wait_for("1029")
        before = terminal.text.count("\x1b[2J")
        terminal.resize(lines=6, columns=50)
        terminal.wait_for("26 more lines below")
        terminal.type("q")
        assert terminal.end() == 0
    frame = frame_of(terminal.text, terminal.text[:terminal.text.index("26 more lines")].count("\x1b[2J"))
    assert before >= 1 and len(frame) == 6 and max(map(len, frame)) <= 50


def test_top_stays_when_the_actuator_goes(build_dir, environment, actuators):
    run = actuators([actuator_answer(workers=[WORKER]), b""])
    with top(build_dir, environment, run) as terminal:
        terminal.wait_for("1/3 look")
        terminal.wait_for("no actuator answers")
        terminal.type("q")
        assert terminal.end() == 0


def test_top_is_for_people_on_a_terminal(mimoctl, build_dir, environment, actuators, directory):
    run = actuators(actuator_answer())
    assert "top needs a terminal; use mimoctl ps" in mimoctl(
        "top", "--runtime-directory", run, status=2).stderr
    with top(build_dir, environment, run, "-o", "json") as terminal:
        assert terminal.end() == 2
    assert "top has no --output for programs" in terminal.text
    with top(build_dir, environment, directory / "nothing") as terminal:
        assert terminal.end() == 3
    assert "\x1b[?1049h" not in terminal.text
