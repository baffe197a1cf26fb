# SPDX-License-Identifier: Apache-2.0
"""mimoctl: reaching the Admin API, logging in, terminals, help."""

import re
import socket
import subprocess

import pytest

from fake_admin_api import Answer, Drop, error
from mimoctl_fixtures import (CLUSTERS, DEADLINE, FLAGS, ID, ID2, MANIFESTS, R, R1, R2, TASKS, TLS, TOP, api,  # noqa: F401
                              certificates, environment, home, manifest, mimoctl, progress, rows, run_on_terminal)

# ---- reaching the Admin API, and logging in ----

def test_certificate_of_an_unknown_ca_is_never_trusted(mimoctl, api, certificates):
    done = mimoctl("task", "list", MIMO_CACERT=None, status=3)
    assert "name the file of its CA with --cacert or MIMO_CACERT" in done.stderr
    done = mimoctl("task", "list", "--cacert", certificates / "other.crt", status=3)
    assert f"with the CA of {certificates}/other.crt (--cacert)" in done.stderr
    assert api.requests == []


def test_certificate_of_another_host_is_never_trusted(mimoctl, api):
    done = mimoctl("task", "list", "--url", api.url.replace("127.0.0.1", "127.0.0.2"), status=3)
    assert "cannot talk to https://127.0.0.2" in done.stderr
    assert api.requests == []


def test_nobody_at_the_address_is_3_and_says_where_it_came_from(mimoctl):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{closed.getsockname()[1]}"
        done = mimoctl("task", "list", MIMO_URL=url, status=3)
    assert f"cannot talk to {url} (MIMO_URL)" in done.stderr
    assert "check that mimo-api runs there" in done.stderr


def test_proxy_of_the_environment_is_not_used_for_loopback_and_is_named_elsewhere(mimoctl, api):
    proxy = {"https_proxy": "http://user:secret@127.0.0.1:1", "no_proxy": None, "NO_PROXY": None}
    api.answer("GET /admin/tasks", {"value": []})
    mimoctl("task", "list", **proxy)
    done = mimoctl("task", "list", MIMO_URL="https://mimo.example.test", status=3, **proxy)
    assert "the environment sets the proxy 127.0.0.1:1 (https_proxy)" in done.stderr
    assert "no_proxy" in done.stderr and "secret" not in done.stderr


def test_refused_token_is_3_and_says_which(mimoctl, api, directory):
    api.answer("GET /admin/tasks", error("InvalidAuthenticationToken", "no"), status=401, headers={
        "WWW-Authenticate": 'Bearer error="invalid_token", error_description="the token is not known"'})
    done = mimoctl("task", "list", status=3)
    assert "does not accept the token of MIMO_TOKEN (the token is not known)" in done.stderr
    (directory / "token").write_text("other\n")
    (directory / "token").chmod(0o644)
    done = mimoctl("task", "list", "--token-file", directory / "token", status=3)
    assert f"the token of --token-file {directory}/token" in done.stderr
    assert "other users can read the token in" in done.stderr
    assert api.requests[-1].headers["authorization"] == "Bearer other"
    assert "t0ken" not in done.stderr and "other\n" not in done.stderr


def test_missing_token_is_3_and_missing_address_is_2(mimoctl):
    assert "MIMO_TOKEN_FILE" in mimoctl("task", "list", MIMO_TOKEN=None, status=3).stderr
    assert "set MIMO_URL" in mimoctl("task", "list", MIMO_URL=None, status=2).stderr


def test_missing_role_is_1_and_names_the_token(mimoctl, api):
    api.answer("GET /admin/tasks", error("Forbidden", "role MIMO.Admin is missing"), status=403)
    done = mimoctl("task", "list", status=1)
    assert done.stderr == "mimoctl: role MIMO.Admin is missing; logged in with the token of MIMO_TOKEN\n"


@pytest.mark.parametrize("answer, message", [
    (Answer(b"<html>", 200, {"Content-Type": "text/html"}), "200 without the JSON of an Admin API (text/html)"),
    (Answer(b"[]", 404), "404 without the JSON of an Admin API"),
    (Answer({"a": 1}, 400), "400 without the JSON of an Admin API"),
    (Answer(b'{"value": [], "value": []}', 200), "without the JSON of an Admin API"),
    (Answer({}, 200), 'answers without "value"'),
    (Answer({"value": [], "nextLink": "/admin/tasks?api-version=admin&limit=200"}, 200), "invalid nextLink"),
    (Answer({"value": [], "nextLink": "https://elsewhere"}, 200), "an invalid nextLink"),
    (Answer(b"", 302, {"Location": "https://evil.example.com/"}), "redirects to https://evil.example.com/; mimoctl follows"),
    (Answer(error("InternalServerError", "oops"), 500), "answer now: 500 InternalServerError: oops (request f00d-1)"),
    (Answer(error("TooManyRequests", "slower"), 429), "429 TooManyRequests: slower"),
    (Answer(b'{"value":["' + b"x" * (9 << 20) + b'"]}', 200), "is too large"),
    (Drop(), "connection closed without an answer"),
])
def test_what_is_no_good_answer_is_3(mimoctl, api, answer, message):
    api.answer("GET /admin/tasks", answer)
    done = mimoctl("task", "list", status=3)
    assert message in done.stderr
    assert len(api.requests_of("GET /admin/tasks")) == 1 or isinstance(answer, Drop)


def test_region_of_the_configuration_is_used(mimoctl, api, home, certificates):
    config = home / ".config" / "mimo" / "config"
    config.parent.mkdir(parents=True)
    config.write_text(f"[region west]\nurl = {api.url}\ntoken_command = echo from-command\n"
                      f"cacert = {certificates}/ca.crt\n")
    mimoctl("task", "list", "--location", "west", MIMO_URL=None, MIMO_TOKEN=None, MIMO_CACERT=None)
    assert api.requests[-1].headers["authorization"] == "Bearer from-command"
    config.write_text("[region west]\nuri = x\n")
    assert f"{config}:2: " in mimoctl("task", "list", MIMO_URL=None, status=2).stderr


def test_verbose_says_each_request_and_never_the_token(mimoctl, api):
    done = mimoctl("task", "list", "-v")
    assert re.fullmatch(rf"mimoctl: GET {api.url}/admin/tasks\?\S+: 200 in \d+ ms, request f00d-1\n"
                        "mimoctl: next: mimoctl task show operator-flags-update\n", done.stderr)

SHOW = f"GET {MANIFESTS}/{ID}"
SHOW_OF_CLUSTER = f"GET /admin{R1}/maintenanceManifests/{ID}"


# ---- terminals ----

def test_colours_are_for_terminals_that_want_them(build_dir, environment, api, mimoctl):
    api.answer(f"GET {MANIFESTS}", {"value": [manifest("Failed", statusText="x" * 200)]})
    variables = {**environment, "MIMO_URL": api.url, "TERM": "xterm"}
    status, text = run_on_terminal(build_dir, ["manifest", "list"], variables)
    assert status == 0
    assert "\x1b[31mFailed\x1b[0m" in text
    lines = [re.sub(r"\x1b\[\d+m", "", line) for line in text.splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines.pop() == f"mimoctl: next: mimoctl manifest logs {ID[:8]}"
    assert sum(line.count("x") for line in lines) == 200 # the status is wrapped, never cut
    for without in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b[" not in run_on_terminal(build_dir, ["manifest", "list"], {**variables, **without})[1]
    assert "\x1b[" not in mimoctl("manifest", "list").stdout


def test_watch_on_a_terminal_writes_over_its_line(build_dir, environment, api):
    api.answer(SHOW, manifest())
    api.answer(SHOW_OF_CLUSTER, progress(1, "look"), progress(2, "act"), manifest("Completed", dequeues=1))
    status, text = run_on_terminal(build_dir, ["manifest", "watch", ID],
                                   {**environment, "MIMO_URL": api.url, "TERM": "xterm", "NO_COLOR": "1"})
    assert status == 0
    lines = text.split("\r\n")
    assert lines[-2:] == ["mimoctl: next: mimoctl cluster show one", ""]
    shown = [line.split("\r\x1b[K")[1:] for line in lines[:-2]]
    assert [len(line) >= 1 for line in shown] == [True] * 3 # Pending, InProgress, Completed
    assert "[1/3] look" in shown[1][0] and "[2/3] act" in shown[1][-1]
    assert "Completed" in shown[2][-1]


# The answer of a task that checks something is its result: it must not end at the edge.
def test_watch_on_a_terminal_shows_a_long_result_whole(build_dir, environment, api):
    result = "token is valid for 149 days, issued 2026-11-03, " + " and ".join(f"word{number}" for number in range(20))
    for path in (f"GET {MANIFESTS}/{ID}", f"GET /admin{R1}/maintenanceManifests/{ID}"):
        api.answer(path, manifest("Completed", statusText=result))
    status, text = run_on_terminal(build_dir, ["manifest", "watch", ID], {**environment, "MIMO_URL": api.url, "TERM": "xterm"})
    assert status == 0
    assert "...\r\nResult:" in re.sub("\x1b\\[[0-9;]*[mK]", "", text)
    assert result in " ".join(text.split("Result:")[1].split())



# ---- help ----

def commands_of(text):
    section = text.split("Commands:\n")[1].split("\n\n")[0]
    return [match[1].strip() for match in re.finditer(r"^  (\S[\S ]*?)  ", section + "\n", re.MULTILINE)]


def test_help_is_there_at_every_level(mimoctl):
    top = mimoctl("--help").stdout
    commands = commands_of(top)
    assert "manifest create" in commands and "ps" in commands
    for command in commands:
        text = mimoctl(*command.split(), "--help").stdout
        assert text.startswith(f"usage: mimoctl {command}")
        assert mimoctl("help", *command.split()).stdout == text
        assert max(len(line) for line in text.splitlines() if not line.startswith("    mimoctl")) <= 100
    assert commands_of(mimoctl("manifest", "-h").stdout) == [one for one in commands if one.startswith("manifest ")]
    assert re.fullmatch(r"mimoctl \d+\.\d+\.\d+\n", mimoctl("--version").stdout)


def test_manual_page_tells_of_every_command_and_option(mimoctl):
    page = (TOP / "docs" / "mimoctl.1").read_text()
    for command in commands_of(mimoctl("--help").stdout):
        assert f".It Cm {command}" in page
        for option in re.findall(r"--([a-z-]+)", mimoctl(*command.split(), "--help").stdout):
            assert f"Fl Fl {option}" in page, f"--{option} of {command}"


@pytest.mark.parametrize("arguments, message", [
    ([], "missing command"),
    (["manifest"], 'missing command after "manifest"'),
    (["manifets", "list"], 'did you mean "manifest"?'),
    (["manifest", "lst"], 'did you mean "manifest list"?'),
    (["manifest", "list", "--sate", "Failed"], "did you mean --state?"),
    (["manifest", "show"], "manifest show needs ID"),
    (["manifest", "show", ID, ID], "unexpected operand"),
    (["ps", "--url", "https://x"], '--url is not an option of mimoctl ps'),
    (["help", "manifest", "lst"], 'did you mean "manifest list"?'),
])
def test_wrong_command_is_2_with_a_suggestion(mimoctl, arguments, message):
    assert message in mimoctl(*arguments, status=2).stderr


def test_full_disk_is_no_success(build_dir, environment, api):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([build_dir / "mimoctl", "task", "list"], stdout=full, stderr=subprocess.PIPE, text=True,
                              env={**environment, "MIMO_URL": api.url}, timeout=DEADLINE, check=False)
    assert done.returncode == 1
    assert "cannot write to standard output: No space left on device" in done.stderr


def test_a_certificate_file_without_a_key_is_named_before_the_server_is_asked(mimoctl, api, certificates):
    done = mimoctl("task", "list", "--cert", certificates / "ca.crt", status=2)
    assert done.stderr == (f"mimoctl: {certificates}/ca.crt (--cert) has no private key; name its file with --key or "
                           "MIMO_CLIENT_KEY\n")


def test_a_configuration_that_is_not_there_is_said_not_to_be(mimoctl, home):
    for arguments in ([], ["--location", "c"]):
        done = mimoctl("task", "list", *arguments, status=2, MIMO_URL=None, MIMOCTL_CONFIG="/nonexistent")
        assert ", which does not exist" in done.stderr
