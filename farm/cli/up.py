"""`farm up`: start the farm's Redis on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from farm.redis.certificate import Certificate
    from farm.redis.server import Server

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="up", short_help="Start the farm's Redis on this machine.")
@click.option(
    "--bind",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Where to listen: 0.0.0.0 for all addresses of this machine, or one of them.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The port (default: 6399, or a free one)."
)
@click.option(
    "--host",
    metavar="NAME",
    help="The name or address by which other machines reach this one (default: its own address).",
)
@click.option("--tls", is_flag=True, help="Speak TLS only; its certificate is made here.")
@click.option("--cert", type=FILE, help="Speak TLS with this certificate (PEM) instead.")
@click.option("--key", type=FILE, help="The key of --cert (PEM).")
@click.option("--ca", type=FILE, help="Who vouches for --cert, if not one that all machines trust.")
def command(
    bind: str,
    port: int | None,
    host: str | None,
    tls: bool,
    cert: Path | None,
    key: Path | None,
    ca: Path | None,
) -> None:
    """Start the farm's Redis here, and say how other machines reach it.

    Nobody gets in without a password; two are made once, and kept. It keeps its data under
    FARM_HOME and runs on until `farm down`.
    """
    from farm.redis import broker

    server = broker.start(bind, port, tls=tls, certificate=_given(cert, key, ca), host=host)
    how = " with TLS" if server.tls else ""
    click.echo(
        f"the farm's Redis listens on {server.bind} port {server.port}{how} (process {server.pid})"
    )
    if server.listens_beyond:
        _say_how(server)
        click.echo("on this one, `farm worker` and all other commands find it by themselves")
    else:
        click.echo("on this machine `farm worker` and all other commands find it by themselves;")
        click.echo("for other machines, start it with `farm up --bind 0.0.0.0`")


def _given(cert: Path | None, key: Path | None, ca: Path | None) -> Certificate | None:
    from farm.redis.certificate import given
    from jobs.errors import UsageError

    if cert is None or key is None:
        if (cert, key, ca) == (None, None, None):
            return None
        raise UsageError("--cert, --key and --ca belong together: give --cert FILE --key FILE")
    return given(cert, key, ca)


def _say_how(server: Server) -> None:
    from shlex import quote

    from farm.home import home

    file = home() / "redis" / "worker.url"
    click.echo("for the other machines there is a private file; copy it to each, and name it:")
    click.echo(f"  scp {quote(str(file))} MACHINE:")
    click.echo(f"  farm worker --redis @{file.name}")
    click.echo(f"it leads them to {server.host_for_others}; `farm up --host NAME` names another")
    click.echo("whoever has it is trusted with all results; for a machine of somebody else's,")
    click.echo("`farm invite NAME` makes one that is good for that machine's own alone")
