"""What a cell is worth beside the baseline's: learning, conditions, and the same work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from farm.matrix.matrix import Matrix, build
from farm.readings.entry import Entry
from farm.readings.reading import Reading
from tests.unit.matrix_samples import cell

LEARNT = (2.0, 1.0, 0.5, 0.3)
STUCK = (2.0, 1.9, 1.9, 1.9)
BASE: dict[str, Any] = {"device": "cpu", "cpu_name": "x", "vcpus": 2, "intra_threads": 2}


def entries(
    hardware: str,
    seconds: float = 1.0,
    repeats: int = 3,
    conditions: dict[str, Any] | None = None,
    unit: str | None = None,
    **reading: Any,
) -> list[Entry]:
    """Jobs of one cell with these readings, a little apart from one another."""
    under = {**BASE, **(conditions or {})}
    values = [seconds * (1 + 0.01 * number) for number in range(repeats)]
    return [
        Entry(
            cell=reading.get("of") or cell(),
            hardware=hardware,
            repeat=number,
            state="succeeded",
            epoch_seconds=value,
            samples_per_epoch=512,
            reading=Reading(
                seconds=value,
                laps=3,
                log_se=0.01,
                unit=unit,
                **{key: given for key, given in reading.items() if key != "of"},
            ),
            conditions=under,
        )
        for number, value in enumerate(values, 1)
    ]


def only_row(matrix: Matrix) -> Any:
    (row,) = matrix.rows
    return row.cells


def test_a_cell_that_did_not_learn_keeps_its_number_and_counts_nowhere() -> None:
    jobs = [*entries("a"), *entries("b", 0.5, invalid="it did not learn: accuracy 0.10")]
    matrix = build(jobs, baseline="a")
    there = only_row(matrix)["b"]
    assert there.status == "invalid"
    assert there.invalid == "3 of 3 repeats: it did not learn: accuracy 0.10"
    assert there.speedup == pytest.approx(2.0)
    assert (there.low, there.resolved) == (None, None)
    summary = matrix.summary["b"]
    assert (summary.geomean, summary.cells, summary.invalid) == (None, 0, 1)


def test_one_repeat_that_did_not_learn_is_enough() -> None:
    good, bad = entries("b", 0.5, 2), entries("b", 0.5, 1, invalid="its loss rose")
    there = only_row(build([*entries("a"), *good, *bad], baseline="a"))["b"]
    assert (there.status, there.invalid) == ("invalid", "1 of 3 repeats: its loss rose")


def test_without_a_baseline_that_learnt_there_is_no_speedup() -> None:
    jobs = [*entries("a", invalid="its loss became NaN"), *entries("b")]
    there = only_row(build(jobs, baseline="a"))["b"]
    assert (there.status, there.speedup) == ("succeeded", None)
    assert "a, the baseline, did not learn here" in str(there.reason)


def test_losses_far_above_the_baselines_are_invalid() -> None:
    jobs = [
        *entries("a", losses=LEARNT, steps_per_loss=8),
        *entries("b", 0.5, losses=STUCK, steps_per_loss=8),
    ]
    there = only_row(build(jobs, baseline="a"))["b"]
    assert there.status == "invalid"
    assert "learnt less than the baseline" in str(there.invalid)
    alike = [
        *entries("a", losses=LEARNT, steps_per_loss=8),
        *entries("b", 0.5, losses=LEARNT, steps_per_loss=8),
    ]
    assert only_row(build(alike, baseline="a"))["b"].status == "succeeded"


def test_losses_after_unlike_numbers_of_steps_are_not_compared() -> None:
    for steps in (16, None):
        slow = entries("b", 0.5, losses=STUCK, steps_per_loss=steps)
        jobs = [*entries("a", losses=LEARNT, steps_per_loss=8), *slow]
        assert only_row(build(jobs, baseline="a"))["b"].status == "succeeded"


def test_another_optimizer_is_not_expected_to_learn_alike() -> None:
    other = cell(optimizer="sgd")
    adam = {"optimizer": "adam"}
    jobs = [
        *entries("a", of=cell(), losses=LEARNT, steps_per_loss=8, conditions=adam),
        *entries("b", of=other, losses=STUCK, steps_per_loss=8, conditions={"optimizer": "sgd"}),
    ]
    there = only_row(build(jobs, baseline="a", across=("optimizer",)))["b"]
    assert there.status == "succeeded"
    assert there.differs == ("optimizer: sgd here, adam on a",)


def test_what_differs_is_named_once_and_the_baseline_differs_in_nothing() -> None:
    jobs = [*entries("a"), *entries("b", conditions={"intra_threads": 1})]
    there = only_row(build(jobs, baseline="a"))
    assert there["b"].differs == ("thread count: 1 here, 2 on a",)
    assert there["a"].differs == ()


def test_strict_drops_other_work_and_keeps_other_versions() -> None:
    jobs = [
        *entries("a", conditions={"tf32": False, "keras_version": "3.15.1"}),
        *entries("b", conditions={"tf32": True}),
        *entries("c", conditions={"tf32": False, "keras_version": "3.14.0"}),
    ]
    loose, strict = (build(jobs, baseline="a", strict=flag) for flag in (False, True))
    assert only_row(loose)["b"].speedup == pytest.approx(1.0)
    dropped = only_row(strict)["b"]
    assert (dropped.status, dropped.speedup) == ("incomparable", None)
    assert "not the same work: TF32: on here, off on a" in str(dropped.reason)
    assert only_row(strict)["c"].speedup == pytest.approx(1.0)
    assert strict.summary["b"].cells == 0


def test_rows_matched_across_backends_name_the_backend_and_take_the_fastest() -> None:
    torch, tensorflow = cell(backend="torch"), cell(backend="tensorflow")
    jobs = [
        *entries("p100", 1.0, of=tensorflow, conditions={"backend": "tensorflow"}),
        *entries(
            "mac", 0.5, of=torch, conditions={"backend": "torch"}, losses=STUCK, steps_per_loss=8
        ),
        *entries("both", 4.0, of=tensorflow, conditions={"backend": "tensorflow"}),
        *entries("both", 2.0, of=torch, conditions={"backend": "torch"}),
    ]
    assert len(build(jobs, baseline="p100").rows) == 2
    there = only_row(build(jobs, baseline="p100", across=("backend",)))
    assert there["mac"].speedup == pytest.approx(2.0)
    assert there["mac"].differs == ("backend: torch here, tensorflow on p100",)
    assert there["both"].speedup == pytest.approx(0.5)
    # A row in which all took the same way says which; one in which they did not, none
    (mixed,) = build(jobs, baseline="p100", across=("backend",)).rows
    alone = [job for job in jobs if job.hardware in ("mac", "both")]
    (alike,) = build(alone, baseline="mac", across=("backend",)).rows
    assert (mixed.cell.backend, alike.cell.backend) == (None, "torch")


def test_an_interval_stands_around_each_speedup_and_leaves_one_out_or_not() -> None:
    there = only_row(build([*entries("a"), *entries("b", 0.5), *entries("c")], baseline="a"))
    assert there["b"].low < there["b"].speedup < there["b"].high
    assert (there["b"].resolved, there["c"].resolved) == (True, False)
    assert (there["a"].low, there["a"].high, there["a"].within_run) == (1.0, 1.0, False)


def test_one_process_has_an_interval_of_its_laps_alone() -> None:
    there = only_row(build([*entries("a", repeats=1), *entries("b", 0.5, 1)], baseline="a"))["b"]
    assert there.within_run
    assert there.low < 2.0 < there.high


def test_several_machines_of_one_name_widen_the_interval() -> None:
    one = [*entries("a"), *entries("b", 0.5, 6)]
    fast, slow = entries("b", 0.45, 3, unit="x"), entries("b", 0.55, 3, unit="y")
    narrow = only_row(build(one, baseline="a"))["b"]
    wide = only_row(build([*entries("a"), *fast, *slow], baseline="a"))["b"]
    assert wide.high / wide.low > 3 * narrow.high / narrow.low


def test_groups_sum_up_the_rows_of_a_workload() -> None:
    jobs = [
        job
        for workload, factor in (("mlp", 2.0), ("cnn", 8.0))
        for size in (32, 64)
        for job in (
            *entries("a", 1.0, of=cell(workload, size)),
            *entries("b", 1.0 / factor, of=cell(workload, size)),
        )
    ]
    matrix = build(jobs, baseline="a", by="workload")
    found = {group.name: group.summary["b"] for group in matrix.groups}
    assert found["mlp"].geomean == pytest.approx(2.0)
    assert found["cnn"].geomean == pytest.approx(8.0)
    assert matrix.summary["b"].geomean == pytest.approx(4.0)
    assert [group.name for group in build(jobs, baseline="a", by="batch_size").groups] == [
        "32",
        "64",
    ]


def test_laps_of_unlike_sizes_are_compared_sample_for_sample() -> None:
    # Given 100 samples in 1 s on a, and 400 samples in 2 s on b; nobody knows an epoch
    jobs = [
        replace(job, samples_per_epoch=None)
        for job in (*entries("a", 1.0, samples=100), *entries("b", 2.0, samples=400))
    ]
    there = only_row(build(jobs, baseline="a"))["b"]
    # Then b is twice as fast, and its interval stands around that
    assert there.speedup == pytest.approx(2.0)
    assert there.low < 2.0 < there.high


def test_repeats_of_which_only_some_know_the_epoch_are_put_on_one_scale() -> None:
    # Given laps of 100 samples in 1 s on both; one repeat of a says that an epoch has 512
    first, *others = entries("a", 1.0, samples=100)
    knowing = replace(first, reading=Reading(seconds=5.12, laps=3, samples=512))
    others = [replace(each, samples_per_epoch=None) for each in others]
    bs = [replace(each, samples_per_epoch=None) for each in entries("b", 1.0, samples=100)]
    there = only_row(build([knowing, *others, *bs], baseline="a"))["b"]
    assert there.speedup == pytest.approx(1.0, rel=0.02)
