# SPDX-License-Identifier: Apache-2.0
"""What must hold of every history. Each invariant is one function: it takes what the history says, and yields what is
wrong in words for people. `check()` runs them all.

Bounds: no worker may be seen doing anything OUTLIVING seconds after its lease or its launcher ended, and no program may
be there then; a zombie may be there for ZOMBIE seconds while its parent runs; descriptors at rest may grow by DESCRIPTORS.

A store that was put back (`restored`) changes what holds, as docs/lease-protocol.md says. What was written after the copy was
begun may be gone, and numbers of attempts are given out again; so looks at a document before and after it are not compared, and
an attempt is told from another of the same number by its start. If actuators ran meanwhile, a worker of before may run beside
one of after. All else holds as ever; above all, each result is that of the attempt whose start is beside it.
"""

import bisect
import itertools
import re
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
LAST_WORDS = re.compile(r"\battempt (\d+)$")


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
        self.restored = sorted(t for event in self.by["restored"] for t in (event["began"], event["t"]))
        self._read_logs()

    def life(self, t):
        """Which life of the store that was: even numbers; odd ones while it was put back."""
        return bisect.bisect(self.restored, t)

    def may_be_gone(self, event, *, whole):
        """Whether a copy that was put back may be older than what the event tells. `whole`: a copy that leaves nothing else."""
        return any(restored["since"] <= event["t"] <= restored["t"] for restored in self.by["restored"]
                   if restored["whole"] or not whole)

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
        """{(manifest, attempt): `t` from which others may have it}: a lease lasts until the second it ends in is over. Of a number
        that was given out again, the latest."""
        ends = defaultdict(float)
        documents = [event["document"] for event in self.by["document"]] if self.restored else []
        entries = [(document["id"], entry) for document in documents for entry in document.get("attempts", [])]
        for identifier, entry in itertools.chain(entries, self.attempts()):
            key = identifier, entry["number"]
            ends[key] = max(ends[key], entry["startedAt"] + self.lease + 1 + self.offset)
        return dict(ends)

    def endings(self, start):
        """What the log says of the end of an attempt that it says was started: [(event, outcome, state)]."""
        event, manifest, attempt = start[:3]
        again = min((other["t"] for other, of, number, _, _ in self.started
                     if (of, number) == (manifest, attempt) and other["t"] > event["t"]), default=float("inf"))
        return [ended for ended in self.ended.get((manifest, attempt), [])
                if ended[0]["pid"] == event["pid"] and event["t"] <= ended[0]["t"] < again]


def accepted_manifests_are_kept(story):
    """What was answered with 201 is in the store until it is deleted, and nothing is there that nobody asked for."""
    deleted = {event["manifest"] for event in story.by["deleted"]}
    gone = {event["manifest"] for event in story.by["deleted"] if event["sure"] and not story.may_be_gone(event, whole=False)}
    final = story.final["manifests"]
    accepted = {event["manifest"] for event in story.by["accepted"]}
    for event in story.by["accepted"]:
        if event["manifest"] not in final and event["manifest"] not in deleted and not story.may_be_gone(event, whole=True):
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


def _overlaps(spans, story):
    """Pairs of (first, last, name) that overlap, but for those with a store put back between their beginnings beside actuators."""
    latest = None
    beside = [event for event in story.by["restored"] if not event["whole"]]
    for span in sorted(spans):
        if latest and span[0] < latest[1] and span[2] != latest[2]:
            if not any(latest[0] < event["t"] and span[0] > event["began"] for event in beside):
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
            for one, other in _overlaps(of_name, story):
                yield f"{member} {name} had {one[2]} and {other[2]} at once, at {other[0]:.3f}"


def never_two_attempts(story):
    """By what the supervisors say: attempts of one manifest or one cluster do not overlap within their leases."""
    lease_ends = story.lease_ends()
    for place, member in ((1, "manifest"), (3, "cluster")):
        spans = defaultdict(list)
        for start in story.started:
            event, manifest, attempt, cluster, worker = start
            end = min([ended["t"] for ended, _, _ in story.endings(start)]
                      + [late["t"] for late in story.late_of[manifest, attempt] if late["t"] > event["t"]]
                      + [story.supervisor_ends[event["pid"]],
                         lease_ends.get((manifest, attempt), event["t"] + story.lease)])
            if end - LOG_TOLERANCE > event["t"]:
                name = (manifest, cluster)[place == 3]
                spans[name].append((event["t"], end - LOG_TOLERANCE, f"attempt {attempt} of {manifest} (worker {worker})"))
        for name, of_name in sorted(spans.items()):
            for one, other in _overlaps(of_name, story):
                yield f"{member} {name} had {one[2]} and {other[2]} at once, at {other[0]:.3f}"


def attempts_start_once(story):
    """No number is used twice, and each attempt has one worker and one result at most."""
    starts = Counter((manifest, attempt, story.life(event["t"])) for event, manifest, attempt, _, _ in story.started)
    for (manifest, attempt, life), count in starts.items():
        if count > 1 and life % 2 == 0:
            yield f"attempt {attempt} of manifest {manifest} was started {count} times"
    for (manifest, attempt), of_number in story.ended.items():
        for life, results in Counter(story.life(event["t"]) for event, _, _ in of_number).items():
            if results > 1 and life % 2 == 0:
                yield f"attempt {attempt} of manifest {manifest} has {results} results"


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
        life = story.life(event["t"])
        before = known.get((document["id"], life), now if life else ("Pending", 0))
        if now[0] == "TimedOut" and before[0] == "InProgress" and before[1] == now[1]:
            before = ("Pending", before[1]) # retried, then timed out
        if not _may_follow(before, now):
            yield (f"manifest {document['id']} was {before[0]} at attempt {before[1]} and then {now[0]} at attempt "
                   f"{now[1]}")
        known[document["id"], life] = now


def results_are_final(story):
    """An attempt's result is never changed again, by a late one or anything else; nor is a terminal manifest."""
    closed, ended = {}, {}
    for event in story.by["document"]:
        document = event["document"]
        identifier = document["id"], story.life(event["t"])
        if identifier in ended and ended[identifier] != document:
            yield f"manifest {identifier[0]} was changed after it was {ended[identifier]['state']}"
        if document["state"] in TERMINAL:
            ended[identifier] = document
        for entry in document.get("attempts", []):
            key = identifier, entry["number"]
            if closed.setdefault(key, entry) != entry:
                yield f"the result of attempt {entry['number']} of manifest {identifier[0]} was changed: {closed[key]} -> {entry}"
            if not entry.get("outcome"):
                del closed[key]


def _start_of(entry, starts, story):
    """The start, of those of its number, that an attempt's entry in the store tells of: the first after its claim."""
    if not story.restored:
        return starts[-1]
    after = [start for start in starts if start[0]["wall"] >= entry["startedAt"]
             and story.actuator_of.get(start[0]["pid"]) == entry["actuator"]]
    return min(after, key=lambda start: start[0]["wall"], default=None)


def results_belong_to_their_attempt(story):
    """What a supervisor says it has written is what stands in the store, under its name, and leads where it must."""
    starts = defaultdict(list)
    for start in story.started:
        starts[start[1], start[2]].append(start)
    for identifier, entry in story.attempts():
        start = _start_of(entry, starts[identifier, entry["number"]], story) if starts[identifier, entry["number"]] else None
        results = story.endings(start) if start else []
        if not results or not entry.get("outcome"):
            continue
        event, outcome, _ = results[-1]
        actuator = story.actuator_of.get(event["pid"])
        if (entry["outcome"], entry["actuator"]) != (outcome, actuator) and not story.may_be_gone(event, whole=False):
            yield (f"attempt {entry['number']} of manifest {identifier}: actuator {actuator} wrote {outcome}, in the store is "
                   f"{entry['outcome']} of {entry['actuator']}")
    for (identifier, number), results in story.ended.items():
        for _, outcome, state in results:
            if state not in FROM_ATTEMPT.get(outcome, RETRIED):
                yield f"attempt {number} of manifest {identifier} ended {outcome} and led to {state}"


def words_belong_to_their_attempt(story):
    """A hostile program's last words, "attempt N", are in its own attempt's entry alone."""
    for identifier, entry in story.attempts():
        if (said := LAST_WORDS.search(entry.get("message") or "")) and int(said.group(1)) != entry["number"]:
            yield f"attempt {entry['number']} of manifest {identifier} has the words of another: {entry['message']}"


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


def programs_do_not_outlive(story):
    """What a worker's programs left is gone when its attempt has a result, and when its lease has ended, stopped or not."""
    ends = story.lease_ends()
    for start in story.started:
        for event, _, _ in story.endings(start)[:1]:
            ends[start[1], start[2]] = min(event["t"], ends.get((start[1], start[2]), event["t"]))
    for program in story.by["program"]:
        end = ends.get((program["manifest"], program["attempt"]), float("inf"))
        last = max((last for _, last in program["runs"]), default=program["t"])
        if last > end + OUTLIVING:
            yield (f"program {program['pid']} ({program['title']}), attempt {program['attempt']} of {program['manifest']}, "
                   f"outlived it by {last - end:.1f} s")


def never_programs_of_two_attempts(story):
    """By what was seen in /proc: programs of two attempts are never there at once for one cluster."""
    spans = defaultdict(list)
    for program in story.by["program"]:
        for first, last in program["runs"]:
            if last > first:
                spans[program["cluster"]].append((first, last, f"programs of attempt {program['attempt']} of {program['manifest']}"))
    for name, of_name in sorted(spans.items()):
        for one, other in _overlaps(of_name, story):
            yield f"cluster {name} had {one[2]} and {other[2]} at once, at {other[0]:.3f}"


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
        began = max(counts[:2]) # the first may be from before it had opened what it keeps
        if role != "api" and counts[-1] > began + DESCRIPTORS:
            yield f"{role} {pid} has {counts[-1]} descriptors at rest, it began with {began}"


def the_store_is_sound(story):
    """`mimo-store check` has nothing to say."""
    for event in story.by["store"]:
        if event["status"] != 0:
            yield f"mimo-store check: exit {event['status']}\n{event['text']}"


INVARIANTS = (accepted_manifests_are_kept, everything_ends, never_two_workers, never_two_attempts, attempts_start_once,
              dequeues_are_attempts, states_follow_the_table, results_are_final, results_belong_to_their_attempt,
              words_belong_to_their_attempt, late_results_are_counted, clusters_are_given_back, workers_do_not_outlive,
              programs_do_not_outlive, never_programs_of_two_attempts, nothing_is_left_behind,
              the_store_is_sound)


def check(events):
    """[(invariant's name, what is wrong)]"""
    story = Story(events)
    return list(itertools.chain.from_iterable(((invariant.__name__, text) for text in invariant(story))
                                              for invariant in INVARIANTS))
