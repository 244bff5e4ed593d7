"""Nursery: the runner's end of a warm template: start a child, wait for it, kill it in time."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from jobs.errors import UnsupportedError
from jobs.memory import last_words
from jobs.spec import KERAS_BACKENDS, Backend
from workers import memory

IMPORT_SECONDS = 600.0  # a cold disk under a network file system imports TensorFlow in minutes
REAP_SECONDS = 15.0  # from the kill to the report of the death
REPORT_BYTES = 64 << 20
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
    """One template process of one backend; starts it when needed and again when it has died."""

    def __init__(self, backend: Backend, isolation: str, environment: Mapping[str, str]) -> None:
        self.backend = backend
        self.isolation = isolation
        self.environment = {
            **os.environ,
            **environment,
            **({"KERAS_BACKEND": backend} if backend in KERAS_BACKENDS else {}),
            "PYTHONSAFEPATH": "1",  # a folder `jobs` where the worker was started is not ours
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._log: IO[bytes] | None = None
        self._buffer = b""
        self._kills_before = 0  # when the template was started

    @property
    def pid(self) -> int | None:
        """The template's process id; None while there is none."""
        return None if self._process is None else self._process.pid

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
            control = self._hand_over(request, report_write, stderr_write)
        except BaseException:
            os.close(report_read)
            os.close(stderr_read)
            raise
        finally:
            os.close(report_write)
            os.close(stderr_write)
        with os.fdopen(report_read, "rb", 0) as report, os.fdopen(stderr_read, "rb", 0) as stderr:
            return self._attend(control, report, stderr, time.monotonic() + timeout_seconds)

    def close(self) -> None:
        """End the template, and with it whatever child it has; return when it is gone."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(REAP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._log is not None:
            self._log.close()
        self._process = self._control = self._log = None
        self._buffer = b""

    def _hand_over(self, request: str, report: int, stderr: int) -> socket.socket:
        """Give the template its next job; start the template afresh if it has died meanwhile."""
        message = json.dumps({"request": request}).encode() + b"\n"
        while True:
            control = self._ready()
            try:
                sent = socket.send_fds(control, [message], [report, stderr])
                control.sendall(message[sent:])
            except ConnectionError:
                self.close()
            else:
                return control

    def _attend(
        self, control: socket.socket, report: IO[bytes], stderr: IO[bytes], deadline: float
    ) -> Ending:
        """Read both pipes and the template until it tells of the child's end; block in between."""
        received, tail = bytearray(), bytearray()
        timed_out = oversized = False
        status = child = usage = refused = None
        with selectors.DefaultSelector() as selector:
            for source in (control, report, stderr):
                selector.register(source, selectors.EVENT_READ)
            ended = False
            while not ended:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if time.monotonic() >= deadline:  # also when a flood keeps the pipes ready
                    if timed_out or oversized:
                        self.close()  # the template does not answer: it goes, its child with it
                        break
                    timed_out, deadline = True, self._kill(control)
                for key, _ in ready:
                    if key.fileobj is control:
                        for event in self._events(control):
                            if event["event"] == "exited":
                                status, ended = event["status"], True
                                usage = Usage(**event["usage"])
                            elif event["event"] == "started":
                                child = event["pid"]
                            elif event["event"] == "refused":
                                ended = True
                                refused = Refused(error=event["error"], said=event["said"])
                        if self._control is None:
                            ended = True
                            _kill_group(child)
                        continue
                    chunk = os.read(key.fd, 1 << 16)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is stderr:
                        tail = (tail + chunk)[-STDERR_BYTES:]
                    elif len(received) <= REPORT_BYTES:
                        received += chunk
                    elif not oversized:
                        oversized, deadline = True, self._kill(control)
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

    def _kill(self, control: socket.socket) -> float:
        """Have the child's process group killed; return by when its death must be reported."""
        with contextlib.suppress(OSError):  # it has died meanwhile; reading will tell
            control.sendall(b'{"kill": true}\n')
        return time.monotonic() + REAP_SECONDS

    def _ready(self) -> socket.socket:
        if self._process is not None and self._process.poll() is None and self._control is not None:
            return self._control
        self.close()
        self._kills_before = memory.kills()
        ours, theirs = socket.socketpair()
        # A file, not a pipe: nobody reads while the template lives, and it must never block.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "workers.template",
                    str(theirs.fileno()),
                    self.backend,
                    self.isolation,
                ],
                env=self.environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,  # Ctrl-C at the worker's terminal is the worker's
            )
        self._control = ours
        ours.settimeout(IMPORT_SECONDS)
        try:
            events = self._events(ours)
        except TimeoutError:
            events = []
        if not any(event["event"] == "ready" for event in events):
            raise self._refusal()
        ours.settimeout(None)
        return ours

    def _events(self, control: socket.socket) -> list[dict[str, Any]]:
        """Read what the template has to say; when it has died, forget it."""
        try:
            data = control.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            control.close()
            self._control = None
            return []
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def _refusal(self) -> Exception:
        """Return why the template did not come up: no backend, or something worse."""
        assert self._log is not None
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.returncode
        self._log.seek(0)
        log = self._log.read().decode(errors="replace").strip()
        said = log.splitlines()[-1] if log else "no message"
        self.close()
        killed = code == -signal.SIGKILL and memory.kills() > self._kills_before
        if (gone := "the kernel killed it" if killed else last_words(log)) is not None:
            return MemoryError(f"importing {self.backend} takes more than there is ({gone})")
        if code is None:
            return TimeoutError(f"importing {self.backend} took more than {IMPORT_SECONDS:g} s")
        if code < 0:
            return RuntimeError(f"importing {self.backend} was killed by signal {-code} ({said})")
        extra = self.backend if self.backend in KERAS_BACKENDS else "workloads"
        return UnsupportedError(
            f"backend {self.backend} cannot be imported on this worker ({said}); "
            f'install it there: pip install "benchfarm[{extra}]"'
        )


def _kill_group(child: int | None) -> None:
    """Kill what a template that has died left behind; nobody else watches its deadline now."""
    if child is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)


def _drain(pipe: IO[bytes], into: bytearray) -> None:
    """Append what is left in the pipe, without waiting for whoever may still hold it open."""
    os.set_blocking(pipe.fileno(), False)
    while chunk := pipe.read(1 << 16):
        into += chunk
        if len(into) > 2 * REPORT_BYTES:
            return
