# SPDX-License-Identifier: Apache-2.0
"""The programs: starting, watching, stopping; and leaving nothing behind, whatever happens.

* `Family` is a child subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)): whatever a program leaves behind when it
  ends becomes its child. So it can see, name and end it.
* The programs change their users, which makes the kernel forget a parent-death signal. In its place a guard, a
  process that does nothing else, holds the end of a socket: when this process ends, even by SIGKILL, the guard
  reads the end of file and kills all programs. It knows them by pidfds, which mean one process for ever, however
  often its number is used again: pidfd_open(2).
* Signals are blocked and taken with sigtimedwait(2), so nothing interrupts anything: every wait of this package is
  `Family.pause()`, which reaps and raises `Stop` when this process is to end.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

PR_SET_CHILD_SUBREAPER = 36
TAKEN = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}

# Of our own environment the programs get what a service manager or a platform would give them, and what sanitizers read.
PASSED_ON = ("PATH", "TZ", "TMPDIR", "NOTIFY_SOCKET", "WATCHDOG_USEC", "IDENTITY_ENDPOINT", "IDENTITY_HEADER",
             "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")

STOP_PATIENCE = 20.0 # seconds from the second SIGTERM to SIGKILL; workers that ignore theirs take 10 of them
LEFTOVER_PATIENCE = 5.0


class Stop(Exception):
    """SIGTERM, SIGINT or SIGHUP came: this process is to end."""


class Failure(Exception):
    """Something did not go as it must, in words for whoever started this."""


@dataclass
class Program:
    """One program that was started."""
    name: str
    arguments: list
    log: str
    process: subprocess.Popen
    status: int = None # exit status, negative for a signal; None while it runs
    log_start: int = 0 # where its log ended when it was started
    reported: bool = False # whoever watches it has said that it ended

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_running(self):
        return self.status is None

    def ending(self):
        """How it ended, in words."""
        if self.status < 0:
            return f"was killed by {signal.Signals(-self.status).name}"
        return f"ended with exit status {self.status}"

    def last_lines(self, count=15):
        """Of its log, as far as this start of it wrote them: an earlier run may have had other troubles."""
        with open(self.log, "rb") as file:
            file.seek(self.log_start)
            lines = file.read().decode(errors="replace").splitlines(keepends=True)[-count:]
        return "".join(f"    {line}" for line in lines) or "    (its log is empty)\n"


class Family:
    """All programs of a system."""

    def __init__(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, TAKEN)
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot become a child subreaper")
        self._programs = {}
        self._guard, self._guard_socket = _start_guard()
        self._stopping = False

    def spawn(self, name, arguments, log, **options):
        """Start a program; its output is added to the file `log`."""
        environment = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        environment["LANG"] = "C.UTF-8"
        with open(log, "ab") as output:
            log_start = output.tell()
            process = subprocess.Popen([str(argument) for argument in arguments], stdin=subprocess.DEVNULL,
                                       stdout=options.pop("stdout", output), stderr=output, env=environment,
                                       start_new_session=True, preexec_fn=_unblock_signals, **options)
        pidfd = os.pidfd_open(process.pid)
        socket.send_fds(self._guard_socket, [b"."], [pidfd])
        os.close(pidfd)
        program = Program(name, arguments, str(log), process, log_start=log_start)
        self._programs[process.pid] = program
        return program

    def run(self, name, arguments, log, **options):
        """Start a program and wait until it ends well."""
        program = self.spawn(name, arguments, log, **options)
        while program.is_running:
            self.pause(0.02)
        if program.status != 0:
            raise Failure(f"{name} {program.ending()}; the last lines of its log:\n{program.last_lines()}")

    def pause(self, seconds):
        """Wait so long, or until a program ends. Raises Stop when this process is to end."""
        taken = signal.sigtimedwait(TAKEN, seconds)
        self._reap()
        if taken and taken.si_signo != signal.SIGCHLD and not self._stopping:
            raise Stop(signal.Signals(taken.si_signo).name)

    def wait_for(self, what, predicate, needed, patience=60.0):
        """Wait until predicate() holds; none of the `needed` programs may end meanwhile."""
        deadline = time.monotonic() + patience
        while not predicate():
            self.pause(0.02)
            for program in needed:
                if not program.is_running:
                    program.reported = True
                    raise Failure(f"{program.name} {program.ending()}; the last lines of its log:\n{program.last_lines()}")
            if time.monotonic() > deadline:
                said = "".join(f"  the last lines of {program.name}'s log:\n{program.last_lines()}" for program in needed)
                raise Failure(f"timed out after {patience:.0f} s waiting for {what}\n{said}")

    def _reap(self):
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                program = self._programs.pop(pid, None)
                if program: # all others were left to us by programs that ended
                    program.status = program.process.returncode = os.waitstatus_to_exitcode(status)

    def stop(self, programs, patience):
        """End these programs: SIGTERM, another one after `patience` seconds, SIGKILL in the end. Returns the killed."""
        self._stopping = True
        for number, wait in ((signal.SIGTERM, patience), (signal.SIGTERM, STOP_PATIENCE)):
            _signal_all(programs, number)
            deadline = time.monotonic() + wait
            while any(program.is_running for program in programs) and time.monotonic() < deadline:
                self.pause(0.02)
        killed = [program for program in programs if program.is_running]
        _signal_all(killed, signal.SIGKILL)
        while any(program.is_running for program in killed):
            self.pause(0.02)
        return killed

    def close(self, patience=LEFTOVER_PATIENCE):
        """When all programs were stopped: returns what is left of them all the same, and ends it."""
        self._stopping = True
        deadline = time.monotonic() + patience
        left = self._left_behind()
        while left and time.monotonic() < deadline:
            self.pause(0.02)
            left = self._left_behind()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._guard_socket.close()
        while _children():
            self.pause(0.02)
        return left

    def _left_behind(self):
        """{pid: title} of our children but the guard."""
        return {pid: title for pid, title in _children().items() if pid != self._guard}


def _signal_all(programs, number):
    for program in programs:
        if program.is_running:
            os.kill(program.pid, number)


def _unblock_signals():
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _children():
    """{pid: title} of the children of this process."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
            if parent == os.getpid():
                with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as file:
                    children[int(entry)] = file.read().replace("\0", " ").strip()
    return children


def _start_guard():
    """(pid of the guard, the socket by which it learns of programs and of our end)"""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            ours.close()
            os.setsid()
            _guard(theirs)
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    return pid, ours


def _guard(news):
    """Until the end of file, remember programs; then kill those that are still there."""
    programs = []
    while True:
        data, received, _, _ = socket.recv_fds(news, 1, 1)
        if not data:
            break
        programs = [program for program in programs if _is_alive(program)] + received
    for program in programs:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(program, signal.SIGKILL)


def _is_alive(pidfd):
    try:
        signal.pidfd_send_signal(pidfd, 0)
        return True
    except ProcessLookupError:
        os.close(pidfd)
        return False
