"""Document: a suite file as plain values, each with its line; read safely, whatever it holds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from farm.suite.mistake import UNREADABLE, Mistake, received
from farm.suite.yaml import MERGE, TAG, TooMuchError, check_limits, compose
from jobs.errors import SuiteError
from jobs.problem import LONGEST_QUOTE, KeyPath, quote, show_path

MAX_BYTES = 256 << 10


@dataclass
class Document:
    """The content of one file: text, numbers, booleans, None, lists and mappings with text keys.

    A value that could not be read is `UNREADABLE`, and among the mistakes.
    """

    name: str  # of the file, as messages give it
    content: object = None
    mistakes: list[Mistake] = field(default_factory=list)
    lines: dict[KeyPath, int] = field(default_factory=dict)  # where each key or item starts

    def value(self, path: KeyPath) -> object:
        """Return what the file has at this path, which must be there."""
        value: Any = self.content
        for step in path:
            value = value[step]
        return value

    def problem(self, mistake: Mistake) -> tuple[int, str]:
        """Return a mistake's line, and the message that gives its place, ``suite.yaml:7: …``."""
        place = mistake.path
        while place not in self.lines and place:
            place = place[:-1]
        line = mistake.line or self.lines.get(place, 1)
        shown = show_path(mistake.path)
        return line, f"{self.name}:{line}: {shown}{': ' if shown else ''}{mistake.text}"


def read(path: Path) -> Document:
    """Read a YAML file.

    Raises SuiteError when it cannot be read or is not YAML; lesser mistakes are in the document.
    """
    reader = _Reader(Document(str(path)))
    try:
        root = compose(path, _text(path))
        if root is not None:
            reader.document.content = reader.value(root, (), ())
    except TooMuchError as error:
        raise SuiteError([f"{path}:{error.line}: {error}"]) from None
    return reader.document


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise SuiteError([f"{path}: is a folder; accepted: a suite file"])
        if path.exists() and not path.is_file():
            raise SuiteError([f"{path}: is no regular file; accepted: a suite file"])
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SuiteError([f"{path}: cannot be read: {reason}"]) from None
    if len(raw) > MAX_BYTES:
        raise SuiteError([f"{path}: is larger than {MAX_BYTES} bytes, the most a suite may have"])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = f"{path}:{line}: not text: byte 0x{raw[error.start]:02x} is not UTF-8"
        raise SuiteError([problem]) from None


class _Reader:
    """Turns YAML nodes into the values of a document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes = 0

    def value(self, node: Node, path: KeyPath, inside: tuple[Node, ...]) -> object:
        self._count(node, inside)
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, SequenceNode) and node.tag == f"{TAG}seq":
            return [
                self.value(item, (*path, index), (*inside, node))
                for index, item in enumerate(node.value)
            ]
        if isinstance(node, MappingNode) and node.tag == f"{TAG}map":
            return self._mapping(node, path, inside)
        return self._unreadable(path, f"the tag {quote(node.tag)} is not accepted")

    def _scalar(self, node: ScalarNode, path: KeyPath) -> object:
        text: str = node.value
        kind = node.tag.removeprefix(TAG)
        if not _encodable(text):
            return self._unreadable(path, f"received {quote(text)}, which is not Unicode text")
        try:
            match kind:
                case "null":
                    return None
                case "bool":
                    return {"true": True, "false": False}[text.lower()]
                case "int":
                    return int(text)
                case "float" if math.isfinite(float(text)):
                    return float(text)
                case "str" | "merge":
                    return text
        except (ValueError, KeyError):
            return self._unreadable(path, f"{quote(text)} does not go with the tag '!!{kind}'")
        if kind == "float":
            return self._unreadable(path, f"received {quote(text)}; accepted: a finite number")
        return self._unreadable(path, f"the tag {quote(node.tag)} is not accepted")

    def _unreadable(self, path: KeyPath, text: str) -> object:
        self.document.mistakes.append(Mistake(path, text))
        return UNREADABLE

    def _mapping(
        self, node: MappingNode, path: KeyPath, inside: tuple[Node, ...]
    ) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node, merged in self._pairs(node, path, inside):
            line = key_node.start_mark.line + 1
            is_text = isinstance(key_node, ScalarNode) and key_node.tag == f"{TAG}str"
            if not is_text or not _encodable(key_node.value):
                text = f"received the key {_shown(key_node)}; accepted: keys of Unicode text"
                self.document.mistakes.append(Mistake(path, text, line))
                continue
            key: str = key_node.value
            if key not in found:
                self.document.lines[(*path, key)] = line
                found[key] = self.value(value_node, (*path, key), (*inside, node))
            elif not merged:
                first = self.document.lines[(*path, key)]
                text = f"duplicate key, first on line {first}"
                self.document.mistakes.append(Mistake((*path, key), text, line))
        return found

    def _pairs(
        self, node: MappingNode, path: KeyPath, inside: tuple[Node, ...]
    ) -> Iterator[tuple[Node, Node, bool]]:
        """Yield keys and values, and whether `<<` merged them in; those come last."""
        merges = [value for key, value in node.value if key.tag == MERGE]
        for key, value in node.value:
            self._count(node, inside)
            if key.tag != MERGE:
                yield key, value, False
        for value in merges:
            for part in value.value if isinstance(value, SequenceNode) else [value]:
                self._count(part, (*inside, node))
                if isinstance(part, MappingNode):
                    for key, merged, _ in self._pairs(part, path, (*inside, node)):
                        yield key, merged, True
                else:
                    text = f"received {_shown(part)} after '<<'; accepted: a mapping"
                    self.document.mistakes.append(Mistake(path, text, part.start_mark.line + 1))

    def _count(self, node: Node, inside: tuple[Node, ...]) -> None:
        self.nodes += 1
        check_limits(node.start_mark, len(inside) + 1, self.nodes)
        if node in inside:
            raise TooMuchError(node.start_mark, "an alias refers to what contains it")


def _shown(node: Node) -> str:
    if isinstance(node, ScalarNode) and node.tag != f"{TAG}str":
        return str(node.value[:LONGEST_QUOTE]) or "nothing"
    return received({} if isinstance(node, MappingNode) else node.value)


def _encodable(text: str) -> bool:
    """Tell whether it is free of lone surrogates, which escapes can make."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
