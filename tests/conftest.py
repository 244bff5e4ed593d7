"""Fixtures that start real services, and specifications to run on them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings

from farm.redis import broker
from jobs.errors import BrokerError
from jobs.result import Measurement, Result, Status
from jobs.spec import Cell, JobSpec
from tests import needs
from tests.idx_files import write_files

# How long an example takes says something of the machine, not of the code; and the same commit
# passes or fails alike wherever it is tested.
settings.register_profile(
    "farm", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("farm")

NOOP_FOLDER = Path(__file__).parent / "workloads"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test marked `alone` have the machine to itself: nothing runs beside it (pytest -n)."""
    cache = getattr(item.config, "cache", None)
    if "PYTEST_XDIST_WORKER" not in os.environ or cache is None:
        return (yield)
    folder = cache.mkdir("turn")
    kind = fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH
    with (folder / "gate").open("w") as gate, (folder / "turn").open("w") as turn:
        fcntl.flock(gate, fcntl.LOCK_EX)  # whoever waits to be alone lets nobody else in
        fcntl.flock(turn, kind)
        fcntl.flock(gate, fcntl.LOCK_UN)
        return (yield)


@pytest.fixture
def farm_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a farm's folder of its own, and nothing of the user's."""
    home = tmp_path / "farm"
    monkeypatch.setenv("FARM_HOME", str(home))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("FARM_REDIS_URL", "FARM_STORE", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FARM_LOCK_DIR", str(tmp_path))
    return home


@pytest.fixture
def redis_url(farm_home: Path) -> Iterator[str]:
    """Start a real Redis, as `farm up` does."""
    server = broker.start()
    try:
        yield server.local_url
    finally:
        broker.stop()


@pytest.fixture
def tls_server(farm_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[broker.Server]:
    """Start a Redis that speaks TLS itself, as `farm up --tls` does: the embedded one cannot."""
    monkeypatch.setenv("PATH", str(needs.TLS_REDIS), prepend=os.pathsep)
    try:
        server = broker.start(tls=True)
    except BrokerError as error:
        if "built without TLS" not in str(error):
            raise
        needs.missing(
            "there is no Redis with TLS here: type `make tls-redis` (Debian, Ubuntu), or install "
            "redis-server (macOS: brew install redis)"
        )
    yield server
    broker.stop()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Connect to the real Redis."""
    connection = redis.Redis.from_url(redis_url, decode_responses=True)
    yield connection
    connection.close()


@pytest.fixture
def noop_workload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the tests' own workloads known, here and in every process started from here."""
    from jobs import catalogue

    monkeypatch.setenv("FARM_WORKLOADS", str(NOOP_FOLDER))
    catalogue.catalogue.cache_clear()
    yield
    catalogue.catalogue.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put Fashion-MNIST where Keras looks: 120 training images, 30 test images, real format."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return write_files(tmp_path, train=120, test=30)


def make_cell(workload: str = "noop", **changes: Any) -> Cell:
    """Return a cell with the given changes."""
    values: dict[str, Any] = {
        "workload": workload,
        "workload_version": 1,
        "batch_size": 128,
        "epochs": 3,
        "precision": "float32",
        "backend": "tensorflow",
        "mode": "train",
        "data": "synthetic",
        "optimizer": "adam",
        "parameters": {},
        **changes,
    }
    return Cell.model_validate(values)


def make_job(cell: Cell | None = None, **changes: Any) -> JobSpec:
    """Return a job with the given changes."""
    values: dict[str, Any] = {
        "run": "run-1",
        "hardware": "p100",
        "cell": cell or make_cell(),
        "repeat": 1,
        "seed": 42,
        "timeout_seconds": 30.0,
        **changes,
    }
    return JobSpec.model_validate(values)


def make_result(job: JobSpec | None = None, lap_seconds: float = 1.0, **changes: Any) -> Result:
    """Return a successful result of the job, from a worker of its hardware."""
    job = job or make_job()
    values: dict[str, Any] = {
        "job": job,
        "status": Status.SUCCEEDED,
        "measurement": Measurement(
            lap_seconds=(lap_seconds, lap_seconds),
            warmup_lap_seconds=(2 * lap_seconds,),
            cold_start_seconds=0.5,
            total_seconds=5 * lap_seconds,
            samples_per_lap=100,
            steps_per_lap=1,
            samples_per_epoch=100,
            history={"loss": (1.0, 0.5)},
            test={"accuracy": 0.9},
        ),
        "worker": f"{job.hardware}@host",
        "facts": {"device_name": "Tesla P100"},
        "environment": {},
        "started_at": 1000.0,
        "finished_at": 1005.0,
        **changes,
    }
    return Result.model_validate(values)


def environment() -> dict[str, str]:
    """Return the environment for a process of the farm's, the fixtures' changes included."""
    # One process of several that run tests has a COLUMNS of its own.
    return {name: value for name, value in os.environ.items() if name != "COLUMNS"}
