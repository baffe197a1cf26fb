# SPDX-License-Identifier: Apache-2.0
"""Unit test programs with one changed object: which use it, how they are linked, and how they are run safely.

A changed object is linked in front of the libraries of a test program, so the linker never takes the original out of its
archive. Nothing in the build directory changes: objects and programs are made in folders that are thrown away.
"""

import hashlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
NOTES_SIZE = 1 << 20     # as in entered.c
LIMIT_FACTOR = 10        # a test may take so many times as long as the unchanged one, ...
LIMIT_FLOOR = 10         # ... and so many seconds in any case
SKIPPED = 77             # automake's exit status of a test that cannot run here

# As root a changed program could signal or delete anything. It sees no process but its own, and of the files it can
# write to /tmp, which is its own and empty, and to the source and build trees. Arguments: a folder for the new /tmp, how
# many trees, the trees, the program.
FENCE = r"""
set -e
mount --make-rprivate /
tmp=$1 count=$2
shift 2
mount -t tmpfs -o mode=1777 tmp "$tmp"
while [ "$count" -gt 0 ]; do
    mount --rbind "$1" "$1"
    case $1 in /tmp/*) mkdir -p "$tmp${1#/tmp}"; mount --rbind "$1" "$tmp${1#/tmp}" ;; esac
    shift; count=$((count - 1))
done
mount --move "$tmp" /tmp
mount -o remount,bind,ro / 2>/dev/null || true
cd "$PWD"
exec "$@"
"""

# No mutant is compiled twice. What make builds is worth caching.
UNCACHED = {**os.environ, "CCACHE_DISABLE": "1"}

@dataclass
class Test:
    """A unit test program that enters the object under test."""
    name: str
    seconds: float = 0                           # that the unchanged program takes
    functions: set = field(default_factory=set)  # of the object, that it enters


class Measured:
    """What an earlier run found out about the same object and the same test programs: BUILD/mutate-measured.json."""

    def __init__(self, directory, unchanged):
        self.directory, self.path = directory, directory / "mutate-measured.json"
        self.object = hashlib.sha256(unchanged.read_bytes()).hexdigest()
        self.rows = {}

    def _key(self, name):
        return f"{self.object} {name} {(self.directory / 'tests' / 'unit' / name).stat().st_mtime_ns}"

    def _read(self):
        try:
            return json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}

    def get(self, name):
        """(test, whether it passes), or None. A failure is not remembered for long: it is asked for again."""
        self.rows = self.rows or self._read()
        row = self.rows.get(self._key(name))
        return (Test(name, row[0], set(row[1])), True) if row else None

    def put(self, test, good):
        if good:
            self.rows[self._key(test.name)] = [test.seconds, sorted(test.functions)]

    def write(self):
        """Only the latest of each test program: rows of programs that were linked anew since are of no use."""
        rows = {**self._read(), **self.rows}
        rows = {key: row for key, row in rows.items() if self._is_current(*key.split()[1:])}
        new = self.path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(rows))
        new.rename(self.path)

    def _is_current(self, name, changed):
        program = self.directory / "tests" / "unit" / name
        return program.exists() and str(program.stat().st_mtime_ns) == changed


class Bench:
    """Everything about one object: its compiler command, its tests."""

    def __init__(self, commands, source, scratch, jobs):
        self.commands, self.source, self.scratch, self.jobs = commands, source, Path(scratch), jobs
        self.object, self.compiler = self._object()
        self.fence = _fence()
        self.linker = _fast_linker(self.compiler[0])
        self.tests, self.unfit = [], []
        self.unchanged = self._compile(self.source.read_text(), self._folder("unchanged"))

    def _object(self):
        for made, (source, words) in self.commands.compiles.items():
            if source == self.source and not made.startswith("tests/"):
                return made, words
        raise LookupError(f"{self.source}: no rule of the makefile compiles this file")

    def _folder(self, name):
        folder = self.scratch / name
        folder.mkdir()
        return folder

    # ---- compiling and linking ----

    def _compile(self, text, folder, *options):
        """The object of a text, or None if the compiler refuses it. Warnings are errors, but for unused things, which a
        deleted statement leaves behind."""
        (folder / self.source.name).write_text(text)
        made = folder / "changed.o"
        words = [word for word in self.compiler[:-1] if word != "-g"]
        words[words.index("-o") + 1] = str(made)
        words += ["-g0", "-Werror", "-Wno-unused", f"-fmacro-prefix-map={folder}=.", "-iquote", str(self.source.parent),
                  *options, str(folder / self.source.name)]
        done = subprocess.run(words, cwd=self.commands.directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=open(folder / "compiler.log", "wb"), check=False, env=UNCACHED)
        return made if done.returncode == 0 else None

    def _link(self, test, made, folder, *more):
        program = folder / test
        words = list(self.commands.links[f"tests/unit/{test}"])
        place = words.index("-o")
        words[place + 1] = str(program)
        if self.object in words:
            words[words.index(self.object)] = str(made)
        else:
            words.insert(place + 2, str(made))
        words += [*map(str, more), "-Wl,-S", *self.linker]
        subprocess.run(words, cwd=self.commands.directory, check=True, stdin=subprocess.DEVNULL,
                       capture_output=True)
        return program

    # ---- which tests ----

    def candidates(self):
        """Names of the test programs that are linked with the object or its library: (close, others). The close ones
        share a word with the name of the source file; they notice most changes, so the others are often not needed."""
        wanted = {self.object, self.commands.archives.get(self.object)}
        names = [Path(made).name for made, words in self.commands.links.items()
                 if made.startswith("tests/unit/test_") and wanted.intersection(words)]
        stem = set(self.source.stem.replace("-", "_").split("_"))
        close = [name for name in names if stem.intersection(name.split("_")[1:])]
        return close, [name for name in names if name not in close]

    def find_tests(self, names, pool):
        """Builds and runs the test programs `names` as far as the object is in them, notes which functions each enters and
        how long it takes, and sets `tests` to them. A test that fails with the unchanged object is left out."""
        made = [f"tests/unit/{name}" for name in names]
        done = subprocess.run(["make", "--no-print-directory", f"-j{self.jobs}", *made], cwd=self.commands.directory,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False) if made else None
        if done and done.returncode:
            raise LookupError(f"{self.source}: its unit tests do not build:\n{done.stderr}")
        symbols = _symbols(self.unchanged, "TB")
        linked = [name for name in names
                  if symbols & _symbols(self.commands.directory / "tests" / "unit" / name, "TtBb")]
        folder = self.scratch / "entered"
        folder.mkdir(exist_ok=True)
        noting = self._compile(self.source.read_text(), folder, "-finstrument-functions")
        runtime = folder / "entered.o"
        subprocess.run([self.compiler[0], "-O2", "-fPIE", "-c", "-o", runtime, HERE / "entered.c"], check=True)
        known = Measured(self.commands.directory, self.unchanged)
        self.tests = []
        for test, good in pool.map(lambda name: known.get(name) or self._measure(name, noting, runtime), linked):
            known.put(test, good)
            if not good:
                self.unfit.append(test.name)
            elif test.functions:
                self.tests.append(test)
        known.write()
        self.tests.sort(key=lambda test: test.seconds)

    def _measure(self, name, noting, runtime):
        folder = self._folder(f"measure-{name}")
        notes = folder / "notes"
        notes.write_bytes(bytes(NOTES_SIZE))
        notes.chmod(0o666)
        program = self._link(name, noting, folder, runtime)
        test = Test(name)
        status, test.seconds = self._run(program, 3600, MIMO_MUTATE_NOTES=notes)
        entered = notes.read_bytes()
        start = next(int(line.split()[0], 16) for line in _output("nm", program) if line.endswith(" __executable_start"))
        for line in _output("nm", "--defined-only", program):
            address, kind, symbol = line.split()
            if kind in "tT" and entered[(int(address, 16) - start) // 16]:
                test.functions.add(symbol.split(".")[0])
        return test, status == 0

    # ---- running ----

    def _run(self, program, limit, **environment):
        """(exit status, or None if it took too long; seconds). Whatever the program started ends with it."""
        begin = time.monotonic()
        folder = program.parent
        words = [program]
        if self.fence:
            (folder / "tmp").mkdir(exist_ok=True)
            trees = (TOP, self.commands.directory)
            words = [*self.fence, folder / "tmp", len(trees), *trees, program]
        process = subprocess.Popen([str(word) for word in words], cwd=self.commands.directory, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                   env={**os.environ, "MIMO_SOURCE": str(TOP), **{key: str(value) for key, value in environment.items()}})
        try:
            return process.wait(limit), time.monotonic() - begin
        except subprocess.TimeoutExpired:
            return None, time.monotonic() - begin
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def try_mutant(self, number, mutant):
        """What became of a mutant."""
        folder = self.scratch / f"mutant-{number}"
        folder.mkdir(exist_ok=True)
        made = self._compile(mutant.apply(self.source.read_text()), folder)
        if made is None:
            return "did not compile"
        if made.read_bytes() == self.unchanged.read_bytes():
            return "same code"
        for test in self.tests:
            if mutant.function and mutant.function not in test.functions:
                continue
            program = self._link(test.name, made, folder)
            verdict = self._judge(test, program)
            program.unlink()
            if verdict:
                return verdict
        return "survived"

    def _judge(self, test, program):
        """A test that takes too long counts only if the unchanged one, run right after it, is fast: otherwise it is the
        machine that is slow, and the limit grows."""
        limit = max(LIMIT_FLOOR, LIMIT_FACTOR * test.seconds)
        while True:
            status, _ = self._run(program, limit)
            if status is not None:
                return "killed" if status not in (0, SKIPPED) else ""
            status, seconds = self._run_unchanged(test, program.parent, limit)
            if status is not None and seconds * 4 <= limit:
                return "timed out"
            test.seconds = max(test.seconds, seconds)
            limit *= 4

    def _run_unchanged(self, test, folder, limit):
        unchanged = folder / "unchanged"
        unchanged.write_bytes((self.commands.directory / "tests" / "unit" / test.name).read_bytes())
        unchanged.chmod(0o755)
        return self._run(unchanged, limit)


def _symbols(path, kinds):
    return {line.split()[2] for line in _output("nm", "--defined-only", path) if line.split()[1] in kinds}


def _output(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True).stdout.splitlines()


def _fast_linker(compiler):
    """gold, where there is one, takes a third of the time."""
    done = subprocess.run([compiler, "-fuse-ld=gold", "-Wl,--version"], capture_output=True, check=False)
    return ["-fuse-ld=gold"] if done.returncode == 0 else []


def _fence():
    """The words in front of a program that keep it from everything else; none where this machine does not allow it."""
    namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]
    words = ["unshare", *user, *namespaces]
    done = subprocess.run([*words, "true"], capture_output=True, check=False)
    return [*words, "sh", "-c", FENCE, "fence"] if done.returncode == 0 else []
