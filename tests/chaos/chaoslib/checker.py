# SPDX-License-Identifier: Apache-2.0
"""What must hold of every history. Each invariant is one function: it takes what the history says, and yields what is
wrong in words for people. `check()` runs them all.

Bounds: no worker may be seen doing anything OUTLIVING seconds after its lease or its launcher ended; a zombie may be
there for ZOMBIE seconds while its parent runs; descriptors at rest may grow by DESCRIPTORS.
"""

import itertools
from collections import Counter, defaultdict

from . import logs

TERMINAL = {"Completed", "Failed", "RetriesExceeded", "TimedOut", "Cancelled"}
OPEN = {"Pending", "InProgress"}
ATTEMPTS_MAXIMUM = 5
OUTLIVING = 1.0
ZOMBIE = 5.0
DESCRIPTORS = 16
LOG_TOLERANCE = 0.005 # two processes that stamp the same moment
FROM_ATTEMPT = {"succeeded": {"Completed"}, "terminal": {"Failed"}, "unregistered": {"Failed"}, "drained": {"Pending"}}
RETRIED = {"Pending", "RetriesExceeded"}


class Story:
    """A history, sorted into what the invariants ask for."""

    def __init__(self, events):
        self.events = events
        self.by = defaultdict(list)
        for event in events:
            self.by[event["what"]].append(event)
        self.begin = self.by["begin"][0]
        self.end = self.by["end"][-1] if self.by["end"] else {}
        self.final = self.by["final"][-1] if self.by["final"] else {"manifests": {}, "clusters": {}}
        self.lease = self.begin["lease_seconds"]
        self.offset = self.begin["t"] - self.begin["wall"]
        self._read_logs()

    def _read_logs(self):
        self.actuator_of = {}                # by pid of a supervisor
        self.started = []                    # (event, manifest, attempt, cluster, worker)
        self.ended = {}                      # {(manifest, attempt): [(event, outcome, state)]}
        self.late = defaultdict(list)        # by pid of a supervisor
        self.late_of = defaultdict(list)     # by (manifest, attempt)
        self.supervisor_ends = {}            # by pid: its last line
        for event in self.by["log"]:
            if event["program"] != "mimod":
                continue
            text, pid = event["text"], event["pid"]
            self.supervisor_ends[pid] = event["t"]
            if match := logs.ACTUATOR.match(text):
                self.actuator_of[pid] = match.group(1)
            elif match := logs.STARTED.match(text):
                self.started.append((event, match.group(1), int(match.group(2)), match.group(3), int(match.group(4))))
            elif match := logs.ENDED.match(text):
                self.ended.setdefault((match.group(1), int(match.group(2))), []).append((event, match.group(3), match.group(5)))
            elif match := logs.LATE.match(text):
                self.late[pid].append(event)
                if match.group(2):
                    self.late_of[match.group(2), int(match.group(3))].append(event)

    def attempts(self):
        """(manifest, entry of its history) of all documents ever seen, the latest look at each."""
        latest = {}
        for event in self.by["document"]:
            latest[event["document"]["id"]] = event["document"]
        latest.update(self.final["manifests"])
        for identifier, document in latest.items():
            for entry in document.get("attempts", []):
                yield identifier, entry

    def lease_ends(self):
        """{(manifest, attempt): `t` from which others may have it}: a lease lasts until the second it ends in is over."""
        return {(identifier, entry["number"]): entry["startedAt"] + self.lease + 1 + self.offset
                for identifier, entry in self.attempts()}


def accepted_manifests_are_kept(story):
    """What was answered with 201 is in the store until it is deleted, and nothing is there that nobody asked for."""
    deleted = {event["manifest"] for event in story.by["deleted"]}
    gone = {event["manifest"] for event in story.by["deleted"] if event["sure"]}
    final = story.final["manifests"]
    accepted = {event["manifest"] for event in story.by["accepted"]}
    for event in story.by["accepted"]:
        if event["manifest"] not in final and event["manifest"] not in deleted:
            yield f"manifest {event['manifest']} was accepted and is gone"
    for identifier in sorted(gone & set(final)):
        yield f"manifest {identifier} was deleted and is there"
    unsure = {event["marker"] for event in story.by["unsure"]}
    markers = Counter(marker_of(document) for document in final.values())
    for identifier, document in final.items():
        if identifier not in accepted and marker_of(document) not in unsure:
            yield f"manifest {identifier} is there and nobody created it"
    for marker, count in markers.items():
        if marker and count > 1:
            yield f"one create made {count} manifests ({marker})"


def marker_of(document):
    steps = (document.get("parameters") or {}).get("steps") or [{}]
    return steps[0].get("name")


def everything_ends(story):
    """Once faults stop, all manifests become terminal."""
    if not story.end:
        yield "the round has no end"
        return
    if story.end.get("seconds_until_terminal") is None:
        yield "not everything was terminal in time after the faults"
    for identifier, document in story.final["manifests"].items():
        if document["state"] not in TERMINAL:
            yield f"manifest {identifier} is {document['state']} at the end"


def _overlaps(spans):
    """Pairs of (first, last, name) that overlap."""
    latest = None
    for span in sorted(spans):
        if latest and span[0] < latest[1] and span[2] != latest[2]:
            yield latest, span
        if latest is None or span[1] > latest[1]:
            latest = span


def never_two_workers(story):
    """By what was seen in /proc: no two live workers for one manifest or one cluster."""
    for member in ("manifest", "cluster"):
        spans = defaultdict(list)
        for worker in story.by["worker"]:
            for first, last in worker["runs"]:
                if last > first:
                    spans[worker[member]].append((first, last, f"worker {worker['pid']} of {worker['manifest']}"))
        for name, of_name in sorted(spans.items()):
            for one, other in _overlaps(of_name):
                yield f"{member} {name} had {one[2]} and {other[2]} at once, at {other[0]:.3f}"


def never_two_attempts(story):
    """By what the supervisors say: attempts of one manifest or one cluster do not overlap within their leases."""
    lease_ends = story.lease_ends()
    for place, member in ((1, "manifest"), (3, "cluster")):
        spans = defaultdict(list)
        for event, manifest, attempt, cluster, worker in story.started:
            end = min([ended["t"] for ended, _, _ in story.ended.get((manifest, attempt), [])]
                      + [late["t"] for late in story.late_of[manifest, attempt]]
                      + [story.supervisor_ends[event["pid"]],
                         lease_ends.get((manifest, attempt), event["t"] + story.lease)])
            if end - LOG_TOLERANCE > event["t"]:
                name = (manifest, cluster)[place == 3]
                spans[name].append((event["t"], end - LOG_TOLERANCE, f"attempt {attempt} of {manifest} (worker {worker})"))
        for name, of_name in sorted(spans.items()):
            for one, other in _overlaps(of_name):
                yield f"{member} {name} had {one[2]} and {other[2]} at once, at {other[0]:.3f}"


def attempts_start_once(story):
    """No number is used twice, and each attempt has one worker and one result at most."""
    starts = Counter((manifest, attempt) for _, manifest, attempt, _, _ in story.started)
    for (manifest, attempt), count in starts.items():
        if count > 1:
            yield f"attempt {attempt} of manifest {manifest} was started {count} times"
    for (manifest, attempt), results in story.ended.items():
        if len(results) > 1:
            yield f"attempt {attempt} of manifest {manifest} has {len(results)} results"


def dequeues_are_attempts(story):
    """dequeues is the number of attempts that count; five at most; numbers only rise."""
    for identifier, document in story.final["manifests"].items():
        entries = document.get("attempts", [])
        counted = sum(entry.get("outcome") != "drained" for entry in entries)
        if document["dequeues"] != counted:
            yield f"manifest {identifier} has dequeues {document['dequeues']} and {counted} attempts that count"
        if document["dequeues"] > ATTEMPTS_MAXIMUM:
            yield f"manifest {identifier} has dequeues {document['dequeues']}"
        numbers = [entry["number"] for entry in entries]
        if numbers != sorted(set(numbers)):
            yield f"manifest {identifier} has attempts numbered {numbers}"


def _latest(document):
    return max((entry["number"] for entry in document.get("attempts", [])), default=0)


def _may_follow(before, after):
    """Whether documents of these states and attempt numbers may be two looks at one manifest."""
    (state, number), (next_state, next_number) = before, after
    if state in TERMINAL or next_number < number:
        return (state, number) == (next_state, next_number)
    if next_number > number: # claimed in between: everything but the way back to before may have happened
        return True
    if state == "Pending":   # not claimed since
        return next_state in ("Pending", "TimedOut", "Cancelled")
    return next_state != "TimedOut" # which leads out of Pending alone: a look may miss that in between


def states_follow_the_table(story):
    """Of two looks at a manifest the later one can be reached from the earlier one."""
    known = {}
    for event in story.by["document"]:
        document = event["document"]
        now = document["state"], _latest(document)
        before = known.get(document["id"], ("Pending", 0))
        if now[0] == "TimedOut" and before[0] == "InProgress" and before[1] == now[1]:
            before = ("Pending", before[1]) # retried, then timed out
        if not _may_follow(before, now):
            yield (f"manifest {document['id']} was {before[0]} at attempt {before[1]} and then {now[0]} at attempt "
                   f"{now[1]}")
        known[document["id"]] = now


def results_are_final(story):
    """An attempt's result is never changed again, by a late one or anything else; nor is a terminal manifest."""
    closed, ended = {}, {}
    for event in story.by["document"]:
        document = event["document"]
        identifier = document["id"]
        if identifier in ended and ended[identifier] != document:
            yield f"manifest {identifier} was changed after it was {ended[identifier]['state']}"
        if document["state"] in TERMINAL:
            ended[identifier] = document
        for entry in document.get("attempts", []):
            key = identifier, entry["number"]
            if closed.setdefault(key, entry) != entry:
                yield f"the result of attempt {entry['number']} of manifest {identifier} was changed: {closed[key]} -> {entry}"
            if not entry.get("outcome"):
                del closed[key]


def results_belong_to_their_attempt(story):
    """What a supervisor says it has written is what stands in the store, under its name, and leads where it must."""
    entries = {(identifier, entry["number"]): entry for identifier, entry in story.attempts()}
    for key, results in story.ended.items():
        event, outcome, state = results[-1]
        entry = entries.get(key)
        if entry is None:
            continue # deleted before it was looked at
        actuator = story.actuator_of.get(event["pid"])
        if entry.get("outcome") and (entry["outcome"], entry["actuator"]) != (outcome, actuator):
            yield (f"attempt {key[1]} of manifest {key[0]}: actuator {actuator} wrote {outcome}, in the store is "
                   f"{entry['outcome']} of {entry['actuator']}")
        if state not in FROM_ATTEMPT.get(outcome, RETRIED):
            yield f"attempt {key[1]} of manifest {key[0]} ended {outcome} and led to {state}"


def late_results_are_counted(story):
    """Each supervisor's metric is the number of late results it logged."""
    for event in story.by["late"]:
        logged = len(story.late.get(event["pid"], []))
        if event["count"] != logged:
            yield f"supervisor {event['pid']} counted {event['count']} late results and logged {logged}"


def clusters_are_given_back(story):
    """No cluster is marked without a lease, and at the end each is as it was before."""
    mark = story.begin["mark"]
    for event in story.by["cluster"]:
        document = event["document"]
        state = (document.get("properties") or {}).get("provisioningState")
        if state == mark and not document.get("leaseOwner"):
            yield f"cluster {document['id']} is {mark} and nobody holds its lease"
    for key, before in story.begin["clusters"].items():
        document = story.final["clusters"].get(key)
        if document is None:
            yield f"cluster {key} is gone"
            continue
        state = (document.get("properties") or {}).get("provisioningState")
        if document.get("leaseOwner"):
            yield f"cluster {key} is still leased at the end"
        if (state or None) != before:
            yield f"cluster {key} was {before} and is left {state}"


def workers_do_not_outlive(story):
    """No worker outlives its lease or its launcher."""
    lease_ends = story.lease_ends()
    launched = {}
    for event, manifest, attempt, _, worker in story.started:
        launched[worker, manifest[:8]] = (manifest, attempt)
    for worker in story.by["worker"]:
        last = max((last for first, last in worker["runs"]), default=worker["t"])
        if worker["orphaned"] is not None and last > worker["orphaned"] + OUTLIVING:
            yield f"worker {worker['pid']} of {worker['manifest']} outlived its launcher by {last - worker['orphaned']:.1f} s"
        key = launched.get((worker["pid"], worker["manifest"]))
        if key in lease_ends and last > lease_ends[key] + OUTLIVING:
            yield (f"worker {worker['pid']}, attempt {key[1]} of {key[0]}, outlived its lease by "
                   f"{last - lease_ends[key]:.1f} s")


def nothing_is_left_behind(story):
    """No zombies, no processes, no descriptors."""
    for event in story.by["zombie"]:
        if not event["excused"] and event["until"] - event["since"] > ZOMBIE:
            yield f"{event['role'] or 'process'} {event['pid']} was a zombie for {event['until'] - event['since']:.1f} s"
    for event in story.by["left"]:
        yield f"process {event['pid']} was left behind: {event['title']}"
    at_rest = defaultdict(list)
    for event in story.by["descriptors"]:
        if event["workers"] == 0:
            at_rest[event["role"], event["pid"]].append(event["count"])
    for (role, pid), counts in at_rest.items():
        if role != "api" and counts[-1] > counts[0] + DESCRIPTORS:
            yield f"{role} {pid} has {counts[-1]} descriptors at rest, it began with {counts[0]}"


def the_store_is_sound(story):
    """`mimo-store check` has nothing to say."""
    for event in story.by["store"]:
        if event["status"] != 0:
            yield f"mimo-store check: exit {event['status']}\n{event['text']}"


INVARIANTS = (accepted_manifests_are_kept, everything_ends, never_two_workers, never_two_attempts, attempts_start_once,
              dequeues_are_attempts, states_follow_the_table, results_are_final, results_belong_to_their_attempt,
              late_results_are_counted, clusters_are_given_back, workers_do_not_outlive, nothing_is_left_behind,
              the_store_is_sound)


def check(events):
    """[(invariant's name, what is wrong)]"""
    story = Story(events)
    return list(itertools.chain.from_iterable(((invariant.__name__, text) for text in invariant(story))
                                              for invariant in INVARIANTS))
