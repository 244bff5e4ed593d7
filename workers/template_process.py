"""TemplateProcess: one warm template as the worker sees it: started, spoken to, ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from typing import IO, Any

from jobs.errors import UnsupportedError
from jobs.memory import last_words
from jobs.spec import KERAS_BACKENDS, Backend
from workers import leftovers, memory
from workers.stop_token import Stopped, StopToken

IMPORT_SECONDS = 600.0  # a cold disk under a network file system imports TensorFlow in minutes
REAP_SECONDS = 15.0  # from the kill to the report of the death


class TemplateKilledError(Exception):
    """A template died of a signal before it was ready; `signal` is its name."""

    def __init__(self, backend: Backend, number: int, said: str) -> None:
        self.signal = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        super().__init__(f"importing {backend} was killed by {self.signal} ({said})")


class TemplateProcess:
    """Starts the template; `wait_until_ready` has it ready for its first job."""

    def __init__(self, backend: Backend, isolation: str, environment: Mapping[str, str]) -> None:
        self.backend = backend
        self.control, theirs = socket.socketpair()
        self._hung_up = False
        self._buffer = b""
        self._kills_before = memory.kills()
        # All that it starts inherits this, and is found by it when the template is gone.
        self._mark = uuid.uuid4().hex
        # A file, not a pipe: nobody reads while the template lives, and it must never block.
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "workers.template",
                    str(theirs.fileno()),
                    backend,
                    isolation,
                ],
                env={**environment, leftovers.MARK: self._mark},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,  # Ctrl-C at the worker's terminal is the worker's
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def hung_up(self) -> bool:
        """Whether it has said all that it ever will."""
        return self._hung_up

    @property
    def alive(self) -> bool:
        """Whether it can be given a job."""
        return not self._hung_up and self._process.poll() is None

    def wait_until_ready(self, stop_token: StopToken) -> None:
        """Wait until it has imported its backend; close it when it does not come up.

        Raises UnsupportedError without the backend, MemoryError when there is too little memory to
        import it, TemplateKilledError, and Stopped, as soon as the token asks for it.
        """
        ready, _, _ = select.select(
            [self.control.fileno(), stop_token.fileno()], [], [], IMPORT_SECONDS
        )
        try:
            stop_token.check()
        except Stopped:
            self._process.kill()  # it would import to the end before it hears anything
            self.close()
            raise
        if not ready or not any(event["event"] == "ready" for event in self.events()):
            raise self._refusal()

    def send(self, request: str, fds: Sequence[int]) -> None:
        """Give it a job; raise ConnectionError when it has died."""
        message = json.dumps({"request": request}).encode() + b"\n"
        sent = socket.send_fds(self.control, [message], list(fds))
        self.control.sendall(message[sent:])

    def kill_child(self) -> None:
        """Have it kill its child and all that this has started."""
        with contextlib.suppress(OSError):  # it has died meanwhile; reading will tell
            self.control.sendall(b'{"kill": true}\n')

    def events(self) -> list[dict[str, Any]]:
        """Read what it has to say; wait until there is something; nothing when it has died."""
        try:
            data = self.control.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self._hung_up = True
            return []
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """End it, and with it whatever child it has; return when it is gone.

        What a template that was killed has left behind is killed too: nobody else watches its
        deadline now.
        """
        self.control.close()
        try:
            self._process.wait(REAP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.returncode != 0:
            leftovers.kill_marked(self._mark)
        self._log.close()

    def _refusal(self) -> Exception:
        """Return why it did not come up: no backend, or something worse; close it."""
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
            return TemplateKilledError(self.backend, -code, said)
        extra = self.backend if self.backend in KERAS_BACKENDS else "workloads"
        return UnsupportedError(
            f"backend {self.backend} cannot be imported on this worker ({said}); "
            f'install it there: pip install "benchfarm[{extra}]"'
        )


def environment_of(backend: Backend, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a template of that backend: the worker's own, and `more`.

    Less the farm's Redis, whose password is none of a workload's business.
    """
    own = {name: value for name, value in os.environ.items() if name != "FARM_REDIS_URL"}
    return {
        **own,
        **more,
        **({"KERAS_BACKEND": backend} if backend in KERAS_BACKENDS else {}),
        "PYTHONSAFEPATH": "1",  # a folder `jobs` where the worker was started is not ours
    }
