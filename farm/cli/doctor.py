"""`farm doctor`: what goes wrong here and in Redis, and what this machine can tell of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from farm.cli.options import cpus_option, device_option, json_option, redis_option

if TYPE_CHECKING:
    from workers.instruments import Instruments
    from workers.runner import Runner
    from workers.telemetry_cost import Cost

ABSENT = "absent"
UNITS = {"_watts": "W", "_celsius": "°C", "_mhz": "MHz"}


@click.command(name="doctor", short_help="Look for what goes wrong, here and in Redis.")
@redis_option
@device_option
@cpus_option
@json_option
@click.option(
    "--seconds",
    type=click.FloatRange(min=5, max=600),
    default=18.0,
    show_default=True,
    help="How long all checks together may take.",
)
@click.option("--sensors", is_flag=True, help="Print this machine's sensors instead.")
@click.option(
    "--telemetry",
    is_flag=True,
    help="Print the sensors, and measure what telemetry costs the measured time: pairs of a short "
    "training job, with it and without, in turn (about a minute).",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=3),
    default=9,
    show_default=True,
    help="How many pairs --telemetry measures.",
)
def command(
    redis_url: str | None,
    device: str | None,
    cpus: str | None,
    as_json: bool,
    seconds: float,
    sensors: bool,
    telemetry: bool,
    pairs: int,
) -> int:
    """Check everything that is known to go wrong, and say what to do about it.

    Redis, the workers and jobs in it, this machine with its backends, GPU and data sets. What
    cannot be checked here says so. The exit code is 1 when something is not ok.

    With --sensors, which sensors this machine has, and the class of each energy figure. A sensor
    that is absent stays unknown in every result; it never becomes zero.
    """
    from workers import cpus as cpu_list

    usable = cpu_list.usable_cpus()
    chosen = None if cpus is None else cpu_list.parse_cpus(cpus)
    if chosen is not None:
        cpu_list.pin(chosen)
    if sensors or telemetry:
        if as_json:
            raise click.UsageError("--json prints the checks; --sensors and --telemetry are texts")
        _sensors(device, chosen, usable, telemetry, pairs)
        return 0
    return _checks(redis_url, device, as_json, seconds)


def _checks(redis_url: str | None, device: str | None, as_json: bool, seconds: float) -> int:
    import json
    import logging
    from dataclasses import asdict

    from farm.cli.exit_code import ExitCode
    from farm.doctor import report
    from farm.doctor.examination import all_well, examine
    from farm.render.width import of_output

    logging.disable(logging.WARNING)  # what is looked at says the same as a check
    try:
        checks = examine(redis_url, device, seconds)
    finally:
        logging.disable(logging.NOTSET)
    if as_json:
        said = [asdict(check) for check in checks]
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        for line in report.lines(checks, of_output()):
            click.echo(line)
    return ExitCode.DONE if all_well(checks) else ExitCode.FAILED


def _sensors(
    device: str | None,
    cpus: tuple[int, ...] | None,
    usable: tuple[int, ...],
    telemetry: bool,
    pairs: int,
) -> None:
    from workers.hardware import detect
    from workers.instruments import instruments_of
    from workers.runner import Runner
    from workers.service import child_environment, default_isolation

    hardware = detect(device=device, cpus=cpus)
    instruments = instruments_of(hardware)
    click.echo(f"{hardware.name}: {hardware.facts.get('device_name') or hardware.name}")
    _print_sensors(instruments)
    if not telemetry:
        return
    runner = Runner(
        "doctor",
        hardware,
        default_isolation(),
        child_environment(hardware),
        instruments=instruments,
        spare_cpus=usable,
    )
    try:
        _print_cost(runner, pairs)
    finally:
        runner.close()


def _print_sensors(instruments: Instruments) -> None:
    from dataclasses import asdict

    from farm.render.units import size

    sensors = instruments.sensors
    limits = {
        "power_limit_watts": sensors.power_limit_watts(),
        "temperature_limit_celsius": sensors.temperature_limit_celsius(),
    }
    rows = []
    for key, value in {**asdict(sensors.sample()), **limits}.items():
        label, text = key, ABSENT
        for suffix, unit in UNITS.items():
            if key.endswith(suffix):
                label = key.removesuffix(suffix)
                text = text if value is None else f"{value:.4g} {unit}"
        if key == "memory_bytes":
            label, text = "memory in use", ABSENT if value is None else size(value)
        elif key == "utilisation":
            text = ABSENT if value is None else f"{value:.0%}"
        elif key == "throttle_reasons":
            told = sensors.throttle_counts()
            now = ", ".join(value or ()) or "none"
            text = f"{now} now" if value is not None else ABSENT
            text = ", ".join(f"{name} counted" for name in told) if told else text
        rows.append((label.replace("_", " "), text))
    counted = [f"{each.part}: {each.kind} ({each.source})" for each in instruments.counters()]
    if not any(each.startswith(f"{instruments.device}:") for each in counted):
        sampled = sensors.sample().power_watts is not None
        kind = f"sampled ({sensors.power_source})" if sampled else ABSENT
        counted.insert(0, f"{instruments.device}: {kind}")
    rows += [("energy", each) for each in counted]
    width = max(len(label) for label, _ in rows)
    for label, text in rows:
        click.echo(f"{label:<{width}}  {text}")


def _print_cost(runner: Runner, pairs: int) -> None:
    from workers import telemetry_cost

    click.echo(f"\n{pairs} pairs of {telemetry_cost.WORKLOAD}, with telemetry ÷ without:")

    def on_pair(number: int, ratio: float) -> None:
        click.echo(f"{number:>3}  {ratio:.4f}")

    _print_summary(telemetry_cost.measure(runner, pairs, on_pair=on_pair))


def _print_summary(cost: Cost) -> None:
    click.echo(f"median          {cost.median:.4f}")
    click.echo(f"geometric mean  {cost.mean:.4f} (95 % interval {cost.low:.4f} to {cost.high:.4f})")
    samples = cost.telemetry.samples if cost.telemetry else 0
    how = (
        "counters before and after alone, as every CPU is measured"
        if samples == 0
        else f"{samples} samples in the last job, besides counters before and after"
    )
    click.echo(f"telemetry was {how}")
    if cost.low <= 1 <= cost.high:
        most = max(cost.high - 1, 1 - cost.low)
        click.echo(f"no cost is resolved; one of up to {most:.1%} could hide in this interval")
    else:
        click.echo(f"telemetry costs {cost.mean - 1:+.2%} of the measured time")
    if cost.noise:
        said = f"the machine was not quiet ({len(cost.noise)} remarks; the last: {cost.noise[-1]})"
        click.echo(f"{said}; stop what else runs here, or take more --pairs")
