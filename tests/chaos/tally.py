"""Tally: every job that was asked for, against the results in Redis's log and in the store.

The two are read by themselves, and neither through the code that keeps them: commands of Redis and
SQL, so that a mistake in counting there is none here.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jobs.spec import JobSpec

if TYPE_CHECKING:
    import redis

SUCCEEDED = "succeeded"
# Of a job whose process was killed again and again, which is what is done to it here.
KILLED = re.compile(r"kill|died", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """One result as it stands in Redis's log."""

    status: str
    message: str | None
    at: float  # seconds since the epoch, by Redis's clock: when it was appended


@dataclass(frozen=True, kw_only=True)
class Books:
    """What is recorded of some runs."""

    jobs: Mapping[str, JobSpec]  # by id
    states: Mapping[str, str]  # of Redis
    log: Mapping[str, tuple[Ending, ...]]  # of Redis: what was appended for each job
    archive: Mapping[str, tuple[str, ...]]  # of the store: the status of each of the job's rows

    def ended_at(self, job: str) -> float | None:
        """Return when the job's result was taken, or None."""
        return next((ending.at for ending in self.log.get(job, ())), None)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The count of some jobs."""

    jobs: int
    results: int  # jobs that have one in the log and in the store
    duplicates: int  # results beyond the first, in either
    lost: int  # jobs without a result in either


def count(books: Books, jobs: Collection[str]) -> Tally:
    """Count the results of the jobs."""
    logged = Counter({job: len(books.log.get(job, ())) for job in jobs})
    stored = Counter({job: len(books.archive.get(job, ())) for job in jobs})
    lost = sum(not (logged[job] and stored[job]) for job in jobs)
    surplus = sum(max(0, n - 1) for found in (logged, stored) for n in found.values())
    return Tally(jobs=len(jobs), results=len(jobs) - lost, duplicates=surplus, lost=lost)


def contradictions(books: Books) -> list[str]:
    """Return what does not agree, in sentences: none of it is a count, all of it is wrong."""
    said = []
    if strangers := {*books.log, *books.archive}.difference(books.jobs):
        said.append(f"{len(strangers)} results are of no job: {', '.join(sorted(strangers)[:3])}")
    unlike = [
        f"{spec.label} is {books.states.get(job)} in Redis, {books.log[job][0].status} in its log "
        f"and {', '.join(books.archive.get(job, ('nothing',)))} in the store"
        for job, spec in books.jobs.items()
        if books.log.get(job)
        and {books.states.get(job), *books.archive.get(job, ("nothing",))}
        != {books.log[job][0].status}
    ]
    said += unlike[:5]
    still_open = Counter(
        state for job in books.jobs if (state := books.states.get(job, "not recorded"))
        in ("queued", "running", "not recorded")
    )  # fmt: skip
    said += [f"{n} jobs are {state} in the end" for state, n in sorted(still_open.items())]
    failed = Counter(
        f"{ending.status}: {ending.message}"
        for endings in books.log.values()
        for ending in endings
        if ending.status != SUCCEEDED and not KILLED.search(ending.message or "")
    )
    said += [f"{n} jobs ended as {words}" for words, n in failed.most_common(5)]
    return said


def killed(books: Books) -> Counter[str]:
    """Return why jobs failed whose process was killed: a result too, and how many have it."""
    return Counter(
        ending.message or ""
        for endings in books.log.values()
        for ending in endings
        if ending.status != SUCCEEDED and KILLED.search(ending.message or "")
    )


def read(client: redis.Redis, runs: Collection[str], store: Path) -> Books:
    """Read everything of the runs."""
    specs: dict[str, JobSpec] = {}
    states: dict[str, str] = {}
    log: dict[str, list[Ending]] = {}
    for run in runs:
        entries: list[tuple[str, dict[str, Any]]] = []
        for name in cast("set[str]", client.smembers("farm:hardware")):
            column = f"farm:run:{run}:{name}"
            recorded = cast("dict[str, str]", client.hgetall(f"{column}:jobs"))
            specs |= {job: JobSpec.model_validate_json(text) for job, text in recorded.items()}
            states |= cast("dict[str, str]", client.hgetall(f"{column}:states"))
            entries += cast("list[tuple[str, dict[str, Any]]]", client.xrange(f"{column}:results"))
        for entry, fields in entries:
            result = json.loads(fields["result"])
            ending = Ending(
                status=result["status"],
                message=(result["error"] or {}).get("message"),
                at=int(entry.partition("-")[0]) / 1000,
            )
            log.setdefault(JobSpec.model_validate(result["job"]).id, []).append(ending)
    return Books(
        jobs=specs,
        states=states,
        log={job: tuple(endings) for job, endings in log.items()},
        archive=_archive(store, runs),
    )


def _archive(store: Path, runs: Collection[str]) -> dict[str, tuple[str, ...]]:
    rows: dict[str, list[str]] = {}
    with closing(sqlite3.connect(store)) as connection:
        found = connection.execute(
            "select jobs.run, jobs.id, results.status "
            "from results join jobs on results.job = jobs.id"
        )
        for run, job, status in found:
            if run in runs:
                rows.setdefault(job, []).append(status)
    return {job: tuple(statuses) for job, statuses in rows.items()}
