"""Workers beyond a network that loses packets or is cut; workers whose clocks are wrong."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.redis import broker
from farm.redis.access import WORKER
from tests import ledgers, live_farm
from tests.acceptance.network_link import NetworkLink
from tests.fake_ffmpeg import fake
from tests.live_farm import VISIBILITY_SECONDS, Farm
from tests.needs import missing
from tests.processes import FARM, until
from workers.client import connect
from workers.ledger import Ledger

WRONG_CLOCK = Path(__file__).parent / "clock"
SUITE = """
name: {name}
hardware: all
defaults: {{data: synthetic, backend: ffmpeg, repeats: {repeats}}}
jobs:
  - {{workload: noop, batch_size: 10, seconds: {seconds}}}
"""


@pytest.fixture
def link() -> Iterator[NetworkLink]:
    """A cable to another network namespace."""
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(NetworkLink())
        except PermissionError as error:
            pytest.skip(f"no network namespace may be made here: {error}")
        except OSError as error:
            missing(f"no network namespace can be made: {error}")
        yield opened


@pytest.fixture
def address() -> str:
    """Where Redis listens."""
    return "127.0.0.1"


@pytest.fixture
def lease_seconds() -> int:
    """How long a silent worker keeps its job."""
    return VISIBILITY_SECONDS


@pytest.fixture
def far_farm(address: str, lease_seconds: int, farm_home: Path, tmp_path: Path) -> Iterator[Farm]:
    """A farm whose Redis listens on `address`."""
    environment = live_farm.environment(
        FARM_FFMPEG=str(fake(tmp_path, "exit 1")),  # a worker need not try real encoders
        FARM_VISIBILITY_TIMEOUT=str(lease_seconds),
    )
    with live_farm.running(tmp_path, environment, "--bind", address) as farm:
        yield farm


class Results:
    """What Redis's log says."""

    def __init__(self) -> None:
        server = broker.running()
        assert server is not None
        self.worker_url = server.url_here(WORKER)
        self.ledger = Ledger(connect(server.local_url))

    def logged(self, run: str) -> int:
        """Return how many results the run's log holds."""
        return len(ledgers.entries(self.ledger, run))

    def ended(self, run: str, jobs: int) -> bool:
        """Tell whether so many jobs have succeeded, and none has ended in another way."""
        states = list(ledgers.states(self.ledger, run).values())
        assert not {*states} - {"queued", "running", "succeeded"}, states
        return states == ["succeeded"] * jobs


@pytest.fixture
def results(far_farm: Farm) -> Iterator[Results]:
    """The farm's Redis, asked directly."""
    found = Results()
    yield found
    found.ledger.client.close()


def far_worker(farm: Farm, link: NetworkLink, url: str) -> subprocess.Popen[bytes]:
    """Start a worker at the other end of the link; it shares nothing with this one but Redis."""
    command = link.inside([*FARM, "worker", "--hardware", "twin", "--share-host"])
    return farm.start("far", command, FARM_HOME=str(farm.folder / "far"), FARM_REDIS_URL=url)


def submit(farm: Farm, name: str, repeats: int, seconds: float) -> str:
    """Submit a suite of that many jobs, and return its run."""
    text = SUITE.format(name=name, repeats=repeats, seconds=seconds)
    return str(farm.json("submit", farm.suite(text), "--json")["run"])


def running(farm: Farm) -> list[str]:
    """Return the process ids of the workers that measure, as text."""
    workers = farm.json("workers", "--json")
    return [w["name"].rsplit("-", 1)[1] for w in workers if w["state"] == "running"]


class TestLink:
    """A worker at the other end of a cable that can be cut."""

    @pytest.fixture
    def address(self, link: NetworkLink) -> str:
        """Redis listens at this end of the cable."""
        return link.here

    @pytest.fixture
    def lease_seconds(self) -> int:
        """Short, since every partition lasts for longer."""
        return 2

    @pytest.mark.slow
    def test_a_partition_in_mid_job_leaves_one_result_and_the_worker_goes_on(
        self, far_farm: Farm, link: NetworkLink, results: Results, lease_seconds: int
    ) -> None:
        # Given a worker beyond the link in the middle of a job, and another here
        far = far_worker(far_farm, link, results.worker_url)
        far_farm.present("twin")
        run = submit(far_farm, "first", repeats=1, seconds=2 * lease_seconds)
        until(lambda: running(far_farm) == [str(far.pid)])
        near = far_farm.worker("near", "--hardware", "twin", "--share-host")
        # When the link is cut until its lease has run out, and the other has its job
        link.cut()
        until(lambda: running(far_farm) == [str(near.pid)])
        link.heal()
        # Then both measure it, and one result counts
        until(lambda: results.ended(run, 1))
        until(lambda: not list((far_farm.folder / "far" / "outbox").glob("*.json")))
        until(lambda: not running(far_farm))
        assert results.logged(run) == 1
        # And the worker that was cut off goes on measuring
        near.terminate()
        near.wait(30)
        second = submit(far_farm, "second", repeats=2, seconds=0)
        until(lambda: results.ended(second, 2))
        assert results.logged(second) == 2

    @pytest.mark.exhaustive
    def test_a_link_that_loses_every_fifth_packet_loses_no_job(
        self, far_farm: Farm, link: NetworkLink, results: Results
    ) -> None:
        link.lose(0.2)
        far_worker(far_farm, link, results.worker_url)
        far_farm.present("twin")
        run = submit(far_farm, "lossy", repeats=20, seconds=0.2)
        until(lambda: results.ended(run, 20), 300)
        assert results.logged(run) == 20
        assert all(count > 10 for count in link.dropped())

    @pytest.mark.exhaustive
    def test_a_result_of_a_long_partition_is_delivered_when_it_heals(
        self, far_farm: Farm, link: NetworkLink, results: Results, lease_seconds: int
    ) -> None:
        far_worker(far_farm, link, results.worker_url)
        far_farm.present("twin")
        run = submit(far_farm, "alone", repeats=3, seconds=2)
        until(lambda: bool(running(far_farm)))
        link.cut()
        time.sleep(15 * lease_seconds)
        link.heal()
        until(lambda: results.ended(run, 3))
        assert results.logged(run) == 3


@pytest.mark.slow
@pytest.mark.parametrize("wrong_by", [300, pytest.param(-300, marks=pytest.mark.exhaustive)])
def test_clocks_minutes_apart_cost_no_job_and_count_none_twice(
    far_farm: Farm, results: Results, wrong_by: int
) -> None:
    # Given two workers of one hardware, one of them on a machine whose clock is wrong
    far_farm.worker("right", "--hardware", "twin", "--share-host")
    far_farm.worker(
        "wrong",
        *("--hardware", "twin", "--share-host"),
        PYTHONPATH=os.pathsep.join([str(WRONG_CLOCK), os.environ.get("PYTHONPATH", "")]),
        FARM_TEST_CLOCK_SECONDS=str(wrong_by),
    )
    until(lambda: len(far_farm.json("workers", "--json")) == 2)
    # When each has a job that lasts for a while
    run = submit(far_farm, "clocks", repeats=2, seconds=VISIBILITY_SECONDS - 1)
    until(lambda: results.ended(run, 2))
    # Then each job was measured once, and has one result
    assert results.logged(run) == 2
    logs = far_farm.log("right") + far_farm.log("wrong")
    assert logs.count("measuring noop") == 2
    assert "clock" in far_farm.log("wrong")  # it is told
