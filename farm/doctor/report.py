"""Report: the checks as lines for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from farm.doctor.check import Check
from farm.render import units
from farm.render.escape import plain

_INDENT = " " * 8
_COMMAND = re.compile(r"`[^`]{1,60}`")
_GLUE = "\0"  # no text holds it: it is not printable


def lines(checks: Sequence[Check], width: int | None) -> list[str]:
    """Return a line for each check, what to do under those that failed, and the sum of it all.

    At most `width` characters wide, None is no limit. Whatever steers a terminal is made visible.
    """
    shown = []
    for each in checks:
        mark = "ok" if each.ok else "NOT OK"
        shown += _wrapped(f"{mark:<7} {each.check}: {each.detail}", width, _INDENT)
        if not each.ok:
            shown += _wrapped(f"{_INDENT}→ {each.remedy}", width, f"{_INDENT}  ")
    wrong = sum(not each.ok for each in checks)
    counted = units.count(len(checks), "check")
    return [*shown, "", f"{counted}: {wrong} not ok" if wrong else f"{counted}: all ok"]


def _wrapped(text: str, width: int | None, indent: str) -> list[str]:
    head = text[: len(text) - len(text.lstrip())]
    mark = re.match(r"(?:ok|NOT OK) +", text)
    head = mark[0] if mark else head
    line = plain(text[len(head) :])
    if width is None:
        return [head + line]
    # A command stays on one line, to be copied.
    whole = _COMMAND.sub(lambda found: found[0].replace(" ", _GLUE), line)
    wrapped = textwrap.wrap(
        whole,
        max(width, 40),
        initial_indent=head,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [part.replace(_GLUE, " ") for part in wrapped]
