"""Service: one worker process, from the detected hardware to the Celery loop."""

from __future__ import annotations

import logging
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from workers import capabilities
from workers import cpus as cpu_list
from workers.app import visibility_seconds
from workers.bench import Bench
from workers.cancellation import CancellationListener
from workers.device import device_environment
from workers.hardware import Hardware, detect
from workers.host_lock import lock_path, opened
from workers.instruments import instruments_of
from workers.lease import BEATS_PER_TIMEOUT
from workers.load import with_siblings
from workers.outbox import Outbox
from workers.preflight import Look, Preflight
from workers.registry import Registry, WorkerRecord
from workers.runner import Runner
from workers.stop_token import StopToken

if TYPE_CHECKING:
    import redis


logger = logging.getLogger(__name__)


class Service:
    """Confines this process to its device and CPUs, joins the farm, serves, and leaves."""

    def __init__(
        self,
        url: str,
        client: redis.Redis,
        *,
        home: Path,
        device: str | None,
        cpus: str | None,
        name: str | None,
        tags: Sequence[str],
        isolation: str | None,
        share_host: bool,
        patience_seconds: float = 0.0,  # how long a job waits for a quiet machine
        grace_seconds: float | None = None,  # how long one may go on when the worker is to stop
    ) -> None:
        self.url = url
        if not share_host:
            os.close(opened(lock_path()))  # better now than at the first job
        usable = cpu_list.usable_cpus()
        chosen = None if cpus is None else cpu_list.parse_cpus(cpus)
        if chosen is not None:
            cpu_list.pin(chosen)
        self.hardware = detect(device=device, cpus=chosen, name=name, tags=tags)
        self.capabilities = capabilities.detect(self.hardware)
        host = platform.node() or "unknown"
        now = Registry(client).now()
        if abs(apart := time.time() - now) > visibility_seconds() / 2:
            logger.warning(
                "this machine's clock is %+.0f s off Redis's, and so will be the times in its "
                "results: set it right",
                apart,
            )
        self.record = WorkerRecord(
            name=f"{self.hardware.name}@{host}-{os.getpid()}",
            host=host,
            hardware=self.hardware.name,
            tags=self.hardware.tags,
            state="idle",
            declared=self.hardware.declared,
            facts=self.hardware.facts,
            fingerprint=self.hardware.fingerprint,
            capabilities=self.capabilities,
            version=metadata.version("benchfarm"),
            beat_seconds=visibility_seconds() / BEATS_PER_TIMEOUT,
            joined_at=now,
            seen_at=now,
        )
        instruments = instruments_of(self.hardware)
        stop_token = StopToken()
        look = Look(
            self.hardware,
            instruments.sensors,
            with_siblings(cpu_list.usable_cpus()),
            sleep=stop_token.sleep,
        )
        runner = Runner(
            self.record.name,
            self.hardware,
            isolation or default_isolation(),
            child_environment(self.hardware),
            preflight=Preflight(look, patience_seconds=patience_seconds, sleep=stop_token.sleep),
            instruments=instruments,
            spare_cpus=usable,
            stop_token=stop_token,
        )
        outbox = Outbox(home / "outbox")
        self.bench = Bench(
            client,
            self.record,
            runner,
            outbox,
            share_host=share_host,
            grace_seconds=grace_seconds,
        )

    def join(self) -> None:
        """Be known to the farm, and hand in what an earlier worker could not."""
        self.bench.registry.join(self.record)
        self.bench.outbox.deliver(self.bench.ledger)

    def serve(self) -> None:
        """Take jobs until told to stop; then say goodbye."""
        from workers.tasks import serve

        bench = self.bench
        try:
            with CancellationListener(bench.ledger.client, bench.drop_if_over):
                serve(self.url, bench)
        finally:
            bench.leave()
            if bench.busy:
                # Celery gave up. Leaving by the door would wait for the job's thread; the job's
                # child dies with this process, and its delivery goes to another worker.
                logging.shutdown()
                os._exit(1)


def child_environment(hardware: Hardware) -> dict[str, str]:
    """Return the variables that keep jobs to the hardware, with a thread for each CPU of ours."""
    return {
        **cpu_list.thread_environment(cpu_list.thread_count()),
        **device_environment(hardware),
        "FARM_DEVICE": hardware.device,
    }


def default_isolation() -> str:
    """Return fork where a process that has imported a backend can be forked, else spawn."""
    return "fork" if sys.platform == "linux" else "spawn"
