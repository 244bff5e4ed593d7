"""Field: one place of the table, put into words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from farm.matrix.matrix import CellState, MatrixCell, Summary
from farm.render import interval, units, values

NONE = "–"
OUT_OF_RANGE = "out of range"  # a ratio that no floating-point number holds
UNRESOLVED, WITHIN_RUN, NOISY = "?", "*", "!"
_REASON_LENGTH = 1000


@dataclass(frozen=True, kw_only=True)
class Field:
    """One place of the table."""

    text: str  # a number with its unit, or words
    flags: str = ""  # marks right behind the number, each explained in the legend
    ends: tuple[str, str] | None = None  # of the interval around the number
    aside: str = ""  # what stands behind a number: ``(4.12 s)``
    batch: str = ""  # the batch size that it is of, where the row does not say it: ``at 4,096``
    notes: tuple[int, ...] = ()  # the numbers of its footnotes
    struck: bool = False  # the number does not count
    words: bool = False  # not a number, so it need not line up with any

    @property
    def range(self) -> str:
        """The interval as one text; empty without one."""
        return "–".join(self.ends) if self.ends else ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the table: its label texts, and a field for every column."""

    labels: tuple[str, ...]
    fields: tuple[Field, ...]


class Notes:
    """Footnotes: equal texts share a number, counted from 1 as they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, texts: Iterable[str | None]) -> tuple[int, ...]:
        """Return the numbers of these texts; None is no text."""
        said = [_shorten(text) for text in texts if text]
        return tuple(self._numbers.setdefault(text, len(self._numbers) + 1) for text in said)

    @property
    def texts(self) -> tuple[str, ...]:
        """Footnote n is the n-th, less one."""
        return tuple(self._numbers)


def of_speedup(cell: MatrixCell, is_baseline: bool, notes: tuple[int, ...]) -> Field:
    """Return the place of a cell: its speed-up, or in words why it has none."""
    if cell.status not in (CellState.SUCCEEDED, CellState.INVALID) or cell.seconds is None:
        return Field(text=cell.status.words, notes=notes, words=True)
    seconds = units.seconds(cell.seconds)
    if cell.status is CellState.INVALID:
        text = seconds if cell.speedup is None else ratio(cell.speedup)
        return Field(text=text, notes=notes, struck=True, words=True)
    if cell.speedup is None or not _is_ratio(cell.speedup):
        text = seconds if cell.speedup is None else OUT_OF_RANGE
        return Field(text=text, flags=_noisy(cell), notes=notes, words=True)
    if is_baseline:
        return Field(
            text=units.ratio(cell.speedup), flags=_noisy(cell), aside=f"({seconds})", notes=notes
        )
    flags = _interval_flags(cell.low, cell.high, cell.within_run) + _noisy(cell)
    return Field(
        text=units.ratio(cell.speedup), flags=flags, ends=_ends(cell.low, cell.high), notes=notes
    )


def of_value(cell: MatrixCell, metric: str, notes: tuple[int, ...], *, alone: bool = True) -> Field:
    """Return the place of a cell: its value of a metric, or in words why it has none.

    `alone` as `value_text` takes it.
    """
    if cell.status not in (CellState.SUCCEEDED, CellState.INVALID):
        return Field(text=cell.status.words, notes=notes, words=True)
    invalid = cell.status is CellState.INVALID
    return Field(
        text=value_text(cell.value, metric, cell.item, alone=alone),
        flags="" if invalid else _noisy(cell),
        notes=notes,
        struck=invalid,
        words=invalid,
    )


def of_mean(summary: Summary, is_baseline: bool, aside: str = "") -> Field:
    """Return a geometric mean of speed-ups with its interval."""
    text = ratio(summary.geomean)
    if is_baseline or summary.geomean is None or not _is_ratio(summary.geomean):
        return Field(text=text, aside=aside)
    return Field(
        text=text,
        flags=_interval_flags(summary.low, summary.high, summary.within_run),
        ends=_ends(summary.low, summary.high),
        aside=aside,
    )


def ratio(value: float | None) -> str:
    """Write a speed-up, a dash for none, or in words that it is no number."""
    if value is None:
        return NONE
    return units.ratio(value) if _is_ratio(value) else OUT_OF_RANGE


def value_text(
    value: float | None, metric: str, item: str | None = None, *, alone: bool = True
) -> str:
    """Write a value of a metric with its unit, or a dash.

    `item` is what a throughput counts; `alone` says that nothing else is counted in the matrix.
    """
    return values.text(value, metric, item, alone=alone) or NONE


def _is_ratio(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _ends(low: float | None, high: float | None) -> tuple[str, str] | None:
    return None if low is None or high is None else interval.ends(low, high)


def _interval_flags(low: float | None, high: float | None, within_run: bool) -> str:
    if low is None or high is None:
        return ""
    return (UNRESOLVED if low <= 1 <= high else "") + (WITHIN_RUN if within_run else "")


def _noisy(cell: MatrixCell) -> str:
    return NOISY if cell.noise else ""


def _shorten(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= _REASON_LENGTH else line[: _REASON_LENGTH - 1].rstrip() + "…"
