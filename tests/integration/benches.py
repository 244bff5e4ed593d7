"""Benches at a real Redis, that run the tests' own workload in real children."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import redis

from jobs.result import Result
from jobs.spec import JobSpec
from tests import ledgers
from tests.conftest import make_cell, make_job
from workers.bench import Bench
from workers.hardware import detect
from workers.outbox import Outbox
from workers.preflight import Preflight
from workers.registry import WorkerRecord
from workers.runner import Runner
from workers.stop_token import StopToken, Why

BEAT_SECONDS = 0.2


def noop(act: str = "succeed", *, seconds: float = 0.0, **changes: object) -> JobSpec:
    """Return a job for a template that imports nothing."""
    cell = make_cell(backend="ffmpeg", parameters={"act": act, "seconds": seconds})
    return make_job(cell, **{"timeout_seconds": 300.0, **changes})


class Site:
    """One bench, and what a test asks of it."""

    def __init__(self, client: redis.Redis, folder: Path, **environment: str) -> None:
        self.looks: list[str] = []  # what is wrong with the machine
        record = WorkerRecord(
            name="p100@here-1",
            host="here",
            hardware="p100",
            tags=("p100",),
            state="idle",
            declared=True,
            facts={},
            fingerprint="0",
            version="0",
            beat_seconds=BEAT_SECONDS,
            joined_at=0.0,
            seen_at=0.0,
        )
        stop_token = StopToken()
        preflight = Preflight(
            lambda: tuple(self.looks), patience_seconds=300.0, sleep=stop_token.sleep
        )
        self.runner = Runner(
            record.name,
            detect(device="cpu"),
            "fork",
            environment,
            preflight=preflight,
            telemetry=False,
            stop_token=stop_token,
        )
        outbox = Outbox(folder / "outbox")
        self.bench = Bench(client, record, self.runner, outbox, share_host=False)

    def queue(self, *jobs: JobSpec) -> None:
        """Record the jobs as queued."""
        first = jobs[0]
        self.bench.ledger.column(first.run, first.hardware).add([first.hardware], jobs)

    def serve(self, job: JobSpec) -> None:
        """Bring a delivery of the job to its end."""
        self.bench.serve(job.model_dump(mode="json"), "a-delivery")

    def results(self, job: JobSpec) -> list[Result]:
        """Return what the run's log has of the job."""
        log = ledgers.entries(self.bench.ledger, job.run, "0")
        found = [Result.model_validate_json(entry.text) for entry in log]
        return [result for result in found if result.job == job]

    def result(self, job: JobSpec) -> Result:
        """Return the job's one result."""
        [result] = self.results(job)
        return result

    def state(self, job: JobSpec) -> str | None:
        """Return the job's state."""
        return ledgers.state(self.bench.ledger, job)

    def attempts(self, job: JobSpec) -> int:
        """Return how often it was begun."""
        said = self.bench.ledger.client.hget(f"farm:run:{job.run}:p100:attempts", job.id)
        return int(str(said or 0))

    def children(self) -> list[psutil.Process]:
        """Return the processes of the jobs that run, those of the templates not among them."""
        return [child for each in templates() for child in each.children(recursive=True)]

    @contextmanager
    def serving(self, job: JobSpec) -> Iterator[list[BaseException]]:
        """Serve the job in a thread while the body runs; wait for its end, and give its error."""
        errors: list[BaseException] = []

        def serve() -> None:
            try:
                self.serve(job)
            except Exception as error:  # noqa: BLE001 - the test looks at it
                errors.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield errors
        finally:
            thread.join(30)
            went_on = thread.is_alive()
            self.runner.stop_token.request_stop(Why.HANDED_BACK)  # so that a test that fails ends
            thread.join(30)
        assert not went_on, "the job goes on"


def templates() -> list[psutil.Process]:
    """Return the warm templates of this process."""
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "workers.template" in process.cmdline():
                found.append(process)
    return found


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for the condition; fail when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
