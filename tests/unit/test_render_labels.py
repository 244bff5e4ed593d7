"""What the rows of a table are called, where the two protocols meet."""

from __future__ import annotations

from typing import Any

import pytest

from farm.matrix.matrix import Entry, build
from farm.render import render
from tests.unit.matrix_samples import cell, measured

PROTOCOLS: tuple[dict[str, Any], ...] = (
    {"protocol": "train", "data_pipeline": "host"},
    {"protocol": "steady", "data_pipeline": "staged", "epochs": None},
)


def test_what_the_protocol_implies_is_no_column() -> None:
    entries: list[Entry] = []
    for changes in PROTOCOLS:
        for workload in ("mlp", "cnn"):
            entries += measured("a", 1.0, of=cell(workload, **changes))
    printed = render(build(entries, baseline="a"), "table", title="")
    (header,) = (line for line in printed.splitlines() if line.startswith("workload"))
    assert header.split() == ["workload", "batch", "protocol", "a"]
    assert (
        "staged batches with steady, host batches with train, adam, 10 epochs with train" in printed
    )


@pytest.mark.parametrize(
    ("changes", "columns"),
    [
        ({"protocol": "train", "data_pipeline": "host", "epochs": 3}, ["protocol", "epochs"]),
        ({"protocol": "steady", "data_pipeline": "host", "epochs": None}, ["protocol", "pipeline"]),
        ({"protocol": None, "data_pipeline": None, "epochs": None},
         ["protocol", "pipeline", "epochs"]),
    ],
)  # fmt: skip
def test_what_the_protocol_does_not_imply_is_a_column(
    changes: dict[str, Any], columns: list[str]
) -> None:
    entries = [
        *measured("a", 1.0, of=cell(protocol="train", data_pipeline="host")),
        *measured("a", 1.0, of=cell(protocol="steady", data_pipeline="staged", epochs=None)),
        *measured("a", 1.0, of=cell("cnn", **changes)),
    ]
    printed = render(build(entries, baseline="a"), "table", title="")
    (header,) = (line for line in printed.splitlines() if line.startswith("workload"))
    assert header.split()[2:-1] == columns


def test_both_protocols_and_long_names_keep_to_eighty_columns() -> None:
    entries: list[Entry] = []
    for changes in PROTOCOLS:
        of = cell("fashion_mnist_lstm", **changes)
        for hardware in ("p100-16gb", "t4", "m2-max"):
            entries += measured(hardware, 0.1, 0.11, 0.12, of=of)
    printed = render(build(entries, baseline="t4"), "table", title="", width=80)
    assert max(map(len, printed.splitlines())) <= 80
    assert printed.count("workload ") == 1


def test_one_epoch_is_not_called_epochs() -> None:
    printed = render(build(measured("a", 1.0, of=cell(epochs=1)), baseline="a"), "table", title="")
    assert "adam, 1 epoch, " in printed


def test_what_rows_are_matched_across_is_not_called_unknown() -> None:
    entries = [
        *measured("p100", 1.0, of=cell(backend="tensorflow")),
        *measured("mac", 1.0, of=cell(backend="torch")),
    ]
    text = render(build(entries, baseline="p100", across=("backend",)), "table", title="")
    said = "Rows hold cells of any backend, each hardware at its fastest, behind the word at;"
    assert said in text
    assert "1.00× (1.00 s) at tensorflow" in text
    assert "1.00× at torch" in text
    assert "Not known" not in text


def test_a_row_whose_hardware_differ_says_any_and_its_cells_say_which() -> None:
    entries = [
        *measured("p100", 1.0, of=cell(backend="tensorflow")),
        *measured("mac", 1.0, of=cell(backend="torch")),
        *measured("mac", 2.0, of=cell(backend="tensorflow")),
        *measured("p100", 3.0, of=cell("cnn", backend="torch")),
        *measured("mac", 3.0, of=cell("cnn", backend="torch")),
    ]
    matrix = build(entries, baseline="p100", across=("backend",), best_batch=True)
    text = render(matrix, "table", title="")
    mixed, alike = (
        next(line for line in text.splitlines() if line.startswith(name)) for name in ("mlp", "cnn")
    )
    assert mixed.split()[1] == "any"
    assert ("at 32, tensorflow" in mixed, "at 32, torch" in mixed) == (True, True)
    assert alike.split()[1] == "torch"
    assert alike.count("torch") == 1
    grouped = build(entries, baseline="p100", across=("backend",), by="workload")
    assert "any backend, each hardware at its fastest.\n" in render(grouped, "table", title="")


def test_across_is_explained_where_nothing_differs_and_what_is_unknown_stays_so() -> None:
    entries = [*measured("p100", 1.0), *measured("mac", 1.0)]
    text = render(build(entries, baseline="p100", across=("backend",)), "table", title="")
    assert "Rows hold cells of any backend, each hardware at its fastest.\n" in text
    entries = [
        *measured("p100", 1.0, of=cell(backend=None)),
        *measured("mac", 1.0, of=cell(backend=None)),
    ]
    text = render(build(entries, baseline="p100", across=("backend",)), "table", title="")
    assert "Not known of any row: backend." in text


def test_a_backend_s_usual_compilation_is_said_beside_another() -> None:
    entries = [
        *measured("a", 1.0, of=cell(jit=True)),
        *measured("a", 1.0, of=cell()),
        *measured("a", 1.0, of=cell("matmul", None, mode="run")),
    ]
    text = render(build(entries, baseline="a"), "table", title="")
    lines = [line for line in text.splitlines() if line.startswith("mlp")]
    assert sorted(("usual" in line.split(), "on" in line.split()) for line in lines) == [
        (False, True),
        (True, False),
    ]
    (products,) = (line for line in text.splitlines() if line.startswith("matmul  "))
    assert "usual" not in products
    assert "usual" not in render(build(entries[1:], baseline="a"), "table", title="")
