"""Outbox: results wait on the worker's disk until Redis has them."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path

import psutil
from redis import RedisError, ResponseError
from redis.exceptions import NoPermissionError

from jobs.folder import made
from jobs.result import Result
from workers.column import Taken
from workers.ledger import Ledger
from workers.result_log import is_damage

logger = logging.getLogger(__name__)

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)


class Outbox:
    """A folder with one file for each result that is not delivered yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = made(folder)
        self._unknown: set[Path] = set()  # that Redis will not take; each is told of once
        self._sweep()

    def keep(self, result: Result) -> None:
        """Write a result to disk, whole or not at all."""
        path = self.folder / f"{result.job.run}.{result.job.id}.json"
        # The process's number keeps two workers of this folder from writing one draft.
        draft = path.with_suffix(f".{os.getpid()}.draft")
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
                result = Result.model_validate_json(path.read_bytes())
            except FileNotFoundError:
                continue  # another thread, or worker of this FARM_HOME, has just handed it in
            except (ValueError, OSError) as error:  # a torn page, a file of somebody else's
                with contextlib.suppress(OSError):
                    path.replace(path.with_suffix(".unreadable"))
                logger.error("%s cannot be read and is left as it is: %s", path, error)
                continue
            try:
                taken = ledger.column_of(result.job).finish(result)
            except ResponseError as error:
                # Of other hardware, where this line to Redis is good for one alone, or damaged.
                if not (isinstance(error, NoPermissionError) or is_damage(error)):
                    raise
                if path not in self._unknown:
                    self._unknown.add(path)
                    logger.error("%s stays in %s: Redis: %s", result.job.label, path, error)
                continue  # the results of other runs are not kept waiting
            if taken is Taken.UNKNOWN:
                if path not in self._unknown:
                    self._unknown.add(path)
                    logger.warning(
                        "%s stays in %s: this Redis knows no such job", result.job.label, path
                    )
                continue
            if taken is Taken.HAD_ONE:
                logger.info("%s had a result already", result.job.label)
            path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what workers that died left half-written; those jobs are measured again."""
        for draft in self.folder.glob("*.draft"):
            writer = draft.suffixes[-2][1:] if len(draft.suffixes) > 1 else ""
            if not (writer.isdigit() and psutil.pid_exists(int(writer))):
                draft.unlink(missing_ok=True)
