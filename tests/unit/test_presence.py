"""Who is here, and who was, from what workers say of themselves."""

from __future__ import annotations

from typing import Any

from farm.runs.presence import Absence, presence
from tests.unit.test_capabilities import worker
from workers.registry import Unreadable, WorkerRecord


def record(hardware: str, state: str, seen_at: float, **changes: Any) -> WorkerRecord:
    values = {"hardware": hardware, "state": state, "seen_at": seen_at, **changes}
    return worker(None).model_copy(update=values)


def test_one_worker_that_is_here_serves_its_hardware_whoever_left() -> None:
    found = presence([record("p100", "left", 90.0), record("p100", "running", 50.0)], [], 100.0)
    assert found.here == {"p100"}
    assert found.absence("p100") is None


def test_of_those_that_went_the_last_one_counts() -> None:
    # Given one that left, and later one that fell silent
    records = [record("p100", "lost", 70.0, declared=True), record("p100", "left", 20.0)]
    # Then the later one is told of, and of hardware that nobody has seen nothing
    found = presence(records, [], 100.0)
    assert found.absence("p100") == Absence(
        seen_seconds_ago=30.0, said_goodbye=False, declared=True
    )
    assert found.absence("t4") == Absence()
    assert found.here == set()


def test_who_was_seen_later_than_now_was_seen_now() -> None:
    absence = presence([record("p100", "left", 100.4)], [], 100.0).absence("p100")
    assert absence is not None
    assert absence.seen_seconds_ago == 0.0


def test_a_worker_of_another_version_may_be_here_and_is_of_its_own_hardware() -> None:
    found = presence([], [Unreadable("a10", "p100@host-1")], 100.0)
    assert found.absence("a10") is None
    assert found.absence("p100") == Absence()
