"""Table: the rows of a CSV file as texts, whatever program wrote it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from farm.measurements.columns import (
    COLUMNS,
    FAMILIES,
    MOST,
    MOST_COLUMNS,
    REQUIRED,
    find_column,
)
from farm.measurements.mistakes import SHOWN, Mistakes
from jobs.errors import did_you_mean
from jobs.limits import MAX_KEY
from jobs.problem import quote

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MAX_HEADER = 1 << 20  # characters of the line that tells what separates the fields
# The first bytes of files that are often taken for CSV.
_OTHERS = (
    (b"PK\x03\x04", "is a workbook or a ZIP archive; save the sheet as 'CSV UTF-8'"),
    (b"\xd0\xcf\x11\xe0", "is a workbook; save the sheet as 'CSV UTF-8'"),
    (b"\xff\xfe", "is UTF-16 text; save it as 'CSV UTF-8'"),
    (b"\xfe\xff", "is UTF-16 text; save it as 'CSV UTF-8'"),
    (b"\x1f\x8b", "is compressed; decompress it first"),
)


@dataclass
class Table:
    """A CSV file, its header checked; rows are read as they are asked for."""

    file: str  # its name, as messages give it
    columns: dict[str, int] = field(default_factory=dict)  # by name, the place in a row
    notes: list[str] = field(default_factory=list)  # what a reader of the import should know
    _width: int = 0
    _nameless: list[int] = field(default_factory=list)  # places that the header leaves empty
    _rest: Iterator[tuple[int, list[str]]] = field(default_factory=lambda: iter(()))

    def rows(self, mistakes: Mistakes) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that is not blank, with its line: as many fields as the header has."""
        width = self._width
        for line, row in self._rest:
            if len(row) != width or not row[0]:
                if not any(text.strip() for text in row):
                    continue
                if len(row) < width or any(text.strip() for text in row[width:]):
                    accepted = f"{width}, as many as the header has"
                    mistakes.add(
                        self.file, line, f"received {len(row)} fields; accepted: {accepted}"
                    )
                    continue
            for index in self._nameless:
                if row[index].strip():
                    text = f"received {quote(row[index])} in column {index + 1}, which has no name"
                    mistakes.add(self.file, line, text)
            yield line, row


def open_table(file: str, data: bytes, mistakes: Mistakes) -> Table | None:
    """Read the header of a CSV file in UTF-8, its fields separated by commas or the like.

    Return None, and record why, when there is none or it is wrong.
    """
    for begin, what in _OTHERS:
        if data.startswith(begin):
            mistakes.add(
                file, 0, f"{what}; accepted: text in UTF-8, its fields separated by commas"
            )
            return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        mistakes.add(file, line, f"{what}; save the file as 'CSV UTF-8'")
        return None
    table = Table(file)
    lines, separator = _separated(text)
    table._rest = _records(file, lines, separator, mistakes)
    if separator != ",":
        table.notes.append(f"its fields are separated by {_SEPARATORS[separator]}")
    line, header = next(table._rest, (1, []))
    if not header:
        mistakes.add(file, 0, f"is empty; accepted: a header with {', '.join(REQUIRED)}, and rows")
        return None
    table._width = len(header)
    right = _check_header(table, line, [name.strip() for name in header], mistakes)
    return table if right else None


def _separated(text: str) -> tuple[io.StringIO, str]:
    """Return the text, and what separates its fields: what makes the most columns of line 1."""
    lines = io.StringIO(text, newline="")
    if said := re.match(r"sep=([,;|\t])\r?\n", text):  # Excel's own hint, which is no row
        lines.readline()
        return lines, said[1]
    begin = lines.tell()
    first = next((line for line in lines if line.strip()), "")[:MAX_HEADER].rstrip("\r\n")
    lines.seek(begin)

    def known(separator: str) -> int:
        names = next(csv.reader([first], delimiter=separator), [])
        return sum(find_column(name.strip()) is not None for name in names)

    return lines, max(_SEPARATORS, key=known)


def _records(
    file: str, lines: io.StringIO, separator: str, mistakes: Mistakes
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    offset = 1 if lines.tell() else 0
    line = 1 + offset
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1 + offset
    except csv.Error as error:
        mistakes.add(file, line, f"is not CSV: {error}; a quote inside a field is written twice")


def _check_header(table: Table, line: int, header: list[str], mistakes: Mistakes) -> bool:
    known = [*COLUMNS, *(f"{prefix}.NAME" for prefix in FAMILIES)]
    if len(header) > MOST_COLUMNS:
        accepted = f"at most {MOST_COLUMNS:,}"
        mistakes.add(table.file, line, f"received {len(header):,} columns; accepted: {accepted}")
        return False
    problems: list[str] = []
    for index, name in enumerate(header):
        if not name:
            table._nameless.append(index)  # a spreadsheet's, unless it holds something
        elif find_column(name) is None:
            meant = _meant(name) if len(problems) < SHOWN else ""  # each takes a while
            problems.append(f"unknown column {quote(name)}{meant}; accepted: {', '.join(known)}")
        elif len(name.partition(".")[2]) > MAX_KEY:
            accepted = f"up to {MAX_KEY} characters behind the point"
            problems.append(f"the column {quote(name)} has a long name; accepted: {accepted}")
        elif name in table.columns:
            problems.append(f"the column {name!r} is there twice")
        else:
            table.columns[name] = index
    for prefix, most in MOST.items():
        count = sum(name.startswith(f"{prefix}.") for name in table.columns)
        if count > most:
            problems.append(f"received {count} columns {prefix}.NAME; accepted: up to {most}")
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing:
        problems.append(f"needs the column{'s' * (len(missing) > 1)} {', '.join(missing)}")
    for problem in problems:
        mistakes.add(table.file, line, problem)
    return not problems


def _meant(name: str) -> str:
    prefix, dot, rest = name.partition(".")
    if dot and (hint := did_you_mean(prefix, FAMILIES)):
        return hint.replace("'?", f".{rest}'?")
    plain = re.sub(r"[\s-]+", "_", name.lower())
    plain = re.sub(r"\W.*", "", plain).rstrip("_")  # 'seconds (s)'
    also = {"batch": "batch_size", "time": "seconds", "energy": "energy_joules", "run": "repeat"}
    return did_you_mean(also.get(plain, plain), COLUMNS)
