"""A terminal of so many columns, for commands that look at where they print."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable

from tests.conftest import environment


class Terminal:
    """The command line with standard error, or all its output, on a terminal."""

    def __init__(self, *arguments: str, columns: int = 80, errors_only: bool = False) -> None:
        self._reads, writes = pty.openpty()
        fcntl.ioctl(writes, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        given = {key: value for key, value in environment().items() if key != "COLUMNS"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "farm", *arguments],
            env={**given, "TERM": "xterm", "PYTHONFAULTHANDLER": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if errors_only else writes,
            stderr=writes,
            # Whoever runs the tests in a shell's background has it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
        os.close(writes)
        self.shown = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._reads, 65_536)
            except OSError:  # so a terminal says that nobody is left
                part = b""
            if not part:
                os.close(self._reads)
                return
            self.shown += part.decode(errors="replace").replace("\r\n", "\n")

    def until(self, condition: Callable[[str], bool], seconds: float = 60.0) -> str:
        """Return what is shown once the condition holds; fail when it does not in time."""
        tick = threading.Event()
        for _ in range(int(seconds / 0.1)):
            if condition(self.shown):
                return self.shown
            tick.wait(0.1)
        raise AssertionError(f"it was not shown in time:\n{self.shown}")

    def end(self) -> str:
        """Wait for the end, and return all that was shown."""
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler tells where it is
            self._reader.join(10)
            raise AssertionError(f"it did not end:\n{self.shown}") from None
        self._reader.join(10)
        return self.shown
