"""A farm with a machine that was invited, at a real Redis."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from farm.redis import broker, connection_file, invitation
from farm.redis.server import Server
from farm.run import Run
from farm.runs.coordinator import Coordinator
from farm.suite.suite import load
from tests import ports
from tests.integration.invited import MINE, THEIRS
from workers.client import connect, hardware_of


@pytest.fixture
def server(farm_home: Path) -> Iterator[Server]:
    yield broker.start(port=ports.free())  # nobody takes it while Redis is away
    broker.stop()


@pytest.fixture
def coordinator(server: Server) -> Coordinator:
    return Coordinator(server.local_url)


@pytest.fixture
def run(coordinator: Coordinator, tmp_path: Path) -> Run:
    """A run of six jobs on each of t4, which is invited, and p100."""
    path = tmp_path / "some.yaml"
    path.write_text("jobs: [{workload: mlp, batch_size: [32, 64], data: synthetic}]")
    run = coordinator.submit(load(str(path)))
    for hardware in (MINE, THEIRS):
        coordinator.enlist(hardware, [hardware])
    return run


@pytest.fixture
def invited(server: Server) -> Iterator[redis.Redis]:
    """A client with the line of the invited t4."""
    file, remember = invitation.invite(MINE, server.local_url)
    assert remember is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    line = connection_file.read(f"@{file}")
    assert hardware_of(line) == MINE
    with connect(line) as client:
        yield client
