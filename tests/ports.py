"""Ports that answer otherwise than a Redis does, and one that puts TLS before a Redis."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from farm.redis.certificate import Certificate
from farm.redis.server import Server

Handler = Callable[[socket.socket], None]


@contextlib.contextmanager
def listening(handle: Handler) -> Iterator[int]:
    """Yield a port of the loopback; every connection to it is given to the handler, in a thread."""
    opened: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            handle(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                opened.append(connection)
                thread = threading.Thread(target=serve, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            for each in (listener, *opened):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(10)


def free() -> int:
    """Return a port of the loopback on which nobody listens, and no farm will by itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def silent(connection: socket.socket) -> None:
    """Say nothing until the other side hangs up."""
    while connection.recv(4096):
        pass


def web_server(connection: socket.socket) -> None:
    """Answer as a web server does to what it does not understand."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def loading(connection: socket.socket) -> None:
    """Answer as a Redis does that has just been started."""
    while connection.recv(4096):
        connection.sendall(b"-LOADING Redis is loading the dataset in memory\r\n")


def rude(connection: socket.socket) -> None:
    """Answer with an error that would clear the reader's screen, and is no UTF-8."""
    connection.recv(4096)
    connection.sendall(b"-ERR \x1b[2J\x07 \xff\xfe" + b"x" * 5000 + b"\r\n")


def tls_before(port: int, certificate: Certificate) -> Handler:
    """Return a handler that speaks TLS to whoever comes, and plainly to the Redis on the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key)

    def handle(connection: socket.socket) -> None:
        with (
            context.wrap_socket(connection, server_side=True) as inside,
            socket.create_connection(("127.0.0.1", port)) as redis,
        ):
            back = threading.Thread(target=_copy, args=(redis, inside), daemon=True)
            back.start()
            _copy(inside, redis)
            back.join(10)

    return handle


@contextlib.contextmanager
def encrypting(server: Server, certificate: Certificate) -> Iterator[Server]:
    """Yield the server as whoever comes to it by TLS sees it."""
    with listening(tls_before(server.port, certificate)) as port:
        yield replace(server, port=port, tls=True, authority=str(certificate.authority))


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
