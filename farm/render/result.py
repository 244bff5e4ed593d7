"""One result in full, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from farm.readings import correctness
from farm.readings.condition import ON_OFF
from farm.render import times, units
from farm.render.section import Pair, Section, render
from farm.render.sparkline import sparkline
from jobs.result import JobFailure, Measurement, Result, Trial
from jobs.spec import LARGEST, Cell, Scalar
from jobs.telemetry import Telemetry

_BARS = 28  # of a chart of losses
_LEAST_DROP = 0.0005  # of a loss, that is worth a digit
_UNITS = (("_watts", "W"), ("_mhz", "MHz"), ("_celsius", "°C"), ("_bits", "bit"))


def lines(result: Result, width: int = 80) -> list[str]:
    """Return everything that is known of one job; what is not known is left out.

    Errors and their tracebacks keep their lines, which may be longer than `width`.
    """
    measured = result.measurement
    cell = result.job.cell
    sections = [Section("", _head(result)), Section("Work", _work(cell, measured))]
    if measured is not None:
        sections += [
            Section("Times", times.pairs(cell, measured, result.telemetry)),
            Section("Laps, in seconds", block=times.laps(measured, width)),
            Section("Training" if measured.history else "Outcome", _training(measured)),
        ]
    if result.frontier:
        sections.append(Section("Batch sizes that were tried", _frontier(result.frontier)))
    if result.error is not None:
        sections += _error(result.error)
    if result.telemetry is not None:
        hidden = set() if measured is None else {"peak_host_bytes"}  # stands among the times
        sections.append(Section("Telemetry", _telemetry(result.telemetry, hidden)))
    sections.append(Section("Environment", _known(result.environment)))
    sections.append(Section("Facts of the machine", _known(result.facts)))
    return render(sections, width)


def _head(result: Result) -> list[Pair]:
    job = result.job
    took = units.duration(result.finished_at - result.started_at)
    ran = result.finished_at > result.started_at
    pairs = [
        ("job", f"{job.id}: {job.label}"),
        ("run", job.run),
        ("status", result.status.value.replace("_", " ")),
        ("worker", result.worker),
        ("unit", result.unit or ""),
        ("when", moment(result.started_at) + (f", took {took}" if ran else "")),
    ]
    if result.start_latency_seconds is not None:
        pairs.append(("start", f"{units.seconds(result.start_latency_seconds)} after it was taken"))
    pairs += [("noisy", reason) for reason in result.noise]
    invalid = correctness.invalid(result.measurement) if result.measurement else None
    pairs += [("invalid", f"its speed does not count: {invalid}")] if invalid else []
    return [pair for pair in pairs if pair[1]]


def moment(seconds: float) -> str:
    """Write a time, in seconds since the epoch, as ``2025-01-31 12:00:05 UTC``."""
    try:
        when = datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s after 1970"
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _work(cell: Cell, measured: Measurement | None) -> list[Pair]:
    size: Scalar | None = cell.batch_size
    if size == LARGEST and measured is not None and measured.batch_size is not None:
        size = f"{LARGEST}: {measured.batch_size:,}"
    said = {
        "workload": cell.workload,
        "version": cell.workload_version,
        "batch size": size,
        "epochs": cell.epochs,
        "precision": cell.precision,
        "backend": cell.backend,
        "mode": cell.mode,
        "data": cell.data,
        "optimizer": cell.optimizer,
        "protocol": cell.protocol,
        "data pipeline": cell.data_pipeline,
        "jit": None if cell.jit is None else ON_OFF[cell.jit],
        **dict(sorted(cell.parameters.items())),
    }
    # What the work has none of is not unknown.
    without = {"jit"}
    if cell.protocol in ("steady", "once"):
        without.add("epochs")
    if cell.mode in ("infer", "run") or cell.protocol == "once":
        without.add("optimizer")
    if cell.protocol == "once" or cell.mode == "run":
        without.add("batch size")
    unknown = [name for name, value in said.items() if value is None and name not in without]
    pairs = [(name, units.scalar(value)) for name, value in said.items() if value is not None]
    return [*pairs, ("not known", ", ".join(unknown))] if unknown else pairs


def _frontier(trials: Sequence[Trial]) -> list[Pair]:
    """Return what was tried, in its order, and what came of it."""
    pairs = []
    for trial in trials:
        peak = trial.peak_memory_bytes
        used = "" if peak is None else f", {units.size(peak)} at its peak"
        outcome = "fits" if trial.fits else "does not fit"
        pairs.append((f"{trial.batch_size:,}", outcome + used))
    return pairs


def _training(measured: Measurement) -> list[Pair]:
    pairs: list[Pair] = []
    for name, values in sorted(measured.history.items()):
        if values:
            first, last = units.significant(values[0]), units.significant(values[-1])
            pairs.append((name, f"{first} → {last} {sparkline(values, _BARS)}"))
    floors = dict(measured.floors)
    for name, value in sorted(measured.test.items()):
        pairs.append((f"test {name}", units.significant(value) + _against(floors, name, value)))
    if "loss_drop" in floors and (drop := _loss_drop(measured)) is not None:
        shown = units.significant(drop if abs(drop) >= _LEAST_DROP else 0.0)
        pairs.append(("loss drop", shown + _against(floors, "loss_drop", drop)))
    pairs += [(f"floor of {n}", f"{units.significant(v)}; not measured") for n, v in floors.items()]
    for label, number in (
        ("floors waived", measured.floors_waived),
        ("output spread", measured.output_spread),
        ("parameters", measured.parameter_count),
        ("FLOP a sample", measured.flops_per_sample),
        ("data verified", measured.data_verified),
    ):
        if isinstance(number, float | int) and not isinstance(number, bool):
            pairs.append(
                (label, f"{number:,}" if isinstance(number, int) else units.significant(number))
            )
        elif number is not None:
            pairs.append((label, units.scalar(number)))
    return pairs


def _against(floors: dict[str, float], name: str, value: float) -> str:
    """Say whether a floor is reached, and take it off the list."""
    floor = floors.pop(name, None)
    if floor is None:
        return ""
    verdict = "reached" if value >= floor else "missed"
    return f", the floor of {units.significant(floor)} is {verdict}"


def _loss_drop(measured: Measurement) -> float | None:
    losses = measured.history.get("loss", ())
    return 1 - losses[-1] / losses[0] if losses and losses[0] else None


def _telemetry(seen: Telemetry, hidden: set[str]) -> list[Pair]:
    pairs = []
    for energy in seen.energy:
        watts = f"{units.significant(energy.joules / energy.seconds)} W"
        over = f"{units.joules(energy.joules)} in {units.seconds(energy.seconds)}, {watts}"
        pairs.append((f"energy {energy.part}", f"{over} ({energy.kind}, {energy.source})"))
    skipped = {"energy", "throttle_reasons", "seconds", "samples", "period_seconds", *hidden}
    for name, value in seen.model_dump(exclude=skipped, exclude_none=True).items():
        share = name.endswith("_utilisation")
        pairs.append(
            (name.replace("_", " "), units.percent(value)) if share else _pair(name, value)
        )
    if seen.throttle_reasons is not None:
        pairs.append(("throttled", ", ".join(seen.throttle_reasons) or "no"))
    if seen.samples:
        often = f", one every {units.seconds(seen.period_seconds)}" if seen.period_seconds else ""
        readings = units.count(seen.samples, "reading")
        pairs.append(("sampled", f"{readings} in {units.seconds(seen.seconds)}{often}"))
    return pairs


def _known(said: Mapping[str, Scalar | None]) -> list[Pair]:
    pairs = [_pair(key, value) for key, value in sorted(said.items()) if value is not None]
    unknown = ", ".join(key for key, value in sorted(said.items()) if value is None)
    return [*pairs, ("not known", unknown)] if unknown else pairs


def _pair(key: str, value: Scalar) -> Pair:
    """Write one value: its unit leaves the key and joins the value."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        if key.endswith("_bytes"):
            return key.removesuffix("_bytes").replace("_", " "), units.size(value)
        if key.endswith("_seconds") and value > 0:
            return key.removesuffix("_seconds").replace("_", " "), units.seconds(value)
        for suffix, unit in _UNITS:
            if key.endswith(suffix):
                number = units.significant(value, 4) if isinstance(value, float) else f"{value:,}"
                return key.removesuffix(suffix).replace("_", " "), f"{number} {unit}"
        if isinstance(value, float) and math.isfinite(value):
            return key.replace("_", " "), f"{value:g}"
    return key.replace("_", " "), units.scalar(value)


def _error(error: JobFailure) -> list[Section]:
    pairs = [("kind", error.kind), ("exception", error.exception), ("signal", error.signal)]
    said = [(label, text) for label, text in pairs if text]
    if error.exit_code is not None:
        said.append(("exit code", str(error.exit_code)))
    return [
        Section("Error", said, block=error.message),
        Section("Traceback", block=error.traceback or ""),
        Section("The end of what it wrote to stderr", block=error.stderr_tail),
    ]
