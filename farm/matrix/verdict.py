"""Verdict: whether a cell may stand beside the baseline's, and what differs between the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from farm.matrix import outputs
from farm.matrix.cell import CellState, MatrixCell, join
from farm.readings import comparability, correctness
from farm.readings.comparability import Difference

_MEASURED = (CellState.SUCCEEDED, CellState.INVALID)


class Verdicts:
    """Judges the cells of a matrix, row by row, against one baseline.

    Conditions are shared by many cells, so the differences between two sets are found once.
    """

    def __init__(self, baseline: str, *, strict: bool, metric: str = "speedup") -> None:
        self.baseline = baseline
        self.strict = strict
        self.metric = metric  # that is shown
        self._known: dict[tuple[int, int], tuple[Difference, ...]] = {}

    def row(self, cells: Mapping[str, MatrixCell]) -> dict[str, MatrixCell]:
        """Return the cells of one row, by hardware, each with its speed-up or with why it has none.

        The baseline's own speed-up is exactly 1. An invalid cell keeps its number, and takes no
        part in anything. Two numbers of samples in an epoch are two amounts of work: such a cell
        becomes incomparable, and under `strict` so does one that differs in what changes the work.
        """
        base = cells[self.baseline]
        return {name: self._judged(cell, base) for name, cell in cells.items()}

    def _judged(self, cell: MatrixCell, base: MatrixCell) -> MatrixCell:
        if cell.status not in _MEASURED or cell.seconds is None:
            return cell
        if base.status not in _MEASURED or base.seconds is None:
            what = "time" if self.metric == "speedup" else "number"
            return self._alone(cell, f"has no {what} here ({base.status.words})")
        if cell is not base and base.status is CellState.INVALID:
            learns = base.cell is None or base.cell.mode in ("train", None)
            why = "did not learn here" if learns else "is invalid here"
            what = "time" if self.metric == "speedup" else "number"
            return self._alone(cell, f"{why}, so its {what} does not count")
        here, there = cell.samples_per_epoch, base.samples_per_epoch
        if here is not None and there is not None and here != there:
            said = f"an epoch has {here:,} samples here and {there:,} on {self.baseline}"
            return _incomparable(cell, said)
        if cell is base:
            return replace(cell, speedup=1.0)
        if here is None or there is None:
            cell = _over_as_many_samples(cell, base)
        found = self._differences(cell, base)
        cell = replace(cell, differs=tuple(each.phrase(self.baseline) for each in found))
        other_work = [each for each in found if each.changes_work]
        if self.strict and other_work:
            said = "; ".join(each.phrase(self.baseline) for each in other_work)
            return _incomparable(cell, f"not the same work: {said}")
        if not cell.invalid and not other_work:
            same_backend = all(each.what != "backend" for each in found)
            failure = (same_backend and _losses_deviate(cell, base)) or outputs.deviate(cell, base)
            if failure:
                cell = replace(cell, status=CellState.INVALID, invalid=failure)
        assert cell.seconds is not None
        return replace(cell, speedup=base.seconds / cell.seconds)

    def _alone(self, cell: MatrixCell, why: str) -> MatrixCell:
        lacks = "no speed-up:" if self.metric == "speedup" else "in no mean, since"
        said = f"{lacks} {self.baseline}, the baseline, {why}"
        return replace(cell, reason=join(cell.reason, said))

    def _differences(self, cell: MatrixCell, base: MatrixCell) -> list[Difference]:
        """Return what any repeat here differs in from any of the baseline's, each thing once."""
        found: dict[str, Difference] = {}
        for here in cell.conditions:
            for there in base.conditions:
                key = (id(here), id(there))
                if key not in self._known:
                    self._known[key] = comparability.differences(here, there)
                for each in self._known[key]:
                    found.setdefault(each.what, each)
        here_size, there_size = cell.batch_sizes, base.batch_sizes
        if here_size and there_size and here_size != there_size:
            found.pop("staged batches", None)  # as many samples make another number of them
            found["batch size"] = Difference(
                what="batch size",
                here=_span(here_size),
                there=_span(there_size),
                changes_work=True,
            )
        return comparability.ranked(found.values())


def _span(sizes: Sequence[int]) -> int | str:
    return sizes[0] if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"


def _losses_deviate(cell: MatrixCell, base: MatrixCell) -> str | None:
    """Compare the losses where all were recorded after the same, known, numbers of steps."""
    steps = {each.steps_per_loss for each in (*cell.readings, *base.readings)}
    if len(steps) > 1 or None in steps:
        return None
    return correctness.deviates(
        [each.losses for each in cell.readings],
        [each.losses for each in base.readings if not each.invalid],
    )


def _over_as_many_samples(cell: MatrixCell, base: MatrixCell) -> MatrixCell:
    """Put laps of unlike sizes, of measurements that know no epoch, on one number of samples."""
    mine, samples = cell.readings[0].samples, base.readings[0].samples
    if cell.seconds is None or mine is None or samples is None or mine == samples:
        return cell
    return replace(
        cell,
        seconds=cell.seconds * samples / mine,
        readings=tuple(each.over(samples) for each in cell.readings),
    )


def _incomparable(cell: MatrixCell, why: str) -> MatrixCell:
    return replace(cell, status=CellState.INCOMPARABLE, reason=join(cell.reason, why))
