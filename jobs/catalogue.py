"""Catalogue: every workload of this machine, by its name.

There are the files of `jobs/workloads`, those of the folders in FARM_WORKLOADS (separated as in
PATH), and what installed packages offer as entry points of the group `benchfarm.workloads`. Each
machine has its own: a job carries a workload's name, never its code.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

from jobs.errors import UnknownNameError
from jobs.workload import Workload

logger = logging.getLogger(__name__)

ENTRY_POINTS = "benchfarm.workloads"
EXTRA_PACKAGE = "farm_workloads"  # what files of FARM_WORKLOADS are imported as


@dataclass
class Catalogue:
    """What was found, and what was left out."""

    workloads: dict[str, Workload] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)  # file or entry point → why it is left out

    def add(self, name: str, place: str, subject: object) -> None:
        """Take a workload up; the first of a name is kept.

        Raises TypeError for what is no workload, or lacks what each has to say of itself.
        """
        if not isinstance(subject, Workload):
            raise TypeError("its WORKLOAD is not an instance of jobs.workload.Workload")
        for said in ("summary", "source"):
            if not isinstance(getattr(subject, said, None), str):
                raise TypeError(f"{type(subject).__name__} has no {said}")
        subject.parameters()  # each has a default, and annotations that can be read
        if name in self.workloads:
            logger.warning("workload %s of %s is left out: there is one already", name, place)
            return
        subject.name = name
        self.workloads[name] = subject

    def leave_out(self, place: str, error: BaseException) -> None:
        """Note why a file or entry point gave no workload, and say so once."""
        self.broken[place] = f"{type(error).__name__}: {error}"
        logger.warning("workload %s is left out: %s", place, self.broken[place])


def names() -> tuple[str, ...]:
    """Return the names of all workloads, sorted."""
    return tuple(sorted(catalogue().workloads))


def every() -> tuple[Workload, ...]:
    """Return all workloads, sorted by name."""
    return tuple(find(name) for name in names())


def find(name: str) -> Workload:
    """Return the workload of that name or alias; raise UnknownNameError when there is none."""
    workloads = catalogue().workloads
    by_alias = {alias: workload for workload in workloads.values() for alias in workload.aliases}
    found = workloads.get(name) or by_alias.get(name)
    if found is None:
        raise UnknownNameError("workload", name, [*workloads, *by_alias])
    return found


@cache
def catalogue() -> Catalogue:
    """Return everything there is; somebody's broken file is named and left out."""
    found = Catalogue()
    for path in _files():
        try:
            found.add(path.stem, str(path), _load(path))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - theirs must not stop the others
            found.leave_out(str(path), error)
    for entry in metadata.entry_points(group=ENTRY_POINTS):
        try:
            loaded = entry.load()
            found.add(entry.name, entry.value, getattr(loaded, "WORKLOAD", loaded))
        except (Exception, SystemExit) as error:  # noqa: BLE001
            found.leave_out(f"{entry.name} ({entry.value})", error)
    return found


def _files() -> Iterator[Path]:
    from jobs import workloads as package

    folders = [*package.__path__]
    if extra := os.environ.get("FARM_WORKLOADS"):
        folders += extra.split(os.pathsep)
    for folder in folders:
        for path in sorted(Path(folder).glob("*.py")):
            if not path.stem.startswith("_"):
                yield path


def _load(path: Path) -> object:
    own = path.parent == Path(__file__).parent / "workloads"
    name = f"jobs.workloads.{path.stem}" if own else f"{EXTRA_PACKAGE}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where pydantic looks up what the parameters' annotations name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module.WORKLOAD
