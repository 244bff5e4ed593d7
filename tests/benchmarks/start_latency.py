"""How long a job waits for its process: a fork of the warm template against a fresh interpreter.

    python -m tests.benchmarks.start_latency [PAIRS] [BACKEND]

Prints seconds from taking the job to the workload's first line, the two ways in turn, in one run.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

from jobs.spec import JobSpec
from tests.conftest import NOOP_FOLDER, make_cell, make_job
from workers.hardware import detect
from workers.runner import Runner


def latency(runner: Runner, job: JobSpec) -> float:
    """Run the job; return the seconds from taking it to the workload's first line."""
    result = runner.run(job, time.time())
    assert result.start_latency_seconds is not None, result.error
    return result.start_latency_seconds


def pairs(count: int, backend: str = "tensorflow") -> list[tuple[float, float]]:
    """Return (fork, spawn) latencies in seconds, taken in turn after one job of each."""
    hardware = detect(device="cpu")
    job = make_job(make_cell(backend=backend))
    fork, spawn = (Runner("bench", hardware, how, {}) for how in ("fork", "spawn"))
    try:
        latency(fork, job), latency(spawn, job)
        return [(latency(fork, job), latency(spawn, job)) for _ in range(count)]
    finally:
        fork.close()
        spawn.close()


def describe(seconds: list[float]) -> str:
    """Return median, minimum and maximum."""
    middle = statistics.median(seconds)
    return f"median {middle:.4f} s (from {min(seconds):.4f} to {max(seconds):.4f})"


def main(argv: list[str]) -> None:
    """Print the figures."""
    os.environ["FARM_WORKLOADS"] = str(NOOP_FOLDER)
    count = int(argv[0]) if argv else 7
    backend = argv[1] if len(argv) > 1 else "tensorflow"
    measured = pairs(count, backend)
    print(f"{backend}, {count} pairs, from taking the job to the workload's first line")
    print(f"fork of the warm template  {describe([fork for fork, _ in measured])}")
    print(f"fresh interpreter          {describe([spawn for _, spawn in measured])}")
    ratio = statistics.median(spawn / fork for fork, spawn in measured)
    print(f"the fresh interpreter takes {ratio:.0f} times as long (median of the pairs)")


if __name__ == "__main__":
    main(sys.argv[1:])
