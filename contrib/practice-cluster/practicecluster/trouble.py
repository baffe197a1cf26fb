# SPDX-License-Identifier: Apache-2.0
"""Trouble: rules by which a practice cluster fails on demand.

A rule selects requests, and determines how often it applies and what it does. Only the first rule that matches
a request is applied. The options of the command `practice-trouble` are made from `FIELDS`.
"""

import base64
import binascii
import re
import threading
from dataclasses import dataclass, field

from . import status
from .tls import WRONG_CERTIFICATES

# key: (type in JSON, what it does)
FIELDS = {
    "method": (str, "only requests with this method, e.g. PUT"),
    "path": (str, "only requests whose path matches this regular expression"),
    "body": (str, "only requests whose body matches this regular expression"),
    "after": (int, "skip the first N matching requests"),
    "times": (int, "apply at most N times (default: no limit)"),
    "status": (int, "answer with this status code and a Status object"),
    "reason": (str, "the Status object's reason (default: derived from the status)"),
    "message": (str, "the Status object's message"),
    "headers": (dict, "more headers for the answer, e.g. Retry-After"),
    "redirect": (str, "answer with a redirect to this URL (status 307 unless given)"),
    "delayMs": (int, "delay before answering, in milliseconds"),
    "drop": (bool, "close the connection without an answer"),
    "reset": (bool, "as drop, but with a TCP reset"),
    "half": (bool, "send the headers and half of the body, then close"),
    "slowBytesMs": (int, "send the answer byte by byte, with this pause between them"),
    "garbage": (bool, "answer 200 with a body that is not JSON"),
    "noHttp": (bool, "answer with bytes that are not HTTP, then close"),
    "answerBase64": (str, "answer 200 (or `status`) with this body, given in base64"),
    "certificate": (str, "as drop, and the next connection gets a wrong certificate: expired, wrong-name, other-ca"),
    "hugeBytes": (int, "put N spaces before the JSON of the answer"),
    "chunked": (bool, "send the answer in chunks, without a Content-Length"),
    "carryOut": (bool, "carry the request out even if its answer is replaced or lost"),
    "interfere": (bool, "change the object first, as another client might: a stale version then conflicts"),
}
MATCHING = ("method", "path", "body")
ACTING = tuple(key for key in FIELDS if key not in MATCHING + ("after", "times", "carryOut", "reason", "message"))
REPLACING = ("status", "redirect", "drop", "reset", "garbage", "noHttp", "answerBase64", "certificate")


@dataclass
class Rule:
    settings: dict
    patterns: dict = field(default_factory=dict)
    matched: int = 0
    applied: int = 0

    def __getattr__(self, key):
        """`rule.delay_ms` is the setting delayMs, None unless given."""
        words = key.split("_")
        name = words[0] + "".join(word.capitalize() for word in words[1:])
        if name not in FIELDS:
            raise AttributeError(key)
        return self.settings.get(name)

    @property
    def replaces_answer(self):
        return any(self.settings.get(key) not in (None, False) for key in REPLACING)

    @property
    def summary(self):
        """For the request log: what the rule does."""
        return {key: self.settings[key] for key in self.settings if key not in MATCHING}

    def matches(self, request):
        method = self.settings.get("method")
        texts = {"path": request.path, "body": request.body.decode("utf-8", "replace")}
        return (method in (None, request.method)
                and all(pattern.search(texts[key]) for key, pattern in self.patterns.items()))

    def strikes(self):
        """Count a match; whether the rule applies this time."""
        self.matched += 1
        if self.matched <= (self.after or 0) or self.times is not None and self.applied >= self.times:
            return False
        self.applied += 1
        return True

    def document(self):
        return dict(self.settings, matched=self.matched, applied=self.applied)


NO_TROUBLE = Rule({})


class Rules:
    """The rules of one cluster."""

    def __init__(self):
        self._lock = threading.Lock()
        self._rules = []

    def replace(self, documents):
        rules = parse(documents)
        with self._lock:
            self._rules = rules

    def add(self, documents):
        rules = parse(documents)
        with self._lock:
            self._rules = self._rules + rules

    def documents(self):
        with self._lock:
            return [rule.document() for rule in self._rules]

    def pick(self, request):
        if not self._rules:
            return NO_TROUBLE
        with self._lock:
            for rule in self._rules:
                if rule.matches(request) and rule.strikes():
                    return rule
        return NO_TROUBLE


def parse(documents):
    """Rules from what a client sent: one rule or a list of them."""
    if isinstance(documents, dict):
        documents = [documents]
    if not isinstance(documents, list):
        raise status.bad_request("trouble is a list of rules")
    return [_rule(number, document) for number, document in enumerate(documents, 1)]


def _rule(number, document):
    if not isinstance(document, dict):
        raise status.bad_request(f"rule {number}: not an object")
    for key, value in document.items():
        _check(number, key, value)
    if not any(document.get(key) not in (None, False, 0) for key in ACTING):
        raise status.bad_request(f"rule {number}: does nothing; give one of {', '.join(ACTING)}")
    settings = {key: value for key, value in document.items() if value is not None}
    if "method" in settings:
        settings["method"] = settings["method"].upper()
    patterns = {key: _pattern(number, key, settings[key]) for key in ("path", "body") if key in settings}
    return Rule(settings, patterns)


def _check(number, key, value):
    if key not in FIELDS:
        raise status.bad_request(f"rule {number}: unknown key '{key}'; there are {', '.join(FIELDS)}")
    wanted = FIELDS[key][0]
    if value is None:
        return
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise status.bad_request(f"rule {number}: {key} is of type {wanted.__name__}")
    if wanted is int and value < 0:
        raise status.bad_request(f"rule {number}: {key} is not negative")
    if key == "status" and not 200 <= value <= 599:
        raise status.bad_request(f"rule {number}: status is from 200 to 599")
    if key == "certificate" and value not in WRONG_CERTIFICATES:
        raise status.bad_request(f"rule {number}: certificate is one of {', '.join(WRONG_CERTIFICATES)}")
    if key == "answerBase64":
        _check_base64(number, value)


def _check_base64(number, text):
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise status.bad_request(f"rule {number}: answerBase64 is no base64") from None


def _pattern(number, key, text):
    try:
        return re.compile(text)
    except re.error as error:
        raise status.bad_request(f"rule {number}: {key} is no regular expression: {error}") from None
