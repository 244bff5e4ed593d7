"""Result check: what a worker sent as a result, believed only as far as it can be.

A worker knows one password and writes what it likes. What is taken of it is a result of bounded
size, of the job that was recorded, with numbers that a measurement can have. It can still say wrong
times of its own hardware's jobs: nobody else was there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import ValidationError

from jobs.errors import ResultError
from jobs.limits import LONGEST, MAX_ITEMS, MAX_KEYS, MAX_RESULT_BYTES, SHORTEST
from jobs.problem import first_problem, quote
from jobs.result import Result
from jobs.spec import JobSpec


def check(text: str, job: JobSpec | None = None) -> Result:
    """Return the result that a text holds; `job` is the one recorded, None where that is not asked.

    Raises ResultError, in one line, when it is too large, no result, of another job, or holds
    numbers that no measurement has. Losses that are not finite are findings, and pass.
    """
    check_size(text)
    try:
        result = Result.model_validate_json(text)
    except ValidationError as error:
        raise ResultError(first_problem(error)) from None
    if job is not None:
        check_job(result, job)
    check_numbers(result)
    return result


def check_size(text: str | bytes, most: int = MAX_RESULT_BYTES) -> None:
    """Raise ResultError for a JSON text that could not be parsed in bounded time and memory."""
    if len(text) > most:
        raise ResultError(f"larger than {most >> 20} MiB, the most a result may have")
    comma, colon = (b",", b":") if isinstance(text, bytes) else (",", ":")
    if text.count(comma) > MAX_ITEMS or text.count(colon) > MAX_KEYS:  # type: ignore[arg-type]
        raise ResultError(f"more than {MAX_ITEMS:,} values, or {MAX_KEYS:,} keys")


def check_job(result: Result, job: JobSpec) -> None:
    """Raise ResultError unless the result is of this very job, from a worker of its hardware."""
    if result.job.id != job.id:
        raise ResultError(f"of the job {result.job.id}, where one of {job.id} was expected")
    if result.job != job:
        said, recorded = result.job.model_dump(), job.model_dump()
        differs = ", ".join(name for name in recorded if said[name] != recorded[name])
        raise ResultError(f"of the job {job.id}, but its {differs} are not those that were asked")
    if not result.worker.startswith(f"{job.hardware}@"):
        raise ResultError(f"from {quote(result.worker)}, which is no worker of {job.hardware}")


def check_numbers(result: Result) -> None:
    """Raise ResultError for numbers that no measurement has, however slow or fast the machine."""
    check_times(result, "lap_seconds", "warmup_lap_seconds", "latency_seconds")
    for what, amount in _amounts(result):
        if amount is not None and not 0 <= amount < math.inf:
            raise ResultError(f"{what}: received {amount:g}; accepted: a finite number from 0")


def check_times(result: Result, *names: str) -> None:
    """Raise ResultError where one of these times of a measurement is none."""
    for name in names if result.measurement is not None else ():
        for value in getattr(result.measurement, name) or ():
            if not SHORTEST <= value <= LONGEST:  # NaN is neither
                accepted = f"a number of seconds from {SHORTEST:g} to {LONGEST:g}"
                raise ResultError(f"{name}: received {value:g}; accepted: {accepted}")


def _amounts(result: Result) -> Iterator[tuple[str, float | None]]:
    measured, seen = result.measurement, result.telemetry
    if measured is not None:
        yield from zip(("laps_window",) * 2, measured.laps_window or (), strict=False)
        for name in (
            *("cold_start_seconds", "learning_seconds", "total_seconds"),
            *("flops_per_sample", "items_per_sample"),
        ):
            yield name, getattr(measured, name)
    if seen is not None:
        for name in ("seconds", "period_seconds", "power_watts", "laps_power_watts"):
            yield f"telemetry.{name}", getattr(seen, name)
