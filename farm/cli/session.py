"""Session: the store, brought up to date from Redis where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from farm.run import Run
    from farm.runs.coordinator import Coordinator
    from farm.store.store import Store


@contextmanager
def collected(redis_url: str | None) -> Iterator[Store]:
    """Yield the store after collecting; without a Redis that answers, what it held already.

    Raises BrokerError where the Redis of `redis_url` does not answer, or the store holds nothing.
    """
    from farm.redis import broker
    from farm.runs.collector import collect
    from farm.store.store import Store
    from jobs.errors import BrokerError, NoBrokerError
    from workers.client import connect, explained
    from workers.ledger import Ledger

    with Store() as store:
        try:
            url = broker.resolve(redis_url)
            client = connect(url)
            with explained(url):
                collect(Ledger(client), store)
        except NoBrokerError:
            if store.runs():  # else whoever asks for one says what to type
                click.echo("farm: no Redis runs here; this is what was collected before", err=True)
        except BrokerError as error:
            if redis_url is not None or not store.runs():
                raise  # that very Redis was asked for, or there is nothing else to show
            click.echo(f"farm: showing what was collected before: {error}", err=True)
        yield store


def choose_run(store: Store, run: str | None, suite: str | None = None) -> Run:
    """Return the run named, or the newest (of the suite named); raise FarmError without one."""
    from jobs.errors import FarmError, UnknownNameError

    if run is not None:
        found = store.run(run)
        if found is None:
            raise UnknownNameError("run", run, [each.id for each in store.runs()[:10]])
        return found
    runs = store.runs(suite)
    if runs:
        return runs[0]
    if suite is not None and (others := {each.suite for each in store.runs()}):
        raise UnknownNameError("run of the suite", suite, others)
    raise FarmError(
        "nothing has been submitted yet; `farm up` starts a Redis here, `farm submit quick` begins"
    )


def recorded_run(coordinator: Coordinator, run: str) -> Run:
    """Return the run as Redis has it; raise FarmError, with what to do, when it has it not."""
    from farm.store.store import Store
    from jobs.errors import FarmError, UnknownNameError
    from workers.client import explained, without_password

    with explained(coordinator.url):
        found = coordinator.run(run)
        if found is not None:
            return found
        known = coordinator.ledger.runs()
    if run in known:
        raise FarmError(
            f"run {run} was recorded by another version of farm, which this one cannot read; "
            f"type the command where it was submitted"
        )
    with Store() as store:
        if store.run(run) is not None:
            raise FarmError(
                f"run {run} is not in the Redis at {without_password(coordinator.url)}: it was "
                f"pruned, imported, or is of another Redis. Its results are kept (`farm matrix "
                f"--run {run}`); to measure more, submit its suite again"
            )
    raise UnknownNameError("run", run, known[-10:])
