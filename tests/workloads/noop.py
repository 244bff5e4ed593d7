"""Does as it is told, and trains nothing: for tests of everything around a workload."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import ClassVar

from pydantic import Field

from jobs.errors import UnsupportedError
from jobs.result import Measurement
from jobs.spec import JobSpec
from jobs.workload import Clock, Parameters, Workload

# Leaves its parent, its session and its process group, as daemons do.
DAEMON = """
import os, sys
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(601)"])
"""


class NoopParameters(Parameters):
    """What becomes of the job."""

    act: str = "succeed"
    seconds: float = Field(default=0.0, ge=0)  # before the act


class Noop(Workload):
    """Sleeps, then acts; it reports a loss that falls, and for `nan-loss` one that is lost."""

    aliases = ("nop",)
    summary = "does nothing"
    source = "the tests"
    parameters = NoopParameters
    epochs = 3
    backends = (*Workload.backends, "ffmpeg")  # a template for the last imports nothing
    smallest: ClassVar[dict[str, int]] = {}

    def run(self, job: JobSpec, clock: Clock) -> Measurement:
        parameters = NoopParameters.model_validate(job.cell.parameters)
        print("noop speaks", flush=True)
        time.sleep(parameters.seconds)
        act(parameters.act)
        if parameters.act == "nothing":
            return None  # type: ignore[return-value]
        lap = 1.0 / job.cell.samples_per_step
        return Measurement(
            lap_seconds=(lap, float("nan") if parameters.act == "nan-laps" else lap),
            warmup_lap_seconds=(2 * lap,),
            cold_start_seconds=0.0,
            total_seconds=4 * lap,
            samples_per_lap=100,
            steps_per_lap=1,
            samples_per_epoch=100,
            history=history(parameters.act),
            steps_per_history=1,
            test={"accuracy": 0.9},
        )


def history(name: str) -> dict[str, tuple[float, ...]]:
    """Return losses; for `huge` 100 MB of them."""
    if name == "huge":
        return {f"loss{number}": (1 / 3,) * 450_000 for number in range(12)}
    return {"loss": (1.0, 0.5, float("nan") if name == "nan-loss" else 0.25)}


def act(name: str) -> None:
    """End this process, or not, in the way of that name."""
    if name == "raise":
        raise ValueError("told to fail")
    if name == "unsupported":
        raise UnsupportedError("told to be unsupported")
    if name == "memory":
        raise MemoryError
    if name == "device-memory":
        raise RuntimeError("RESOURCE_EXHAUSTED: out of memory on the device")
    if name == "hoard":
        hoard = []
        while True:
            hoard.append(bytearray(os.urandom(1 << 20) * 32))
    if name == "exit":
        print("last words", file=sys.stderr, flush=True)
        os._exit(7)
    if name == "vanish":
        os._exit(0)
    if name == "kill-template":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    if name.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, name))
    if name.startswith("daemon"):
        subprocess.run([sys.executable, "-c", DAEMON], check=True)
    if name.endswith("deadlock"):
        threading.Lock().acquire() and threading.Event().wait()
    if name == "grandchild":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    while name == "endless-flood":
        os.write(2, b"x" * 100_000)
    if name == "flood":
        for _ in range(2000):
            os.write(2, b"x" * 100_000)


WORKLOAD = Noop()
