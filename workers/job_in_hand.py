"""JobInHand: the job that a worker is at, and how others end it before its time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.spec import JobSpec
from workers.stop_token import Stopped, StopToken, Why


class JobInHand:
    """One job at a time; any thread may call any method, and so may a signal handler.

    `grace_seconds` is how long a job may go on after `stop_soon`; None: to its end.
    """

    def __init__(self, stop_token: StopToken, grace_seconds: float | None = None) -> None:
        self.stop_token = stop_token
        self.grace_seconds = grace_seconds
        self._lock = threading.RLock()  # a signal can arrive while its thread holds it
        self._job: JobSpec | None = None
        self._begun = False
        self._leaving = False

    @property
    def job(self) -> JobSpec | None:
        """The job; None while there is none."""
        return self._job

    @contextmanager
    def take(self, job: JobSpec) -> Iterator[None]:
        """Have the job in hand while the body runs; raise Stopped when no more are taken."""
        with self._lock:
            if self._leaving:
                raise Stopped(Why.HANDED_BACK)
            self.stop_token.reset()
            self._job, self._begun = job, False
        try:
            yield
        finally:
            with self._lock:
                self._job = None

    def begin(self) -> None:
        """Say that the job is being measured: it waits for nobody any more."""
        with self._lock:
            self._begun = True

    def drop(self, job_id: str) -> None:
        """Stop the job of that id, if it is the one in hand: its result is not wanted."""
        with self._lock:
            if self._job is not None and self._job.id == job_id:
                self.stop_token.request_stop(Why.OVER)

    def stop_soon(self) -> str | None:
        """Take no further job; return the label of the one that is finished before, if any.

        A job that waits for the machine to be free is handed back at once.
        """
        with self._lock:
            self._leaving = True
            if self._job is None or not self._begun or self.grace_seconds == 0:
                self.stop_now()
                return None
            if self.grace_seconds is not None:
                timer = threading.Timer(self.grace_seconds, self.stop_now)
                timer.daemon = True
                timer.start()
            return self._job.label

    def stop_now(self) -> None:
        """Take no further job, and hand back the one in hand."""
        with self._lock:
            self._leaving = True
            if self._job is not None:
                self.stop_token.request_stop(Why.HANDED_BACK)
