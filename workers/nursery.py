"""Nursery: the runner's end of a warm template: start a child, wait for it, kill it in time."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from jobs.limits import MAX_REPORT_BYTES
from jobs.spec import Backend
from workers.stop_token import StopToken
from workers.template_process import REAP_SECONDS, TemplateProcess, environment_of

STDERR_BYTES = 32 << 10


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a child and all that it waited for took of the machine."""

    cpu_seconds: float  # its template's from its start to its end included
    peak_bytes: int  # resident set of the largest process


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Why the system did not let a child start."""

    error: int | None  # an errno
    said: str


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a child ended, and what it left."""

    status: int | None  # the wait status; None when the template died with it, or there was none
    report: bytes
    stderr_tail: str
    timed_out: bool
    oversized: bool  # it wrote more than a report can be, and was killed for it
    usage: Usage | None = None  # None when nobody could tell
    refused: Refused | None = None  # there never was a child


class Nursery:
    """One template process of one backend; starts it when needed and again when it has died.

    When the token asks for it, its child is killed, and whatever was waited for ends with Stopped.
    """

    def __init__(
        self,
        backend: Backend,
        isolation: str,
        environment: Mapping[str, str],
        stop_token: StopToken | None = None,
    ) -> None:
        self.backend = backend
        self.isolation = isolation
        self.environment = environment_of(backend, environment)
        self.stop_token = stop_token or StopToken()
        self._template: TemplateProcess | None = None

    @property
    def pid(self) -> int | None:
        """The template's process id; None while there is none."""
        return None if self._template is None else self._template.pid

    def prepare(self) -> None:
        """Have the template wait for its next job; raise UnsupportedError without the backend.

        Raises MemoryError when there is not enough memory to import the backend.
        """
        self._ready()

    def run(self, request: str, timeout_seconds: float) -> Ending:
        """Run one child to its end or its deadline; raise UnsupportedError without the backend."""
        report_read, report_write = os.pipe()
        stderr_read, stderr_write = os.pipe()
        try:
            template = self._hand_over(request, report_write, stderr_write)
        except BaseException:
            os.close(report_read)
            os.close(stderr_read)
            raise
        finally:
            os.close(report_write)
            os.close(stderr_write)
        with os.fdopen(report_read, "rb", 0) as report, os.fdopen(stderr_read, "rb", 0) as stderr:
            return self._attend(template, report, stderr, time.monotonic() + timeout_seconds)

    def close(self) -> None:
        """End the template, and with it whatever child it has; return when it is gone."""
        template, self._template = self._template, None
        if template is not None:
            template.close()

    def _hand_over(self, request: str, report: int, stderr: int) -> TemplateProcess:
        """Give the template its next job; start the template afresh if it has died meanwhile."""
        while True:
            template = self._ready()
            try:
                template.send(request, [report, stderr])
            except ConnectionError:
                self.close()
            else:
                return template

    def _attend(
        self, template: TemplateProcess, report: IO[bytes], stderr: IO[bytes], deadline: float
    ) -> Ending:
        """Read both pipes and the template until it tells of the child's end; block in between."""
        received, tail = bytearray(), bytearray()
        timed_out = oversized = stopped = False
        status = usage = refused = None
        with selectors.DefaultSelector() as selector:
            for source in (template.control, self.stop_token, report, stderr):
                selector.register(source, selectors.EVENT_READ)
            ended = False
            while not ended:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if time.monotonic() >= deadline:  # also when a flood keeps the pipes ready
                    if timed_out or oversized or stopped:
                        self.close()  # the template does not answer: it goes, its child with it
                        break
                    timed_out, deadline = True, _kill(template)
                for key, _ in ready:
                    if key.fileobj is self.stop_token:
                        selector.unregister(self.stop_token)
                        stopped, deadline = True, _kill(template)
                        continue
                    if key.fileobj is template.control:
                        for event in template.events():
                            if event["event"] == "exited":
                                status, ended = event["status"], True
                                usage = Usage(**event["usage"])
                            elif event["event"] == "refused":
                                ended = True
                                refused = Refused(error=event["error"], said=event["said"])
                        if template.hung_up:
                            ended = True
                            self.close()  # and whatever child it had
                        continue
                    chunk = os.read(key.fd, 1 << 16)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is stderr:
                        tail = (tail + chunk)[-STDERR_BYTES:]
                    elif len(received) <= MAX_REPORT_BYTES:
                        received += chunk
                    elif not oversized:
                        oversized, deadline = True, _kill(template)
        if stopped and status != 0:  # else it ended by itself, before it was killed
            self.stop_token.check()
        _drain(report, received)
        _drain(stderr, tail)
        return Ending(
            status=status,
            report=bytes(received),
            stderr_tail=tail[-STDERR_BYTES:].decode(errors="replace"),
            timed_out=timed_out,
            oversized=oversized,
            usage=usage,
            refused=refused,
        )

    def _ready(self) -> TemplateProcess:
        self.stop_token.check()
        if self._template is not None and self._template.alive:
            return self._template
        self.close()
        template = TemplateProcess(self.backend, self.isolation, self.environment)
        template.wait_until_ready(self.stop_token)
        self._template = template
        return template


def _kill(template: TemplateProcess) -> float:
    """Have the child killed; return by when its death must be reported."""
    template.kill_child()
    return time.monotonic() + REAP_SECONDS


def _drain(pipe: IO[bytes], into: bytearray) -> None:
    """Append what is left in the pipe, without waiting for whoever may still hold it open."""
    os.set_blocking(pipe.fileno(), False)
    while chunk := pipe.read(1 << 16):
        into += chunk
        if len(into) > 2 * MAX_REPORT_BYTES:
            return
