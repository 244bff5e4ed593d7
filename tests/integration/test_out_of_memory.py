"""Out of memory is an outcome: the job says so, and template and worker go on."""

from __future__ import annotations

import re
import resource
import sys
import time
from pathlib import Path

import pytest

from jobs.result import Status
from tests.conftest import make_cell, make_job
from workers.hardware import detect
from workers.runner import Runner

REFUSES = """
import errno, os, pathlib
fork = os.fork
def refusing():
    if pathlib.Path(__file__).with_name("full").exists():
        raise OSError(errno.ENOMEM, "Cannot allocate memory")
    return fork()
os.fork = refusing
"""


def test_a_backend_that_finds_no_memory_to_be_imported_is_out_of_memory(tmp_path: Path) -> None:
    (tmp_path / "jax.py").write_text("raise MemoryError")
    runner = Runner("worker-1", detect(device="cpu"), "fork", {"PYTHONPATH": str(tmp_path)})
    try:
        result = runner.run(make_job(make_cell(backend="jax")), time.time())
    finally:
        runner.close()
    assert result.status is Status.OUT_OF_MEMORY
    assert "importing jax takes more than there is" in (
        result.error.message if result.error else ""
    )


def test_a_template_that_may_not_fork_says_so_and_forks_the_next_job(
    noop_workload: None, tmp_path: Path
) -> None:
    # Given a system that lets nothing start, for as long as a file is there
    (tmp_path / "sitecustomize.py").write_text(REFUSES)
    (tmp_path / "full").touch()
    easy = make_job(make_cell(backend="ffmpeg"))  # of which a template imports nothing
    runner = Runner("worker-1", detect(device="cpu"), "fork", {"PYTHONPATH": str(tmp_path)})
    try:
        refused = runner.run(easy, time.time())
        template = runner._nurseries["ffmpeg"].pid
        (tmp_path / "full").unlink()
        succeeded = runner.run(easy, time.time())
        assert runner._nurseries["ffmpeg"].pid == template
    finally:
        runner.close()
    # Then the one job has an outcome, and the same template starts the other
    assert refused.status is Status.OUT_OF_MEMORY
    assert "no process could be started" in (refused.error.message if refused.error else "")
    assert succeeded.status is Status.SUCCEEDED


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's memory")
def test_a_job_that_takes_all_there_is_names_its_peak_and_leaves_the_template_alive(
    noop_workload: None,
) -> None:
    # Given a template whose children may take 200 MiB more than they begin with
    hoard = make_job(make_cell(backend="ffmpeg", parameters={"act": "hoard"}))
    succeed = make_job(make_cell(backend="ffmpeg"))  # of which a template imports nothing
    runner = Runner("worker-1", detect(device="cpu"), "fork", {})
    try:
        runner.run(succeed, time.time())
        template = runner._nurseries["ffmpeg"].pid
        assert template is not None
        lines = Path(f"/proc/{template}/status").read_text().splitlines()
        taken = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData"))
        limits = (taken + (200 << 20), resource.RLIM_INFINITY)
        resource.prlimit(template, resource.RLIMIT_DATA, limits)
        # When a job takes more
        result = runner.run(hoard, time.time())
        # Then the same template goes on
        assert runner.run(succeed, time.time()).status is Status.SUCCEEDED
        assert runner._nurseries["ffmpeg"].pid == template
    finally:
        runner.close()
    # And the job says how much it had
    assert result.status is Status.OUT_OF_MEMORY
    message = result.error.message if result.error else ""
    said = r"out of host memory: it held ([\d.]+) GiB of the host's at its peak;.*"
    peak = re.fullmatch(said, message)
    assert peak is not None, message
    assert 0.1 < float(peak[1]) < 1
