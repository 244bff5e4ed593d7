"""Processes of a farm: starting them, waiting for them, and finding those that are left."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

FARM = (sys.executable, "-m", "farm")


def start(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
) -> subprocess.Popen[bytes]:
    """Start a process as from another terminal: nothing to read, a session and a log of its own."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def until(
    condition: Callable[[], object],
    seconds: float = 90.0,
    what: str = "what was waited for",
    pause: float = 0.05,
) -> None:
    """Wait until the condition holds; raise TimeoutError naming `what` when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)


def ended(pid: int) -> bool:
    """Tell whether the process is no more; one that nobody has reaped yet counts as ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def send(pid: int, number: int) -> bool:
    """Send the signal; return False when the process has ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def children(pid: int) -> list[psutil.Process]:
    """Return the living children of a process, none when it has ended."""
    try:
        return [
            child
            for child in psutil.Process(pid).children()
            if child.status() != psutil.STATUS_ZOMBIE
        ]
    except psutil.Error:
        return []


def template_of(worker: int) -> int | None:
    """Return the process id of a worker's warm template, or None while it has none."""
    for child in children(worker):
        with contextlib.suppress(psutil.Error):
            if "workers.template" in child.cmdline():
                return child.pid
    return None


def child_of(worker: int) -> int | None:
    """Return the process id of the job's child, or None while there is none."""
    template = template_of(worker)
    found = [] if template is None else children(template)
    return found[0].pid if found else None


def tree_of(worker: int) -> list[int]:
    """Return the worker, its template and the job's child, as far as they are there."""
    return [pid for pid in (worker, template_of(worker), child_of(worker)) if pid is not None]


def of_farm(folder: Path) -> list[psutil.Process]:
    """Return the living processes whose FARM_HOME lies in the folder, this one left out."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            home = process.environ().get("FARM_HOME", "")
            mine = Path(home).is_relative_to(folder) if home else False
            if mine and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def words(process: psutil.Process) -> str:
    """Return the process in a few words, for a message."""
    with contextlib.suppress(psutil.Error):
        return f"{process.pid} {' '.join(process.cmdline())[:120]}"
    return str(process.pid)
