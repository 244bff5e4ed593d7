"""Clock: how far two machines' clocks are apart, and when that matters."""

from __future__ import annotations

from farm.doctor.check import Check
from farm.render import units

NOTED_SECONDS = 1.0  # apart, from which on it is spoken of
SET = (
    "have the machine set its clock by the network: `sudo timedatectl set-ntp true` on Linux, "
    "`sudo sntp -sS time.apple.com` on a Mac"
)
WHY = "times in results, and what is reckoned from them, are wrong by as much"


def own(ahead_seconds: float, visibility_seconds: float) -> Check:
    """Judge this machine's clock against Redis's."""
    detail = apart("this machine's clock", ahead_seconds)
    if abs(ahead_seconds) <= tolerated(visibility_seconds):
        return Check.fine("clock", detail)
    return Check.wrong("clock", f"{detail}: {WHY}", SET)


def tolerated(visibility_seconds: float) -> float:
    """Return how far apart clocks may be, where a silent worker keeps its job so long."""
    return visibility_seconds / 2


def apart(whose: str, ahead_seconds: float) -> str:
    """Say how far a clock is from Redis's."""
    if abs(ahead_seconds) < NOTED_SECONDS:
        return f"{whose} and Redis's are less than {NOTED_SECONDS:g} s apart"
    side = "ahead of" if ahead_seconds > 0 else "behind"
    return f"{whose} is {units.duration(abs(ahead_seconds))} {side} Redis's"
