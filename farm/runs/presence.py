"""Presence: which hardware has a worker here now, and when one of the others was here last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workers.registry import Registry, Unreadable, WorkerRecord


@dataclass(frozen=True, kw_only=True)
class Absence:
    """Nobody who is here serves some hardware."""

    seen_seconds_ago: float | None = None  # its last worker; None: nobody knows of one
    said_goodbye: bool = False  # that worker, instead of falling silent
    declared: bool = False  # that worker was told the hardware's name, and had not detected it


@dataclass(frozen=True, kw_only=True)
class Presence:
    """Who is here, by hardware."""

    here: frozenset[str]
    gone: Mapping[str, Absence]  # of other hardware that was here

    def absence(self, hardware: str) -> Absence | None:
        """Return what is known of its absence; None while one of its workers is here."""
        return None if hardware in self.here else self.gone.get(hardware, Absence())


def presence(
    records: Iterable[WorkerRecord], unreadable: Iterable[Unreadable], now: float
) -> Presence:
    """Return who is here of those on record; `now` by Redis's clock.

    A worker whose record cannot be read may be here: so its hardware is.
    """
    known = sorted(records, key=lambda record: record.seen_at)
    here = {record.hardware for record in known if record.present}
    here |= {each.hardware for each in unreadable}  # whatever their names say
    gone = {
        record.hardware: Absence(
            seen_seconds_ago=max(0.0, now - record.seen_at),
            said_goodbye=record.state == "left",
            declared=record.declared,
        )
        for record in known  # of several the one that was here last
        if record.hardware not in here
    }
    return Presence(here=frozenset(here), gone=gone)


def looked_up(registry: Registry) -> Presence:
    """Return who is here now."""
    return presence(registry.workers(), registry.unreadable(), registry.now())
