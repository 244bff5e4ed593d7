"""A matrix as plain text for a terminal, in as many blocks of columns as its width asks for.

The layout is its own, not tabulate's: numbers line up although some carry a footnote, and the
widths must be known before the columns are shared out among the blocks.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from farm.render import escape
from farm.render.sheet import Field, Sheet

_GAP = "  "
_NAME_WIDTH = 12  # a longer name is broken at its hyphens


@dataclass(frozen=True, kw_only=True)
class _Column:
    """Texts that are all `width` wide."""

    width: int
    header: tuple[str, ...]
    body: tuple[str, ...]  # rows and summary


def table(sheet: Sheet, width: int | None) -> str:
    """Return the sheet as text, at most `width` wide where its columns allow; None is no limit."""
    labels = [_label_column(sheet, index) for index in range(len(sheet.label_headers))]
    columns = [_hardware_column(sheet, index) for index in range(len(sheet.columns))]
    lines = list(_prose(sheet.title, width))
    for line in sheet.caption:
        lines += _prose(line, width)
    for block in _blocks(labels, columns, width):
        lines += ["", *_grid([*labels, *block], len(sheet.rows))]
    if sheet.notes or sheet.remarks:
        lines.append("")
    for number, note in enumerate(sheet.notes, 1):
        lines += _prose(note, width, mark=f"{_mark(number)} ")
    for remark in sheet.remarks:
        lines += _prose(remark, width)
    return "\n".join(lines)


def _mark(number: int) -> str:
    return f"[{number}]"


def _prose(text: str, width: int | None, mark: str = "") -> list[str]:
    line = mark + escape.plain(text)
    if width is None:
        return [line]
    indent = " " * len(mark)
    return textwrap.wrap(line, max(width, 20), subsequent_indent=indent, break_on_hyphens=False)


def _label_column(sheet: Sheet, index: int) -> _Column:
    texts = [escape.plain(line.labels[index]) for line in (*sheet.rows, *sheet.summary)]
    header = escape.plain(sheet.label_headers[index])
    width = max(map(cell_len, (header, *texts)))
    pad = _right if sheet.label_numbers[index] else _left
    return _Column(
        width=width,
        header=(pad(header, width),),
        body=tuple(pad(text, width) for text in texts),
    )


def _hardware_column(sheet: Sheet, index: int) -> _Column:
    fields = [line.fields[index] for line in (*sheet.rows, *sheet.summary)]
    shown = _aligned(fields)
    marks = [f" {_mark(field.note)}" if field.note else "" for field in fields]
    mark_width = max(map(len, marks))
    header = textwrap.wrap(escape.plain(sheet.columns[index]), _NAME_WIDTH) or [""]
    width = max(max(map(cell_len, shown)) + mark_width, *map(cell_len, header))
    return _Column(
        width=width,
        header=tuple(_right(line, width) for line in header),
        body=tuple(
            _right(text + _left(mark, mark_width), width)
            for text, mark in zip(shown, marks, strict=True)
        ),
    )


def _aligned(fields: Sequence[Field]) -> list[str]:
    """Return the texts of a column: numbers with their points in one line, words flush right."""
    numbers = [field for field in fields if not field.words]
    after = max((_after_point(field.text) for field in numbers), default=0)
    texts = [
        field.text + " " * (after - _after_point(field.text) if field.text.endswith("×") else 0)
        for field in numbers
    ]
    width = max(map(cell_len, texts), default=0)
    aside_width = max((cell_len(field.aside) for field in numbers), default=0)
    padded = iter(texts)
    return [
        field.text
        if field.words
        else _number(_right(next(padded), width), field.aside, aside_width)
        for field in fields
    ]


def _after_point(text: str) -> int:
    return len(text.partition(".")[2])


def _number(text: str, aside: str, aside_width: int) -> str:
    return f"{text} {_right(aside, aside_width)}" if aside_width else text


def _blocks(
    labels: Sequence[_Column], columns: Iterable[_Column], width: int | None
) -> Iterator[list[_Column]]:
    """Share the columns out among blocks, each with the labels before it."""
    taken = sum(column.width for column in labels) + len(_GAP) * (len(labels) - 1)
    block: list[_Column] = []
    used = taken
    for column in columns:
        needs = len(_GAP) + column.width
        if block and width is not None and used + needs > width:
            yield block
            block, used = [], taken
        block.append(column)
        used += needs
    yield block


def _grid(columns: Sequence[_Column], rows: int) -> Iterator[str]:
    height = max(len(column.header) for column in columns)
    # A name of one line stands on the rule, beside the last line of the others.
    headers = [
        (" " * column.width,) * (height - len(column.header)) + column.header for column in columns
    ]
    rule = "─" * (sum(column.width for column in columns) + len(_GAP) * (len(columns) - 1))
    yield from _lines(headers)
    yield rule
    yield from _lines(column.body[:rows] for column in columns)
    yield rule
    yield from _lines(column.body[rows:] for column in columns)


def _lines(columns: Iterable[Sequence[str]]) -> Iterator[str]:
    for parts in zip(*columns, strict=True):
        yield _GAP.join(parts).rstrip()


def _left(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text
