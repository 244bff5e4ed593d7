"""Wrap: prose at a width; words, and commands that are copied as they stand, stay whole."""

from __future__ import annotations

import re

from rich.cells import cell_len

# A word may hold a command, or an option with the file that belongs to it.
_WORD = re.compile(r'(?:`[^`]{1,120}`|pip install "[^"]{1,80}"|--[a-z-]+ [@A-Z]\S*|\S)+')


def wrapped(text: str, width: int | None, *, first: str = "", rest: str = "") -> list[str]:
    """Return one line of text as lines of at most `width` characters; None is no limit.

    `first` stands before the first line, `rest` before all others. Words (paths and URLs among
    them) and commands in backticks are longer than a line rather than broken.
    """
    if width is None or cell_len(first) + cell_len(text) <= width:
        return [first + text]
    found: list[str] = []
    line, begun = first, False
    for word in _WORD.findall(text):
        if begun and cell_len(line) + 1 + cell_len(word) > width:
            found.append(line)
            line, begun = rest, False
        line, begun = f"{line}{' ' * begun}{word}", True
    return [*found, line]
