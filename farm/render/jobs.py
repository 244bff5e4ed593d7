"""The jobs of a run, as a table to pick one from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from rich.cells import cell_len

from farm.render.escape import plain
from farm.render.labels import label
from farm.run import Run
from farm.store.store import JobRow
from jobs.spec import JobSpec

_GAP = "  "
_NARROWEST = 4


def table(
    run: Run,
    rows: Sequence[JobRow],
    specs: Mapping[str, JobSpec],
    width: int | None = None,
) -> list[str]:
    """Return what all jobs have in common, a header, and a line a job: its id, state, and the rest.

    The rest is what differs between the jobs: hardware, work, and repeat. They are
    in the order of hardware, the run's cells, and repeats; a job that the run's manifest does not
    explain comes last, with its id, hardware and state alone. `width` is in characters; None sets
    no limit. Texts are broken, never cut; an id stays whole.
    """
    known = [row for row in rows if row.id in specs]
    words = label([specs[row.id].cell for row in known])
    by_id = dict(zip((row.id for row in known), words.rows, strict=True))
    rank = {id(planned.cell): at for at, planned in enumerate(run.cells)}  # which the specs share

    def order(row: JobRow) -> tuple[bool, str, int, int]:
        spec = specs.get(row.id)
        if spec is None:
            return True, row.hardware, 0, 0
        return False, row.hardware, rank.get(id(spec.cell), len(rank)), spec.repeat

    headers = ("job", "hardware", *words.headers, "repeat", "state")
    lines = []
    for row in sorted(rows, key=order):
        work = by_id.get(row.id, ("?",) * len(words.headers))
        repeat = str(specs[row.id].repeat) if row.id in specs else "?"
        lines.append((row.id, row.hardware, *work, repeat, row.state.replace("_", " ")))
    texts = [[plain(text) for text in line] for line in lines]
    kept = [at for at, own in enumerate(zip(*texts, strict=True)) if _tells(headers[at], own)]
    alike = [f"{headers[at]} {texts[0][at]}" for at in range(len(headers)) if at not in kept]
    said = [", ".join([*alike, *(plain(each) for each in words.constants)])]
    if words.exceptions:
        said[0] += ", unless a line below says otherwise"
        said += map(plain, words.by_workload)
    shown = [[each[at] for at in kept] for each in ([*headers], *texts)]
    gap = _GAP
    if width is not None and sum(_widest(shown)) + (len(kept) - 1) * len(_GAP) > width:
        gap = " "  # rather than two lines a job
    widths = _widths(shown, None if width is None else width - (len(kept) - 1) * len(gap))
    room = None if width is None else max(width, 20)
    above = [each.rstrip() for line in said if line for each in _wrapped(line, room)]
    return [*above, *(printed for line in shown for printed in _lines(line, widths, gap))]


def _wrapped(line: str, room: int | None) -> list[str]:
    return [line] if room is None else _broken(line, room)


def _tells(header: str, texts: Sequence[str]) -> bool:
    """Return whether a column is shown: a job and its state always, what is alike only if one."""
    return header in ("job", "state") or len(set(texts)) > 1


def _widths(texts: Sequence[Sequence[str]], room: int | None) -> list[int]:
    """Return the width of each column; the widest but the first give way until all fit.

    First as far as no word is broken, then the words too; but never a state's, in the last column.
    """
    widths = _widest(texts)
    whole = [
        max(cell_len(piece.rstrip()) for text in own for piece in _pieces(text))
        for own in zip(*texts, strict=True)
    ]
    narrowest = [*(min(_NARROWEST, each) for each in whole[:-1]), whole[-1]]
    for least in (whole, narrowest):
        while room is not None and sum(widths) > room:
            free = [at for at in range(1, len(widths)) if widths[at] > least[at]]
            if not free:
                break
            widths[max(free, key=widths.__getitem__)] -= 1
    return widths


def _widest(texts: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(*texts, strict=True)]


def _lines(texts: Sequence[str], widths: Sequence[int], gap: str) -> Iterator[str]:
    columns = [_broken(text, width) for text, width in zip(texts, widths, strict=True)]
    for parts in zip_longest(*columns, fillvalue=""):
        yield gap.join(
            part + " " * (width - cell_len(part)) for part, width in zip(parts, widths, strict=True)
        ).rstrip()


def _broken(text: str, width: int) -> list[str]:
    """Break at spaces, hyphens and underscores, else anywhere; by the places that a text takes."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line and cell_len((line + piece).rstrip()) > width:
            lines.append(line)
            line = ""
        for character in piece:
            if cell_len(line + character) > width:
                lines.append(line)
                line = ""
            line += character if line else character.strip()
    return [*lines, line]


def _pieces(text: str) -> list[str]:
    return re.split(r"(?<=[ _-])", text)
