"""Files that a job needs for a while, or that its successors can use again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jobs.errors import JobError
from jobs.folder import made

VARIABLE = "FARM_HOME"


def cache() -> Path:
    """Return the folder for what can be made again: in FARM_HOME, else the platform's; it exists.

    Raises JobError when it cannot be made.
    """
    if named := os.environ.get(VARIABLE):
        path = Path(os.path.expanduser(named)) / "cache"  # noqa: PTH111 - leaves an unknown ~user
    else:
        from platformdirs import user_cache_path

        path = user_cache_path("benchfarm")
    return made(path, JobError)


def require_space(folder: Path, needed_bytes: int, what: str) -> None:
    """Raise JobError unless the folder's disk has room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise JobError(
            f"{what} takes up to {needed_bytes / 1e9:.1f} GB, and the disk of {folder} has "
            f"{free / 1e9:.1f} GB free; make room there, or set {VARIABLE} to a folder with more"
        )


@contextlib.contextmanager
def folder(within: Path) -> Iterator[Path]:
    """Give a new folder inside `within`, and remove it at the end.

    A process that is killed, as at a job's timeout, removes nothing. So every folder is locked
    while its process lives, and whoever makes the next one removes those that nobody has locked.
    """
    within.mkdir(parents=True, exist_ok=True)
    with _locked(within / "lock"):
        for left in within.glob("job-*"):
            _remove_if_left(left)
        made = Path(tempfile.mkdtemp(prefix="job-", dir=within))
        held = contextlib.ExitStack()
        held.enter_context(_locked(made / "lock"))
    with held:
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def _remove_if_left(left: Path) -> None:
    with contextlib.suppress(OSError), _locked(left / "lock", wait=False):  # OSError: it is in use
        shutil.rmtree(left, ignore_errors=True)
