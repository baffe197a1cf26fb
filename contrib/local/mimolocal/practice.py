# SPDX-License-Identifier: Apache-2.0
"""The practice clusters of a system: registering them, looking into them, and making them fail.

The server is contrib/practice-cluster; DIR/practice/clusters.json, which it writes, says what there is.
"""

import http.client
import json
import ssl
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

from .settings import TOP

PROGRAM = TOP / "contrib" / "practice-cluster" / "practice-cluster"
ARO_CLUSTER = "/apis/aro.openshift.io/v1alpha1/clusters/cluster"

# What the fleet's documents say of operator flags where a fresh practice cluster says something else: so there is
# something to do for the task that brings them to the cluster.
DIFFERENT_FLAGS = {"aro.machinehealthcheck.managed": "false", "aro.checker.interval": "60m"}
DROPPED_FLAGS = ("aro.routefix.enabled",)

# All practice clusters are under this domain.
DOMAIN = "practice.test"

# The registry that practice clusters pull from, and how many days ago cluster 0, 1, 2, 3, ... got its token: it is
# valid, able to be renewed, expired, valid, ...
ACR_DOMAIN = "practice.azurecr.test"
TOKEN_AGES = (30, 150, 200)


class Practice:
    def __init__(self, directory):
        self.directory = directory

    def is_ready(self):
        return (self.directory / "ready").exists()

    def clusters(self):
        """What clusters.json says of each cluster, {name: entry}; nothing before the server wrote it."""
        try:
            return {entry["name"]: entry for entry in json.loads((self.directory / "clusters.json").read_text())}
        except FileNotFoundError:
            return {}

    def request(self, name, method, path, document=None):
        """A request to a cluster with the rights of its administrator: (status, document)."""
        entry = self.clusters()[name]
        token = (self.directory / f"{name}-admin.token").read_text().strip()
        url = urlsplit(entry["server"])
        context = ssl.create_default_context(cafile=entry["caCertificate"])
        connection = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=30)
        try:
            connection.request(method, path, None if document is None else json.dumps(document),
                               {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def operator_flags(self, name):
        """The operator flags that a cluster has now."""
        return self.request(name, "GET", ARO_CLUSTER)[1]["spec"]["operatorflags"]

    def set_trouble(self, name, *rules):
        """Make a cluster fail after these rules (contrib/practice-cluster/practicecluster/trouble.py); none: no more."""
        status, answer = self.request(name, "PUT", "/practice/trouble", list(rules))
        if status != 200:
            raise ValueError(f"{name} does not take these rules: {answer.get('message')}")

    def requests(self, name):
        """What a cluster was asked, as it logged it."""
        return self.request(name, "GET", "/practice/requests")[1]

    def registration(self, name):
        """What the Admin API is to be told of a cluster: (resource ID, body of the PUT)."""
        entry = self.clusters()[name]
        flags = {key: value for key, value in self.operator_flags(name).items() if key not in DROPPED_FLAGS}
        properties = {
            "provisioningState": "Succeeded",
            "clusterProfile": {"domain": f"{name}.{DOMAIN}"},
            "operatorFlags": {**flags, **DIFFERENT_FLAGS},
            "registryProfiles": [{"name": ACR_DOMAIN, "username": "practice", "issueDate": self._issue_date(name)}],
            "apiserverProfile": {"visibility": "Public"},
        }
        with open(entry["kubeconfig"], encoding="utf-8") as file:
            return entry["resourceID"], {"properties": properties, "kubeconfig": file.read()}

    def _issue_date(self, name):
        age = TOKEN_AGES[list(self.clusters()).index(name) % len(TOKEN_AGES)]
        issued = datetime.now(timezone.utc) - timedelta(days=age)
        return issued.strftime("%Y-%m-%dT%H:%M:%SZ")
