# SPDX-License-Identifier: Apache-2.0
"""`metadata.managedFields`: which client set which fields, as `kubectl get --show-managed-fields` shows it.

Simpler than on a real server: a manager has one entry per object, with the operation of its last write, and a list counts
as one field.
"""


def entries(owners, earlier, api_version, writer, now):
    """The entries for `owners` ({manager: set of paths}). One whose fields are the same as in the list `earlier` is kept.
    `writer` is (manager, operation) of the present write."""
    known = {entry["manager"]: entry for entry in earlier}
    return [_entry(manager, paths, known.get(manager), api_version, writer, now)
            for manager, paths in owners.items() if paths]


def _entry(manager, paths, earlier, api_version, writer, now):
    fields = _fields(paths)
    writes = manager == writer[0]
    if earlier and earlier["fieldsV1"] == fields and (not writes or earlier["operation"] == writer[1]):
        return earlier
    operation = writer[1] if writes or not earlier else earlier["operation"]
    return {"manager": manager, "operation": operation, "apiVersion": api_version, "time": now, "fieldsType": "FieldsV1",
            "fieldsV1": fields}


def _fields(paths):
    """{("spec", "replicas")} as {"f:spec": {"f:replicas": {}}}."""
    tree = {}
    for path in sorted(paths):
        node = tree
        for part in path:
            node = node.setdefault(f"f:{part}", {})
    return tree
