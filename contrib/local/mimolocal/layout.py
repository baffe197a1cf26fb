# SPDX-License-Identifier: Apache-2.0
"""The files of one system, their owners and modes, and its configuration.

    DIR/mimo.conf           what all programs read; DIR/mimo.conf.d/50-set.conf holds what --set gave
    DIR/env                 where everything is (envfile.py)
    DIR/lock                held, with the pid of `up` in it, as long as the system runs
    DIR/log/*.log           what each program says
    DIR/statsd.log          the metrics that were sent, one datagram a line; DIR/statsd.sock takes them
    DIR/store/mimo.db       the store, shared by supervisors and Admin API through their group
    DIR/state/N/            lasting identity of actuator N
    DIR/run/                the actuators' sockets
    DIR/seal/               certificate and key under which cluster credentials are sealed
    DIR/api/                certificate, key and token file of the Admin API
    DIR/certificates/       certificates with their keys that tasks bring to the clusters
    DIR/tasks.d/            tasks of your own: NAME.conf, each with a step or more (mimo-task(5))
    DIR/practice/           kubeconfig files of the practice clusters
"""

import fcntl
import hashlib
import os
import secrets
import stat

from . import identities
from .practice import ACR_DOMAIN, DOMAIN

SOCKET_PATH_MAXIMUM = 107 # sun_path of unix(7), without its end

# One token for each role, named after it.
ROLES = ("admin", "operator", "reader")


class Refusal(Exception):
    """Why the system cannot start, in one line for whoever started it."""


class Layout:
    def __init__(self, directory):
        self.directory = directory
        self.configuration = directory / "mimo.conf"
        self.overrides = directory / "mimo.conf.d" / "50-set.conf"
        self.env = directory / "env"
        self.lock = directory / "lock"
        self.log = directory / "log"
        self.statsd_socket = directory / "statsd.sock"
        self.statsd_log = directory / "statsd.log"
        self.database = directory / "store" / "mimo.db"
        self.state = directory / "state"
        self.run = directory / "run"
        self.seal = directory / "seal"
        self.api = directory / "api"
        self.certificate = self.api / "api.crt"
        self.certificates = directory / "certificates"
        self.tasks = directory / "tasks.d"
        self.practice = directory / "practice"

    def take(self):
        """Make DIR and lock it, before anything in it is changed: another system may run there. Returns the lock, a file."""
        self._check_paths()
        try:
            self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            lock = open(os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644), "r+", encoding="ascii")
        except OSError as problem:
            raise Refusal(f"{self.directory} cannot be used as DIR: {problem.strerror}; choose another") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(self._in_use(lock.read().strip())) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        return lock

    def _in_use(self, holder):
        return (f"{self.directory} is in use by ./bootstrap up, pid {holder or 'unknown'}: "
                f"stop that one{f' (kill {holder})' if holder else ''}, or choose another DIR")

    def make(self, instances):
        """Make all directories in DIR; harmless when they are there."""
        self._check_reachable()
        for path in (self.overrides.parent, self.log, self.state, self.seal, self.tasks):
            path.mkdir(mode=0o755, exist_ok=True)
        _own(self.database.parent, 0o770, identities.SUPERVISOR)
        _own(self.run, 0o755, identities.SUPERVISOR) # modes of the sockets in it say who may use them
        _own(self.api, 0o750, identities.API)
        for index in range(instances):
            _own(self.state / str(index), 0o700, identities.SUPERVISOR)

    def _check_paths(self):
        longest = f"{self.run}/actuator-255.control"
        if len(os.fsencode(longest)) > SOCKET_PATH_MAXIMUM:
            raise Refusal(f"the path of DIR is too long: sockets in it ({longest}) may have at most "
                          f"{SOCKET_PATH_MAXIMUM} bytes; choose a shorter one")
        if set("\n\r;#'\"") & set(str(self.directory)):
            raise Refusal("the path of DIR has a character that configuration files cannot hold; choose another")

    def _check_reachable(self):
        """Programs that are not root any more must get to their files."""
        if not identities.can_change():
            return
        for path in (self.directory, *self.directory.parents):
            if not path.stat().st_mode & stat.S_IXOTH:
                raise Refusal(f"the programs run as other users and cannot pass through {path}: "
                              f"chmod o+x {path}, or choose another DIR")

    def state_of(self, index):
        return self.state / str(index)

    def log_of(self, name):
        return self.log / f"{name}.log"

    def write_configuration(self, values, overrides):
        """Both are {"section.key": value}."""
        self.configuration.write_text("# Written by `./bootstrap up`, anew at every start.\n" + _ini(values))
        self.overrides.write_text("# What --set gave.\n" + _ini(overrides))

    def write_tokens(self):
        """Make a token for each role; returns {role: token}. The token file holds their digests alone."""
        tokens = {role: secrets.token_urlsafe(32) for role in ROLES}
        lines = [f"{role}:{role}:{hashlib.sha256(token.encode()).hexdigest()}\n" for role, token in tokens.items()]
        path = self.api / "tokens"
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.writelines(lines)
        identities.hand_over(path, identities.API)
        return tokens

    def hand_over_store(self):
        """The files of the store belong to the supervisors; what is in them is shared with the Admin API's group."""
        for path in self.database.parent.iterdir():
            identities.hand_over(path, identities.SUPERVISOR)

    def values(self, store, ports_of_metrics, port_of_api):
        """The configuration: that of a machine where people develop and practise."""
        return {
            "store.uri": store,
            "actuator.state_directory": self.state_of(0),
            "actuator.runtime_directory": self.run,
            "actuator.membership_interval": "1s",
            "actuator.membership_ttl": "10s",
            "actuator.drain_timeout": "5s",
            "actuator.readiness_delay": "0",
            "actuator.practice_tasks": "yes",
            "clusters.seal_certificate": self.seal / "seal.crt",
            "clusters.seal_key": self.seal / "seal.key",
            "tasks.acr_domain": ACR_DOMAIN,
            "tasks.managed_domain": DOMAIN,
            "tasks.certificates": f"dir:{self.certificates}",
            "tasks.directory": self.tasks,
            "metrics.interval": "2s",
            "metrics.statsd": f"unix:{self.statsd_socket}",
            "metrics.listen": f"127.0.0.1:{ports_of_metrics[0]}" if ports_of_metrics else "",
            "api.listen": f"127.0.0.1:{port_of_api}",
            "api.tls_certificate": self.certificate,
            "api.tls_key": self.api / "api.key",
            "api.token_file": self.api / "tokens",
            "log.format": "text",
            **identities.configuration(),
        }


def _own(path, mode, identity):
    path.mkdir(mode=0o700, exist_ok=True)
    identities.hand_over(path, identity)
    path.chmod(mode)


def _ini(values):
    """The text of a configuration file with these keys, by section."""
    sections = {}
    for name, value in values.items():
        section, key = name.split(".", 1)
        sections.setdefault(section, []).append(f"{key} = {value}\n")
    return "".join(f"\n[{section}]\n{''.join(lines)}" for section, lines in sections.items())
