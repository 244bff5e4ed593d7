"""Store: the archive of runs, jobs and results; the only module that speaks SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from farm.readings.entry import Entry
from farm.run import Run
from farm.store import log_rows
from farm.store.database import insert_new, open_engine
from farm.store.entry_rows import entries
from farm.store.entry_rows import state as _state
from farm.store.log_rows import Progress
from farm.store.migrations import migrate
from farm.store.reading_row import result_rows
from farm.store.tables import cells, conditions, jobs, results, runs
from farm.store.unreadable import Unreadable
from jobs.errors import StoreError
from jobs.result import Result
from jobs.spec import JobSpec
from workers.job_states import OPEN, SUPERSEDED


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """One job as a table of progress needs it."""

    id: str
    hardware: str
    state: str
    started_at: float | None  # seconds since the epoch, by its worker's clock
    finished_at: float | None
    retry: int = 0  # how often somebody has asked for it once more


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What the store holds of one hardware of a run."""

    states: Mapping[str, str]  # of every job, by its id
    results: frozenset[str]  # ids of the jobs with a result
    unreadable: frozenset[str]  # cursors of the entries of its log that could not be read


class Store:
    """FARM_STORE (any SQLAlchemy URL), else SQLite in the farm's home; a context manager."""

    def __init__(self, url: str | None = None) -> None:
        self.engine = open_engine(url)
        with self._explained():
            migrate(self.engine)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.dispose()

    def add_run(self, run: Run) -> None:
        """Record a run; one that is known already stays as it is."""
        row = {
            "id": run.id,
            "suite": run.suite,
            "created_at": run.created_at,
            "manifest": run.model_dump_json(),
        }
        with self._writing() as connection:
            insert_new(connection, runs, [row])

    def add_jobs(self, run: str, specs: Sequence[JobSpec]) -> None:
        """Record a run's jobs as queued; those that are known already stay as they are."""
        with self._writing() as connection:
            _insert_jobs(connection, run, specs)

    def add_results(self, run: str, new: Sequence[Result]) -> int:
        """Record results that come from elsewhere than Redis; return how many were new."""
        with self._writing() as connection:
            return _insert_results(connection, run, new)

    def add_log(
        self,
        run: str,
        hardware: str,
        new: Sequence[Result],
        unread: Sequence[Unreadable],
        cursor: str,
    ) -> int:
        """Record what a hardware's log held up to the cursor: all of it or nothing.

        Returns how many results were new.
        """
        with self._writing() as connection:
            count = _insert_results(connection, run, new)
            log_rows.insert_unreadable(connection, run, hardware, unread)
            log_rows.advance(connection, run, hardware, cursor)
        return count

    def set_states(self, run: str, states: Mapping[str, str], hardware: str | None = None) -> None:
        """Record the states of a run's jobs, as Redis has them; with hardware, of its alone."""
        if not states:
            return
        statement = (
            update(jobs)
            .where(jobs.c.id == bindparam("job"), jobs.c.run == run)
            # Superseded is final: of two who collect at once, one may know less.
            .where(jobs.c.state != bindparam("new"), jobs.c.state != SUPERSEDED)
            .values(state=bindparam("new"))
        )
        if hardware is not None:
            statement = statement.where(jobs.c.hardware == hardware)
        with self._writing() as connection:
            connection.execute(statement, [{"job": j, "new": s} for j, s in states.items()])

    def progress(self, run: str) -> dict[str, Progress]:
        """Return how far the store is with each hardware of a run of which it knows anything."""
        with self._reading() as connection:
            return log_rows.progress(connection, run)

    def without_result(self, run: str, hardware: str) -> list[str]:
        """Return the ids of the hardware's jobs that have not ended, as far as is known here."""
        here = (jobs.c.run == run, jobs.c.hardware == hardware)
        query = select(jobs.c.id).select_from(jobs.outerjoin(results)).where(*here)
        with self._reading() as connection:
            found = connection.scalars(query.where(results.c.job.is_(None), jobs.c.state.in_(OPEN)))
            return list(found)

    def run(self, run: str) -> Run | None:
        """Return one run, or None."""
        return next(iter(self._runs(runs.c.id == run)), None)

    def runs(self, suite: str | None = None) -> list[Run]:
        """Return all runs, or those of one suite, the newest first."""
        return self._runs(*([runs.c.suite == suite] if suite else []))

    def job_rows(self, run: str, *, superseded: bool = False) -> list[JobRow]:
        """Return all jobs of a run that count; those superseded too when asked for."""
        query = (
            select(
                jobs.c.id,
                jobs.c.hardware,
                _state(),
                results.c.started_at,
                results.c.finished_at,
                jobs.c.retry,
            )
            .select_from(jobs.outerjoin(results))
            .where(jobs.c.run == run)
            .order_by(jobs.c.hardware)
        )
        if not superseded:
            query = query.where(jobs.c.state != SUPERSEDED)
        names = ("id", "hardware", "state", "started_at", "finished_at", "retry")
        with self._reading() as connection:
            return [
                JobRow(**dict(zip(names, row, strict=True))) for row in connection.execute(query)
            ]

    def state(self, job: str) -> str | None:
        """Return the state of the job of that id, or None when it is not known."""
        query = select(_state()).select_from(jobs.outerjoin(results)).where(jobs.c.id == job)
        with self._reading() as connection:
            found: str | None = connection.scalar(query)
        return found

    def holding(self, run: str, hardware: str) -> Holding:
        """Return what is here of a run's jobs for one hardware."""
        query = select(jobs.c.id, _state(), results.c.job).select_from(jobs.outerjoin(results))
        with self._reading() as connection:
            rows = connection.execute(
                query.where(jobs.c.run == run, jobs.c.hardware == hardware)
            ).all()
            unread = log_rows.read_unreadable(connection, run)
        return Holding(
            states={job: state for job, state, _ in rows},
            results=frozenset(job for job, _, result in rows if result is not None),
            unreadable=frozenset(each.cursor for each in unread if each.hardware == hardware),
        )

    def unreadable(self, run: str) -> list[Unreadable]:
        """Return what came of a run and could not be read, in the order it came."""
        with self._reading() as connection:
            return log_rows.read_unreadable(connection, run)

    def entries(self, of_runs: Sequence[Run]) -> list[Entry]:
        """Return what the matrix is made of: every job of the runs that counts."""
        with self._reading() as connection:
            return entries(connection, of_runs)

    def results(self, run: str) -> Iterator[Result]:
        """Yield every result of a run, in full."""
        query = select(results.c.body).join(jobs).where(jobs.c.run == run).order_by(jobs.c.id)
        with self._reading() as connection:
            for body in connection.execution_options(yield_per=100).scalars(query):
                yield Result.model_validate_json(body)

    def result(self, job: str) -> list[Result]:
        """Return the result of the job of that id, or those of the first two that begin so."""
        query = select(results.c.body).where(results.c.job.startswith(job, autoescape=True))
        with self._reading() as connection:
            found = connection.scalars(query.order_by(results.c.job).limit(2))
            return [Result.model_validate_json(body) for body in found]

    def _runs(self, *conditions: ColumnElement[bool]) -> list[Run]:
        query = select(runs.c.manifest).where(*conditions).order_by(runs.c.created_at.desc())
        with self._reading() as connection:
            return [Run.model_validate_json(text) for text in connection.scalars(query)]

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._explained(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._explained(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or error).splitlines()[0]
            shown = self.engine.url.render_as_string(hide_password=True)
            raise StoreError(
                f"the store {shown} cannot be used: {cause}; "
                f"nothing is lost: Redis keeps the results, and the next command collects them"
            ) from error


def _insert_results(connection: Connection, run: str, new: Sequence[Result]) -> int:
    rows, under = result_rows(new)
    _insert_jobs(connection, run, [result.job for result in new])
    insert_new(connection, conditions, under)
    return insert_new(connection, results, rows)


def _insert_jobs(connection: Connection, run: str, specs: Iterable[JobSpec]) -> None:
    rows = []
    bodies: dict[str, str] = {}
    specs = sorted(specs, key=lambda spec: spec.id)  # two collectors lock in one order
    for spec in specs:
        cell = spec.cell.id
        bodies.setdefault(cell, spec.cell.model_dump_json())
        rows.append(
            {
                "id": spec.id,
                "run": run,
                "cell": cell,
                "hardware": spec.hardware,
                "repeat": spec.repeat,
                "state": "queued",
                "retry": spec.retry,
            }
        )
    insert_new(connection, cells, [{"id": id_, "body": body} for id_, body in bodies.items()])
    insert_new(connection, jobs, rows)
    # Whoever is there in the place of another: at no moment do both of them count.
    before = [spec.predecessor.id for spec in specs if spec.predecessor is not None]
    if before:
        statement = update(jobs).where(jobs.c.id == bindparam("job")).values(state=SUPERSEDED)
        connection.execute(statement, [{"job": job} for job in before])
