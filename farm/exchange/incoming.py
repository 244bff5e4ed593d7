"""Incoming: a file that was read and checked, ready to be written to the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from farm.run import Run
from jobs.result import Result
from jobs.spec import JobSpec


class Incoming(Protocol):
    """What one file brings."""

    @property
    def file(self) -> str:
        """Its name, as messages give it."""

    @property
    def notes(self) -> Sequence[str]:
        """What the reader of an import should know of it."""

    @property
    def runs(self) -> Sequence[Run]:
        """Its runs."""

    @property
    def jobs(self) -> Sequence[tuple[JobSpec, str]]:
        """The jobs without a result, or superseded, each with its state."""

    def results(self) -> Iterator[Result]:
        """Yield its results, each of one of its runs."""
