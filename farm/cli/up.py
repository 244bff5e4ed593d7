"""`farm up`: start the farm's Redis on this machine."""

from __future__ import annotations

import click


@click.command(name="up", short_help="Start the farm's Redis on this machine.")
@click.option(
    "--bind",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Where to listen; beyond the loopback only with a password, which is generated.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The port (default: 6399, or a free one)."
)
def command(bind: str, port: int | None) -> None:
    """Start the farm's Redis here, and print what to type on the other machines.

    It keeps its data under FARM_HOME and runs on until `farm down`.
    """
    from farm import broker

    server = broker.start(bind, port)
    click.echo(
        f"the farm's Redis listens on {server.bind} port {server.port} (process {server.pid})"
    )
    if url := server.url_for_others:
        click.echo(f"on the other machines:\n  farm worker --redis {url}")
        click.echo("on this one, `farm worker` and all other commands find it by themselves")
    else:
        click.echo("on this machine `farm worker` and all other commands find it by themselves;")
        click.echo("for other machines, start it with `farm up --bind 0.0.0.0`")
