# SPDX-License-Identifier: Apache-2.0
"""bootstrap's dealings with packages, with stand-ins for dpkg-query and apt-get; and the check's own tools."""

import os
import shutil
import subprocess

import pytest

from conftest import TOP

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages and becomes another user")

@pytest.fixture
def machine(directory):
    """A machine that has everything but the packages of machine.missing, and a copy of bootstrap without a tree."""
    return Machine(directory)


class Machine:
    def __init__(self, directory):
        self.directory, self.calls = directory, directory / "apt-calls"
        self.tools = directory / "tools"
        self.tools.mkdir()
        self.calls.touch()
        self.calls.chmod(0o666)
        shutil.copy(TOP / "bootstrap", directory)
        self.write_tool("dpkg-query", 'shift 2\nfor p; do grep -qx "$p" %s || echo "$p installed"; done' %
                        (directory / "missing"))
        self.write_tool("apt-get", f'echo "$DEBIAN_FRONTEND $*" >>{self.calls}')
        self.miss()

    def write_tool(self, name, text):
        (self.tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.tools / name).chmod(0o755)

    def miss(self, *packages):
        (self.directory / "missing").write_text("".join(f"{package}\n" for package in packages))

    def bootstrap(self, *arguments, user=()):
        """There is no tree to build, so every command ends after its packages."""
        environment = {"PATH": f"{self.tools}:/usr/sbin:/usr/bin:/sbin:/bin"}
        return subprocess.run([*user, self.directory / "bootstrap", *arguments], env=environment, text=True,
                              capture_output=True, timeout=60, check=False)

    def apt_calls(self):
        return self.calls.read_text().splitlines()


@needs_root
def test_only_what_is_missing_is_installed_and_quietly(machine):
    machine.miss("libuv1-dev", "libcmocka-dev")
    done = machine.bootstrap("build")
    assert machine.apt_calls() == [
        "noninteractive -q update",
        "noninteractive -q install -y --no-install-recommends libuv1-dev libcmocka-dev"]
    assert "installing Debian packages: libuv1-dev libcmocka-dev\n" in done.stderr


def test_with_everything_there_apt_is_not_called(machine):
    machine.bootstrap("build")
    machine.bootstrap("check")
    assert machine.apt_calls() == []


@needs_root
def test_an_ordinary_user_is_told_the_command_to_run(machine):
    machine.miss("libuv1-dev", "python3-yaml")
    done = machine.bootstrap("build", user=["setpriv", "--reuid=61190", "--regid=61190", "--clear-groups"])
    assert done.returncode == 1
    assert done.stderr.endswith("    apt-get install -y --no-install-recommends libuv1-dev python3-yaml\n")
    assert machine.apt_calls() == []


@needs_root
def test_what_apt_says_when_it_fails_is_shown(machine):
    machine.miss("libuv1-dev")
    machine.write_tool("apt-get", 'echo "E: no network" >&2; exit 100')
    done = machine.bootstrap("build")
    assert done.returncode == 1
    assert "E: no network" in done.stderr


@needs_root
def test_kubectl_from_elsewhere_is_good_enough(machine):
    machine.miss("kubernetes-client")
    machine.write_tool("kubectl", "exit 0")
    machine.bootstrap("check")
    assert machine.apt_calls() == []


def test_a_command_that_does_not_exist_is_refused(machine):
    done = machine.bootstrap("biuld")
    assert done.returncode == 2
    assert done.stderr == "bootstrap: unknown command 'biuld'; ./bootstrap help lists them\n"


@pytest.mark.parametrize("command", ["build", "bench", "chaos", "fuzz", "mutate", "check", "demo", "up"])
def test_help_installs_nothing(machine, command):
    machine.miss("wrk", "eatmydata", "clang-14", "libjson-c-dev", "shellcheck")
    done = machine.bootstrap(command, "--help") # all but build then run their program, which is not there
    assert machine.apt_calls() == []
    if command == "build":
        assert done.returncode == 0 and "usage" in done.stdout.lower()


@pytest.fixture
def tree(directory):
    """A source tree with nothing in it but the scripts that look at sources."""
    for folder in ("tests", "src/core", "src/tasks", "include/mimo"):
        (directory / folder).mkdir(parents=True)
    for script in ("layering", "consistency"):
        shutil.copy(TOP / "tests" / script, directory / "tests")
    return directory


@pytest.mark.parametrize("path, text, complaint", [
    ("src/core/rule.c", '#include "mimo/store.h"', "core may use common, channel, not store"),
    ("src/core/rule.c", "#include <sys/socket.h>", "core does no I/O and knows no time"),
    ("src/core/rule.c", "#include <uv.h>", "only supervisor may use this library"),
    ("src/core/rule.c", 'void f(void)\n{\n    log_error("no");\n}', "library code does not log"),
    ("src/tasks/task.c", '#include "supervisor/worker.h"', "tasks may use common, process, channel, core, seal, kube, not supervisor"),
    ("src/tasks/task.c", '#include "kube/pem.h"', "a header of kube alone"),
    ("src/other/file.c", "", "no row in tests/layering says what other may use"),
    ("include/mimo/new.h", "", "no row in tests/layering says which folder implements it"),
])
def test_layering_refuses(tree, path, text, complaint):
    (tree / path).parent.mkdir(exist_ok=True)
    (tree / path).write_text(text + "\n")
    done = subprocess.run([tree / "tests" / "layering"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(path) and complaint in done.stdout


def test_layering_accepts_what_the_rules_allow(tree):
    (tree / "src/core/rule.c").write_text('#include "mimo/error.h"\n#include <stdio.h>\n#include <sys/wait.h>\n')
    done = subprocess.run([tree / "tests" / "layering"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


BANNER = "/* SPDX-License-Identifier: Apache-2.0 */\n/* rule.c - what it is. */\n"


@pytest.mark.parametrize("text, complaint", [
    ("int x;\n", "begins with its licence"),
    (BANNER.replace("rule.c", "other.c"), 'the banner is "rule.c - what it is"'),
    (BANNER + '#include "config.h"\n', "config.h comes by the command line"),
    (BANNER + '#include "mimo/error.h"\n#include <stdio.h>\n', "a header of the system stands behind one of the product"),
    (BANNER + "int x = sizeof y;\n", "sizeof has parentheses"),
    (BANNER + 'int x = error_set(error, ERROR_SYSTEM, "out of memory");\n', "error_set_memory() says this"),
    (BANNER + "void f(void)\n{\n" + "    g();\n" * 61 + "}\n", "the function has 61 lines"),
    (BANNER + "\n" * 599, "the file has 601 lines"),
])
def test_forms_refuse(tree, text, complaint):
    (tree / "src/core/rule.c").write_text(text)
    done = subprocess.run([tree / "tests" / "consistency"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("src/core/rule.c:") and complaint in done.stdout


def test_forms_refuse_modules_that_include_each_other(tree):
    banner = BANNER.replace("rule.c", "{}")
    for name, other in (("one", "two"), ("two", "one")):
        (tree / f"src/core/{name}.h").write_text(banner.format(f"{name}.h"))
        (tree / f"src/core/{name}.c").write_text(banner.format(f"{name}.c") + f'#include "core/{name}.h"\n#include "core/{other}.h"\n')
    done = subprocess.run([tree / "tests" / "consistency"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "src/core/one: includes itself by way of core/two\n")


def test_forms_accept_what_the_rules_allow(tree):
    (tree / "src/core/rule.c").write_text(BANNER + '#include "core/rule.h"\n\n#include <stdio.h>\n\n#include "mimo/error.h"\n')
    done = subprocess.run([tree / "tests" / "consistency"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
