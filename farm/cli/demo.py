"""`farm demo`: the whole farm on this machine, from an empty Redis to a matrix."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from farm.cli.exit_code import ExitCode

if TYPE_CHECKING:
    from farm.redis.server import Server
    from farm.runs.coordinator import Coordinator

JOIN_SECONDS = 60.0
STOP_SECONDS = 10.0
ONE_CORE, ALL_CORES = "cpu-1core", "cpu-all"


@click.command(name="demo", short_help="The whole farm on this machine, in minutes.")
@click.option("--suite", default="quick", show_default=True, help="The suite to run.")
def command(suite: str) -> int:
    """Run a suite on this machine as two unlike pieces of hardware, and print the matrix.

    Starts a Redis and two workers, one pinned to a single CPU (where the system allows pinning) and
    one on all, and stops everything that it started, on Ctrl-C too.
    """
    from farm.cli.progress import follow
    from farm.home import home
    from farm.matrix.matrix import build
    from farm.redis.access import WORKER
    from farm.render import render, units
    from farm.runs.coordinator import Coordinator
    from farm.store.store import Store
    from farm.suite.suite import load
    from workers.cpus import usable_cpus

    loaded = load(suite)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _as_interrupt)  # also where a script's background ignores Ctrl-C
    first_cpu = str(usable_cpus()[0])
    pin = ["--cpus", first_cpu] if hasattr(os, "sched_setaffinity") else []
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_server())
        coordinator = Coordinator(server.url_here())
        for name, options in ((ONE_CORE, pin), (ALL_CORES, [])):
            stack.enter_context(_worker(server.url_here(WORKER), name, options))
        _wait_for({ONE_CORE, ALL_CORES}, coordinator)
        run = coordinator.submit(loaded)
        jobs = coordinator.ledger.job_count(run.id)
        click.echo(f"submitted run {run.id}: {units.count(jobs, 'job')}")
        store = stack.enter_context(Store())
        counts = follow(run, coordinator, store)
        matrix = build(store.entries([run]), baseline=ONE_CORE)
        click.echo()
        click.echo(render(matrix, "table", title=f"run {run.id}"))
    click.echo(f"\nstopped everything; the results are in {home()}")
    unsuccessful = sum(counts.values()) - counts["succeeded"]
    return ExitCode.JOBS_FAILED if unsuccessful else ExitCode.DONE


@contextlib.contextmanager
def _server() -> Iterator[Server]:
    """Yield a Redis of our own; one that runs already is used and left running."""
    from farm.redis import broker

    ours = broker.running() is None
    server = broker.start()
    click.echo(f"{'started' if ours else 'using'} Redis on port {server.port}")
    try:
        yield server
    finally:
        if ours:
            broker.stop()


@contextlib.contextmanager
def _worker(url: str, name: str, options: list[str]) -> Iterator[None]:
    """Run a worker of this machine beside us; when the body ends, stop it for certain."""
    from farm.home import home

    log = home() / f"{name}.log"
    click.echo(f"started worker {name} (log: {log})")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "farm", "worker", "--hardware", name, *options],
            env={**os.environ, "FARM_REDIS_URL": url, "PYTHONSAFEPATH": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is ours to handle
        )
    try:
        yield
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the worker and all that it started by force, if they have not ended; return when gone."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, STOP_SECONDS)
    process.wait()


def _wait_for(hardware: set[str], coordinator: Coordinator) -> None:
    import time

    from farm.home import home
    from jobs.errors import FarmError

    deadline = time.monotonic() + JOIN_SECONDS
    while missing := hardware - {w.hardware for w in coordinator.registry.present()}:
        if time.monotonic() > deadline:
            names = ", ".join(sorted(missing))
            raise FarmError(f"no sign of the worker {names}; its log is in {home()}")
        time.sleep(0.2)


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
