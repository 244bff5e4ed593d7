"""Site: a farm of real processes in a folder of its own: Redis, workers, somebody's commands."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import cast
from unittest import mock

import psutil
import redis

from farm.redis import broker, invitation
from farm.redis.access import WORKER
from tests import ledgers, live_farm, ports, processes
from tests.chaos.worker import Worker
from tests.fake_ffmpeg import fake
from workers import keys
from workers.client import connect
from workers.job_states import OPEN
from workers.ledger import Ledger
from workers.registry import Registry

START_SECONDS = 90.0


class Site:
    """A context manager; nothing of it is left afterwards.

    `hardware` is the name of each worker's; several may bear one. What happens is told to `say`.
    """

    def __init__(self, folder: Path, hardware: Mapping[str, str], say: Callable[[str], None]):
        self.folder = folder
        self.home = folder / "coordinator"
        self.say = say
        environment = live_farm.environment(
            FARM_HOME=str(self.home),
            FARM_FFMPEG=str(fake(folder, "exit 1")),  # a worker need not try real encoders
        )
        self.farm = live_farm.Farm(self.home, environment)
        self.hardware = tuple(dict.fromkeys(hardware.values()))
        self.runs: list[str] = []
        self.expected_jobs = 0
        self.complaints: list[str] = []
        self._labels = dict(hardware)
        self._batches = 0

    def __enter__(self) -> Site:
        self.home.mkdir()
        self._patched = mock.patch.dict(os.environ, {"FARM_HOME": str(self.home)})
        self._patched.start()
        try:
            self.port = ports.free()  # nobody takes it while Redis is away
            self.farm("up", "--port", str(self.port))
            server = broker.running()
            assert server is not None
            self.client = connect(server.local_url)
            self.ledger = Ledger(self.client)
            lines = dict.fromkeys(self.hardware, server.url_here(WORKER))
            # The last one may write its own results alone.
            file, _ = invitation.invite(self.hardware[-1], server.local_url)
            lines[self.hardware[-1]] = f"@{file}"
            self.workers = [
                Worker(
                    label,
                    hardware,
                    self.folder,
                    {**self.farm.environment, "FARM_REDIS_URL": lines[hardware]},
                )
                for label, hardware in self._labels.items()
            ]
            for worker in self.workers:
                worker.start()
            processes.until(self._all_present, START_SECONDS, "the workers join")
        except BaseException:
            self._sweep()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sweep()

    def suite(
        self,
        cells: int,
        repeats: int,
        seconds: Callable[[], float],
        hardware: Sequence[str] | None = None,
    ) -> str:
        """Write a suite that nobody has submitted, for some hardware or all; return its path.

        `seconds` tells how long each cell's jobs sleep. Each suite has a name and batch sizes of
        its own, so that a job's label tells which it is.
        """
        hardware = hardware or self.hardware
        name = f"wave-{self._batches}"
        lines = [
            f"name: {name}",
            f"hardware: [{', '.join(hardware)}]",
            f"defaults: {{data: synthetic, backend: ffmpeg, repeats: {repeats}, timeout: 60}}",
            "jobs:",
        ]
        for _ in range(cells):
            self._batches += 1
            lines.append(
                f"  - {{workload: noop, batch_size: {self._batches}, seconds: {seconds():.2f}}}"
            )
        self.expected_jobs += cells * repeats * len(hardware)
        return self.farm.suite("\n".join(lines) + "\n", f"{name}.yaml")

    def submit(self, suite: str) -> None:
        """Submit a suite and note its run."""
        self.runs.append(self.farm.json("submit", suite, "--json")["run"])

    def open_jobs(self) -> dict[str, str]:
        """Return the jobs that have not ended: id → hardware."""
        found: dict[str, str] = {}
        for run in self.runs:
            states = ledgers.states(self.ledger, run)
            if any(state in OPEN for state in states.values()):
                jobs = ledgers.jobs(self.ledger, run)
                found |= {job.id: job.hardware for job in jobs if states[job.id] in OPEN}
        return found

    def held_by(self, worker: Worker) -> frozenset[str]:
        """Return the ids of the jobs that a worker says it is measuring: one, or none."""
        saying = {w.name: w.job for w in Registry(self.client).workers() if w.state == "running"}
        label = saying.get(worker.name)
        if label is None:
            return frozenset()
        specs = (spec for run in self.runs for spec in ledgers.jobs(self.ledger, run))
        return frozenset(spec.id for spec in specs if spec.label == label)

    def revive(self, after: str) -> None:
        """Start workers again that have ended by themselves, and complain of each."""
        for worker in self.workers:
            if not worker.runs:
                self.complaints.append(
                    f"worker {worker.label} ended by itself (exit code {worker.exit_code}) after "
                    f"{after}: {worker.log()}"
                )
                worker.start()

    def messages(self) -> int:
        """Return how many messages wait in queues or in somebody's hands."""
        waiting = sum(self.client.llen(keys.queue(name)) for name in self.hardware)
        return waiting + sum(self.client.zcard(keys.unacked_index(name)) for name in self.hardware)

    def messages_in_words(self) -> str:
        """Return where messages are left, and for how long nobody has held those taken."""
        now = Registry(self.client).now()
        waiting = (f"{self.client.llen(keys.queue(name))} for {name}" for name in self.hardware)
        taken = [
            entry
            for name in self.hardware
            for entry in cast(
                "list[tuple[str, float]]",
                self.client.zrange(keys.unacked_index(name), 0, -1, withscores=True),
            )
        ]
        ages = ", ".join(f"{now - score:.1f} s ago" for _, score in taken)
        return f"{', '.join(waiting)}; {len(taken)} in somebody's hands ({ages or 'none'})"

    def redis_pid(self) -> int:
        """Return the process id of the Redis that runs now."""
        server = broker.running()
        assert server is not None
        return server.pid

    def restart_redis(self) -> None:
        """Start the Redis again that has ended, on the same port and file."""
        self.farm("up", "--port", str(self.port))

    def dismiss(self) -> None:
        """Have the workers end, collect, and complain of what is left behind."""
        for worker in self.workers:
            with self._complaining():
                worker.stop()
        for worker in self.workers:
            if waiting := worker.waiting():
                self.complaints.append(f"{len(waiting)} results wait on {worker.label}'s disk")
        self.farm("status", "--json")
        with self._complaining():
            processes.until(lambda: len(self._processes()) <= 1, 15, "only Redis is left")

    def close(self) -> None:
        """Stop Redis, and complain of any process that is left."""
        self.client.close()
        self.farm("down")
        with contextlib.suppress(TimeoutError):
            processes.until(lambda: not self._processes(), 15, "nothing is left")
        if left := self._processes():
            self.complaints.append(f"left behind: {'; '.join(map(processes.words, left))}")

    def _processes(self) -> list[psutil.Process]:
        return processes.of_farm(self.folder)

    def _all_present(self) -> bool:
        for worker in self.workers:
            if not worker.runs:
                raise RuntimeError(f"worker {worker.label} does not start: {worker.log(10)}")
        here = {worker.name for worker in Registry(self.client).present()}
        return {worker.name for worker in self.workers} <= here

    def _sweep(self) -> None:
        """End whatever is left of this site, by force."""
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        for worker in getattr(self, "workers", []):
            if worker.starts:
                worker.kill()
        if (client := getattr(self, "client", None)) is not None:
            client.close()
        self._patched.stop()

    @contextlib.contextmanager
    def _complaining(self) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, RuntimeError, redis.RedisError) as error:
            self.complaints.append(str(error))
