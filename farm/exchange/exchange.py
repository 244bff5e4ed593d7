"""Exchange: runs as lines of JSON, to be archived or carried to another farm, and read back.

A file holds, one JSON object a line:

- ``{"format": "farm-results", "version": 2, "benchfarm": …}``
- ``{"run": …}``: a run's manifest, before everything else of it
- ``{"job": …, "state": …}``: a job of it that has no result
- ``{"result": …}``: a result, with its job, in full
- ``{"result": …, "state": "superseded"}``: one that does not count, since its job was retried
- ``{"end": {"runs": …, "jobs": …, "results": …}}``: how many of each there are

Files can be put one after the other. A new version is for what an older reader would get wrong:
version 2 is one in which something is superseded; without that a file is of version 1.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, BinaryIO, Final

from pydantic import BaseModel, ValidationError

from farm.exchange.line import Counts, Line, line_of
from farm.exchange.source import lines
from farm.measurements.mistakes import Mistakes
from farm.run import Run
from farm.store.store import JobRow, Store
from jobs.errors import ResultError
from jobs.problem import problem, quote
from jobs.result import Result, Status
from jobs.spec import JobSpec
from workers.job_states import OPEN, SUPERSEDED

logger = logging.getLogger(__name__)

FORMAT: Final = "farm-results"
VERSION: Final = 2
_STATES: Final = (*OPEN, *(status.value for status in Status), SUPERSEDED)
_PROBLEMS_A_LINE = 3
MAX_HEADER_BYTES = 65_536
_LINE_SEPARATORS = "\x85\u2028\u2029"  # some readers end a line at these; JSON does not escape them
_UPGRADE = "pip install --upgrade benchfarm"


def write(store: Store, runs: Iterable[Run], out: BinaryIO) -> Counts:
    """Write the runs, their jobs and results; return how many of each. A result at a time."""
    counts = Counts()
    chosen = [(run, store.job_rows(run.id, superseded=True)) for run in runs]
    superseded = {row.id for _, rows in chosen for row in rows if row.state == SUPERSEDED}
    number = VERSION if superseded else 1
    _write(out, {"format": FORMAT, "version": number, "benchfarm": version("benchfarm")})
    for run, rows in chosen:
        counts.runs += 1
        _write_model(out, "run", run)
        for job, state in _without_result(run, rows):
            counts.jobs += 1
            _write(out, {"job": job.model_dump(mode="json"), "state": state})
        for result in store.results(run.id):
            counts.results += 1
            _write_model(out, "result", result, SUPERSEDED if result.job.id in superseded else None)
    _write(out, {"end": counts.model_dump()})
    return counts


def _write(out: BinaryIO, value: dict[str, Any]) -> None:
    out.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")


def _write_model(out: BinaryIO, key: str, value: BaseModel, state: str | None = None) -> None:
    text = value.model_dump_json()
    for separator in _LINE_SEPARATORS:
        text = text.replace(separator, f"\\u{ord(separator):04x}")
    beside = f',"state":"{state}"' if state else ""
    out.write(f'{{"{key}":{text}{beside}}}\n'.encode())


def _without_result(run: Run, rows: Sequence[JobRow]) -> Iterator[tuple[JobSpec, str]]:
    rows = [row for row in rows if row.started_at is None]
    specs = specs_of(run, rows)
    for row in rows:
        if row.id in specs:
            yield specs[row.id], row.state
        else:
            logger.warning("job %s is left out: the run %s does not explain it", row.id, run.id)


def specs_of(run: Run, rows: Iterable[JobRow]) -> dict[str, JobSpec]:
    """Return the jobs that the run's manifest gives the hardware of these rows, by id.

    Of a hardware with retried jobs all are given as often as one was retried.
    """
    retries: dict[str, set[int]] = {}
    for row in rows:
        retries.setdefault(row.hardware, {0}).add(row.retry)
    return {
        each.id: each
        for hardware in sorted(retries)
        for job in run.jobs(hardware)
        for retry in retries[hardware]
        for each in [job.model_copy(update={"retry": retry})]
    }


@dataclass
class ResultsFile:
    """A file of lines of JSON, checked; its results are read again as they are asked for."""

    file: str
    content: BinaryIO  # seekable
    notes: list[str] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    jobs: list[tuple[JobSpec, str]] = field(default_factory=list)
    headers: set[int] = field(default_factory=set)  # their lines

    def results(self) -> Iterator[Result]:
        """Yield the results, in the order of the file."""
        self.content.seek(0)
        for number, text in lines(self.content):
            if number in self.headers:
                continue
            result = Line.model_validate_json(text).result
            if result is not None:
                yield result


def read(file: str, content: BinaryIO, mistakes: Mistakes) -> ResultsFile:
    """Check every line of a file and return what it brings; what is wrong is recorded."""
    reader = _Reader(ResultsFile(file, content), mistakes)
    for number, text in lines(content):
        if not reader.take(number, text):
            break
    reader.finish()
    return reader.found


class _Reader:
    """Takes the lines of one file."""

    def __init__(self, found: ResultsFile, mistakes: Mistakes) -> None:
        self.found = found
        self.mistakes = mistakes
        self.writer: str | None = None  # the version of farm that wrote what is read now
        self.known: set[str] = set()  # ids of the runs seen
        self.counts = Counts()  # since the header
        self.ended = True
        self.stopped = False

    def take(self, number: int, text: bytes) -> bool:
        """Take one line; return False when the rest cannot be understood."""
        if self.writer is None or text.startswith(b'{"format"'):
            self.found.headers.add(number)
            self.stopped = not self._header(number, text)
            return not self.stopped
        try:
            line = line_of(text)
        except ResultError as error:
            self._wrong(number, str(error))
            return True
        except ValidationError as error:
            for each in self._problems(error):
                self._wrong(number, each)
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
            self._result(number, line.result.job, line.state)
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
            said = json.loads(text) if len(text) <= MAX_HEADER_BYTES else {}
        except (ValueError, RecursionError):
            said = {}
        said = said if isinstance(said, dict) else {}
        received = said.get("format")
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
                f"version: received {quote(there)}, of a newer farm; this one reads up to "
                f"{VERSION}; upgrade it: {_UPGRADE}",
            )
            return False
        if isinstance(there, bool) or there not in range(1, VERSION + 1):
            self._wrong(number, f"version: received {quote(there)}; accepted: 1 to {VERSION}")
            return False
        if not self.ended:
            self.finish()
        self.writer = quote(str(said.get("benchfarm", ""))).strip("'")
        self.counts, self.ended = Counts(), False
        return True

    def _job(self, number: int, job: JobSpec, state: str) -> None:
        if state not in _STATES:
            self._wrong(number, f"state: received {quote(state)}; accepted: {', '.join(_STATES)}")
        self._of_known_run(number, job)
        self.found.jobs.append((job, state))

    def _result(self, number: int, job: JobSpec, state: str | None) -> None:
        if state not in (None, SUPERSEDED):
            self._wrong(number, f"state: received {quote(state)}; accepted: {SUPERSEDED}, or none")
        self._of_known_run(number, job)
        if state is not None:
            self.found.jobs.append((job, state))

    def _of_known_run(self, number: int, job: JobSpec) -> None:
        if job.run not in self.known:
            text = f"received a job of the run {quote(job.run)}, whose own line is not before it"
            self._wrong(number, f"{text}; accepted: each run's line, then those of its jobs")

    def _end(self, said: Counts) -> None:
        self.ended = True
        if said != self.counts and not self.mistakes:
            there = "; ".join(
                f"{getattr(self.counts, name)} of {getattr(said, name)} {name}"
                for name in Counts.model_fields
            )
            self.found.notes.append(f"it does not hold what was written to it: {there}")

    def _problems(self, error: ValidationError) -> Iterator[str]:
        """Put what pydantic found into words: where, what it expected, what it received."""
        details = error.errors(include_url=False)
        for detail in details[:_PROBLEMS_A_LINE]:
            newer = "" if detail["type"] == "json_invalid" else self._perhaps_newer()
            yield f"{problem(detail)}{newer}"

    def _perhaps_newer(self) -> str:
        mine = version("benchfarm")
        if not self.writer or self.writer == mine:
            return ""
        return f" (written by benchfarm {self.writer}, this is {mine}: {_UPGRADE})"

    def _wrong(self, number: int, text: str) -> None:
        self.mistakes.add(self.found.file, number, text)
