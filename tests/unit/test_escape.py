"""Escape and log format: what one medium takes for more than text, and how a log line stays one."""

from __future__ import annotations

import logging

import pytest

from farm.log_format import PlainFormatter
from farm.render import escape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# x", "\\# x"),
        ("#x", "#x"),
        ("- x", "\\- x"),
        ("-5", "-5"),
        ("+ x", "\\+ x"),
        ("1. x", "1\\. x"),
        ("12) x", "12\\) x"),
        ("1.5", "1.5"),
        ("===", "\\==="),
        ("---", "\\---"),
        ("a # b", "a # b"),
        ("![x](http://h)", "!\\[x\\](http://h)"),
        ("<b>", "&lt;b&gt;"),
        ("\x1b[31m# x", "\\# x"),
    ],
)
def test_markdown_reads_as_itself(text: str, shown: str) -> None:
    assert escape.markdown(text) == shown


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r\n=1", " =1", "\x1b[1m=1"])
@pytest.mark.parametrize("wide", [False, True])
def test_no_cell_of_a_spreadsheet_is_a_formula(text: str, wide: bool) -> None:
    full = text.translate({ord(c): ord(c) + 0xFEE0 for c in "=+-@"}) if wide else text
    assert escape.csv(full).startswith("'")
    assert escape.csv("a=1") == "a=1"


def test_lines_keep_their_spaces_and_nothing_else() -> None:
    text = "a  b\n\tc\x1b[31m\x1f\x85d\u202e\u2028e\x00\n\n  f \n"
    shown = escape.lines(text)
    assert shown == ["a  b", "    c", "d\\u202e", "e\\x00", "", "  f"]


@pytest.mark.parametrize(
    "text", ["\x1b[\x1b[2J2J", "\x1b]0;t", "\x9b2J", "a\rb", "\x08\x08", "\u2066x\u2069", "\udc80"]
)
def test_nothing_steers_a_terminal(text: str) -> None:
    assert escape.plain(text).isprintable()
    assert all(line.isprintable() for line in escape.lines(text))


def test_a_record_is_one_line_and_none_passes_for_another() -> None:
    # Given a record that quotes what looks like the next one, and an error that does as well
    forged = "x\n2026-01-01 00:00:00 ERROR all is lost\x1b[2J"
    formatter = PlainFormatter("%(levelname)s %(message)s")
    try:
        raise ValueError(forged)
    except ValueError as error:
        raised = (type(error), error, error.__traceback__)
    record = logging.LogRecord("a", logging.WARNING, "f", 1, "said %s", (forged,), raised)
    # When it is written
    first, *rest = formatter.format(record).split("\n")
    # Then its message is one line, and the lines of the traceback are set in
    assert first == "WARNING said x 2026-01-01 00:00:00 ERROR all is lost"
    assert all(line.startswith("  ") and line.isprintable() for line in rest)
    assert any("ERROR all is lost" in line for line in rest)
