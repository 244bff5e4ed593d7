"""StopToken: ends from another thread whatever the job's thread is waiting for."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import weakref
from enum import Enum


class Why(Enum):
    """Why a job is stopped before its end."""

    OVER = "it was cancelled, or another worker has measured it"  # no result is wanted
    HANDED_BACK = "its worker stops"  # another worker is to measure it


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """The job's thread was told to stop."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class StopToken:
    """Any thread or signal handler can request a stop; a selector waits for it as for a file."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal can arrive while its thread holds it
        self._why: Why | None = None
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        weakref.finalize(self, _close, self._read, self._write)

    def fileno(self) -> int:
        """Return what becomes readable when the token asks for it, and stays so until `reset`."""
        return self._read

    def request_stop(self, why: Why) -> None:
        """Have the job's thread stop; the first reason counts."""
        with self._lock:
            if self._why is None:
                self._why = why
                os.write(self._write, b"!")

    def reset(self) -> None:
        """Forget the request: another job begins."""
        with self._lock:
            self._why = None
            with contextlib.suppress(BlockingIOError):
                os.read(self._read, 4096)

    def check(self) -> None:
        """Raise Stopped when a stop was requested."""
        if self._why is not None:
            raise Stopped(self._why)

    def sleep(self, seconds: float) -> None:
        """Wait so long; raise Stopped as soon as a stop is requested."""
        select.select([self._read], [], [], seconds)
        self.check()


def _close(*fds: int) -> None:
    for fd in fds:
        os.close(fd)
