# SPDX-License-Identifier: Apache-2.0
"""One practice cluster: its objects, its rules of trouble, its credentials and its log."""

import base64

from . import identity, initial, status
from .api import Api, Response, error_response
from .control import PREFIX, Control
from .requestlog import ClusterLog
from .store import Store
from .trouble import Rules

GARBAGE = b"\x00\x01\xfe\xff{{{ this is no JSON"
DEFAULT_REDIRECT = 307


class Cluster:
    def __init__(self, name, certificates, tokens, log, logging_certificate):
        """`tokens` maps bearer tokens to users; `logging_certificate` is a pair of PEM texts, key and leaf."""
        self.name = name
        self.certificates = certificates
        self._tokens = tokens
        self.store = Store()
        initial.fill(self.store, name, *logging_certificate)
        self.api = Api(self.store)
        self.rules = Rules()
        self.log = ClusterLog(name, log)
        self._control = Control(self.store, self.rules, self.log)

    def identify(self, request, certificate):
        try:
            request.user = identity.authenticate(self.name, self._tokens, request.headers.get("Authorization"),
                                                 certificate)
        except status.ApiError as error:
            request.rejection = error

    def control(self, request):
        """The answer when the request is about the practice itself, else None."""
        return self._control.handle(request) if request.path.startswith(PREFIX) else None

    def pick_trouble(self, request):
        rule = self.rules.pick(request)
        if rule.interfere:
            self.api.touch(request)
        return rule

    @staticmethod
    def replacement(rule):
        """What a rule sends in place of the answer; None for nothing at all."""
        if rule.garbage:
            return Response(200, GARBAGE)
        if rule.answer_base64 is not None:
            return Response(rule.status or 200, base64.b64decode(rule.answer_base64))
        if not (rule.status or rule.redirect):
            return None
        code = rule.status or DEFAULT_REDIRECT
        response = error_response(status.ApiError(code, rule.message or f"practice trouble: {code}", rule.reason))
        if rule.redirect:
            response.headers["Location"] = rule.redirect
        return response
