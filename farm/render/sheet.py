"""Sheet: a matrix put into words, before any medium's escapes and layout."""

from __future__ import annotations

from dataclasses import dataclass, replace

from farm.matrix.matrix import CellState, Matrix, MatrixCell, Row
from farm.matrix.warnings import warnings
from farm.render import values
from farm.render.caption import HEADERS, caption, legend
from farm.render.differing import Differing, differing
from farm.render.field import Field, Line, Notes, of_speedup, of_value
from farm.render.groups import group_lines, summary_lines
from farm.render.labels import Labels, label
from farm.render.ways import limited, mixed_rows, way
from jobs.spec import LARGEST

_RANGES = "Behind a speed-up stands its 95 % interval."


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All that a rendered matrix says; every text is still as it came, unescaped."""

    title: str
    caption: tuple[str, ...]  # how to read it, and what all rows have in common
    label_headers: tuple[str, ...]
    label_numbers: tuple[bool, ...]  # whether such a column holds numbers only
    columns: tuple[str, ...]  # hardware, the baseline first
    column_notes: tuple[tuple[int, ...], ...]  # the numbers of their footnotes
    rows: tuple[Line, ...]
    summary: tuple[Line, ...]
    marks: tuple[str, ...]  # what the marks mean
    notes: tuple[str, ...]  # footnote n is notes[n - 1]
    remarks: tuple[str, ...]  # further lines below
    warnings: tuple[str, ...]  # each ends with what to do

    @property
    def has_intervals(self) -> bool:
        """Whether any number has an interval to show."""
        return any(field.ends for line in (*self.rows, *self.summary) for field in line.fields)

    @property
    def legend(self) -> tuple[str, ...]:
        """What the numbers' company means, one line each."""
        return (_RANGES, *self.marks) if self.has_intervals else self.marks

    def without_intervals(self) -> Sheet:
        """Return the same without intervals; the marks that rest on them stay."""
        return replace(self, rows=_bare(self.rows), summary=_bare(self.summary))


def sheet(matrix: Matrix, title: str, run: str | None = None) -> Sheet:
    """Put the matrix into words; `run` as `farm.matrix.warnings.warnings` takes it."""
    cells, of_any = [row.cell for row in matrix.rows], mixed_rows(matrix)
    labels = label(cells, batches=not matrix.best_batch, mixed=of_any)
    found = differing(matrix)
    notes = Notes()
    kinds = _kinds(matrix, notes)
    if matrix.by is None:
        headers, rows = labels.headers, _lines(matrix, labels, found, notes)
    else:
        headers, rows = (HEADERS[matrix.by], "cells"), group_lines(matrix, kinds, notes)
    summary = summary_lines(matrix, len(headers), kinds, notes)
    return Sheet(
        title=title,
        caption=caption(matrix, labels),
        label_headers=headers,
        label_numbers=tuple(
            index > 0 and any(texts) and all(map(_is_number, texts))  # the first names sums, too
            for index, texts in enumerate(zip(*(line.labels for line in rows), strict=True))
        ),
        columns=matrix.hardware,
        column_notes=tuple(_alone(kinds[name]) for name in matrix.hardware),
        rows=rows,
        summary=summary,
        marks=legend((*rows, *summary)),
        notes=notes.texts,
        remarks=(*labels.by_workload, *found.remarks),
        warnings=tuple(warnings(matrix, run)),
    )


def _kinds(matrix: Matrix, notes: Notes) -> dict[str, tuple[int, ...]]:
    """Return the footnotes that say how each hardware's values came about; none where all alike."""
    if len(values.marks(matrix)) < 2:
        return dict.fromkeys(matrix.hardware, ())
    return {
        name: notes.number(
            values.mark_words(matrix.metric, mark) for mark in values.marks(matrix, name)
        )
        for name in matrix.hardware
    }


def _alone(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return a column's footnote where it holds for all of it: then its head bears it."""
    return numbers if len(numbers) == 1 else ()


def _lines(matrix: Matrix, labels: Labels, found: Differing, notes: Notes) -> tuple[Line, ...]:
    mixed = {name for name in matrix.hardware if len(values.marks(matrix, name)) > 1}
    told = any(
        row.cells[name].low is not None
        for row in matrix.rows
        for name in matrix.hardware
        if name != matrix.baseline
    )

    alone = len(values.items(matrix)) < 2

    def place(name: str, row: int) -> Field:
        cell = matrix.rows[row].cells[name]
        own = [cell.invalid, cell.reason, found.of_cell(cell, name), limited(cell)]
        stands = way(matrix, matrix.rows[row], cell)
        if matrix.metric == "speedup":
            if told and name != matrix.baseline:
                own.append(_no_interval(matrix.rows[row], name, matrix.baseline))
            speedup = of_speedup(cell, name == matrix.baseline, notes.number(own))
            return replace(speedup, batch=stands)
        if name in mixed and cell.mark and cell.value is not None:
            own.insert(0, values.mark_words(matrix.metric, cell.mark))
        value = of_value(cell, matrix.metric, notes.number(own), alone=alone)
        return value if cell.value is None else replace(value, batch=stands)

    return tuple(
        Line(labels=texts, fields=tuple(place(name, index) for name in matrix.hardware))
        for index, texts in enumerate(labels.rows)
    )


def _no_interval(row: Row, name: str, baseline: str) -> str | None:
    """Say why a speed-up has no interval, where others have one."""
    cell, base = row.cells[name], row.cells[baseline]
    if cell.status is not CellState.SUCCEEDED or cell.speedup is None or cell.low is not None:
        return None
    where = "" if _is_one_lap(cell) else f" on {baseline}" if _is_one_lap(base) else None
    return None if where is None else f"no interval: one lap of one process{where}"


def _is_one_lap(cell: MatrixCell) -> bool:
    return len(cell.readings) == 1 and cell.readings[0].laps == 1


def _bare(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    return tuple(
        replace(line, fields=tuple(replace(field, ends=None) for field in line.fields))
        for line in lines
    )


def _is_number(text: str) -> bool:
    return text in ("", LARGEST) or text.replace(".", "", 1).isdigit()
