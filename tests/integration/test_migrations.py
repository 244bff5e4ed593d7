"""A store written by an older farm is brought up to date, with nothing lost."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from farm.home import home
from farm.run import Run
from farm.store.store import Store
from farm.suite.plan import PlannedCell
from farm.suite.selector import Selector
from jobs.errors import StoreError
from jobs.result import JobFailure, Result
from tests.conftest import make_cell, make_job, make_result

# The tables as version 1 of the schema had them.
VERSION_1 = """
CREATE TABLE schema_versions (version INTEGER NOT NULL PRIMARY KEY);
CREATE TABLE runs (id VARCHAR(64) NOT NULL PRIMARY KEY, suite VARCHAR(64) NOT NULL,
    created_at FLOAT NOT NULL, manifest TEXT NOT NULL, cursor VARCHAR(64) NOT NULL);
CREATE TABLE cells (id VARCHAR(16) NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE jobs (id VARCHAR(16) NOT NULL PRIMARY KEY, run VARCHAR(64) NOT NULL,
    cell VARCHAR(16) NOT NULL, hardware VARCHAR(64) NOT NULL, repeat INTEGER NOT NULL,
    state VARCHAR(16) NOT NULL, FOREIGN KEY(run) REFERENCES runs (id),
    FOREIGN KEY(cell) REFERENCES cells (id));
CREATE TABLE results (job VARCHAR(16) NOT NULL PRIMARY KEY, status VARCHAR(16) NOT NULL,
    epoch_seconds FLOAT, samples_per_epoch BIGINT, reason TEXT, started_at FLOAT NOT NULL,
    finished_at FLOAT NOT NULL, body TEXT NOT NULL, FOREIGN KEY(job) REFERENCES jobs (id));
INSERT INTO schema_versions VALUES (1);
"""
CELL = make_cell()
RUN = Run(
    id="run-1",
    suite="quick",
    description="",
    created_at=1.0,
    selector=Selector.model_validate("all"),
    seed=42,
    cells=(PlannedCell(cell=CELL, repeats=2, timeout_seconds=60.0),),
)
NEW_KEYS = ("protocol", "data_pipeline")  # that a version 1 cell did not have


def old_body(result: Result) -> str:
    """The result as version 1 wrote it."""
    said = json.loads(result.model_dump_json())
    for key in ("unit", "noise", "telemetry"):
        del said[key]
    del said["job"]["effort"]
    for key in NEW_KEYS:
        del said["job"]["cell"][key]
    return json.dumps(said)


@pytest.fixture
def old_store(farm_home: Path) -> list[Result]:
    measured = make_result(make_job(CELL, repeat=1), lap_seconds=3.0)
    failed = make_result(
        make_job(CELL, repeat=2),
        status="failed",
        measurement=None,
        error=JobFailure(kind="exception", message="told to fail"),
    )
    with sqlite3.connect(home() / "farm.db") as connection:
        connection.executescript(VERSION_1)
        run = (RUN.id, RUN.suite, RUN.created_at, RUN.model_dump_json(), "0")
        connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", run)
        cell = {k: v for k, v in CELL.model_dump(mode="json").items() if k not in NEW_KEYS}
        connection.execute("INSERT INTO cells VALUES (?, ?)", (CELL.id, json.dumps(cell)))
        for result in (measured, failed):
            job = result.job
            connection.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, 'queued')",
                (job.id, job.run, job.cell.id, job.hardware, job.repeat),
            )
            row = (job.id, result.status.value, 3.0, 100, None, 1000.0, 1005.0, old_body(result))
            connection.execute("INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.close()
    return [measured, failed]


def test_an_older_store_gains_the_readings_of_what_it_holds(old_store: list[Result]) -> None:
    measured, failed = old_store
    with Store() as store:
        good, bad = store.entries([RUN])
        kept = list(store.results(RUN.id))
    assert good.reading is not None
    assert (good.reading.seconds, good.reading.laps) == (3.0, 2)
    assert good.conditions is not None
    assert good.conditions["device_name"] == "Tesla P100"
    assert bad.reading is None
    assert {result.job.id for result in kept} == {measured.job.id, failed.job.id}
    # And it can hold retries, and what cannot be read
    with Store() as store:
        assert [row.retry for row in store.job_rows(RUN.id)] == [0, 0]
        assert store.unreadable(RUN.id) == []
        store.add_jobs(RUN.id, [make_job(CELL, repeat=1, retry=1)])
        store.set_states(RUN.id, {measured.job.id: "superseded"})
        assert sorted(row.retry for row in store.job_rows(RUN.id)) == [0, 1]
    # And the next to open it finds nothing left to do
    with Store() as store:
        assert len(store.entries([RUN])) == 2


def test_a_migration_that_was_cut_short_is_done_again(
    old_store: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an upgrade that dies after the tables were changed
    with monkeypatch.context() as patched:
        patched.setattr("farm.store.migrations.fill_in", lambda connection: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Store()
    # When the store is opened again
    with Store() as store:
        good, _ = store.entries([RUN])
    # Then nothing of it is missing
    assert good.reading is not None
    assert good.conditions is not None


def test_two_upgrades_at_once_do_it_once(old_store: list[Result]) -> None:
    with ThreadPoolExecutor(2) as pool:
        opened = [pool.submit(Store) for _ in range(2)]
        for each in opened:
            with each.result() as store:
                assert all(entry.conditions for entry in store.entries([RUN]))


def test_a_store_of_a_newer_farm_is_left_alone(old_store: list[Result]) -> None:
    with sqlite3.connect(home() / "farm.db") as connection:
        connection.execute("INSERT INTO schema_versions VALUES (99)")
    connection.close()
    with pytest.raises(StoreError, match=r"schema version 99.*upgrade"):
        Store()
