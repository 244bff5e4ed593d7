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
from jobs.spec import Cell, Scalar
from jobs.workload import Workload

logger = logging.getLogger(__name__)

# What any job of a suite can say, so that no parameter can be called so.
RESERVED = frozenset(
    {
        *Cell.model_fields,
        *("repeats", "timeout", "lap_precision", "budget", "warmup", "lap", "cooldown"),
        *("include", "exclude"),
    }
)
_SEVERAL = (
    *("aliases", "needs", "precisions", "backends", "data_sources", "modes", "protocols"),
    "data_pipelines",
)
ENTRY_POINTS = "benchfarm.workloads"
EXTRA_PACKAGE = "farm_workloads"  # what files of FARM_WORKLOADS are imported as


@dataclass
class Catalogue:
    """What was found, and what was left out."""

    workloads: dict[str, Workload] = field(default_factory=dict)
    aliases: dict[str, Workload] = field(default_factory=dict)  # the first that claims one has it
    broken: dict[str, str] = field(default_factory=dict)  # file or entry point → why it is left out

    def add(self, name: str, place: str, subject: object) -> None:
        """Take a workload up; the first of a name, or of an alias, is kept.

        Raises TypeError or ValueError for what is no workload, or does not say of itself what each
        has to.
        """
        if not isinstance(subject, Workload):
            raise TypeError("its WORKLOAD is not an instance of jobs.workload.Workload")
        taken = self.workloads.get(name) or self.aliases.get(name)
        if taken is not None:
            logger.warning(
                "workload %s of %s is left out: %s is called so", name, place, taken.name
            )
            return
        subject.name = name
        _check(subject)
        self.workloads[name] = subject
        for alias in subject.aliases:
            if alias in self.workloads or self.aliases.setdefault(alias, subject) is not subject:
                logger.warning("the alias %s of %s is left out: there is one already", alias, place)

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
    workloads, aliases = catalogue().workloads, catalogue().aliases
    found = workloads.get(name) or aliases.get(name)
    if found is None:
        raise UnknownNameError("workload", name, [*workloads, *aliases])
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
        if folder and not Path(folder).is_dir():
            logger.warning("FARM_WORKLOADS names %s, which is no folder", folder)
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


def _check(subject: Workload) -> None:
    """Raise TypeError or ValueError unless the workload says of itself what each has to."""
    for name in ("summary", "source"):
        if not isinstance(getattr(subject, name, None), str):
            raise TypeError(f"{type(subject).__name__} has no {name}")
    for name in _SEVERAL:
        value = getattr(subject, name)
        if not isinstance(value, tuple) or not (value or name in ("aliases", "needs")):
            raise TypeError(f"its {name} are no tuple of some: {value!r}")
    defaults = subject.parameters().model_dump()
    for name, value in defaults.items():
        if name in RESERVED:
            raise ValueError(f"its parameter {name!r} has the name of a key of every job")
        if not isinstance(value, Scalar):
            raise TypeError(f"its parameter {name!r} is no number, text, true or false: {value!r}")
    subject.parameters.model_validate(defaults)  # pydantic does not check defaults by itself
    for backend in subject.backends:
        subject.default_cell(backend)
    subject.parameters.model_validate({**defaults, **subject.smallest})
