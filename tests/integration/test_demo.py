# SPDX-License-Identifier: Apache-2.0
"""`./bootstrap demo --keep`: what it leaves running can be used as it says. (The check runs the plain one.)"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from conftest import TOP, PATIENCE
from mimolocal import envfile, livetable, story
from mimolocal.slowness import in_time


def test_what_it_keeps_running_can_be_used_and_stopped_as_it_says(build_dir):
    done = subprocess.run([sys.executable, "-B", TOP / "contrib/local/demo.py", "--keep", "--build", build_dir],
                          capture_output=True, text=True, timeout=120, check=False)
    pid = int(re.search(r"\$ kill (\d+)", done.stdout).group(1))
    try:
        assert done.returncode == 0, done.stdout
        directory = Path(re.search(r"\$ \. (\S+)/env;", done.stdout).group(1))
        environment = {**os.environ, **envfile.read(directory / "env")}
        listed = subprocess.run([build_dir / "mimoctl", "manifest", "list"], env=environment, capture_output=True,
                                text=True, check=True).stdout
        for state, count in Counter(act.state for act in story.ACTS).items():
            assert listed.count(state) == count
    finally:
        os.kill(pid, 15)
        began = time.monotonic()
        while os.path.exists(f"/proc/{pid}"):
            assert in_time(time.monotonic() - began, PATIENCE), "it does not stop"
            time.sleep(0.02)
    subprocess.run(["rm", "-r", directory], check=True)


def test_a_table_fits_the_screen_and_shows_no_control_characters():
    class Narrow:
        is_terminal, width, lines = True, 40, []

        def paint(self, colour, text):
            return text

        def say(self, text):
            self.lines.append(text)

        def move_up(self, count):
            self.lines = self.lines[:len(self.lines) - count]

    screen = Narrow()
    table = livetable.LiveTable(screen, (("A", 20, 5), ("STATE", 10, 10), ("C", 30, 6)), 1)
    for _ in range(2):
        table.show({"x": ("a" * 50, "Pending", "evil \x1b[2J\n text"), "y": ("b", "Failed", "")})
        screen.say("") # what is drawn next begins below
        table.leave()
    table.show({"x": ("changed", "Completed", "")})
    assert max(map(len, screen.lines)) < 40
    assert not any(ord(letter) < 32 for line in screen.lines for letter in line)
    assert sum("changed" in line for line in screen.lines) == 1
