#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The commands that compile and link a build directory, as make would run them.

`build_commands.py DIRECTORY` writes DIRECTORY/compile_commands.json, which clangd and other tools read.
"""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

# Automake writes the source as `test -f 'src/a.c' || echo '../'`src/a.c where an object has flags of its own.
CHOSEN_SOURCE = re.compile(r"`test -f '[^']*' \|\| echo '([^']*)'`")
DEPENDENCIES = {"-MT": 2, "-MF": 2, "-MD": 1, "-MP": 1} # options that write make's dependency files, with their words


class Commands:
    """compiles: object -> (source, words); archives: object -> library; links: program -> words. All of them relative to
    the directory."""

    def __init__(self, directory):
        self.directory = Path(directory).resolve()
        self.compiles, self.archives, self.links = {}, {}, {}
        # Everything depends on config.h, so make prints every command when that is said to be new. It runs none.
        printed = subprocess.run(["make", "-n", "V=1", "--no-print-directory", "-W", "config.h", "all", "check", "TESTS="],
                                 cwd=self.directory, capture_output=True, text=True, check=True).stdout
        for line in printed.splitlines():
            self._take(line.removesuffix("\\").rstrip().removesuffix("&&"))

    def _take(self, line):
        if " -c -o " in line:
            words = _without_dependencies(shlex.split(CHOSEN_SOURCE.sub(r"\1", line)))
            self.compiles[_output(words)] = ((self.directory / words[-1]).resolve(), words)
        elif line.startswith("ar "):
            _, _, library, *objects = shlex.split(line)
            self.archives.update((made, library) for made in objects)
        elif " -o " in line and re.search(r"\.[oa]\b", line):
            words = _without_cache(shlex.split(line))
            self.links[_output(words)] = words


def _output(words):
    return words[words.index("-o") + 1]


def _without_cache(words):
    return words[1:] if Path(words[0]).name == "ccache" else words


def _without_dependencies(words):
    kept, skip = [], 0
    for word in _without_cache(words):
        skip = skip or DEPENDENCIES.get(word, 0)
        if skip:
            skip -= 1
        else:
            kept.append(word)
    return kept


def write_compile_commands(directory):
    commands = Commands(directory)
    rows = [{"directory": str(commands.directory), "file": str(source), "output": made, "arguments": words}
            for made, (source, words) in sorted(commands.compiles.items())]
    new = Path(directory) / "compile_commands.json.new"
    new.write_text(json.dumps(rows, indent=1) + "\n")
    new.rename(new.with_suffix(""))


if __name__ == "__main__":
    write_compile_commands(sys.argv[1])
