"""Comparability: what else differed between two measurements, besides the hardware. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from farm.readings.condition import (
    CONDITIONS,
    HARDWARE,
    MOMENTARY,
    NAMES,
    ON_OFF,
    Condition,
    Conditions,
    Device,
)
from jobs.spec import Scalar


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that was not the same in a cell and in its baseline."""

    what: str  # in plain words: TensorFlow version, thread count, …
    here: Scalar | None
    there: Scalar | None
    changes_work: bool = False  # another precision, data, optimizer, …: not the same work

    def phrase(self, baseline: str) -> str:
        """Return it as a footnote: ``thread count: 1 here, 2 on cpu-all``."""
        return f"{self.what}: {_said(self.here)} here, {_said(self.there)} on {baseline}"


class Line(NamedTuple):
    """One condition of two measurements beside each other."""

    what: str
    here: Scalar | None  # None is not known
    there: Scalar | None
    differs: bool  # both are known, and not the same


def differences(
    here: Conditions, there: Conditions, *, device: Device | None = None
) -> tuple[Difference, ...]:
    """Return in what two measurements differ, what could matter most first.

    What is not known on one side is no difference. Neither is unlike hardware, which is what is
    compared, nor what a machine did at one moment (its load) or is called (names, numbers, paths).
    CPUs that work for a CPU measurement are compared by number on equal machines, by threads per
    usable core on unlike ones; under a GPU they are the host's, and their number is compared.

    `device` is that of both measurements where the conditions do not say.
    """
    devices = (here.get("device") or device, there.get("device") or device)
    found: dict[str, Difference] = {}
    for condition in CONDITIONS:
        if condition.derived or condition.what in found:
            continue
        if condition.between is not None and devices != (condition.between, condition.between):
            continue
        if not _alike(condition.alike, here, there):
            continue
        ours, theirs = _value(condition, here), _value(condition, there)
        if ours is None or theirs is None or _counts(condition, ours) == _counts(condition, theirs):
            continue
        found[condition.what] = Difference(
            what=condition.what, here=ours, there=theirs, changes_work=condition.changes_work
        )
    for each in (*_power_limit(here, there), *_cpus(here, there, devices)):
        found[each.what] = each
    return tuple(ranked(found.values()))


def ranked(found: Iterable[Difference]) -> list[Difference]:
    """Return differences by what could matter most; of versions, the greater step first."""
    return sorted(found, key=_rank)


def common(of: Sequence[Conditions]) -> dict[str, Scalar | None]:
    """Return the conditions of a cell's repeats; where they differ, all their values as one text.

    A value that only some repeats know is taken for all.
    """
    merged: dict[str, Scalar | None] = {}
    distinct = list({id(each): each for each in of}.values())
    for key in dict.fromkeys(key for each in distinct for key in each):
        values = dict.fromkeys(value for each in distinct if (value := each.get(key)) is not None)
        ordered = sorted(values, key=lambda value: (isinstance(value, str), value))
        merged[key] = _joined(ordered) if len(ordered) > 1 else next(iter(ordered), None)
    return merged


def side_by_side(here: Conditions, there: Conditions) -> list[Line]:
    """Return every condition that either side has recorded, the unknown ones too.

    First the work, then what was in force, the software and the system, the hardware, the moment;
    last, by name, what this version of the farm has no words for.
    """
    keys = [key for key in _WORDS if key in here or key in there]
    keys += sorted((here.keys() | there.keys()) - _WORDS.keys())
    return [_line(key, here.get(key), there.get(key)) for key in keys]


def _line(key: str, ours: Scalar | None, theirs: Scalar | None) -> Line:
    differs = ours is not None and theirs is not None and ours != theirs
    said = _SAID.get(key, ON_OFF)
    ours, theirs = (said[v] if isinstance(v, bool) else v for v in (ours, theirs))
    return Line(_WORDS.get(key) or key.replace("_", " "), ours, theirs, differs)


def _value(condition: Condition, of: Conditions) -> Scalar | None:
    for key in condition.keys:
        value = of.get(key)
        if value is not None:
            return condition.said[value] if isinstance(value, bool) else value
        if condition.unset is not None and key in of:
            return condition.unset
    return None


def _counts(condition: Condition, value: Scalar) -> Scalar:
    # A table of measurements may hold a version as a number.
    return condition.read(str(value)) if condition.read else value


def _power_limit(here: Conditions, there: Conditions) -> Iterator[Difference]:
    ours, theirs = _number(here, "power_limit_watts"), _number(there, "power_limit_watts")
    if not ours or not theirs:
        return
    default = _number(here, "power_limit_default_watts")
    default_there = _number(there, "power_limit_default_watts")
    if default and default_there:
        shares = round(ours / default, 2), round(theirs / default_there, 2)
        if shares[0] != shares[1]:
            side = "below" if min(shares) < 1 else "above"
            yield Difference(
                what=f"power limit {side} its default",
                here=f"{ours:g} of {default:g} W",
                there=f"{theirs:g} of {default_there:g} W",
            )
    # Of one model the limits themselves can be compared.
    elif _alike(("device_name",), here, there) and not math.isclose(ours, theirs, rel_tol=0.01):
        yield Difference(what="power limit", here=f"{ours:g} W", there=f"{theirs:g} W")


def _cpus(
    here: Conditions, there: Conditions, devices: tuple[Scalar | None, Scalar | None]
) -> Iterator[Difference]:
    usable, usable_there = _usable(here), _usable(there)
    if devices == ("gpu", "gpu"):
        if usable and usable_there and usable != usable_there:
            yield Difference(what="host CPU count", here=usable, there=usable_there)
        return
    if devices != ("cpu", "cpu"):
        return  # the CPU is the device of one side only, so it is what is compared
    threads, threads_there = _threads(here), _threads(there)
    if _alike(("cpu_name", "vcpus"), here, there):
        if threads and threads_there and threads != threads_there:
            yield Difference(what="thread count", here=threads, there=threads_there)
            return
    elif threads and threads_there and usable and usable_there:
        ratio, ratio_there = round(threads / usable, 2), round(threads_there / usable_there, 2)
        if ratio != ratio_there:
            yield Difference(what="threads per usable core", here=ratio, there=ratio_there)
    total, total_there = _number(here, "vcpus"), _number(there, "vcpus")
    if not (usable and usable_there and total and total_there):
        return
    if round(usable / total, 2) != round(usable_there / total_there, 2):
        yield Difference(
            what="CPUs in use",
            here=f"{usable} of {total:g}",
            there=f"{usable_there} of {total_there:g}",
        )


def _threads(of: Conditions) -> int | None:
    for key in ("intra_threads", "omp_num_threads"):
        count = _number(of, key)
        if count:
            return round(count)
    return _usable(of)


def _usable(of: Conditions) -> int | None:
    count = _number(of, "usable_cpus")
    return round(count) if count else _count(of.get("cpus_in_use"))


def _count(cpus: Scalar | None) -> int | None:
    """Return how many CPUs a list such as ``0-3,6`` names; None for what is no such list."""
    if not re.fullmatch(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*", str(cpus)):
        return None
    ends = [part.split("-") for part in str(cpus).split(",")]
    return sum(int(each[-1]) - int(each[0]) + 1 for each in ends)


def _number(of: Conditions, key: str) -> float | None:
    try:
        number = float(of.get(key) or "")
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _alike(keys: Iterable[str], here: Conditions, there: Conditions) -> bool:
    """Return whether both sides know these and have the same."""
    return all((ours := here.get(key)) is not None and ours == there.get(key) for key in keys)


def _said(value: Scalar | None) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return ON_OFF[value]
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _joined(values: Sequence[Scalar]) -> str:
    texts = [_said(value) for value in values]
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def _rank(difference: Difference) -> tuple[bool, int, int, int]:
    place = _PLACES.get(difference.what)
    if place is None:
        return (not difference.changes_work, len(CONDITIONS), 0, 0)
    condition = CONDITIONS[place]
    # Versions stand together; among them the step decides, then the order of the table.
    if condition.version:
        first = _FIRST_VERSION
        step = _step(str(difference.here), str(difference.there))
        return (not difference.changes_work, first, step, place)
    return (not difference.changes_work, place, 0, place)


def _step(here: str, there: str) -> int:
    """Return 0 where the major versions differ, 1 for the minor ones, and so on."""
    ours, theirs = re.findall(r"\d+", here), re.findall(r"\d+", there)
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((step for step, (one, other) in pairs if one != other), max(len(ours), len(theirs)))


_PLACES: dict[str, int] = {}
for _place, _condition in enumerate(CONDITIONS):
    _PLACES.setdefault(_condition.what, _place)
_SAID = {key: each.said for each in CONDITIONS for key in each.keys}
_FIRST_VERSION = next(place for place, each in enumerate(CONDITIONS) if each.version)
# Every key has words of its own: where several tell of one thing, those after the first their name.
_WORDS: dict[str, str] = {}
for _condition in CONDITIONS:
    for _key in _condition.keys:
        _alone = len(_condition.keys) == 1 and _condition.what not in _WORDS.values()
        _WORDS[_key] = _condition.what if _alone else _key.replace("_", " ")
_WORDS |= {key: key.replace("_", " ") for key in (*HARDWARE, *MOMENTARY, *NAMES)}
