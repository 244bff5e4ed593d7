"""Import source: what somebody names to be imported, read in bounded memory and time."""

from __future__ import annotations

import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

MAX_TABLE_BYTES = 128 << 20  # of a CSV file: a million rows and more
MAX_PIPED_BYTES = 4 << 30  # of what comes through a pipe, kept on disk to be read twice
MAX_LINE_BYTES = 64 << 20  # of a file of lines of JSON: a run of a hundred thousand cells
CHUNK_BYTES = 1 << 20


class SourceError(ValueError):
    """What was named is nothing to import; the message says why, after the name."""


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """Yield the content of a file, which can be read twice, though it were a pipe's.

    ``-`` is standard input. Raises SourceError or OSError.
    """
    if file != "-":
        _check_kind(Path(file))
    with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as given:
        if file != "-" and given.seekable():
            yield given
            return
        with tempfile.TemporaryFile() as copy:
            _copy(given, copy)
            copy.seek(0)
            yield copy


def whole(content: BinaryIO) -> bytes:
    """Return all of a table's content; raise SourceError when that is too much."""
    data = content.read(CHUNK_BYTES)
    _check_text(data)
    data += content.read(MAX_TABLE_BYTES + 1 - len(data))
    if len(data) > MAX_TABLE_BYTES:
        raise SourceError(
            f"is larger than {MAX_TABLE_BYTES >> 20} MiB, the most a table may have; split it"
        )
    return data


def lines(content: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, counted from 1; raise SourceError for an endless one."""
    number = 0
    while line := content.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise SourceError(
                f"its line {number} is longer than {MAX_LINE_BYTES >> 20} MiB, the most it may be"
            )
        if text := line.removeprefix(b"\xef\xbb\xbf").strip():
            yield number, text


def _check_kind(path: Path) -> None:
    """Raise SourceError for what would never end, or never begin."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return
    # What a shell writes for `<(…)` and for its standard input; others may wait for ever.
    if stat.S_ISFIFO(mode) and (path.is_relative_to("/dev") or path.is_relative_to("/proc")):
        return
    kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
    raise SourceError(f"is {kind}; accepted: a file, or - for standard input")


def _copy(given: BinaryIO, copy: BinaryIO) -> None:
    size = 0
    while chunk := given.read(CHUNK_BYTES):
        if size == 0:
            _check_text(chunk)
        size += len(chunk)
        if size > MAX_PIPED_BYTES:
            raise SourceError(f"is larger than {MAX_PIPED_BYTES >> 30} GiB; write it to a file")
        copy.write(chunk)


def _check_text(data: bytes) -> None:
    # UTF-16 is full of it, and gets a better word from who knows its first bytes.
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"PK", b"\xd0\xcf")):
        raise SourceError("is not text: it holds the byte 0x00")
