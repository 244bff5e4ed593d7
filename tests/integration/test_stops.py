"""Ctrl-C and SIGTERM on a real worker: the first lets its job end, the second hands it back."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jobs.spec import JobSpec
from tests import ledgers
from tests.integration.benches import noop, until
from tests.processes import FARM, start
from workers import keys
from workers.app import make_app, queue_of
from workers.client import connect
from workers.host_lock import lock_path, opened
from workers.ledger import Ledger
from workers.message_check import TASK
from workers.registry import Registry


class Workers:
    """Workers of one hardware, and the queue that they share."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.client = connect(url)
        self.ledger = Ledger(self.client)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start a worker; wait until it is there."""
        before = len(Registry(self.client).present())
        process = start(
            [*FARM, "worker", "--hardware", "p100", *options],
            {**os.environ, "FARM_REDIS_URL": self.url, "FARM_PATIENCE": "0"},
            self.folder,
            self.log,
        )
        self.processes.append(process)
        until(lambda: len(Registry(self.client).present()) > before)
        return process

    @property
    def log(self) -> Path:
        """The file that all of them log to."""
        return self.folder / "workers.log"

    def submit(self, job: JobSpec) -> None:
        """Record the job and put it into its queue."""
        self.ledger.column(job.run, job.hardware).add([job.hardware], [job])
        app = make_app(self.url)
        app.send_task(TASK, args=[job.model_dump(mode="json")], queue=queue_of(job.hardware))
        app.close()

    def waiting(self) -> int:
        """How many messages are in the queue."""
        return int(self.client.llen(keys.queue("p100")))

    def attempts(self, job: JobSpec) -> int:
        """How often it was begun."""
        said = self.client.hget(f"farm:run:{job.run}:p100:attempts", job.id)
        return int(str(said or 0))

    def measuring(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the worker's template has a child."""
        worker = psutil.Process(process.pid)
        until(lambda: [c for t in worker.children() for c in t.children()])

    def stop(self) -> None:
        """End all of them by force."""
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def workers(redis_url: str, noop_workload: None, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(redis_url, tmp_path)
    yield workers
    workers.stop()
    workers.client.close()


def test_the_first_ctrl_c_lets_the_job_end_and_the_worker_leaves(workers: Workers) -> None:
    # Given a worker at a job, and another job that waits
    job, other = noop(seconds=3.0), noop(repeat=2, run="run-2")
    worker = workers.start()
    workers.submit(job)
    workers.measuring(worker)
    workers.submit(other)
    # When it is told to stop
    worker.send_signal(signal.SIGINT)
    assert worker.wait(60) == 0
    # Then the job was finished and the other was not begun
    assert ledgers.state(workers.ledger, job) == "succeeded"
    assert (ledgers.state(workers.ledger, other), workers.waiting()) == ("queued", 1)
    log = workers.log.read_text()
    assert f"finishing {job.label}; Ctrl-C again hands it back at once\n" in log
    assert "Traceback" not in log, log
    assert "shutdown" not in log  # Celery's own words
    [record] = Registry(workers.client).workers()
    assert record.state == "left"


def test_when_the_grace_is_over_another_worker_has_the_job_at_once(workers: Workers) -> None:
    # Given a worker at a job of minutes, and another of its hardware
    job = noop(seconds=300.0)
    first = workers.start("--grace", "1s", "--share-host")
    workers.submit(job)
    workers.measuring(first)
    second = workers.start("--share-host")
    # When the first is told to stop
    began = time.monotonic()
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    # Then the second has the job, long before the lease of a minute would have run out
    workers.measuring(second)
    assert time.monotonic() - began < 20
    assert (ledgers.state(workers.ledger, job), workers.attempts(job)) == ("running", 1)
    assert "within 1 s; Ctrl-C again" in workers.log.read_text()


def test_the_second_ctrl_c_hands_the_job_back_and_leaves_nothing_running(workers: Workers) -> None:
    job, other = noop(seconds=300.0), noop(repeat=2, run="run-2")
    worker = workers.start()
    workers.submit(job)
    workers.measuring(worker)
    workers.submit(other)
    family = psutil.Process(worker.pid).children(recursive=True)
    worker.send_signal(signal.SIGINT)
    time.sleep(0.5)
    began = time.monotonic()
    worker.send_signal(signal.SIGINT)
    worker.wait(60)
    assert time.monotonic() - began < 10
    until(lambda: not [p for p in family if p.is_running()], 10)
    assert (ledgers.state(workers.ledger, job), workers.waiting()) == ("queued", 2)
    assert workers.attempts(job) == 0
    # And it is the first that another worker takes
    first = json.loads(str(workers.client.lindex(keys.queue("p100"), -1)))
    assert first["headers"]["id"] == job.id
    log = workers.log.read_text()
    assert f"handing {job.label} back" in log
    assert "Traceback" not in log, log


def test_a_worker_stops_at_once_also_when_redis_does_not_answer(workers: Workers) -> None:
    job = noop(seconds=300.0)
    worker = workers.start()
    workers.submit(job)
    workers.measuring(worker)
    family = psutil.Process(worker.pid).children(recursive=True)
    server = psutil.Process(int(workers.client.info("server")["process_id"]))
    server.suspend()
    try:
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
        assert time.monotonic() - began < 10
        until(lambda: not [p for p in family if p.is_running()], 10)
    finally:
        server.resume()
    # The lease runs out, and another worker has it
    assert ledgers.state(workers.ledger, job) == "running"
    assert workers.client.zcard(keys.unacked_index("p100")) == 1


def test_a_worker_that_waits_for_its_host_leaves_without_the_job(workers: Workers) -> None:
    job = noop()
    worker = workers.start()
    fd = opened(lock_path())
    fcntl.flock(fd, fcntl.LOCK_EX)
    workers.submit(job)
    until(lambda: workers.client.zcard(keys.unacked_index("p100")))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    os.close(fd)
    assert (ledgers.state(workers.ledger, job), workers.waiting()) == ("queued", 1)
