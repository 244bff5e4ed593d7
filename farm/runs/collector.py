"""Collector: the runs' logs in Redis → the store; incremental, idempotent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from redis import ResponseError

from farm.run import read_manifest
from farm.runs.result_check import check, check_job
from farm.store.store import START, Store
from farm.store.unreadable import Unreadable
from jobs.errors import ResultError
from jobs.limits import MAX_RESULT_BYTES
from jobs.result import Result
from jobs.spec import JobSpec
from workers.ledger import CANCELLED, OPEN, SUPERSEDED, Ledger
from workers.result_log import LogEntry, is_damaged

logger = logging.getLogger(__name__)

# How else a job ended, its result says, and without one nothing does.
_STATES = {*OPEN, CANCELLED, SUPERSEDED}


def collect(ledger: Ledger, store: Store) -> int:
    """Bring the store up to date with every run in Redis; return how many results were new.

    A run that somebody has damaged in Redis is told of and left out.
    """
    new = 0
    for run in ledger.runs():
        try:
            new += collect_run(ledger, store, run)
        except ResponseError as error:
            if not is_damaged(error):
                raise
            logger.error("run %s is damaged in Redis and was not collected: %s", run, error)
    return new


def collect_run(ledger: Ledger, store: Store, run: str, *, from_start: bool = False) -> int:
    """Bring the store up to date with one run; return how many results were new.

    A result that cannot be read is kept as it came, and its job has failed. `from_start` reads the
    whole log, whatever the store believes to have of it.
    """
    known = store.progress(run)
    if known is None:
        manifest = ledger.manifest(run)
        recorded = None if manifest is None else read_manifest(run, manifest)
        if recorded is None:
            return 0
        store.add_run(recorded)
        known = store.progress(run)
        assert known is not None
    counted = ledger.job_count(run)
    if (
        counted == known.jobs
        and known.complete
        and not from_start
        and ledger.last_result(run) in (None, known.cursor)
    ):
        return 0
    manifest_of = store.run(run)
    assert manifest_of is not None
    # Workers can write jobs into Redis, and no manifest: what that does not explain is not counted.
    explains = manifest_of.explainer()
    if counted != known.jobs:
        store.add_jobs(run, list(filter(explains, ledger.jobs(run))))
    # States first: a result that arrives in between is then in the log for sure, and wins.
    states = {job: state for job, state in ledger.states(run).items() if state in _STATES}
    # Who dies after the results must not leave both a job and its successor to be counted.
    store.set_states(run, {job: state for job, state in states.items() if state == SUPERSEDED})
    new = 0
    # A log that ends before what was read of it has lost its end: what came since is read anew.
    last = ledger.last_result(run)
    lost = last is not None and _place(last) < _place(known.cursor)
    cursor = START if from_start or lost else known.cursor
    while entries := ledger.results_after(run, cursor):
        cursor = entries[-1].cursor
        results, unread = _read_all(ledger, run, entries, explains)
        for each in unread if not from_start else ():
            logger.warning("run %s: a result cannot be read, and is kept: %s", run, each.reason)
        new += store.add_results(run, results, cursor, unread)
    store.set_states(run, states)
    return new


def _place(cursor: str) -> tuple[int, int]:
    milliseconds, _, number = cursor.partition("-")
    return int(milliseconds), int(number or 0)


def _read_all(
    ledger: Ledger, run: str, entries: Sequence[LogEntry], explains: Callable[[JobSpec], bool]
) -> tuple[list[Result], list[Unreadable]]:
    """Return the results, and what could not be read; of that each job's failure is a result."""
    recorded = ledger.specs(run, sorted({entry.job for entry in entries if entry.job}))
    specs = {job: spec for job, spec in recorded.items() if explains(spec)}
    results: list[Result] = []
    unread: list[Unreadable] = []
    for entry in entries:
        try:
            results.append(_read(ledger, run, entry, specs, explains))
        except ResultError as error:
            unread.append(
                Unreadable(
                    cursor=entry.cursor,
                    job=entry.job if entry.job in specs else None,
                    reason=str(error),
                    text=entry.text,
                    size=entry.size,
                )
            )
    if unread:
        # A job that has not ended handed in nothing: somebody else wrote this.
        ended = {job for job, state in ledger.states(run).items() if state not in OPEN}
        failed = [(each, each.job) for each in unread if each.job is not None and each.job in ended]
        results += [each.result(specs[job]) for each, job in failed]
    return results, unread


def _read(
    ledger: Ledger,
    run: str,
    entry: LogEntry,
    specs: Mapping[str, JobSpec],
    explains: Callable[[JobSpec], bool],
) -> Result:
    """Return the entry's result; raise ResultError unless it is one, of a job of this run."""
    if entry.too_large:
        most = f"{MAX_RESULT_BYTES:,}, the most that a result may have"
        raise ResultError(f"it has {entry.size:,} bytes; accepted: up to {most}")
    result = check(entry.text)
    job = entry.job or result.job.id
    recorded = specs.get(job) or ledger.specs(run, [job]).get(job)
    if recorded is None or not explains(recorded):
        raise ResultError(f"of the job {result.job.id}, which this run does not have")
    check_job(result, recorded)
    return result
