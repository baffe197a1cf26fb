# SPDX-License-Identifier: Apache-2.0
"""Rounds that have a course of their own: a power cut, and a fault at each system call of each transaction."""

import collections
import fcntl
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from . import fleet, history, rig as rigs
from .rounds import CLIENTS, NEEDS_ROOT, Outcome, is_root

ABOUT = {
    "power": "a power cut while manifests are created and attempts end: ext4 on a loop device, EXT4_IOC_SHUTDOWN",
    "syscalls": "a kill, EIO and ENOSPC at each system call of each kind of transaction",
}


def run(name, seed, build, directory, *, lying_disk):
    outcome = Outcome(name, seed, directory)
    began = time.monotonic()
    directory.mkdir(mode=0o755, parents=True)
    directory.chmod(0o755)
    try:
        RUNS[name](outcome, random.Random(seed), build, directory, lying_disk)
    except rigs.Failure as failure:
        outcome.failure = str(failure)
    outcome.seconds = time.monotonic() - began
    return outcome


# ---- a power cut ----

EXT4_IOC_SHUTDOWN = 0x8004587D # _IOR('X', 125, __u32) of the kernel's fs/ext4/ext4.h
WITHOUT_FLUSHING = 2           # EXT4_GOING_FLAGS_NOLOGFLUSH: what is not on disk never gets there
IMAGE_SIZE = "64M"
LIBRARY = "libeatmydata.so"
WRAPPER = "#!/bin/sh\n# {program}, for which fsync(2) does nothing.\nLD_PRELOAD={library} exec {program} \"$@\"\n"


class Disk:
    """A small disk whose power can be cut."""

    def __init__(self, directory):
        self.image, self.mount_point = directory / "disk.img", directory / "up" / "store"

    def make(self, _rig=None):
        self.mount_point.mkdir(mode=0o755, parents=True, exist_ok=True)
        command("truncate", "-s", IMAGE_SIZE, self.image)
        command("mkfs.ext4", "-q", "-F", self.image)
        self.mount()

    def mount(self):
        command("mount", "-o", "loop", self.image, self.mount_point)

    def cut_power(self):
        descriptor = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, WITHOUT_FLUSHING.to_bytes(4, sys.byteorder))
        finally:
            os.close(descriptor)

    def unmount(self):
        if os.path.ismount(self.mount_point):
            subprocess.run(["umount", self.mount_point], check=False)
        if os.path.ismount(self.mount_point):
            command("umount", "-l", self.mount_point)


def command(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise rigs.Failure(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()}")


def lying_programs(build, directory):
    """The programs of `build`, but their fsync(2) is a lie (eatmydata)."""
    found = next((path for path in ("/usr/lib/x86_64-linux-gnu/" + LIBRARY, "/usr/lib/aarch64-linux-gnu/" + LIBRARY)
                  if os.path.exists(path)), None)
    if not found:
        raise rigs.Failure(f"{LIBRARY} is missing: apt-get install eatmydata")
    liars = directory / "liars"
    liars.mkdir(mode=0o755)
    for path in build.iterdir():
        if path.name in ("mimod", "mimo-api"):
            (liars / path.name).write_text(WRAPPER.format(program=path, library=found))
            (liars / path.name).chmod(0o755)
        elif path.name.startswith("mimo") and path.is_file() and os.access(path, os.X_OK):
            (liars / path.name).symlink_to(path)
    return liars


def cut_power(outcome, chance, build, directory, lying_disk):
    if not is_root() or not shutil.which("mkfs.ext4"):
        outcome.skipped = f"{NEEDS_ROOT} and mkfs.ext4: mounts a loop device"
        return
    disk = Disk(directory)
    programs = lying_programs(build, directory) if lying_disk else build
    clusters, path = 40, directory / "history.jsonl"
    try:
        with rigs.Rig(programs, directory, clusters=clusters, prepare=disk.make) as rig:
            clients = [fleet.Client(rig, random.Random(chance.random()), range(first, 20000, CLIENTS), clusters, 1, 100)
                       for first in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(3 + 4 * chance.random())
            disk.cut_power()
            rig.history.add("fault", kind="power cut")
            for client in clients:
                client.stop()
            rig.documents.stop()
        disk.unmount()
        disk.mount()
        judge_disk(outcome, build, directory, history.read(path))
    finally:
        disk.unmount()
    if lying_disk:
        lost = len(outcome.violations)
        outcome.violations = [] if lost else [("power cut", "nothing was lost with a lying disk: this round sees nothing")]
        outcome.figures["faults"]["lost by the lying disk, as it must"] = lost


def judge_disk(outcome, build, directory, events):
    """What was acknowledged and what was seen terminal before the cut is on the disk after it."""
    tool = [build / "mimo-store", "--config", directory / "up" / "mimo.conf"]
    check = subprocess.run([*tool, "check"], capture_output=True, text=True, check=False)
    dump = subprocess.run([*tool, "dump"], capture_output=True, text=True, check=False)
    if dump.returncode != 0:
        outcome.violations.append(("the_store_is_sound", f"cannot be read after the cut: {dump.stderr}"))
        return
    if check.returncode != 0:
        outcome.violations.append(("the_store_is_sound", f"mimo-store check after the cut: {check.stdout[-2000:]}"))
    found = {line["document"]["id"]: line["document"] for line in map(json.loads, dump.stdout.splitlines())
             if line["container"] == "MaintenanceManifests"}
    deleted = {event["manifest"] for event in events if event["what"] == "deleted"}
    accepted = [event["manifest"] for event in events if event["what"] == "accepted"]
    for identifier in accepted:
        if identifier not in found and identifier not in deleted:
            outcome.violations.append(("acknowledged creates", f"manifest {identifier} was accepted and is lost"))
    terminal = {}
    for event in events:
        if event["what"] == "document" and event["document"]["state"] in rigs.TERMINAL:
            terminal[event["document"]["id"]] = event["document"]
    for identifier, document in terminal.items():
        now = found.get(identifier, {}).get("maintenanceManifest", {}).get("state")
        if now != document["state"] and identifier not in deleted:
            outcome.violations.append(("results that were seen", f"manifest {identifier} was {document['state']} and is {now}"))
    outcome.figures = {"faults": {"power cut": 1, "creates acknowledged": len(accepted), "results seen": len(terminal)}}


# ---- each system call of each transaction ----

CALLS = ("pwrite64", "fdatasync", "ftruncate", "fcntl", "openat", "pread64", "mmap", "unlink")
FAULTS = {"kill": "signal=SIGKILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}
PATIENCE = 120 # seconds
Point = collections.namedtuple("Point", "transaction fault call number")


class Bench:
    """A store for each point, made of one that is ready for the transaction."""

    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        self.driver = build / "tests" / "chaos" / "store_driver"
        self.configuration = directory / "mimo.conf"
        self.configuration.write_text(f"[clusters]\nseal_key = {directory}/seal.key\nseal_certificate = {directory}/seal.crt\n")
        if not self.driver.exists():
            raise rigs.Failure(f"{self.driver} is missing; ./bootstrap build makes it")

    def tool(self, store, *words):
        return subprocess.run([self.build / "mimo-store", "--config", self.configuration, "--store", f"sqlite:{store}", *words],
                              capture_output=True, text=True, check=False, timeout=PATIENCE)

    def drive(self, store, transaction, *tracer):
        return subprocess.run([*tracer, self.driver, f"sqlite:{store}", transaction], capture_output=True, text=True,
                              check=False, timeout=PATIENCE)

    def prepare(self):
        """{transaction: a store in which it can be made}"""
        dump = self.directory / "cluster.jsonl"
        fleet.write_clusters(dump, 1)
        states, made = {}, self.directory / "base.db"
        for words in (("init", ), ("load", dump)):
            done = self.tool(made, *words)
            if done.returncode != 0:
                raise rigs.Failure(f"mimo-store {words[0]}: {done.stderr}")
        for transaction, after in (("create", "delete"), ("claim", "create"), ("settle", "claim")):
            states.setdefault(transaction, shutil.copy(made, self.directory / f"{transaction}.db"))
            if self.drive(made, transaction).returncode != 0:
                raise rigs.Failure(f"store_driver cannot {transaction} even without faults")
            if transaction == "create":
                states["delete"] = shutil.copy(made, self.directory / "delete.db")
        return states

    def points(self, transaction, store):
        """How often each call is made between the first look at the store's file and the end."""
        copy, log = self.directory / "count.db", self.directory / "count.log"
        shutil.copy(store, copy)
        self.drive(copy, transaction, "strace", "-f", "-o", log, "-e", f"trace={','.join(CALLS)}")
        before, counts, in_store = collections.Counter(), collections.Counter(), False
        for line in log.read_text(errors="replace").splitlines():
            if match := re.match(r"\d+\s+(\w+)\(", line):
                in_store = in_store or str(copy) in line
                (counts if in_store else before)[match.group(1)] += 1
        return [Point(transaction, fault, call, before[call] + number)
                for call in CALLS for number in range(1, counts[call] + 1) for fault in FAULTS]

    def views(self, store):
        """What is in it: (manifest's state or None, cluster's provisioningState, whether it is leased)."""
        dump = self.tool(store, "dump")
        if dump.returncode != 0:
            return f"cannot be read: {dump.stderr.strip()}"
        documents = collections.defaultdict(list)
        for line in map(json.loads, dump.stdout.splitlines()):
            documents[line["container"]].append(line["document"])
        manifests = documents["MaintenanceManifests"]
        (cluster, ) = documents["OpenShiftClusters"]
        return (manifests[0]["maintenanceManifest"]["state"] if manifests else None,
                cluster["openShiftCluster"]["properties"].get("provisioningState"), "leaseOwner" in cluster)

    def try_point(self, point, store):
        """(acknowledged, what is wrong)"""
        place = self.directory / "-".join(map(str, point))
        place.mkdir()
        copy = shutil.copy(store, place / "store.db")
        before = self.views(copy)
        done = self.drive(copy, point.transaction, "strace", "-f", "-o", place / "trace", "-e", f"trace={point.call}", "-e",
                          f"inject={point.call}:{FAULTS[point.fault]}:when={point.number}")
        acknowledged = "acknowledged" in done.stdout
        after = self.views(copy)
        wrong = ""
        if done.returncode < 0 and not (point.fault == "kill" and done.returncode == -signal.SIGKILL):
            wrong = f"ended by signal {-done.returncode}"
        elif acknowledged and after != AFTER[point.transaction]:
            wrong = f"was acknowledged and is {after}"
        elif after not in (before, AFTER[point.transaction]):
            wrong = f"is neither old nor new: {after}"
        elif (check := self.tool(copy, "check")).returncode != 0:
            wrong = f"mimo-store check: {check.stdout}{check.stderr}"
        if not wrong:
            shutil.rmtree(place)
        return acknowledged, wrong


AFTER = {"create": ("Pending", "Succeeded", False), "claim": ("InProgress", "AdminUpdating", True),
         "settle": ("Completed", "Succeeded", False), "delete": (None, "Succeeded", False)}


def break_each_call(outcome, _chance, build, directory, _lying_disk):
    if not shutil.which("strace"):
        outcome.skipped = "needs strace(1)"
        return
    bench = Bench(build, directory)
    stores = bench.prepare()
    points = [point for transaction, store in stores.items() for point in bench.points(transaction, store)]
    acknowledged = 0
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        for point, (acked, wrong) in zip(points, pool.map(lambda point: bench.try_point(point, stores[point.transaction]), points)):
            acknowledged += acked
            if wrong:
                outcome.violations.append(("old or new", f"{point.transaction}, {point.fault} at {point.call} {point.number}: {wrong}"))
    outcome.figures = {"faults": {"points": len(points), "acknowledged all the same": acknowledged}}
    if not points:
        raise rigs.Failure("no system call was seen")


RUNS = {"power": cut_power, "syscalls": break_each_call}
