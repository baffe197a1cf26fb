# SPDX-License-Identifier: Apache-2.0
"""What is done to the system. A fault is a thread that acts until it is told to stop, and then undoes what it did."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

from .rig import LEASE_SECONDS


class Fault(threading.Thread):
    """`pause` seconds on average between two acts."""

    pause = 0.3

    def __init__(self, rig, chance):
        super().__init__(name=type(self).__name__, daemon=True)
        self.rig, self.chance = rig, chance
        self.done = threading.Event()
        self.counts = {}
        self.failure = None

    def run(self):
        try:
            while not self.done.wait(self.chance.random() * 2 * self.pause):
                self.act()
        except Exception as failure: # reported at the end of the round: a fault that stopped proves nothing
            self.failure = failure
        finally:
            self.undo()

    def stop(self):
        self.done.set()
        self.join()

    def act(self):
        raise NotImplementedError

    def undo(self):
        """Whatever of it outlasts an act."""

    def note(self, kind, seen=None, **fields):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if seen:
            fields.update(target=seen.role, pid=seen.pid, index=seen.index)
        self.rig.history.add("fault", kind=kind, **fields)

    def choose(self, shares):
        """A living process: first a role by its share, then one of that role. None when there is none."""
        (role, ) = self.chance.choices(list(shares), list(shares.values()))
        living = sorted(self.rig.observer.living(role), key=lambda seen: seen.pid)
        return self.chance.choice(living) if living else None

    def send(self, seen, number):
        """True when the signal went to the very process that was seen."""
        with contextlib.suppress(OSError):
            process = os.pidfd_open(seen.pid)
            try:
                with open(f"/proc/{seen.pid}/stat", encoding="utf-8", errors="replace") as file:
                    if int(file.read().rpartition(")")[2].split()[19]) == seen.start:
                        signal.pidfd_send_signal(process, number)
                        return True
            finally:
                os.close(process)
        return False


class Kill(Fault):
    """SIGKILL of any process of any actuator."""

    pause = 0.2
    shares = {"worker": 50, "supervisor": 20, "launcher": 15, "helper": 15}

    def act(self):
        seen = self.choose(self.shares)
        if seen and self.send(seen, signal.SIGKILL):
            self.note("kill", seen)


class KillApi(Kill):
    """SIGKILL of the Admin API, while requests are under way."""

    shares = {"api": 1}
    pause = 1.2


class Stop(Fault):
    """SIGSTOP, then SIGCONT: often after the lease has ended, sometimes at once, and of two processes at a time."""

    pause = 0.8
    shares = {"supervisor": 45, "launcher": 25, "worker": 30}

    def __init__(self, rig, chance):
        super().__init__(rig, chance)
        self.stopped = [] # (when to continue, process)

    def act(self):
        self._continue(time.monotonic())
        seen = self.choose(self.shares)
        if seen and len(self.stopped) < 2 and self.send(seen, signal.SIGSTOP):
            seconds = self.chance.choice((0.2, 1.0, LEASE_SECONDS + 2.5, LEASE_SECONDS + 4.0))
            self.stopped.append((time.monotonic() + seconds, seen))
            self.note("stop", seen, seconds=seconds)

    def _continue(self, now):
        for moment, seen in list(self.stopped):
            if moment <= now:
                self.stopped.remove((moment, seen))
                if self.send(seen, signal.SIGCONT):
                    self.note("continue", seen)

    def undo(self):
        self._continue(float("inf"))


class StopPair(Stop):
    """SIGSTOP of a supervisor together with its launcher, for longer than a lease: what the alarm leaves to them is not done."""

    pause = 1.2

    def act(self):
        self._continue(time.monotonic())
        supervisor = self.choose({"supervisor": 1})
        launcher = next((seen for seen in self.rig.observer.living("launcher")
                         if supervisor and seen.parent == supervisor.pid), None)
        if not launcher or len(self.stopped) >= 4: # two pairs of three
            return
        moment = time.monotonic() + self.chance.choice((1.0, LEASE_SECONDS + 2.5, LEASE_SECONDS + 4.0))
        for seen in self.chance.sample((supervisor, launcher), 2):
            if self.send(seen, signal.SIGSTOP):
                self.stopped.append((moment, seen))
                self.note("stop", seen, seconds=moment - time.monotonic())


class KillWorkers(Kill):
    """SIGKILL of workers."""

    shares = {"worker": 1}
    pause = 0.4


class CopyIdentity(Fault):
    """Starts an actuator in a copy of another's state directory, as it is or as in the image of a whole machine. It must end."""

    pause = 0.8
    patience = 60

    def act(self):
        index = self.chance.randrange(self.rig.actuators)
        copy = self.rig.system / "state" / f"copy-{sum(self.counts.values())}"
        subprocess.run(["cp", "-a", self.rig.system / "state" / str(index), copy], check=True)
        image = self.chance.random() < 0.7
        if image: # which has the same machine ID and lock file, and was started later
            start = json.loads((copy / "actuator.start").read_text())
            del start["lock"]
            (copy / "actuator.start").write_text(json.dumps({**start, "boot": "of the image"}))
        own = {"actuator.state_directory": copy, "actuator.runtime_directory": copy, "metrics.listen": "127.0.0.1:0",
               "actuator.index": index, **self.rig.settings}
        command = [self.rig.build / "mimod", "--config", self.rig.system / "mimo.conf",
                   *(f"--set={key}={value}" for key, value in own.items())]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              start_new_session=True) as process:
            self.note("copied image" if image else "copied directory", index=index)
            try:
                said = process.communicate(timeout=self.patience)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        refused = "another mimod runs as actuator" if image else "is a copy of the directory"
        if process.returncode == 0 or refused not in said:
            raise RuntimeError(f"a copy of actuator {index} ended with {process.returncode}: {said[-2000:]}")


class ForeignClocks(Fault):
    """Membership records of actuators that are not there, whose clocks say anything."""

    pause = 0.5
    clocks = (0, -1, -(1 << 63), (1 << 63) - 1, 253402300799, 1, int(time.time()) + 86400, int(time.time()) - 86400)

    def __init__(self, rig, chance):
        super().__init__(rig, chance)
        self.names = [f"cccccccc-0000-4000-8000-{number:012d}" for number in range(4)]

    def act(self):
        record = {"id": self.chance.choice(self.names), "workerType": "MIMO_ACTUATOR", "hostname": "nowhere",
                  "index": self.chance.randrange(-1, 4), "seenAt": self.chance.choice(self.clocks),
                  "startedAt": self.chance.choice(self.clocks), "ttl": self.chance.choice(self.clocks)}
        self._load({"container": "PoolWorkers", "document": record})
        self.note("foreign clock", seenAt=record["seenAt"])

    def _load(self, *lines):
        subprocess.run([self.rig.build / "mimo-store", "--config", self.rig.system / "mimo.conf", "--replace", "--force", "load"],
                       input="".join(json.dumps(line) + "\n" for line in lines), text=True, capture_output=True, check=False,
                       timeout=60)


class Lock(Fault):
    """Another process writes to the database and takes its time: for less than the 5 s that programs wait, or more."""

    pause = 1.5

    def act(self):
        connection = sqlite3.connect(self.rig.system / "store" / "mimo.db", timeout=0.2, isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError: # busy itself: another time
            connection.close()
            return
        self.note("lock")
        self.done.wait(self.chance.choice((0.5, 2.0, 6.5, 8.0)))
        connection.execute("ROLLBACK")
        connection.close()


class LockRarely(Lock):
    """Among other faults: while the database is locked there is little else to break."""

    pause = 6


class MoveAway(Fault):
    """The directory of the store is gone for a while."""

    pause = 1.5

    def act(self):
        store, away = self.rig.system / "store", self.rig.system / "store-away"
        os.rename(store, away)
        self.note("move away")
        try:
            self.done.wait(self.chance.choice((0.3, 1.0, LEASE_SECONDS + 2.0)))
        finally:
            os.rename(away, store)


class FillDisk(Fault):
    """Not a byte is left on the store's disk, which is a small tmpfs (rounds.mount_small_disk)."""

    pause = 1.5

    def act(self):
        ballast = self.rig.system / "store" / "ballast"
        self.note("fill")
        try:
            with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
                for size in (1 << 20, 1 << 12, 1):
                    with contextlib.suppress(OSError):
                        while file.write(b"\0" * size):
                            pass
            self.done.wait(self.chance.choice((0.5, 2.0, LEASE_SECONDS + 2.0)))
        finally:
            ballast.unlink(missing_ok=True)


class FailCalls(Fault):
    """System calls of one actuator's store fail, every so many: strace(1) attached to its supervisor."""

    pause = 0.8

    def act(self):
        seen = self.choose({"supervisor": 1})
        strace = shutil.which("strace")
        if not seen or not strace:
            return
        calls = self.chance.choice(("fdatasync", "pwrite64", "fdatasync,pwrite64", "pread64"))
        error = self.chance.choice(("EIO", "ENOSPC")) if calls != "pread64" else "EIO"
        step = self.chance.choice((2, 3, 5, 9))
        with subprocess.Popen([strace, "-q", "-f", "-p", str(seen.pid), "-o", "/dev/null", "-e", f"trace={calls}",
                               "-e", f"inject={calls}:error={error}:when={self.chance.randrange(1, 4)}+{step}"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True) as tracer:
            self.note("fail calls", seen, calls=calls, error=error, step=step)
            self.done.wait(self.chance.choice((1.0, 3.0, LEASE_SECONDS + 2.0)))
            tracer.terminate()
            try:
                tracer.wait(10)
            except subprocess.TimeoutExpired:
                tracer.kill()
