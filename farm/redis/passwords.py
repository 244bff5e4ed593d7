"""Passwords: one private file for each user of the Redis that `farm up` starts here.

Hardware that was invited to another Redis has only the file with its line here, and no password
file: `farm up` lets in those who have one.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from farm.home import home
from farm.redis.access import COORDINATOR, WORKER, user_of
from farm.redis.private_file import write_private
from jobs.folder import made


def folder() -> Path:
    """Return the private folder of the farm's Redis, made where it is missing."""
    found = made(home() / "redis")
    found.chmod(0o700)  # Redis's own files hold what workers measured, and have its own modes
    return found


def password(user: str) -> str:
    """Return the user's password; it is made at the first time, and kept."""
    path = _file(user)
    if not path.exists():
        write_private(path, new())
    return path.read_text().strip()


def new() -> str:
    """Return a password that nobody has."""
    return secrets.token_urlsafe(24)


def every() -> dict[str, str]:
    """Return the password of each user: the coordinator, the worker, and whoever was invited."""
    users = [COORDINATOR, WORKER, *map(user_of, invited_here())]
    return {user: password(user) for user in users}


def invited_here() -> list[str]:
    """Return the hardware that was invited to the Redis that `farm up` starts here."""
    return sorted(_named(".password"))


def invited() -> list[str]:
    """Return the hardware that was invited, to that Redis or to another."""
    return sorted(_named(".password") | _named(".url"))


def forget(user: str) -> None:
    """Remove the user's password and connection file."""
    for file in (_file(user), url_file(user)):
        file.unlink(missing_ok=True)


def url_file(user: str) -> Path:
    """Return the file by which the user's machine reaches Redis."""
    return folder() / f"{user}.url"


def _named(suffix: str) -> set[str]:
    prefix = user_of("")
    files = folder().glob(f"{prefix}*{suffix}")
    return {file.name.removeprefix(prefix).removesuffix(suffix) for file in files}


def _file(user: str) -> Path:
    return folder() / f"{user}.password"
