"""Measurements: a CSV file of measurements made elsewhere, as a run with its results."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farm.measurements.columns import has_batches
from farm.measurements.fields import Fields, Texts, family
from farm.measurements.mistakes import Mistakes
from farm.measurements.process import Process, Rows, check
from farm.measurements.table import Table, open_table
from farm.run import MAX_JOBS, Run
from farm.suite.plan import PlannedCell
from farm.suite.selector import Selector
from jobs.result import Result
from jobs.spec import MAX_REPEATS, Cell, JobSpec

TIMEOUT_SECONDS = 3600.0  # of jobs that nobody will run
_CELL_FIELDS = tuple(name for name in Cell.model_fields if name != "parameters")


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """A table, checked: one run, and a job for each of its processes."""

    file: str
    notes: tuple[str, ...]
    run: Run
    processes: Sequence[tuple[Process, int]]  # each with the repeat of its job
    jobs: tuple[tuple[JobSpec, str], ...] = ()  # every job here has a result

    @property
    def runs(self) -> tuple[Run]:
        """The one run that the file makes."""
        return (self.run,)

    def results(self) -> Iterator[Result]:
        """Yield the result of every process, in the order of the file."""
        source = "a CSV file"  # not its name: the same content is the same result
        for process, repeat in self.processes:
            job = JobSpec(
                run=self.run.id,
                hardware=process.hardware,
                cell=process.cell,
                repeat=repeat,
                seed=self.run.seed,
                timeout_seconds=TIMEOUT_SECONDS,
            )
            yield process.result(job, source, self.run.created_at)


def read(file: str, data: bytes, mistakes: Mistakes, now: float) -> Measurements | None:
    """Read a CSV file; return None, and record why, when anything in it is wrong.

    Rows that agree on hardware, unit, repeat and everything that makes a cell are the laps of one
    process. What the table does not say is None in the cell and in the measurement. The run's id is
    made of the file's content, so that the same content under another name is the same run.

    The repeats of a cell on one hardware are kept where they are distinct and a job can have them;
    else (several units, or a count from 0) its processes are numbered from 1, by unit and then by
    repeat, in the order of the file. `now` is in seconds since the epoch.
    """
    own = Mistakes()
    table = open_table(file, data, own)
    processes = [] if table is None else _processes(table, own)
    numbered = _numbered(processes, file, own)
    if table is not None and not processes and not own:
        own.add(file, 0, "has a header and no rows")
    cells = _planned(numbered)
    if (jobs := sum(planned.repeats for planned in cells)) > MAX_JOBS:
        own.add(file, 0, f"comes to {jobs:,} repeats of all cells; accepted: up to {MAX_JOBS:,}")
    mistakes.extend(own)
    if own or table is None:
        return None
    name = Path(file).name
    stem = fitted(Path(file).stem)
    run = Run(
        id=f"import-{hashlib.sha256(data).hexdigest()[:12]}",
        suite=stem,
        description=f"imported from {name}",
        created_at=now,
        selector=Selector(("all",)),
        seed=0,
        cells=cells,
    )
    return Measurements(file=file, notes=tuple(table.notes), run=run, processes=numbered)


def fitted(stem: str) -> str:
    """Return a file's name made to fit a run's: ASCII letters, digits and . _ + -, at most 40."""
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._+-]+", "-", plain).strip("-._+")
    return name[:40].strip("-._+") or "csv"


def _processes(table: Table, mistakes: Mistakes) -> list[Process]:
    """Group the rows, and check each group."""
    groups = _Groups(table)
    for line, row in table.rows(mistakes):
        for problem in groups.add(line, row):
            mistakes.add(table.file, line, problem)
    laps, said = Fields(table, "lap"), Fields(table, "said")
    return [check(rows, laps, said, table.file, mistakes) for rows in groups.rows.values()]


class _Groups:
    """Sorts rows into processes. The texts of a key are read once, however many rows have them."""

    def __init__(self, table: Table) -> None:
        self.rows: dict[tuple[str, str, int, str | None], Rows] = {}
        self._cell = Fields(table, "cell")
        self._process = Fields(table, "process")
        self._lap = Fields(table, "lap")
        self._said = Fields(table, "said")
        self._cells: dict[Texts, tuple[Cell | None, str, list[str]]] = {}
        self._by_id: dict[str, Cell] = {}  # equal cells are one object
        self._known: dict[tuple[Texts, Texts], Rows | list[str]] = {}

    def add(self, line: int, row: list[str]) -> list[str]:
        """Put a row where it belongs, or return what is wrong with its key."""
        key = (self._cell.take(row), self._process.take(row))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._find(*key, line)
        if isinstance(found, list):
            return found
        found.laps.append((line, self._lap.take(row)))
        said = self._said.take(row)
        if not found.said or found.said[-1][1] != said:
            found.said.append((line, said))
        return []

    def _find(self, cell_texts: Texts, process_texts: Texts, line: int) -> Rows | list[str]:
        if cell_texts not in self._cells:
            self._cells[cell_texts] = self._read_cell(cell_texts)
        cell, cell_id, cell_problems = self._cells[cell_texts]
        values, problems = self._process.read(process_texts)
        problems = [*_lacking(values, problems, ("hardware",)), *problems, *cell_problems]
        if cell is None or problems:
            return problems
        repeat, unit = values.get("repeat", 1), values.get("unit")
        rows = Rows(values["hardware"], cell, repeat, unit, line)
        # Other texts may say the same: 1 and 1.0, or a workload's name and its alias.
        return self.rows.setdefault((rows.hardware, cell_id, repeat, unit), rows)

    def _read_cell(self, texts: Texts) -> tuple[Cell | None, str, list[str]]:
        values, problems = self._cell.read(texts)
        needed = ["workload"]
        if "workload" in values and has_batches(values["workload"]):
            needed.append("batch_size")
        problems = [*_lacking(values, problems, needed), *problems]
        if problems:
            return None, "", problems
        known: dict[str, Any] = {name: values.get(name) for name in _CELL_FIELDS}
        cell = Cell(**known, parameters=family(values, "parameters"))
        cell_id = cell.id
        return self._by_id.setdefault(cell_id, cell), cell_id, []


def _lacking(values: dict[str, Any], problems: list[str], names: Sequence[str]) -> list[str]:
    return [
        f"{name}: received nothing; accepted: a value in every row"
        for name in names
        if name not in values and not any(text.startswith(f"{name}:") for text in problems)
    ]


def _numbered(
    processes: Sequence[Process], file: str, mistakes: Mistakes
) -> list[tuple[Process, int]]:
    """Return each process with a repeat that no other of its cell on its hardware has."""
    alike: dict[tuple[str, int], list[Process]] = {}
    for process in processes:
        alike.setdefault((process.hardware, id(process.cell)), []).append(process)
    repeats: dict[int, int] = {}
    for group in alike.values():
        labels = {process.repeat for process in group}
        if len(group) > MAX_REPEATS:
            what = f"{len(group):,} processes of one cell on {group[0].hardware}"
            accepted = f"at most {MAX_REPEATS:,}, told apart by repeat and unit"
            mistakes.add(file, group[-1].line, f"received {what}; accepted: {accepted}")
        elif len(labels) == len(group) and min(labels) >= 1 and max(labels) <= MAX_REPEATS:
            repeats.update({id(process): process.repeat for process in group})
        else:
            units = list(dict.fromkeys(process.unit for process in group))
            in_order = sorted(group, key=lambda each: (units.index(each.unit), each.repeat))
            repeats.update({id(each): number for number, each in enumerate(in_order, 1)})
    return [(process, repeats.get(id(process), 1)) for process in processes]


def _planned(processes: Sequence[tuple[Process, int]]) -> tuple[PlannedCell, ...]:
    repeats: dict[int, int] = {}
    cells: dict[int, Cell] = {}
    for process, repeat in processes:
        key = id(process.cell)  # equal cells are one object
        cells.setdefault(key, process.cell)
        repeats[key] = max(repeat, repeats.get(key, 1))
    return tuple(
        PlannedCell(cell=cell, repeats=repeats[key], timeout_seconds=TIMEOUT_SECONDS)
        for key, cell in cells.items()
    )
