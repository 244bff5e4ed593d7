"""A matrix as plain text for a terminal, in as many blocks of columns as its width asks for.

The layout is its own, not tabulate's: numbers line up although some carry a footnote, and the
widths must be known before the columns are shared out among the blocks.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from farm.render import escape
from farm.render.field import Field
from farm.render.sheet import Sheet

_GAP = "  "
_NAME_WIDTH = 12  # a longer name is broken at its hyphens
_COMMAND = re.compile(r"`farm [^`]{1,60}`")
_GLUE = "\0"  # no text holds it: it is not printable
_HIDDEN = "95 % intervals are left out for want of room; --ci shows them."


@dataclass(frozen=True, kw_only=True)
class _Column:
    """Texts that are all `width` wide."""

    width: int
    header: tuple[str, ...]
    body: tuple[str, ...]  # rows and summary


def table(sheet: Sheet, width: int | None, ci: bool | None = None) -> str:
    """Return the sheet as text, at most `width` wide where its columns allow; None is no limit.

    `ci` says whether intervals are shown; None shows them where they cost no further block.
    """
    blocks = _shared_out(sheet, width)
    legend = sheet.legend
    if sheet.has_intervals and not ci:
        without = sheet.without_intervals()
        bare = _shared_out(without, width)
        if ci is False or _cost(blocks, width) > _cost(bare, width):
            blocks, legend = bare, (*without.legend, *([_HIDDEN] if ci is None else []))
    lines = list(_prose(sheet.title, width))
    for line in sheet.caption:
        lines += _prose(line, width)
    for block in blocks:
        lines += ["", *_grid(block, len(sheet.rows))]
    if legend or sheet.notes or sheet.remarks:
        lines.append("")
    for line in legend:
        lines += _prose(line, width)
    for number, note in enumerate(sheet.notes, 1):
        lines += _prose(note, width, mark=f"{_mark((number,))} ")
    for remark in sheet.remarks:
        lines += _prose(remark, width)
    if sheet.warnings:
        lines.append("")
    for warning in sheet.warnings:
        lines += _prose(warning, width, mark="- ")
    return "\n".join(lines)


def _shared_out(sheet: Sheet, width: int | None) -> list[list[_Column]]:
    labels = [_label_column(sheet, index) for index in range(len(sheet.label_headers))]
    columns = [_hardware_column(sheet, index) for index in range(len(sheet.columns))]
    return [[*labels, *block] for block in _blocks(labels, columns, width)]


def _cost(blocks: Sequence[Sequence[_Column]], width: int | None) -> tuple[int, int]:
    """Return how many blocks there are, and how far the widest goes beyond the width."""
    if width is None:
        return len(blocks), 0
    widest = max(map(_width, blocks))
    return len(blocks), max(widest - width, 0)


def _width(columns: Sequence[_Column]) -> int:
    return sum(column.width for column in columns) + len(_GAP) * (len(columns) - 1)


def _mark(numbers: Iterable[int]) -> str:
    said = ",".join(map(str, numbers))
    return f"[{said}]" if said else ""


def _prose(text: str, width: int | None, mark: str = "") -> list[str]:
    line = mark + escape.plain(text)
    if width is None:
        return [line]
    # A command stays on one line, to be copied.
    whole = _COMMAND.sub(lambda found: found[0].replace(" ", _GLUE), line)
    indent = " " * len(mark)
    wrapped = textwrap.wrap(whole, max(width, 20), subsequent_indent=indent, break_on_hyphens=False)
    return [part.replace(_GLUE, " ") for part in wrapped]


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
    marks = [f" {_mark(field.notes)}" if field.notes else "" for field in fields]
    mark_width = max(map(len, marks))
    header = textwrap.wrap(escape.plain(sheet.columns[index]), _NAME_WIDTH) or [""]
    if numbers := sheet.column_notes[index]:
        header[-1] += f" {_mark(numbers)}"
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
    """Return the texts of a column: numbers with their points in one line, words flush right.

    The dashes of intervals are in one line as well.
    """
    numbers = [field for field in fields if not field.words]
    after = max((_after_point(field.text) for field in numbers), default=0)
    texts = [
        field.text + " " * (after - _after_point(field.text) if field.text.endswith("×") else 0)
        for field in numbers
    ]
    parts = [
        _padded(texts, _right),
        _padded([field.flags for field in numbers], _left),
        _padded(_ranges(numbers), _left, " "),
        _padded([field.aside for field in numbers], _right, " "),
        _padded([field.batch for field in numbers], _left, " "),
    ]
    lines = map("".join, zip(*parts, strict=True))
    return [_in_words(field) if field.words else next(lines) for field in fields]


def _ranges(fields: Sequence[Field]) -> list[str]:
    lows = _padded([field.ends[0] if field.ends else "" for field in fields], _right)
    return [
        f"{low}–{field.ends[1]}" if field.ends else ""
        for field, low in zip(fields, lows, strict=True)
    ]


def _padded(texts: Sequence[str], pad: Callable[[str, int], str], before: str = "") -> list[str]:
    """Return texts of one width; all empty when there is nothing but empty ones."""
    width = max(map(cell_len, texts), default=0)
    return [before + pad(text, width) if width else "" for text in texts]


def _in_words(field: Field) -> str:
    text = (f"({field.text}) invalid" if field.struck else field.text) + field.flags
    return f"{text} {field.batch}" if field.batch else text


def _after_point(text: str) -> int:
    return len(text.partition(".")[2])


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
    rule = "─" * _width(columns)
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
