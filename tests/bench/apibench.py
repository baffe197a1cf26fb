# SPDX-License-Identifier: Apache-2.0
"""The Admin API under load: wrk over keep-alive TLS on the same machine, beside limits taken in the same run."""

import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

from api_server import ApiServer
from benchlib import PRACTICE, resident, resource_id, table, write_fleet

HERE = Path(__file__).resolve().parent
CLUSTERS, MANIFESTS, PAGE = 50, 5000, 100
DOCUMENT = 'maintenanceManifests/00000000-0000-4000-a000-{:012d}'
SLOW = 1000
SLOW_HEADER = b"GET /healthz/live HTTP/1.1\r\nHost: slow\r\n"
TICKS = os.sysconf("SC_CLK_TCK")
ACTUATOR = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"


def figures(program, arguments, settings):
    """{key: number} as a program that sends requests prints it."""
    done = subprocess.run([program, *map(str, arguments)], env={**os.environ, **settings}, capture_output=True, text=True,
                          check=False, timeout=300)
    found = {key: float(value) for key, value in re.findall(r"^(\w+)=(\d+)$", done.stdout, re.MULTILINE)}
    if done.returncode or not found:
        sys.exit(f"{program} failed: {done.stdout}{done.stderr}")
    return found


def complete(document):
    """Turns every other manifest into one that has run: those are what is looked at most."""
    if int(document["id"][-12:]) % 2:
        document["maintenanceManifest"]["state"] = "Completed"
        document.update(dequeues=1, startedAt=1700000001, finishedAt=1700000002, attempts=[
            {"number": 1, "startedAt": 1700000001, "actuator": ACTUATOR, "finishedAt": 1700000002, "outcome": "succeeded"}])


class Load:
    """One kind of request: what wrk and api_pace send."""

    def __init__(self, server, name, paths, goal, body=None):
        file = server.directory / f"paths-{name.replace(' ', '-')}"
        file.write_text("".join(f"/admin{path}\n" for path in paths))
        self.name, self.goal, self.durable = name, goal, body is not None
        self.settings = {"BENCH_METHOD": "PUT" if body else "GET", "BENCH_TOKEN": server.tokens["admin"],
                         "BENCH_BODY": json.dumps(body) if body else "", "BENCH_PATHS": str(file)}


class Bench:
    """A server with a fleet, and what is done to it; a context manager."""

    def __init__(self, build, seconds, connections):
        self.build, self.seconds, self.connections = build, seconds, connections
        limit = SLOW + 1000
        self.server = ApiServer(build, set={"api.max_connections": limit, "api.max_connections_per_address": limit})
        fleet = self.server.directory / "fleet.jsonl"
        write_fleet(fleet, CLUSTERS, MANIFESTS)
        lines = [json.loads(line) for line in fleet.read_text().splitlines()]
        for line in lines:
            if line["container"] == "MaintenanceManifests":
                complete(line["document"])
        fleet.write_text("".join(json.dumps(line) + "\n" for line in lines))
        fleet.chmod(0o644)
        self.server.store_tool("load", fleet)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.end()

    def loads(self):
        version = "?api-version=admin"
        one = [f"{resource_id(n % CLUSTERS)}/{DOCUMENT.format(n)}{version}" for n in range(MANIFESTS)]
        all_of = [f"{resource_id(n)}/maintenanceManifests{version}" for n in range(CLUSTERS)]
        return [Load(self.server, "GET, one that ran", one[1::2], 8000),
                Load(self.server, "GET, one that waits", one[0::2], 8000),
                Load(self.server, f"list, page of {PAGE}", [f"{path}&limit={PAGE}" for path in all_of], 1500),
                Load(self.server, "create, durable", all_of, 1500, {"maintenanceTaskID": PRACTICE})]

    def wrk(self, load, port=None):
        """Its figures; with `cpu`, microseconds of the server's processor time for each request."""
        before = self.cpu()
        found = figures("wrk", ["-t", 1, "-c", self.connections, "-d", f"{self.seconds}s", "-s", HERE / "api.lua",
                                f"https://127.0.0.1:{port or self.server.port}"], load.settings)
        if found["refused"] or found["broken"]:
            sys.exit(f"{load.name}: {found['refused']:.0f} requests were refused, {found['broken']:.0f} came to nothing")
        found["per_second"] = found["requests"] * 1e6 / found["microseconds"]
        found["cpu"] = (self.cpu() - before) * 1e6 / found["requests"]
        return found

    def cpu(self):
        """Seconds of processor time that the server has used."""
        fields = Path(f"/proc/{self.server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def paced(self, load, rate):
        return figures(self.build / "tests/bench/api_pace", [self.server.port, self.connections, rate, self.seconds],
                       load.settings)

    def https_limit(self, load, size):
        """Requests a second of a server that answers with so many bytes that are there already."""
        directory = self.server.directory
        with subprocess.Popen([self.build / "tests/bench/api_limit", directory / "api.crt", directory / "api.key", str(size)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            port = int(process.stdout.readline().partition("=")[2])
            rate = self.wrk(load, port)["per_second"]
            process.stdin.close()
        return rate

    def disk_limit(self):
        """Writes of a page a second that are on disk before the next."""
        with open(self.server.directory / "disk", "wb") as file:
            began, count = time.monotonic(), 0
            while time.monotonic() - began < 1:
                os.pwrite(file.fileno(), bytes(4096), 4096 * count)
                os.fdatasync(file.fileno())
                count += 1
            return count / (time.monotonic() - began)

    @contextlib.contextmanager
    def slow_connections(self, count):
        """So many that have sent half a request; each of them may take its time for the rest."""
        context = ssl.create_default_context(cafile=self.server.directory / "api.crt")
        held = []
        for _ in range(count):
            connection = context.wrap_socket(socket.create_connection(("127.0.0.1", self.server.port)), server_hostname="localhost")
            connection.sendall(SLOW_HEADER + b"\r\n")
            connection.recv(4096)
            connection.sendall(SLOW_HEADER) # within 35 s of the answer the rest of it is due
            held.append(connection)
        yield held
        alive = sum(is_open(connection) for connection in held)
        if alive < count:
            print(f"  {count - alive} of {count} slow connections were closed by the server meanwhile")
        for connection in held:
            connection.close()


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except ssl.SSLWantReadError:
        return True
    except OSError:
        return False


def print_load(bench):
    rows = []
    for load in bench.loads():
        found = bench.wrk(load)
        size = found["bytes"] / found["requests"]
        limit = bench.disk_limit() if load.durable else bench.https_limit(load, int(size))
        paced = bench.paced(load, load.goal // 2)
        rows.append([load.name, f"{found['per_second']:.0f}/s", f"{limit:.0f}/s", f"{found['per_second'] / limit:.2f}",
                     f"{found['cpu']:.0f} us", f"{found['p50'] / 1000:.1f} ms", f"{found['p99'] / 1000:.1f} ms",
                     f"{paced['per_second']:.0f}/s" + (f", {paced['failed']:.0f} failed" if paced["failed"] else ""),
                     f"{paced['p50'] / 1000:.1f} ms", f"{paced['p99'] / 1000:.1f} ms"])
    table(f"Admin API: {bench.connections} connections, keep-alive TLS, wrk on the same cores. Limit: HTTPS with an answer of the "
          "same size made beforehand; for creates, single page writes that wait for the disk. Paced: a fixed rate, from when each was due",
          ["", "rate", "limit", "/ limit", "processor", "p50", "p99", "paced", "p50", "p99"], rows)


def print_slow(bench):
    load = bench.loads()[0]
    without = bench.wrk(load)
    with bench.slow_connections(SLOW):
        beside = bench.wrk(load)
    table(f"Admin API: {load.name}, beside {SLOW} connections that have sent half a request",
          ["none", f"{SLOW} slow", "ratio", "p99, none", f"p99, {SLOW} slow"],
          [[f"{without['per_second']:.0f}/s", f"{beside['per_second']:.0f}/s", f"{beside['per_second'] / without['per_second']:.2f}",
            f"{without['p99'] / 1000:.1f} ms", f"{beside['p99'] / 1000:.1f} ms"]])


def print_growth(bench, requests):
    loads = bench.loads()
    for load in loads:
        bench.wrk(load) # caches and arenas are filled
    before, _ = resident(bench.server.process.pid)
    done = 0
    while done < requests:
        for load in loads:
            done += bench.wrk(load)["requests"]
    after, _ = resident(bench.server.process.pid)
    table("Admin API: resident memory", ["before", f"after {done:.0f} requests more", "ratio"],
          [[f"{before / 1024:.1f} MiB", f"{after / 1024:.1f} MiB", f"{after / before:.2f}"]])


def print_api(build, arguments):
    with Bench(build, arguments.seconds, arguments.connections) as bench:
        print_load(bench)
        print_slow(bench)
        print_growth(bench, arguments.requests)
