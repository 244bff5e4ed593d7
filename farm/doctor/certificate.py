"""Certificate: how long the one that Redis shows will do."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

from farm.doctor.check import Check
from farm.render import units

if TYPE_CHECKING:
    import redis

NAME = "redis certificate"
DAY_SECONDS = 86_400.0
WARNED_SECONDS = 14 * DAY_SECONDS


def shown_by(client: redis.Redis) -> dict[str, Any]:
    """Return what is known of the certificate of this client's server; empty without TLS."""
    pool: Any = client.connection_pool
    connection = pool.get_connection()
    try:
        found: dict[str, Any] = connection._sock.getpeercert() or {}  # redis-py names it nowhere
        return found
    except AttributeError:
        return {}
    finally:
        pool.release(connection)


def check(certificate: dict[str, Any], now: float) -> Check:
    """Judge how long it is valid; `now` in seconds since the epoch."""
    ends = None
    with contextlib.suppress(KeyError, ValueError):
        ends = ssl.cert_time_to_seconds(certificate["notAfter"])
    if ends is None:
        return Check.skipped(NAME, "this connection verifies none")
    left = ends - now
    detail = f"valid until {certificate['notAfter']}"
    if left > WARNED_SECONDS:
        return Check.fine(NAME, detail)
    days = units.count(max(0, int(left / DAY_SECONDS)), "day")
    return Check.wrong(
        NAME,
        f"{detail}, for {days} more: then no worker gets in",
        "renew it, and start Redis with the new one: `farm down`, then `farm up` as before",
    )
