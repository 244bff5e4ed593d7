"""The matrix against values computed by hand."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.matrix.matrix import CellState, Entry, Matrix, build
from jobs.errors import FarmError, UnknownNameError
from tests.unit.matrix_samples import cell, measured, unmeasured


def speedups(matrix: Matrix, hardware: str) -> list[float | None]:
    return [row.cells[hardware].speedup for row in matrix.rows]


def test_speedup_is_the_ratio_of_geometric_means_of_process_medians() -> None:
    # Given medians whose geometric means are 4 s and 2 s (arithmetic ones would be 5 s and 2 s)
    entries = [*measured("p100", 2.0, 8.0), *measured("t4", 2.0, 2.0)]
    # When
    matrix = build(entries, baseline="p100")
    # Then
    there = matrix.rows[0].cells
    assert there["p100"].seconds == pytest.approx(4.0)
    assert there["p100"].speedup == 1.0
    assert there["t4"].seconds == pytest.approx(2.0)
    assert there["t4"].speedup == pytest.approx(2.0)
    assert (there["t4"].status, there["t4"].repeats, there["t4"].submitted) == ("succeeded", 2, 2)
    assert there["t4"].reason is None


def test_one_process_keeps_its_median_to_the_last_digit() -> None:
    matrix = build([*measured("a", 0.1), *measured("b", 0.3)], baseline="a")
    assert matrix.rows[0].cells["b"].seconds == 0.3
    assert speedups(matrix, "b") == [0.1 / 0.3]


def test_summary_covers_the_rows_shared_with_the_baseline() -> None:
    # Given three rows; the baseline has two of them, and t4 all three
    entries = [
        *measured("p100", 2.0, of=cell(batch_size=32)),
        *measured("p100", 2.0, of=cell(batch_size=64)),
        *unmeasured("p100", "failed", of=cell(batch_size=128), reason="killed by SIGSEGV"),
        *measured("t4", 0.5, of=cell(batch_size=32)),
        *measured("t4", 2.0, of=cell(batch_size=64)),
        *measured("t4", 9.0, of=cell(batch_size=128)),
    ]
    # When
    matrix = build(entries, baseline="p100")
    # Then the speed-ups are 4 and 1, their geometric mean is 2
    summary = matrix.summary["t4"]
    assert (summary.minimum, summary.maximum) == (1.0, 4.0)
    assert summary.geomean == pytest.approx(2.0)
    assert (summary.cells, summary.of) == (2, 3)
    base = matrix.summary["p100"]
    assert (base.minimum, base.geomean, base.maximum, base.cells, base.of) == (1, 1, 1, 2, 3)
    alone = matrix.rows[2].cells["t4"]
    assert (alone.status, alone.seconds, alone.speedup) == ("succeeded", 9.0, None)
    assert alone.reason == "no speed-up: p100, the baseline, has no time here (failed)"
    # Of another metric the cell has its number, which is in no mean
    alone = build(entries, baseline="p100", metric="seconds").rows[2].cells["t4"]
    assert alone.value == 9.0
    assert alone.reason == "in no mean, since p100, the baseline, has no number here (failed)"


def test_columns_start_with_the_baseline_and_keep_the_given_order() -> None:
    entries = [*measured("c", 1.0), *measured("b", 1.0), *measured("late", 1.0)]
    assert build(entries, baseline="b").hardware == ("b", "c", "late")
    known = build(entries, baseline="c", hardware=["a", "b", "c", "a"])
    assert known.hardware == ("c", "a", "b", "late")
    assert known.rows[0].cells["a"].status == "not_submitted"
    assert known.summary["a"].cells == 0
    assert known.summary["a"].geomean is None


def test_without_a_baseline_the_first_column_is_it_and_the_matrix_says_so() -> None:
    entries = [*measured("b", 1.0), *measured("a", 1.0)]
    matrix = build(entries, baseline=None)
    assert (matrix.baseline, matrix.baseline_chosen) == ("b", True)
    assert not build(entries, baseline="b").baseline_chosen


def test_an_unknown_baseline_lists_the_hardware_there_is() -> None:
    with pytest.raises(UnknownNameError, match=r"no hardware 'p10'.*p100.*there is: p100, t4"):
        build([*measured("p100", 1.0), *measured("t4", 1.0)], baseline="p10")


def test_no_jobs_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(FarmError, match="farm submit"):
        build([], baseline=None, hardware=["a"])


def test_rows_are_ordered_by_workload_as_first_seen_then_batch_size_then_the_rest() -> None:
    entries = [
        *measured("a", 1.0, of=cell("mlp", 128)),
        *measured("a", 1.0, of=cell("cnn", 64)),
        *measured("a", 1.0, of=cell("mlp", 32, parameters={"width": 128})),
        *measured("a", 1.0, of=cell("mlp", 32, parameters={"width": 64})),
        *measured("a", 1.0, of=cell("mlp", 32, backend="jax")),
    ]
    rows = [row.cell for row in build(entries, baseline=None).rows]
    assert [(row.workload, row.batch_size, row.backend) for row in rows] == [
        ("mlp", 32, "jax"),
        ("mlp", 32, "tensorflow"),
        ("mlp", 32, "tensorflow"),
        ("mlp", 128, "tensorflow"),
        ("cnn", 64, "tensorflow"),
    ]
    assert [row.parameters.get("width") for row in rows[1:3]] == [64, 128]


def test_equal_cells_share_a_row_whichever_object_they_are() -> None:
    entries = [*measured("a", 1.0, of=cell()), *measured("b", 2.0, of=cell())]
    (row,) = build(entries, baseline="a").rows
    assert row.cell_id == cell().id
    assert row.cells["b"].speedup == 0.5


def test_synthetic_and_real_data_are_never_in_one_row() -> None:
    real, synthetic = cell(data="real"), cell(data="synthetic")
    entries = [*measured("a", 1.0, of=real), *measured("b", 0.5, of=synthetic)]
    matrix = build(entries, baseline="a")
    assert [row.cell.data for row in matrix.rows] == ["real", "synthetic"]
    assert [row.cells["b"].status for row in matrix.rows] == ["not_submitted", "succeeded"]
    assert speedups(matrix, "b") == [None, None]
    assert matrix.summary["b"].cells == 0


def test_another_number_of_samples_is_incomparable_and_out_of_every_mean() -> None:
    large = cell(batch_size=64)
    entries = [
        *measured("a", 1.0, samples=50_000),
        *measured("a", 1.0, of=large, samples=50_000),
        *measured("b", 0.5, samples=50_000),
        *measured("b", 0.1, of=large, samples=512),
    ]
    matrix = build(entries, baseline="a")
    truncated = matrix.rows[1].cells["b"]
    assert (truncated.status, truncated.seconds, truncated.speedup) == ("incomparable", 0.1, None)
    assert truncated.reason == "an epoch has 512 samples here and 50,000 on a"
    assert (matrix.summary["b"].maximum, matrix.summary["b"].cells) == (2.0, 1)


def test_an_unknown_number_of_samples_is_not_held_against_a_cell() -> None:
    entries = [*measured("a", 1.0), *measured("b", 2.0, samples=None)]
    assert speedups(build(entries, baseline="a"), "b") == [0.5]


def test_repeats_that_disagree_about_the_samples_are_not_pooled() -> None:
    entries = [
        *measured("a", 1.0),
        *measured("b", 1.0, samples=512),
        *measured("b", 2.0, samples=1024, first=2),
    ]
    mixed = build(entries, baseline="a").rows[0].cells["b"]
    assert (mixed.status, mixed.seconds, mixed.repeats) == ("incomparable", None, 2)
    assert mixed.reason is not None
    assert "512 and 1,024" in mixed.reason


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("queued", "queued"), "queued"),
        (("queued", "running"), "running"),
        (("failed", "queued"), "queued"),
        (("out_of_memory", "failed"), "failed"),
        (("timed_out", "out_of_memory"), "out_of_memory"),
        (("unsupported", "timed_out"), "timed_out"),
        (("cancelled", "unsupported"), "unsupported"),
        (("cancelled",), "cancelled"),
    ],
)
def test_an_empty_cell_has_the_most_telling_state(states: tuple[str, ...], expected: str) -> None:
    entries = [*measured("a", 1.0), *unmeasured("b", *states)]
    there = build(entries, baseline="a").rows[0].cells["b"]
    assert there.status == expected
    assert (there.repeats, there.submitted, there.seconds) == (0, len(states), None)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (unmeasured("b", "running", "queued"), None),
        (unmeasured("b", "cancelled"), None),
        (unmeasured("b", "failed", "failed", reason="bad"), "bad"),
        (
            [*unmeasured("b", "failed", reason="bad"), *unmeasured("b", "failed", reason="worse")],
            "bad (the first of 2 reasons)",
        ),
        (
            [*unmeasured("b", "failed", reason="bad"), *unmeasured("b", "queued", first=2)],
            "0 of 2 repeats succeeded; 1 queued; 1 failed: bad",
        ),
        (
            [*measured("b", 1.0), *unmeasured("b", "timed_out", reason="600 s", first=2)],
            "1 of 2 repeats succeeded; 1 timed out: 600 s",
        ),
        ([*measured("b", 1.0), *unmeasured("b", "running", first=2)],
         "1 of 2 repeats succeeded; 1 running"),
    ],
)  # fmt: skip
def test_a_reason_says_what_the_status_does_not(entries: list[Entry], reason: str | None) -> None:
    there = build([*measured("a", 1.0), *entries], baseline="a").rows[0].cells["b"]
    assert there.reason == reason


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_a_time_that_is_none_is_a_failure(seconds: float) -> None:
    entries = [*measured("a", 1.0), *measured("b", seconds)]
    there = build(entries, baseline="a").rows[0].cells["b"]
    assert there.status is CellState.FAILED
    assert there.reason == f"its time is not a positive number of seconds: {seconds}"


@pytest.mark.parametrize("state", ["lost", "not_submitted", "incomparable"])
def test_a_state_that_no_job_can_have_is_refused(state: str) -> None:
    with pytest.raises(ValueError, match=state):
        build(unmeasured("a", state), baseline=None)


@pytest.mark.alone
def test_the_time_to_build_grows_with_the_cells_and_not_faster() -> None:
    def entries(workloads: int) -> list[Entry]:
        cells = [cell(f"w{number}", size) for number in range(workloads) for size in range(1, 9)]
        return [
            entry
            for of in cells
            for column in range(50)
            for entry in measured(f"h{column}", 1.0, 1.1, 1.2, of=of)
        ]

    def seconds(given: list[Entry]) -> float:
        started = time.process_time()
        build(given, baseline="h7")
        return time.process_time() - started

    # Given 40 rows × 50 columns × 3 repeats, and four times as many rows
    small, large = entries(5), entries(20)
    seconds(small)  # imports what is needed
    # Then it takes about four times as long; the limit leaves room for a busy machine
    ratios = [seconds(large) / seconds(small) for _ in range(3)]
    assert sorted(ratios)[1] < 12
    matrix = build(large, baseline="h7")
    assert (len(matrix.rows), len(matrix.hardware)) == (160, 50)


HARDWARE = ("a", "b", "c")
SIZES = (32, 64)
TIMES = st.lists(st.floats(1e-6, 1e6), min_size=0, max_size=4)
SAMPLES = st.sampled_from([None, 512, 1024])
JOBS = st.fixed_dictionaries(
    {(name, size): st.tuples(TIMES, SAMPLES) for name in HARDWARE for size in SIZES}
).map(
    lambda drawn: [
        entry
        for (name, size), (times, samples) in drawn.items()
        for entry in (
            measured(name, *times, of=cell(batch_size=size), samples=samples)
            or unmeasured(name, "queued", of=cell(batch_size=size))
        )
    ]
)


@settings(deadline=None)
@given(JOBS)
def test_the_baseline_is_one_everywhere_it_has_a_time(entries: list[Entry]) -> None:
    matrix = build(entries, baseline="b")
    for row in matrix.rows:
        there = row.cells["b"]
        assert there.speedup == (1.0 if there.status is CellState.SUCCEEDED else None)
    assert matrix.summary["b"].geomean in (1.0, None)


@settings(deadline=None)
@given(JOBS)
def test_swapping_the_baseline_inverts_every_speedup(entries: list[Entry]) -> None:
    there, back = build(entries, baseline="a"), build(entries, baseline="b")
    for ours, theirs in zip(speedups(there, "b"), speedups(back, "a"), strict=True):
        if ours is None or theirs is None:
            assert ours is theirs
        else:
            assert ours * theirs == pytest.approx(1)
    ours, theirs = there.summary["b"].geomean, back.summary["a"].geomean
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert ours * theirs == pytest.approx(1)


@settings(deadline=None)
@given(JOBS.flatmap(lambda entries: st.tuples(st.just(entries), st.permutations(entries))))
def test_the_order_of_the_jobs_changes_no_number(both: tuple[list[Entry], list[Entry]]) -> None:
    ordered, shuffled = (build(entries, baseline="a", hardware=HARDWARE) for entries in both)
    assert ordered == shuffled
