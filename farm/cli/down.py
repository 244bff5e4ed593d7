"""`farm down`: stop the farm's Redis on this machine."""

from __future__ import annotations

import click


@click.command(name="down", short_help="Stop the Redis that `farm up` started.")
def command() -> None:
    """Collect what Redis still holds, and stop the Redis that `farm up` started here.

    Results stay in the store; jobs stay in Redis's files, and go on after the next `farm up`.
    """
    from farm.cli.session import collected
    from farm.redis import broker
    from jobs.errors import BrokerError, StoreError

    if (server := broker.running()) is not None:
        try:
            with collected(server.local_url):
                pass
        except (BrokerError, StoreError) as error:
            click.echo(f"farm: not collected, but Redis keeps it: {error}", err=True)
    stopped = broker.stop()
    if stopped is None:
        click.echo("no Redis of the farm's was running here")
    else:
        click.echo(f"stopped the farm's Redis (process {stopped.pid})")
