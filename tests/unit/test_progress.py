"""How far a run is, how long the rest may take, and who is missed."""

from __future__ import annotations

import pytest

from farm.render import progress as rendered
from farm.run import Run
from farm.runs.presence import Absence, Presence
from farm.runs.progress import HardwareProgress, by_hardware, count, unserved
from farm.store.store import JobRow
from farm.suite.selector import Selector


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
    # A job that takes longer than its time, or a worker that was away, hastens none of the others.
    assert left(*done, *[job("queued")] * 3, now=1_000.0) == pytest.approx(20.0)


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


def presence(*here: str, **gone: Absence) -> Presence:
    return Presence(here=frozenset(here), gone=gone)


WAITING = [job("succeeded", 80.0, 90.0), job("failed", 90.0, 100.0), *[job("queued")] * 3]


def one(*jobs: JobRow, here: Presence | None) -> HardwareProgress:
    (found,) = by_hardware(jobs, 100.0, here)
    return found


def test_jobs_that_wait_for_nobody_are_told_and_not_estimated() -> None:
    # Given three jobs that wait, and one that a worker had in hands
    part = one(*WAITING, job("running", 100.0), here=presence("t4"))
    # Then all four wait, and nobody knows how long
    assert unserved([part]) == {"p100": 4}
    assert part.seconds_left is None
    assert rendered.words(part) == (
        "2 of 6 done, 1 failed, 4 wait: no worker of p100 is here; start one there: `farm worker`"
    )


@pytest.mark.parametrize(
    ("absence", "said"),
    [
        (
            Absence(seen_seconds_ago=245.0, said_goodbye=True),
            "here (the last one left 4 min 05 s ago); start one there: `farm worker`",
        ),
        (
            Absence(seen_seconds_ago=40.0, declared=True),
            "here (the last one fell silent 40 s ago); start one there: "
            "`farm worker --hardware p100`",
        ),
    ],
)
def test_who_was_here_is_told_with_when_and_how_to_be_it_again(absence: Absence, said: str) -> None:
    part = one(job("queued"), here=presence(p100=absence))
    assert rendered.words(part) == f"0 of 1 done, 1 waits: no worker of p100 is {said}"


def test_nothing_is_said_of_workers_where_one_is_here_or_nothing_waits_or_nobody_can_tell() -> None:
    for part in (
        one(*WAITING, here=presence("p100")),
        one(*WAITING, here=None),
        one(job("succeeded", 90.0, 100.0), here=presence()),
    ):
        assert unserved([part]) == {}
        assert "worker" not in rendered.words(part)


def run(selector: str) -> Run:
    return Run(
        id="night-1",
        suite="night",
        description="",
        created_at=0.0,
        selector=Selector.model_validate(selector),
        seed=1,
        cells=(),
    )


def test_what_is_said_of_the_run_as_a_whole() -> None:
    waiting = [one(*WAITING, here=presence())]
    served = [one(*WAITING, here=presence("p100"))]
    for found, said in (
        (rendered.remarks(run("all"), waiting, None, presence()), "no worker at all is here; "),
        (rendered.remarks(run("all"), [], "any hardware", presence()), "no worker at all is here"),
        (rendered.remarks(run("all"), [], "any hardware", None), "`farm worker` on each machine"),
        (rendered.remarks(run("t4"), [], "t4", presence("p100")), "waiting for t4 (here: p100): "),
        (rendered.remarks(run("t4"), served, "t4", presence("p100")), "waiting for t4: type"),
    ):
        assert len(found) == 1
        assert said in found[0]
    assert rendered.remarks(run("all"), served, None, presence("p100")) == []
    assert rendered.remarks(run("all"), waiting, None, None) == []


def test_the_end_is_told_with_how_many_succeeded() -> None:
    ended = [job("succeeded", 0.0, 1.0), job("failed", 0.0, 1.0)]
    assert rendered.ended(run("all"), count(ended)) == (
        "run night-1 has ended: 1 job succeeded, 1 job did not succeed; "
        "`farm matrix --run night-1` says why"
    )
    assert rendered.ended(run("all"), count(ended[:1] * 3)).endswith("3 jobs, all succeeded")
