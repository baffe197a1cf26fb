# SPDX-License-Identifier: Apache-2.0
"""The checker of `./bootstrap chaos` is fed histories: a good one, and each of the broken ones must be noticed."""

import copy
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))

from chaoslib import checker, history, observer # noqa: E402 (found by the line above)

FIRST, SECOND = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
ACTUATOR, OTHER = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"
CLUSTER = "/subscriptions/s/resourcegroups/g/providers/microsoft.redhatopenshift/openshiftclusters/chaos-0"
WALL = 1_700_000_000.0 # when CLOCK_MONOTONIC is 0
LEASE = 4


class Story:
    """A history in the making: two manifests of one cluster, one after the other, by one actuator."""

    def __init__(self):
        self.events = []
        self.final = {"manifests": {}, "clusters": {CLUSTER: self.cluster_document()}}
        self.add(0, "begin", seed=1, lease_seconds=LEASE, mark="AdminUpdating", clusters={CLUSTER: "Succeeded"})
        self.log(0.1, f"actuator {ACTUATOR} starts on vm, store sqlite:x")
        self.run_manifest(FIRST, "m-1", 1)
        self.run_manifest(SECOND, "m-2", 5)
        self.add(9, "cluster", document=self.cluster_document())
        for t in (0.5, 1, 9):
            self.add(t, "descriptors", pid=10, role="supervisor", count=20, workers=0)
        self.add(9.5, "late", pid=10, index=0, count=0)
        self.add(9.5, "store", status=0, text="")
        self.log(9.9, "stopped")

    def add(self, t, what, **fields):
        self.events.append({"what": what, "t": t, "wall": WALL + t, **fields})

    def log(self, t, text, pid=10):
        self.add(t, "log", program="mimod", pid=pid, level="info", text=text)

    @staticmethod
    def cluster_document(**members):
        return {"id": CLUSTER, "name": "chaos-0", "properties": {"provisioningState": "Succeeded"}, **members}

    @staticmethod
    def document(identifier, marker, state, dequeues, *attempts):
        return {"id": identifier, "clusterResourceID": CLUSTER, "state": state, "dequeues": dequeues,
                "parameters": {"steps": [{"name": marker}]}, "attempts": list(attempts)}

    def run_manifest(self, identifier, marker, t):
        """Created at `t`, runs from t+1 to t+2 as worker 100+t, Completed."""
        entry = {"number": 1, "startedAt": int(WALL + t + 1), "actuator": ACTUATOR}
        done = self.document(identifier, marker, "Completed", 1, {**entry, "finishedAt": int(WALL + t + 2), "outcome": "succeeded"})
        self.add(t, "accepted", marker=marker, manifest=identifier, cluster=CLUSTER)
        self.add(t, "document", document=self.document(identifier, marker, "Pending", 0))
        self.log(t + 1, f"manifest {identifier}: attempt 1 of Practice on {CLUSTER} runs as worker {100 + t}")
        self.add(t + 1.5, "document", document=self.document(identifier, marker, "InProgress", 1, entry))
        self.add(t + 1, "worker", pid=100 + t, start=1, manifest=identifier[:8], cluster="chaos-0", launcher=11,
                 orphaned=None, last=t + 2, runs=[[t + 1.01, t + 1.9]])
        self.log(t + 2, f"manifest {identifier}: attempt 1 succeeded after 1000 ms: now Completed")
        self.add(t + 2.5, "document", document=done)
        self.final["manifests"][identifier] = done

    def of(self, what, number=0):
        """An event to be changed."""
        return [event for event in self.events if event["what"] == what][number]

    def violations(self):
        self.add(10, "final", **copy.deepcopy(self.final))
        if not any(event["what"] == "end" for event in self.events):
            self.add(10, "end", seconds_until_terminal=1.0)
        return checker.check(sorted(self.events, key=lambda event: event["t"]))


def lose(story):
    del story.final["manifests"][FIRST]


def keep_a_deleted_one(story):
    story.add(8, "deleted", manifest=FIRST, sure=True)


def invent(story):
    story.events.remove(story.of("accepted"))


def create_twice(story):
    story.of("document", 3)["document"]["parameters"] = {"steps": [{"name": "m-1"}]}
    story.final["manifests"][SECOND] = {**story.final["manifests"][SECOND], "parameters": {"steps": [{"name": "m-1"}]}}


def leave_open(story):
    story.final["manifests"][SECOND]["state"] = "Pending"


def never_be_terminal(story):
    story.add(10, "end", seconds_until_terminal=None)


def run_two_workers_for_a_manifest(story):
    story.add(2, "worker", pid=200, start=1, manifest=FIRST[:8], cluster="chaos-7", launcher=12, orphaned=None, last=3,
              runs=[[2.5, 2.6], [2.85, 3]])


def run_two_workers_on_a_cluster(story):
    story.add(2, "worker", pid=200, start=1, manifest="33333333", cluster="chaos-0", launcher=12, orphaned=None, last=3,
              runs=[[2.5, 3]])


def say_that_two_attempts_run(story):
    story.log(2.2, f"manifest {SECOND}: attempt 2 of Practice on {CLUSTER} runs as worker 300")
    story.log(2.4, f"manifest {SECOND}: attempt 2 transient after 200 ms: now Pending")


def use_a_number_twice(story):
    story.log(4, f"manifest {FIRST}: attempt 1 of Practice on {CLUSTER} runs as worker 300", pid=12)


def write_two_results(story):
    story.log(4, f"manifest {FIRST}: attempt 1 transient after 9 ms: now Pending", pid=12)


def count_wrong(story):
    story.final["manifests"][FIRST]["dequeues"] = 2


def attempt_six_times(story):
    document = story.final["manifests"][FIRST]
    document["attempts"] = [{**document["attempts"][0], "number": number} for number in range(1, 7)]
    document["dequeues"] = 6


def claim_without_a_number(story):
    story.of("document", 1)["document"]["attempts"] = []


def come_back_from_the_end(story):
    story.add(4, "document", document=Story.document(FIRST, "m-1", "Pending", 1, *story.final["manifests"][FIRST]["attempts"]))


def change_a_result(story):
    document = copy.deepcopy(story.final["manifests"][FIRST])
    document["attempts"][0]["outcome"] = "transient"
    story.add(4, "document", document={**document, "state": "Completed"})


def write_anothers_result(story):
    for document in (story.final["manifests"][FIRST], story.of("document", 2)["document"]):
        document["attempts"][0]["actuator"] = OTHER


def lead_somewhere_else(story):
    for event in story.events:
        if event["what"] == "log":
            event["text"] = event["text"].replace("succeeded after 1000 ms: now Completed", "transient after 1 ms: now Completed")
    for identifier in (FIRST, SECOND):
        story.final["manifests"][identifier]["attempts"][0]["outcome"] = "transient"


def forget_to_count(story):
    story.log(4, f"result \"succeeded\" dropped: manifest {FIRST}, attempt 1: the manifest is no longer owned by this attempt")


def leave_a_mark(story):
    story.add(4, "cluster", document=Story.cluster_document(properties={"provisioningState": "AdminUpdating"}))


def leave_another_state(story):
    story.final["clusters"][CLUSTER]["properties"]["provisioningState"] = "Failed"


def leave_a_lease(story):
    story.final["clusters"][CLUSTER]["leaseOwner"] = ACTUATOR


def outlive_the_launcher(story):
    story.of("worker").update(orphaned=2.0, runs=[[2.01, 3.2]])
    story.events = [event for event in story.events if SECOND not in str(event) and event.get("pid") != 105]
    del story.final["manifests"][SECOND]


def outlive_the_lease(story):
    story.of("worker", 1).update(runs=[[6.01, 6.0 + LEASE + 2.5]])


def program(story, attempt, *runs, manifest=FIRST):
    story.add(runs[0][0], "program", pid=200 + attempt, manifest=manifest, attempt=attempt, cluster=CLUSTER, title="hostile",
              runs=[list(run) for run in runs])


def leave_a_program_behind_a_result(story):
    program(story, 1, (2.1, 4.5))


def leave_a_program_behind_its_lease(story):
    story.events = [event for event in story.events if "attempt 1 succeeded" not in str(event)]
    program(story, 1, (2.1, 2.0 + LEASE + 3))


def run_programs_of_two_attempts(story):
    program(story, 1, (2.1, 2.9))
    program(story, 1, (2.8, 3.1), manifest=SECOND)


def take_anothers_words(story):
    story.final["manifests"][FIRST]["attempts"][0]["message"] = "TransientError: attempt 2"


def leave_a_zombie(story):
    story.add(2, "zombie", pid=9, role="worker", since=2.0, until=9.0, excused=False)


def leave_a_process(story):
    story.add(9.9, "left", pid=9, title="mimo-launcher")


def leak_descriptors(story):
    story.of("descriptors", 2)["count"] = 99


def spoil_the_store(story):
    story.of("store")["status"] = 1


BROKEN = {
    lose: "accepted_manifests_are_kept", keep_a_deleted_one: "accepted_manifests_are_kept",
    invent: "accepted_manifests_are_kept", create_twice: "accepted_manifests_are_kept",
    leave_open: "everything_ends", never_be_terminal: "everything_ends",
    run_two_workers_for_a_manifest: "never_two_workers", run_two_workers_on_a_cluster: "never_two_workers",
    say_that_two_attempts_run: "never_two_attempts",
    use_a_number_twice: "attempts_start_once", write_two_results: "attempts_start_once",
    count_wrong: "dequeues_are_attempts", attempt_six_times: "dequeues_are_attempts",
    claim_without_a_number: "states_follow_the_table", come_back_from_the_end: "states_follow_the_table",
    change_a_result: "results_are_final",
    write_anothers_result: "results_belong_to_their_attempt", lead_somewhere_else: "results_belong_to_their_attempt",
    forget_to_count: "late_results_are_counted",
    leave_a_mark: "clusters_are_given_back", leave_another_state: "clusters_are_given_back",
    leave_a_lease: "clusters_are_given_back",
    outlive_the_launcher: "workers_do_not_outlive", outlive_the_lease: "workers_do_not_outlive",
    leave_a_program_behind_a_result: "programs_do_not_outlive", leave_a_program_behind_its_lease: "programs_do_not_outlive",
    run_programs_of_two_attempts: "never_programs_of_two_attempts", take_anothers_words: "words_belong_to_their_attempt",
    leave_a_zombie: "nothing_is_left_behind", leave_a_process: "nothing_is_left_behind",
    leak_descriptors: "nothing_is_left_behind", spoil_the_store: "the_store_is_sound",
}


def test_a_good_history_has_no_violation():
    assert Story().violations() == []


@pytest.mark.parametrize("spoil, invariant", BROKEN.items(), ids=lambda value: getattr(value, "__name__", value))
def test_each_broken_history_is_noticed(spoil, invariant):
    story = Story()
    spoil(story)
    found = story.violations()
    assert invariant in {name for name, _ in found}, found


def test_each_invariant_has_a_broken_history():
    assert {invariant.__name__ for invariant in checker.INVARIANTS} == set(BROKEN.values())


def test_what_is_unknown_may_have_happened_or_not():
    story = Story()
    story.events.remove(story.of("accepted"))
    story.add(0.5, "unsure", marker="m-1", cluster=CLUSTER, status=None)
    story.add(0.6, "unsure", marker="m-9", cluster=CLUSTER, status=503)
    story.add(8, "deleted", manifest=SECOND, sure=False)
    assert story.violations() == []


def put_back(story, since, began, t, whole):
    story.add(t, "restored", since=since, began=began, whole=whole)


def test_what_a_backup_does_not_know_is_gone_and_nothing_else():
    story = Story()
    story.add(0.8, "accepted", marker="m-8", manifest="8" * 8, cluster=CLUSTER)
    put_back(story, 0.7, 0.9, 0.95, whole=True)
    assert story.violations() == []
    story.add(0.6, "accepted", marker="m-7", manifest="7" * 8, cluster=CLUSTER)
    assert {name for name, _ in story.violations()} == {"accepted_manifests_are_kept"}


def again(story, *, outcome):
    """FIRST ran once, the store was put back to before that, and it runs once more, with its number, by another actuator."""
    put_back(story, 0.9, 3.55, 3.6, whole=True)
    story.log(3.65, f"actuator {OTHER} starts on vm, store sqlite:x", pid=12)
    story.log(3.8, f"manifest {FIRST}: attempt 1 of Practice on {CLUSTER} runs as worker 300", pid=12)
    story.log(4.5, f"manifest {FIRST}: attempt 1 terminal after 1000 ms: now Failed", pid=12)
    entry = {"number": 1, "startedAt": int(WALL + 3), "actuator": OTHER, "finishedAt": int(WALL + 4), "outcome": outcome}
    done = story.document(FIRST, "m-1", "Failed" if outcome == "terminal" else "Completed", 1, entry)
    story.add(4.6, "document", document=done)
    story.final["manifests"][FIRST] = done


def test_a_number_that_is_given_out_again_is_another_attempt():
    story = Story()
    again(story, outcome="terminal")
    assert story.violations() == []


def test_a_result_of_before_the_store_was_put_back_must_not_settle_the_attempt_of_after():
    story = Story()
    again(story, outcome="succeeded")
    assert {name for name, _ in story.violations()} == {"results_belong_to_their_attempt"}


def test_only_beside_running_actuators_a_worker_of_before_may_meet_one_of_after():
    for whole, expected in ((False, set()), (True, {"never_two_workers"})):
        story = Story()
        put_back(story, 1.0, 1.8, 2.05, whole=whole)
        story.of("worker", 1).update(runs=[[2.3, 3.0]])
        story.of("worker").update(runs=[[2.01, 2.9]])
        assert {name for name, _ in story.violations()} == expected


def test_an_attempt_that_was_stopped_over_its_lease_is_no_second_one():
    """Its supervisor says only when it goes on that a worker ran, and that the result came late."""
    story = Story()
    story.log(20, f"manifest {SECOND}: attempt 2 of Practice on {CLUSTER} runs as worker 300", pid=12)
    story.log(21, f"manifest {SECOND}: attempt 2 transient after 9 ms: now Pending", pid=12)
    story.log(20.5, f"manifest {FIRST}: attempt 2 of Practice on {CLUSTER} runs as worker 301")
    story.log(20.6, f"result \"timeout\" dropped: manifest {FIRST}, attempt 2: the manifest is no longer owned by this attempt")
    story.of("late")["count"] = 1
    entries = [{"number": 2, "startedAt": int(WALL + 10), "actuator": ACTUATOR, "outcome": "leaseExpired"}]
    for identifier in (FIRST, SECOND):
        document = story.final["manifests"][identifier]
        if identifier == FIRST:
            document["attempts"] += entries
            document["dequeues"] = 2
    assert "never_two_attempts" not in {name for name, _ in story.violations()}


def test_a_history_survives_being_written_and_read(tmp_path):
    written = history.History(tmp_path / "history.jsonl")
    written.add("fault", kind="kill", t=2.0)
    written.add("fault", kind="stop", t=1.0)
    written.close()
    written.add("fault", kind="after the end")
    assert [event["kind"] for event in history.read(tmp_path / "history.jsonl")] == ["stop", "kill"]
    json.loads((tmp_path / "history.jsonl").read_text().splitlines()[0])


@pytest.mark.parametrize("title, cluster", [
    ("mimo-worker: Practice chaos-3 [2/3 step 2] 997e05c8", "chaos-3"),
    ("mimo-worker: Practice chaos-3 997e05c8", "chaos-3"),
    ("mimo-worker: Operator Flags Update chaos-3 997e05c8 [2/2 Update the operator flags]", "chaos-3"),
])
def test_titles_of_workers_are_understood(title, cluster):
    match = observer.WORKER.match(title)
    assert (match.group(1), match.group(2)) == (cluster, "997e05c8")
