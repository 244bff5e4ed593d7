"""TcpProxy: a wire between a client and a server of this machine that can be cut and bent."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Literal

CHUNK_BYTES = 65_536

Loss = Literal[
    "request",  # the first half of the request arrives, and then the connection is reset
    "reply",  # the request arrives, its reply does not, and the connection is reset
]


class TcpProxy:
    """Listens on the loopback and passes everything on to a port there; a context manager."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self._open = True  # for new connections
        self._armed: tuple[bytes, Loss] | None = None
        self.lost = threading.Event()  # what was armed has happened

    def __enter__(self) -> TcpProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()
        self._flowing.set()

    def stall(self) -> None:
        """Pass nothing on, and close nothing: as a network that lost its way."""
        self._flowing.clear()

    def flow(self) -> None:
        """Pass everything on again, what waited first."""
        self._flowing.set()

    def reset(self) -> None:
        """Reset every connection; new ones are passed on."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                _reset(end)

    def cut(self) -> None:
        """Reset every connection, and new ones too."""
        self._open = False
        self.reset()

    def mend(self) -> None:
        """Pass new connections on again."""
        self._open = True

    def lose(self, pattern: bytes, what: Loss) -> None:
        """Lose the next request that has the pattern in it, or its reply."""
        self.lost.clear()
        self._armed = (pattern, what)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if not self._open:
                    raise OSError
                server = socket.create_connection(self._target, timeout=5)
                server.settimeout(None)
            except OSError:
                _reset(client)
                continue
            with self._lock:
                self._pairs.append((client, server))
            muted = threading.Event()
            for pump in (self._ask, self._answer):
                threading.Thread(target=pump, args=(client, server, muted), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, muted: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK_BYTES):
                self._flowing.wait()
                what = None
                with self._lock:
                    if self._armed is not None and self._armed[0] in data:
                        (_, what), self._armed = self._armed, None
                if what == "reply":
                    muted.set()
                server.sendall(data[: len(data) // 2] if what == "request" else data)
                if what == "request":
                    break
        self._end(client, server)

    def _answer(self, client: socket.socket, server: socket.socket, muted: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(CHUNK_BYTES):
                self._flowing.wait()
                if muted.is_set():
                    break
                client.sendall(data)
        self._end(client, server)

    def _end(self, client: socket.socket, server: socket.socket) -> None:
        with self._lock:
            if (client, server) in self._pairs:
                self._pairs.remove((client, server))
        _reset(client)
        _reset(server)
        if self._armed is None:
            self.lost.set()


def _reset(end: socket.socket) -> None:
    """Close a connection so that the other side sees a reset, not an end."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
    with contextlib.suppress(OSError):
        end.close()
