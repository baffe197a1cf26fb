# SPDX-License-Identifier: Apache-2.0
"""What tests of the practice cluster share: two clusters that run for all tests of a file, and what is in them."""

import itertools

import pytest

from practice import PracticeClusters

OPERATORS = "/apis/config.openshift.io/v1/clusteroperators"
KUBE_APISERVER = f"{OPERATORS}/kube-apiserver"
ARO_CLUSTER = "/apis/aro.openshift.io/v1alpha1/clusters/cluster"
API_SERVER = "/apis/config.openshift.io/v1/apiservers/cluster"
INGRESS = "/apis/operator.openshift.io/v1/namespaces/openshift-ingress-operator/ingresscontrollers/default"
SECRETS = "/api/v1/namespaces/openshift-azure-operator/secrets"
CONFIG_MAPS = "/api/v1/namespaces/openshift-config/configmaps"

MERGE = "application/merge-patch+json"

unique = (f"object-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def practice(tmp_path_factory):
    with PracticeClusters(tmp_path_factory.mktemp("practice"), "--name", "alpha", "--name", "beta") as clusters:
        yield clusters


@pytest.fixture
def admin(practice):
    client = practice.admin("alpha")
    client.request("DELETE", "/practice/trouble")
    client.request("DELETE", "/practice/requests")
    yield client
    client.request("DELETE", "/practice/trouble")


def config_map(name, data=None, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data or {}}


def version(obj):
    return obj["metadata"]["resourceVersion"]


@pytest.fixture
def created(admin):
    """A fresh config map: its path and what the server made of it."""
    name = next(unique)
    answer = admin.request("POST", CONFIG_MAPS, config_map(name, {"a": "1"}))
    assert answer.status == 201
    return f"{CONFIG_MAPS}/{name}", answer.json


def is_status(answer, code, reason, text=""):
    status = answer.json
    assert (answer.status, status["kind"], status["code"], status["reason"]) == (code, "Status", code, reason), status
    assert text in status["message"]
    return status
