"""`farm doctor` as a command, with real backends and a real Redis that answers, or does not."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from farm.redis import broker
from tests.conftest import environment

WIDTH = 80


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "farm", "doctor", *arguments],
        env={**environment(), "COLUMNS": str(WIDTH)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_where_all_is_well(redis_url: str) -> None:
    done = doctor("--json", "--device", "cpu", "--seconds", "90")
    checks = json.loads(done.stdout)
    assert [check for check in checks if not check["ok"]] == []
    assert done.returncode == 0
    assert done.stderr == ""
    for check in checks:
        assert sorted(check) == ["check", "detail", "ok", "remedy"]
        assert check["remedy"] == ""
    found = {check["check"]: check["detail"] for check in checks}
    assert len(found) == len(checks)
    assert {"redis", "lost jobs", "python", "ffmpeg", "cifar-10"} <= set(found)
    for backend in ("tensorflow", "torch", "jax"):
        if importlib.util.find_spec(backend) is not None:
            assert "on the CPU" in found[backend]
            assert ", Keras 3." in found[backend]
    manual = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()
    assert [name for name in found if f"`{name}`" not in manual] == []


def test_where_redis_hangs_and_a_workload_is_broken(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setenv("FARM_WORKLOADS", str(tmp_path))
    server = broker.running()
    assert server is not None
    os.kill(server.pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        done = doctor("--seconds", "5", "--device", "cpu")
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert time.monotonic() - began < 60
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if len(line) > WIDTH and "`" not in line] == []
    wrong = [line.split(":")[0] for line in lines if line.startswith("NOT OK")]
    assert wrong == ["NOT OK  redis", "NOT OK  workloads"]
    unknown = sum(": not checked: " in line for line in lines)
    assert sum(line.startswith("-  ") for line in lines) == unknown > 0  # a GPU, for one
    assert lines[-1].endswith(f" ok, 2 not ok, {unknown} not checked")
