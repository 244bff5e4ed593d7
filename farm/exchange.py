"""Exchange: runs as lines of JSON, to be archived or carried to another farm, and read back.

A file holds, one JSON object a line:

- ``{"format": "farm-results", "version": 1, "benchfarm": …}``
- ``{"run": …}``: a run's manifest, before everything else of it
- ``{"job": …, "state": …}``: a job of it that has no result
- ``{"result": …}``: a result, with its job, in full
- ``{"end": {"runs": …, "jobs": …, "results": …}}``: how many of each there are

Files can be put one after the other. A new version is for what an older reader would get wrong.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, BinaryIO, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from farm.import_mistakes import Mistakes
from farm.run import Run
from farm.store import Store
from farm.suite_mistake import quote, show_path
from jobs.result import Result, Status
from jobs.spec import JobSpec
from workers.ledger import OPEN

logger = logging.getLogger(__name__)

FORMAT: Final = "farm-results"
VERSION: Final = 1
_STATES: Final = (*OPEN, *(status.value for status in Status))
_PROBLEMS_A_LINE = 3
_LINE_SEPARATORS = "\x85\u2028\u2029"  # some readers end a line at these; JSON does not escape them
_UPGRADE = "pip install --upgrade benchfarm"


class _Counts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    runs: int = 0
    jobs: int = 0
    results: int = 0


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    run: Run | None = None
    job: JobSpec | None = None
    state: str | None = None
    result: Result | None = None
    end: _Counts | None = None

    @property
    def kind(self) -> str | None:
        """Say which of its forms the line has; None when none of them."""
        said = self.model_fields_set - {"state"}
        if len(said) != 1 or ("state" in self.model_fields_set) != (said == {"job"}):
            return None
        (name,) = said
        return None if getattr(self, name) is None else name


def write(store: Store, runs: Iterable[Run], out: BinaryIO) -> _Counts:
    """Write the runs, their jobs and results; return how many of each. A result at a time."""
    counts = _Counts()
    _write(out, {"format": FORMAT, "version": VERSION, "benchfarm": version("benchfarm")})
    for run in runs:
        counts.runs += 1
        _write_model(out, "run", run)
        for job, state in _without_result(store, run):
            counts.jobs += 1
            _write(out, {"job": job.model_dump(mode="json"), "state": state})
        for result in store.results(run.id):
            counts.results += 1
            _write_model(out, "result", result)
    _write(out, {"end": counts.model_dump()})
    return counts


def _write(out: BinaryIO, value: dict[str, Any]) -> None:
    out.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")


def _write_model(out: BinaryIO, key: str, value: BaseModel) -> None:
    text = value.model_dump_json()
    for separator in _LINE_SEPARATORS:
        text = text.replace(separator, f"\\u{ord(separator):04x}")
    out.write(f'{{"{key}":{text}}}\n'.encode())


def _without_result(store: Store, run: Run) -> Iterator[tuple[JobSpec, str]]:
    rows = [row for row in store.job_rows(run.id) if row.started_at is None]
    specs = specs_of(run, {row.hardware for row in rows})
    for row in rows:
        if row.id in specs:
            yield specs[row.id], row.state
        else:
            logger.warning("job %s is left out: the run %s does not explain it", row.id, run.id)


def specs_of(run: Run, hardware: Iterable[str]) -> dict[str, JobSpec]:
    """Return the jobs that the run's manifest gives these hardware names, by id."""
    return {job.id: job for name in sorted(hardware) for job in run.jobs(name)}


@dataclass
class ResultsFile:
    """A file of lines of JSON, checked; its results are read again as they are asked for."""

    file: str
    content: BinaryIO  # seekable
    notes: list[str] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    jobs: list[tuple[JobSpec, str]] = field(default_factory=list)

    def results(self) -> Iterator[Result]:
        """Yield the results, in the order of the file."""
        self.content.seek(0)
        for _, text in _lines(self.content):
            if text.startswith(b'{"format"'):
                continue
            result = _Line.model_validate_json(text).result
            if result is not None:
                yield result


def read(file: str, content: BinaryIO, mistakes: Mistakes) -> ResultsFile:
    """Check every line of a file and return what it brings; what is wrong is recorded."""
    reader = _Reader(ResultsFile(file, content), mistakes)
    for number, text in _lines(content):
        if not reader.take(number, text):
            break
    reader.finish()
    return reader.found


def _lines(content: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(content, 1):
        if text := line.removeprefix(b"\xef\xbb\xbf").strip():
            yield number, text


class _Reader:
    """Takes the lines of one file."""

    def __init__(self, found: ResultsFile, mistakes: Mistakes) -> None:
        self.found = found
        self.mistakes = mistakes
        self.writer: str | None = None  # the version of farm that wrote what is read now
        self.known: set[str] = set()  # ids of the runs seen
        self.counts = _Counts()  # since the header
        self.ended = True
        self.stopped = False

    def take(self, number: int, text: bytes) -> bool:
        """Take one line; return False when the rest cannot be understood."""
        if self.writer is None or text.startswith(b'{"format"'):
            self.stopped = not self._header(number, text)
            return not self.stopped
        try:
            line = _Line.model_validate_json(text)
        except ValidationError as error:
            for problem in self._problems(error):
                self._wrong(number, problem)
            return True
        kind = line.kind
        if kind is None:
            keys = ", ".join(sorted(line.model_fields_set)) or "none"
            self._wrong(
                number, f"received the keys {keys}; accepted: run, job and state, result, end"
            )
        elif line.run is not None:
            self.counts.runs += 1
            self.known.add(line.run.id)
            self.found.runs.append(line.run)
        elif line.result is not None:
            self.counts.results += 1
            self._of_known_run(number, line.result.job)
        elif line.job is not None:
            self.counts.jobs += 1
            self._job(number, line.job, str(line.state))
        elif line.end is not None:
            self._end(line.end)
        return True

    def finish(self) -> None:
        """Say so when the file holds less than was written."""
        if self.writer is None and not self.stopped:
            self.mistakes.add(self.found.file, 0, "is empty; accepted: what `farm export` wrote")
        if not self.ended:
            self.found.notes.append("its end is missing, so it may be an incomplete copy")

    def _header(self, number: int, text: bytes) -> bool:
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        received = said.get("format") if isinstance(said, dict) else None
        if received != FORMAT:
            what = (
                "no farm export: its first line does not say so"
                if received is None
                else (f"format: received {quote(received)}")
            )
            self._wrong(number, f'{what}; accepted: {{"format": "{FORMAT}", "version": {VERSION}}}')
            return False
        there = said.get("version")
        if isinstance(there, int) and there > VERSION:
            self._wrong(
                number,
                f"version: received {there}, of a newer farm; this one reads up to {VERSION}; "
                f"upgrade it: {_UPGRADE}",
            )
            return False
        if isinstance(there, bool) or there != VERSION:
            self._wrong(number, f"version: received {quote(there)}; accepted: {VERSION}")
            return False
        if not self.ended:
            self.finish()
        self.writer = str(said.get("benchfarm", ""))
        self.counts, self.ended = _Counts(), False
        return True

    def _job(self, number: int, job: JobSpec, state: str) -> None:
        if state not in _STATES:
            self._wrong(number, f"state: received {quote(state)}; accepted: {', '.join(_STATES)}")
        self._of_known_run(number, job)
        self.found.jobs.append((job, state))

    def _of_known_run(self, number: int, job: JobSpec) -> None:
        if job.run not in self.known:
            text = f"received a job of the run {quote(job.run)}, whose own line is not before it"
            self._wrong(number, f"{text}; accepted: each run's line, then those of its jobs")

    def _end(self, said: _Counts) -> None:
        self.ended = True
        if said != self.counts and not self.mistakes:
            there = "; ".join(
                f"{getattr(self.counts, name)} of {getattr(said, name)} {name}"
                for name in _Counts.model_fields
            )
            self.found.notes.append(f"it does not hold what was written to it: {there}")

    def _problems(self, error: ValidationError) -> Iterator[str]:
        """Put what pydantic found into words: where, what it expected, what it received."""
        details = error.errors(include_url=False)
        for detail in details[:_PROBLEMS_A_LINE]:
            if detail["type"] == "json_invalid":
                yield f"is not JSON: {detail['msg'].removeprefix('Invalid JSON: ')}"
                continue
            given = detail["input"]
            shown = "a mapping" if isinstance(given, dict) else quote(given)
            place = f"{show_path(detail['loc'])}: " if detail["loc"] else ""
            yield f"{place}received {shown}; {detail['msg']}{self._perhaps_newer()}"

    def _perhaps_newer(self) -> str:
        mine = version("benchfarm")
        if not self.writer or self.writer == mine:
            return ""
        return f" (written by benchfarm {self.writer}, this is {mine}: {_UPGRADE})"

    def _wrong(self, number: int, text: str) -> None:
        self.mistakes.add(self.found.file, number, text)
