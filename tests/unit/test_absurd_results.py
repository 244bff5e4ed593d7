"""Results that are right and absurd: what fuzzing found, kept."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from farm.exchange.importer import import_files
from farm.matrix.matrix import build
from farm.readings.comparability import differences
from farm.render import FORMATS, render
from farm.store.store import Store
from jobs.spec import Scalar

ODD = (math.nan, math.inf, "nan", "inf", "-inf", 10**400, "9" * 400)


def test_laps_that_differ_by_twelve_orders_are_a_matrix_without_a_warning(tmp_path: Path) -> None:
    table = tmp_path / "absurd.csv"
    rows = ("p100,mlp,32,1e-12", "p100,mlp,32,0.5", "t4,mlp,32,1e9", "t4,mlp,32,1e-12")
    table.write_text("\n".join(["hardware,workload,batch_size,seconds", *rows]))
    with Store(f"sqlite:///{tmp_path}/farm.db") as store:
        import_files(store, [str(table)])
        entries = store.entries(store.runs())
    matrix = build(entries, baseline="p100")
    for style in FORMATS:
        assert "p100" in render(matrix, style, title="")


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("key", ["intra_threads", "usable_cpus", "vcpus", "power_limit_watts"])
def test_a_condition_that_is_no_number_is_no_difference(key: str, odd: float | str) -> None:
    plain: dict[str, Scalar] = {"device": "cpu", "intra_threads": 4, "usable_cpus": 4, "vcpus": 8}
    plain |= {"power_limit_watts": 100.0}
    assert differences({**plain, key: odd}, plain) == ()
    assert differences(plain, {**plain, key: odd}) == ()


def test_a_list_of_very_many_cpus_is_no_number() -> None:
    plain: dict[str, Scalar] = {"device": "cpu", "vcpus": 8}
    assert differences({**plain, "cpus_in_use": f"0-{'9' * 400}"}, plain) == ()
