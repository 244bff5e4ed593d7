"""Section: a title and labelled texts under it, wrapped to a width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len

from farm.render.escape import lines as lines_of
from farm.render.escape import plain

Pair: TypeAlias = tuple[str, str]  # a label and its text; without a label it goes on

_INDENT = "  "
_LONGEST_LABEL = 34


@dataclass(frozen=True)
class Section:
    """A part of a report; one without content is not printed."""

    title: str  # empty for the first
    pairs: Sequence[Pair] = ()
    block: str = ""  # a text whose lines are kept


def render(sections: Iterable[Section], width: int) -> list[str]:
    """Return the sections as lines, at most `width` wide; a block's lines are as long as they are.

    Whatever steers a terminal is made visible.
    """
    lines: list[str] = []
    for section in sections:
        if not section.pairs and not section.block.strip():
            continue
        if section.title:
            lines += ["", section.title]
        indent = _INDENT if section.title else ""
        lines += _pairs(section.pairs, indent, width)
        lines += [f"{indent}{line}".rstrip() for line in lines_of(section.block)]
    return lines


def _pairs(pairs: Sequence[Pair], indent: str, width: int) -> list[str]:
    shown = [(plain(label), plain(text)) for label, text in pairs]
    column = min(max((cell_len(label) for label, _ in shown), default=0), _LONGEST_LABEL)
    lines = []
    for label, text in shown:
        head = f"{indent}{label}{' ' * (column - cell_len(label))}{_INDENT}"
        after = " " * (len(indent) + column + len(_INDENT))
        room = max(width - len(after), 20)
        first, *rest = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
        if cell_len(label) > column:  # a long label has a line of its own
            lines += [f"{indent}{label}", *(after + line for line in (first, *rest))]
        else:
            lines += [(head + first).rstrip(), *(after + line for line in rest)]
    return lines
