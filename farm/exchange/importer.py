"""Importer: files of results or measurements → the store, all of them or none."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

from farm.exchange import exchange, source
from farm.exchange.incoming import Incoming
from farm.measurements import csv_file as measurements
from farm.measurements.mistakes import Mistakes
from farm.run import Run
from farm.store.store import Store
from jobs.result import Result
from workers.job_states import OPEN, SUPERSEDED

CHUNK = 500  # results a transaction
# The same measurement can be imported at two times.
_OF_NO_CONTENT = {"started_at", "finished_at", "start_latency_seconds"}


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of one file."""

    file: str
    notes: tuple[str, ...]
    runs: tuple[str, ...]
    results: int  # in the file
    new: int  # of these, not in the store before
    other_runs: tuple[str, ...]  # known with another manifest, which was kept
    other_results: tuple[str, ...]  # ids of jobs known with another result, which was kept


def import_files(store: Store, files: Sequence[str]) -> list[Imported]:
    """Read and check all files, then write what is new in them; ``-`` is standard input.

    Raises ImportFileError, with every mistake of every file, before anything is written. A result
    that contradicts the one that the store has of its job is left out and named.
    """
    mistakes = Mistakes()
    with ExitStack() as stack:
        incoming = [_read(file, mistakes, stack) for file in files]
        mistakes.check()
        return [_write(store, each) for each in incoming if each is not None]


def _read(file: str, mistakes: Mistakes, stack: ExitStack) -> Incoming | None:
    try:
        content = stack.enter_context(source.opened(file))
        suffix = Path(file).suffix.lower()
        begin = content.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        content.seek(0)
        if suffix != ".csv" and (suffix in (".jsonl", ".ndjson") or begin.startswith(b"{")):
            return exchange.read(file, content, mistakes)
        return measurements.read(file, source.whole(content), mistakes, time.time())
    except source.SourceError as error:
        mistakes.add(file, 0, str(error))
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        mistakes.add(file, 0, f"cannot be read: {reason}")
        return None


def _write(store: Store, incoming: Incoming) -> Imported:
    known: dict[str, str] = {}
    other_runs = []
    for run in incoming.runs:
        here = store.run(run.id)
        if here is None:
            store.add_run(run)
            continue
        if not _same_run(here, run):
            other_runs.append(run.id)
        known |= {result.job.id: _content(result) for result in store.results(run.id)}
    _write_jobs(store, incoming)
    count, new = 0, 0
    others = []
    for run_id, results in groupby(incoming.results(), key=lambda result: result.job.run):
        while chunk := list(islice(results, CHUNK)):
            count += len(chunk)
            fresh = []
            for result in chunk:
                content = _content(result)
                if result.job.id not in known:
                    known[result.job.id] = content
                    fresh.append(result)
                elif known[result.job.id] != content:
                    others.append(result.job.id)
            new += store.add_results(run_id, fresh)
    return Imported(
        file=incoming.file,
        notes=tuple(incoming.notes),
        runs=tuple(dict.fromkeys(run.id for run in incoming.runs)),
        results=count,
        new=new,
        other_runs=tuple(dict.fromkeys(other_runs)),
        other_results=tuple(others),
    )


def _write_jobs(store: Store, incoming: Incoming) -> None:
    """Record the jobs with a state of their own.

    A job that is known keeps its state, unless that is open; superseded is final on either side.
    """
    in_order = sorted(incoming.jobs, key=lambda each: each[0].run)
    for run_id, each in groupby(in_order, key=lambda each: each[0].run):
        jobs = list(each)
        here = {row.id: row.state for row in store.job_rows(run_id, superseded=True)}
        store.add_jobs(run_id, [spec for spec, _ in jobs])
        states = {spec.id: state for spec, state in jobs}
        news = {
            job: state
            for job, state in states.items()
            if job not in here or state == SUPERSEDED or (here[job] in OPEN and state not in OPEN)
        }
        store.set_states(run_id, news)


def _same_run(one: Run, other: Run) -> bool:
    said_beside = {name: getattr(other, name) for name in ("created_at", "suite", "description")}
    return one.model_copy(update=said_beside) == other


def _content(result: Result) -> str:
    body = result.model_dump_json(exclude=_OF_NO_CONTENT)
    return hashlib.sha256(body.encode()).hexdigest()
