"""What `farm doctor` says of runs and jobs, and of results that wait on this machine's disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

from farm.doctor import jobs, outbox
from farm.doctor.jobs import RunState


def state(**changes: object) -> RunState:
    values: dict[str, object] = {
        "run": "night-1",
        "columns": frozenset({"p100"}),
        "enqueued": frozenset({"p100"}),
        "open_jobs": {"p100": frozenset({"a", "b"})},
        **changes,
    }
    return RunState(**values)  # type: ignore[arg-type]


def test_jobs_that_nobody_serves() -> None:
    assert jobs.unserved([], set()).ok
    assert jobs.unserved([state()], {"p100"}).ok
    check = jobs.unserved([state()], {"t4"})
    assert not check.ok
    assert check.detail == "nobody is here for 2 jobs of night-1 for p100"
    assert "`farm worker` on p100" in check.remedy
    assert "`farm cancel night-1 --hardware p100`" in check.remedy


def test_hardware_that_never_came() -> None:
    assert jobs.awaited([state()]).ok
    check = jobs.awaited([state(waits_for="t4")])
    assert not check.ok
    assert check.detail == "night-1 still waits for t4"
    assert "`farm close night-1`" in check.remedy


def test_runs_that_were_enqueued_half_way() -> None:
    assert jobs.half_enqueued([state()]).ok
    open_jobs = {"p100": frozenset({"a"}), "t4": frozenset({"b"})}
    half = state(columns=frozenset({"p100", "t4"}), open_jobs=open_jobs)
    check = jobs.half_enqueued([half])
    assert not check.ok
    assert "night-1 for t4" in check.detail
    assert check.remedy.startswith("`farm resume night-1`")
    # Somebody is at it at this moment.
    assert jobs.half_enqueued([state(open_jobs=half.open_jobs, at_it=frozenset({"t4"}))]).ok
    # Nothing is left of what was not enqueued: it was cancelled.
    assert jobs.half_enqueued([state(columns=half.columns)]).ok


def test_lost_jobs() -> None:
    assert jobs.lost({}).ok
    check = jobs.lost({"night-1": 1, "night-2": 12})
    assert not check.ok
    assert check.detail.startswith("1 job of night-1, 12 jobs of night-2: ")
    assert check.remedy.startswith("`farm resume night-1`")


def aged(path: Path, seconds: float) -> None:
    path.write_text("{}")
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_results_that_wait_on_this_machine(tmp_path: Path) -> None:
    assert outbox.check(tmp_path / "never").ok
    aged(tmp_path / "run.a.json", 5)
    young = outbox.check(tmp_path)
    assert young.ok
    assert "1 result on the way" in young.detail
    aged(tmp_path / "run.b.json", 3600)
    check = outbox.check(tmp_path)
    assert not check.ok
    assert f"1 result in {tmp_path} waits for Redis, the oldest for 1 h 00 min" in check.detail
    assert "`farm worker`" in check.remedy


def test_results_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "run.a.unreadable").write_text("{")
    check = outbox.check(tmp_path)
    assert not check.ok
    assert "run.a.unreadable" in check.detail
    assert "`farm retry RUN`" in check.remedy
