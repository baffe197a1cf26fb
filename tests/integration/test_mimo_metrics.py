# SPDX-License-Identifier: Apache-2.0
"""mimo-metrics as a whole program, its system call filter included, with the test as supervisor and as statsd agent."""

import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import SLOWNESS, is_sanitized

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEADLINE = 20 * SLOWNESS


def metrics_of_header():
    """Constants of include/mimo/metrics.h in their order."""
    header = (SOURCE / "include/mimo/metrics.h").read_text()
    return re.findall(r"^ +(?:COUNTER|GAUGE)\((\w+),", header, re.MULTILINE)


METRICS = metrics_of_header()


def packet(emit=(), version=2, **values):
    """A struct metrics_message; metrics by the end of their constants, such as HEARTBEAT=1."""
    bits = sum(1 << METRICS.index("METRIC_" + name) for name in emit)
    figures = [values.get(name.removeprefix("METRIC_"), 0) for name in METRICS]
    return struct.pack(f"=II{len(figures)}q512s", version, bits, *figures, b"")


class Helper:
    """A running mimo-metrics, the supervisor's end of its channel, and a statsd agent on UDP."""

    def __init__(self, build, folder, *settings, statsd=None):
        self.agent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.agent.bind(("127.0.0.1", 0))
        self.agent.settimeout(DEADLINE)
        config = folder / "mimo.conf"
        config.write_text(
            "[metrics]\n"
            f"statsd = {statsd or 'udp:127.0.0.1:%d' % self.agent.getsockname()[1]}\n"
            "listen = 127.0.0.1:0\n"
            "[actuator]\nmetrics_user = 61190\n"
        )
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = [build / "mimo-metrics", "--channel", str(theirs.fileno()), "--config", config]
        for setting in settings:
            arguments += ["--set", setting]
        self.process = subprocess.Popen(
            arguments, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, bufsize=0 # so that select sees every line
        )
        theirs.close()

    def line_of_log(self, containing):
        """Waits for a line of the log; what came before it is dropped."""
        while select.select([self.process.stderr], [], [], DEADLINE)[0]:
            line = self.process.stderr.readline().decode()
            if containing in line:
                return line
            assert line, f"the helper ended without saying {containing!r}"
        raise AssertionError(f"{containing!r} did not come in {DEADLINE} s")

    def url(self):
        return re.search(r"(http://\S+)/metrics", self.line_of_log("Prometheus page at"))[1]

    def end(self):
        self.channel.close()
        return self.process.wait(DEADLINE)

    def stop(self):
        self.channel.close()
        self.agent.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()


@pytest.fixture
def start(build_dir, directory):
    helpers = []

    def start_helper(*settings, **options):
        helpers.append(Helper(build_dir, directory, *settings, **options))
        return helpers[-1]

    yield start_helper
    for helper in helpers:
        helper.stop()


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_for_page(url, text):
    """The page changes when the helper has read its channel: ask until it has."""
    for _ in range(1000):
        page = get(url + "/metrics")[1]
        if text in page:
            return page
    raise AssertionError(f"{text!r} did not come to the page:\n{page}")


def test_heartbeat_reaches_the_agent_in_mdm_form(start):
    helper = start("metrics.location=eastus")
    helper.channel.send(packet(emit=["HEARTBEAT"], HEARTBEAT=1, READY=1))
    name, _, rest = helper.agent.recv(4096).decode().rpartition("}")
    assert rest == ":1|c"
    name = json.loads(name + "}")
    assert name["Metric"] == "actuator.heartbeat"
    assert name["Dims"]["hostname"] == socket.gethostname()
    assert name["Dims"]["location"] == "eastus"
    assert list(name["Dims"]) == ["hostname", "location", "service", "version"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", name["TS"])
    assert helper.end() == 0


def test_page_and_health_follow_the_supervisor(start):
    helper = start("metrics.statsd_format=plain", "metrics.prefix=")
    url = helper.url()
    assert get(url + "/healthz") == (503, "not ready: the supervisor has not reported yet\n")
    helper.channel.send(packet(emit=["QUEUE_LENGTH"], QUEUE_LENGTH=17, READY=1))
    assert helper.agent.recv(4096) == b"database.maintenancemanifests.queue.length:17|g"
    page = wait_for_page(url, "\ndatabase_maintenancemanifests_queue_length 17\n")
    assert "# TYPE mimo_actuator_attempts_started_total counter\n" in page
    assert "\nmimo_metrics_statsd_lines_sent_total 1\n" in page
    assert get(url + "/healthz") == (200, "ready\n")
    assert get(url + "/other")[0] == 404
    assert helper.end() == 0


def test_silent_supervisor_counts_as_not_ready(start):
    helper = start("metrics.interval=50ms")
    url = helper.url()
    helper.channel.send(packet(READY=1))
    wait_for_page(url, "\nmimo_actuator_ready 1\n")
    for _ in range(10000):
        status, text = get(url + "/healthz")
        if status == 503:
            break
    assert (status, text) == (503, "not ready: the supervisor has been silent for three intervals\n")


def test_missing_agent_costs_metrics_and_nothing_else(start, directory):
    path = directory / "agent"
    helper = start("metrics.statsd_format=plain", "metrics.prefix=", statsd=f"unix:{path}")
    url = helper.url()
    helper.channel.send(packet(emit=["HEARTBEAT"], HEARTBEAT=1))
    assert "No such file or directory; metrics are dropped" in helper.line_of_log("dropped")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as agent:
        agent.settimeout(DEADLINE)
        agent.bind(str(path))
        path.chmod(0o777)
        helper.channel.send(packet(emit=["HEARTBEAT"], HEARTBEAT=2))
        assert agent.recv(4096) == b"actuator.heartbeat:1|c"
    assert "accepts metrics again; lines dropped meanwhile: 1" in helper.line_of_log("again")
    wait_for_page(url, "\nmimo_metrics_statsd_lines_dropped_total 1\n")
    assert helper.end() == 0


def test_plain_lines_of_several_actuators_have_names_of_their_own(start):
    """Red when a gauge overwrites that of another actuator at the agent."""
    host = re.sub(r"[^A-Za-z0-9_-]", "_", socket.gethostname())
    for index in (0, 7):
        helper = start("metrics.statsd_format=plain", f"actuator.index={index}")
        helper.channel.send(packet(emit=["QUEUE_LENGTH"], QUEUE_LENGTH=17))
        assert helper.agent.recv(4096).decode() == f"mimo.{host}.{index}.database.maintenancemanifests.queue.length:17|g"
        assert helper.end() == 0


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        line += connection.recv(1)
    return line


def test_agent_on_a_stream_gets_lines_and_may_be_restarted(start, directory):
    path = directory / "agent"
    helper = start("metrics.statsd_format=plain", "metrics.prefix=mimo.vm0.", "metrics.heartbeat_type=gauge",
                   statsd=f"unix:{path}")
    for beat in (1, 2):
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
            agent.settimeout(DEADLINE)
            agent.bind(str(path))
            agent.listen()
            path.chmod(0o777)
            helper.channel.send(packet(emit=["HEARTBEAT"], HEARTBEAT=beat))
            connection = agent.accept()[0]
            connection.settimeout(DEADLINE)
            assert read_line(connection) == b"mimo.vm0.actuator.heartbeat:1|g\n"
            connection.close()
    assert helper.end() == 0


def test_name_that_does_not_resolve_costs_metrics_and_nothing_else(start):
    helper = start("metrics.interval=50ms", statsd="udp:statsd.invalid:8125")
    url = helper.url()
    for _ in range(1000):
        helper.channel.send(packet(emit=["QUEUE_LENGTH"], QUEUE_LENGTH=17, READY=1))
        if select.select([helper.process.stderr], [], [], 0.05)[0] and "cannot resolve" in helper.line_of_log(""):
            break
    page = wait_for_page(url, "\ndatabase_maintenancemanifests_queue_length 17\n")
    assert not re.search(r"^mimo_metrics_statsd_lookups_failed_total 0$", page, re.MULTILINE)
    assert not re.search(r"^mimo_metrics_statsd_lines_dropped_total 0$", page, re.MULTILINE)
    assert helper.end() == 0


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian package prometheus) is not installed")
def test_promtool_has_nothing_to_say_about_the_page(start):
    helper = start()
    url = helper.url()
    helper.channel.send(packet(READY=1))
    page = wait_for_page(url, "\nmimo_actuator_ready 1\n")
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_of_the_group_leave_the_helper_running(start, number):
    helper = start("metrics.statsd_format=plain", "metrics.prefix=")
    url = helper.url()
    helper.process.send_signal(number)
    helper.channel.send(packet(emit=["HEARTBEAT"], HEARTBEAT=1))
    assert helper.agent.recv(4096) == b"actuator.heartbeat:1|c"
    assert get(url + "/metrics")[0] == 200
    assert helper.end() == 0


@pytest.mark.parametrize("bad", [packet(version=1), packet() + b"\0", b"x"])
def test_bad_packet_ends_the_helper_with_1(start, bad):
    helper = start()
    helper.channel.send(bad)
    assert helper.process.wait(DEADLINE) == 1
    assert "error" in helper.line_of_log("error")


def test_helper_is_restricted_once_it_runs(start, build_dir):
    helper = start()
    helper.channel.send(packet(emit=["HEARTBEAT"], HEARTBEAT=1))
    helper.agent.recv(4096)  # the loop runs, so all is set
    status = pathlib.Path(f"/proc/{helper.process.pid}/status").read_text()
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    if not is_sanitized(build_dir): # they make calls of their own
        assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    if os.getuid() == 0:
        assert re.search(r"^Uid:\t61190\t61190\t61190\t61190$", status, re.MULTILINE)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "--channel is missing"),
        (["--channel", "x"], "is not a number from 3 to 65535"),
        (["--channel", "3", "--set", "metrics.statsd=tcp:1"], "is not unix:PATH, udp:HOST:PORT or off"),
        (["--channel", "3", "--set", "metrics.listen=9464"], "is not an address"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(build_dir, directory, arguments, message):
    config = directory / "mimo.conf"
    config.write_text("")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        arguments = [str(theirs.fileno()) if argument == "3" else argument for argument in arguments]
        run = subprocess.run(
            [build_dir / "mimo-metrics", "--config", config, *arguments],
            pass_fds=[theirs.fileno()], capture_output=True, text=True, timeout=DEADLINE,
        )
    assert run.returncode == 2, run.stderr
    assert message in run.stderr
