"""`farm cancel`: end the jobs of a run that have not ended."""

from __future__ import annotations

import click

from farm.cli.options import json_option, redis_option


@click.command(name="cancel", short_help="End the jobs of a run that have not ended.")
@click.argument("run")
@click.option(
    "--hardware", metavar="NAME", multiple=True, help="Of this hardware only; may be repeated."
)
@redis_option
@json_option
def command(run: str, hardware: tuple[str, ...], redis_url: str | None, as_json: bool) -> None:
    """End all jobs of RUN that have not ended, as cancelled.

    Queued jobs leave the queue, workers stop those that run, and no hardware joins the run any
    more. What was measured stays. `farm retry RUN` puts the jobs back.
    """
    import json

    from farm.cli.session import recorded_run
    from farm.redis import broker
    from farm.render.units import count
    from farm.runs.coordinator import Coordinator
    from farm.runs.withdrawal import withdraw

    coordinator = Coordinator(broker.resolve(redis_url))
    chosen = recorded_run(coordinator, run)
    were = withdraw(coordinator, chosen, hardware)
    if as_json:
        click.echo(json.dumps({"run": chosen.id, **were}))
        return
    total = sum(were.values())
    of = f" of {', '.join(sorted(set(hardware)))}" if hardware else ""
    if not total:
        click.echo(f"run {chosen.id}: nothing is left to cancel{of}; every job has ended")
        return
    said = f"{were['queued']:,} queued, {were['running']:,} running"
    click.echo(f"run {chosen.id}: cancelled {count(total, 'job')}{of} ({said})")
