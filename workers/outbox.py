"""Outbox: results wait on the worker's disk until Redis has them."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from redis import RedisError

from jobs.result import Result
from workers.folder import made
from workers.ledger import Ledger

logger = logging.getLogger(__name__)

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)


class Outbox:
    """A folder with one file for each result that is not delivered yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = made(folder)

    def keep(self, result: Result) -> None:
        """Write a result to disk, whole or not at all."""
        path = self.folder / f"{result.job.run}.{result.job.id}.json"
        draft = path.with_suffix(".draft")
        with draft.open("w") as file:
            file.write(result.model_dump_json())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def deliver(self, ledger: Ledger) -> None:
        """Hand in every result that waits; try for a while, and leave on disk what does not go."""
        pause = threading.Event()
        for seconds in (*RETRY_SECONDS, None):
            try:
                self.deliver_once(ledger)
            except RedisError as error:
                logger.warning(
                    "a result waits in %s: Redis does not take it: %s", self.folder, error
                )
                if seconds is None:
                    raise
                pause.wait(seconds)
            else:
                return

    def deliver_once(self, ledger: Ledger) -> None:
        """Hand in every result that waits; a result that Redis has already is dropped."""
        for path in sorted(self.folder.glob("*.json")):
            try:
                result = Result.model_validate_json(path.read_text())
            except FileNotFoundError:
                continue  # another worker of this FARM_HOME has just handed it in
            if not ledger.finish(result):
                logger.info("%s had a result already", result.job.label)
            path.unlink(missing_ok=True)
