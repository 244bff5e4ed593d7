"""The jobs of a run, as a table to pick one from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from rich.cells import cell_len

from farm.render.escape import plain
from farm.render.labels import label
from farm.run import Run
from farm.store import JobRow
from jobs.spec import JobSpec

_GAP = "  "
_NARROWEST = 4


def table(
    run: Run,
    rows: Sequence[JobRow],
    specs: Mapping[str, JobSpec],
    width: int | None = None,
) -> list[str]:
    """Return a header and a line a job: its id, hardware, work, repeat and state.

    Of the work, that is workload and batch size, and what else differs between the jobs. They are
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

    lines = [("job", "hardware", *words.headers, "repeat", "state")]
    for row in sorted(rows, key=order):
        work = by_id.get(row.id, ("?",) * len(words.headers))
        repeat = str(specs[row.id].repeat) if row.id in specs else "?"
        lines.append((row.id, row.hardware, *work, repeat, row.state.replace("_", " ")))
    texts = [[plain(text) for text in line] for line in lines]
    gaps = len(lines[0]) - 1
    gap = _GAP
    if width is not None and sum(_widest(texts)) + gaps * len(_GAP) > width:
        gap = " "  # rather than two lines a job
    widths = _widths(texts, None if width is None else width - gaps * len(gap))
    return [printed for line in texts for printed in _lines(line, widths, gap)]


def _widths(texts: Sequence[Sequence[str]], room: int | None) -> list[int]:
    """Return the width of each column; the widest but the first give way until all fit."""
    widths = _widest(texts)
    while room is not None and sum(widths) > room:
        widest = max(range(1, len(widths)), key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
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
    for piece in re.split(r"(?<=[ _-])", text):
        if line and cell_len(line + piece) > width:
            lines.append(line)
            line = ""
        for character in piece:
            if cell_len(line + character) > width:
                lines.append(line)
                line = ""
            line += character if line else character.strip()
    return [*lines, line]
