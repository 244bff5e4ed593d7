"""Kinds of text in a table of measurements: what each accepts, and how it is read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from jobs.errors import did_you_mean
from jobs.limits import LONGEST, MAX_COUNT, SHORTEST
from jobs.spec import MAX_WORD, NAME_PATTERN, Scalar

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

# What spreadsheets and people write instead of a number, and what to do about it.
_NO_NUMBERS: Final = (
    (r"#.*", "an error of the spreadsheet"),
    (r"=.*", "a formula; save its value"),
    (r"[-+]?[0-9]+,[0-9]+", "a comma in a number; write a decimal point, and group no digits"),
    (
        r"[-+]?[0-9]{1,3}([.,'’\s][0-9]{3})+([.,][0-9]+)?",
        "grouped digits; write the number without, and with a decimal point",
    ),
    (r"[0-9]+:[0-9]{2}(:[0-9]{2})?([.,][0-9]+)?", "a time of day or a duration; write one number"),
    (r"[-+]?[0-9][0-9.,]*([eE][-+]?[0-9]+)?\s*[A-Za-zµμ%×/]+", "a unit; write the number alone"),
)
_SECONDS_IN: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "h": 3600.0,
}


class RefusedError(ValueError):
    """A text that its column does not accept; the message is a hint, or empty."""


@dataclass(frozen=True)
class Kind:
    """What a column may hold."""

    accepted: str  # in words
    read: Callable[[str], Any]  # of a stripped text that is not empty; raises RefusedError


def whole(low: int, high: int | None = None) -> Kind:
    """Return the kind of the whole numbers of a range; ``32.0`` is one too.

    Without a `high` the highest is what a database can hold.
    """

    def read(text: str) -> int:
        value = int(text) if _INTEGER.fullmatch(text) else _number(text)
        if not math.isfinite(value) or value != int(value):
            raise RefusedError
        if value < low or (high is not None and value > high):
            raise RefusedError
        if value > MAX_COUNT:
            raise RefusedError(f"more than {MAX_COUNT:.0e}")
        return int(value)

    return Kind(f"a whole number from {low}" + (f" to {high}" if high is not None else ""), read)


def number(low: float | None = None, *, finite: bool = True, most: float = math.inf) -> Kind:
    """Return the kind of numbers, from `low` on; `most` is beyond whatever can be meant."""

    def read(text: str) -> float:
        value = _number(text)
        if (finite and not math.isfinite(value)) or (low is not None and value < low):
            raise RefusedError
        if finite and value > most:
            raise RefusedError(f"more than {most:.0e}")
        return value

    words = "a number" if finite else "a number, or nan"
    return Kind(words if low is None else f"{words} from {low:g}", read)


def one_of(values: tuple[str, ...]) -> Kind:
    """Return the kind of these words."""

    def read(text: str) -> str:
        if text not in values:
            raise RefusedError(did_you_mean(text.lower(), values).strip(" ()"))
        return text

    return Kind(", ".join(values), read)


def _number(text: str) -> float:
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        for pattern, hint in _NO_NUMBERS:
            if re.fullmatch(pattern, text):
                raise RefusedError(hint) from None
    raise RefusedError


def _seconds(text: str) -> float:
    try:
        value = _number(text)
    except RefusedError as error:
        found = re.fullmatch(r"([0-9.]+)\s*([a-zµμ]+)", text)
        factor = _SECONDS_IN.get(found[2].replace("μ", "µ")) if found else None
        if found and factor and _DECIMAL.fullmatch(found[1]):
            hint = f"a unit; write {float(found[1]) * factor:g}"
            raise RefusedError(hint) from None
        raise error
    if not SHORTEST <= value <= LONGEST:
        raise RefusedError
    return value


def _flag(text: str) -> bool:
    if (value := _FLAGS.get(text.lower())) is None:
        raise RefusedError
    return value


def _name(text: str) -> str:
    if not re.fullmatch(NAME_PATTERN, text):
        fitted = re.sub(r"[^A-Za-z0-9._+-]+", "-", text)[:64].strip("-._+")
        raise RefusedError(f"did you mean {fitted!r}?" if fitted else "")
    return text


def _scalar(text: str) -> Scalar:
    """Return what a text stands for: true or false, a whole number, a number, or itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def _parameter(text: str) -> Scalar:
    if len(text) > MAX_WORD:
        raise RefusedError(f"more than {MAX_WORD} characters")
    return _scalar(text)


SECONDS = Kind("a number of seconds from 1e-12 to 1e9, such as 0.0125", _seconds)
FLAG = Kind("true or false", _flag)
NAME = Kind("a name (up to 64 letters, digits and . _ + -, a letter or digit first)", _name)
TEXT = Kind("text", str)
SCALAR = Kind("a value", _scalar)
PARAMETER = Kind("a value", _parameter)
