"""QueueSite: jobs and workers around one Redis, without suites, and what becomes of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from farm.redis import broker
from jobs.spec import JobSpec
from tests import ledgers, ports
from tests.conftest import make_cell, make_job
from tests.processes import start, until
from workers import keys
from workers.app import make_app, queue_of
from workers.ledger import Ledger
from workers.message_check import TASK
from workers.registry import Registry

VISIBILITY_SECONDS = 2


class QueueSite:
    """Everything of one test; its workers keep their results below `folder`.

    They come to Redis as the user `worker`, the rest as `coordinator`.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.worker_url = broker.resolve(None, worker=True)
        self.client = redis.Redis.from_url(url, decode_responses=True)
        self.ledger = Ledger(self.client)
        self.jobs: list[JobSpec] = []
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    def worker(
        self, label: str, hardware: str = "p100", moment: str = "never", url: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a worker that dies at that moment; its log is LABEL.log."""
        arguments = [url or self.worker_url, str(self.folder / "home"), hardware, moment]
        self._workers[label] = start(
            [sys.executable, "-m", "tests.acceptance.dying_worker", *arguments],
            {**os.environ, "FARM_VISIBILITY_TIMEOUT": str(VISIBILITY_SECONDS)},
            Path(__file__).parents[2],  # where `tests` is found
            self.folder / f"{label}.log",
        )
        return self._workers[label]

    def log(self, label: str) -> str:
        """Return what the worker has logged."""
        return (self.folder / f"{label}.log").read_text()

    def ready(self) -> None:
        """Wait until every worker that lives has joined the farm."""

        def joined() -> bool:
            living = {each.pid for each in self._workers.values() if each.poll() is None}
            return living <= {int(name.rsplit("-", 1)[1]) for name in self.names()}

        until(joined)

    def names(self) -> list[str]:
        """Return the workers that the farm knows."""
        return [record.name for record in Registry(self.client).workers()]

    def asking(self) -> int:
        """Return how many workers ask Redis for a job just now."""
        return [client["cmd"] for client in self.client.client_list()].count("blmove")

    def submit(
        self,
        run: str,
        *,
        hardware: str = "p100",
        count: int = 1,
        seconds: float = 0.0,
        send: bool = True,
    ) -> list[JobSpec]:
        """Record jobs that take so long, and put them into their queue; return them."""
        cell = make_cell(backend="ffmpeg", parameters={"seconds": seconds})  # imports nothing
        jobs = [
            make_job(cell, run=run, hardware=hardware, repeat=1 + number) for number in range(count)
        ]
        self.ledger.column(run, hardware).add([hardware], jobs)
        self.jobs += jobs
        if send:
            self.send(jobs)
        return jobs

    def send(self, jobs: list[JobSpec], url: str | None = None) -> None:
        """Put the jobs' messages into their queues."""
        app = make_app(url or self.url)
        try:
            for job in jobs:
                app.send_task(
                    TASK,
                    args=[job.model_dump(mode="json")],
                    task_id=job.id,
                    queue=queue_of(job.hardware),
                )
        finally:
            app.close()

    def state(self, job: JobSpec) -> str | None:
        """Return the job's state."""
        return ledgers.state(self.ledger, job)

    def settle(self, seconds: float = 60.0) -> None:
        """Wait until every job has its one result, and no message is left anywhere."""
        until(lambda: all(self.state(job) == "succeeded" for job in self.jobs), seconds)
        until(lambda: not self.messages(), 4 * VISIBILITY_SECONDS + 5)
        for run in {job.run for job in self.jobs}:
            count = sum(job.run == run for job in self.jobs)
            assert len(ledgers.entries(self.ledger, run)) == count, self.logs()

    def messages(self) -> int:
        """Return how many messages wait in queues, or are in somebody's hands."""
        names = {job.hardware for job in self.jobs}
        waiting = sum(self.client.llen(keys.queue(name)) for name in names)
        held = sum(self.client.hlen(keys.unacked(name)) for name in names)
        return int(
            waiting + held + sum(self.client.zcard(keys.unacked_index(name)) for name in names)
        )

    def waiting_results(self) -> list[str]:
        """Return the names of the files in the workers' outbox."""
        return sorted(path.name for path in (self.folder / "home" / "outbox").glob("*"))

    def logs(self) -> str:
        """Return all the workers' logs."""
        return "\n".join(f"--- {label}\n{self.log(label)}" for label in self._workers)

    def close(self) -> None:
        """Stop every worker that still lives, by force where needed."""
        for process in self._workers.values():
            process.send_signal(signal.SIGTERM)
        for process in self._workers.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.client.close()


@pytest.fixture
def site(
    farm_home: Path, noop_workload: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[QueueSite]:
    """A Redis of its own, on a port that nobody takes while it is away, and no worker."""
    monkeypatch.setenv("FARM_VISIBILITY_TIMEOUT", str(VISIBILITY_SECONDS))
    server = broker.start(port=ports.free())
    try:
        site = QueueSite(tmp_path, server.local_url)
        yield site
        site.close()
    finally:
        broker.stop()
