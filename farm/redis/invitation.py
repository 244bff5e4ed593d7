"""Invitation: a way into Redis for one hardware, whose worker can write its own results alone."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from redis import ResponseError

from farm.redis import broker, connection_file, passwords
from farm.redis.access import rules, user_of
from jobs.errors import UnknownNameError
from workers import keys
from workers.client import connect, explained

if TYPE_CHECKING:
    import redis


def invite(hardware: str, url: str) -> tuple[Path, str | None]:
    """Let a machine of that hardware into the Redis at `url`, the coordinator's line.

    Returns the file that the machine needs, and what Redis must be told to remember it, None where
    it does by itself. Invited again, it gets the same file. Raises BrokerError when Redis is too
    old to keep it to its own.
    """
    user, known = user_of(hardware), passwords.invited()
    password = passwords.password(user)
    try:
        with connect(url) as client, explained(url):
            told = rules(_version(client), user, password)
            client.execute_command("ACL", "SETUSER", user, "reset", *told)
            client.sadd(keys.HARDWARE, hardware)  # its worker may not say so itself
            remember = None if _remembers(client, url) else f"user {user} {' '.join(told)}"
    except BaseException:
        if hardware not in known:
            passwords.forget(user)
        raise
    file = passwords.url_file(user)
    server = broker.running()
    if server is not None and server.local_url == url:
        server.write_line(file, user, password)
    else:
        line, authority = _as_user(url, user, password)
        connection_file.write(file, line, connection_file.about(user), authority)
    return file, remember


def revoke(hardware: Collection[str], url: str | None) -> None:
    """Let the hardware in no more, by its own line; whoever is connected by it is thrown out.

    `url` is the coordinator's line; None where no Redis runs. Raises UnknownNameError, and revokes
    nothing, where some was not invited.
    """
    for name in hardware:
        if name not in passwords.invited():
            raise UnknownNameError("invited hardware", name, passwords.invited())
    users = [user_of(name) for name in hardware]
    if url is not None:
        with connect(url) as client, explained(url):
            client.acl_deluser(*users)
            _remembers(client, url)
    for user in users:
        passwords.forget(user)


def _remembers(client: redis.Redis, url: str) -> bool:
    """Have Redis keep its users; return False when it has no file for them and is not ours."""
    server = broker.running()
    if server is not None and server.local_url == url:
        return True  # `farm up` tells it all of them at each start
    try:
        return bool(client.acl_save())
    except ResponseError:
        return False


def _version(client: redis.Redis) -> tuple[int, ...]:
    return tuple(map(int, str(client.info("server")["redis_version"]).split(".")))


def _as_user(url: str, user: str, password: str) -> tuple[str, Path | None]:
    """Return the same line for another user, and the file of the authority that it names."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    options = dict(parse_qsl(parts.query))
    authority = options.pop("ssl_ca_certs", None)
    netloc = f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"
    line = urlunsplit((parts.scheme, netloc, parts.path, urlencode(options), ""))
    return line, None if authority is None else Path(authority)
