"""What stands above a table and explains its marks below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from farm.matrix import CellState, Matrix, MatrixCell, Row
from farm.render import field, units, values
from farm.render.field import Line
from farm.render.labels import Labels

_MEANINGS = {
    field.UNRESOLVED: "not resolved: the 95 % interval includes 1",
    field.WITHIN_RUN: "the interval is of the laps of one process: it says nothing of the next",
    field.NOISY: "noisy: the machine was not quiet while it measured",
}
_LAP = "lap"
HEADERS = {"workload": "workload", "batch_size": "batch"}


def caption(matrix: Matrix, labels: Labels) -> tuple[str, ...]:
    """Return what the numbers are, and what all rows have in common."""
    lines = [_what(matrix)]
    if matrix.metric == "speedup" and matrix.baseline_chosen:
        base = matrix.baseline
        lines.append(f"No baseline was named, so it is {base}; --baseline NAME takes another.")
    if matrix.metric != "speedup" and _has_own(matrix):
        lines.append(f"Means are over the cells that a column shares with {matrix.baseline}.")
    if matrix.by is not None:
        lines.append(_of_groups(matrix.by, labels.headers))
    if labels.constants:
        lines.append(", ".join(labels.constants) + ".")
    if mixed := [name for name in labels.unknown if name in matrix.across]:
        lines.append(f"Rows hold cells of any {' and '.join(mixed)}: what differs is said below.")
    if unknown := [name for name in labels.unknown if name not in matrix.across]:
        lines.append(f"Not known of any row: {', '.join(unknown)}.")
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
    line = shown.what.format(unit=_unit(matrix))
    marks = values.marks(matrix)
    if len(marks) == 1:
        line += f", {values.mark_words(matrix.metric, marks[0])}"
    line += f"; {shown.better}."
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


def _unit(matrix: Matrix) -> str:
    """Return what a time or an energy is of: an epoch, or a number of samples, or a lap.

    Where no epoch is known, laps of unlike sizes were put on one number of samples in each row.
    """
    found = dict.fromkeys(unit for row in matrix.rows if (unit := _unit_of(row)))
    if len(found) < 2:
        return next(iter(found), _LAP)
    if "epoch" in found:
        return "epoch where one is known, else per lap"
    return _LAP if _LAP in found else "lap, all of a row on one number of samples"


def _unit_of(row: Row) -> str | None:
    cells = [cell for cell in row.cells.values() if _is_measured(cell)]
    if any(cell.samples_per_epoch for cell in cells):
        return "epoch"
    samples = {each.samples for cell in cells for each in cell.readings}
    if not cells:
        return None
    known = samples.pop() if len(samples) == 1 else None
    return _LAP if known is None else f"{units.count(known, 'sample')} trained on"


def _of_groups(by: str, headers: Sequence[str]) -> str:
    others = [name for name in headers if name != HEADERS[by]]
    over = f", which differ in {', '.join(others)}" if others else ""
    return f"Each row is the geometric mean over its cells{over}; in brackets how many, if not all."


def _standing(matrix: Matrix) -> str | None:
    """Say how many processes stand behind a number."""
    measured = _measured(matrix)
    if not measured:
        return None
    behind = [cell.repeats for cell in measured]
    counted = units.span(min(behind), max(behind))
    if matrix.metric not in ("speedup", "seconds"):
        return f"From {counted} process{'' if max(behind) == 1 else 'es'} each."
    unit = _unit(matrix)
    if max(behind) == 1:
        return f"Times are per {unit}, from 1 process each: how far they would vary is unknown."
    return f"Times are per {unit}: the geometric mean of the medians of {counted} processes."


def _measured(matrix: Matrix) -> list[MatrixCell]:
    return [cell for row in matrix.rows for cell in row.cells.values() if _is_measured(cell)]


def _is_measured(cell: MatrixCell) -> bool:
    return cell.seconds is not None and cell.status is not CellState.INCOMPARABLE
