"""`farm invite`: a line to Redis that is good for one machine's own results alone."""

from __future__ import annotations

import re

import click

from farm.cli.options import redis_option


def _name(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    from jobs.spec import NAME_PATTERN

    for value in values:
        if not re.fullmatch(NAME_PATTERN, value):
            raise click.BadParameter(
                f"{value!r} is no name of hardware; accepted: up to 64 letters, digits and . _ + -"
            )
    return values


@click.command(name="invite", short_help="Let a machine in that can write its own results alone.")
@click.argument("hardware", nargs=-1, callback=_name)
@click.option("--revoke", is_flag=True, help="Let it in no more, and throw it out.")
@redis_option
def command(hardware: tuple[str, ...], revoke: bool, redis_url: str | None) -> None:
    """Write a private file with which a machine can measure as HARDWARE, and as nothing else.

    Whoever has it can hand in results of HARDWARE, true or false, and change nothing of other
    hardware's: Redis refuses that. Without HARDWARE: who was invited.
    """
    from farm.redis import broker, invitation, passwords
    from farm.redis.access import user_of
    from jobs.errors import NoBrokerError

    if not hardware:
        for name in passwords.invited():
            click.echo(f"{name}: {passwords.url_file(user_of(name))}")
        if not passwords.invited():
            click.echo("nobody was invited; `farm invite NAME` lets a machine in")
        return
    if revoke:
        try:
            url = broker.resolve(redis_url)
        except NoBrokerError:
            url = None  # it is told when it starts
        invitation.revoke(hardware, url)
        for name in hardware:
            click.echo(f"{name} is let in no more by its file; its results are kept")
        return
    url = broker.resolve(redis_url)
    for name in hardware:
        _say(name, *invitation.invite(name, url))


def _say(name: str, file: object, remember: str | None) -> None:
    from pathlib import Path
    from shlex import quote

    path = Path(str(file))
    click.echo(f"{name} is invited; copy this private file to its machine, and name it there:")
    click.echo(f"  scp {quote(str(path))} MACHINE:")
    click.echo(f"  farm worker --redis @{path.name}")
    click.echo(f"it measures as {name}, and can change nothing of other hardware's")
    if remember is not None:
        click.echo(
            "when it starts anew this Redis forgets that, unless its configuration or its users' "
            f"file has this line:\n  {remember}"
        )
