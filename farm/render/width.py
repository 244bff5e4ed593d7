"""How much room there is for what is printed."""

from __future__ import annotations

import os
import shutil
import sys

USUAL = (80, 24)  # characters in a line, lines: of a terminal that does not tell


def of_output() -> int | None:
    """Return the terminal's width in characters; None, no limit, for a file or a pipe.

    The variable COLUMNS counts wherever the output goes.
    """
    fits = (sys.stdout is not None and sys.stdout.isatty()) or "COLUMNS" in os.environ
    return shutil.get_terminal_size().columns if fits else None


def of_errors() -> int | None:
    """Return the width of the terminal that standard error goes to; None where it is none."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    try:
        own = os.get_terminal_size(sys.stderr.fileno())
    except OSError:
        own = os.terminal_size(USUAL)
    return shutil.get_terminal_size(own).columns or USUAL[0]
