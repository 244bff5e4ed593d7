"""Suite files for tests, and workloads that can do less than the farm's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.suite.plan import PlannedCell
from farm.suite.suite import Suite, load
from jobs import catalogue
from jobs.errors import SuiteError

# Differs from Fashion-MNIST in all that a suite file must respect.
SORTER = """
from pydantic import Field, model_validator

from jobs.workload import Parameters, Workload


class SorterParameters(Parameters):
    length: int = Field(default=10, ge=1, description="numbers to sort")
    sorted: int = 0
    ratio: float = 0.5

    @model_validator(mode="after")
    def _fits(self):
        if self.sorted > self.length:
            raise ValueError("more are sorted than there are")
        return self


class Sorter(Workload):
    summary = source = "a test"
    parameters = SorterParameters
    epochs = 2
    optimizer = "sgd"
    smallest = {}
    backends = ("torch", "jax")
    data_sources = ("synthetic",)

    def run(self, job, clock):
        raise NotImplementedError


WORKLOAD = Sorter()
"""


@pytest.fixture
def sorter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a workload known that has other parameters, on two backends, synthetic data only."""
    folder = tmp_path / "workloads"
    folder.mkdir()
    (folder / "sorter.py").write_text(SORTER)
    monkeypatch.setenv("FARM_WORKLOADS", str(folder))
    catalogue.catalogue.cache_clear()
    yield
    catalogue.catalogue.cache_clear()


def suite_of(folder: Path, text: str, name: str = "test.yaml") -> Suite:
    """Load a suite with this text."""
    path = folder / name
    path.write_text(text)
    return load(str(path))


def cells_of(folder: Path, text: str) -> tuple[PlannedCell, ...]:
    """Return the cells of a suite with this text."""
    return suite_of(folder, text).planned_cells()


def problems_of(folder: Path, text: str, name: str = "test.yaml") -> list[str]:
    """Return the mistakes in a suite with this text, without its folder."""
    with pytest.raises(SuiteError) as caught:
        suite_of(folder, text, name)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]
