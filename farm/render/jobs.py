"""The jobs of a run, as a table to pick one from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from farm.render.escape import plain
from farm.render.labels import label
from farm.run import Run
from farm.store import JobRow
from jobs.spec import JobSpec


def table(run: Run, rows: Sequence[JobRow], specs: Mapping[str, JobSpec]) -> list[str]:
    """Return a header and a line a job: its id, hardware, work, repeat and state.

    Of the work, that is workload and batch size, and what else differs between the jobs. They are
    in the order of hardware, the run's cells, and repeats; a job that the run's manifest does not
    explain comes last, with its id, hardware and state alone.
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
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    return [
        "  ".join(
            text + " " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in texts
    ]
