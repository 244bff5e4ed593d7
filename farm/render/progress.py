"""Progress as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from farm.render.escape import plain
from farm.render.units import count, duration

if TYPE_CHECKING:
    from farm.run import Run
    from farm.runs.presence import Presence
    from farm.runs.progress import HardwareProgress

NAMED = 5


def heading(run: Run) -> str:
    """Return which run it is: ``run quick-…: suite quick, 6 cells``."""
    return f"run {run.id}: suite {run.suite}, {count(len(run.cells), 'cell')}"


def lines(parts: Iterable[HardwareProgress]) -> list[str]:
    """Return one line a hardware: ``p100: 12 of 36 done, 1 running, about 2 min left``."""
    return [f"{part.hardware}: {words(part)}" for part in parts]


def words(part: HardwareProgress) -> str:
    """Return one hardware's progress in words."""
    said = [f"{part.done} of {part.jobs} done"]
    # What a worker had in hands that is not here any more waits as all else does.
    silent = ("queued", "succeeded", *(("running",) if part.absence else ()))
    said += [
        f"{number} {state.replace('_', ' ')}"
        for state, number in part.counts.items()
        if number and state not in silent
    ]
    said += filter(None, [unserved(part), time_left(part)])
    return ", ".join(said)


def unserved(part: HardwareProgress) -> str:
    """Say that its jobs wait for a worker, and what to do; empty where one is here."""
    absence = part.absence
    if absence is None:
        return ""
    ago = absence.seen_seconds_ago
    last = ""
    if ago is not None:
        went = "left" if absence.said_goodbye else "fell silent"
        last = f" (the last one {went} {duration(ago)} ago)"
    # Whoever was told its name is told it once more, or it would be another hardware.
    name = f" --hardware {part.hardware}" if absence.declared else ""
    waits = "1 waits" if part.open == 1 else f"{part.open:,} wait"
    who = f"no worker of {part.hardware} is here{last}"
    return f"{waits}: {who}; start one there: `farm worker{name}`"


def remarks(
    run: Run, parts: Sequence[HardwareProgress], waiting: str | None, presence: Presence | None
) -> list[str]:
    """Return what is to be said of the run as a whole; nothing where all goes well.

    `waiting` is the hardware that may still join, in words; `presence` None where nobody can tell
    who is here.
    """
    nobody = presence is not None and not presence.here
    if waiting:
        where = "on each machine" if run.selector.is_all else "there"
        here = ""
        if nobody:
            here = ", and no worker at all is here"
        elif presence is not None and not parts:
            here = f" (here: {_listed(sorted(presence.here))})"
        return [f"waiting for {waiting}{here}: type `farm worker` {where}"]
    if nobody and any(part.absence for part in parts):
        return ["no worker at all is here; `farm workers` lists who was"]
    return []


def time_left(part: HardwareProgress) -> str:
    """Return the estimate in words, empty when there is none or nothing is left."""
    if part.done == part.jobs:
        return ""
    return "" if part.seconds_left is None else f"about {duration(part.seconds_left)} left"


def ended(run: Run, counts: dict[str, int]) -> str:
    """Say how a run whose jobs have all ended went."""
    jobs, succeeded = sum(counts.values()), counts["succeeded"]
    if succeeded == jobs:
        how = "it succeeded" if jobs == 1 else "all succeeded"
        return f"run {run.id} has ended: {count(jobs, 'job')}, {how}"
    return (
        f"run {run.id} has ended: {count(succeeded, 'job')} succeeded, "
        f"{count(jobs - succeeded, 'job')} did not succeed; `farm matrix --run {run.id}` says why"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(plain, names[:NAMED]))
    return f"{shown} and {len(names) - NAMED:,} more" if len(names) > NAMED else shown
