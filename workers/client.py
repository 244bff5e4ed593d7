"""A connection to the farm's Redis, and plain words for every way in which there is none."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from jobs.errors import BrokerDownError
from workers.redacted import plain, without_password

__all__ = ["WORKER", "check_url", "connect", "explained", "hardware_of", "without_password"]

FIRST_SECONDS = 3.0  # from the name of the host to the first answer, in all
CONNECT_SECONDS = 4.0
REPLY_SECONDS = 10.0  # above the longest time that any command here blocks
SCHEMES = ("redis", "rediss")
WORKER = "worker"  # the user that workers are; `worker.NAME` those of one hardware alone

# What redis-py says, and what it means. The first that fits is told.
MEANINGS = (
    (
        "not yet valid|has expired",
        "its certificate is not valid now: is the clock of this machine right?",
    ),
    (
        "IP address mismatch|Hostname mismatch|doesn't match",
        "its certificate is for another name: use a name that it has, or start it with "
        "`farm up --tls --host NAME`",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED|certificate verify failed",
        "its certificate is not trusted: name the file that `farm up --tls` wrote (--redis "
        "@worker.url), or its authority's certificate with ?ssl_ca_certs=FILE",
    ),
    (
        "(?i)wrong.version.number|unknown.protocol|record layer failure|unexpected.eof",
        "it speaks no TLS: use redis://, or start it with `farm up --tls`",
    ),
    (
        "closed by server|reset by peer|Broken pipe",
        "it hangs up: perhaps it is no Redis, or one that speaks TLS (rediss://)",
    ),
    ("loading the dataset", "it is reading its data: try again in a moment"),
    (
        "refused",
        "nobody listens there: start it (`farm up`), or name another with --redis or "
        "FARM_REDIS_URL",
    ),
)


def connect(url: str) -> redis.Redis:
    """Return a client of the Redis at `url`, which has answered, or raise BrokerDownError.

    Whatever keeps it from answering, this ends within FIRST_SECONDS.
    """
    check_url(url)
    try:
        client = redis.Redis.from_url(
            url,
            decode_responses=True,
            encoding_errors="replace",  # whatever a worker has written there, commands go on
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=REPLY_SECONDS,
            socket_keepalive=True,
            retry=Retry(ExponentialBackoff(cap=1.0, base=0.1), retries=1),
        )
    except (TypeError, ValueError) as error:
        raise _not_a_url(url) from error
    with explained(url):
        _first_answer(client)
    return client


def _first_answer(client: redis.Redis) -> None:
    """Wait for the first answer, in a thread: no option bounds the look-up of a name."""
    outcome: list[Exception | None] = []

    def ask() -> None:
        try:
            client.ping()
            outcome.append(None)
        except Exception as error:  # noqa: BLE001 - raised by the thread that waits for it
            outcome.append(error)

    thread = threading.Thread(target=ask, name="first answer", daemon=True)
    thread.start()
    thread.join(FIRST_SECONDS)
    if not outcome:
        client.connection_pool.disconnect()
        raise redis.TimeoutError(f"no answer within {FIRST_SECONDS:g} s")
    if outcome[0] is not None:
        client.connection_pool.disconnect()
        raise outcome[0]


def check_url(url: str) -> None:
    """Raise BrokerDownError unless `url` is one of Redis with a host, and its files are there."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
        usable = usable and re.fullmatch(r"/?\d{0,4}", parts.path) is not None
        options = dict(parse_qsl(parts.query))
        # Both libraries here must understand it, and Celery's knows these options only.
        usable = usable and all(name.startswith("ssl_") for name in options)
    except ValueError:
        usable = False
    if not usable:
        raise _not_a_url(url)
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        if name in options and not Path(options[name]).is_file():
            raise BrokerDownError(
                f"Redis at {without_password(url)}: there is no file {plain(options[name])}, which "
                f"the URL's {name} names; give its whole path"
            )


def _not_a_url(url: str) -> BrokerDownError:
    return BrokerDownError(
        f"the Redis URL {without_password(url)!r} is not one; accepted: "
        f"redis://[user:password@]host:port/0, or rediss:// for TLS (?ssl_… options only), or "
        f"@FILE for a file that holds it"
    )


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what redis-py raises into a BrokerDownError that says what to do."""
    place = without_password(url)
    try:
        yield
    except redis.AuthenticationError as error:
        unsaid = re.search("HELLO must be called|NOAUTH|Authentication required", str(error))
        said = "none was given" if unsaid else plain(str(error))
        raise BrokerDownError(
            f"Redis at {place} refuses the user or password ({said}); the right ones "
            f"are in the files worker.url and coordinator.url that `farm up` wrote there: --redis "
            f"@FILE, or redis://USER:PASSWORD@host:port/0"
        ) from error
    except redis.exceptions.NoPermissionError as error:
        raise BrokerDownError(_not_allowed(url, str(error))) from error
    except redis.TimeoutError as error:
        raise BrokerDownError(
            f"Redis at {place} does not answer in time; is the host reachable from here, and the "
            f"port open and a Redis's? (redis:// and rediss://, which is for TLS, do not "
            f"understand each other)"
        ) from error
    except redis.ConnectionError as error:
        said = str(error)
        meaning = next((why for pattern, why in MEANINGS if re.search(pattern, said)), None)
        remedy = meaning or "is the host's name right, and is it reachable from here?"
        raise BrokerDownError(
            f"Redis at {place} cannot be reached ({plain(said)}); {remedy}"
        ) from error
    except redis.InvalidResponse as error:
        raise _no_redis(place, error) from error
    except redis.RedisError as error:
        raise BrokerDownError(
            f"Redis at {place} answered with an error: {plain(str(error))}"
        ) from error
    except UnicodeDecodeError as error:
        raise _no_redis(place, error) from error


def hardware_of(url: str) -> str | None:
    """Return the hardware that a line is good for alone; None where it is good for any."""
    user = _user(url)
    return user.removeprefix(f"{WORKER}.") if user.startswith(f"{WORKER}.") else None


def _user(url: str) -> str:
    return unquote(urlsplit(url).username or "")


def _not_allowed(url: str, said: str) -> str:
    hardware = hardware_of(url)
    if hardware is not None or _user(url) == WORKER:
        whose = f" (of {plain(hardware)} alone)" if hardware else ""
        reading = "" if hardware else " and for reading"
        what = (
            f"this line is a worker's{whose}, for `farm worker`{reading}: Redis does not let this "
            f"user submit, retry, cancel or the like"
        )
    else:
        what = "Redis does not let this user do that"
    return (
        f"{what}; use coordinator.url, which `farm up` wrote beside worker.url (--redis "
        f"@coordinator.url). Redis at {without_password(url)} said: {plain(said)}"
    )


def _no_redis(place: str, error: Exception) -> BrokerDownError:
    return BrokerDownError(
        f"what answers at {place} is no Redis ({plain(str(error))}); is the port right?"
    )
