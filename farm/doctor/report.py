"""Report: the checks as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from farm.doctor.check import Check
from farm.render import units
from farm.render.escape import plain
from farm.render.wrap import wrapped

_INDENT = " " * 8
_LEAST = 40  # characters; a narrower terminal breaks the lines itself


def lines(checks: Sequence[Check], width: int | None) -> list[str]:
    """Return a line for each check, what to do under those that failed, and the sum of it all.

    At most `width` characters wide, None is no limit. Whatever steers a terminal is made visible.
    """
    room = None if width is None else max(width, _LEAST)
    shown = []
    for each in checks:
        said = plain(f"{each.check}: {each.detail}")
        shown += wrapped(said, room, first=f"{_mark(each):<8}", rest=_INDENT)
        if not each.ok:
            shown += wrapped(plain(each.remedy), room, first=f"{_INDENT}→ ", rest=f"{_INDENT}  ")
    return [*shown, "", _sum(checks)]


def _mark(check: Check) -> str:
    if not check.ok:
        return "NOT OK"
    return "ok" if check.looked else "-"


def _sum(checks: Sequence[Check]) -> str:
    """Say how many are ok, how many are not, and how many nobody could look at."""
    wrong = sum(not each.ok for each in checks)
    unknown = sum(not each.looked for each in checks)
    counted = units.count(len(checks), "check")
    if not wrong and not unknown:
        return f"{counted}: all ok"
    numbers = ((len(checks) - wrong - unknown, "ok"), (wrong, "not ok"), (unknown, "not checked"))
    return f"{counted}: {', '.join(f'{number} {what}' for number, what in numbers if number)}"
