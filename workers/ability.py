"""Ability: what a worker can run, by what it states of itself."""

from __future__ import annotations

import logging

from jobs.capabilities import without_workload
from jobs.catalogue import find
from jobs.errors import UnknownNameError
from jobs.spec import Cell
from workers.registry import WorkerRecord

logger = logging.getLogger(__name__)


def lacking(cell: Cell, worker: WorkerRecord) -> str | None:
    """Return why the worker cannot run the cell, or None.

    None also for a worker that states nothing of itself, and for work that it knows and this
    process does not: it will say.
    """
    has = worker.capabilities
    if has is None:
        return None
    if unknown := without_workload(cell.workload, cell.workload_version, has):
        return unknown
    try:
        return find(cell.workload).lacking(cell, has)
    except UnknownNameError:
        return None
    except Exception:  # somebody's workload; its job will tell
        logger.exception("whether %s can run there cannot be told", cell.workload)
        return None
