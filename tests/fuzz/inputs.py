"""Inputs: right ones with something wrong in them, and nonsense."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

HOSTILE = (
    *("\x1b[2J\x1b]0;t\x07", "\x9b31m", "\u202e\u2066", "a\nb\r\n", "\0", "\ufeff", "\u2028"),
    *("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\uff1d1", "<script>alert(1)</script>", "'\"><b>"),
    *("\\input{/etc/passwd}", "$x^2$", "| a | b |", "**", "![](http://h)", "# x", "~~", "`"),
    *("../../etc/passwd", "/abs", "NaN", "Infinity", "-inf", "1e999", "null", "", " ", "\u200b"),
    *("x" * 5_000, "\U0001f600" * 9, "日本語", "e\u0301" * 50, "0-99999999999", "9" * 400),
)
NUMBERS = (
    *(0, 1, -1, 2**31, 2**53, 2**63, -(2**63), 10**18, 10**19, 10**30, 10**400),
    *(0.0, -0.0, 1e-320, 1e-13, 1e-9, 1e9, 1e15, 1e16, 1e300, 1.7e308, -1e308, 0.5),
    *(float("nan"), float("inf"), float("-inf")),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(HOSTILE),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@st.composite
def changed(draw: st.DrawFn, right: Any) -> Any:
    """Draw a JSON value that is right but for a few places of it."""
    wrong = copy.deepcopy(right)
    for _ in range(draw(st.integers(0, 3))):
        places = [*_places(wrong)]
        if not places:
            return draw(values)
        path = draw(st.sampled_from(places))
        parent: Any = wrong
        for step in path[:-1]:
            parent = parent[step]
        match draw(st.sampled_from(("replace", "replace", "replace", "remove", "add", "repeat"))):
            case "replace":
                parent[path[-1]] = draw(scalars | values)
            case "remove":
                del parent[path[-1]]
            case "add" if isinstance(parent, dict):
                parent[draw(st.sampled_from(HOSTILE) | st.text(max_size=9))] = draw(values)
            case "repeat" if isinstance(parent, list):
                parent += [parent[path[-1]]] * draw(st.sampled_from((1, 2, 50, 2_000)))
            case _:
                parent[path[-1]] = [parent[path[-1]]]
    return wrong


@st.composite
def damaged(draw: st.DrawFn, right: bytes) -> bytes:
    """Draw bytes that are right but for a few places of them."""
    wrong = right
    for _ in range(draw(st.integers(1, 3))):
        at, end = sorted((draw(st.integers(0, len(wrong))), draw(st.integers(0, len(wrong)))))
        match draw(st.sampled_from(("insert", "cut", "end", "double", "swap"))):
            case "insert":
                token = draw(st.sampled_from(HOSTILE) | st.text(max_size=4)).encode(
                    errors="surrogatepass"
                )
                wrong = wrong[:at] + token + wrong[at:]
            case "cut":
                wrong = wrong[:at] + wrong[min(end, at + 40) :]
            case "end":
                wrong = wrong[:at]
            case "double":
                wrong = wrong[:at] + wrong[at:end] + wrong[at:]
            case _:
                wrong = wrong[:at] + draw(st.binary(max_size=4)) + wrong[at + 1 :]
    return wrong


def as_json(value: Any) -> bytes:
    """Return a value as JSON, with the numbers that JSON has not; a text may be no Unicode."""
    return json.dumps(value).encode()


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if not isinstance(value, dict | list):
        return
    for step, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, step)
        yield from _places(each, (*path, step))
