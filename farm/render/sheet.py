"""Sheet: a matrix put into words, before any medium's escapes and layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from farm.matrix import CellState, Matrix, MatrixCell, Summary
from farm.render import units
from farm.render.labels import label

_REASON_LENGTH = 1000
_NONE = "–"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One place of the table."""

    text: str  # a number with its unit, or words
    aside: str = ""  # what stands behind a number: ``(4.12 s)``
    note: int | None = None  # the number of its footnote
    words: bool = False  # not a number, so it need not line up with any

    @property
    def shown(self) -> str:
        """The place as one text, without its footnote."""
        return f"{self.text} {self.aside}" if self.aside else self.text


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the table: its label texts, and a field for every column."""

    labels: tuple[str, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All that a rendered matrix says; every text is still as it came, unescaped."""

    title: str
    caption: tuple[str, ...]  # how to read it, and what all rows have in common
    label_headers: tuple[str, ...]
    label_numbers: tuple[bool, ...]  # whether such a column holds numbers only
    columns: tuple[str, ...]  # hardware, the baseline first
    rows: tuple[Line, ...]
    summary: tuple[Line, ...]
    notes: tuple[str, ...]  # footnote n is notes[n - 1]
    remarks: tuple[str, ...]  # further lines below


def sheet(matrix: Matrix, title: str) -> Sheet:
    """Put the matrix into words."""
    labels = label([row.cell for row in matrix.rows])
    notes: dict[str, int] = {}
    rows = tuple(
        Line(
            labels=texts,
            fields=tuple(
                _field(row.cells[name], name == matrix.baseline, notes) for name in matrix.hardware
            ),
        )
        for row, texts in zip(matrix.rows, labels.rows, strict=True)
    )
    return Sheet(
        title=title,
        caption=_caption(matrix, labels.constants),
        label_headers=labels.headers,
        label_numbers=tuple(
            all(map(_is_number, texts)) for texts in zip(*labels.rows, strict=True)
        ),
        columns=matrix.hardware,
        rows=rows,
        summary=_summary(matrix, len(labels.headers)),
        notes=tuple(notes),
        remarks=labels.by_workload,
    )


def _field(cell: MatrixCell, is_baseline: bool, notes: dict[str, int]) -> Field:
    note = None
    if cell.reason:
        note = notes.setdefault(_shorten(cell.reason), len(notes) + 1)
    if cell.status is not CellState.SUCCEEDED or cell.seconds is None:
        return Field(text=cell.status.words, note=note, words=True)
    seconds = units.seconds(cell.seconds)
    if cell.speedup is None:
        return Field(text=seconds, note=note, words=True)
    aside = f"({seconds})" if is_baseline else ""
    return Field(text=units.ratio(cell.speedup), aside=aside, note=note)


def _shorten(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= _REASON_LENGTH else line[: _REASON_LENGTH - 1].rstrip() + "…"


def _summary(matrix: Matrix, label_columns: int) -> tuple[Line, ...]:
    said: tuple[tuple[str, Callable[[Summary], str]], ...] = (
        ("minimum", lambda summary: _ratio(summary.minimum)),
        ("geometric mean", lambda summary: _ratio(summary.geomean)),
        ("maximum", lambda summary: _ratio(summary.maximum)),
        ("cells", lambda summary: f"{summary.cells:,} of {summary.of:,}"),
    )
    blank = ("",) * (label_columns - 1)
    return tuple(
        Line(
            labels=(name, *blank),
            fields=tuple(Field(text=text(matrix.summary[column])) for column in matrix.hardware),
        )
        for name, text in said
    )


def _ratio(value: float | None) -> str:
    return _NONE if value is None else units.ratio(value)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _caption(matrix: Matrix, constants: Sequence[str]) -> tuple[str, ...]:
    base = matrix.baseline
    lines = [f"speed-up = time of {base} ÷ time; above 1 is faster."]
    if matrix.baseline_chosen:
        lines.append(f"No baseline was named, so it is {base}; --baseline NAME takes another.")
    lines.append(", ".join(constants) + ".")
    if standing := _standing(matrix):
        lines.append(standing)
    return tuple(lines)


def _standing(matrix: Matrix) -> str | None:
    """Say how many processes stand behind a number."""
    behind = [
        cell.repeats
        for row in matrix.rows
        for cell in row.cells.values()
        if cell.seconds is not None
    ]
    if not behind:
        return None
    if max(behind) == 1:
        return "Times are per epoch, from 1 process each: how far they would vary is unknown."
    counted = units.span(min(behind), max(behind))
    return f"Times are per epoch: the geometric mean of the medians of {counted} processes."
