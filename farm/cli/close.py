"""`farm close`: let no further hardware join a run."""

from __future__ import annotations

import click

from farm.cli.options import redis_option


@click.command(name="close", short_help="Let no further hardware join a run.")
@click.argument("run")
@redis_option
def command(run: str, redis_url: str | None) -> None:
    """Let no further hardware join RUN; nothing waits for any, either.

    The jobs that are there go on.
    """
    from farm.cli.session import recorded_run
    from farm.redis import broker
    from farm.runs.coordinator import Coordinator
    from workers.client import explained

    coordinator = Coordinator(broker.resolve(redis_url))
    chosen = recorded_run(coordinator, run)
    with explained(coordinator.url):
        new = coordinator.ledger.close(chosen.id)
        columns = sorted(coordinator.ledger.columns(chosen.id))
    stays = f"it stays with {', '.join(columns)}" if columns else "it has no jobs"
    click.echo(f"run {chosen.id} is closed: {stays}" if new else f"run {chosen.id} was closed")
