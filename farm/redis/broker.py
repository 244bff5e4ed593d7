"""Broker: the farm's Redis, given by URL or started here."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from farm.redis import connection_file, passwords
from farm.redis import server_program as redis_server
from farm.redis.access import COORDINATOR, WORKER, users
from farm.redis.certificate import Certificate, generated, own_names
from farm.redis.private_file import write_private
from farm.redis.server import LOOPBACK, Server
from jobs.errors import BrokerError, NoBrokerError
from workers import keys
from workers.client import connect
from workers.ledger import Ledger

if TYPE_CHECKING:
    import psutil
    import redis

__all__ = ["Server", "one_at_a_time", "resolve", "running", "start", "stop"]

STOP_SECONDS = 30.0

_children: dict[int, subprocess.Popen[bytes]] = {}  # those that this very process must reap


def resolve(url: str | None, *, worker: bool = False) -> str:
    """Return the URL of the farm's Redis: the one given, FARM_REDIS_URL, or the one started here.

    The first two may be @FILE. The one started here is named for the user `worker` on demand.

    Raises NoBrokerError when there is none, BrokerDownError when a file names none.
    """
    named = url or os.environ.get("FARM_REDIS_URL")
    if named:
        return connection_file.read(named)
    server = running()
    if server is None:
        raise NoBrokerError
    return server.url_here(WORKER if worker else COORDINATOR)


def running() -> Server | None:
    """Return the server that `farm up` started here, if it is still running."""
    try:
        server = Server(**json.loads(_record().read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if _is_running(server):
        return server
    _reap(server)
    return None


def start(
    bind: str = LOOPBACK,
    port: int | None = None,
    *,
    tls: bool = False,
    certificate: Certificate | None = None,
    host: str | None = None,
) -> Server:
    """Start a Redis with its append-only file under the farm's home; return when it answers.

    One that runs already is returned as it is. Nobody gets in without a password: two are made
    once and kept, and each hardware that was invited has one of its own. It listens on the loopback
    unless `bind` says otherwise. With `tls` it speaks nothing else, and shows the certificate
    given, or one that is made here. Other machines reach it as `host`, where that is not the
    address that it has.

    Raises BrokerError when there is no server to start, or it does not start.
    """
    with one_at_a_time():
        return _start(bind, port, tls or certificate is not None, certificate, host)


def _start(
    bind: str, port: int | None, tls: bool, certificate: Certificate | None, host: str | None
) -> Server:
    server = running()
    if server is not None:
        wanted = (bind, port or server.port, tls, host or server.host)
        if wanted != (server.bind, server.port, server.tls, server.host):
            how = "with TLS" if server.tls else "without TLS"
            raise BrokerError(
                f"the farm's Redis runs already, on {server.bind} port {server.port}, {how}; "
                f"type `farm down` first to start it otherwise"
            )
        return server
    redis_server.check_address(bind)
    binary = redis_server.find_binary()
    known = passwords.every()
    lines = users(redis_server.version_of(binary), known)
    if tls and certificate is None:
        others = [*([host] if host else []), *([] if bind in ("0.0.0.0", "::") else [bind])]
        certificate = generated(passwords.folder() / "tls", [*own_names(), *others])
    authority = certificate.authority if certificate else None
    for chosen in [port] if port else redis_server.free_ports(bind):
        planned = Server(
            pid=0,
            bind=bind,
            port=chosen,
            password=known[COORDINATOR],
            worker_password=known[WORKER],
            started_at=0.0,
            host=host,
            tls=tls,
            authority=None if authority is None else str(authority),
            own_names=certificate is None or certificate.generated,
        )
        settings = redis_server.settings(bind, chosen, lines, certificate)
        try:
            process = redis_server.launch(
                binary, passwords.folder(), settings, partial(_answering, planned.local_url)
            )
        except redis_server.PortTakenError:
            continue  # somebody was faster
        started_at = _process(process.pid).create_time()
        server = replace(planned, pid=process.pid, started_at=started_at)
        for user, password in known.items():
            server.write_line(passwords.url_file(user), user, password)
        write_private(_record(), json.dumps(asdict(server)))
        _children[server.pid] = process
        with connect(server.local_url) as client:  # its data may be gone, or another farm's
            for hardware in passwords.invited_here():
                make_known(client, hardware)
        return server
    raise BrokerError(f"port {port} on {bind} belongs to another program; choose another")


def make_known(client: redis.Redis, hardware: str) -> None:
    """Have Redis know a hardware that was invited: its workers may not say so themselves.

    Until now its own word counted: what it joined by that stays its.
    """
    client.sadd(keys.HARDWARE, hardware)
    if client.hexists(keys.INVITED, hardware):
        return
    ledger = Ledger(client)
    joined = (ledger.columns(run).get(hardware, ()) for run in ledger.runs())
    tags = {hardware, *(tag for of_run in joined for tag in of_run)}
    client.hsetnx(keys.INVITED, hardware, json.dumps(sorted(tags)))


def _answering(url: str) -> int | None:
    """Return the process id of the Redis that answers there, or None.

    Raises BrokerError when its certificate will never do.
    """
    try:
        with connect(url) as client:
            return int(client.info("server")["process_id"])
    except BrokerError as error:
        if "certificate is not trusted" in str(error):
            raise
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
    _reap(server)
    _record().unlink(missing_ok=True)
    return server


def _reap(server: Server) -> None:
    """Let a server that has ended be no more, if this process has started it."""
    if child := _children.pop(server.pid, None):
        child.wait()


def _record() -> Path:
    return passwords.folder() / "server.json"


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Keep two servers from being started on one append-only file.

    And keep one from being told of users who are being let in or thrown out just now.
    """
    with (passwords.folder() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
