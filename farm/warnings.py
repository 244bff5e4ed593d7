"""Warnings: what a reader of a matrix should know before quoting it, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from farm.matrix import CellState, Matrix, MatrixCell

_ENOUGH = 3  # processes from which a spread can be told at all
_WIDE = 1.5  # high ÷ low of an interval, about ±22 %
_MOST_NAMES = 3
_MOST_REASONS = 2
_WAITING = (CellState.RUNNING, CellState.QUEUED)
_COUNTED = (CellState.SUCCEEDED, CellState.INVALID)


def warnings(matrix: Matrix, run: str | None = None) -> list[str]:
    """Return one line for each of a closed set of troubles, the gravest first.

    Each ends with the next action. `run` is the run that was asked for by name, if one was: the
    commands then name it too.
    """
    checks = (_invalid, _missing, _waiting, _repeats, _noisy, _conditions)
    return [line for check in checks if (line := check(matrix, run))]


def _invalid(matrix: Matrix, run: str | None) -> str | None:
    counts = _count(matrix, lambda cell: cell.status is CellState.INVALID)
    if not counts:
        return None
    return (
        f"invalid: {_where(counts)}; the network did not learn as it should, so these are in no "
        f"mean; `{_show(run)}` lists the jobs, and with a job's id prints its losses"
    )


def _missing(matrix: Matrix, run: str | None) -> str | None:
    counts: dict[str, int] = {}
    why: dict[str, Counter[str]] = {}
    for name, cell in _cells(matrix):
        if cell.status not in (*_COUNTED, *_WAITING):
            counts[name] = counts.get(name, 0) + 1
            why.setdefault(name, Counter())[cell.status.words] += 1
    if not counts:
        return None
    said = _where(counts, lambda name: _counted(why[name]))
    remedy = f"the cells say why, and `{_show(run)}` leads to the errors in full"
    if {*chain.from_iterable(why.values())} == {CellState.NOT_SUBMITTED.words}:
        remedy = "submit a suite that has these cells and whose `hardware` selects it"
    return f"no number: {said}; {remedy}"


def _waiting(matrix: Matrix, run: str | None) -> str | None:
    counts = _count(matrix, lambda cell: cell.status in _WAITING)
    if not counts:
        return None
    command = f"farm watch {run}" if run else "farm watch"
    return f"not done yet: {_where(counts)}; `{command}` follows the run to its end"


def _repeats(matrix: Matrix, run: str | None) -> str | None:
    """Warn of too few processes, else of intervals that are wide all the same."""
    counted = [cell for _, cell in _cells(matrix) if cell.status is CellState.SUCCEEDED]
    few = [cell for cell in counted if cell.repeats < _ENOUGH]
    if few:
        least = min(cell.repeats for cell in few)
        rest = f"{len(few):,} of {len(counted):,} cells rest on {least} process"
        why = "es, which hardly tell a spread" if least == 2 else ", which has no spread of its own"
        remedy = f"submit with `repeats: {_ENOUGH}` or more in the suite"
        if all(cell.submitted >= _ENOUGH for cell in few):
            remedy = "the other repeats failed or still wait, and the cells say which"
        return f"too few repeats: {rest}{why}; {remedy}"
    if matrix.metric != "speedup":
        return None
    known = [
        (cell.low, cell.high)
        for name, cell in _cells(matrix)
        if name != matrix.baseline and cell.low is not None and cell.high is not None
    ]
    wide = sum(high > _WIDE * low for low, high in known)
    if not wide:
        return None
    return (
        f"wide intervals: {wide:,} of {len(known):,} span more than a factor of {_WIDE}; more "
        f"`repeats` in the suite narrow them, more laps (`budget`) help where laps scatter"
    )


def _noisy(matrix: Matrix, run: str | None) -> str | None:
    counts = _count(matrix, lambda cell: bool(cell.noise))
    if not counts:
        return None
    reasons: dict[str, dict[str, None]] = {}
    for name, cell in _cells(matrix):
        reasons.setdefault(name, {}).update(dict.fromkeys(cell.noise))
    said = _where(counts, lambda name: _some(list(reasons[name])))
    return (
        f"noisy (!): {said}; close other programs and submit again, or let the worker wait for "
        f"quiet (`farm worker --patience`)"
    )


def _conditions(matrix: Matrix, run: str | None) -> str | None:
    counts = _count(matrix, lambda cell: bool(cell.differs) and cell.status in _COUNTED)
    if not counts:
        return None
    tail = f" --run {run}" if run else ""
    return (
        f"not measured alike: {_where(counts)}; `farm diff {matrix.baseline} {next(iter(counts))}"
        f"{tail}` shows both sides, `--strict` leaves out cells whose work differs"
    )


def _show(run: str | None) -> str:
    return f"farm show --run {run}" if run else "farm show"


def _cells(matrix: Matrix) -> Iterable[tuple[str, MatrixCell]]:
    return ((name, row.cells[name]) for name in matrix.hardware for row in matrix.rows)


def _count(matrix: Matrix, meant: Callable[[MatrixCell], bool]) -> dict[str, int]:
    return dict(Counter(name for name, cell in _cells(matrix) if meant(cell)))


def _where(counts: dict[str, int], why: Callable[[str], str] = lambda name: "") -> str:
    """Write ``t4 in 2 cells, m2 in 1 (out of memory)``."""
    said: list[str] = []
    for name, number in list(counts.items())[:_MOST_NAMES]:
        cells = f"{number:,}" if said else f"{number:,} cell{'' if number == 1 else 's'}"
        reason = why(name)
        said.append(f"{name} in {cells}" + (f" ({reason})" if reason else ""))
    rest = len(counts) - len(said)
    return ", ".join(said) + (f" and {rest} more" if rest else "")


def _counted(states: Counter[str]) -> str:
    if len(states) == 1:
        return next(iter(states))
    return ", ".join(f"{number:,} {words}" for words, number in states.items())


def _some(reasons: Sequence[str]) -> str:
    shown = "; ".join(reasons[:_MOST_REASONS])
    rest = len(reasons) - _MOST_REASONS
    if rest <= 0:
        return shown
    return f"{shown}; and {rest} other reason{'' if rest == 1 else 's'}"
