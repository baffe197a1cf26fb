# SPDX-License-Identifier: Apache-2.0
"""An API server whose address is an IPv6 literal, https://[::1]:PORT: probe, addresses of the job, sandbox, TLS and URL agree."""

import json

import pytest
from mimolocal import examples

from practice import PracticeClusters

RESOURCE = ("/subscriptions/00000000-0000-4000-8000-000000000001/resourcegroups/practice/providers/"
            "microsoft.redhatopenshift/openshiftclusters/six")
TERMINAL = ("Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled")


@pytest.fixture
def six(directory):
    """A practice cluster that listens on ::1 and nowhere else."""
    with PracticeClusters(directory / "six", "--listen", "::1", "--name", "six") as clusters:
        yield clusters


@pytest.fixture
def running(system, directory, six):
    tasks = directory / "tasks.d"
    tasks.mkdir()
    examples.install("certificate-report", tasks)
    made = system(clusters=0, set={"tasks.directory": str(tasks), "actuator.retry_backoff": "0"})
    made.mimoctl("cluster", "register", "--kubeconfig", directory / "six" / "six.kubeconfig", "--operator-flags",
                 json.dumps({"aro.dnsmasq.enabled": "true"}), RESOURCE)
    return made


def run(running, task):
    done = running.wait_for_state(running.create(task, RESOURCE), *TERMINAL)
    assert done["state"] == "Completed", done
    return done


def test_a_built_in_task_works_on_an_ipv6_literal(running, six, directory):
    assert f"server: https://[::1]:{six.entries['six']['port']}" in (directory / "six" / "six.kubeconfig").read_text()
    run(running, "operator-flags-update")
    now = running.mimoctl("manifest", "list", "--cluster", RESOURCE).stdout
    assert "Completed" in now
    assert "::1" not in running.log("actuator-0").replace("[::1]", ""), "a message has the address without its brackets"


def test_a_program_reaches_an_ipv6_literal(running):
    done = run(running, "certificate-report")
    assert "its certificate is valid for" in done["statusText"]


def test_an_ipv6_literal_at_which_nobody_listens_is_named(running, six):
    port = six.entries["six"]["port"]
    six.stop()
    done = running.wait_for_state(running.create("operator-flags-update", RESOURCE), *TERMINAL, timeout=90)
    assert done["state"] == "RetriesExceeded" and f"[::1]:{port}" in done["statusText"], done
