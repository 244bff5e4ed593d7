"""A/A: one machine under two names, real jobs. Nothing differs, so nothing may be resolved.

    python -m tests.benchmarks.a_a [--repeats 3] > tests/benchmarks/a_a.md

Starts a farm of its own in a temporary folder, with two workers on this machine taking turns, and
prints the matrix and how many cells are resolved. About ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUITE = """
hardware: [one, other]
defaults:
  data: synthetic
  train_samples: 4096
  test_samples: 256
  repeats: {repeats}
  budget: 2s
  warmup: 1s
  lap: 0.2s
jobs:
  - workload: mlp
    batch_size: [16, 32, 64, 128, 256, 512, 1024, 2048]
  - workload: cnn
    batch_size: [32, 64, 128]
  - workload: lstm
    batch_size: 32
"""


class Farm:
    """The command line, in a folder that is nobody else's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "FARM_HOME": str(folder / "farm"), "COLUMNS": "100"}
        self.environment.pop("FARM_REDIS_URL", None)

    def __call__(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "farm", *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    @contextmanager
    def worker(self, name: str) -> Iterator[None]:
        """Run a worker of that name for as long as the body runs."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "farm", "worker", "--hardware", name, "--patience", "5"],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def main() -> None:
    """Measure, and print the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        farm = Farm(Path(folder))
        suite = Path(folder) / "a-a.yaml"
        suite.write_text(SUITE.format(repeats=repeats))
        farm("up")
        try:
            with farm.worker("one"), farm.worker("other"):
                while len(json.loads(farm("workers", "--json"))) < 2:
                    time.sleep(0.5)
                farm("submit", str(suite), "--wait")
            rows = json.loads(farm("matrix", "--baseline", "one", "--format", "json"))["rows"]
            table = farm("matrix", "--baseline", "one", "--ci")
        finally:
            farm("down")
    cells = [row["cells"]["other"] for row in rows]
    resolved = sum(bool(cell["resolved"]) for cell in cells)
    sys.stdout.write(
        f"# A/A\n\nOne machine under two names, {repeats} processes a cell: "
        f"{resolved} of {len(cells)} cells are resolved, where none differs "
        f"({1 - resolved / len(cells):.0%} are not).\n\n"
        f"Printed by `python -m tests.benchmarks.a_a --repeats {repeats}`.\n\n"
        f"```text\n{table.rstrip()}\n```\n"
    )


if __name__ == "__main__":
    main()
