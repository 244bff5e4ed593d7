"""Collector: the logs of results in Redis → the store; incremental, idempotent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from farm.run import read_manifest
from farm.runs.result_check import check, check_job
from farm.store.log_rows import START, Progress
from farm.store.store import Store
from farm.store.unreadable import Unreadable
from jobs.errors import ResultError
from jobs.limits import MAX_RESULT_BYTES
from jobs.result import JobFailure, Result, Status, never_handed_in
from jobs.spec import JobSpec
from workers import refusal
from workers.column import Column
from workers.job_states import CANCELLED, OPEN, SUPERSEDED
from workers.ledger import Extent, Ledger, unless_damaged
from workers.result_log import LogEntry

logger = logging.getLogger(__name__)

# How else a job ended, its result says, and without one nothing does.
_STATES = {*OPEN, CANCELLED, SUPERSEDED}
_ENDED = {status.value for status in Status} - {CANCELLED}


def collect(ledger: Ledger, store: Store) -> int:
    """Bring the store up to date with every run in Redis; return how many results were new."""
    return sum(collect_run(ledger, store, run) for run in ledger.runs())


def collect_run(ledger: Ledger, store: Store, run: str, *, from_start: bool = False) -> int:
    """Bring the store up to date with one run; return how many results were new.

    A result that cannot be read is kept as it came, and its job has failed. What somebody has
    damaged of a hardware's in Redis is told of and left out. `from_start` reads the whole logs,
    whatever the store believes to have of them.
    """
    recorded = store.run(run)
    if recorded is None:
        manifest = ledger.manifest(run)
        recorded = None if manifest is None else read_manifest(run, manifest)
        if recorded is None:
            return 0
        store.add_run(recorded)
    # Workers can write jobs into Redis, and no manifest: what that does not explain is not counted.
    explains = recorded.explainer()
    known = {} if from_start else store.progress(run)
    new = 0
    columns = recorded.asked_of(ledger.columns(run))
    for hardware in known.keys() - set(columns):  # somebody has removed it
        open_jobs = store.without_result(run, hardware)
        store.set_states(run, dict.fromkeys(open_jobs, CANCELLED), hardware)
    for hardware, extent in ledger.extents(run, columns).items():
        before = known.get(hardware, Progress())
        done = extent.jobs == before.jobs and before.complete
        if done and extent.last_result in (None, before.cursor):
            continue
        column = ledger.column(run, hardware)
        with unless_damaged(run, hardware):
            new += _collect(column, store, before, extent, explains, again=from_start)
    return new


def _collect(
    column: Column,
    store: Store,
    known: Progress,
    extent: Extent,
    explains: Callable[[JobSpec], bool],
    *,
    again: bool,  # all of it was collected before, and is only compared
) -> int:
    run, hardware = column.run, column.hardware
    if extent.jobs != known.jobs:
        store.add_jobs(run, list(filter(explains, column.jobs())))
    # States first: a result that arrives in between is then in the log for sure, and wins.
    said = column.states()
    states = {job: state for job, state in said.items() if state in _STATES}
    superseded = {job: state for job, state in states.items() if state == SUPERSEDED}
    # Who dies after the results must not leave both a job and its successor to be counted.
    store.set_states(run, superseded, hardware)
    new = 0
    # As far as it went by then: somebody may add to it without end.
    end = column.log.last() or START
    # A log that ends before what was read of it has lost its end: what came since is read anew.
    lost = end != START and _place(end) < _place(known.cursor)
    cursor = START if lost else known.cursor
    while _place(cursor) < _place(end) and (entries := column.log.after(cursor)):
        cursor = entries[-1].cursor
        results, unread = _read_all(column, entries, explains)
        for each in () if again else unread:
            logger.warning(
                "run %s, %s: a result cannot be read, and is kept: %s", run, hardware, each.reason
            )
        new += store.add_log(run, hardware, results, unread, cursor)
    store.set_states(run, states, hardware)
    ended = {job for job, state in said.items() if state in _ENDED and not again}
    if ended and (lacking := ended.intersection(store.without_result(run, hardware))):
        specs = column.specs(sorted(lacking))
        gone = [_gone(spec, said[job]) for job, spec in specs.items() if explains(spec)]
        new += store.add_results(run, gone)
    return new


def _gone(job: JobSpec, state: str) -> Result:
    """Return the failure of a job that has ended by its state, and whose log has no result."""
    message = (
        f"Redis says that it ended as {state!r}, and has no result of it: somebody has removed it; "
        f"`farm retry {job.run} --failed` measures it once more"
    )
    return never_handed_in(job, JobFailure(kind="garbage", message=message), time.time())


def _place(cursor: str) -> tuple[int, int]:
    milliseconds, _, number = cursor.partition("-")
    return int(milliseconds), int(number or 0)


def _read_all(
    column: Column, entries: Sequence[LogEntry], explains: Callable[[JobSpec], bool]
) -> tuple[list[Result], list[Unreadable]]:
    """Return the results, and what could not be read; of that each job's failure is a result."""
    recorded = column.specs(sorted({entry.job for entry in entries if entry.job}))
    specs = {job: spec for job, spec in recorded.items() if explains(spec)}
    results: list[Result] = []
    unread: list[Unreadable] = []
    for entry in entries:
        try:
            results.append(_read(column, entry, specs, explains))
        except ResultError as error:
            unread.append(
                Unreadable(
                    hardware=column.hardware,
                    cursor=entry.cursor,
                    job=entry.job if entry.job in specs else None,
                    reason=str(error),
                    text=entry.text,
                    size=entry.size,
                )
            )
    if unread:
        # A job that has not ended handed in nothing: somebody else wrote this.
        ended = {job for job, state in column.states().items() if state not in OPEN}
        failed = [(each, each.job) for each in unread if each.job is not None and each.job in ended]
        results += [each.result(specs[job]) for each, job in failed]
    return results, unread


def _read(
    column: Column,
    entry: LogEntry,
    specs: Mapping[str, JobSpec],
    explains: Callable[[JobSpec], bool],
) -> Result:
    """Return the entry's result; raise ResultError unless it is one, of a job of this column."""
    if entry.too_large:
        most = f"{MAX_RESULT_BYTES:,}, the most that a result may have"
        raise ResultError(f"it has {entry.size:,} bytes; accepted: up to {most}")
    try:
        result = check(entry.text)
    except ResultError:
        refused = refusal.read(entry.text)
        if refused is None or entry.job not in specs:
            raise
        result = refused.result(specs[entry.job])
    job = entry.job or result.job.id
    recorded = specs.get(job) or column.specs([job]).get(job)
    if recorded is None or not explains(recorded):
        raise ResultError(
            f"of the job {result.job.id}, which this run does not have for {column.hardware}"
        )
    check_job(result, recorded)
    return result
