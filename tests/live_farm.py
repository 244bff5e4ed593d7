"""Farm: a farm's real command line and real workers, as a person at a terminal has them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import ports
from tests.conftest import NOOP_FOLDER
from tests.processes import FARM, of_farm, start, until

Json = Any
VISIBILITY_SECONDS = 4


class Farm:
    """A person at a terminal of this farm."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run one command, check its exit code, and return what it printed."""
        done = subprocess.run(
            [*FARM, *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, f"farm {' '.join(arguments)}: {done.returncode}\n{said}"
        assert "Traceback" not in said, said
        return done.stdout if code == 0 else said

    def json(self, *arguments: str) -> Json:
        """Run one command and return the JSON that it printed."""
        return json.loads(self(*arguments))

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command, and let it run; what it prints waits in its pipe."""
        return subprocess.Popen(
            [*FARM, *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start(
        self, label: str, command: Sequence[str], **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start a process with a few more environment variables; its log is LABEL.log."""
        log = self.folder / f"{label}.log"
        self.started[label] = start(command, {**self.environment, **environment}, self.folder, log)
        return self.started[label]

    def worker(self, label: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker, as `start` does."""
        return self.start(label, [*FARM, "worker", *options], **environment)

    def log(self, label: str) -> str:
        """Return what the process has logged."""
        return (self.folder / f"{label}.log").read_text()

    def suite(self, text: str, name: str = "suite.yaml") -> str:
        """Write a suite file and return its name."""
        (self.folder / name).write_text(text)
        return name

    def present(self, *hardware: str) -> None:
        """Wait until workers of these names are here."""

        def here() -> bool:
            found = [w["hardware"] for w in self.json("workers", "--json") if w["state"] == "idle"]
            return set(hardware) <= set(found)

        until(here)

    def stop(self) -> None:
        """Stop every process that was started, by force where needed."""
        for process in self.started.values():
            process.send_signal(signal.SIGTERM)
        for label, process in self.started.items():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"{label} did not stop:\n{self.log(label)}") from None


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment with what the tests' farms have in common, and changes."""
    mine = {k: v for k, v in os.environ.items() if k not in ("FARM_REDIS_URL", "FARM_STORE")}
    return {
        **mine,
        "FARM_WORKLOADS": str(NOOP_FOLDER),
        "FARM_VISIBILITY_TIMEOUT": str(VISIBILITY_SECONDS),
        "FARM_PATIENCE": "0",  # tests do not wait for a machine that is busy with other things
        "COLUMNS": "100",
        **changes,
    }


@contextmanager
def running(folder: Path, environment: dict[str, str], *options: str) -> Iterator[Farm]:
    """Have a farm with a Redis of its own, started by `farm up`; leave nothing of it at the end."""
    farm = Farm(folder, environment)
    farm("up", "--port", str(ports.free()), *options)  # nobody takes it while Redis is away
    try:
        yield farm
    finally:
        farm.stop()
        farm("down")
    until(lambda: not of_farm(folder), 15)  # the kernel takes a moment to end them
