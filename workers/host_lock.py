"""HostLock: keeps two measurements from running on one machine at the same time."""

from __future__ import annotations

import fcntl
import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import HardwareError
from workers.stop_token import StopToken


def lock_path() -> Path:
    """Return the lock's file: in FARM_LOCK_DIR, else in the machine's temporary directory."""
    # Not Python's own idea of it: macOS gives every user one of their own.
    return Path(os.environ.get("FARM_LOCK_DIR") or "/tmp") / "benchfarm-host.lock"


@contextmanager
def host_lock(path: Path, stop_token: StopToken) -> Iterator[None]:
    """Hold the machine for as long as the body runs; wait, without polling, until it is free.

    The lock is the kernel's (flock): it goes with the process that holds it, however that dies.
    Raises HardwareError when the file cannot be opened, and Stopped when a stop is requested before
    the machine is free.
    """
    fd = _locked(path, stop_token)
    try:
        yield
    finally:
        os.close(fd)


def _locked(path: Path, stop_token: StopToken) -> int:
    """Return a descriptor that holds the lock."""
    fd = opened(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        return fd
    # Nothing wakes a thread that waits for a lock, so a helper waits. It may do so for hours after
    # nobody wants the lock any more, and then lets go of it at once.
    told, tell = os.pipe()
    guard = threading.Lock()
    locked = given_up = False

    def wait() -> None:
        nonlocal locked
        fcntl.flock(fd, fcntl.LOCK_EX)
        with guard:
            locked = True
            if given_up:
                os.close(fd)
            else:
                os.write(tell, b"!")

    threading.Thread(target=wait, name="host lock", daemon=True).start()
    try:
        select.select([told, stop_token.fileno()], [], [])
        stop_token.check()
    except BaseException:
        with guard:
            given_up = True
            if locked:
                os.close(fd)
        raise
    finally:
        os.close(told)
        os.close(tell)
    return fd


def opened(path: Path) -> int:
    """Return a descriptor of the lock's file; raise HardwareError when it cannot be opened."""
    try:
        # Without O_CREAT first: in a sticky folder Linux refuses it for another user's file. A
        # lock needs no permission to write.
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            os.fchmod(fd, 0o644)  # whatever the umask: all users of the machine share it
            return fd
    except OSError as error:
        raise HardwareError(
            f"the host's lock {path} cannot be opened ({error.strerror}); set FARM_LOCK_DIR to a "
            f"folder that all workers of this machine can use, or start the worker with "
            f"--share-host"
        ) from error
