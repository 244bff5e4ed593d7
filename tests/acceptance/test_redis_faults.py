"""Redis goes away, falls silent, fills up or refuses: workers go on, and nothing is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil
import pytest

from farm.redis import broker
from tests.acceptance.queue_site import VISIBILITY_SECONDS, QueueSite
from tests.acceptance.tcp_proxy import Loss, TcpProxy
from tests.conftest import make_result
from tests.processes import until
from workers.outbox import Outbox

JOB_SECONDS = 3  # less than Redis is away: a job that runs when it goes ends without it
AWAY_SECONDS = 3 * VISIBILITY_SECONDS

Fault = Callable[[QueueSite], AbstractContextManager[None]]


@pytest.fixture
def proxy(site: QueueSite) -> Iterator[TcpProxy]:
    with TcpProxy(port_of(site)) as proxy:
        yield proxy


def port_of(site: QueueSite) -> int:
    return int(site.client.get_connection_kwargs()["port"])


def through(proxy: TcpProxy, site: QueueSite, url: str) -> str:
    """Return the URL with the proxy in place of the server."""
    return url.replace(f":{port_of(site)}/", f":{proxy.port}/")


def server_of(site: QueueSite) -> psutil.Process:
    return psutil.Process(int(site.client.info("server")["process_id"]))


@contextmanager
def ended(site: QueueSite, how: signal.Signals) -> Iterator[None]:
    """End the server; start it on the same port, with the same data, at the end."""
    server_of(site).send_signal(how)
    until(lambda: broker.running() is None, 10)
    yield
    broker.start(port=port_of(site))


@contextmanager
def silent(site: QueueSite) -> Iterator[None]:
    server = server_of(site)
    server.suspend()
    yield
    time.sleep(10 - AWAY_SECONDS)
    server.resume()


@contextmanager
def full(site: QueueSite) -> Iterator[None]:
    site.client.config_set("maxmemory", 1)
    yield
    site.client.config_set("maxmemory", 0)


@contextmanager
def without_replicas(site: QueueSite) -> Iterator[None]:
    site.client.config_set("min-replicas-to-write", 3)
    yield
    site.client.config_set("min-replicas-to-write", 0)


@contextmanager
def read_only(site: QueueSite) -> Iterator[None]:
    site.client.replicaof("127.0.0.1", "1")
    yield
    site.client.replicaof("NO", "ONE")


FAULTS: dict[str, Fault] = {
    "terminated": lambda site: ended(site, signal.SIGTERM),
    "killed": lambda site: ended(site, signal.SIGKILL),
    "silent": silent,
    "full": full,
    "without-replicas": without_replicas,
    "read-only": read_only,
}


def measured(site: QueueSite, *labels: str) -> int:
    return sum(site.log(label).count("measuring noop") for label in labels)


def goes_on(
    site: QueueSite, fault: Fault, away_seconds: float = AWAY_SECONDS, idle_seconds: float = 6.0
) -> None:
    """Have one fault during a job, and another beside an idle worker."""
    # Given a worker in the middle of a job, and a second job in the queue
    site.worker("one")
    site.ready()
    running, _ = site.submit("run-1", count=2, seconds=JOB_SECONDS)
    until(lambda: site.state(running) == "running")
    # When Redis fails for longer than the job and the lease last
    with fault(site):
        time.sleep(away_seconds)
        # Then the result waits on the worker's disk
        assert [name for name in site.waiting_results() if running.id in name], site.logs()
    # And both jobs are measured once and have their results
    site.settle()
    assert measured(site, "one") == 2, site.logs()
    assert site.waiting_results() == []
    # And when it fails while the worker waits for jobs, the worker takes the next one afterwards
    with fault(site):
        time.sleep(idle_seconds)
    site.submit("run-2")
    site.settle()
    assert measured(site, "one") == 3
    assert "Traceback" not in site.log("one")


@pytest.mark.slow
def test_redis_is_killed_and_comes_back(site: QueueSite) -> None:
    goes_on(site, FAULTS["killed"], idle_seconds=1.0)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"killed"}))
def test_redis_fails_and_comes_back(site: QueueSite, name: str) -> None:
    goes_on(site, FAULTS[name])


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_no_twin_takes_a_job_that_is_measured_while_redis_fails(site: QueueSite, name: str) -> None:
    # Given two workers of one hardware, and a long job that one of them measures
    for label in ("one", "two"):
        site.worker(label)
    site.ready()
    [job] = site.submit("run-1", seconds=10 * VISIBILITY_SECONDS)
    until(lambda: site.state(job) == "running")
    time.sleep(VISIBILITY_SECONDS)
    # When Redis fails for longer than a lease lasts, and is back before the job ends
    with FAULTS[name](site):
        time.sleep(AWAY_SECONDS)
    # Then the lease is renewed before anybody judges it
    site.settle()
    assert measured(site, "one", "two") == 1, site.logs()


@pytest.mark.exhaustive
def test_redis_is_away_for_longer_than_a_result_is_tried(site: QueueSite) -> None:
    goes_on(site, FAULTS["killed"], 30.0, 20.0)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_result_outlives_redis_and_its_worker(site: QueueSite, name: str) -> None:
    # Given a worker that has measured a job while Redis was away, and is killed
    worker = site.worker("one")
    site.ready()
    [job] = site.submit("run-1", seconds=JOB_SECONDS)
    until(lambda: site.state(job) == "running")
    with FAULTS[name](site):
        until(lambda: bool(site.waiting_results()))
        time.sleep(1)  # whole, not a draft
        worker.kill()
        worker.wait()
    # When Redis is back, and then the worker too
    site.worker("two")
    # Then the job has its result, and was not measured again
    site.settle()
    assert measured(site, "one", "two") == 1, site.logs()
    assert site.waiting_results() == []


@pytest.mark.exhaustive
def test_a_result_that_waits_is_delivered_while_the_worker_is_idle(site: QueueSite) -> None:
    site.worker("one")
    site.ready()
    [job] = site.submit("run-1", send=False)
    Outbox(site.folder / "home" / "outbox").keep(make_result(job))
    site.settle()
    assert measured(site, "one") == 0
    assert site.waiting_results() == []


# What a worker says on its way through a job, and either half of it is lost.
LOSSES: list[tuple[bytes, Loss]] = [
    (word, what)
    for word in (b"BLMOVE", b"LREM", b":attempts", b":results", b"ZREM")
    for what in ("request", "reply")
]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("word", "what"), LOSSES)
def test_a_connection_is_reset_in_the_middle(
    site: QueueSite, proxy: TcpProxy, word: bytes, what: Loss
) -> None:
    site.worker("one", url=through(proxy, site, site.worker_url))
    site.ready()
    proxy.lose(word, what)
    site.submit("run-1", count=2)
    assert proxy.lost.wait(30), site.logs()
    site.settle()
    assert "Traceback" not in site.log("one")


@pytest.mark.exhaustive
@pytest.mark.parametrize("what", ["request", "reply"])
def test_a_publish_that_is_reset_is_whole_or_nothing(
    site: QueueSite, proxy: TcpProxy, what: Loss
) -> None:
    # Given a job whose message is lost on the way, or its receipt
    proxy.lose(b"LPUSH", what)
    jobs = site.submit("run-1", send=False)
    site.send(jobs, url=through(proxy, site, site.url))
    assert proxy.lost.is_set()
    assert site.messages() in (1, 2)  # sent again by itself
    # Then a worker does it once
    site.worker("one")
    site.settle()
    assert measured(site, "one") == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("seconds", [AWAY_SECONDS, 40.0])
@pytest.mark.parametrize("how", ["cut", "stall"])
def test_a_worker_is_cut_off_in_the_middle_of_a_job(
    site: QueueSite, proxy: TcpProxy, how: str, seconds: float
) -> None:
    # Given a worker behind a network that fails, and its twin behind one that does not
    site.worker("one", url=through(proxy, site, site.worker_url))
    site.ready()
    [job] = site.submit("run-1", seconds=JOB_SECONDS)
    until(lambda: site.state(job) == "running")
    site.worker("two")
    site.ready()
    # When the network fails for longer than the lease lasts
    proxy.cut() if how == "cut" else proxy.stall()
    time.sleep(seconds)
    # Then the twin has done the job, and counts; and the first one is back when the network is
    assert site.state(job) == "succeeded"
    proxy.mend() if how == "cut" else proxy.flow()
    site.settle()
    until(lambda: site.asking() == 2)
    site.submit("run-2", count=6, seconds=1)
    site.settle()
    assert all("measuring noop" in site.log(label) for label in ("one", "two"))
    assert site.log("one").count("measuring noop") >= 2, site.logs()
