"""Shown: everything that commands print of a store, and what must never be in it."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from itertools import islice

from farm.exchange.exchange import specs_of
from farm.matrix.matrix import build
from farm.readings.comparability import common, side_by_side
from farm.render import FORMATS, escape, jobs, render
from farm.render.environment import beside
from farm.render.result import lines
from farm.run import Run
from farm.store.store import Store
from jobs.errors import FarmError

MOST_RESULTS = 5
STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # categories of Unicode
FORMULA = re.compile(r"[=+@\t\r\uff1d\uff0b\uff0d\uff20]|-(?!$|[0-9.])")


def check_shown(store: Store, run: Run, metric: str = "speedup", style: str | None = None) -> None:
    """Print all there is of a run; fail when something could steer a terminal, or is markup."""
    rows = store.job_rows(run.id)
    if rows:
        for width in (None, 60):
            check_plain("\n".join(jobs.table(run, rows, specs_of(run, rows), width)))
    for result in islice(store.results(run.id), MOST_RESULTS):
        check_plain("\n".join(lines(result)))
    entries = store.entries([run])
    known = [common([entry.conditions]) for entry in entries if entry.conditions]
    if known:
        sides = side_by_side(known[0], known[-1])
        check_plain(beside(sides, (run.id, run.suite), everything=True, width=60))
    try:
        matrix = build(entries, baseline=None, metric=metric)
    except FarmError:
        return
    for each in [style] if style else FORMATS:
        check_format(each, render(matrix, each, title=run.id, width=80))


def check_plain(text: str, where: str = "") -> None:
    """Fail when a text for a terminal holds what could steer one."""
    found = {each for each in {*text} - {"\n"} if unicodedata.category(each) in STEERING}
    assert not found, (sorted(map(ascii, found)), where)


def check_format(style: str, text: str) -> None:
    """Fail when a printed matrix holds what its medium would take for more than text."""
    check_plain(text)
    if style == "json":
        json.loads(text)
    elif style == "csv":
        for row in csv.reader(text.splitlines()):
            assert not [field for field in row if FORMULA.match(field)], row
    elif style == "html":
        body = text.partition("</style>")[2]
        tags = {*re.findall(r"<\s*/?\s*([^\s>/]*)", body)}
        known = "head body h1 p div table thead tbody tr th td sup del ol ul li html"
        assert tags <= {*known.split()}, tags
        assert not re.search(r"<[^>]*(style|on\w+|href|src)\s*=\s*[^>]*(script|http)", body)
    elif style == "markdown":
        assert "<" not in text
        assert "](" not in text.replace("\\](", "")
    elif style == "latex":
        for command in ("input", "write", "include", "def", "catcode", "csname"):
            assert f"\\{command}" not in text


def check_message(*said: str) -> None:
    """Fail when lines of an error could steer a terminal, or are endless."""
    assert said
    assert all(line.isprintable() for line in said), said
    shown = "\n".join(escape.lines("\n".join(said)))
    check_plain(shown)
    assert len(shown) < 100_000
