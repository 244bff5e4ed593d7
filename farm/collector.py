"""Collector: the runs' logs in Redis → the store; incremental, idempotent."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from farm.run import read_manifest
from farm.store import Store
from jobs.result import Result
from workers.ledger import Ledger

logger = logging.getLogger(__name__)


def collect(ledger: Ledger, store: Store) -> int:
    """Bring the store up to date with every run in Redis; return how many results were new."""
    return sum(collect_run(ledger, store, run) for run in ledger.runs())


def collect_run(ledger: Ledger, store: Store, run: str) -> int:
    """Bring the store up to date with one run; return how many results were new."""
    known = store.progress(run)
    if known is None:
        manifest = ledger.manifest(run)
        recorded = None if manifest is None else read_manifest(run, manifest)
        if recorded is None:
            return 0
        store.add_run(recorded)
        known = store.progress(run)
        assert known is not None
    if ledger.job_count(run) != known.jobs:
        store.add_jobs(run, list(ledger.jobs(run)))
    elif known.complete:
        return 0
    # States first: a result that arrives in between is then in the log for sure, and wins.
    states = ledger.states(run)
    new = 0
    cursor = known.cursor
    while entries := ledger.results_after(run, cursor):
        cursor = entries[-1][0]
        new += store.add_results(run, [_read(run, text) for _, text in entries], cursor)
    store.set_states(run, states)
    return new


def _read(run: str, text: str) -> Result | None:
    try:
        return Result.model_validate_json(text)
    except ValidationError as error:
        logger.warning("run %s holds a result that cannot be read: %s", run, error)
        return None
