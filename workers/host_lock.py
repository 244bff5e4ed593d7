"""HostLock: keeps two measurements from running on one machine at the same time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import HardwareError


def lock_path() -> Path:
    """Return the lock's file: in FARM_LOCK_DIR, else in the system's temporary directory."""
    folder = os.environ.get("FARM_LOCK_DIR") or tempfile.gettempdir()
    return Path(folder) / "benchfarm-host.lock"


@contextmanager
def host_lock(path: Path) -> Iterator[None]:
    """Hold the machine for as long as the body runs; wait, without polling, until it is free.

    The lock is the kernel's (flock): it goes with the process that holds it, however that dies.
    """
    try:
        fd = _open(path)
    except OSError as error:
        raise HardwareError(
            f"the host's lock {path} cannot be opened ({error.strerror}); set FARM_LOCK_DIR to a "
            f"folder that all workers of this machine can write to, or use --share-host"
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    # Without O_CREAT first: in a sticky folder Linux refuses it for another user's file. A lock
    # needs no write permission, so the umask of whoever came first does not matter.
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
