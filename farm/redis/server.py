"""Server: the Redis that `farm up` started, and the lines by which it is reached."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from farm.redis import connection_file
from farm.redis.access import COORDINATOR, WORKER

LOOPBACK = "127.0.0.1"
EVERYWHERE = {"0.0.0.0": LOOPBACK, "::": "::1"}  # and how this machine itself reaches it


@dataclass(frozen=True, kw_only=True)
class Server:
    """A Redis that `farm up` started; its record is a private file, since it holds passwords."""

    pid: int
    bind: str
    port: int
    password: str | None  # of the user `coordinator`
    started_at: float  # seconds since the epoch; with the id, it names the process for good
    worker_password: str | None = None
    host: str | None = None  # by which other machines reach it; None: the address that it has
    tls: bool = False
    authority: str | None = None  # a PEM file: who vouches for it; None: one that all trust
    own_names: bool = True  # its certificate names this machine's own addresses

    def url(
        self, host: str = LOOPBACK, user: str = COORDINATOR, password: str | None = None
    ) -> str:
        """Return the URL by which the user on another machine names this server.

        The passwords of `coordinator` and `worker` it knows.
        """
        password = password or (self.worker_password if user == WORKER else self.password)
        # One that an earlier version started, and that runs still, knows no users.
        name = user if self.worker_password else ""
        credentials = f"{quote(name, safe='')}:{quote(password, safe='')}@" if password else ""
        shown = f"[{host}]" if ":" in host else host
        if not self.tls:
            return f"redis://{credentials}{shown}:{self.port}/0"
        return f"rediss://{credentials}{shown}:{self.port}/0?ssl_cert_reqs=required"

    def url_here(self, user: str = COORDINATOR) -> str:
        """Return the URL for this machine itself."""
        url = self.url(EVERYWHERE.get(self.bind, self.bind), user)
        if self.authority is not None:
            url += f"&ssl_ca_certs={quote(self.authority)}"
        return url if self.own_names else f"{url}&ssl_check_hostname=false"

    @property
    def local_url(self) -> str:
        """The URL for this machine itself, with which everything may be done."""
        return self.url_here()

    @property
    def listens_beyond(self) -> bool:
        """Whether other machines can reach it."""
        return not (self.bind.startswith("127.") or self.bind in ("::1", "localhost"))

    @property
    def host_for_others(self) -> str:
        """The name or address by which other machines, or a tunnel's end here, reach it."""
        if self.host is not None:
            return self.host
        return _address(self.bind) if self.bind in EVERYWHERE else self.bind

    @property
    def url_for_others(self) -> str | None:
        """The URL for workers elsewhere; None when the server listens to this machine only."""
        return self.url(self.host_for_others, WORKER) if self.listens_beyond else None

    def write_line(self, file: Path, user: str, password: str | None = None) -> None:
        """Write what another machine needs to reach this server as that user, a private file."""
        authority = None if self.authority is None else Path(self.authority)
        line = self.url(self.host_for_others, user, password)
        connection_file.write(file, line, connection_file.about(user), authority)


def _address(bind: str) -> str:
    """Return the address that this machine shows to its network; nothing is sent."""
    # TEST-NET-1 and its like of IPv6: only asks which way packets would leave.
    family, elsewhere = (
        (socket.AF_INET6, "2001:db8::1") if bind == "::" else (socket.AF_INET, "192.0.2.1")
    )
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()
