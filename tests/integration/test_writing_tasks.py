# SPDX-License-Identifier: Apache-2.0
"""The built-in task that docs/writing-tasks.md writes: its two files compile as they stand there, and do what it says."""

import os
import re
import subprocess

import pytest

from conftest import TOP

HELPERS = ("task_on_cluster", "task_double", "practice_server")
FLAGS = "show: ; @echo $(CC) $(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) $(AM_LDFLAGS) $(LDFLAGS)"
LIBRARIES = "show: ; @echo $(task_libs) $(CMOCKA_LIBS) $(LIBS)"


def block_behind(text, words):
    """The first block of code behind `words`."""
    found = re.search(r"```c\n(.*?)```\n", text[text.index(words):], re.DOTALL)
    assert found, f"no code behind {words}"
    return found.group(1)


def words_of_make(build_dir, rule):
    """What the makefile, as it is, says: words of a command."""
    done = subprocess.run(["make", "-s", "-C", build_dir, "-o", "Makefile", f"--eval={rule}", "show"], capture_output=True,
                          text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def test_the_built_in_task_of_the_page_compiles_and_passes_its_test(build_dir, tmp_path):
    if not (build_dir / "Makefile").exists():
        pytest.skip("not built from source here")
    page = (TOP / "docs" / "writing-tasks.md").read_text(encoding="utf-8")
    files = {name: block_behind(page, f"`{name}`") for name in ("src/tasks/fleet_notice.c", "tests/unit/test_fleet_notice.c")}
    assert "extern const struct task fleet_notice_task;" in page
    declaration = tmp_path / "declaration.h"
    declaration.write_text('#include "mimo/task.h"\nextern const struct task fleet_notice_task;\n')
    for name, text in files.items():
        (tmp_path / name.rsplit("/", 1)[1]).write_text(text)
    sources = [tmp_path / "fleet_notice.c", tmp_path / "test_fleet_notice.c",
               *(TOP / "tests" / "unit" / f"{helper}.c" for helper in HELPERS)]
    program = tmp_path / "test_fleet_notice"
    built = subprocess.run([*words_of_make(build_dir, FLAGS), f"-I{TOP}/tests/unit", "-include", declaration, "-Werror",
                            *sources, "-o", program, *words_of_make(build_dir, LIBRARIES)],
                           cwd=build_dir, capture_output=True, text=True, check=False, timeout=120)
    assert built.returncode == 0, built.stderr
    done = subprocess.run([program], env={**os.environ, "MIMO_SOURCE": str(TOP)}, capture_output=True, text=True, check=False,
                          timeout=120)
    assert done.returncode == 0 and "4 test(s) run" in done.stdout + done.stderr, done.stdout + done.stderr
