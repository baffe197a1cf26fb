# SPDX-License-Identifier: Apache-2.0
"""Operator Report, the task of docs/writing-tasks.md that needs no rebuild, on a practice cluster."""

import shutil

import pytest
from conftest import TOP
from mimolocal import examples

needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")


@pytest.fixture
def running(system, directory):
    """A system with the task; its files stand where an operator would have put them."""
    tasks = directory / "tasks.d"
    tasks.mkdir()
    tasks.chmod(0o755) # what others may write is not trusted
    examples.install("operator-report", tasks)
    return system(clusters=1, set={"tasks.directory": str(tasks), "actuator.retry_backoff": "0"})


def run_it(running, *states):
    done = running.wait_for_state(running.create("operator-report"), "Completed", "Failed", "RetriesExceeded", timeout=60)
    assert done["state"] in states, done
    return done["statusText"]


@needs_kubectl
def test_it_says_that_all_cluster_operators_are_available(running):
    assert run_it(running, "Completed").startswith("all ")


@needs_kubectl
def test_it_names_those_that_are_not(running):
    condition = {"type": "Available", "status": "False", "reason": "Test", "message": "for a test"}
    status, answer = running.practice.request("cluster-0", "PUT", "/practice/clusteroperator/dns", [condition])
    assert status == 200, answer
    assert run_it(running, "Completed") == "not available: dns"


@needs_kubectl
def test_an_api_server_that_fails_is_asked_again(running):
    running.practice.set_trouble("cluster-0", {"status": 503})
    assert "TransientError: " in run_it(running, "RetriesExceeded")


def test_the_page_shows_the_files_as_they_are():
    page = (TOP / "docs" / "writing-tasks.md").read_text()
    program = page.split("```sh\n#!/bin/sh\n")[1].split("```")[0]
    assert (examples.SOURCE / "operator-report").read_text().endswith(program)
    configuration = page.split("```ini\n")[1].split("```")[0]
    assert (examples.SOURCE / "operator-report.conf").read_text().endswith(configuration)
