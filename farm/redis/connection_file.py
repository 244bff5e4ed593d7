"""Connection file: how to reach a Redis, on one line of a private file, and whom to trust there.

The first line that is neither empty nor a comment (#) is the URL. A certificate in PEM after it is
that of the authority which vouches for the server: so that one file is all that another machine
needs, for passwords and for TLS alike.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from urllib.parse import quote

from farm.redis.access import COORDINATOR
from farm.redis.private_file import readable_by_others, write_private
from jobs.errors import BrokerDownError
from workers.client import hardware_of

logger = logging.getLogger(__name__)

BEGIN = "-----BEGIN CERTIFICATE-----"
MOST_BYTES = 1_000_000


def read(named: str) -> str:
    """Return the URL that `named` is, or, when it is @FILE, the one that stands in the file.

    Raises BrokerDownError when the file cannot be read or holds none; one that others can read is
    warned of.
    """
    if not named.startswith("@"):
        return named
    # An unknown ~user is left as it is, and is then not there.
    path = Path(os.path.expanduser(named[1:])).absolute()  # noqa: PTH111
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(MOST_BYTES)
        exposed = readable_by_others(path)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BrokerDownError(
            f"the Redis URL cannot be read from the file {path}: {why}; accepted: @FILE, where "
            f"FILE is a copy of the worker.url or coordinator.url that `farm up` wrote"
        ) from error
    head, begin, _ = text.partition(BEGIN)
    lines = [line.strip() for line in head.splitlines()]
    url = next((line for line in lines if line and not line.startswith("#")), None)
    if url is None:
        raise BrokerDownError(
            f"the file {path} holds no Redis URL; accepted: a line redis://user:password@host:port/0"
        )
    if exposed:
        logger.warning("%s holds a password and others can read it; type: chmod 600 %s", path, path)
    if begin and url.startswith("rediss:") and "ssl_ca_certs=" not in url:
        url += ("&" if "?" in url else "?") + f"ssl_ca_certs={quote(str(path))}"
    return url


def about(user: str) -> str:
    """Return what the file of a user is for, in one line."""
    of = hardware_of(f"redis://{user}@host")
    may = "all commands" if user == COORDINATOR else "farm worker"
    return (
        f"How to reach the farm's Redis, for {f'{may} as {of}' if of else may}: --redis @{user}.url"
    )


def write(path: Path, url: str, about: str, authority: Path | None) -> None:
    """Write the file, with mode 600; `authority` is a PEM file to put into it."""
    certificates = ""
    if authority is not None:
        certificates = authority.read_text(encoding="utf-8")
    write_private(
        path, f"# {about}\n# It holds a password: keep it private.\n{url}\n{certificates}"
    )
