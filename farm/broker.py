"""Broker: the farm's Redis, given by URL or started here."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from farm import redis_server
from farm.home import home
from farm.private_file import write_private
from jobs.errors import BrokerError, NoBrokerError
from jobs.folder import made
from workers.client import connect

if TYPE_CHECKING:
    import psutil

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 30.0

_children: dict[int, subprocess.Popen[bytes]] = {}  # those that this very process must reap


@dataclass(frozen=True, kw_only=True)
class Server:
    """A Redis that `farm up` started."""

    pid: int
    bind: str
    port: int
    password: str | None
    started_at: float  # seconds since the epoch; with the id, it names the process for good

    def url(self, host: str = LOOPBACK) -> str:
        """Return the URL by which `host` names this server."""
        credentials = f":{quote(self.password, safe='')}@" if self.password else ""
        shown = f"[{host}]" if ":" in host else host
        return f"redis://{credentials}{shown}:{self.port}/0"

    @property
    def local_url(self) -> str:
        """The URL for this machine itself."""
        return self.url({"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.bind, self.bind))

    @property
    def url_for_others(self) -> str | None:
        """The URL for other machines; None when the server listens to this one only."""
        if self.bind in ("0.0.0.0", "::"):
            return self.url(_address())
        return None if _is_loopback(self.bind) else self.url(self.bind)


def resolve(url: str | None) -> str:
    """Return the URL of the farm's Redis: the one given, FARM_REDIS_URL, or the one started here.

    Raises NoBrokerError when there is none.
    """
    named = url or os.environ.get("FARM_REDIS_URL")
    if named:
        return named
    server = running()
    if server is None:
        raise NoBrokerError
    return server.local_url


def running() -> Server | None:
    """Return the server that `farm up` started here, if it is still running."""
    try:
        server = Server(**json.loads(_record().read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return server if _is_running(server) else None


def start(bind: str = LOOPBACK, port: int | None = None) -> Server:
    """Start a Redis with its append-only file under the farm's home; return when it answers.

    One that runs already is returned as it is. It listens on the loopback unless `bind` says
    otherwise, and then only with a password, which is made once and kept.

    Raises BrokerError when there is no server to start, or it does not start.
    """
    with _one_at_a_time():
        return _start(bind, port)


def _start(bind: str, port: int | None) -> Server:
    server = running()
    if server is not None:
        if (bind, port or server.port) != (server.bind, server.port):
            raise BrokerError(
                f"the farm's Redis runs already, on {server.bind} port {server.port}; "
                f"type `farm down` first to start it elsewhere"
            )
        return server
    password = None if _is_loopback(bind) else _password()
    for chosen in [port] if port else redis_server.free_ports(bind):
        planned = Server(pid=0, bind=bind, port=chosen, password=password, started_at=0.0)
        try:
            process = redis_server.launch(
                _folder(), bind, chosen, password, partial(_answering, planned.local_url)
            )
        except redis_server.PortTakenError:
            continue  # somebody was faster
        started_at = _process(process.pid).create_time()
        server = replace(planned, pid=process.pid, started_at=started_at)
        write_private(_record(), json.dumps(asdict(server)))
        _children[server.pid] = process
        return server
    raise BrokerError(f"port {port} on {bind} belongs to another program; choose another")


def _answering(url: str) -> int | None:
    """Return the process id of the Redis that answers there, or None."""
    try:
        with connect(url) as client:
            return int(client.info("server")["process_id"])
    except BrokerError:
        return None


def stop() -> Server | None:
    """Stop the server that `farm up` started; return it, or None when none was running."""
    server = running()
    if server is None:
        _record().unlink(missing_ok=True)
        return None
    os.kill(server.pid, signal.SIGTERM)  # Redis saves and ends
    deadline = time.monotonic() + STOP_SECONDS
    while _is_running(server):
        if time.monotonic() > deadline:
            raise BrokerError(f"the farm's Redis (process {server.pid}) does not stop")
        time.sleep(0.05)
    if child := _children.pop(server.pid, None):
        child.wait()
    _record().unlink(missing_ok=True)
    return server


def _folder() -> Path:
    return made(home() / "redis")


def _record() -> Path:
    return _folder() / "server.json"


def _password() -> str:
    path = _folder() / "password"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text().strip()


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep two servers from being started on one append-only file."""
    with (_folder() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_loopback(bind: str) -> bool:
    return bind.startswith("127.") or bind in ("::1", "localhost")


def _address() -> str:
    """Return the address that this machine shows to its network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1: only asks which way packets would leave
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def _is_running(server: Server) -> bool:
    """Tell whether the very process that was started still runs, not a later one of its id."""
    import psutil

    try:
        process = _process(server.pid)
        same = abs(process.create_time() - server.started_at) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _process(pid: int) -> psutil.Process:
    import psutil

    return psutil.Process(pid)
