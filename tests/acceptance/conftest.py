"""The real command line and real workers, as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import NOOP_FOLDER

Json = Any
VISIBILITY_SECONDS = 4


class Farm:
    """A person at a terminal of this farm."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.workers: dict[str, subprocess.Popen[bytes]] = {}

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run one command, check its exit code, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "farm", *arguments],
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

    def worker(self, label: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker with a few more environment variables; its log is LABEL.log."""
        with (self.folder / f"{label}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "farm", "worker", *options],
                env={**self.environment, **environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.workers[label] = process
        return process

    def log(self, label: str) -> str:
        """Return what the worker has logged."""
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
        """Stop every worker, by force where needed."""
        for process in self.workers.values():
            process.send_signal(signal.SIGTERM)
        for label, process in self.workers.items():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"worker {label} did not stop:\n{self.log(label)}") from None


def until(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    """Wait for the condition; fail when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def farm(farm_home: Path, tmp_path: Path) -> Iterator[Farm]:
    """A farm with a Redis of its own, started by `farm up`; nothing of it is left afterwards."""
    environment = {
        **os.environ,
        "FARM_WORKLOADS": str(NOOP_FOLDER),
        "FARM_VISIBILITY_TIMEOUT": str(VISIBILITY_SECONDS),
        "FARM_PATIENCE": "0",  # tests do not wait for a machine that is busy with other things
        "COLUMNS": "100",
    }
    farm = Farm(tmp_path, environment)
    farm("up")
    try:
        yield farm
    finally:
        farm.stop()
        farm("down")
    until(lambda: not leftovers(farm_home), 15)  # the kernel takes a moment to end them


def leftovers(farm_home: Path) -> list[str]:
    """Return the processes that still run with this farm's folder in their environment."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        try:
            mine = process.environ().get("FARM_HOME") == str(farm_home)
            if mine and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.info["cmdline"] or []))
        except psutil.Error:
            continue
    return found
