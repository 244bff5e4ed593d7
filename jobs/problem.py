"""What pydantic refused, in one line that is safe to print: where, what was received, and why."""

from __future__ import annotations

import re
from typing import TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

KeyPath: TypeAlias = tuple[str | int, ...]

LONGEST_QUOTE = 60  # characters of the input that a message repeats


def first_problem(error: ValidationError) -> str:
    """Return the first thing that is wrong."""
    return problem(error.errors(include_url=False)[0])


def problem(detail: ErrorDetails) -> str:
    """Return one thing that is wrong: ``job.repeat: received 0; Input should be …``."""
    if detail["type"] == "json_invalid":
        return f"is not JSON: {detail['msg'].removeprefix('Invalid JSON: ')}"
    given = detail["input"]
    shown = "a mapping" if isinstance(given, dict) else quote(given)
    place = f"{show_path(detail['loc'])}: " if detail["loc"] else ""
    return f"{place}received {shown}; {detail['msg']}"


def show_path(path: KeyPath) -> str:
    """Return a path as ``jobs[1].batch_size[2]``."""
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        else:
            key = step if re.fullmatch(r"[\w.+-]{1,64}", step) else quote(step)
            shown += f".{key}" if shown else key
    return shown


def quote(value: object) -> str:
    """Return a value as Python writes it, cut to a length that fits a line."""
    if isinstance(value, str | bytes | list | tuple):
        value = value[: LONGEST_QUOTE + 1]
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write out a number of thousands of digits
        text = "a number of very many digits"
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
