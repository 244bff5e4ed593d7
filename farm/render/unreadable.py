"""Results that could not be read, as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from farm.render.escape import plain
from farm.render.section import Section, render
from farm.render.units import count, size
from farm.store.unreadable import Unreadable

SHOWN_CHARACTERS = 2_000
NAMED = 5


def summary(unread: Sequence[Unreadable]) -> list[str]:
    """Return what a reader of the run's progress should know; nothing where all could be read."""
    if not unread:
        return []
    jobs = list(dict.fromkeys(each.job for each in unread if each.job))
    said = f"{count(len(unread), 'result')} could not be read, and are kept as they came"
    if len(unread) == 1:
        said = "1 result could not be read, and is kept as it came"
    lines = [said]
    if jobs:
        named = ", ".join(f"`farm show {job}`" for job in jobs[:NAMED])
        lines[0] += f": {named}{', …' if len(jobs) > NAMED else ''}"
    foreign = [each for each in unread if each.job is None]
    if foreign:
        lines.append(f"{len(foreign):,} of them for no job of this run: {plain(foreign[0].reason)}")
    return lines


def lines(each: Unreadable, width: int = 80) -> list[str]:
    """Return one as it came, made safe for a terminal; of a long one the beginning."""
    shown = each.text[:SHOWN_CHARACTERS]
    what = f"What came, {size(each.size)}"
    if len(shown) < len(each.text) or each.size > len(each.text.encode()):
        what += f", the first {len(shown):,} characters"
    return render([Section(what, block=shown)], width)
