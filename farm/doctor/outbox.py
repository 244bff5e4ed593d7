"""Outbox: results on this machine's disk that Redis has not taken."""

from __future__ import annotations

import time
from pathlib import Path

from farm.doctor.check import Check, shown
from farm.render import units

NAME = "outbox"
YOUNG_SECONDS = 60.0  # a worker may just be handing it in


def check(folder: Path, now: float | None = None) -> Check:
    """Judge whether results wait there, or were set aside; `now` in seconds since the epoch."""
    waiting = _ages(folder, "*.json", time.time() if now is None else now)
    aside = sorted(folder.glob("*.unreadable"))
    old = [age for age in waiting if age > YOUNG_SECONDS]
    if old:
        return Check.wrong(
            NAME,
            f"{units.count(len(old), 'result')} in {shown(folder)} "
            f"{'waits' if len(old) == 1 else 'wait'} for Redis, the oldest for "
            f"{units.duration(max(old))}",
            "start `farm worker` on this machine with the Redis that sent the jobs, and it hands "
            "them in; where that Redis is gone for good, delete them",
        )
    if aside:
        return Check.wrong(
            NAME,
            f"{units.count(len(aside), 'file')} in {shown(folder)} could not be read as a result "
            f"and {'was' if len(aside) == 1 else 'were'} set aside: {aside[0].name}",
            "see what it holds; `farm retry RUN` measures such a job again; then delete the file",
        )
    if waiting:
        return Check.fine(NAME, f"{units.count(len(waiting), 'result')} on the way to Redis")
    return Check.fine(NAME, "no result waits on this machine")


def _ages(folder: Path, pattern: str, now: float) -> list[float]:
    ages = []
    for path in folder.glob(pattern):
        try:
            ages.append(now - path.stat().st_mtime)
        except FileNotFoundError:
            continue  # it has just been handed in
    return ages
