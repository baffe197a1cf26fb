# SPDX-License-Identifier: Apache-2.0
"""Completion of mimoctl: what it offers, and that bash and zsh show it."""

import re
import shutil
import time

import pytest

from fake_admin_api import Answer, Drop
from mimolocal.slowness import in_time
from mimoctl_fixtures import (FLAGS, ID, ID2, MANIFESTS, R, R2, Terminal, TOP, actuator_answer, actuators,  # noqa: F401
                              api, certificates, environment, home, manifest, mimoctl)

COMPLETION = TOP / "contrib" / "completion"
STATES = ["Pending", "InProgress", "Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled"]


@pytest.fixture
def candidates(mimoctl):
    """What is offered for the last of these words, without descriptions."""
    def complete(*words, **variables):
        done = mimoctl("__complete", *words, **variables)
        return [line.split("\t")[0] for line in done.stdout.splitlines()]
    return complete


def commands_of_help(mimoctl):
    section = mimoctl("--help").stdout.split("Commands:\n")[1].split("\n\n")[0]
    return [match[1].split() for match in re.finditer(r"^  (\S[\S ]*?)  ", section + "\n", re.MULTILINE)]


def test_every_command_and_option_is_offered(mimoctl, candidates):
    commands = commands_of_help(mimoctl)
    groups = list(dict.fromkeys(command[0] for command in commands))
    assert candidates("") == [*groups, "help"]
    for group in groups:
        verbs = [command[1] for command in commands if command[0] == group and len(command) == 2]
        if verbs:
            assert candidates(group, "") == verbs
            assert candidates("help", group, "") == verbs
    for command in commands:
        options = re.findall(r"^  (?:-., |    )(--[a-z-]+)", mimoctl(*command, "--help").stdout, re.MULTILINE)
        assert sorted(candidates(*command, "-")) == sorted(options)
    assert candidates("-") == ["--help", "--version"]


def test_what_is_typed_already_narrows_it_down(candidates):
    assert candidates("man") == ["manifest"]
    assert candidates("manifest", "re") == ["recreate"]
    assert candidates("--url", "https://x", "manifest", "li") == ["list"]
    assert candidates("manifest", "list", "--st") == ["--state"]
    assert "--state" not in candidates("manifest", "list", "--state", "Failed", "--")
    assert candidates("manifest", "list", "-v", "--v") == []
    for words in (["nonsense", ""], ["manifest", "nonsense", ""], ["task", "list", ""], ["--nonsense=", "--nonsense=x"]):
        assert candidates(*words) in ([], ["manifest", "help"])
    assert candidates() == []


@pytest.mark.parametrize("words, expected", [
    (["manifest", "list", "--state", ""], STATES),
    (["manifest", "list", "--state", "fa"], ["Failed"]),
    (["manifest", "list", "--state", "Failed,ti"], ["Failed,TimedOut"]),
    (["manifest", "list", "--state=ca"], ["--state=Cancelled"]),
    (["manifest", "list", "--state=Failed,ca"], ["--state=Failed,Cancelled"]),
    (["manifest", "list", "--state", "="], STATES),           # how bash cuts "--state="
    (["manifest", "list", "--state", "=", "co"], ["Completed"]),
    (["manifest", "list", "-o", ""], ["table", "wide", "json", "id"]),
    (["manifest", "create", "-t", ""], ["operator-flags-update", "tls-cert-rotation"]),
    (["manifest", "create", "-vt", "tls"], ["tls-cert-rotation"]),
    (["manifest", "create", "--if-open", ""], ["skip", "fail"]),
    (["manifest", "create", "-c", ""], ["One", "two"]),
    (["manifest", "create", "-ttls-cert-rotation", "-c", f"{R}/t"], [f"{R}/two"]),
    (["manifest", "create", "--priority", ""], []),
    (["manifest", "create", "--parameters", ""], []),
    (["cluster", "show", "o"], ["One"]),
    (["cluster", "show", "One", ""], []),
    (["cluster", "remove", "One", "t"], ["two"]),
    (["cluster", "register", ""], []),
    (["cluster", "register", "x", "--kubeconfig", ""], [":files"]),
    (["ps", "--runtime-directory", ""], [":directories"]),
    (["task", "show", "op"], ["operator-flags-update"]),
])
def test_values_are_offered(candidates, words, expected):
    assert candidates(*words) == expected


@pytest.mark.parametrize("verb, states", [
    ("show", STATES), ("logs", STATES), ("delete", STATES), ("explain", ["Pending"]), ("watch", STATES[:2]),
    ("wait", STATES[:2]), ("cancel", STATES[:2]), ("stop", ["InProgress"]),
    ("recreate", ["Failed", "RetriesExceeded", "TimedOut", "Cancelled"])])
def test_manifests_are_offered_in_the_states_a_command_is_of_use_for(mimoctl, api, candidates, verb, states):
    api.answer(f"GET {MANIFESTS}", {"value": [manifest(), manifest("Failed", ID2, R2)]})
    assert candidates("manifest", verb, "2b65f") == [ID2]
    assert api.requests[-1].query == {"api-version": "admin", "state": ",".join(states), "limit": "200"}
    assert mimoctl("__complete", "manifest", verb, "2b65a").stdout == f"{ID}\tPending on one\n"


def test_regions_and_actuators_are_offered(candidates, home, actuators):
    config = home / ".config" / "mimo" / "config"
    config.parent.mkdir(parents=True)
    config.write_text("[region east]\nurl = https://e\n[region west]\nurl = https://w\n")
    assert candidates("task", "list", "--location", "") == ["east", "west"]
    config.write_text("nonsense")
    assert candidates("task", "list", "--location", "") == []
    run = actuators(actuator_answer(0), actuator_answer(1))
    assert candidates("drain", "--runtime-directory", run, "") == ["0", "1"]
    assert candidates("drain", "--runtime-directory", "/no/such", "") == []
    assert [one.questions for one in actuators.started] == [[], []]


def test_options_before_are_heeded_and_trouble_is_silent(candidates, api):
    assert candidates("cluster", "show", "--url", "https://127.0.0.1:1", "") == []
    assert candidates("cluster", "show", "") != []
    assert candidates("cluster", "show", "", MIMO_TOKEN=None) == []
    api.answer("GET /admin/clusters", Drop())
    assert candidates("cluster", "show", "") == []


def test_admin_api_that_hangs_is_given_up_soon(candidates, api):
    def slow(_):
        time.sleep(8) # longer than anybody waits for a key
        return Answer({"value": []})

    api.answer("GET /admin/clusters", slow)
    start = time.monotonic()
    assert candidates("cluster", "show", "") == []
    assert in_time(time.monotonic() - start, 6)


# ---- shells ----

@pytest.fixture
def shell(build_dir, environment, api, directory):
    """Starts an interactive shell that has its script of completion, and mimoctl in PATH."""
    (directory / "some-kubeconfig").write_text("")

    def start(name):
        variables = {**environment, "MIMO_URL": api.url, "TERM": "dumb", "PS1": "$ ",
                     "PATH": f"{build_dir}:{environment['PATH']}", "ZDOTDIR": str(directory)}
        program = shutil.which(name)
        assert program, f"install {name}"
        arguments = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i", "-o", "nobeep"]}[name]
        terminal = Terminal([program, *arguments], variables, columns=200)
        terminal.type(f"cd {directory}; " + {
            "bash": f". {COMPLETION}/mimoctl; bind 'set show-all-if-ambiguous on'",
            "zsh": f"fpath=({COMPLETION} $fpath); autoload -Uz compinit; compinit -D -u; LISTMAX=1000",
        }[name] + "; echo rea''dy\r")
        terminal.wait_for("ready\r")
        return terminal

    return start


def plain(text):
    """Without what moves the cursor, and with single blanks: shells write some that they take back."""
    return re.sub(r" +", " ", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\x08\r]", "", text))


@pytest.mark.parametrize("name", ["bash", "zsh"])
@pytest.mark.parametrize("typed, completed", [ # what is typed before each tab, and what that makes of the line
    (["mimoctl manifest recr"], ["mimoctl manifest recreate "]),
    (["mimoctl manifest list --sta", "Fai"], ["list --state ", "--state Failed "]),
    (["mimoctl manifest list --state=Fai"], ["list --state=Failed "]),
    (["mimoctl manifest list --state Failed,Tim"], ["--state Failed,TimedOut "]),
    (["mimoctl manifest create -t tls", "-c tw"], ["-t tls-cert-rotation ", "-c two "]),
    (["mimoctl cluster register x --kubeconfig some"], ["--kubeconfig some-kubeconfig "]),
    (["mimoctl cluster register x --kubeconfig=some"], ["--kubeconfig=some-kubeconfig "]),
])
def test_shells_complete_what_is_typed(shell, name, typed, completed):
    with shell(name) as terminal:
        terminal.text = ""
        for keys, line in zip(typed, completed):
            terminal.type(keys + "\t")
            terminal.wait_until(lambda text, line=line: line.rstrip() in plain(text), line)
        terminal.type("#end")
        terminal.wait_until(lambda text: completed[-1] + "#end" in plain(text), completed[-1] + "#end")


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_shells_list_what_is_possible(shell, name):
    with shell(name) as terminal:
        terminal.text = ""
        terminal.type("mimoctl manifest re\tx\x15mimoctl task \t")
        terminal.wait_for("list")
        terminal.wait_for("show")


def test_scripts_have_no_words_of_their_own():
    for script in ("mimoctl", "_mimoctl"):
        text = (COMPLETION / script).read_text()
        assert "__complete" in text
        assert not re.search(r"manifest|cluster|--output", text)
