"""Which jobs are measured once more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from farm.readings.entry import Entry
from farm.readings.reading import Reading
from farm.runs.retrial import Wanted, choose
from jobs.errors import UnknownNameError
from tests.unit.matrix_samples import cell, unmeasured

STATES = ("failed", "timed_out", "out_of_memory", "cancelled", "unsupported", "queued", "running")
LEARNT = (1.0, 0.5, 0.25, 0.12)
NOT_LEARNT = (1.0, 0.99, 0.98, 0.97)


def reading(
    hardware: str,
    repeat: int,
    *,
    batch_size: int = 32,
    losses: tuple[float, ...] = LEARNT,
    invalid: str | None = None,
    noise: tuple[str, ...] = (),
) -> Entry:
    """Return a job that succeeded."""
    return Entry(
        cell=cell(batch_size=batch_size),
        hardware=hardware,
        repeat=repeat,
        state="succeeded",
        epoch_seconds=1.0,
        samples_per_epoch=512,
        conditions={"device": hardware},
        reading=Reading(
            seconds=1.0,
            laps=3,
            samples=512,
            losses=losses,
            steps_per_loss=8,
            invalid=invalid,
            noise=noise,
        ),
    )


def named(jobs: Iterable[Entry]) -> list[Entry]:
    """Return the jobs, each with an id that says what it is."""
    return [
        replace(each, job=f"{each.hardware} {each.cell.batch_size} {each.repeat} {each.state}")
        for each in jobs
    ]


JOBS = named(
    [
        *unmeasured("p100", *STATES, of=cell(batch_size=16)),
        *unmeasured("t4", *STATES, of=cell(batch_size=16)),
        *(reading("p100", repeat) for repeat in (1, 2, 3)),
        reading("t4", 1, invalid="its loss rose"),
        reading("t4", 2),
        reading("t4", 3, noise=("others computed",)),
        *(reading("p100", repeat, batch_size=64) for repeat in (1, 2, 3)),
        *(reading("t4", repeat, batch_size=64, losses=NOT_LEARNT) for repeat in (1, 2, 3)),
    ]
)


def chosen(baseline: str | None = None, hardware: Iterable[str] = (), **kinds: bool) -> list[str]:
    """Return the ids of the jobs chosen, without what they have in common."""
    wanted = Wanted(
        failed=kinds.get("failed", False),
        invalid=kinds.get("invalid", False),
        noisy=kinds.get("noisy", False),
        hardware=frozenset(hardware),
    )
    return [entry.job for entry in choose(JOBS, wanted, baseline)]


def ids(hardware: str, *states: str) -> list[str]:
    return [f"{hardware} 16 {STATES.index(state) + 1} {state}" for state in states]


FAILED = ("failed", "timed_out", "out_of_memory")


def test_without_a_kind_it_is_what_did_not_succeed() -> None:
    expected = [*ids("p100", *FAILED, "cancelled"), *ids("t4", *FAILED, "cancelled")]
    assert chosen() == expected


def test_of_a_machine_that_is_named_also_what_it_could_not_run() -> None:
    assert chosen(hardware=["t4"]) == ids("t4", *FAILED, "cancelled", "unsupported")
    assert chosen(hardware=["t4"], failed=True) == ids("t4", *FAILED)


def test_failed_is_neither_cancelled_nor_unsupported() -> None:
    assert chosen(failed=True) == [*ids("p100", *FAILED), *ids("t4", *FAILED)]


def test_invalid_are_the_repeats_that_are_so_or_all_of_a_cell_that_deviates() -> None:
    deviating = [f"t4 64 {repeat} succeeded" for repeat in (1, 2, 3)]
    assert chosen(invalid=True) == ["t4 32 1 succeeded", *deviating]
    # Against itself no cell deviates, and who learns more than the baseline does not, either.
    assert chosen(invalid=True, baseline="t4") == ["t4 32 1 succeeded"]
    assert chosen(invalid=True, hardware=["p100"]) == []


def test_kinds_add_up_and_hardware_restricts() -> None:
    assert chosen(noisy=True) == ["t4 32 3 succeeded"]
    both = [*ids("t4", *FAILED), "t4 32 1 succeeded", "t4 32 3 succeeded"]
    assert chosen(failed=True, noisy=True, invalid=True, baseline="t4", hardware=["t4"]) == both


def test_hardware_that_has_no_jobs_is_told() -> None:
    with pytest.raises(UnknownNameError, match="no hardware 't5'; there is: p100, t4"):
        chosen(hardware=["t5"])
    assert choose([], Wanted(invalid=True)) == []
