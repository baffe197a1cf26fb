# SPDX-License-Identifier: Apache-2.0
"""The store is put back: to a backup while everything is stopped, to a dump beside running actuators.

Each writes `restored` into the history: when the copy was begun (`since`), and what may be gone by that (`whole`: all that was
made after it). Documents are not looked at meanwhile.
"""

import shutil
import subprocess
import time

from .faults import Fault
from .rig import LEASE_SECONDS, Failure

PATIENCE = 60


class Restore(Fault):
    """A copy is taken, the actuators run on, the copy is put back."""

    pause = 1.5
    whole = False

    def act(self):
        since = time.monotonic()
        copy = self.rig.directory / "copy.db"
        copy.unlink(missing_ok=True)
        self.tool("backup", copy)
        if self.done.wait(self.chance.choice((0.5, 2.0, LEASE_SECONDS + 2.0))):
            return
        began = time.monotonic()
        self.put_back(copy)
        self.note("restored store", seconds=began - since)
        self.rig.history.add("restored", since=since, began=began, whole=self.whole)
        self.resume()

    def put_back(self, copy):
        raise NotImplementedError

    def resume(self):
        self.rig.watch_documents()

    def tool(self, *words, **options):
        done = subprocess.run([self.rig.build / "mimo-store", "--config", self.rig.system / "mimo.conf", *words],
                              capture_output=True, check=False, timeout=PATIENCE, **options)
        if done.returncode != 0:
            raise Failure(f"mimo-store {words[0]}: {done.stderr!r}")
        return done.stdout


class PutBack(Restore):
    """With everything stopped, as mimo-store(8) says."""

    whole = True

    def put_back(self, copy):
        store = self.rig.system / "store" / "mimo.db"
        owner = store.stat()
        self.rig.stop()
        for file in store.parent.glob("mimo.db*"):
            file.unlink()
        shutil.copy(copy, store)
        shutil.chown(store, owner.st_uid, owner.st_gid)
        store.chmod(0o660)
        self.tool("check")

    def resume(self):
        self.rig.start_again()


class LoadBack(Restore):
    """Beside running actuators: refused, and then done because it was told to."""

    def put_back(self, copy):
        dump = self.tool("--store", f"sqlite:{copy}", "dump")
        self.rig.documents.stop()
        try:
            self.tool("--replace", "load", input=dump)
        except Failure as refused:
            if "--force" not in str(refused):
                raise
        else:
            raise Failure("mimo-store load did not refuse beside running actuators")
        self.tool("--replace", "--force", "load", input=dump)
