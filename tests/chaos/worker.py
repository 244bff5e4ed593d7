"""Worker: a real `farm worker` that is killed and started again, as on a machine of its own."""

from __future__ import annotations

import platform
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.processes import FARM, start

LEAVE_SECONDS = 45.0  # it may end its job first


class Worker:
    """One worker process after another, all with the same FARM_HOME, name and log."""

    def __init__(
        self, label: str, hardware: str, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.label = label
        self.hardware = hardware
        self.home = folder / label
        self.log_path = folder / f"{label}.log"
        self._environment = {**environment, "FARM_HOME": str(self.home)}
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    @property
    def pid(self) -> int:
        """The process id of the worker that runs now, or ran last."""
        assert self._process is not None
        return self._process.pid

    @property
    def name(self) -> str:
        """What the registry calls it."""
        return f"{self.hardware}@{platform.node() or 'unknown'}-{self.pid}"

    @property
    def runs(self) -> bool:
        """Whether there is a process now."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it; return before it is ready."""
        assert not self.runs
        self.home.mkdir(exist_ok=True)
        self._process = start(
            [*FARM, "worker", "--hardware", self.hardware, "--share-host"],
            self._environment,
            self.home,
            self.log_path,
        )
        self.starts += 1

    def kill(self) -> None:
        """Kill it as nothing can be prepared for, and reap it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end, and wait; raise TimeoutError, and kill it, when it does not."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(
                f"worker {self.label} did not end within {LEAVE_SECONDS:g} s of SIGTERM"
            ) from None

    def stop_at_once(self) -> None:
        """Ask it to end a second time while it is about to."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            self.stop()

    def waiting(self) -> list[Path]:
        """Return the results that wait on its disk."""
        return sorted((self.home / "outbox").glob("*.json"))

    def log(self, lines: int = 3) -> str:
        """Return the end of its log in one line."""
        return " ¶ ".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
