"""Rows that stand for several: the groups of a matrix, and the summary below its table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from farm.matrix.matrix import Group, Matrix, Row, group_name
from farm.render import units
from farm.render.field import Field, Line, Notes, of_mean, ratio, value_text
from farm.render.values import Column, column, items

Kinds: TypeAlias = Mapping[str, tuple[int, ...]]  # by hardware


def group_lines(matrix: Matrix, kinds: Kinds, notes: Notes) -> tuple[Line, ...]:
    """Return one line a group: its name, its rows, and the geometric mean of every hardware.

    Behind a mean over fewer cells than the group has rows stands how many there are. `kinds` are
    the footnotes on how a hardware's values came about: where there are several, they are mixed.
    """
    rows: dict[str, list[Row]] = {}
    for row in matrix.rows:
        rows.setdefault(group_name(row, matrix.by or "workload"), []).append(row)
    alone = len(items(matrix)) < 2

    def place(group: Group, name: str) -> Field:
        if matrix.metric == "speedup":
            summary = group.summary[name]
            return of_mean(summary, name == matrix.baseline, _fewer(summary.cells, summary.of))
        own = rows[group.name]
        found = column(own, name, matrix.baseline, matrix.metric)
        return Field(
            text=value_text(found.geomean, matrix.metric, found.item, alone=alone),
            aside=_fewer(found.cells, len(own)),
            notes=(*_mixed(kinds[name]), *notes.number([_fewer_words(matrix, found, name)])),
        )

    return tuple(
        Line(
            labels=(group.name, f"{len(rows[group.name]):,}"),
            fields=tuple(place(group, name) for name in matrix.hardware),
        )
        for group in matrix.groups
    )


def summary_lines(
    matrix: Matrix, label_columns: int, kinds: Kinds, notes: Notes
) -> tuple[Line, ...]:
    """Return minimum, geometric mean and maximum of every hardware, and what they stand on."""
    fields = [_summary(matrix, name, _mixed(kinds[name]), notes) for name in matrix.hardware]
    names = ["minimum", "geometric mean", "maximum", "cells"]
    if any(each.invalid for each in matrix.summary.values()):
        names.append("invalid")
    blank = ("",) * (label_columns - 1)
    return tuple(
        Line(labels=(name, *blank), fields=tuple(of[index] for of in fields))
        for index, name in enumerate(names)
    )


def _summary(matrix: Matrix, name: str, kinds: tuple[int, ...], notes: Notes) -> tuple[Field, ...]:
    summary = matrix.summary[name]
    invalid = Field(text=f"{summary.invalid:,}")
    if matrix.metric == "speedup":
        return (
            Field(text=ratio(summary.minimum)),
            of_mean(summary, name == matrix.baseline),
            Field(text=ratio(summary.maximum)),
            _cells(summary.cells, summary.of),
            invalid,
        )
    found = column(matrix.rows, name, matrix.baseline, matrix.metric)
    fewer = notes.number([_fewer_words(matrix, found, name)])
    alone = len(items(matrix)) < 2

    def text(number: float | None) -> str:
        return value_text(number, matrix.metric, found.item, alone=alone)

    return (
        Field(text=text(found.minimum), notes=kinds),
        Field(text=text(found.geomean), notes=(*kinds, *fewer)),
        Field(text=text(found.maximum), notes=kinds),
        _cells(found.cells, len(matrix.rows)),
        invalid,
    )


def _fewer_words(matrix: Matrix, found: Column, name: str) -> str | None:
    """Say what the baseline comes to over the cells that a column has of its own."""
    if found.cells in (0, found.baseline_cells) or found.baseline is None:
        return None
    alone = len(items(matrix)) < 2
    base = value_text(found.baseline, matrix.metric, found.item, alone=alone)
    over = f"over the {units.count(found.cells, 'cell')} that {name} shares with {matrix.baseline}"
    return f"{over}, whose own mean there is {base}"


def _cells(cells: int, of: int) -> Field:
    return Field(text=f"{cells:,} of {of:,}")


def _mixed(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the footnotes where there are several; one alone stands at the column's head."""
    return numbers if len(numbers) > 1 else ()


def _fewer(cells: int, of: int) -> str:
    return "" if cells == of else f"({cells:,})"
