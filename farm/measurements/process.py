"""Process: the rows of one process in a table of measurements, and the result that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from farm.measurements.columns import COLUMNS
from farm.measurements.fields import Fields, Texts, family
from farm.measurements.mistakes import Mistakes
from jobs.limits import MAX_ITEMS, MAX_LAPS, MAX_NAMES
from jobs.problem import quote
from jobs.result import JobFailure, Measurement, Result, Status
from jobs.spec import Cell, JobSpec
from jobs.telemetry import Energy, Telemetry

_FAILURES = {
    Status.TIMED_OUT: "timeout",
    Status.OUT_OF_MEMORY: "memory",
    Status.UNSUPPORTED: "unsupported",
}


@dataclass
class Rows:
    """What a table says of one process, row by row."""

    hardware: str
    cell: Cell
    repeat: int  # as the table numbers it
    unit: str | None
    line: int  # of its first row
    laps: list[tuple[int, Texts]] = field(default_factory=list)
    said: list[tuple[int, Texts]] = field(default_factory=list)  # each time that it changes


class Lap(NamedTuple):
    """One row of a process that was measured."""

    line: int
    number: int | None
    seconds: float
    warmup: bool
    values: dict[str, Any]  # of the row's other columns


@dataclass(frozen=True)
class Process:
    """One process, checked."""

    hardware: str
    cell: Cell
    repeat: int
    unit: str | None
    line: int
    warmup: tuple[Lap, ...]
    laps: tuple[Lap, ...]  # none when it did not succeed
    said: dict[str, Any]

    def result(self, job: JobSpec, source: str, imported_at: float) -> Result:
        """Return it as the result of a job; what the table does not say is None.

        `source` names the file. The time stands for the process's own where that is not said.
        """
        status = Status(self.said.get("status", "succeeded"))
        measured = status is Status.SUCCEEDED
        started_at = self.said.get("started_at", self.said.get("finished_at", imported_at))
        noise = [text.strip() for text in self.said.get("noise", "").split(";")]
        return Result(
            job=job,
            status=status,
            measurement=self._measurement() if measured else None,
            error=None if measured else self._failure(status, source),
            worker=self.said.get("worker", f"imported from {source}"),
            facts=family(self.said, "facts"),
            environment=family(self.said, "environment"),
            started_at=started_at,
            finished_at=self.said.get("finished_at", started_at),
            unit=self.unit,
            noise=tuple(text for text in noise if text)[:MAX_NAMES],
            telemetry=self._telemetry(source) if measured else None,
        )

    def _measurement(self) -> Measurement:
        said = self.said.get
        size = self.cell.batch_size
        latencies = [lap.values.get("latency_seconds") for lap in self.laps]
        in_order = [family(lap.values, "history") for lap in (*self.warmup, *self.laps)]
        names = dict.fromkeys(name for values in in_order for name in values)
        return Measurement(
            lap_seconds=tuple(lap.seconds for lap in self.laps),
            warmup_lap_seconds=tuple(lap.seconds for lap in self.warmup),
            cold_start_seconds=said("cold_start_seconds"),
            total_seconds=said("total_seconds"),
            samples_per_lap=said("samples"),
            steps_per_lap=said("steps"),
            samples_per_epoch=said("samples_per_epoch"),
            history={n: tuple(each[n] for each in in_order if n in each) for n in names},
            test=family(self.said, "test"),
            floors=family(self.said, "floors"),
            flops_per_sample=said("flops_per_sample"),
            item=said("item"),
            items_per_sample=said("items_per_sample"),
            batch_size=said("batch_size_used", size if isinstance(size, int) else None),
            latency_seconds=tuple(each for each in latencies if each is not None) or None,
            parameter_count=said("parameter_count"),
            peak_memory_bytes=said("peak_memory_bytes"),
        )

    def _telemetry(self, source: str) -> Telemetry | None:
        """Return the energy of the laps that have some: joules and seconds are sums over those."""
        counted = [lap for lap in self.laps if "energy_joules" in lap.values]
        if not counted:
            return None
        seconds = sum(lap.seconds for lap in counted)
        energy = Energy(
            part=self.said.get("energy_part", "device"),
            kind=self.said["energy_kind"],
            source=source,
            joules=sum(lap.values["energy_joules"] for lap in counted),
            seconds=seconds,
        )
        return Telemetry(seconds=seconds, samples=0, energy=(energy,))

    def _failure(self, status: Status, source: str) -> JobFailure:
        message = self.said.get(
            "error", f"{status.value.replace('_', ' ')}; {source} gives no reason"
        )
        return JobFailure.model_validate(
            {"kind": _FAILURES.get(status, "exception"), "message": message}
        )


def check(
    rows: Rows, lap_fields: Fields, said_fields: Fields, file: str, mistakes: Mistakes
) -> Process:
    """Return the process that the rows make; whatever is wrong with them is recorded."""
    said = _agreed(rows, said_fields, file, mistakes)
    succeeded = said.get("status", "succeeded") == "succeeded"
    laps = []
    for line, texts in rows.laps:
        values, problems = lap_fields.read(texts)
        for problem in problems:
            mistakes.add(file, line, problem)
        seconds = values.pop("seconds", None)
        if seconds is None and succeeded and not any(p.startswith("seconds:") for p in problems):
            accepted = COLUMNS["seconds"].kind.accepted
            mistakes.add(file, line, f"seconds: received nothing; accepted: {accepted}")
        warmup, number = values.pop("warmup", False), values.pop("lap", None)
        laps.append(Lap(line, number, seconds or 0.0, warmup, values))
    if not succeeded:
        _check_failed(said["status"], laps, file, mistakes)
        laps = []
    elif "error" in said:
        mistakes.add(file, rows.line, "error: goes with a status such as failed; received none")
    energy = any("energy_joules" in lap.values for lap in laps)
    if energy and "energy_kind" not in said:
        accepted = COLUMNS["energy_kind"].kind.accepted
        mistakes.add(file, rows.line, f"energy_joules: needs energy_kind; accepted: {accepted}")
    if ("item" in said) != ("items_per_sample" in said):
        lacking, given = sorted(("item", "items_per_sample"), key=lambda name: name in said)
        mistakes.add(file, rows.line, f"{given}: needs {lacking}; received nothing there")
    elif said.get("items_per_sample") == 0:
        mistakes.add(file, rows.line, "items_per_sample: received 0; accepted: a number above 0")
    most = min(MAX_LAPS, MAX_ITEMS // (2 + len(lap_fields.kinds)))
    if len(laps) > most:
        received = f"received {len(laps):,} rows of one process"
        mistakes.add(file, rows.line, f"{received}; accepted: with such columns up to {most:,}")
    counted = _ordered([lap for lap in laps if not lap.warmup], file, mistakes)
    if laps and not counted:
        mistakes.add(file, rows.line, "all rows of this process are warm-up; one must count")
    return Process(
        hardware=rows.hardware,
        cell=rows.cell,
        repeat=rows.repeat,
        unit=rows.unit,
        line=rows.line,
        warmup=_ordered([lap for lap in laps if lap.warmup], file, mistakes),
        laps=counted,
        said=said,
    )


def _agreed(rows: Rows, fields: Fields, file: str, mistakes: Mistakes) -> dict[str, Any]:
    """Return what the rows say of the process as a whole: they must not contradict each other."""
    agreed: dict[str, tuple[Any, int]] = {}
    for line, texts in rows.said:
        values, problems = fields.read(texts)
        for problem in problems:
            mistakes.add(file, line, problem)
        for name, value in values.items():
            first, where = agreed.setdefault(name, (value, line))
            if repr(first) != repr(value):  # 1 is not true, and nan is nan
                text = f"{name}: received {quote(value)} here and {quote(first)} on line {where}"
                mistakes.add(file, line, f"{text}; accepted: one value for all rows of a process")
    return {name: value for name, (value, _) in agreed.items()}


def _ordered(laps: Sequence[Lap], file: str, mistakes: Mistakes) -> tuple[Lap, ...]:
    """Return the laps by their numbers, or as they stand where none has a number."""
    if all(lap.number is None for lap in laps):
        return tuple(laps)
    lines: dict[int, int] = {}
    for lap in laps:
        if lap.number is None:
            text = "lap: received nothing; accepted: a number in all rows of a process, or in none"
            mistakes.add(file, lap.line, text)
        elif lap.number in lines:
            text = f"lap: received {lap.number}, as on line {lines[lap.number]}"
            accepted = "each number once in a process; other processes have another repeat"
            mistakes.add(file, lap.line, f"{text}; accepted: {accepted}")
        else:
            lines[lap.number] = lap.line
    return tuple(sorted(laps, key=lambda lap: lap.number or 0))


def _check_failed(status: str, laps: Sequence[Lap], file: str, mistakes: Mistakes) -> None:
    for lap in laps[1:]:
        text = f"a second row of a process whose status is {status}, after line {laps[0].line}"
        mistakes.add(file, lap.line, f"received {text}; accepted: one row, without seconds")
    if laps[0].seconds:
        text = f"seconds: received {laps[0].seconds:g}, and the status {status}"
        mistakes.add(file, laps[0].line, f"{text}; accepted: seconds only where it succeeded")
