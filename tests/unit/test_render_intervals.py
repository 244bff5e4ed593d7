"""Intervals, marks and footnotes, as a reader sees them, and in JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.matrix.matrix import CellState, Matrix
from farm.render import FORMATS, escape, interval, render
from tests.unit.matrix_by_hand import invalid, matrix, place, unmeasured

THREADS = "thread count: 1 here, 2 on p100"
VERSION = "TensorFlow version: 2.21.0 here, 2.16.1 on p100"
POWER = "power mode: low here, normal on p100"
NOISE = "other processes used 0.97 of a core while it ran"
FLOOR = "accuracy 0.10 after training, below the floor of 0.80"


def sample(**more: object) -> Matrix:
    """Two hardware, four rows: resolved, not resolved, invalid, and noisy with a further note."""
    columns = {
        "p100": [place(1.0) for _ in range(4)],
        "t4": [
            place(1.65, 1.6, 1.71, differs=(VERSION,)),
            place(1.04, 0.98, 1.11, differs=(VERSION,)),
            invalid(3.1, FLOOR, differs=(VERSION,)),
            place(12.3, 11.9, 12.8, differs=(VERSION, POWER), noise=(NOISE,)),
        ],
    }
    return matrix(columns, {"t4": (2.5, 3.1)}, **more)  # type: ignore[arg-type]


def table(of: Matrix, width: int | None = None, ci: bool | None = None) -> str:
    return render(of, "table", title="run r1", width=width, ci=ci)


def row(printed: str, start: str) -> str:
    (found,) = (line for line in printed.splitlines() if re.match(start, line))
    return found


def test_the_table_shows_intervals_marks_and_what_they_mean() -> None:
    assert (
        table(sample(), 80)
        == """\
run r1
speed-up = time of p100 ÷ time; above 1 is faster.
float32, tensorflow, synthetic data, train mode, train protocol, host batches,
adam, 10 epochs, train_samples=512.
Times are per epoch: the geometric mean of the medians of 3 processes.

workload        batch             p100                     t4
─────────────────────────────────────────────────────────────
mlp                32   1.00× (4.00 s)   1.65×  1.60–1.71
mlp                64   1.00× (4.00 s)   1.04×? 0.98–1.11
cnn                32   1.00× (4.00 s)    (3.10×) invalid [1]
cnn                64   1.00× (4.00 s)  12.3× ! 11.9–12.8 [2]
─────────────────────────────────────────────────────────────
minimum                 1.00×            1.04×
geometric mean          1.00×            2.76×  2.50–3.10
maximum                 1.00×           12.3×
cells                  4 of 4           3 of 4
invalid                     0                1

Behind a speed-up stands its 95 % interval.
? not resolved: the 95 % interval includes 1
! noisy: the machine was not quiet while it measured
[1] accuracy 0.10 after training, below the floor of 0.80
[2] also differs from p100: power mode: low here, normal on p100
t4 differs from p100 in every cell: TensorFlow version: 2.21.0 here, 2.16.1 on
p100

- invalid: t4 in 1 cell; the network did not learn as it should, so these are in
  no mean; `farm show` lists the jobs, and with a job's id prints its losses
- noisy (!): t4 in 1 cell (other processes used 0.97 of a core while it ran);
  close other programs and submit again, or let the worker wait for quiet
  (`farm worker --patience`)
- not measured alike: t4 in 4 cells; `farm diff p100 t4` shows both sides,
  `--strict` leaves out cells whose work differs"""
    )


def test_intervals_are_shown_where_they_cost_no_further_block() -> None:
    of = sample()
    assert "1.60–1.71" in table(of, 61)
    narrow = table(of, 60)
    assert "1.60–1.71" not in narrow
    assert "left out for want of room; --ci shows" in " ".join(narrow.split())
    assert "1.04×?" in narrow  # what is not resolved is marked all the same
    assert narrow.count("workload ") == 1
    assert max(map(len, narrow.splitlines())) <= 60


def test_intervals_can_be_demanded_and_refused() -> None:
    of = sample()
    demanded, refused = table(of, 60, ci=True), table(of, 200, ci=False)
    assert "1.60–1.71" in demanded
    assert demanded.count("workload ") == 2
    assert "want of room" not in demanded
    assert "1.60–1.71" not in refused
    assert "95 % interval." not in refused
    assert "want of room" not in refused


@pytest.mark.parametrize("format", ["markdown", "html", "latex"])
def test_documents_show_intervals_unless_refused(format: str) -> None:
    dash = "--" if format == "latex" else "–"
    assert f"1.60{dash}1.71" in render(sample(), format, title="")
    assert f"1.60{dash}1.71" not in render(sample(), format, title="", ci=False)


def test_an_interval_of_one_process_is_marked_and_explained() -> None:
    own = [place(1.65, 1.6, 1.71, within_run=True, repeats=1)]
    of = matrix({"a": [place(1.0)], "b": own}, {"b": (1.6, 1.71)}, within_run=True)
    printed = table(of)
    assert "1.65×* 1.60–1.71" in row(printed, "mlp")
    assert "* the interval is of the laps of one process: it says nothing of the next" in printed
    assert "×*" in row(printed, "geometric mean")
    assert "not resolved" not in printed


@pytest.mark.parametrize(
    ("format", "shown"),
    [
        ("table", "(3.10×) invalid [1]"),
        ("markdown", "~~3.10×~~ invalid [1]"),
        ("html", "<del>3.10×</del> invalid<sup>1</sup>"),
        ("latex", r"(3.10$\times$) invalid\textsuperscript{1}"),
    ],
)
def test_an_invalid_number_is_struck_out_with_its_reason(format: str, shown: str) -> None:
    printed = render(sample(), format, title="")
    assert shown in printed
    assert FLOOR in printed


def test_what_a_whole_column_differs_in_is_said_once() -> None:
    columns = {
        "p100": [place(1.0), place(1.0)],
        "t4": [place(2.0, differs=(VERSION, THREADS)), place(2.0, differs=(VERSION, THREADS))],
        "m2": [place(3.0, differs=(VERSION, THREADS)), place(3.0, differs=(VERSION, THREADS))],
        "v100": [place(4.0, differs=(THREADS,)), place(4.0)],
    }
    printed = table(matrix(columns))
    assert f"t4 and m2 differ from p100 in every cell: {VERSION}; {THREADS}" in printed
    assert printed.count(VERSION) == 1
    assert f"[1] differs from p100: {THREADS}" in printed
    assert "4.00× [1]" in row(printed, "mlp")
    assert "[" not in row(printed, "cnn")


def test_a_long_list_of_differences_is_cut_and_says_where_the_rest_is() -> None:
    many = tuple(f"thing {number}: 1 here, 2 on a" for number in range(7))
    printed = table(matrix({"a": [place(1.0)], "b": [place(2.0, differs=many)]}))
    assert "thing 3: 1 here, 2 on a; and 3 more (farm diff a b)" in printed
    assert "thing 4" not in printed


def test_a_cell_that_is_not_measured_takes_no_part_in_what_its_column_differs_in() -> None:
    columns = {
        "a": [place(1.0), place(1.0)],
        "b": [place(2.0, differs=(THREADS,)), unmeasured(CellState.QUEUED)],
    }
    assert f"b differs from a in every cell: {THREADS}" in table(matrix(columns))


def test_groups_are_one_row_each_with_the_mean_and_its_cells() -> None:
    printed = table(sample(by="workload"), 80)
    rows = [line.split() for line in printed.splitlines() if re.match(r"mlp|cnn", line)]
    assert rows == [
        ["mlp", "2", "1.00×", "1.31×", "2.50–3.10"],
        ["cnn", "2", "1.00×", "12.3×", "2.50–3.10", "(1)"],
    ]
    assert "geometric mean over its cells, which differ in batch" in " ".join(printed.split())
    batches = table(sample(by="batch_size"), 80)
    assert [line[:3] for line in batches.splitlines() if "1.00×" in line][:3] == [
        "32 ",
        "64 ",
        "min",
    ]


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (1.6012, 1.7149, ("1.60", "1.71")),
        (0.98, 1.11, ("0.98", "1.11")),
        (9.81, 10.15, ("9.81", "10.15")),
        (0.0119, 0.0128, ("0.0119", "0.0128")),
        (0.7, 2.3, ("0.70", "2.3")),  # a factor of three: two digits of each end
        (1.0004, 1.07, ("1.0004", "1.0700")),  # above 1, and it must read so
        (0.93, 0.999, ("0.930", "0.999")),
        (0.704, 1.151, ("0.70", "1.15")),  # two digits of the width are enough
        (1.65, 1.6501, ("1.6500", "1.6501")),
        (1.0, 1.0, ("1.00", "1.00")),
        (95.0, 112.0, ("95", "112")),
        (1.0, math.inf, ("1.0", "inf")),
        (9.04e14, 1.0e15, ("9.04e14", "1.000e15")),
        (1.65e-9, 1.6501e-9, ("1.6500e-9", "1.6501e-9")),
        (1e200, 3e200, ("1.0e200", "3.0e200")),
    ],
)
def test_an_interval_has_as_many_digits_as_make_sense(
    low: float, high: float, written: tuple[str, str]
) -> None:
    assert interval.ends(low, high) == written


@given(st.floats(1e-3, 1e3), st.floats(1.001, 50))
def test_an_interval_never_reads_as_lying_on_the_other_side_of_one(low: float, by: float) -> None:
    texts = interval.ends(low, low * by)
    for text, value in zip(texts, (low, low * by), strict=True):
        shown = float(text.replace(",", ""))
        if abs(value - 1) > 1e-4:
            assert (shown > 1) == (value > 1)
        assert shown == pytest.approx(value, rel=0.06)


def test_json_gives_intervals_differences_and_reasons_by_cell() -> None:
    document = json.loads(render(sample(by="workload"), "json", title=""))
    cells = [row["cells"]["t4"] for row in document["rows"]]
    assert [(c["low"], c["high"], c["resolved"]) for c in cells] == [
        (1.6, 1.71, True),
        (0.98, 1.11, False),
        (None, None, None),
        (11.9, 12.8, True),
    ]
    assert (cells[2]["status"], cells[2]["invalid"], cells[2]["speedup"]) == ("invalid", FLOOR, 3.1)
    assert cells[3]["differs"] == [VERSION, POWER]
    assert cells[3]["noise"] == [NOISE]
    summary = document["summary"]["t4"]
    assert (summary["low"], summary["high"], summary["invalid"]) == (2.5, 3.1, 1)
    assert document["by"] == "workload"
    assert [group["name"] for group in document["groups"]] == ["mlp", "cnn"]
    assert document["groups"][1]["summary"]["t4"]["cells"] == 1
    assert len(document["warnings"]) == 3


def test_json_has_no_number_that_json_has_not() -> None:
    odd = place(2.0, 0.0, math.inf, value=math.nan)
    of = matrix({"a": [place(1.0)], "b": [odd]}, {"b": (0.0, math.inf)})
    document = json.loads(render(of, "json", title=""))
    cell = document["rows"][0]["cells"]["b"]
    assert (cell["high"], cell["resolved"], cell["value"]) == (None, None, None)
    assert document["summary"]["b"]["high"] is None
    assert "0.0–inf" in table(of) or "0–inf" in table(of)


def test_csv_has_the_same_details_behind_the_first_ones() -> None:
    rows = list(csv.DictReader(io.StringIO(render(sample(), "csv", title=""))))
    assert [each["t4 resolved"] for each in rows] == ["true", "false", "", "true"]
    assert [each["t4 low"] for each in rows] == ["1.6", "0.98", "", "11.9"]
    assert rows[2]["t4 invalid"] == FLOOR
    assert rows[3]["t4 differs"] == f"{VERSION}; {POWER}"
    assert rows[3]["t4 noise"] == NOISE
    assert (rows[0]["protocol"], rows[0]["data_pipeline"]) == ("train", "host")
    header = next(csv.reader(io.StringIO(render(sample(), "csv", title=""))))
    assert header.index("t4 reason") < header.index("t4 low") < header.index("t4 value")


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=40), st.sampled_from(FORMATS))
def test_nothing_from_outside_escapes_from_its_place(text: str, format: str) -> None:
    own = place(2.0, 1.5, 2.5, differs=(text,), noise=(text,), reason=text, value=2.0, mark=text)
    columns = {"a": [place(1.0)] * 2, text: [own, invalid(2.0, text)]}
    for of in (matrix(columns), matrix(columns, metric="energy", by="workload")):
        printed = render(of, format, title=text, width=80, run=text)
        assert not [c for c in printed if c != "\n" and escape.plain(f"|{c}|") != f"|{c}|"]


def test_latex_keeps_options_and_commands_as_they_are_typed() -> None:
    assert escape.latex("`farm x --all` 1–2 ---") == r"\`{}farm x -{}-all\`{} 1--2 -{}-{}-"


def test_eight_hardware_with_intervals_keep_to_eighty_columns() -> None:
    columns = {"p100": [place(1.0), place(1.0)]}
    for number in range(7):
        columns[f"geforce-rtx-40{number}-laptop-gpu"] = [place(1.5, 1.4, 1.6), place(0.9, 0.8, 1.1)]
    of = matrix(columns)
    for ci in (None, True, False):
        printed = table(of, 80, ci)
        assert max(map(len, printed.splitlines())) <= 80
        assert printed.count("2 of 2") == 8
