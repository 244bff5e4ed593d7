"""How far a run is, and how long the rest may take."""

from __future__ import annotations

import pytest

from farm.runs.progress import by_hardware, count
from farm.store.store import JobRow


def job(
    state: str, started: float | None = None, ended: float | None = None, hardware: str = "p100"
) -> JobRow:
    return JobRow(
        id=f"{state}-{started}",
        hardware=hardware,
        state=state,
        started_at=started,
        finished_at=ended,
    )


def left(*jobs: JobRow, now: float = 100.0) -> float | None:
    (one,) = by_hardware(jobs, now)
    return one.seconds_left


def test_every_state_is_counted_and_open_ones_are_not_done() -> None:
    jobs = [job("queued"), job("running", 1.0), job("succeeded", 0.0, 1.0), job("failed", 0.0, 1.0)]
    assert count(jobs)["cancelled"] == 0
    (one,) = by_hardware(jobs, 2.0)
    assert (one.jobs, one.done) == (4, 2)


def test_the_rest_takes_as_long_a_job_as_the_first_ones_did_with_their_waits() -> None:
    # 10 s a job although each was measured in 2: the machine was lent to another worker between
    done = [job("succeeded", 80.0, 82.0), job("failed", 98.0, 100.0)]
    assert left(*done, *[job("queued")] * 3) == pytest.approx(30.0)
    assert left(*done, *[job("queued")] * 3, now=104.0) == pytest.approx(26.0)
    assert left(*done, *[job("queued")] * 3, now=1_000.0) == 0.0


def test_nothing_is_told_before_something_was_measured() -> None:
    assert left(job("queued"), job("running", 50.0)) is None
    assert left(job("unsupported", 50.0, 50.0), job("queued")) is None  # it was never sent
    assert left(job("succeeded", 50.0, 60.0)) == 0.0


def test_what_was_never_sent_does_not_hasten_the_rest() -> None:
    measured = job("succeeded", 90.0, 100.0)
    skipped = [job("unsupported", 20.0, 20.0)] * 9
    assert left(measured, *skipped, job("queued")) == pytest.approx(10.0)


def test_each_hardware_has_its_own_pace() -> None:
    jobs = [
        *(job("succeeded", 0.0, 10.0, name) for name in ("b", "a")),
        *(job("queued", hardware=name) for name in ("b", "b", "a")),
    ]
    found = {each.hardware: each.seconds_left for each in by_hardware(jobs, 10.0)}
    assert found == {"a": pytest.approx(10.0), "b": pytest.approx(20.0)}
    assert list(found) == ["a", "b"]
