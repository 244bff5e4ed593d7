"""A running job that is cancelled ends within seconds, whatever it is at, and leaves no result."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from jobs.result import Status
from jobs.spec import Effort, JobSpec
from tests import ledgers
from tests.integration.benches import Site, noop, until
from workers.cancellation import CancellationListener
from workers.host_lock import lock_path, opened

SECONDS = 15.0  # within which it has to end; all jobs here would go on for minutes


@pytest.fixture
def site(client: redis.Redis, noop_workload: None, tmp_path: Path) -> Iterator[Site]:
    site = Site(client, tmp_path)
    yield site
    site.runner.close()


@pytest.fixture
def listening(site: Site, client: redis.Redis) -> Iterator[CancellationListener]:
    listener = CancellationListener(client, site.bench.drop_if_over, retry_seconds=0.05)
    with listener:
        until(lambda: listeners(client))
        yield listener


def listeners(client: redis.Redis) -> int:
    [(_, count)] = client.pubsub_numsub("farm:cancelled")
    return int(count)


def cancel(site: Site, job: JobSpec) -> None:
    assert site.bench.ledger.column(job.run, "p100").cancel([job.id])


def gone(site: Site, job: JobSpec, began: float) -> None:
    """Check that nothing is left of the job, and that the next one is measured."""
    assert time.monotonic() - began < SECONDS
    assert site.state(job) == "cancelled"
    assert not site.children()
    assert not site.results(job)
    site.looks.clear()
    site.serve(after := noop(repeat=2))
    assert site.result(after).status is Status.SUCCEEDED


def test_a_job_in_its_laps_ends(site: Site, listening: CancellationListener) -> None:
    job = noop(seconds=300.0)
    site.queue(job, noop(repeat=2))
    with site.serving(job) as errors:
        until(site.children)
        began = time.monotonic()
        cancel(site, job)
    assert not errors
    gone(site, job, began)


def test_a_job_of_which_others_say_that_it_was_cancelled_goes_on(
    site: Site, listening: CancellationListener, client: redis.Redis
) -> None:
    # Given a job that is named to all workers, while its own state says nothing of the kind
    job = noop(seconds=2.0)
    site.queue(job)
    with site.serving(job) as errors:
        until(site.children)
        client.publish("farm:cancelled", job.id)
    assert not errors
    assert site.state(job) == "succeeded"


def test_a_job_that_waits_for_a_quiet_machine_ends(
    site: Site, listening: CancellationListener
) -> None:
    job = noop()
    site.queue(job, noop(repeat=2))
    site.looks.append("it is never quiet")
    with site.serving(job):
        until(lambda: site.state(job) == "running")
        time.sleep(0.5)
        began = time.monotonic()
        cancel(site, job)
    gone(site, job, began)


def test_a_job_that_cools_down_ends(site: Site, listening: CancellationListener) -> None:
    job = noop(effort=Effort(cooldown_seconds=300.0))
    site.queue(job, noop(repeat=2))
    with site.serving(job):
        until(lambda: site.state(job) == "running")
        time.sleep(0.5)
        began = time.monotonic()
        cancel(site, job)
    gone(site, job, began)


def test_a_job_that_looks_for_its_largest_batch_ends(
    site: Site, listening: CancellationListener
) -> None:
    sized = noop(seconds=300.0).cell.model_copy(update={"batch_size": "max"})
    job = noop().model_copy(update={"cell": sized})
    site.queue(job, noop(repeat=2))
    with site.serving(job):
        until(site.children)
        began = time.monotonic()
        cancel(site, job)
    gone(site, job, began)


def test_a_job_whose_backend_is_being_imported_ends(
    client: redis.Redis, noop_workload: None, tmp_path: Path
) -> None:
    # Given a backend that takes minutes to import
    (tmp_path / "jax.py").write_text("import time; time.sleep(300)")
    site = Site(client, tmp_path, PYTHONPATH=str(tmp_path))
    job = noop()
    job = job.model_copy(update={"cell": job.cell.model_copy(update={"backend": "jax"})})
    site.queue(job, noop(repeat=2))
    try:
        with CancellationListener(client, site.bench.drop_if_over), site.serving(job):
            until(lambda: listeners(client) and site.state(job) == "running")
            time.sleep(0.5)
            began = time.monotonic()
            cancel(site, job)
        gone(site, job, began)
    finally:
        site.runner.close()


def test_a_job_that_waits_for_the_host_is_skipped(
    site: Site, listening: CancellationListener
) -> None:
    # Given another worker of this machine that measures
    job = noop()
    site.queue(job, noop(repeat=2))
    fd = opened(lock_path())
    fcntl.flock(fd, fcntl.LOCK_EX)
    with site.serving(job):
        until(lambda: site.bench.hand.job)
        # When the job is cancelled: it has not begun, so nobody is told, and the next beat sees it
        began = time.monotonic()
        cancel(site, job)
        site.bench.drop_if_over()
    os.close(fd)
    gone(site, job, began)


def test_a_cancellation_that_nobody_heard_is_noticed_at_the_next_beat(site: Site) -> None:
    job = noop(seconds=300.0)
    site.queue(job, noop(repeat=2))
    with site.bench.pulse, site.serving(job):
        until(site.children)
        began = time.monotonic()
        cancel(site, job)
    gone(site, job, began)


def test_it_listens_again_when_redis_comes_back(
    site: Site, listening: CancellationListener, client: redis.Redis
) -> None:
    job = noop(seconds=300.0)
    site.queue(job, noop(repeat=2))
    with site.serving(job):
        until(site.children)
        for _ in range(3):
            client.client_kill_filter(_type="pubsub")
            until(lambda: listeners(client))
        began = time.monotonic()
        cancel(site, job)
    gone(site, job, began)


def test_another_jobs_cancellation_changes_nothing(
    site: Site, listening: CancellationListener
) -> None:
    job, other = noop(seconds=1.0), noop(repeat=3)
    site.queue(job, other)
    ledgers.begin(site.bench.ledger, other)
    with site.serving(job):
        until(site.children)
        cancel(site, other)
    assert site.result(job).status is Status.SUCCEEDED
