"""`farm worker`: measure on this machine."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import click

from farm.cli.options import (
    cpus_option,
    device_option,
    hardware_option,
    redis_option,
    tag_option,
)

if TYPE_CHECKING:
    from jobs.capabilities import Capabilities

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def _duration(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    matched = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", value)
    if matched is None:
        raise click.BadParameter(f"{value!r} is no time; accepted: seconds, or text as in 90s, 2m")
    return float(matched[1]) * SECONDS[matched[2]]


def _abilities(has: Capabilities) -> list[str]:
    """Say what it computes with; raise HardwareError when that is nothing."""
    from jobs.errors import HardwareError
    from jobs.spec import KERAS_BACKENDS

    refused = [f"{name}: {why}" for name, why in has.refused.items() if name in KERAS_BACKENDS]
    if not has.backends:
        why = "\n".join(refused) or "no TensorFlow, PyTorch or JAX with Keras is installed"
        raise HardwareError(f'{why}\nInstall one: pip install "benchfarm[tensorflow]"')
    able = ", ".join(f"{name} {version}" for name, version in has.backends.items())
    return [f"computes with {able}", *(f"not with {each}" for each in refused)]


def _name(chosen: str | None, invited: str | None) -> str | None:
    """Return the name to measure under: that which was invited, where the line is for one alone."""
    from jobs.errors import UsageError

    if None not in (chosen, invited) and chosen != invited:
        raise UsageError(
            f"this line to Redis is for {invited} alone, and --hardware says {chosen}; leave "
            f"--hardware out, or `farm invite {chosen}` makes a line for it"
        )
    return invited or chosen


@click.command(name="worker", short_help="Measure on this machine until Ctrl-C.")
@redis_option
@device_option
@cpus_option
@hardware_option
@tag_option
@click.option(
    "--isolation",
    type=click.Choice(["fork", "spawn"]),
    help="How a job's process starts (default: fork on Linux, spawn elsewhere).",
)
@click.option(
    "--share-host",
    is_flag=True,
    help="Measure even while another worker of this machine does.",
)
@click.option(
    "--patience",
    callback=_duration,
    default="30s",
    envvar="FARM_PATIENCE",
    metavar="TIME",
    help="Wait so long for a machine that is busy, hot or on battery, then measure all the same "
    "and mark the result as noisy (default: FARM_PATIENCE, else 30s; 0: never wait).",
)
@click.option(
    "--grace",
    callback=_duration,
    metavar="TIME",
    help="After the first Ctrl-C (or SIGTERM) let the running job go on for so long, then hand it "
    "back for another worker (default: to its end; 0: hand it back at once).",
)
@click.option("--verbose", "-v", is_flag=True, help="Log Celery's and Redis's own messages too.")
def command(
    redis_url: str | None,
    device: str | None,
    cpus: str | None,
    hardware_name: str | None,
    tags: tuple[str, ...],
    isolation: str | None,
    share_host: bool,
    patience: float,
    grace: float | None,
    verbose: bool,
) -> None:
    """Serve the farm with this machine until Ctrl-C.

    The machine is detected and named (`farm hardware` shows how). It measures one job at a time,
    each in a process of its own. Start one worker a device.

    The first Ctrl-C lets the running job come to its end, the second hands it back at once for
    another worker of this hardware; either way it is not lost.
    """
    from farm import log_format
    from farm.home import home
    from farm.redis import broker
    from farm.render import units
    from farm.runs.coordinator import Coordinator
    from workers.client import hardware_of
    from workers.service import Service

    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(message)s", level=logging.WARNING)
    log_format.use_everywhere()
    for name in ("farm", "workers"):
        logging.getLogger(name).setLevel(logging.INFO)
    if verbose:
        logging.getLogger().setLevel(logging.INFO)
    url = broker.resolve(redis_url, worker=True)
    hardware_name = _name(hardware_name, hardware_of(url))
    coordinator = Coordinator(url)
    service = Service(
        url,
        coordinator.client,
        home=home(),
        device=device,
        cpus=cpus,
        name=hardware_name,
        tags=tags,
        isolation=isolation,
        share_host=share_host,
        patience_seconds=patience,
        grace_seconds=grace,
    )
    hardware = service.hardware
    click.echo(f"{service.record.name}: {hardware.facts.get('device_name') or hardware.name}")
    click.echo(f"tags: {', '.join(hardware.tags)}; Ctrl-C stops it")
    for line in _abilities(service.capabilities):
        click.echo(line)
    service.join()
    for run in coordinator.enlist(hardware.name, hardware.tags):
        counted = units.count(len(run.jobs(hardware.name)), "job")
        click.echo(f"joined run {run.id}: {counted}")
    service.serve()
