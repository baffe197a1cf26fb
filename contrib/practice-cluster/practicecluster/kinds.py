# SPDX-License-Identifier: Apache-2.0
"""The kinds of resources that a practice cluster has, one row each.

A row says everything that sets one kind apart: its names, whether it lives in a namespace, which fields it
has at its top level, and whether it comes from a custom resource definition. The latter matters more than
one would think: Kubernetes treats custom resources differently on update, on patch and when it counts
generations.
"""

from dataclasses import dataclass

STANDARD_FIELDS = ("apiVersion", "kind", "metadata")


@dataclass(frozen=True)
class Kind:
    group: str
    version: str
    name: str
    plural: str
    namespaced: bool
    fields: tuple = ("spec", "status")
    short_names: tuple = ()
    custom: bool = True
    singular: str = ""

    @property
    def api_version(self):
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self):
        """The name in error messages: `secrets`, `clusters.aro.openshift.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_name(self):
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def has_status(self):
        return "status" in self.fields

    @property
    def known_fields(self):
        return STANDARD_FIELDS + self.fields


NAMESPACE = Kind("", "v1", "Namespace", "namespaces", False, short_names=("ns",), custom=False)
SECRET = Kind("", "v1", "Secret", "secrets", True, ("data", "stringData", "type", "immutable"), custom=False)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", True, ("data", "binaryData", "immutable"),
                  short_names=("cm",), custom=False)
EVENT = Kind("", "v1", "Event", "events", True,
             ("involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "type",
              "eventTime", "series", "action", "related", "reportingComponent", "reportingInstance"),
             short_names=("ev",), custom=False)
API_SERVER = Kind("config.openshift.io", "v1", "APIServer", "apiservers", False)
CLUSTER_OPERATOR = Kind("config.openshift.io", "v1", "ClusterOperator", "clusteroperators", False, short_names=("co",))
CLUSTER_VERSION = Kind("config.openshift.io", "v1", "ClusterVersion", "clusterversions", False)
INGRESS_CONTROLLER = Kind("operator.openshift.io", "v1", "IngressController", "ingresscontrollers", True)
ARO_CLUSTER = Kind("aro.openshift.io", "v1alpha1", "Cluster", "clusters", False)

KINDS = (NAMESPACE, SECRET, CONFIG_MAP, EVENT, API_SERVER, CLUSTER_OPERATOR, CLUSTER_VERSION, INGRESS_CONTROLLER,
         ARO_CLUSTER)

GROUP_VERSIONS = sorted({(kind.group, kind.version) for kind in KINDS})


def find(group, version, plural):
    for kind in KINDS:
        if (kind.group, kind.version, kind.plural) == (group, version, plural):
            return kind
    return None


def of_group_version(group, version):
    return [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
