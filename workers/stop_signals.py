"""StopSignals: the first Ctrl-C lets the job in hand come to its end, the second hands it back."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable

from workers.job_in_hand import JobInHand

# SIGHUP: the terminal or the connection of whoever started the worker is gone.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
HAND_BACK_SECONDS = 3.0  # for the child's death and Redis's answer; then the lease runs out


class StopSignals:
    """Handles the signals that stop a worker; `leave` is called once, and must not block."""

    def __init__(self, hand: JobInHand, leave: Callable[[], None]) -> None:
        self._hand = hand
        self._leave = leave
        self._received = 0

    def install(self) -> None:
        """Handle the signals; a lost terminal only where it was not to be ignored (nohup)."""
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        self._received += 1
        if self._received == 1:
            finishing = self._hand.stop_soon()
            self._leave()
            if finishing is not None:
                seconds = self._hand.grace_seconds
                within = "" if seconds is None else f" within {seconds:g} s"
                _say(f"finishing {finishing}{within}; Ctrl-C again hands it back at once")
        elif self._received == 2:
            job = self._hand.job
            _say("stopping" if job is None else f"handing {job.label} back")
            self._hand.stop_now()
            timer = threading.Timer(HAND_BACK_SECONDS, os._exit, [1])
            timer.daemon = True
            timer.start()
        else:
            os._exit(1)  # the child dies with this process, and its delivery goes to another worker


def _say(text: str) -> None:
    """Write a line to the terminal: a signal handler must not wait for a logger's lock."""
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())
