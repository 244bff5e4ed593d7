"""What a reader is warned of, and what to do about it."""

from __future__ import annotations

import re

import pytest

from farm.matrix import CellState, Matrix, MatrixCell
from farm.warnings import warnings
from tests.unit.matrix_by_hand import invalid, matrix, place, unmeasured

NOISE = "other processes used 0.97 of a core while it ran"


def of_two(*cells: MatrixCell, base: MatrixCell | None = None) -> Matrix:
    """A baseline without a fault, beside these cells of t4."""
    return matrix({"p100": [base or place(1.0)] * len(cells), "t4": list(cells)})


def test_good_numbers_are_no_reason_to_warn() -> None:
    assert warnings(of_two(place(2.0, 1.9, 2.1), place(1.0, 0.9, 1.1))) == []


def test_not_resolved_is_an_answer_and_no_reason_to_warn() -> None:
    assert warnings(of_two(place(1.01, 0.95, 1.06))) == []


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        (invalid(3.0, "loss is NaN"), r"invalid: t4 in 1 cell; .*in no mean; `farm show` "),
        (
            unmeasured(CellState.OUT_OF_MEMORY),
            r"no number: t4 in 1 cell \(out of memory\); .* `farm show` ",
        ),
        (
            unmeasured(CellState.NOT_SUBMITTED),
            r"no number: t4 in 1 cell \(not submitted\); submit a suite .*`hardware` selects it",
        ),
        (unmeasured(CellState.QUEUED), r"not done yet: t4 in 1 cell; `farm watch` "),
        (
            place(2.0, 1.9, 2.1, repeats=1, submitted=1),
            r"too few repeats: 1 of 2 cells rest on 1 process, .*`repeats: 3` or more",
        ),
        (
            place(2.0, 1.9, 2.1, repeats=2, submitted=2),
            r"too few repeats: 1 of 2 cells rest on 2 processes, .*`repeats: 3` or more",
        ),
        (
            place(2.0, 1.9, 2.1, repeats=2, submitted=5),
            r"too few repeats: 1 of 2 .*; the other repeats failed or still wait",
        ),
        (
            place(2.0, 1.2, 3.3),
            r"wide intervals: 1 of 1 span more than a factor of 1.5; more `repeats`.*`budget`",
        ),
        (
            place(2.0, 1.9, 2.1, noise=(NOISE,)),
            rf"noisy \(!\): t4 in 1 cell \({NOISE}\); close .*`farm worker --patience`",
        ),
        (
            place(2.0, 1.9, 2.1, differs=("thread count: 1 here, 2 on p100",)),
            r"not measured alike: t4 in 1 cell; `farm diff p100 t4` .*`--strict`",
        ),
    ],
)
def test_each_trouble_has_one_line_that_ends_with_what_to_do(cell: MatrixCell, line: str) -> None:
    (said,) = warnings(of_two(cell))
    assert re.match(line, said)


def test_a_run_that_was_named_is_named_in_the_commands() -> None:
    cells = (
        unmeasured(CellState.FAILED),
        unmeasured(CellState.RUNNING),
        place(2.0, 1.9, 2.1, differs=("precision: tf32 here, float32 on p100",)),
    )
    said = "\n".join(warnings(of_two(*cells), "quick-7"))
    assert "`farm show --run quick-7`" in said
    assert "`farm watch quick-7`" in said
    assert "`farm diff p100 t4 --run quick-7`" in said


def test_the_gravest_comes_first_and_there_are_six_at_most() -> None:
    cells = (
        place(2.0, 1.0, 3.0, noise=("a", "b", "c"), differs=("x",)),
        place(2.0, 1.0, 3.0, repeats=1, submitted=1),
        unmeasured(CellState.QUEUED),
        unmeasured(CellState.FAILED),
        unmeasured(CellState.TIMED_OUT),
        invalid(9.0, "constant output"),
    )
    said = warnings(of_two(*cells))
    assert [line.split(":")[0] for line in said] == [
        *("invalid", "no number", "not done yet", "too few repeats", "noisy (!)"),
        "not measured alike",
    ]
    assert "t4 in 2 cells (1 failed, 1 timed out)" in said[1]
    assert "t4 in 1 cell (a; b; and 1 other reason)" in said[4]


def test_many_hardware_are_counted_and_not_listed() -> None:
    columns = {"base": [place(1.0)]}
    columns |= {f"hw-{n}": [place(2.0, 1.9, 2.1, noise=(NOISE,))] for n in range(50)}
    (said,) = warnings(matrix(columns))
    assert said.count(NOISE) == 3
    assert "and 47 more" in said


def test_the_exact_one_of_the_baseline_is_no_interval() -> None:
    base = place(1.0, 1.0, 1.0)
    (said,) = warnings(of_two(place(2.0, 1.2, 3.3), base=base))
    assert said.startswith("wide intervals: 1 of 1 ")


def test_a_wide_interval_matters_to_the_speed_up_alone() -> None:
    cells = {"a": [place(1.0)], "b": [place(2.0, 1.0, 4.0, value=3.0)]}
    assert warnings(matrix(cells, metric="energy")) == []
