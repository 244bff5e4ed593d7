"""What the rows of a table are called, where the two protocols meet."""

from __future__ import annotations

from typing import Any

import pytest

from farm.matrix import Entry, build
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
    assert "Rows hold cells of any backend: what differs is said below." in text
    assert "Not known" not in text
