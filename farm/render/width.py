"""How much room there is for what is printed."""

from __future__ import annotations

import os
import shutil
import sys


def of_output() -> int | None:
    """Return the terminal's width in characters; None, no limit, for a file or a pipe.

    The variable COLUMNS counts wherever the output goes.
    """
    fits = (sys.stdout is not None and sys.stdout.isatty()) or "COLUMNS" in os.environ
    return shutil.get_terminal_size().columns if fits else None
