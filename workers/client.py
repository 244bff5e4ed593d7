"""A connection to the farm's Redis, and plain words for every way in which there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from jobs.errors import BrokerDownError

CONNECT_SECONDS = 4.0
REPLY_SECONDS = 10.0  # above the longest time that any command here blocks
SCHEMES = ("redis", "rediss")


def connect(url: str) -> redis.Redis:
    """Return a client of the Redis at `url`, which has answered, or raise BrokerDownError."""
    check_url(url)
    try:
        client = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=REPLY_SECONDS,
            socket_keepalive=True,
            retry=Retry(ExponentialBackoff(cap=1.0, base=0.1), retries=1),
        )
    except (TypeError, ValueError) as error:
        raise _not_a_url(url) from error
    with explained(url):
        client.ping()
    return client


def check_url(url: str) -> None:
    """Raise BrokerDownError unless `url` is one of Redis with a host."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
        usable = usable and re.fullmatch(r"/?\d{0,4}", parts.path) is not None
        # Both libraries here must understand it, and Celery's knows these options only.
        usable = usable and all(name.startswith("ssl_") for name, _ in parse_qsl(parts.query))
    except ValueError:
        usable = False
    if not usable:
        raise _not_a_url(url)


def _not_a_url(url: str) -> BrokerDownError:
    return BrokerDownError(
        f"the Redis URL {without_password(url)!r} is not one; accepted: "
        f"redis://[user:password@]host:port/0, or rediss:// for TLS (?ssl_… options only)"
    )


def without_password(url: str) -> str:
    """Return the URL as it may be shown: no password in it."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url.rpartition("@")[2]
    credentials, at, place = rest.rpartition("@")
    user = credentials.partition(":")[0]
    shown = f"{user}:***@" if at and ":" in credentials else at and f"{user}@"
    return f"{scheme}://{shown}{place}"


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what redis-py raises into a BrokerDownError that says what to do."""
    place = without_password(url)
    try:
        yield
    except redis.AuthenticationError as error:
        raise BrokerDownError(
            f"Redis at {place} refuses the user or password ({error}); `farm up` prints the line "
            f"with the right one: redis://:PASSWORD@host:port/0"
        ) from error
    except redis.TimeoutError as error:
        raise BrokerDownError(
            f"Redis at {place} does not answer in time ({CONNECT_SECONDS:g} s to connect, "
            f"{REPLY_SECONDS:g} s to reply); is the host reachable from here, and the port open? "
            f"(redis:// and rediss://, which is for TLS, do not understand each other)"
        ) from error
    except redis.ConnectionError as error:
        raise BrokerDownError(
            f"Redis at {place} cannot be reached ({error}); start it (`farm up`), or name another "
            f"with --redis or FARM_REDIS_URL"
        ) from error
    except redis.RedisError as error:
        raise BrokerDownError(f"Redis at {place} answered with an error: {error}") from error
