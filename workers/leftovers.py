"""Leftovers: processes that a job started and that have outlived it, wherever they hang.

A process that has left its job's session is found in two ways. On Linux the template is the
subreaper of all that descends from it (prctl(2), PR_SET_CHILD_SUBREAPER): whatever loses its parent
becomes the template's own child. And the template's environment has a mark, that all inherit, by
which they are found when the template itself is gone; only a process that has both left its session
and cleared its environment is not.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time

MARK = "FARM_TEMPLATE"
SWEEP_SECONDS = 5.0  # a process that hangs in the kernel must not hold up the next job for ever
PAUSE_SECONDS = 0.005
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def adopt_orphans() -> None:
    """Become the parent of all descendants that lose theirs; Linux only, elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def sweep() -> float:
    """Kill and reap all descendants of this process; return the CPU seconds that they had taken.

    Costs one system call where there are none. Gives up on what does not die within some seconds.
    """
    seconds, deadline = 0.0, time.monotonic() + SWEEP_SECONDS
    while time.monotonic() < deadline:
        try:
            pid, _, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid:
            seconds += used.ru_utime + used.ru_stime
            continue
        for child in _descendants():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        time.sleep(PAUSE_SECONDS)
    return seconds


def kill_marked(mark: str) -> None:
    """Kill every process of this user whose environment has the mark."""
    import psutil

    deadline = time.monotonic() + SWEEP_SECONDS
    found = True
    while found and time.monotonic() < deadline:  # again: one may fork while it is looked for
        found = False
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()
                    found = True
        if found:
            time.sleep(PAUSE_SECONDS)


def _descendants() -> list[int]:
    import psutil

    return [process.pid for process in psutil.Process().children(recursive=True)]
