"""Files to import: taken whole, or refused in words with the store as it was."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.exchange import exchange
from farm.exchange.importer import import_files
from farm.measurements.columns import COLUMNS, FAMILIES
from farm.render import FORMATS
from farm.store.store import Store
from jobs.errors import ImportFileError
from tests.conftest import make_job, make_result
from tests.fuzz.effort import fuzzing, in_time, note
from tests.fuzz.extremes import right_tables
from tests.fuzz.inputs import HOSTILE, NUMBERS, as_json, changed, damaged
from tests.fuzz.shown import check_message, check_shown
from tests.unit.exchange_samples import make_run, rich

RUN = make_run()
NAMES = [*COLUMNS, *(f"{prefix}.x" for prefix in FAMILIES), "facts.\x1b[2J", "parameters.=1"]
RIGHT = {
    "hardware": "p100",
    "workload": "mlp",
    "batch_size": "32",
    "seconds": "0.5",
    "repeat": "1",
    "warmup": "false",
    "samples": "512",
    "status": "succeeded",
}
words = st.one_of(
    st.sampled_from([*RIGHT.values(), "t4", "resnet", "failed", "2", "1.5", "max", "true", "nan"]),
    st.sampled_from(HOSTILE),
    st.sampled_from([str(each) for each in NUMBERS if len(repr(each)) < 50]),
    st.text(max_size=8),
)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Draw a table of measurements that is nearly right."""
    more = draw(st.lists(st.sampled_from(NAMES), max_size=8, unique=True))
    names = [*dict.fromkeys([*RIGHT, *more])]
    rows = []
    for number in range(draw(st.integers(1, 4))):
        row = {**dict.fromkeys(more, ""), **RIGHT, "repeat": str(number)}
        for name in draw(st.lists(st.sampled_from(names), max_size=3)) + more[:4]:
            row[name] = draw(words)
        rows.append([row[name] for name in names])
    separator = draw(st.sampled_from([",", ",", ";", "\t"]))
    written = io.StringIO()
    csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    return written.getvalue().encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with one run that has nothing to do with what is imported."""
    path = tmp_path_factory.mktemp("empty") / "farm.db"
    with Store(f"sqlite:///{path}") as store:
        store.add_run(make_run("own"))
        store.add_results("own", [make_result(make_job(run="own", repeat=n)) for n in (1, 2)])
    return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Return what `farm export` writes, a value a line."""
    path = tmp_path_factory.mktemp("exported") / "farm.db"
    with Store(f"sqlite:///{path}") as store:
        store.add_run(RUN)
        jobs = RUN.jobs("p100")
        store.add_jobs(RUN.id, jobs)
        store.add_results(RUN.id, [rich(make_result(jobs[0])), make_result(jobs[1])])
        out = io.BytesIO()
        exchange.write(store, [RUN], out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def content_of(store: Store) -> bytes:
    out = io.BytesIO()
    exchange.write(store, store.runs(), out)
    return out.getvalue()


def tried(empty: Path, folder: Path, name: str, content: bytes, style: str = "table") -> bool:
    file = folder / name
    file.write_bytes(content)
    copy = shutil.copy(empty, folder / "farm.db")
    with in_time(), Store(f"sqlite:///{copy}") as store:
        before = content_of(store)
        try:
            import_files(store, [str(file)])
        except ImportFileError as error:
            note("refused")
            check_message(*error.problems)
            unchanged = content_of(store) == before
        else:
            note("taken")
            for run in store.runs():
                check_shown(store, run, style=style)
            # What was taken can be carried on.
            again = folder / "again.jsonl"
            again.write_bytes(content_of(store))
            assert not any(each.other_results for each in import_files(store, [str(again)]))
            return True
    assert unchanged
    return False


def test_the_right_files_are_taken(empty: Path, exported: list[Any], tmp_path: Path) -> None:
    lines = b"\n".join(map(as_json, exported))
    assert tried(empty, tmp_path, "right.jsonl", lines)
    table = ",".join(RIGHT) + "\n" + ",".join(RIGHT.values())
    assert tried(empty, tmp_path, "right.csv", table.encode())


@fuzzing(30)
@given(data=st.data(), style=st.sampled_from(FORMATS))
def test_lines_of_json(
    empty: Path, exported: list[Any], tmp_path: Path, data: st.DataObject, style: str
) -> None:
    lines = [*exported]
    at = data.draw(st.integers(0, len(lines) - 1))
    match data.draw(st.sampled_from(("change", "change", "change", "drop", "repeat", "move"))):
        case "change":
            lines[at] = data.draw(changed(lines[at]))
        case "drop":
            del lines[at]
        case "repeat":
            lines.insert(at, lines[-at - 1])
        case _:
            lines.append(lines.pop(at))
    tried(empty, tmp_path, "fuzz.jsonl", b"\n".join(map(as_json, lines)), style)


@fuzzing(30)
@given(content=tables() | right_tables(), style=st.sampled_from(FORMATS))
def test_tables(empty: Path, tmp_path: Path, content: bytes, style: str) -> None:
    tried(empty, tmp_path, "fuzz.csv", content, style)


@fuzzing(20)
@given(data=st.data(), name=st.sampled_from(("fuzz.csv", "fuzz.jsonl", "fuzz")))
def test_damaged_files(
    empty: Path, exported: list[Any], tmp_path: Path, data: st.DataObject, name: str
) -> None:
    table = (",".join(RIGHT) + "\n" + ",".join(RIGHT.values()) + "\n").encode() * 2
    right = table if name == "fuzz.csv" else b"\n".join(map(as_json, exported))
    tried(empty, tmp_path, name, data.draw(damaged(right) | st.binary(max_size=60)))
