"""How numbers and units are written; the one place that does it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jobs.spec import Scalar

_SCALES = ((1e-6, "ns", 1e9), (1e-3, "µs", 1e6), (0.1, "ms", 1e3))
_HOURS_FROM_SECONDS = 10_000
_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_JOULES = ((1e-3, "µJ", 1e6), (1.0, "mJ", 1e3), (1e4, "J", 1.0), (1e7, "kJ", 1e-3))
_PLAIN = (-4, 7)  # powers of ten: a number between them is written without an exponent
_LEAST_PREFIXED, _MOST_PREFIXED = 1e-13, 1e10  # prefixes and hours would not help beyond these


def significant(value: float, digits: int = 3) -> str:
    """Write a number to so many significant digits: ``0.0123``, ``1,230``.

    From ten million on, and below a ten-thousandth, in scientific notation: ``9.60e14``.
    """
    if not math.isfinite(value) or value == 0:
        return f"{abs(value) if value == 0 else value:g}"
    if is_plain(value, digits):
        return fixed(value, decimals_of(value, digits))
    return scientific(value, digits)


def is_plain(value: float, digits: int) -> bool:
    """Return whether a finite number, rounded to so many digits, is written without an exponent."""
    return value == 0 or _PLAIN[0] <= digits - 1 - decimals_of(value, digits) < _PLAIN[1]


def scientific(value: float, digits: int) -> str:
    """Write a finite number to so many significant digits in scientific notation: ``9.60e14``."""
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def decimals_of(value: float, digits: int) -> int:
    """Return after how many decimals a finite number has so many significant digits.

    It may be negative.
    """
    # The exponent after rounding: 9.996 is 10.0, not 10.00.
    return digits - 1 - int(f"{value:.{digits - 1}e}".split("e")[1])


def fixed(value: float, decimals: int) -> str:
    """Write a number rounded to so many decimals; below 0, to tens, hundreds and so on."""
    return f"{round(value, decimals):,.{max(decimals, 0)}f}"


def ratio(value: float) -> str:
    """Write a speed-up: ``1.77×``."""
    return significant(value) + "×"


def seconds(value: float) -> str:
    """Write a measured time, in seconds, with its unit: ``4.12 s``, ``52.0 ms``, ``3.47 h``."""
    if not _LEAST_PREFIXED <= value < _MOST_PREFIXED:
        return f"{significant(value)} s"
    for below, unit, scale in _SCALES:
        if value < below:
            return f"{significant(value * scale)} {unit}"
    if value < _HOURS_FROM_SECONDS:
        return f"{significant(value)} s"
    return f"{significant(value / 3600)} h"


def duration(value: float) -> str:
    """Write a time to wait, in seconds: ``45 s``, ``3 min 05 s``, ``2 h 07 min``."""
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(value / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(value: float) -> str:
    """Write a number of bytes: ``1.50 GiB``."""
    unit = 0
    while value >= 1024 and unit < len(_BYTE_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} B" if unit == 0 else f"{significant(value)} {_BYTE_UNITS[unit]}"


def joules(value: float) -> str:
    """Write an energy, in joules: ``52.0 mJ``, ``1,230 J``, ``45.6 kJ``."""
    if not _LEAST_PREFIXED <= value < _MOST_PREFIXED:
        return f"{significant(value)} J"
    for below, unit, scale in _JOULES:
        if value < below:
            return f"{significant(value * scale)} {unit}"
    return f"{significant(value * 1e-6)} MJ"


def rate(value: float) -> str:
    """Write a number of samples a second: ``12,300/s``."""
    return f"{significant(value)}/s"


def throughput(value: float, item: str) -> str:
    """Write a number of items a second: ``45,600 tokens/s``.

    Bytes are ``153 GB/s`` (10⁹ bytes), floating-point operations (``flop``) ``9.30 TFLOPS``, and
    seconds of video ``2.41× real time``.
    """
    if item == "bytes":
        return f"{significant(value * 1e-9)} GB/s"
    if item == "flop":
        return f"{significant(value * 1e-12)} TFLOPS"
    if item == "video seconds":
        return f"{ratio(value)} real time"
    return f"{significant(value)} {item}/s"


def percent(value: float) -> str:
    """Write a share of 1: ``12.3 %``."""
    return f"{significant(value * 100)} %"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Write how many there are: ``1 repeat``, ``1,200 repeats``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def span(low: int, high: int) -> str:
    """Write a range of whole numbers: ``3``, or ``1 to 3``."""
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def batch(sizes: Sequence[int], *, largest: bool = False) -> str:
    """Write the batch sizes of a cell: ``at 4,096``, ``at max 960 to 1,024``; empty without any."""
    if not sizes:
        return ""
    return f"at {'max ' if largest else ''}{span(sizes[0], sizes[-1])}"


def scalar(value: Scalar) -> str:
    """Write a parameter as a suite file does: ``50000``, ``true``, ``0.25``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
