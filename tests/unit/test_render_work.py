"""Rows of unlike work in one table: units, times of tasks, labels, and cells without a number."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from farm.matrix.matrix import Matrix, build
from farm.readings.entry import Entry
from farm.readings.reading import Reading
from farm.render import render, units
from jobs.spec import Cell
from tests.unit.matrix_samples import cell, unmeasured

STEADY: dict[str, Any] = {
    "protocol": "steady",
    "data_pipeline": "staged",
    "epochs": None,
    "parameters": {},
}
BARE: dict[str, Any] = {
    **STEADY,
    "batch_size": None,
    "mode": "run",
    "data": "generated",
    "optimizer": None,
}
MLP = cell("mlp", **STEADY)
INFER = cell("mlp", **STEADY | {"mode": "infer", "optimizer": None})
LM = cell("transformer_lm", **STEADY)
MATMUL = cell("matmul", **BARE | {"parameters": {"size": 4096}})
MEMORY = cell("memory_bandwidth", **BARE | {"parameters": {"kernel": "copy"}})
VIDEO = cell("video_export", **BARE | {"backend": "ffmpeg", "protocol": "once"})
FOREST = cell("random_forest", **BARE | {"mode": "train", "protocol": "once"})


def timed(hardware: str, of: Cell, seconds: float, samples: int, **reading: Any) -> list[Entry]:
    """Return one job whose epoch, or task, of so many samples took so long."""
    told = Reading(
        seconds=seconds, laps=3, samples=samples, samples_per_second=samples / seconds, **reading
    )
    return [
        Entry(
            cell=of,
            hardware=hardware,
            repeat=1,
            state="succeeded",
            epoch_seconds=seconds,
            samples_per_epoch=samples,
            reading=told,
        )
    ]


COUNTED: dict[Cell | str, tuple[Cell, float, int, dict[str, Any]]] = {
    "samples": (MLP, 2.0, 1000, {}),
    "infer": (INFER, 0.5, 200, {"latency_seconds": 0.0021}),
    "tokens": (LM, 1.0, 100, {"item": "tokens", "items_per_sample": 128.0}),
    "products": (
        MATMUL,
        0.01,
        1,
        {"item": "products", "items_per_sample": 1, "flops_per_second": 9.3e12},
    ),
    "bytes": (MEMORY, 0.01, 1, {"item": "bytes", "items_per_sample": 1.53e9}),
    "video": (VIDEO, 2.0, 120, {"item": "video seconds", "items_per_sample": 1 / 30}),
    "search": (FOREST, 20.0, 1, {}),
}


def of_kinds(*kinds: str, metric: str = "speedup", by: str | None = None) -> Matrix:
    """Return the matrix of such work on two hardware, the second twice as fast."""
    jobs: list[Entry] = []
    for kind in kinds:
        of, seconds, samples, reading = COUNTED[kind]
        jobs += timed("p100", of, seconds, samples, **reading)
        twice = {
            name: value * 2 if name == "flops_per_second" else value
            for name, value in reading.items()
        }
        jobs += timed("m2", of, seconds / 2, samples, **twice)
    return build(jobs, baseline="p100", metric=metric, by=by)


def table(matrix: Matrix, width: int | None = None) -> str:
    return render(matrix, "table", title="run r1", width=width)


def row(printed: str, start: str) -> list[str]:
    (found,) = (line for line in printed.splitlines() if re.match(rf"{start}\s{{2,}}", line))
    return re.split(r"\s{2,}", found)


ALL = ("samples", "tokens", "products", "bytes", "video")


@pytest.mark.parametrize("metric", ["seconds", "energy"])
def test_times_and_energies_of_unlike_tasks_have_no_mean(metric: str) -> None:
    told = {"energy_joules": 4.0, "energy_kind": "counter", "energy_part": "gpu"}
    jobs: list[Entry] = []
    for kind in ("samples", "infer", "products", "video"):
        of, seconds, samples, reading = COUNTED[kind]
        for name in ("p100", "m2"):
            jobs += timed(name, of, seconds, samples, **reading, **told)
    text = table(build(jobs, baseline="p100", metric=metric))
    for name in ("minimum", "geometric mean", "maximum"):
        assert row(text, name)[-2:] == ["–", "–"]
    assert row(text, "cells")[-2:] == ["4 of 4", "4 of 4"]
    alike = [job for job in jobs if job.cell == MLP]
    assert "–" not in row(table(build(alike, baseline="p100", metric=metric)), "geometric mean")
    grouped = table(build(jobs, baseline="p100", metric=metric, by="workload"))
    assert "–" not in row(grouped, "video_export")
    assert row(grouped, "mlp")[-2:] == ["–", "–"]  # an epoch and a pass


def test_products_of_matrices_are_in_no_mean_of_efficiency_beside_a_network() -> None:
    of, seconds, samples, _ = COUNTED["samples"]
    jobs = timed("p100", of, seconds, samples, flops_per_second=2.325e12)
    of, seconds, samples, reading = COUNTED["products"]
    jobs += timed("p100", of, seconds, samples, **reading)
    text = table(build(jobs, baseline="p100", metric="efficiency"))
    assert row(text, "matmul")[-1] == "100 %"
    assert row(text, "geometric mean")[-1] == "25.0 %"
    assert row(text, "cells")[-1] == "1 of 2"
    assert "matmul is in no mean." in text
    alone = table(build(jobs[1:], baseline="p100", metric="efficiency"))
    assert row(alone, "geometric mean")[-1] == "100 %"
    assert "in no mean" not in alone


def test_each_cell_says_its_unit_where_rows_count_unlike_things() -> None:
    text = table(of_kinds(*ALL, metric="throughput"))
    assert row(text, "mlp")[-2:] == ["500 samples/s", "1,000 samples/s"]
    assert row(text, "transformer_lm")[-2:] == ["12,800 tokens/s", "25,600 tokens/s"]
    assert row(text, "matmul")[-2:] == ["9.30 TFLOPS", "18.6 TFLOPS"]
    assert row(text, "memory_bandwidth")[-2:] == ["153 GB/s", "306 GB/s"]
    assert row(text, "video_export")[-2:] == ["2.00× real time", "4.00× real time"]
    said = " ".join(text.split())
    assert "TFLOPS are 10¹² of them" in said
    assert "GB are 10⁹ bytes" in said


def test_unlike_things_have_no_mean() -> None:
    text = table(of_kinds(*ALL, metric="throughput"))
    for name in ("minimum", "geometric mean", "maximum"):
        assert row(text, name)[-2:] == ["–", "–"]
    assert row(text, "cells")[-2:] == ["5 of 5", "5 of 5"]
    by_workload = table(of_kinds(*ALL, metric="throughput", by="workload"))
    assert row(by_workload, "memory_bandwidth")[-1] == "306 GB/s"


@pytest.mark.parametrize(
    ("kind", "what", "number"),
    [
        ("samples", "training samples a second; more", "500/s"),
        ("infer", "samples a second; more", "400/s"),
        ("tokens", "tokens a second; more", "12,800/s"),
        ("products", "operations a second; TFLOPS are 10¹² of them; more", "9.30 TFLOPS"),
        ("bytes", "bytes a second; GB are 10⁹ bytes; more", "153 GB/s"),
        ("video", "how many times as fast as the video plays; more", "2.00× real time"),
    ],
)
def test_what_all_rows_count_is_said_once(kind: str, what: str, number: str) -> None:
    text = table(of_kinds(kind, metric="throughput"))
    assert what in text.splitlines()[1]
    assert number in text
    assert row(text, "geometric mean")[1] == number


def test_programs_are_told_what_is_counted() -> None:
    document = json.loads(render(of_kinds(*ALL, metric="throughput"), "json", title=""))
    items = [each["cells"]["p100"]["item"] for each in document["rows"]]
    assert items == ["samples", "tokens", "flop", "bytes", "video seconds"]


@pytest.mark.parametrize(
    ("kinds", "unit"),
    [
        (("samples",), "epoch"),
        (("products",), "product"),
        (("bytes",), "pass over the arrays"),
        (("video",), "export"),
        (("search",), "task"),
        (("infer",), "pass over the test samples"),
        (("samples", "products"), "epoch or product (matmul)"),
        (
            ("samples", "infer", "products", "video"),
            "epoch, pass over the test samples (infer), product (matmul) or export (video_export)",
        ),
    ],
)
def test_a_time_is_of_what_the_work_is_done_by(kinds: tuple[str, ...], unit: str) -> None:
    said = " ".join(table(of_kinds(*kinds)).split())
    assert f"Times are per {unit}, from 1 process each" in said
    said = " ".join(table(of_kinds(*kinds, metric="seconds")).split())
    unlike = "; no means over unlike ones" if len(kinds) > 1 else ""
    assert f"time per {unit}{unlike}; less is better." in said


def test_latency_is_of_single_passes_that_are_waited_for() -> None:
    text = table(of_kinds("samples", "infer", metric="latency"))
    assert "one batch at a time through the network, each waited for; the median" in text
    lines = [line for line in text.splitlines() if line.startswith("mlp")]
    assert [line.split()[-1] for line in lines] == ["ms", "–"]
    assert "2.10 ms" in lines[0]


def test_a_pass_over_fewer_test_samples_than_there_are_to_train_on_lacks_nothing() -> None:
    of = INFER.model_copy(update={"parameters": {"train_samples": 512}})
    (row,) = build(timed("a", of, 0.5, 200), baseline="a").rows
    assert row.cells["a"].reason is None


def test_kinds_of_work_make_no_columns_of_what_is_their_own() -> None:
    text = table(of_kinds(*ALL), 80)
    (header,) = {line for line in text.splitlines() if line.startswith("workload")}
    assert header.split() == ["workload", "batch", "p100", "m2"]
    assert (
        "float32, tensorflow, synthetic data, train mode, steady protocol, staged batches, adam, "
        "unless a line below says otherwise."
    ) in " ".join(text.split())
    assert "matmul: generated data, run mode, size=4096" in text
    said = " ".join(text.split())
    assert "video_export: ffmpeg, generated data, run mode, once protocol" in said
    assert max(map(len, text.splitlines())) <= 80


def test_what_one_workload_has_both_of_stays_a_column() -> None:
    other = cell("matmul", **BARE | {"data": "synthetic", "parameters": {"size": 4096}})
    jobs = [*timed("a", MATMUL, 1.0, 1), *timed("a", other, 1.0, 1), *timed("a", MLP, 1.0, 512)]
    text = table(build(jobs, baseline="a"))
    (header,) = (line for line in text.splitlines() if line.startswith("workload"))
    assert "data" in header.split()


@pytest.mark.parametrize(
    ("jit", "said"), [((None, None), None), ((True, True), "jit on"), ((True, None), "column")]
)
def test_compiling_is_said_where_it_was_asked_for(
    jit: tuple[bool | None, bool | None], said: str | None
) -> None:
    jobs = [
        job
        for index, each in enumerate(jit)
        for job in timed("a", cell(batch_size=32 << index, jit=each), 1.0, 512)
    ]
    text = table(build(jobs, baseline="a"))
    (header,) = (line for line in text.splitlines() if line.startswith("workload"))
    assert ("jit" in header.split()) == (said == "column")
    assert ("jit on" in text) == (said == "jit on")


@pytest.mark.parametrize("state", ["unsupported", "out_of_memory"])
@pytest.mark.parametrize("metric", ["speedup", "throughput"])
def test_a_cell_without_a_number_says_why_in_every_medium(state: str, metric: str) -> None:
    why = "no hardware encoder encodes ProRes there; take encoder: software"
    jobs = [*timed("p100", MLP, 1.0, 512), *unmeasured("m2", state, of=MLP, reason=why)]
    matrix = build(jobs, baseline="p100", metric=metric)
    there = json.loads(render(matrix, "json", title=""))["rows"][0]["cells"]["m2"]
    assert (there["status"], there["reason"]) == (state, why)
    for style in ("table", "markdown", "html", "latex", "csv"):
        text = render(matrix, style, title="")
        assert why in text, style
        words = state if style == "csv" else state.replace("_", " ")
        assert words in text, style


@pytest.mark.parametrize(
    ("value", "item", "expected"),
    [
        (45_600, "tokens", "45,600 tokens/s"),
        (1.53e11, "bytes", "153 GB/s"),
        (9.3e12, "flop", "9.30 TFLOPS"),
        (4.6e9, "flop", "0.00460 TFLOPS"),
        (2.41, "video seconds", "2.41× real time"),
        (3.0, "frames", "3.00 frames/s"),
    ],
)
def test_units_of_what_is_counted(value: float, item: str, expected: str) -> None:
    assert units.throughput(value, item) == expected
