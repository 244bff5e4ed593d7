"""Peak: the best rate of matrix products that a hardware has been measured at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from farm.matrix.cell import CellState, pool
from farm.statistics.geometric import mean_over_units

if TYPE_CHECKING:
    from farm.readings.entry import Entry
    from farm.run import Run
    from farm.store.store import Store

WORKLOAD: Final = "matmul"
# A network's precision, and that of the products its peak is taken from.
PRODUCT_OF: Final[Mapping[str, str]] = {
    "float32": "float32",
    "tf32": "tf32",
    "mixed_float16": "float16",
    "mixed_bfloat16": "bfloat16",
    "float16": "float16",
    "bfloat16": "bfloat16",
}


class Peak(NamedTuple):
    """The best of the products that were measured on one hardware at one precision."""

    flops_per_second: float
    run: str
    size: str  # rows, and columns, of the two square matrices
    backend: str
    precision: str

    @property
    def words(self) -> str:
        """Return where it comes from, as a footnote does."""
        what = f"{self.precision} products of size {self.size} on {self.backend}"
        return f"the peak: {what}, run {self.run}"


Peaks: TypeAlias = Mapping[tuple[str, str], Peak]  # by hardware and precision of the products


def measured(store: Store, chosen: Sequence[Run]) -> dict[tuple[str, str], Peak]:
    """Return the highest peaks by hardware and precision, of the chosen runs or any in the store.

    A run of small products does not lower the peak that another has reached. Only runs whose suite
    has matrix products are read.
    """
    found: dict[tuple[str, str], Peak] = {}
    for run in {run.id: run for run in (*chosen, *store.runs())}.values():
        if any(planned.cell.workload == WORKLOAD for planned in run.cells):
            _raise(found, best(store.entries([run]), run.id))
    return found


def best(jobs: Iterable[Entry], run: str) -> dict[tuple[str, str], Peak]:
    """Return the highest rate of products among a run's jobs, by hardware and precision.

    The rate of a cell is the mean over its processes, as everywhere; a cell with a wrong product
    does not count.
    """
    alike: dict[tuple[str, str], list[Entry]] = {}
    for job in jobs:
        if job.cell.workload == WORKLOAD and job.cell.precision is not None:
            alike.setdefault((job.hardware, job.cell.id), []).append(job)
    found: dict[tuple[str, str], Peak] = {}
    for (hardware, _), of in alike.items():
        cell, pooled = of[0].cell, pool(of)
        rates = [(each.unit, each.flops_per_second) for each in pooled.readings]
        known = [(unit, rate) for unit, rate in rates if rate]
        if pooled.status is not CellState.SUCCEEDED or len(known) < len(rates):
            continue
        peak = Peak(
            flops_per_second=mean_over_units(known),
            run=run,
            size=str(cell.parameters.get("size", "unknown")),
            backend=str(cell.backend or "an unknown backend"),
            precision=str(cell.precision),
        )
        _raise(found, {(hardware, peak.precision): peak})
    return found


def _raise(found: dict[tuple[str, str], Peak], others: Peaks) -> None:
    """Put those of the others in that are new, or higher."""
    for key, peak in others.items():
        if key not in found or peak.flops_per_second > found[key].flops_per_second:
            found[key] = peak
