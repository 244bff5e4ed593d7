"""Facts about the process that measures."""

from __future__ import annotations

import resource
import sys


def peak_memory_bytes() -> int:
    """Return this process's peak resident set since it started, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB
