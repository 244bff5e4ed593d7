"""Redacted: a Redis URL as it may be shown; imports nothing that takes time."""

from __future__ import annotations

import re

HIDDEN = "***"
SHOWABLE = re.compile(r"[^:]*(:\d{0,5})?|\[[^\]]*\](:\d{0,5})?")  # host, host:port, [address]:port
SECRETS = re.compile(r"(\w+://[^/\s:]*:)\S*@")


def without_password(url: str) -> str:
    """Return the URL as it may be shown: no password in it, and none of its options."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url.rpartition("@")[2]
    credentials, at, place = rest.rpartition("@")
    place = place.partition("?")[0]
    user, colon, _ = credentials.partition(":")
    host, slash, path = place.partition("/")
    if not SHOWABLE.fullmatch(host):
        # No port, so perhaps the password of somebody who forgot the host.
        host, slash, path = f"{host.partition(':')[0]}:{HIDDEN}", "", ""
    shown = f"{user}:{HIDDEN}@" if colon else at and f"{user}@"
    return f"{scheme}://{shown}{host}{slash}{path}"


def masked(text: str) -> str:
    """Return the text with the password of every URL in it masked."""
    return SECRETS.sub(rf"\1{HIDDEN}@", text)


def plain(text: str, limit: int = 200) -> str:
    """Return what a server said as it may be shown: one line, nothing that steers a terminal."""
    line = "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))
    return line if len(line) <= limit else line[:limit] + "…"
