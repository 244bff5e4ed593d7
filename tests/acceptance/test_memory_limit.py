"""A worker whose memory is limited by the kernel, for real: the job is killed, nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live_farm import Farm
from tests.processes import until

ROOT = Path("/sys/fs/cgroup")
LIMIT_BYTES = 300 << 20
HOARD = """
name: hoard
jobs:
  - workload: hoard
    backend: ffmpeg  # imports nothing
    data: synthetic
    repeats: 1
    batch_size: [1, 20, 2]
    sample_bytes: 30000000
"""


@pytest.fixture
def limited() -> Iterator[Path]:
    """A control group of little memory; whoever is written into its file is in it."""
    versions = ((ROOT / "memory", "memory.limit_in_bytes"), (ROOT, "memory.max"))
    for parent, limit in versions:
        group = parent / "farm-test"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(LIMIT_BYTES))
            yield group / "cgroup.procs"
            return
        except OSError:
            continue
        finally:
            group.rmdir()
    pytest.skip("this machine lets nobody make a control group for memory (root may, on Linux)")


@pytest.mark.slow
def test_the_kernel_kills_the_job_alone_and_the_next_is_not_disturbed(
    farm: Farm, limited: Path
) -> None:
    # Given a worker under a limit, and a job that takes twice as much between two that fit
    worker = farm.worker("w", "--hardware", "limited")
    limited.write_text(str(worker.pid))
    farm.present("limited")
    run = farm.json("submit", farm.suite(HOARD), "--json")["run"]
    until(lambda: farm.json("status", run, "--json")["out_of_memory"] == 1)
    until(lambda: farm.json("status", run, "--json")["succeeded"] == 2)
    # Then the big one says what happened, and the worker has not noticed anything
    assert "the kernel killed the process" in farm("matrix")
    assert "take a smaller batch" in farm("matrix")
    assert worker.poll() is None
    farm.stop()  # whoever is left in the group keeps it
