"""What a reader is warned of, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from farm.matrix.matrix import CellState, Matrix, MatrixCell
from farm.matrix.warnings import warnings
from farm.readings.reading import Reading
from tests.unit.matrix_by_hand import invalid, matrix, place, unmeasured
from tests.unit.matrix_samples import cell

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
            r"too few repeats: 1 of 2 cells rests on 1 process, .*`repeats: 3` or more",
        ),
        (
            place(2.0, 1.9, 2.1, repeats=2, submitted=2),
            r"too few repeats: 1 of 2 cells rests on 2 processes, .*`repeats: 3` or more",
        ),
        (
            place(2.0, 1.9, 2.1, repeats=2, submitted=5),
            r"too few repeats: 1 of 2 .*; the other repeats failed or still wait",
        ),
        (
            place(2.0, 1.2, 3.3),
            r"wide intervals: 1 of 1 spans more than a factor of 1.5; more `repeats`.*`budget`",
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


def test_the_gravest_comes_first_and_there_are_seven_at_most() -> None:
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
    assert "t4 in 1 cell (a; b; and 1 other kind)" in said[4]


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
    cells = {"a": [place(1.0, value=6.0)], "b": [place(2.0, 1.0, 4.0, value=3.0)]}
    assert warnings(matrix(cells, metric="energy")) == []


def of_units(*units: str | None, interval: tuple[float, float] = (1.9, 2.1)) -> MatrixCell:
    """A cell whose processes ran on these physical machines."""
    readings = tuple(Reading(seconds=2.0, laps=5, unit=unit) for unit in units)
    count = len(units)
    return place(2.0, *interval, readings=readings, repeats=count, submitted=count)


def test_cells_of_one_process_and_of_two_are_counted_apart() -> None:
    few = [place(2.0, 1.9, 2.1, repeats=n, submitted=n) for n in (1, 2, 2, 3)]
    (said,) = warnings(of_two(*few))
    assert said == (
        "too few repeats: 1 of 8 cells rests on 1 process, which has no spread of its own, and 2 "
        "on 2 processes, which hardly tell a spread; submit with `repeats: 3` or more in the suite"
    )


def test_one_cell_is_not_called_cells() -> None:
    (said,) = warnings(matrix({"a": [place(1.0, repeats=1, submitted=1)]}))
    assert said.startswith("too few repeats: 1 of 1 cell rests on 1 process, ")


def test_several_machines_of_a_name_are_the_replicates_and_repeats_do_not_help() -> None:
    (said,) = warnings(of_two(of_units(*"aaabbb"), of_units(*"aabbcc"), of_units(*"aaa")))
    assert said == (
        "too few machines: 1 of 6 cells rests on 1 machine of that name, which has no spread of "
        "its own, and 1 on 2 machines of that name, which hardly tell a spread; it takes more "
        "machines of that name, more `repeats` do not help"
    )


def test_three_processes_of_the_only_machine_of_a_name_are_enough() -> None:
    assert warnings(of_two(of_units(*"aaa"), of_units(*"bbb"))) == []


def test_processes_that_do_not_say_their_machine_are_the_replicates() -> None:
    assert warnings(of_two(of_units("a", None, "b"))) == []
    (said,) = warnings(of_two(of_units(*"aab"), of_units("a", None)))
    assert "2 machines of that name" in said
    assert "on 2 processes" in said
    assert "`repeats: 3`" in said


def test_wide_intervals_of_several_machines_are_not_narrowed_by_repeats() -> None:
    wide = of_units(*"abc", interval=(1.0, 3.0))
    (said,) = warnings(of_two(wide))
    assert said == (
        "wide intervals: 1 of 1 spans more than a factor of 1.5; more machines of that name narrow "
        "them, more `repeats` do not"
    )


def test_reasons_that_differ_in_their_numbers_alone_are_one_with_a_range() -> None:
    def busy(cores: str) -> MatrixCell:
        noise = (
            f"other processes used {cores} of a core while it ran",
            "load average of GPU0 with driver 2.21.0 and 3.1",
        )
        return place(2.0, 1.9, 2.1, noise=noise)

    (said,) = warnings(of_two(*map(busy, ("0.96", "0.32", "1,200"))))
    assert (
        "t4 in 3 cells (other processes used 0.32 to 1,200 of a core while it ran; load average of "
        "GPU0 with driver 2.21.0 and 3.1);" in said
    )


def test_the_most_frequent_kind_of_noise_comes_first() -> None:
    noises = (("a",), ("b",), ("c 7%", "b"), ("c 12%",), ("c 9%",))
    (said,) = warnings(of_two(*(place(2.0, 1.9, 2.1, noise=noise) for noise in noises)))
    assert "(c 7 to 12%; b; and 1 other kind)" in said


def test_one_epoch_of_training_is_said_to_hold_what_runs_once() -> None:
    def lapped(laps: int) -> MatrixCell:
        return place(2.0, 1.9, 2.1, readings=(Reading(seconds=2.0, laps=laps),) * 3)

    def trained(epochs: int, laps: int, protocol: str = "train") -> list[str]:
        of = of_two(lapped(laps), base=lapped(9))
        cell = of.rows[0].cell.model_copy(update={"epochs": epochs, "protocol": protocol})
        return warnings(replace(of, rows=(replace(of.rows[0], cell=cell),)))

    (said,) = trained(epochs=1, laps=1)
    assert said == (
        "one lap a process: t4 in 1 cell; it includes what runs only once; take `epochs: 2` or "
        "more in the suite, or `protocol: steady`"
    )
    assert trained(epochs=2, laps=1) == []
    assert trained(epochs=1, laps=5) == []
    assert trained(epochs=1, laps=1, protocol="steady") == []


def test_numbers_of_names_and_of_versions_are_no_figures() -> None:
    noises = (("GPU0 was hot",), ("GPU1 was hot",), ("driver 2.21.0",), ("driver 2.22.0",))
    (said,) = warnings(of_two(*(place(2.0, 1.9, 2.1, noise=noise) for noise in noises)))
    assert "(GPU0 was hot; GPU1 was hot; and 2 other kinds)" in said


@pytest.mark.parametrize(
    ("metric", "line"),
    [
        ("energy", "no energy: a in 1 cell; no meter .*; `farm doctor --sensors` lists"),
        ("latency", "no latency: a in 1 cell; `mode: infer` in the suite measures it"),
        ("throughput", "no throughput: a in 1 cell; .* column `samples`"),
        ("memory", "no memory: a in 1 cell; .* column `peak_memory_bytes`"),
        ("cold-start", "no cold start: a in 1 cell; .* column `cold_start_seconds`"),
        ("efficiency", r"no efficiency: a in 1 cell \(no arithmetic is counted\); `--metric "),
        ("measured-efficiency", r"no efficiency: a in 1 cell \(no arithmetic is counted\); `--m"),
    ],
)
def test_a_metric_without_a_number_says_what_it_lacks(metric: str, line: str) -> None:
    (said,) = warnings(matrix({"a": [place(1.0)], "b": [place(1.0, value=3.0)]}, metric=metric))
    assert re.match(line, said)


@pytest.mark.parametrize(
    ("metric", "precision", "line"),
    [
        ("efficiency", "float32", r"no efficiency: a in 1 cell \(no published peak\); "),
        ("efficiency", "tf32", r"no efficiency: .*\(of another precision than the published "),
        ("measured-efficiency", "tf32", r"no measured peak: a in 1 cell \(tf32\); .*submit peak"),
        ("measured-efficiency", None, r"no efficiency: a in 1 cell \(no product of an unknown "),
    ],
)
def test_an_efficiency_without_a_peak_says_which(
    metric: str, precision: str | None, line: str
) -> None:
    told = Reading(seconds=4.0, laps=5, flops_per_second=1e12)
    of = cell(precision=precision)
    (said,) = warnings(matrix({"a": [place(1.0, readings=(told,) * 3, cell=of)]}, metric=metric))
    assert re.match(line, said)
