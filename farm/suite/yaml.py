"""The YAML of a suite file: text → nodes, safely, whatever the text holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import yaml
from yaml.error import Mark, MarkedYAMLError
from yaml.nodes import Node
from yaml.reader import ReaderError

from jobs.errors import SuiteError
from jobs.problem import quote

MAX_DEPTH = 20
MAX_NODES = 20_000  # values and keys, after aliases are expanded

TAG: Final = "tag:yaml.org,2002:"
MERGE: Final = f"{TAG}merge"
_PLAIN_SCALARS: Final = {
    None: [
        (f"{TAG}null", re.compile(r"(|~|null|Null|NULL)\Z")),
        (f"{TAG}bool", re.compile(r"(true|True|TRUE|false|False|FALSE)\Z")),
        (f"{TAG}int", re.compile(r"[-+]?[0-9]{1,100}\Z")),
        (f"{TAG}float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")),
        (MERGE, re.compile(r"<<\Z")),
    ]
}


def compose(path: Path, text: str) -> Node | None:
    """Return the root node of the YAML text in a file, or None when it holds nothing.

    Raises SuiteError when it is no YAML, TooMuchError when it exceeds a limit.
    """
    try:
        loader = _Loader(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"{path}:{line}: not text: it has the character {quote(text[error.position])}"
        raise SuiteError([problem]) from None
    try:
        return loader.get_single_node()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or loader.get_mark()
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        where = f"{path}:{mark.line + 1}: not valid YAML: {reason} (column {mark.column + 1})"
        raise SuiteError([where]) from None
    # PyYAML converts escapes and version numbers unguarded.
    except (ValueError, OverflowError) as error:
        raise SuiteError([f"{path}:{loader.line + 1}: not valid YAML: {error}"]) from None


class TooMuchError(Exception):
    """The file exceeds a limit that protects its reader."""

    def __init__(self, mark: Mark, text: str) -> None:
        self.line = mark.line + 1
        super().__init__(text)


class _Loader(yaml.SafeLoader):
    """PyYAML's parser, with the plain scalars of YAML 1.2: `no` and `2026-01-01` are text."""

    yaml_implicit_resolvers = _PLAIN_SCALARS

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.nodes = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        self.depth += 1
        self.nodes += 1
        check_limits(mark, self.depth, self.nodes)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def check_limits(mark: Mark, depth: int, nodes: int) -> None:
    """Raise TooMuchError for a node so deep, or after so many."""
    if depth > MAX_DEPTH:
        raise TooMuchError(mark, f"nested too deeply; accepted: up to {MAX_DEPTH} levels")
    if nodes > MAX_NODES:
        text = f"too many values, aliases expanded; accepted: up to {MAX_NODES}"
        raise TooMuchError(mark, text)
