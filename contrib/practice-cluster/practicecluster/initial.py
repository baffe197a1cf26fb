# SPDX-License-Identifier: Apache-2.0
"""What a fresh Azure Red Hat OpenShift cluster holds, as far as maintenance is concerned."""

import base64
import json

from . import kinds, writes

OPENSHIFT_VERSION = "4.16.30"
NAMESPACES = ("default", "kube-system", "openshift-azure-operator", "openshift-config", "openshift-ingress",
              "openshift-ingress-operator")
CLUSTER_OPERATORS = ("aro", "authentication", "console", "dns", "etcd", "image-registry", "ingress",
                     "kube-apiserver", "kube-controller-manager", "kube-scheduler", "machine-config", "monitoring",
                     "network", "openshift-apiserver", "storage")
HEALTHY = (("Available", "True"), ("Progressing", "False"), ("Degraded", "False"), ("Upgradeable", "True"))
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"

OPERATOR_FLAGS = {
    "aro.alertwebhook.enabled": "true", "aro.autosizednodes.enabled": "true",
    "aro.azuresubnets.enabled": "true", "aro.azuresubnets.nsg.managed": "true",
    "aro.checker.enabled": "true", "aro.dnsmasq.enabled": "true", "aro.genevalogging.enabled": "true",
    "aro.imageconfig.enabled": "true", "aro.ingress.enabled": "true", "aro.machine.enabled": "true",
    "aro.machinehealthcheck.enabled": "true", "aro.machinehealthcheck.managed": "true",
    "aro.machineset.enabled": "true", "aro.monitoring.enabled": "true",
    "aro.nodedrainer.enabled": "true", "aro.pullsecret.enabled": "true", "aro.pullsecret.managed": "true",
    "aro.rbac.enabled": "true", "aro.routefix.enabled": "true", "aro.storageaccounts.enabled": "true",
    "aro.workaround.enabled": "true", "rh.srep.muo.enabled": "true", "rh.srep.muo.managed": "true",
}


def resource_id(name):
    """A resource ID under which a fleet may know the cluster."""
    return (f"/subscriptions/{SUBSCRIPTION}/resourcegroups/practice/providers/microsoft.redhatopenshift"
            f"/openshiftclusters/{name}")


def fill(store, name, logging_key, logging_certificate):
    for namespace in NAMESPACES:
        _create(store, kinds.NAMESPACE, namespace)
    for operator in CLUSTER_OPERATORS:
        _create(store, kinds.CLUSTER_OPERATOR, operator, spec={}, status=_operator_status())
    _create(store, kinds.CLUSTER_VERSION, "version", spec=_version_spec(), status=_version_status())
    _create(store, kinds.API_SERVER, "cluster", spec={"audit": {"profile": "Default"}})
    _create(store, kinds.INGRESS_CONTROLLER, "default", "openshift-ingress-operator", spec=_ingress_spec(),
            status={"domain": f"apps.{name}.practice.test", "availableReplicas": 2})
    _create(store, kinds.ARO_CLUSTER, "cluster", spec=_aro_spec(name), status={"operatorVersion": "practice"})
    pull_secret = json.dumps({"auths": {"practice.test": {"auth": _encoded("user:password")}}})
    secret = {"gcscert.pem": logging_certificate, "gcskey.pem": logging_key, ".dockerconfigjson": pull_secret}
    _create(store, kinds.SECRET, "cluster", "openshift-azure-operator", type="Opaque",
            data={key: _encoded(value) for key, value in secret.items()})


def _create(store, kind, name, namespace=None, status=None, **fields):
    metadata = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    target = writes.Target(kind, namespace, manager="cluster-bootstrap")
    created = writes.create(store, target, {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata,
                                            **fields})
    if status is not None:
        target = writes.Target(kind, namespace, name, "status", manager="cluster-bootstrap")
        writes.update(store, target, dict(created, status=status))


def _operator_status():
    conditions = [{"type": name, "status": value, "reason": "AsExpected", "message": "All is well",
                   "lastTransitionTime": writes.timestamp()} for name, value in HEALTHY]
    return {"conditions": conditions, "versions": [{"name": "operator", "version": OPENSHIFT_VERSION}],
            "relatedObjects": []}


def _version_spec():
    return {"clusterID": "11111111-1111-4111-8111-111111111111", "channel": "stable-4.16"}


def _version_status():
    done = f"Cluster version is {OPENSHIFT_VERSION}"
    moment = writes.timestamp()
    image = f"practice.test/release:{OPENSHIFT_VERSION}"
    return {
        "desired": {"version": OPENSHIFT_VERSION, "image": image},
        "history": [{"state": "Completed", "version": OPENSHIFT_VERSION, "image": image, "startedTime": moment,
                     "completionTime": moment, "verified": False}],
        "observedGeneration": 1, "versionHash": "practice", "availableUpdates": None,
        "conditions": [
            {"type": "Available", "status": "True", "message": f"Done applying {OPENSHIFT_VERSION}",
             "lastTransitionTime": moment},
            {"type": "Progressing", "status": "False", "message": done, "lastTransitionTime": moment}],
    }


def _ingress_spec():
    return {"clientTLS": {"clientCA": {"name": ""}, "clientCertificatePolicy": ""}, "httpCompression": {},
            "httpEmptyRequestsPolicy": "Respond", "httpErrorCodePages": {"name": ""}, "replicas": 2,
            "tuningOptions": {"reloadInterval": "0s"}, "unsupportedConfigOverrides": None}


def _aro_spec(name):
    return {
        "acrDomain": "practice.azurecr.test", "azEnvironment": "AzurePublicCloud", "banner": {},
        "clusterResourceGroupId": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/aro-{name}",
        "domain": f"{name}.practice.test", "genevaLogging": {"configVersion": "2.4"}, "infraId": f"{name}-practice",
        "ingressIP": "192.0.2.1", "apiIntIP": "192.0.2.2", "internetChecker": {"urls": ["https://practice.test/"]},
        "location": "eastus", "operatorflags": OPERATOR_FLAGS, "resourceId": resource_id(name),
    }


def _encoded(text):
    return base64.b64encode(text.encode()).decode()
