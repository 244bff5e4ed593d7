"""Work at the largest batch that fits, and each hardware at its fastest."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from farm.matrix.matrix import Matrix, build
from farm.readings.entry import Entry
from farm.readings.reading import Reading
from farm.render import render
from jobs.spec import Cell
from tests.unit.matrix_samples import cell, unmeasured


def timed(
    hardware: str, seconds: float, of: Cell, used: int | None = None, samples: int | None = 512
) -> list[Entry]:
    """Return three jobs of a cell; `used` is the number that the batch size max came to."""
    return [
        Entry(
            cell=of,
            hardware=hardware,
            repeat=repeat,
            state="succeeded",
            epoch_seconds=seconds * (1 + repeat / 100),
            samples_per_epoch=samples,
            reading=Reading(
                seconds=seconds * (1 + repeat / 100),
                laps=3,
                samples=samples or of.samples_per_step,
                log_se=0.01,
                batch_size=used,
            ),
            conditions={"device": "cpu", **({"batch_size": used} if used else {})},
        )
        for repeat in (1, 2, 3)
    ]


LARGEST = cell(batch_size="max")


def swept() -> list[Entry]:
    """Return p100, fastest at 128, m2, fastest at max (960), and t4, whose max failed."""
    jobs: list[Entry] = []
    for size, p100, m2, t4 in ((32, 4.0, 4.0, 8.0), (128, 2.0, 3.0, 6.0)):
        of = cell(batch_size=size)
        jobs += [*timed("p100", p100, of), *timed("m2", m2, of), *timed("t4", t4, of)]
    jobs += [*timed("p100", 2.5, LARGEST, 4096), *timed("m2", 1.0, LARGEST, 960)]
    return jobs + unmeasured("t4", "out_of_memory", of=LARGEST, reason="15.1 GiB seen")


def table(matrix: Matrix, width: int | None = 80) -> str:
    return render(matrix, "table", title="run r1", width=width)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("mlp")]


def test_each_hardware_stands_with_its_fastest_batch() -> None:
    matrix = build(swept(), baseline="p100", best_batch=True)
    (row,) = matrix.rows
    sizes = {name: each.batch_sizes for name, each in row.cells.items()}
    assert sizes == {"p100": (128,), "m2": (960,), "t4": (128,)}
    assert row.cells["m2"].speedup == pytest.approx(2.0)
    assert row.cells["t4"].speedup == pytest.approx(1 / 3)
    assert row.cell.batch_size is None
    text = table(matrix)
    assert rows(text)[0].split()[0] == "mlp"
    assert "batch " not in next(line for line in text.splitlines() if line.startswith("workload"))
    for said in ("at 128", "at max 960"):
        assert said in rows(text)[0]
    assert "stands with its fastest batch size, behind the word at; max is the" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_same_batch_is_the_default() -> None:
    text = table(build(swept(), baseline="p100"), None)
    assert [line.split()[1] for line in rows(text)] == ["32", "128", "max"]
    assert "fastest batch" not in text


def test_a_row_of_the_largest_batch_says_each_number_and_what_differs() -> None:
    matrix = build(swept(), baseline="p100")
    text = table(matrix, None)
    largest = rows(text)[-1]
    assert "at 4,096" in largest
    assert "at 960" in largest
    assert "at" not in rows(text)[0].split()
    assert "Batch max is the largest that fits, behind the word at." in text
    assert "differs from p100: batch size: 960 here, 4,096 on p100" in text
    assert "out of memory [" in largest
    assert "15.1 GiB seen" in text
    strict = build(swept(), baseline="p100", strict=True).rows[-1].cells["m2"]
    assert (strict.status, strict.speedup) == ("incomparable", None)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("samples", "[1] its batch size is limited by the number of samples, not by memory"),
        ("time", "[1] its batch size is limited by the time that the job had, not by memory"),
        ("error", "[1] its batch size is limited by an error at a larger size, not by memory"),
        ("memory", None),
        ("memory, foreseen", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("best", [False, True])
def test_a_largest_batch_that_memory_did_not_limit_says_what_did(
    limit: str | None, said: str | None, best: bool
) -> None:
    jobs = [
        Entry(**{**vars(each), "reading": each.reading._replace(batch_limited_by=limit)})
        for each in timed("p100", 2.5, LARGEST, 4096)
        if each.reading is not None
    ]
    text = table(build(jobs, baseline="p100", best_batch=best), None)
    assert ("the largest that fits in memory, unless a footnote says" in text) == (said is not None)
    assert (said or "the largest that fits") in text
    assert ("limited by" in text) == (said is not None)


def test_a_batch_that_was_asked_to_be_each_one_s_own_is_no_footnote() -> None:
    matrix = build(swept(), baseline="p100", best_batch=True)
    assert matrix.rows[0].cells["m2"].differs == ("batch size: 960 here, 128 on p100",)
    text = table(matrix)
    assert "batch size:" not in text
    assert "not measured alike" not in text


def test_the_number_of_staged_batches_follows_from_their_size() -> None:
    def staged(hardware: str, of: Cell, number: int) -> list[Entry]:
        under = {"device": "cpu", "staged_batches": number}
        return [Entry(**{**vars(each), "conditions": under}) for each in timed(hardware, 1.0, of)]

    jobs = [*staged("p100", cell(), 16), *staged("m2", cell(batch_size=64), 8)]
    (row,) = build(jobs, baseline="p100", best_batch=True).rows
    assert row.cells["m2"].differs == ("batch size: 64 here, 32 on p100",)


def test_losses_of_unlike_batches_are_not_compared() -> None:
    def learning(hardware: str, of: Cell, *losses: float) -> list[Entry]:
        return [
            Entry(
                **{
                    **vars(each),
                    "reading": each.reading._replace(losses=losses, steps_per_loss=10),
                }
            )
            for each in timed(hardware, 1.0, of)
            if each.reading is not None
        ]

    good, bad = (2.0, 1.0, 0.5, 0.3), (2.0, 1.9, 1.9, 1.9)
    other = learning("m2", cell(batch_size=64), *bad)
    (row,) = build(
        [*learning("p100", cell(), *good), *other], baseline="p100", best_batch=True
    ).rows
    assert row.cells["m2"].status == "succeeded"


def test_best_batch_goes_with_across() -> None:
    jobs = [
        *timed("p100", 4.0, cell(batch_size=32)),
        *timed("p100", 2.0, cell(batch_size=64, backend="torch")),
        *timed("m2", 3.0, cell(batch_size=32)),
    ]
    (row,) = build(jobs, baseline="p100", across=("backend",), best_batch=True).rows
    assert (row.cell.backend, row.cell.batch_size) == (None, None)
    assert row.cells["p100"].batch_sizes == (64,)
    assert len(build(jobs, baseline="p100", best_batch=True).rows) == 2


def test_batches_all_alike_are_still_said() -> None:
    jobs = [*timed("p100", 4.0, cell()), *timed("m2", 3.0, cell())]
    text = table(build(jobs, baseline="p100", best_batch=True))
    assert rows(text)[0].count("at 32") == 2


def test_laps_of_unlike_sizes_are_compared_by_the_sample() -> None:
    jobs = [
        *timed("p100", 1.0, cell(batch_size=32), samples=None),  # 32 samples a lap
        *timed("p100", 1.5, cell(batch_size=64), samples=None),
    ]
    (row,) = build(jobs, baseline="p100", best_batch=True).rows
    assert row.cells["p100"].batch_sizes == (64,)


def test_repeats_that_found_other_frontiers_are_all_said() -> None:
    jobs = [*timed("p100", 1.0, LARGEST, 960)[:2], *timed("p100", 1.0, LARGEST, 1024)[2:]]
    assert "at 960 to 1,024" in table(build(jobs, baseline="p100"))


def test_programs_are_told_the_numbers() -> None:
    matrix = build(swept(), baseline="p100")
    last = json.loads(render(matrix, "json", title=""))["rows"][-1]
    assert last["batch_size"] == "max"
    assert last["cells"]["m2"]["batch_sizes"] == [960]
    assert last["cells"]["t4"]["batch_sizes"] == []
    header, *lines = render(matrix, "csv", title="").splitlines()
    assert "m2 batch_sizes" in header.split(",")
    assert ",max," in lines[-1]
    best = json.loads(render(build(swept(), baseline="p100", best_batch=True), "json", title=""))
    assert best["across"] == ["batch_size"]


@pytest.mark.parametrize("style", ["markdown", "html", "latex"])
def test_documents_say_the_batch_behind_the_number(style: str) -> None:
    text = render(build(swept(), baseline="p100", best_batch=True), style, title="")
    assert re.search(r"at max 960", text)


def work(**changes: Any) -> Cell:
    """Return a cell without a batch size."""
    fields: dict[str, Any] = {"batch_size": None, "mode": "run", "optimizer": None}
    return cell("matmul", **fields | changes)


def test_work_without_batches_has_none_anywhere() -> None:
    matrix = build(timed("p100", 1.0, work()), baseline="p100", by="batch_size")
    assert [group.name for group in matrix.groups] == ["none"]
    text = table(build(timed("p100", 1.0, work()), baseline="p100"))
    (header,) = (line for line in text.splitlines() if line.startswith("workload"))
    assert header.split() == ["workload", "p100"]
    assert "None" not in text
    assert "optimizer" not in text


def test_sizes_are_sorted_none_first_and_the_largest_last() -> None:
    cells = [LARGEST, cell(batch_size=1024), cell(batch_size=32), cell(batch_size=None)]
    jobs = [job for of in cells for job in timed("p100", 1.0, of)]
    matrix = build(jobs, baseline="p100")
    assert [row.cell.batch_size for row in matrix.rows] == [None, 32, 1024, "max"]
    # Numbers stand right below one another, whatever stands among them
    places = {line.index(size) + len(size) for line, size in zip(
        rows(table(matrix))[1:], ("32", "1024", "max"), strict=True
    )}  # fmt: skip
    assert len(places) == 1
