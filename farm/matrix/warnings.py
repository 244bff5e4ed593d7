"""Warnings: what a reader of a matrix should know before quoting it, and what to do about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from farm.matrix.gaps import gaps
from farm.matrix.matrix import CellState, Matrix, MatrixCell

_ENOUGH = 3  # processes, or machines of one name, from which a spread can be told at all
_WIDE = 1.5  # high ÷ low of an interval, about ±22 %
_MOST_NAMES = 3
_MOST_KINDS = 2
_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?!\w|\.\d)")  # not of a name or version
_WAITING = (CellState.RUNNING, CellState.QUEUED)
_COUNTED = (CellState.SUCCEEDED, CellState.INVALID)


def warnings(matrix: Matrix, run: str | None = None) -> list[str]:
    """Return one line for each of a closed set of troubles, the gravest first.

    Each ends with the next action. `run` is the run that was asked for by name, if one was: the
    commands then name it too.
    """
    first = (_invalid, _missing, _waiting)
    then = (_one_lap, _repeats, _noisy, _conditions)
    return [
        *(line for check in first if (line := check(matrix, run))),
        *_gaps(matrix),
        *(line for check in then if (line := check(matrix, run))),
    ]


def _invalid(matrix: Matrix, run: str | None) -> str | None:
    counts = _count(matrix, lambda cell: cell.status is CellState.INVALID)
    if not counts:
        return None
    found = [cell.cell for _, cell in _cells(matrix) if cell.status is CellState.INVALID]
    trained = all(of is None or of.mode in ("train", None) for of in found)
    why = (
        "the network did not learn as it should" if trained else "the result is not what it must be"
    )
    return (
        f"invalid: {_where(counts)}; {why}, so these are in no mean; `{_show(run)}` lists the "
        f"jobs, and with a job's id prints its {'losses' if trained else 'numbers'}"
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


def _gaps(matrix: Matrix) -> list[str]:
    """Warn of cells that were measured and have no value of the metric."""
    said = []
    for what, reasons, remedy in gaps(matrix):
        once = {name: ", ".join(dict.fromkeys(of)) for name, of in reasons.items()}
        where = _where({name: len(of) for name, of in reasons.items()}, once.__getitem__)
        said.append(f"{what}: {where}; {remedy}")
    return said


def _one_lap(matrix: Matrix, run: str | None) -> str | None:
    """Warn of `train` for a single epoch: with two, the first would be a warm-up."""
    found = Counter(
        name
        for row in matrix.rows
        if row.cell.protocol == "train" and row.cell.epochs == 1
        for name, cell in row.cells.items()
        if cell.status in _COUNTED and any(each.laps == 1 for each in cell.readings)
    )
    if not found:
        return None
    return (
        f"one lap a process: {_where(found)}; it includes what runs only once; take `epochs: 2` or "
        f"more in the suite, or `protocol: steady`"
    )


def _repeats(matrix: Matrix, run: str | None) -> str | None:
    """Warn of too few replicates, else of intervals that are wide all the same.

    Of hardware with several machines of its name the replicate is the machine.
    """
    several = _of_several_machines(matrix)
    counted = [(n, cell) for n, cell in _cells(matrix) if cell.status is CellState.SUCCEEDED]
    classes: Counter[tuple[bool, int]] = Counter()
    submitted: list[int] = []  # where the replicate is the process
    for name, cell in counted:
        machines = _machines(cell) if name in several else 0
        if (number := machines or cell.repeats) < _ENOUGH:
            classes[machines > 0, number] += 1
            submitted += [] if machines else [cell.submitted]
    if classes:
        cells = f" of {len(counted):,} cell{'' if len(counted) == 1 else 's'}"
        said: list[str] = []
        for (of_machines, number), count in sorted(classes.items()):
            rest = "" if said else f"{cells} rest{'s' if count == 1 else ''}"
            said.append(f"{count:,}{rest} on {_replicates(number, of_machines)}")
        remedies = []
        if submitted and min(submitted) < _ENOUGH:
            remedies.append(f"submit with `repeats: {_ENOUGH}` or more in the suite")
        elif submitted:
            remedies.append("the other repeats failed or still wait, and the cells say which")
        if any(of_machines for of_machines, _ in classes):
            remedies.append("it takes more machines of that name, more `repeats` do not help")
        what = "repeats" if submitted else "machines"
        return f"too few {what}: {', and '.join(said)}; {'; '.join(remedies)}"
    if matrix.metric != "speedup":
        return None
    known = [
        (name, cell.low, cell.high)
        for name, cell in _cells(matrix)
        if name != matrix.baseline and cell.low is not None and cell.high is not None
    ]
    wide = [name for name, low, high in known if high > _WIDE * low]
    if not wide:
        return None
    remedies = []
    if {*wide} & several or matrix.baseline in several:
        remedies.append("more machines of that name narrow them, more `repeats` do not")
    if {*wide} - several:
        remedies.append(
            "more `repeats` in the suite narrow them, more laps (`budget`) help where laps scatter"
        )
    span = "spans" if len(wide) == 1 else "span"
    return (
        f"wide intervals: {len(wide):,} of {len(known):,} {span} more than a factor of {_WIDE}; "
        f"{'; '.join(remedies)}"
    )


def _of_several_machines(matrix: Matrix) -> set[str]:
    return {name for name, cell in _cells(matrix) if _machines(cell) > 1}


def _machines(cell: MatrixCell) -> int:
    """Return how many physical machines a cell rests on; 0 unless every process says its own."""
    units = {each.unit for each in cell.readings}
    return 0 if None in units else len(units)


def _replicates(number: int, of_machines: bool) -> str:
    """Write ``2 processes, which hardly tell a spread``."""
    unit = "process" if number == 1 else "processes"
    if of_machines:
        unit = f"machine{'' if number == 1 else 's'} of that name"
    why = "which has no spread of its own" if number == 1 else "which hardly tell a spread"
    return f"{number} {unit}, {why}"


def _noisy(matrix: Matrix, run: str | None) -> str | None:
    counts = _count(matrix, lambda cell: bool(cell.noise))
    if not counts:
        return None
    reasons: dict[str, list[str]] = {}
    for name, cell in _cells(matrix):
        reasons.setdefault(name, []).extend(cell.noise)
    said = _where(counts, lambda name: _some(_kinds(reasons[name])))
    return (
        f"noisy (!): {said}; close other programs and submit again, or let the worker wait for "
        f"quiet (`farm worker --patience`)"
    )


def _conditions(matrix: Matrix, run: str | None) -> str | None:
    # With its fastest batch each hardware has its own on purpose, and says which.
    asked = ("batch size:",) if matrix.best_batch else ()
    counts = _count(
        matrix,
        lambda cell: (
            cell.status in _COUNTED and any(not each.startswith(asked) for each in cell.differs)
        ),
    )
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


def _kinds(reasons: Iterable[str]) -> list[str]:
    """Return one text for reasons that differ in nothing but their numbers, the frequent first.

    A number that is not the same in all of them becomes a range: ``0.32 to 0.96 of a core``.
    """
    kinds: dict[str, list[str]] = {}
    for reason in reasons:
        kinds.setdefault(_NUMBER.sub("#", reason), []).append(reason)
    return [_ranged(alike) for alike in sorted(kinds.values(), key=len, reverse=True)]


def _ranged(alike: Sequence[str]) -> str:
    columns = zip(*(_NUMBER.findall(reason) for reason in alike), strict=True)
    ranges = iter([_range(column) for column in columns])
    return _NUMBER.sub(lambda _: next(ranges), alike[0])


def _range(numbers: Iterable[str]) -> str:
    ordered = sorted(set(numbers), key=lambda text: float(text.replace(",", "")))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _some(kinds: Sequence[str]) -> str:
    shown = "; ".join(kinds[:_MOST_KINDS])
    rest = len(kinds) - _MOST_KINDS
    if rest <= 0:
        return shown
    return f"{shown}; and {rest} other kind{'' if rest == 1 else 's'}"
