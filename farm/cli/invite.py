"""`farm invite`: a line to Redis that is good for one machine's own results alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from farm.cli.options import redis_option

if TYPE_CHECKING:
    from pathlib import Path


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
@click.option(
    "--tag",
    "tags",
    metavar="TAG",
    multiple=True,
    help="What suites may select it by beside its name, whatever it says; may be repeated.",
)
@redis_option
def command(
    hardware: tuple[str, ...], revoke: bool, tags: tuple[str, ...], redis_url: str | None
) -> None:
    """Write a private file with which a machine can measure as HARDWARE, and as nothing else.

    Whoever has it can hand in results of HARDWARE, true or false, and change nothing of other
    hardware's: Redis refuses that. Without HARDWARE: who was invited.
    """
    from farm.redis import broker, invitation

    if not hardware:
        _list()
    elif revoke:
        _revoke(tuple(dict.fromkeys(hardware)), redis_url)
    else:
        url = broker.resolve(redis_url)
        for name in hardware:
            _say(name, *invitation.invite(name, url, tags))


def _list() -> None:
    from farm.redis import invitation, passwords
    from farm.redis.access import user_of

    for name in passwords.invited():
        elsewhere = invitation.address(name)
        place = "" if elsewhere is None else f" (to the Redis at {elsewhere})"
        click.echo(f"{name}: {passwords.url_file(user_of(name))}{place}")
    if not passwords.invited():
        click.echo("nobody was invited; `farm invite NAME` lets a machine in")


def _revoke(hardware: tuple[str, ...], redis_url: str | None) -> None:
    from farm.redis import broker, invitation
    from farm.redis.access import user_of
    from jobs.errors import NoBrokerError

    try:
        url = broker.resolve(redis_url)
    except NoBrokerError:
        url = None
    forgotten = invitation.revoke(hardware, url)
    for name in hardware:
        click.echo(f"{name} is let in no more by its file; its results are kept")
    if not forgotten:
        click.echo(
            "when it starts anew this Redis lets them in again, if its configuration or its users' "
            "file has a line that begins so; remove it there:"
        )
        for name in hardware:
            click.echo(f"  user {user_of(name)} ")


def _say(name: str, file: Path, remember: str | None) -> None:
    from shlex import quote

    click.echo(f"{name} is invited; copy this private file to its machine, and name it there:")
    click.echo(f"  scp {quote(str(file))} MACHINE:")
    click.echo(f"  farm worker --redis @{file.name}")
    click.echo(f"it measures as {name}, and can change nothing of other hardware's")
    if remember is not None:
        click.echo(
            "when it starts anew this Redis forgets that, unless its configuration or its users' "
            f"file has this line:\n  {remember}"
        )
