"""What `farm doctor` says of workers, from their records."""

from __future__ import annotations

from typing import Any

import pytest

from farm.doctor import workers
from jobs.capabilities import Capabilities
from tests.unit.test_capabilities import has, worker
from workers.registry import WorkerRecord

NOW = 1_000_000.0


def record(**changes: Any) -> WorkerRecord:
    changes.setdefault("seen_at", NOW - 1)
    return WorkerRecord.model_validate({**worker(None).model_dump(), **changes})


def stating(workloads: dict[str, int]) -> Capabilities:
    return has(workloads=workloads)


def test_older_records_are_read_without_what_the_registry_notes_now() -> None:
    said = record().model_dump(exclude={"idle_since", "clock_ahead_seconds"})
    read = WorkerRecord.model_validate(said)
    assert read.idle_since is None
    assert read.clock_ahead_seconds is None


def test_nobody_here_is_no_fault() -> None:
    check = workers.presence([], NOW)
    assert check.ok
    assert "`farm worker`" in check.detail


@pytest.mark.parametrize(
    ("state", "seen", "ok"),
    [
        ("idle", 1.0, True),
        ("left", 100.0, True),
        ("lost", 100.0, False),
        ("lost", -1e9, True),  # says that it was seen in the future
        ("lost", 2 * 86_400.0, True),  # whoever has not come back in a day is not missed
    ],
)
def test_who_fell_silent_is_named(state: str, seen: float, ok: bool) -> None:
    check = workers.presence([record(state=state, seen_at=NOW - seen)], NOW)
    assert check.ok is ok
    if not ok:
        assert "p100@host-1 for 1 min 40 s" in check.detail
        assert "`farm worker`" in check.remedy


def test_versions_of_workers_and_of_their_workloads() -> None:
    own = {"matmul": 2, "spin": 1}
    alike = record(version="1.0", capabilities=stating({"matmul": 2, "theirs": 7}))
    assert workers.versions([alike], [], "1.0", own).ok
    for records, unreadable, said in (
        ([record(version="0.9")], [], "p100@host-1 (0.9)"),
        ([record(version="1.0", capabilities=stating({"matmul": 1}))], [], "matmul 1 instead of 2"),
        ([alike], ["t4@x-9"], "t4@x-9 (its record cannot be read)"),
    ):
        check = workers.versions(records, unreadable, "1.0", own)
        assert not check.ok
        assert said in check.detail
        assert "install benchfarm 1.0" in check.remedy


def test_versions_of_those_who_left_do_not_matter() -> None:
    assert workers.versions([record(state="left", version="0.9")], [], "1.0", {}).ok


def test_clocks_of_workers() -> None:
    right, late = record(clock_ahead_seconds=0.1), record(clock_ahead_seconds=-3.0)
    wrong = record(clock_ahead_seconds=-200.0)
    assert workers.clocks([], 60.0).detail == "no worker is here"
    assert workers.clocks([right], 60.0).ok
    noted = workers.clocks([right, late], 60.0)
    assert noted.ok
    assert "3 s behind" in noted.detail
    check = workers.clocks([right, wrong], 60.0)
    assert not check.ok
    assert "that of p100@host-1 is 3 min 20 s behind Redis's" in check.detail
    assert workers.clocks([record(state="left", clock_ahead_seconds=-200.0)], 60.0).ok


def stuck(
    records: list[WorkerRecord], waiting: int, held: int, patience: float = 60.0
) -> list[WorkerRecord]:
    return workers.idle_too_long(records, NOW, {"p100": waiting}, {"p100": held}, patience)


def test_who_is_idle_while_jobs_wait_has_stopped() -> None:
    idle = record(idle_since=NOW - 61)
    assert stuck([idle], waiting=1, held=0) == [idle]
    assert stuck([idle], waiting=0, held=0) == []
    assert stuck([record(idle_since=NOW - 59)], waiting=1, held=0) == []
    assert stuck([record(idle_since=None)], waiting=1, held=0) == []
    assert stuck([record(state="lost", idle_since=NOW - 61)], waiting=1, held=0) == []


def test_who_waits_for_the_turn_on_its_machine_holds_a_job_and_has_not_stopped() -> None:
    idle = record(idle_since=NOW - 1000)
    running = record(name="p100@host-2", state="running")
    assert stuck([idle, running], waiting=5, held=2) == []
    assert stuck([idle, running], waiting=5, held=1) == [idle]
    other = record(name="p100@host-3", idle_since=NOW - 1000)
    # One of the two holds a job; which, is not known.
    assert stuck([idle, other, running], waiting=5, held=2) == [idle, other]


def test_workers_of_other_hardware_take_other_jobs() -> None:
    assert stuck([record(hardware="t4", idle_since=NOW - 61)], waiting=3, held=0) == []


def test_what_is_said_of_who_has_stopped() -> None:
    assert workers.consuming([], {}, NOW).ok
    check = workers.consuming([record(idle_since=NOW - 90)], {"p100": 1}, NOW)
    assert not check.ok
    assert "p100@host-1, idle for 1 min 30 s while 1 job waits" in check.detail
    assert "start it again" in check.remedy
