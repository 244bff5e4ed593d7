"""One result in full, as lines of text."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from farm import correctness
from farm.render import units
from farm.render.section import Pair, Section, render
from farm.render.sparkline import sparkline
from jobs.result import JobFailure, Measurement, Result
from jobs.spec import Cell, Scalar
from jobs.telemetry import Telemetry
from jobs.trend import SMALLEST_WINDOW

_BARS = 56  # of a chart
_LAPS_LISTED = 40
_LEAST_DROP = 0.0005  # of a loss, that is worth a digit
_WARMUP_ENDED = {
    "steady": "no trend was left",
    "cap": "its time was up",
    "fixed": "their number is fixed",
}
_STOPPED_BY = {
    "precision": "the interval of the median was narrow enough",
    "budget": "the time for measuring was used up",
    "epochs": "all epochs were done",
}
_UNITS = (("_watts", "W"), ("_mhz", "MHz"), ("_celsius", "°C"), ("_bits", "bit"))


def lines(result: Result, width: int = 80) -> list[str]:
    """Return everything that is known of one job; what is not known is left out.

    Errors and their tracebacks keep their lines, which may be longer than `width`.
    """
    measured = result.measurement
    sections = [Section("", _head(result)), Section("Work", _work(result.job.cell))]
    if measured is not None:
        sections += [
            Section("Times", _times(measured, result.telemetry)),
            Section("Laps, in seconds", block=_laps(measured, width)),
            Section("Training", _training(measured)),
        ]
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


def _work(cell: Cell) -> list[Pair]:
    said = {
        "workload": cell.workload,
        "version": cell.workload_version,
        "batch size": cell.batch_size,
        "epochs": cell.epochs,
        "precision": cell.precision,
        "backend": cell.backend,
        "mode": cell.mode,
        "data": cell.data,
        "optimizer": cell.optimizer,
        "protocol": cell.protocol,
        "data pipeline": cell.data_pipeline,
        **dict(sorted(cell.parameters.items())),
    }
    unknown = [
        name
        for name, value in said.items()
        if value is None and not (name == "epochs" and cell.protocol == "steady")
    ]
    pairs = [(name, units.scalar(value)) for name, value in said.items() if value is not None]
    return [*pairs, ("not known", ", ".join(unknown))] if unknown else pairs


def _times(measured: Measurement, seen: Telemetry | None) -> list[Pair]:
    laps = measured.lap_seconds
    middle = statistics.median(laps)
    pairs: list[Pair] = [("laps", _counted(laps, measured.stopped_by, _STOPPED_BY, "stopped"))]
    pairs.append(("median", f"{units.seconds(middle)} a lap"))
    if len(laps) > 1:
        spread = f"{units.seconds(min(laps))} to {units.seconds(max(laps))}"
        low, _, high = statistics.quantiles(laps, n=4, method="inclusive")
        half = f"the middle half {units.seconds(low)} to {units.seconds(high)}"
        wide = units.percent((high - low) / middle) if middle else "?"
        pairs.append(("spread", f"{spread}; {half} ({wide})"))
    if measured.samples_per_epoch and measured.samples_per_lap:
        epoch = statistics.median(measured.epoch_seconds)
        pairs.append(
            (
                "epoch",
                f"{units.seconds(epoch)} for {units.count(measured.samples_per_epoch, 'sample')}",
            )
        )
    if steps := measured.step_seconds:
        each = units.count(measured.steps_per_lap or 0, "step")
        pairs.append(("step", f"{units.seconds(statistics.median(steps))}, {each} a lap"))
    if rates := measured.samples_per_second:
        each = units.count(measured.samples_per_lap or 0, "sample")
        middle_rate = units.rate(statistics.median(rates))
        pairs.append(("throughput", f"{middle_rate}: {each} a lap"))
    warmup = measured.warmup_lap_seconds
    if warmup or measured.warmup_ended:
        said = _counted(warmup, measured.warmup_ended, _WARMUP_ENDED, "ended")
        if measured.warmup_ended == "cap" and len(warmup) >= SMALLEST_WINDOW:  # fewer show none
            said += ", with a trend still there"
        pairs.append(("warm-up", said + (f", {units.seconds(sum(warmup))}" if warmup else "")))
    for label, value in (
        ("cold start", measured.cold_start_seconds),
        ("learning", measured.learning_seconds),
        ("total", measured.total_seconds),
    ):
        pairs += [] if value is None else [(label, units.seconds(value))]
    of_host = (measured.peak_memory_bytes, seen.peak_host_bytes if seen else None)
    if peaks := [each for each in of_host if each is not None]:
        pairs.append(("memory", f"{units.size(max(peaks))}, host, at its peak"))
    return pairs


def _counted(laps: Sequence[float], reason: str | None, words: Mapping[str, str], verb: str) -> str:
    return units.count(len(laps), "lap") + (f"; {verb} because {words[reason]}" if reason else "")


def _laps(measured: Measurement, width: int) -> str:
    """Return a chart of the laps that count, and the numbers of all, the warm-up's in brackets."""
    chart = sparkline(measured.lap_seconds, _BARS) if len(measured.lap_seconds) > 1 else ""
    texts = [f"({units.significant(lap, 4)})" for lap in measured.warmup_lap_seconds]
    texts += [units.significant(lap, 4) for lap in measured.lap_seconds]
    left = len(texts) - _LAPS_LISTED
    column = max(map(len, texts[:_LAPS_LISTED]))
    a_line = max((width - 2) // (column + 2), 1)
    shown = [text.rjust(column) for text in texts[:_LAPS_LISTED]]
    rows = ["  ".join(shown[at : at + a_line]) for at in range(0, len(shown), a_line)]
    more = [f"and {left:,} more; --json has them all"] if left > 0 else []
    bracketed = bool(measured.warmup_lap_seconds)
    note = ["(in brackets: warm-up, which no statistic counts)"] if bracketed else []
    return "\n".join(part for part in (chart, *rows, *more, *note) if part)


def _training(measured: Measurement) -> list[Pair]:
    pairs: list[Pair] = []
    for name, values in sorted(measured.history.items()):
        if values:
            first, last = units.significant(values[0]), units.significant(values[-1])
            pairs.append((name, f"{first} → {last} {sparkline(values, _BARS // 2)}"))
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
