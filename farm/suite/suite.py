"""Suite: what to measure, on which hardware; loaded from a YAML file."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from farm.suite import check as suite_check
from farm.suite.expand import Expansion
from farm.suite.file import Document, read
from farm.suite.mistake import Mistake, accepted, received
from farm.suite.plan import PlannedCell
from farm.suite.schema import Defaults, Job, Seed, SuiteFile
from farm.suite.selector import Selector
from farm.suites import ready_suites
from jobs.errors import SuiteError, did_you_mean
from jobs.problem import KeyPath
from jobs.spec import NAME_PATTERN, Name

MAX_COMBINATIONS = 20_000  # made of what is listed, before any is left out
MAX_JOBS = 100_000  # per hardware
MOST_MISTAKES = 100  # that are looked for; who made so many made one of them everywhere


class Suite(BaseModel):
    """A suite file, checked and expanded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    description: str
    hardware: Selector
    seed: Seed
    cells: tuple[PlannedCell, ...]  # in the order of the file, no two of them the same work

    def planned_cells(self) -> tuple[PlannedCell, ...]:
        """Return every cell once, with its repeats and its timeout."""
        return self.cells

    @property
    def jobs_per_hardware(self) -> int:
        """How many jobs each piece of hardware gets."""
        return sum(planned.repeats for planned in self.cells)


def load(name_or_path: str) -> Suite:
    """Return the suite in a file, or the ready suite of a name (see `locate`).

    Raises SuiteError with every mistake of the file, in the order of its lines; of very many, with
    some.
    """
    document = read(locate(name_or_path))
    mistakes = list(islice(suite_check.mistakes(document), MOST_MISTAKES + 1))
    # With some of the mistakes unknown there is no telling what could be expanded.
    cells = _cells(document, mistakes) if len(mistakes) <= MOST_MISTAKES else []
    stem = Path(document.name).stem
    if isinstance(document.content, dict) and "name" not in document.content:
        mistakes += _stem_mistakes(stem)
    if mistakes:
        problems = sorted(map(document.problem, mistakes), key=lambda problem: problem[0])
        texts = [text for _, text in problems]
        if len(texts) > MOST_MISTAKES:
            texts[MOST_MISTAKES:] = [f"{document.name}: there are more mistakes than these"]
        raise SuiteError(texts)
    file = SuiteFile.model_validate(document.content)
    return Suite(
        name=file.name or stem,
        description=file.description,
        hardware=file.hardware,
        seed=file.seed,
        cells=tuple(cells),
    )


def locate(name_or_path: str) -> Path:
    """Return the file that is meant.

    What has a folder in it or ends in .yaml or .yml is a path. Any other word is a ready suite's
    name, and only when no ready suite has it the path of a file. Raises SuiteError when there is
    neither.
    """
    ready = ready_suites()
    path = Path(name_or_path)
    is_path = path.name != name_or_path or path.suffix in (".yaml", ".yml")
    if not is_path and name_or_path in ready:
        return ready[name_or_path]
    try:
        if name_or_path and path.exists():
            return path
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SuiteError([f"{name_or_path!r}: cannot be read: {reason}"]) from None
    looked = [f"no file {path.absolute()}"] if name_or_path else []
    looked += [] if is_path else ["no ready suite of this name"]
    found = f"there is {' and '.join(looked)}{did_you_mean(path.stem, ready)}"
    raise SuiteError([f"{name_or_path!r}: {found}; ready suites: {', '.join(ready)}"])


def _cells(document: Document, mistakes: list[Mistake]) -> list[PlannedCell]:
    """Expand the jobs that have no mistake so far, and add the mistakes that this shows."""
    content = document.content
    wrong = {mistake.path[:2] for mistake in mistakes} | {each.path[:1] for each in mistakes}
    if not isinstance(content, dict) or not isinstance(jobs := content.get("jobs"), list):
        return []
    if ("defaults",) in wrong:
        return []
    defaults = Defaults.model_validate(content.get("defaults", {}))
    expansions = [
        Expansion(("jobs", index), Job.model_validate(job), defaults)
        for index, job in enumerate(jobs)
        if ("jobs", index) not in wrong
    ]
    combinations = 0
    for expansion in expansions:
        combinations += expansion.count()
        if combinations > MAX_COMBINATIONS:
            text = _too_many(expansion.path, combinations, "combinations", MAX_COMBINATIONS)
            mistakes.append(text)
            return []
    cells = _merged(cell for expansion in expansions for cell in expansion.cells())
    for expansion in expansions:
        mistakes += expansion.mistakes
    total = sum(planned.repeats for planned in cells)
    if total > MAX_JOBS:
        mistakes.append(_too_many(("jobs",), total, "jobs per hardware", MAX_JOBS))
    return cells


def _merged(cells: Iterable[PlannedCell]) -> list[PlannedCell]:
    """Keep each cell once, at its first place, with the most effort that it was given anywhere."""
    found: dict[str, PlannedCell] = {}
    for new in cells:
        old = found.setdefault(new.cell.id, new)
        if old is not new:
            found[new.cell.id] = old.merged(new)
    return list(found.values())


def _too_many(path: KeyPath, count: int, what: str, most: int) -> Mistake:
    text = f"the suite comes to {count} {what}; accepted: up to {most}"
    return Mistake(path, text)


def _stem_mistakes(stem: str) -> list[Mistake]:
    try:
        TypeAdapter(Name).validate_python(stem)
    except ValidationError:
        expected = accepted({"type": "string", "pattern": NAME_PATTERN})
        text = f"the file's name gives {received(stem)}; accepted: {expected}; add the key 'name'"
        return [Mistake(("name",), text)]
    return []
