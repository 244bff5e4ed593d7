"""How the interval around a speed-up is written."""

from __future__ import annotations

import math

from farm.render import units

_DIGITS = 3
_DIGITS_OF_WIDTH = 2
_WIDE_DIGITS = 2
_WIDE = 2.0  # an interval that spans such a ratio deserves fewer digits
_MORE_DIGITS = 3  # at most, where fewer would mislead


def ends(low: float, high: float) -> tuple[str, str]:
    """Write both ends: ``("1.60", "1.71")``, with as many digits as make sense.

    Both have the decimals that two significant digits of their distance have, but no more than
    three of their middle; where they are a factor of two apart, each has two significant digits of
    its own. Digits are added while the two ends read alike, and while an end reads as 1 though it
    is not: which side of 1 it lies on is what the reader wants to know.
    """
    told = ("", "")
    for more in range(_MORE_DIGITS + 1):
        told = _written(low, high, more)
        misread = any(
            float(text.replace(",", "")) == 1 != value
            for text, value in zip(told, (low, high), strict=True)
            if math.isfinite(value)
        )
        if not misread and (told[0] != told[1] or low == high):
            break
    return told


def _written(low: float, high: float, more: int) -> tuple[str, str]:
    if not (0 < low <= high < math.inf) or high / _WIDE >= low:
        digits = _WIDE_DIGITS + more
        return units.significant(low, digits), units.significant(high, digits)
    middle = math.sqrt(low) * math.sqrt(high)
    decimals = units.decimals_of(middle, _DIGITS)
    if high > low:
        decimals = min(decimals, units.decimals_of(high - low, _DIGITS_OF_WIDTH))
    decimals += more
    if units.is_plain(low, _DIGITS) and units.is_plain(high, _DIGITS):
        return units.fixed(low, decimals), units.fixed(high, decimals)
    return _scientific(low, decimals), _scientific(high, decimals)


def _scientific(value: float, decimals: int) -> str:
    return units.scientific(value, decimals - units.decimals_of(value, 1) + 1)
