"""Mistake: one thing wrong in a suite file, where it is, and the words to say it in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from farm.suite.selector import CONJUNCTION_PATTERN
from jobs.errors import did_you_mean
from jobs.problem import KeyPath, quote
from jobs.spec import NAME_PATTERN

DURATION_PATTERN = r"^\s*[0-9]+(\.[0-9]+)?\s*[smh]\s*$"

_FORMS: Final = {
    NAME_PATTERN: "a name (up to 64 letters, digits and . _ + -, a letter or digit first)",
    DURATION_PATTERN: "as many seconds written like '90s', '15m' or '2h'",
    CONJUNCTION_PATTERN: "'all', a name, a tag, or tags joined as 'tag & tag'",
}


@dataclass(frozen=True)
class Mistake:
    """What is wrong at one place of the file."""

    path: KeyPath  # of the value, or of the mapping that lacks or misnames a key
    text: str  # what was received and what is accepted
    line: int | None = None  # where the path does not tell it


class Unreadable:
    """Stands for a value that the reader has already reported."""


UNREADABLE: Final = Unreadable()


def received(value: object) -> str:
    """Name a value of the file plainly: ``text '32'``, ``nothing``, ``a mapping``, ``-32``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"text {quote(value)}"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    return "a mapping" if isinstance(value, dict) else quote(value)


def accepted(schema: dict[str, Any]) -> str:
    """Put a JSON Schema (references resolved) into a phrase: ``a whole number from 1 to 9``."""
    if "anyOf" in schema:
        first, *rest = schema["anyOf"]
        if len(rest) == 1 and rest[0].get("items") == first:
            return f"{accepted(first)}, or a list of them"
        return ", or ".join(accepted(option) for option in schema["anyOf"])
    if "$comment" in schema:  # of a list that is too long for a line
        return str(schema["$comment"])
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if values:
        return ", ".join(str(value) for value in values)
    match schema.get("type"):
        case "integer":
            return f"a whole number{_range(schema)}"
        case "number":
            return f"a number{_range(schema)}"
        case "boolean":
            return "true or false"
        case "string":
            limit = f" of up to {schema['maxLength']} characters" if "maxLength" in schema else ""
            return _FORMS.get(schema.get("pattern", ""), f"text{limit}")
        case "array":
            return f"a list, each item {accepted(schema['items'])}"
        case _:
            return "a mapping"


def suggestion(value: object, schema: dict[str, Any]) -> str:
    """Return ``did_you_mean`` for text where the schema lists what is accepted."""
    options: Iterable[dict[str, Any]] = schema.get("anyOf", [schema])
    known = [
        str(name)
        for option in options
        for name in option.get("enum", [option["const"]] if "const" in option else [])
    ]
    return did_you_mean(value, known) if isinstance(value, str) else ""


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    start = f"from {low}" if low is not None else f"above {above}" if above is not None else ""
    end = f"to {high}" if high is not None else f"below {below}" if below is not None else ""
    if low is None and high is not None:
        end = f"up to {high}"
    return "".join(f" {part}" for part in (start, end) if part)
