"""What a reader sees of a matrix, in every format."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from farm.matrix.matrix import Entry, Matrix, build
from farm.render import FORMATS, escape, render
from jobs.errors import UnknownNameError
from tests.unit.matrix_samples import cell, measured, unmeasured

HOSTILE = "\x1b[31m<b>&\x1b]0;pwned\x07 $x_1$ |\\\n=1+1\u202e"


def small() -> Matrix:
    """Two hardware, two rows: one with a failed repeat, one without a number."""
    large = cell(batch_size=1024)
    entries = [
        *measured("p100", 4.0, 4.0, 4.0),
        *measured("t4", 2.0, 2.0),
        *unmeasured("t4", "timed_out", reason="still running at its deadline of 600 s", first=3),
        *measured("p100", 0.52, 0.52, 0.52, of=large),
        *unmeasured("t4", *["out_of_memory"] * 3, of=large, reason="15.1 GiB asked for"),
    ]
    return build(entries, baseline="p100", intervals=False)


def wide(columns: int, name: str = "hw-{}") -> Matrix:
    entries: list[Entry] = []
    for number in range(columns):
        for batch_size in (32, 64):
            entries += measured(name.format(number), 1.0 + number, of=cell(batch_size=batch_size))
    return build(entries, baseline=None, intervals=False)


def hostile(text: str = HOSTILE) -> Matrix:
    """A matrix with the text wherever the outside can put one."""
    sweep = [cell(parameters={"note": text, text: 1}), cell(parameters={"note": "-2", text: 2})]
    entries = [
        *measured("a", 1.0, of=sweep[0]),
        *unmeasured(text, "failed", of=sweep[0], reason=text),
        *unmeasured(text, "failed", of=sweep[1], reason="=" + text),
    ]
    return build(entries, baseline="a")


def test_the_table_reads_as_intended() -> None:
    assert (
        render(small(), "table", title="quick, run r1", width=80)
        == """\
quick, run r1
speed-up = time of p100 ÷ time; above 1 is faster.
float32, tensorflow, synthetic data, train mode, train protocol, host batches,
adam, 10 epochs, train_samples=512.
Times are per epoch: the geometric mean of the medians of 2 to 3 processes.

workload        batch              p100                 t4
──────────────────────────────────────────────────────────
mlp                32   1.00×  (4.00 s)          2.00× [1]
mlp              1024   1.00× (0.520 s)  out of memory [2]
──────────────────────────────────────────────────────────
minimum                 1.00×                    2.00×
geometric mean          1.00×                    2.00×
maximum                 1.00×                    2.00×
cells                  2 of 2                   1 of 2

[1] 2 of 3 repeats succeeded; 1 timed out: still running at its deadline of 600
    s
[2] 15.1 GiB asked for

- no number: t4 in 1 cell (out of memory); the cells say why, and `farm show`
  leads to the errors in full
- too few repeats: 1 of 3 cells rests on 2 processes, which hardly tell a
  spread; the other repeats failed or still wait, and the cells say which"""
    )


def test_markdown_reads_as_intended() -> None:
    printed = render(small(), "markdown", title="quick")
    assert "| mlp            |      32 |  1.00× (4.00 s) |         2.00× [1] |" in printed
    assert "| mlp            |    1024 | 1.00× (0.520 s) | out of memory [2] |" in printed
    assert "\n2. 15.1 GiB asked for" in printed
    assert "\n- no number: t4 in 1 cell (out of memory);" in printed
    assert printed.startswith("**quick**\n\nspeed-up = time of p100 ÷ time; above 1 is faster.\n")


def test_html_is_a_document_with_footnotes() -> None:
    printed = render(small(), "html", title="quick")
    assert printed.startswith("<!DOCTYPE html>")
    assert '<meta charset="utf-8">' in printed
    assert "out of memory<sup>2</sup>" in printed
    assert "<li>15.1 GiB asked for</li>" in printed


def test_latex_is_a_float_with_six_columns_of_hardware_at_most() -> None:
    printed = render(small(), "latex", title="quick")
    assert printed.count(r"\begin{tabular}") == printed.count(r"\end{tabular}") == 1
    assert r"1.00$\times$ (0.520 s)" in printed
    assert r"out of memory\textsuperscript{2}" in printed
    assert r"train\_samples=512" in printed
    assert printed.count(r"\hline") == 4
    assert render(wide(20), "latex", title="quick").count(r"\begin{tabular}") == 4


def test_csv_holds_every_number_unrounded() -> None:
    rows = list(csv.DictReader(io.StringIO(render(small(), "csv", title="quick"))))
    assert [row["batch_size"] for row in rows] == ["32", "1024"]
    assert [row["t4"] for row in rows] == ["2.0", ""]
    assert [row["p100 seconds"] for row in rows] == ["4.0", "0.52"]
    assert [row["t4 status"] for row in rows] == ["succeeded", "out_of_memory"]
    assert [row["t4 repeats"] for row in rows] == ["2", "0"]
    assert rows[1]["t4 reason"] == "15.1 GiB asked for"
    assert rows[0]["parameters"] == "train_samples=512"


def test_json_has_the_names_that_programs_rely_on() -> None:
    document = json.loads(render(small(), "json", title="quick"))
    assert list(document) == [
        *("baseline", "metric", "across", "by", "hardware"),
        *("rows", "groups", "summary", "warnings"),
    ]
    assert (document["baseline"], document["metric"]) == ("p100", "speedup")
    assert document["hardware"] == ["p100", "t4"]
    row = document["rows"][1]
    assert {name: row[name] for name in ("workload", "batch_size", "precision", "data")} == {
        "workload": "mlp",
        "batch_size": 1024,
        "precision": "float32",
        "data": "synthetic",
    }
    assert row["cell"] == cell(batch_size=1024).id
    assert row["cells"]["t4"] == {
        "status": "out_of_memory",
        "speedup": None,
        "low": None,
        "high": None,
        "resolved": None,
        "within_run": False,
        "seconds": None,
        "value": None,
        "mark": None,
        "item": None,
        "batch_sizes": [],
        "repeats": 0,
        "submitted": 3,
        "reason": "15.1 GiB asked for",
        "invalid": None,
        "differs": [],
        "noise": [],
    }
    assert document["summary"]["t4"] == {
        "min": 2,
        "geomean": 2,
        "low": None,
        "high": None,
        "max": 2,
        "within_run": False,
        "cells": 1,
        "of": 2,
        "invalid": 0,
    }


def test_what_differs_is_a_column_and_what_does_not_is_said_once() -> None:
    entries = [
        *measured("a", 1.0, of=cell("mlp", data="real", parameters={"width": 64, "seed": 3})),
        *measured("a", 1.0, of=cell("mlp", data="real", parameters={"width": 96, "seed": 3})),
        *measured("a", 1.0, of=cell("cnn", parameters={"depth": 2, "seed": 3})),
    ]
    lines = render(build(entries, baseline="a"), "table", title="").splitlines()
    (header,) = (line for line in lines if line.startswith("workload"))
    assert header.split() == ["workload", "batch", "data", "width", "a"]
    said = "float32, tensorflow, train mode, train protocol, host batches, adam, 10 epochs, seed=3."
    assert said in lines
    assert "cnn: depth=2" in lines
    assert any(line.split()[:4] == ["cnn", "32", "synthetic", "1.00×"] for line in lines)
    assert any(line.split()[:4] == ["mlp", "32", "real", "96"] for line in lines)


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in ("csv", "json")])
@pytest.mark.parametrize("data", ["real", "synthetic"])
def test_the_source_of_the_data_is_always_said(format: str, data: str) -> None:
    matrix = build(measured("a", 1.0, of=cell(data=data)), baseline="a")
    assert f"{data} data" in render(matrix, format, title="")


def test_a_baseline_that_nobody_named_is_said_to_be_chosen() -> None:
    assert "No baseline was named, so it is hw-0" in render(wide(2), "table", title="")
    assert "No baseline" not in render(small(), "table", title="")


def test_a_number_that_stands_on_one_process_says_so() -> None:
    assert "from 1 process each" in render(wide(2), "table", title="")


def test_a_time_without_a_ratio_is_shown_with_the_reason() -> None:
    entries = [*unmeasured("a", "queued"), *measured("b", 3.0)]
    printed = render(build(entries, baseline="a"), "table", title="")
    assert "queued" in printed
    assert "3.00 s [1]" in printed
    assert "[1] no speed-up: a, the baseline, has no time here (queued)" in printed


def test_nothing_measured_yet_is_still_a_table() -> None:
    printed = render(build(unmeasured("a", "queued"), baseline=None), "table", title="", width=80)
    assert "0 of 1" in printed
    assert "–" in printed


@pytest.mark.parametrize("columns", [2, 3, 8, 20])
@pytest.mark.parametrize("name", ["hw-{}", "geforce-rtx-40{}-laptop-gpu"])
def test_eighty_columns_are_enough(columns: int, name: str) -> None:
    printed = render(wide(columns, name), "table", title="many", width=80)
    assert max(map(len, printed.splitlines())) <= 80
    # Every block repeats the rows' labels and the summary; every hardware is counted once.
    assert printed.count("2 of 2") == columns
    assert printed.count("workload ") == printed.count("geometric mean  ") >= columns // 8


def test_without_a_width_there_is_one_block() -> None:
    printed = render(wide(20), "table", title="many")
    assert printed.count("workload ") == 1
    assert all(f"hw-{number}" in printed for number in range(20))


def test_numbers_of_a_column_share_the_place_of_their_point() -> None:
    entries: list[Entry] = []
    for batch_size, seconds in ((1, 100.0), (2, 10.0), (3, 1.0), (4, 0.01)):
        entries += measured("a", 1.0, of=cell(batch_size=batch_size))
        entries += measured("b", seconds, of=cell(batch_size=batch_size))
    printed = render(build(entries, baseline="a"), "table", title="")
    rows = [line for line in printed.splitlines() if line.startswith("mlp")]
    shown = [re.findall(r"\S+×", row)[1] for row in rows]
    assert shown == ["0.0100×", "0.100×", "1.00×", "100×"]
    points = {
        row.rindex(text) + len(re.split("[.×]", text)[0])
        for row, text in zip(rows, shown, strict=True)
    }
    assert len(points) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_from_outside_steers_a_terminal(format: str) -> None:
    printed = render(hostile(), format, title=HOSTILE, width=80)
    assert not set(printed) & {"\x1b", "\x07", "\u202e", "\r", "\x01"}


@pytest.mark.parametrize("text", [HOSTILE, "</title><script>alert(1)</script>", "\" onload='x'"])
def test_nothing_from_outside_is_markup_in_html(text: str) -> None:
    printed = render(hostile(text), "html", title=text)
    tags = set(re.findall(r"</?([a-z0-9]+)", printed)) - {"html", "head", "meta", "title", "style"}
    assert tags <= {"body", "h1", "p", "div", "table", "thead", "tbody", "tr", "th", "td", "sup",
                    "ol", "ul", "li"}  # fmt: skip
    assert "onload='" not in printed


def test_nothing_from_outside_is_a_command_in_latex() -> None:
    printed = render(hostile(r"\input{/etc/passwd} % & # _ ^ ~"), "latex", title=r"\write18{ls}")
    assert r"\input" not in printed
    assert r"\write18" not in printed
    assert r"\textbackslash{}input\{/etc/passwd\} \% \& \# \_" in printed


def test_nothing_from_outside_ends_a_markdown_cell_or_makes_a_link() -> None:
    printed = render(hostile("a|b [x](javascript:y) <img> `c`"), "markdown", title="*t*")
    assert r"a\|b \[x\](javascript:y) &lt;img&gt; \`c\`" in printed
    table = [line for line in printed.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert "fashion_mnist_mlp" in escape.markdown("fashion_mnist_mlp")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r\n=1"])
def test_nothing_from_outside_is_a_formula_in_csv(text: str) -> None:
    printed = render(hostile(text), "csv", title="")
    cells = [value for row in csv.reader(io.StringIO(printed)) for value in row]
    assert not [value for value in cells if value.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'" + text.strip() in cells


def test_an_unknown_format_lists_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"markdwn.*did you mean 'markdown'"):
        render(small(), "markdwn", title="")


@pytest.mark.parametrize("format", FORMATS)
def test_no_format_ends_with_a_line_feed(format: str) -> None:
    assert not render(small(), format, title="x").endswith("\n")
