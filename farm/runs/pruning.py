"""Pruning: Redis forgets a run that the store holds, every job and every result of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import ValidationError
from redis import RedisError, WatchError

from farm.run import Run
from farm.runs.collector import collect_run
from farm.store.log_rows import START
from farm.store.store import Holding, Store
from farm.store.unreadable import MOST_UNREADABLE
from jobs.errors import FarmError
from jobs.result import Result
from jobs.spec import JobSpec
from workers import keys
from workers.client import explained
from workers.column import Column
from workers.job_states import CANCELLED, OPEN, SUPERSEDED
from workers.ledger import unless_damaged
from workers.messages import Messages
from workers.result_log import LogEntry, is_damage

if TYPE_CHECKING:
    from farm.runs.coordinator import Coordinator

logger = logging.getLogger(__name__)

GONE_SECONDS = 86_400.0  # a worker silent for longer is forgotten


class NotHeldError(FarmError):
    """Redis cannot forget the run yet."""


def prune(coordinator: Coordinator, store: Store, run: Run) -> int:
    """Let Redis forget the run, once and for all; return how many results it held.

    Nobody joins it any more. Raises NotHeldError, and forgets nothing, unless every job has ended
    and the store holds every one of them, with every result of the log.
    """
    ledger = coordinator.ledger
    with explained(coordinator.url):
        _check_ended(coordinator, run)
        closed = ledger.close(run.id)
        try:
            collect_run(ledger, store, run.id, from_start=True)
            held = 0

            def check() -> None:
                nonlocal held
                _check_ended(coordinator, run)
                held = _check_held(coordinator, store, run)

            ended = _states(coordinator, run)
            ledger.forget(run.id, run.suite, check)
        except BaseException as error:
            if closed:
                ledger.reopen(run.id)
            if isinstance(error, WatchError):
                raise NotHeldError(
                    f"run {run.id} stays in Redis: it changed at this moment; try it again"
                ) from error
            raise
        # A job that was cancelled, or sent twice, can have left a message that nobody took since.
        for hardware, states in ended.items():
            with unless_damaged(run.id, hardware):
                Messages(coordinator.client, hardware).remove(states.keys())
    return held


def done_with(coordinator: Coordinator, run: Run) -> bool:
    """Return whether every job of the run has ended, and nobody can join it any more.

    A run of its suite's newest that takes `all` hardware is never done with by itself.
    """
    ledger = coordinator.ledger
    with explained(coordinator.url):
        states = _states(coordinator, run)
        if any(state in OPEN for column in states.values() for state in column.values()):
            return False
        if run.id not in ledger.open_runs():
            return True
        return bool(states) and not run.selector.is_all and coordinator.waits_for(run) is None


def sweep(coordinator: Coordinator) -> int:
    """Remove what nobody needs: workers long gone, keys of runs that are not here.

    Returns how many workers were forgotten.
    """
    with explained(coordinator.url):
        client = coordinator.client
        found = list(client.scan_iter(keys.column("*", "*", "*"), count=500))
        known = set(coordinator.ledger.runs())  # afterwards: a run can be new
        for key in found:
            if key.split(":")[2] not in known:
                client.unlink(key)
        now = coordinator.registry.now()
        gone = [
            worker
            for worker in coordinator.registry.workers()
            if not worker.present and now - worker.seen_at > GONE_SECONDS
        ]
        for worker in gone:
            coordinator.registry.forget(worker)
    return len(gone)


def _states(coordinator: Coordinator, run: Run) -> dict[str, dict[str, str]]:
    """Return each job's state by its id, of each hardware."""
    found: dict[str, dict[str, str]] = {}
    for hardware in run.asked_of(coordinator.ledger.columns(run.id)):
        with unless_damaged(run.id, hardware):
            found[hardware] = coordinator.ledger.column(run.id, hardware).states()
    return found


def _check_ended(coordinator: Coordinator, run: Run) -> None:
    states = [state for column in _states(coordinator, run).values() for state in column.values()]
    left = sum(state in OPEN for state in states)
    if left:
        raise NotHeldError(
            f"run {run.id} stays in Redis: {left:,} of its {len(states):,} jobs have not ended; "
            f"`farm watch {run.id}` waits for them, `farm cancel {run.id}` ends them"
        )


def _check_held(coordinator: Coordinator, store: Store, run: Run) -> int:
    """Compare, job by job and result by result; return how many results Redis holds."""
    ledger = coordinator.ledger
    held, wrong = 0, []
    explains = run.explainer()
    for hardware in run.asked_of(ledger.columns(run.id)):
        column = ledger.column(run.id, hardware)
        try:
            count, problems = _compare(column, store.holding(run.id, hardware), explains)
        except RedisError as error:
            if not is_damage(error):
                raise
            count, problems = 0, [f"what Redis has of it is damaged; {_let_go(column)}"]
        held += count
        wrong += [f"{hardware}: {problem}" for problem in problems]
    if wrong:
        raise NotHeldError(f"run {run.id} stays in Redis: {'; '.join(wrong)}")
    return held


def _compare(
    column: Column, here: Holding, explains: Callable[[JobSpec], bool]
) -> tuple[int, list[str]]:
    """Return how many results Redis has of a hardware, and what the store has not, in words.

    What the run does not explain is nobody's loss.
    """
    known = {job.id for job in column.jobs() if explains(job)}
    states = {job: state for job, state in column.states().items() if job in known}
    wrong = []
    if known != states.keys():
        wrong.append(f"it has {len(known):,} jobs, and states of {len(states):,}")
    unlike = sum(not _same(state, here.states.get(job)) for job, state in states.items())
    if unlike:
        wrong.append(f"the store knows otherwise, or nothing, of {unlike:,} jobs")
    resultless = sum(
        state not in (CANCELLED, SUPERSEDED) and job not in here.results
        for job, state in states.items()
    )
    if resultless:
        wrong.append(f"the store lacks the results of {resultless:,} jobs")
    count, unknown, cursor = 0, 0, START
    while entries := column.log.after(cursor):
        cursor = entries[-1].cursor
        count += len(entries)
        unknown += sum(
            entry.cursor not in here.unreadable
            and _job(entry) not in here.results
            and len(here.unreadable) < MOST_UNREADABLE  # of more than these no more are kept
            for entry in entries
        )
    if unknown:
        wrong.append(f"the store lacks {unknown:,} of {count:,} results")
    return count, wrong


def _let_go(column: Column) -> str:
    parts = ("jobs", "states", "results")
    return f"`redis-cli DEL {' '.join(column.key(part) for part in parts)}` gives up what is left"


def _job(entry: LogEntry) -> str | None:
    try:
        return entry.job or Result.model_validate_json(entry.text).job.id
    except ValidationError:
        return None


def _same(state: str, here: str | None) -> bool:
    """Return whether the store's state of a job goes with Redis's.

    Which result counts can differ: the store keeps the first that it was given.
    """
    if here is None or here in OPEN:
        return False
    return (state == SUPERSEDED) == (here == SUPERSEDED)
