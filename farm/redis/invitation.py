"""Invitation: a way into Redis for one hardware, whose worker can write its own results alone.

A name is invited to one Redis: the one that `farm up` starts here, or another. Which one it is
stands in its connection file, and there alone can it be revoked.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from redis import ResponseError

from farm.redis import broker, connection_file, passwords
from farm.redis.access import rules, user_of
from farm.redis.server import Server
from farm.redis.server_program import version_in
from jobs.errors import BrokerError, UnknownNameError, UsageError
from workers import keys
from workers.client import connect, explained
from workers.ledger import Ledger

if TYPE_CHECKING:
    import redis

OURS = "the Redis that `farm up` starts here"
DEFAULT_PORT = 6379  # of a URL that names none


def invite(hardware: str, url: str, tags: Collection[str] = ()) -> tuple[Path, str | None]:
    """Let a machine of that hardware into the Redis at `url`, the coordinator's line.

    Suites select it by its name and these tags, whatever it says of itself, and by those
    of earlier invitations. Returns the file that the machine needs, and what Redis must be told
    to remember it, None where it does by itself. Invited again, it gets the same file.

    Raises BrokerError when Redis is too old to keep it to its own, or the name is invited to
    another Redis, and UsageError when it differs from an invited one by case alone.
    """
    with broker.one_at_a_time():
        _check_name(hardware)
        server = _ours(url)
        if hardware in passwords.invited():
            _check_place(hardware, url)
        if server is None:
            return _invite_elsewhere(hardware, url, tags)
        return _invite_here(hardware, url, tags, server), None


def _invite_here(hardware: str, url: str, tags: Collection[str], server: Server) -> Path:
    """Let it into our own Redis, which `farm up` tells of all users at each start."""
    user, known = user_of(hardware), passwords.invited_here()
    password = passwords.password(user)
    try:
        _let_in(hardware, url, password, tags)
    except BaseException:
        if hardware not in known:
            passwords.forget(user)
        raise
    file = passwords.url_file(user)
    server.write_line(file, user, password)
    return file


def _invite_elsewhere(hardware: str, url: str, tags: Collection[str]) -> tuple[Path, str | None]:
    user = user_of(hardware)
    file = passwords.url_file(user)
    password = _password_in(file) if file.exists() else passwords.new()
    told, saved = _let_in(hardware, url, password, tags)
    line, authority = _as_user(url, user, password)
    connection_file.write(file, line, connection_file.about(user), authority)
    return file, None if saved else f"user {user} {' '.join(told)}"


def _let_in(
    hardware: str, url: str, password: str, tags: Collection[str]
) -> tuple[list[str], bool]:
    """Return what Redis is told of the user, and whether it has a file in which to keep that."""
    with connect(url) as client, explained(url):
        version = version_in(str(client.info("server")["redis_version"]))
        told = rules(version, user_of(hardware), password)
        client.execute_command("ACL", "SETUSER", user_of(hardware), "reset", *told)
        broker.make_known(client, hardware)
        # Tags are added, never taken away: what it joined by them is collected by them.
        known = Ledger(client).tags(hardware, [hardware])
        client.hset(keys.INVITED, hardware, json.dumps(sorted({*known, *tags})))
        return told, _saved(client)


def revoke(hardware: Sequence[str], url: str | None) -> bool:
    """Let the hardware in no more, by its own line; whoever is connected by it is thrown out.

    `url` is the coordinator's line; None where none is named and ours does not run. Returns False
    where Redis lets them in again when it starts anew, unless its configuration is changed. What
    its workers said of themselves is forgotten, its results are not.

    Raises UnknownNameError, and revokes nothing, where some was not invited; BrokerError where it
    was invited to another Redis; and BrokerError, when all others are out, where Redis does not
    know it.
    """
    with broker.one_at_a_time():
        for name in hardware:
            if name not in passwords.invited():
                raise UnknownNameError("invited hardware", name, passwords.invited())
            _check_place(name, url)
        if url is None:  # ours is told when it starts
            for name in hardware:
                passwords.forget(user_of(name))
            return True
        with connect(url) as client, explained(url):
            strangers = [name for name in hardware if not _throw_out(client, name)]
            saved = _ours(url) is not None or _saved(client)
        if strangers:
            raise BrokerError(_not_known(strangers, url))
        return saved


def _throw_out(client: redis.Redis, hardware: str) -> bool:
    """Remove the user, there and here; return False, and keep its file, when there is none."""
    user = user_of(hardware)
    known = bool(client.acl_deluser(user))
    if not known and hardware not in passwords.invited_here():
        return False
    client.delete(keys.workers(hardware))  # who is out is not here
    passwords.forget(user)
    return True


def address(hardware: str) -> str | None:
    """Return host and port of the Redis that it was invited to; None for ours."""
    if hardware in passwords.invited_here():
        return None
    return _address(connection_file.read(f"@{passwords.url_file(user_of(hardware))}"))


def _check_name(hardware: str) -> None:
    """Raise UsageError where some file systems would take it for another that is invited."""
    for known in passwords.invited():
        if known != hardware and known.casefold() == hardware.casefold():
            raise UsageError(
                f"{hardware} differs from {known}, which is invited, by case alone, and some file "
                f"systems do not tell their files apart; choose another name, or type: "
                f"farm invite --revoke {known}"
            )


def _check_place(hardware: str, url: str | None) -> None:
    """Raise BrokerError unless the hardware was invited to the Redis at `url`.

    None is ours, which may be stopped.
    """
    server = None if url is None else _ours(url)
    named = None if url is None or server is not None else _address(url)
    invited = address(hardware)
    # Whose password file somebody has removed is invited anew.
    if invited == named or (server and invited == _address(server.url(server.host_for_others))):
        return
    remedy = "leave --redis and FARM_REDIS_URL out"
    if invited is not None:
        remedy = "name that one, with its coordinator's line: --redis URL or @FILE"
    raise BrokerError(
        f"{hardware} was invited to {_place(invited)}, and this is about {_place(named)}; {remedy}"
    )


def _place(address: str | None) -> str:
    return OURS if address is None else f"the Redis at {address}"


def _not_known(hardware: Sequence[str], url: str) -> str:
    users = ", ".join(map(user_of, hardware))
    files = " ".join(str(passwords.url_file(user_of(name))) for name in hardware)
    return (
        f"the Redis at {_address(url)} knows no user {users}, so nobody was thrown out; if it is "
        f"the one that the machine reaches, nothing is left to revoke: remove {files}"
    )


def _ours(url: str) -> Server | None:
    """Return the server that `farm up` started here, if that is the one at `url`.

    By its password, which no other has: it has several addresses.
    """
    server = broker.running()
    if server is None or server.password is None:
        return None
    return server if unquote(urlsplit(url).password or "") == server.password else None


def _address(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or DEFAULT_PORT}"


def _password_in(file: Path) -> str:
    return unquote(urlsplit(connection_file.read(f"@{file}")).password or "")


def _saved(client: redis.Redis) -> bool:
    """Have Redis keep its users; return False when it has no file for them."""
    try:
        return bool(client.acl_save())
    except ResponseError:
        return False


def _as_user(url: str, user: str, password: str) -> tuple[str, Path | None]:
    """Return the same line for another user, and the file of the authority that it names."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    options = dict(parse_qsl(parts.query))
    authority = options.pop("ssl_ca_certs", None)
    netloc = f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"
    line = urlunsplit((parts.scheme, netloc, parts.path, urlencode(options), ""))
    return line, None if authority is None else Path(authority)
