"""Injection: one fault at one moment, whom it hit, and how long they took to go on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tests.chaos.tally import Books


@dataclass(frozen=True, kw_only=True)
class Hit:
    """Whom a fault hit."""

    hardware: frozenset[str]
    jobs: frozenset[str] = frozenset()  # ids of those that were measured there at that moment


@dataclass(frozen=True, kw_only=True)
class Injection:
    """What was done, and when."""

    fault: str
    at: float  # seconds since the epoch, when it began
    hit: Hit
    open_jobs: frozenset[str]  # ids of the jobs that had not ended then

    def recovery(self, books: Books) -> float | None:
        """Return the seconds from the injection until all that it hit went on.

        That is the end of the jobs that were interrupted; where none was, the next end of a job of
        each hardware hit. None where nothing was left to do.
        """
        interrupted = self._after(books, self.hit.jobs)
        if interrupted:
            return max(interrupted)
        first = [
            min(ends)
            for hardware in self.hit.hardware
            if (ends := self._after(books, self._open_on(books, hardware)))
        ]
        return max(first, default=None)

    def _open_on(self, books: Books, hardware: str) -> Iterable[str]:
        return (job for job in self.open_jobs if books.jobs[job].hardware == hardware)

    def _after(self, books: Books, jobs: Iterable[str]) -> list[float]:
        ends = (books.ended_at(job) for job in jobs)
        return [end - self.at for end in ends if end is not None and end > self.at]


def longest(injections: Collection[Injection], books: Books) -> float | None:
    """Return the longest recovery of all, or None where there was none to wait for."""
    known = (injection.recovery(books) for injection in injections)
    return max((seconds for seconds in known if seconds is not None), default=None)
