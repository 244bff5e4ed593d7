"""Outbox: results wait on the worker's disk until Redis has them."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from pydantic import ValidationError
from redis import RedisError

from jobs.folder import made
from jobs.result import Result
from workers.ledger import Ledger, Taken

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
        with draft.open("w", encoding="utf-8") as file:
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
                result = Result.model_validate_json(path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue  # another worker of this FARM_HOME has just handed it in
            except ValidationError as error:
                path.replace(path.with_suffix(".unreadable"))
                logger.error("%s cannot be read and is left as it is: %s", path, error)
                continue
            taken = ledger.finish(result)
            if taken is Taken.UNKNOWN:
                logger.warning(
                    "%s stays in %s: this Redis knows no such job", result.job.label, path
                )
                continue
            if taken is Taken.HAD_ONE:
                logger.info("%s had a result already", result.job.label)
            path.unlink(missing_ok=True)
