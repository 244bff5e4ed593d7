"""What stands above a table and explains its marks below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from farm.choices import BATCH_SIZE
from farm.matrix.matrix import Matrix, MatrixCell
from farm.matrix.peak import WORKLOAD
from farm.render import field, task, units, values
from farm.render.field import Line
from farm.render.labels import Labels
from farm.render.ways import limited, mixed_rows
from jobs.spec import LARGEST

_MEANINGS = {
    field.UNRESOLVED: "not resolved: the 95 % interval includes 1",
    field.WITHIN_RUN: "the interval is of the laps of one process: it says nothing of the next",
    field.NOISY: "noisy: the machine was not quiet while it measured",
}
HEADERS = {"workload": "workload", "batch_size": "batch"}


def caption(matrix: Matrix, labels: Labels) -> tuple[str, ...]:
    """Return what the numbers are, and what all rows have in common."""
    lines = [_what(matrix)]
    if matrix.metric == "speedup" and matrix.baseline_chosen:
        base = matrix.baseline
        lines.append(f"No baseline was named, so it is {base}; --baseline NAME takes another.")
    if matrix.metric != "speedup" and _has_own(matrix):
        lines.append(f"Means are over the cells that a column shares with {matrix.baseline}.")
    lines += _of_batches(matrix)
    lines += _of_across(matrix)
    if matrix.by is not None:
        lines.append(_of_groups(matrix.by, labels.headers))
    if labels.constants:
        unless = ", unless a line below says otherwise" if labels.exceptions else ""
        lines.append(f"{', '.join(labels.constants)}{unless}.")
    if labels.unknown:
        lines.append(f"Not known of any row: {', '.join(labels.unknown)}.")
    if standing := _standing(matrix):
        lines.append(standing)
    return tuple(lines)


def legend(lines: Iterable[Line]) -> tuple[str, ...]:
    """Return the meaning of each mark that the places of these lines bear."""
    used = {flag for line in lines for place in line.fields for flag in place.flags}
    return tuple(f"{flag}  {meaning}" for flag, meaning in _MEANINGS.items() if flag in used)


def _what(matrix: Matrix) -> str:
    if matrix.metric == "speedup":
        return f"speed-up = time of {matrix.baseline} ÷ time; above 1 is faster."
    shown = values.SHOWN[matrix.metric]
    line = values.what(matrix) or shown.what.format(unit=task.of_matrix(matrix))
    marks = values.marks(matrix)
    if len(marks) == 1:
        line += f", {values.mark_words(matrix.metric, marks[0])}"
    if matrix.metric in values.OF_TASKS and len(task.kinds(matrix.rows)) > 1:
        line += "; no means over unlike ones"
    line += f"; {shown.better}."
    if matrix.metric in values.EFFICIENCIES and values.has_products_beside(matrix):
        line += f" {WORKLOAD} is in no mean."
    if any(cell.value is None for cell in _measured(matrix)):
        line += f" {field.NONE} is not known."
    return line


def _has_own(matrix: Matrix) -> bool:
    """Return whether some hardware has a value where the baseline has none."""
    return any(
        values.counts(cell)
        for row in matrix.rows
        if not values.counts(row.cells[matrix.baseline])
        for cell in row.cells.values()
    )


def _of_groups(by: str, headers: Sequence[str]) -> str:
    others = [name for name in headers if name != HEADERS[by]]
    over = f", which differ in {', '.join(others)}" if others else ""
    return f"Each row is the geometric mean over its cells{over}; in brackets how many, if not all."


def _of_batches(matrix: Matrix) -> list[str]:
    """Say which batch sizes stand where, where the rows do not."""
    fits = "the largest that fits"
    shown = matrix.rows if matrix.by is None else ()
    if any(limited(cell) for row in shown for cell in row.cells.values()):
        fits += " in memory, unless a footnote says what else limits it"
    if matrix.best_batch:
        line = "Each hardware stands with its fastest batch size, behind the word at"
        return [f"{line}; max is {fits}." if _has_largest(matrix) else f"{line}."]
    largest = any(row.cell.batch_size == LARGEST for row in matrix.rows)
    if not largest:
        return []
    if "," in fits:
        return [f"Batch max, behind the word at, is {fits}."]
    return [f"Batch max is {fits}, behind the word at."]


def _of_across(matrix: Matrix) -> list[str]:
    """Say what rows are matched across, and which way each hardware then stands for."""
    others = [name for name in matrix.across if name != BATCH_SIZE]
    if not others:
        return []
    line = f"Rows hold cells of any {' and '.join(others)}, each hardware at its fastest"
    if matrix.by is not None or not any(mixed_rows(matrix).values()):
        return [f"{line}."]
    return [f"{line}, behind the word at; what differs is said below."]


def _has_largest(matrix: Matrix) -> bool:
    return any(
        cell.cell is not None and cell.cell.batch_size == LARGEST
        for row in matrix.rows
        for cell in row.cells.values()
    )


def _standing(matrix: Matrix) -> str | None:
    """Say how many processes stand behind a number."""
    measured = _measured(matrix)
    if not measured:
        return None
    behind = [cell.repeats for cell in measured]
    counted = units.span(min(behind), max(behind))
    if matrix.metric not in ("speedup", "seconds"):
        return f"From {counted} process{'' if max(behind) == 1 else 'es'} each."
    unit = task.of_matrix(matrix)
    if max(behind) == 1:
        return f"Times are per {unit}, from 1 process each: how far they would vary is unknown."
    return f"Times are per {unit}: the geometric mean of the medians of {counted} processes."


def _measured(matrix: Matrix) -> list[MatrixCell]:
    return [cell for row in matrix.rows for cell in row.cells.values() if task.is_measured(cell)]
