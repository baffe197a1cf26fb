# SPDX-License-Identifier: Apache-2.0
"""/practice/...: how an operator or a test tells a practice cluster to fail, and reads its log.

    GET, PUT, POST, DELETE  /practice/trouble                  show, replace, add, clear the rules
    GET, DELETE             /practice/requests?since=NUMBER    the request log
    PUT                     /practice/clusteroperator/NAME     set conditions of a cluster operator

It needs the admin credential, never fails on demand, and is not part of the request log.
"""

from . import identity, kinds, status, writes
from .api import error_response, json_response

PREFIX = "/practice/"


class Control:
    def __init__(self, store, rules, log):
        self._store, self._rules, self._log = store, rules, log

    def handle(self, request):
        try:
            return self._handle(request)
        except status.ApiError as error:
            return error_response(error)

    def _handle(self, request):
        if request.rejection:
            raise request.rejection
        if request.user is identity.ANONYMOUS:
            raise status.unauthorized()
        if not request.user.is_admin:
            raise status.ApiError(403, f'forbidden: User "{request.user.name}" cannot {request.method.lower()} path '
                                  f'"{request.path}"')
        what, *rest = request.segments[1:] or [""]
        if what == "trouble" and not rest:
            return self._trouble(request)
        if what == "requests" and not rest:
            return self._requests(request)
        if what == "clusteroperator" and len(rest) == 1:
            return self._cluster_operator(request, rest[0])
        raise status.no_such_path()

    def _trouble(self, request):
        if request.method == "PUT":
            self._rules.replace(request.parsed())
        elif request.method == "POST":
            self._rules.add(request.parsed())
        elif request.method == "DELETE":
            self._rules.replace([])
        elif request.method != "GET":
            raise status.method_not_allowed()
        return json_response(self._rules.documents())

    def _requests(self, request):
        if request.method == "DELETE":
            self._log.clear()
        elif request.method != "GET":
            raise status.method_not_allowed()
        since = request.option("since") or "0"
        if not since.isdigit():
            raise status.bad_request("since is the number of a request")
        return json_response(self._log.since(int(since)))

    def _cluster_operator(self, request, name):
        if request.method != "PUT":
            raise status.method_not_allowed()
        conditions = request.parsed()
        if isinstance(conditions, dict):
            conditions = conditions.get("conditions")
        target = writes.Target(kinds.CLUSTER_OPERATOR, name=name, subresource="status", manager="practice")
        with self._store.lock:
            old = self._store.get(target.kind, None, name)
            if old is None:
                old = writes.create(self._store, target, {"apiVersion": "config.openshift.io/v1",
                                                          "kind": "ClusterOperator", "metadata": {"name": name}})
            merged = merge_conditions((old.get("status") or {}).get("conditions") or [], conditions)
            new = dict(old, status=dict(old.get("status") or {}, conditions=merged))
            return json_response(writes.update(self._store, target, new))


def merge_conditions(old, given):
    """The conditions after a change; those which were not given stay as they are."""
    merged = {condition["type"]: condition for condition in old}
    if not isinstance(given, list):
        raise status.bad_request("conditions are a list of {type, status, reason, message}")
    for condition in given:
        if not isinstance(condition, dict) or not condition.get("type") or not isinstance(condition["type"], str):
            raise status.bad_request("a condition is {type, status, reason, message}")
        if condition.get("status") not in ("True", "False", "Unknown"):
            raise status.bad_request('the status of a condition is "True", "False" or "Unknown"')
        before = merged.get(condition["type"], {})
        moment = before.get("lastTransitionTime") if before.get("status") == condition["status"] else None
        merged[condition["type"]] = {"lastTransitionTime": moment or writes.timestamp(), **condition}
    return list(merged.values())
