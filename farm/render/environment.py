"""Two environments side by side, as text for a terminal and as values for a program."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len

from farm.readings.comparability import Line
from farm.readings.condition import ON_OFF
from farm.render import escape, units
from jobs.spec import Scalar

_GAP = "  "
_DIFFERS = "≠ "
_SAME = "  "
_NARROWEST = 12  # a column of values, however little room there is
_WIDEST_NAME = 30
_UNITS = {" bytes": units.size, " watts": "{:g} W".format, " mhz": "{:g} MHz".format}


def beside(
    lines: Sequence[Line], names: tuple[str, str], *, everything: bool, width: int | None
) -> str:
    """Return a table of conditions, those that differ marked, without a line feed at the end.

    Unless `everything` is asked for, it holds what differs, and a line below counts the rest.
    `width` is in characters; None sets no limit. Values are broken, never cut.
    """
    shown = [line for line in lines if everything or line.differs]
    texts = [
        (_words(line.what), said(line.what, line.here), said(line.what, line.there))
        for line in shown
    ]
    heads = ("condition", *map(escape.plain, names))
    widths = _widths([heads, *texts], width)
    marks = [_DIFFERS if line.differs else _SAME for line in shown]
    printed: list[str] = []
    if shown:
        printed += _row(_SAME, heads, widths)
        printed.append("─" * (len(_SAME) + sum(widths) + len(_GAP) * (len(widths) - 1)))
    for mark, text in zip(marks, texts, strict=True):
        printed += _row(mark, text, widths)
    if counted := _counted(lines, everything):
        printed += [""] * bool(shown)
        printed += textwrap.wrap(counted, width or 10_000)
    return "\n".join(printed)


def as_values(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Return every condition for `json.dumps`, the values of both sides; None is not known."""
    return [
        {"what": line.what, "values": [line.here, line.there], "differs": line.differs}
        for line in lines
    ]


def said(what: str, value: Scalar | None) -> str:
    """Write one value of a condition: its unit leaves the name and joins the number."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return ON_OFF[value]
    if isinstance(value, str):
        return escape.plain(value) or "(empty)"
    for suffix, text in _UNITS.items():
        if what.endswith(suffix):
            return text(float(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _words(what: str) -> str:
    for suffix in _UNITS:
        what = what.removesuffix(suffix)
    return escape.plain(what)


def _counted(lines: Sequence[Line], everything: bool) -> str:
    differ = sum(line.differs for line in lines)
    unknown = sum(line.here is None or line.there is None for line in lines)
    same = len(lines) - differ - unknown
    parts = [] if differ else ["nothing is known to differ"]
    if differ and everything:
        parts.append(f"{differ:,} {'differs' if differ == 1 else 'differ'} (≠)")
    parts += [f"{same:,} {_are(same)} the same"] if same else []
    parts += [f"{unknown:,} {_are(unknown)} unknown on one side or both"] if unknown else []
    said = ", ".join(parts)
    hidden = not everything and (same or unknown)
    return said[:1].upper() + said[1:] + ("; --all shows them." if hidden else "." if said else "")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _widths(rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Return the widths of the three columns; both columns of values give way alike."""
    wanted = [max(cell_len(row[index]) for row in rows) for index in range(3)]
    if width is None:
        return wanted
    wanted[0] = min(wanted[0], _WIDEST_NAME)
    room = width - len(_SAME) - wanted[0] - 2 * len(_GAP)
    half = max(room // 2, _NARROWEST)
    first = min(wanted[1], max(half, room - wanted[2]))
    return [wanted[0], first, min(wanted[2], max(room - first, _NARROWEST))]


def _row(mark: str, texts: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    columns = [
        textwrap.wrap(text, width, break_on_hyphens=False) or [""]
        for text, width in zip(texts, widths, strict=True)
    ]
    for index in range(max(map(len, columns))):
        parts = [column[index] if index < len(column) else "" for column in columns]
        padded = [
            part + " " * (width - cell_len(part)) for part, width in zip(parts, widths, strict=True)
        ]
        yield (mark if index == 0 else _SAME) + _GAP.join(padded).rstrip()
