"""The exit codes of every command."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's end means to the script that called it."""

    DONE = 0
    FAILED = 1  # the farm could not do it
    USAGE = 2  # wrong usage, or a wrong suite file; nothing was done
    JOBS_FAILED = 3  # done, but some jobs did not succeed
    INTERRUPTED = 130  # Ctrl-C
