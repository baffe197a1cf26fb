# SPDX-License-Identifier: Apache-2.0
"""Errors as Kubernetes reports them: a `Status` object with code, reason, message and details.

Clients act on code and reason, people on the message; both are kept as close to the original as possible, so
that what is learned here holds on a real cluster.
"""

REASONS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
    406: "NotAcceptable", 409: "Conflict", 410: "Expired", 413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError",
    503: "ServiceUnavailable", 504: "Timeout",
}


class ApiError(Exception):
    """Ends the handling of a request; `status()` is the body of the answer."""

    def __init__(self, code, message, reason=None, details=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or REASONS.get(code, "")
        self.details = details

    def status(self):
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                  "message": self.message, "reason": self.reason, "code": self.code}
        if self.details:
            status["details"] = self.details
        return status


def success(kind, obj):
    """The answer to a DELETE."""
    details = _details(kind, obj["metadata"]["name"])
    details["uid"] = obj["metadata"]["uid"]
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def bad_request(message):
    return ApiError(400, message)


def unauthorized():
    return ApiError(401, "Unauthorized")


def no_such_path():
    return ApiError(404, "the server could not find the requested resource")


def not_found(kind, name):
    return ApiError(404, f'{kind.resource} "{name}" not found', details=_details(kind, name))


def method_not_allowed(kind=None):
    what = f" of {kind.resource}" if kind else ""
    return ApiError(405, f"the server does not allow this method on the requested resource{what}")


def already_exists(kind, name):
    return ApiError(409, f'{kind.resource} "{name}" already exists', "AlreadyExists", _details(kind, name))


def conflict(kind, name, why="the object has been modified; please apply your changes to the latest version and "
                             "try again"):
    return ApiError(409, f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}',
                    details=_details(kind, name))


def expired(version, oldest):
    return ApiError(410, f"too old resource version: {version} ({oldest})")


def expired_continue():
    return ApiError(410, "The provided continue parameter is too old to display a consistent list result. You must start a "
                         "new list without the continue parameter.")


def unsupported_media_type(accepted):
    return ApiError(415, "the body of the request was in an unknown format - accepted media types include: "
                    + ", ".join(accepted))


def invalid(kind, name, causes):
    """`causes` is a list of (field, what is wrong with it)."""
    text = ", ".join(f"{field}: {why}" for field, why in causes)
    if len(causes) > 1:
        text = f"[{text}]"
    details = _details(kind, name)
    details["kind"] = kind.name
    details["causes"] = [{"reason": _cause_reason(why), "message": why, "field": field} for field, why in causes]
    return ApiError(422, f'{kind.qualified_name} "{name}" is invalid: {text}', details=details)


def _cause_reason(why):
    return "FieldValueRequired" if why.startswith("Required value") else "FieldValueInvalid"


def _details(kind, name):
    details = {"name": name, "kind": kind.plural}
    if kind.group:
        details["group"] = kind.group
    return details
